// Boot parameters: the kernel command line.

import { beforeAll, expect, it } from 'vitest';
import { guest, type Guest } from './harness.ts';

let firmware: Guest;
beforeAll(async () => {
  firmware = await guest(`
    import { param_bool, param_is, param_present, param_u32 } from './init/params';
    import { memparse } from './lib/string';
    import { boot_command_line } from './arch/fdt';
    import { strscpy } from './lib/string';
    export function set(p: usize): void { strscpy(boot_command_line, p, 1024); }
    export function present(n: usize): u32 { return param_present(changetype<string>(n)) ? 1 : 0; }
    export function is(n: usize, v: usize): u32 { return param_is(changetype<string>(n), changetype<string>(v)) ? 1 : 0; }
    export function bool(n: usize, d: u32): u32 { return param_bool(changetype<string>(n), d != 0) ? 1 : 0; }
    export function bytes(p: usize): u32 { return memparse(p); }
    export function number(n: usize, d: u32): u32 { return param_u32(changetype<string>(n), d); }
  `);
});

const set = (line: string): number => firmware.call('set', firmware.bytes(line));

it('finds whole words only', () => {
  set('quiet loglevel=4  bench.harts=all');
  expect(firmware.call('present', 'quiet')).toBe(1);
  expect(firmware.call('present', 'loglevel')).toBe(1);
  expect(firmware.call('present', 'log')).toBe(0);
  expect(firmware.call('present', 'bench')).toBe(0);
  expect(firmware.call('is', 'bench.harts', 'all')).toBe(1);
  expect(firmware.call('is', 'bench.harts', 'al')).toBe(0);
});

it('reads numbers, decimal and hexadecimal, and falls back if there is none', () => {
  set('a=12 b=0x1F c= d e=x');
  expect(firmware.call('number', 'a', 7)).toBe(12);
  expect(firmware.call('number', 'b', 7)).toBe(31);
  for (const name of ['c', 'd', 'e', 'f']) expect(firmware.call('number', name, 7)).toBe(7);
});

it('takes - for _ in a name, but not in a value', () => {
  set('log-buf-len=4K panic_on-oops=1 nmi_watchdog=a-b');
  expect(firmware.call('present', 'log_buf_len')).toBe(1);
  expect(firmware.call('is', 'panic_on_oops', '1')).toBe(1);
  expect(firmware.call('is', 'nmi_watchdog', 'a_b')).toBe(0);
});

it('reads what is on or off as kstrtobool() does', () => {
  set('a b=1 c=Y d=on e=true f=0 g=No h=off i= j=x k=oh');
  const bools = (otherwise: number): string =>
    [...'abcdefghijkl'].map((name) => firmware.call('bool', name, otherwise)).join('');
  // Nothing behind the =, nonsense, and what is not there: as it is without.
  expect(bools(0)).toBe('111110000000');
  expect(bools(1)).toBe('111110001111');
});

it('reads sizes, and knows when one is too large', () => {
  const bytes = (text: string): number => firmware.call('bytes', firmware.bytes(text)) >>> 0;
  expect(['5', '4K', '0x10k', '2M', '3G'].map(bytes)).toEqual([
    5,
    4096,
    16 * 1024,
    2 << 20,
    3 * 1024 ** 3,
  ]);
  for (const text of ['4G', '4294967296', '4294968320', '99999999999K', '0x100000400']) {
    expect(bytes(text)).toBe(0xffffffff);
  }
});

it('lets the last of several win', () => {
  set('loglevel=4 loglevel=7');
  expect(firmware.call('number', 'loglevel', 0)).toBe(7);
});

it('takes an empty line', () => {
  set('');
  expect(firmware.call('present', 'quiet')).toBe(0);
});
