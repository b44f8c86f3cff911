// What became of messages on their way from the log to the wire: whether each one is there once, whole, and
// in the log's order. Pure: from records and lines. A message that nobody has stored is not known here.

import { formatRecord } from '../debug/dmesg/format.ts';
import type { LogRecord } from '../debug/dmesg/log-record.ts';

export type Fault = 'lost' | 'torn' | 'duplicated' | 'reordered';

export interface MessageFault {
  readonly fault: Fault;
  /** The message, without its time, or what is known of it. */
  readonly text: string;
}

/** A console that was interrupted in the middle of a message says this, and then the message again. */
const REPLAY = '** replaying previous printk message **';
/** A console says this when it comes to a message that is in the log no more. */
const DROPPED = /\*\* \d+ printk messages? dropped \*\*$/;
const STAMP = /\[ *\d+\.\d{6}\]/;
/** So much of the beginning of a line tells that it is this one: its time stamp, and some letters. */
const HEAD_CHARS = 20;

/**
 * The first thing that is wrong, if there is one.
 * @param records those that have to be on the wire, in the log's order
 * @param lines on the wire; an unfinished one counts
 * @param copies consoles that print on this wire, each of which prints every message; the order is that
 *   of one console, and is not looked at if there are more
 */
export function messageFault(
  records: readonly LogRecord[],
  lines: readonly string[],
  copies: number,
): MessageFault | undefined {
  const dropped = lines.flatMap((line) => DROPPED.exec(line)?.[0] ?? []).at(0);
  if (dropped !== undefined) return { fault: 'lost', text: dropped };
  const isTimed = lines.some((line) => STAMP.test(line));
  const messages = records.map((record) => messageOf(record, isTimed));
  let last = -1;
  for (const { text, lines: forms } of messages) {
    const places = forms.map((each) => placesOf(each, lines));
    const missing = places.findIndex((each) => each.length === 0);
    if (missing >= 0) {
      const isThere = forms[missing]?.some((form) => hasBeginning(form, lines));
      return { fault: isThere === true || places.some(isFound) ? 'torn' : 'lost', text };
    }
    const [found = []] = places;
    const replays = found.filter((place) => lines[place - 1]?.endsWith(REPLAY)).length;
    const equal = messages.filter((other) => other.lines[0]?.[0] === forms[0]?.[0]).length;
    if (found.length - replays > copies * equal) return { fault: 'duplicated', text };
    const place = found.at(-1) ?? -1;
    if (copies === 1 && equal === 1) {
      if (place < last) return { fault: 'reordered', text };
      last = place;
    }
  }
  return undefined;
}

interface Message {
  readonly text: string;
  /** What each of its lines may look like on the wire. */
  readonly lines: readonly (readonly string[])[];
}

function messageOf(record: LogRecord, isTimed: boolean): Message {
  const texts = formatRecord(record, { notime: true });
  const text = texts.join(' ');
  if (!isTimed) return { text, lines: texts.map((line) => [line]) };
  const plain = formatRecord(record);
  const withCaller = formatRecord(record, { caller: true });
  const lines = plain.map((line, i) => [line, withCaller[i] ?? line]);
  return { text, lines };
}

/** What a terminal has left unfinished may stand in front of a message. */
function placesOf(forms: readonly string[], lines: readonly string[]): number[] {
  return [...lines.keys()].filter((i) => forms.some((form) => lines[i]?.endsWith(form)));
}

const isFound = (places: readonly number[]): boolean => places.length > 0;

function hasBeginning(form: string, lines: readonly string[]): boolean {
  const head = form.slice(0, HEAD_CHARS);
  return lines.some((line) => line.includes(head));
}
