// vsnprintf() of the firmware against what C's printf() does.

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { guest, type Guest } from './harness.ts';

let firmware: Guest;
let buffer: number;
const BUFFER_BYTES = 300;

beforeAll(async () => {
  firmware = await guest(`
    import { vsnprintf } from './lib/format';
    export function format(b: usize, n: u32, f: usize, a0: usize, a1: usize, a2: usize, a3: usize): u32 {
      return vsnprintf(b, n, changetype<string>(f), a0, a1, a2, a3, 0, 0, 0, 0);
    }`);
  buffer = firmware.bytes(new Uint8Array(BUFFER_BYTES));
});

function format(fmt: string, ...values: (number | string)[]): string {
  const rest = [...values, 0, 0, 0, 0].slice(0, 4);
  const length = firmware.call('format', buffer, BUFFER_BYTES, fmt, ...rest);
  return firmware.read(buffer, length);
}

/** The two words of a 64-bit value. */
const words = (value: bigint): [number, number] => [
  Number(BigInt.asIntN(32, value)),
  Number(BigInt.asIntN(32, value >> 32n)),
];

describe('conversions', () => {
  it.each<[string, string, ...(number | string)[]]>([
    ['plain', 'plain'],
    ['100%', '100%%'],
    ['-5 5', '%d %i', -5, 5],
    ['4294967295', '%u', -1],
    ['-2147483648', '%d', -0x8000_0000],
    ['ffffffff FFFF', '%x %X', -1, 0xffff],
    ['777', '%o', 0o777],
    ['0x1f 017 31', '%#x %#o %#u', 31, 15, 31],
    ['A', '%c', 65],
    ['[  A][A  ]', '[%3c][%-3c]', 65, 65],
    ['[   42][42   ][00042]', '[%5d][%-5d][%05d]', 42, 42, 42],
    ['[-0042][  -42]', '[%05d][%5d]', -42, -42],
    ['[+42][ 42]', '[%+d][% d]', 42, 42],
    ['[  007][0x0a]', '[%5.3d][%#04x]', 7, 10],
    ['[text][  text][text  ][te]', '[%s][%6s][%-6s][%.2s]', 'text', 'text', 'text', 'text'],
    ['(null) (null)', '%s %S', 0, 0],
    ['00000000 8000abcd', '%p %p', 0, 0x8000_abcd],
    ['[    7][7    ]', '[%*d][%*d]', 5, 7, -5, 7],
    ['[ab]', '[%.*s]', 2, 'abcd'],
    ['12 34', '%ld %hd', 12, 34],
    ['%y', '%y', 1],
    ['%', '%%'],
    ['', '%'],
    ['0', '%d', 0],
    ['é?', '%c?', 0xe9],
  ])('%j is what %j prints', (expected, fmt, ...values) => {
    expect(format(fmt, ...values)).toBe(expected);
  });

  it('prints C strings with %S', () => {
    expect(
      format(
        '<%S|%8S|%.3S>',
        firmware.bytes('one'),
        firmware.bytes('two'),
        firmware.bytes('three'),
      ),
    ).toBe('<one|     two|thr>');
  });

  it('takes 64-bit values as two words, and the arguments after them', () => {
    expect(format('%llu %d', ...words(0xffff_ffff_ffff_ffffn), 7)).toBe('18446744073709551615 7');
    expect(format('%lld', ...words(-9_223_372_036_854_775_808n))).toBe('-9223372036854775808');
    expect(format('%016llx|', ...words(0x12_3456_789a_bcden))).toBe('00123456789abcde|');
  });
});

it('agrees with a reference for any number, width and flags', () => {
  const conversion = fc.record({
    value: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    left: fc.boolean(),
    zero: fc.boolean(),
    width: fc.integer({ min: 0, max: 30 }),
    type: fc.constantFrom('d', 'u', 'x', 'X', 'o'),
  });
  fc.assert(
    fc.property(conversion, ({ value, left, zero, width, type }) => {
      const fmt = `%${left ? '-' : ''}${zero ? '0' : ''}${width || ''}ll${type}`;
      const negative = type === 'd' && value < 0n;
      const magnitude = type === 'd' ? (negative ? -value : value) : BigInt.asUintN(64, value);
      let digits = magnitude.toString(type === 'o' ? 8 : type.toLowerCase() === 'x' ? 16 : 10);
      if (type === 'X') digits = digits.toUpperCase();
      const sign = negative ? '-' : '';
      let expected = sign + digits;
      if (left) expected = expected.padEnd(width);
      else if (zero) expected = sign + digits.padStart(width - sign.length, '0');
      else expected = expected.padStart(width);
      expect(format(fmt, ...words(value))).toBe(expected);
    }),
  );
});

it('never writes past the buffer and returns the length that it would have needed', () => {
  for (let size = 0; size <= 20; size++) {
    for (let i = 0; i < 40; i++) firmware.view.setUint8(buffer + i, 0x7e);
    expect(firmware.call('format', buffer, size, 'ab%6dcd%-4s!', -42, 'xy', 0, 0)).toBe(15);
    expect(firmware.read(buffer, 40)).toBe('ab   -42cdxy  !'.slice(0, size).padEnd(40, '~'));
  }
});
