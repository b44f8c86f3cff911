// What the values of options may look like. Each parser takes the text that the user wrote and
// throws a PrintkitError which names the option, the text and what would have been right.

import { PrintkitError } from '../errors.ts';

function bad(option: string, text: string, expected: string): PrintkitError {
  return new PrintkitError(`${option}: "${text}" is not ${expected}`);
}

/** A whole number in decimal or 0x notation between two limits. */
export function parseCount(option: string, text: string, min: number, max: number): number {
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} up` : `from ${min} to ${max}`;
    throw bad(option, text, `a whole number ${range}`);
  }
  return value;
}

const SIZE_UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A size in bytes: a number with K, M or G; a plain number takes `plainUnit` bytes. */
export function parseSize(
  option: string,
  text: string,
  plainUnit: number,
  min: number,
  max: number,
): number {
  const match = /^(\d+)(?:([kmg])(?:i?b)?)?$/i.exec(text);
  const unit = match?.[2] === undefined ? plainUnit : (SIZE_UNITS[match[2].toLowerCase()] ?? NaN);
  const bytes = match === null ? NaN : Number(match[1]) * unit;
  if (!Number.isSafeInteger(bytes)) throw bad(option, text, 'a size such as 64M or 512K');
  if (bytes < min || bytes > max) {
    throw bad(option, text, `a size from ${formatSize(min)} to ${formatSize(max)}`);
  }
  return bytes;
}

export function formatSize(bytes: number): string {
  const unit = Object.entries(SIZE_UNITS)
    .reverse()
    .find(([, size]) => bytes >= size && bytes % size === 0);
  return unit === undefined ? `${bytes}` : `${bytes / unit[1]}${unit[0].toUpperCase()}`;
}

/** A control key: `^A`, `ctrl-a`, `C-a`, a letter; `none` gives undefined. */
export function parseEscapeKey(option: string, text: string): number | undefined {
  if (text === 'none') return undefined;
  const match = /^(?:(?:\^|ctrl-|c-)([a-z\]\\^_])|([a-z]))$/i.exec(text);
  const letter = match?.[1] ?? match?.[2];
  if (letter === undefined) throw bad(option, text, 'a control key such as ^A, or none');
  return letter.toUpperCase().charCodeAt(0) & 0x1f;
}

/** `N=value` or `value`, where N is the number of a serial port (0 if not given). */
export function parseNumbered(text: string): { index: number; value: string } {
  const match = /^([0-9])=(.+)$/.exec(text);
  return match === null ? { index: 0, value: text } : { index: Number(match[1]), value: match[2] };
}
