import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatSize,
  parseCount,
  parseEscapeKey,
  parseNumbered,
  parseSize,
} from '../../src/cli/options.ts';
import { PrintkitError } from '../../src/errors.ts';

const MIB = 1024 * 1024;
const memory = (text: string) => parseSize('--memory', text, MIB, MIB, 2048 * MIB);

describe('sizes', () => {
  it.each([
    ['64M', 64 * MIB],
    ['64', 64 * MIB],
    ['1g', 1024 * MIB],
    ['2048K', 2 * MIB],
    ['64MiB', 64 * MIB],
    ['64mb', 64 * MIB],
  ])('%s', (text, bytes) => {
    expect(memory(text)).toBe(bytes);
  });

  it.each(['1X', '', 'M', '-1M', '1.5M', '0', '3G', '1 M', '99999999999999999999M'])(
    'refuses "%s" by name',
    (text) => {
      expect(() => memory(text)).toThrow(PrintkitError);
      expect(() => memory(text)).toThrow(`--memory: "${text}" is not a size`);
    },
  );

  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (bytes) => {
        expect(parseSize('x', formatSize(bytes), 1, 0, 2 ** 41)).toBe(bytes);
      }),
    );
  });
});

describe('counts', () => {
  it('takes decimal and hexadecimal numbers within the limits', () => {
    expect(parseCount('--smp', '1', 1, 32)).toBe(1);
    expect(parseCount('--smp', '0x20', 1, 32)).toBe(32);
  });

  it.each(['0', '33', '', '-1', '4.0', '1e1', 'four', ' 4'])('refuses "%s"', (text) => {
    expect(() => parseCount('--smp', text, 1, 32)).toThrow(
      `--smp: "${text}" is not a whole number from 1 to 32`,
    );
  });
});

describe('escape key', () => {
  it.each([
    ['^A', 1],
    ['ctrl-b', 2],
    ['C-]', 29],
    ['z', 26],
    ['none', undefined],
  ])('%s', (text, code) => {
    expect(parseEscapeKey('--escape', text)).toBe(code);
  });

  it.each(['', '??', '^', '^AB', '1'])('refuses "%s"', (text) => {
    expect(() => parseEscapeKey('--escape', text)).toThrow(PrintkitError);
  });
});

it('splits the serial number off', () => {
  expect(parseNumbered('2=a=b')).toEqual({ index: 2, value: 'a=b' });
  expect(parseNumbered('file')).toEqual({ index: 0, value: 'file' });
});
