// Boot parameters: the kernel command line.

import { beforeAll, expect, it } from 'vitest';
import { guest, type Guest } from './harness.ts';

let firmware: Guest;
beforeAll(async () => {
  firmware = await guest(`
    import { param_is, param_present, param_u32 } from './init/params';
    import { boot_command_line } from './arch/fdt';
    import { strscpy } from './lib/string';
    export function set(p: usize): void { strscpy(boot_command_line, p, 1024); }
    export function present(n: usize): u32 { return param_present(changetype<string>(n)) ? 1 : 0; }
    export function is(n: usize, v: usize): u32 { return param_is(changetype<string>(n), changetype<string>(v)) ? 1 : 0; }
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

it('lets the last of several win', () => {
  set('loglevel=4 loglevel=7');
  expect(firmware.call('number', 'loglevel', 0)).toBe(7);
});

it('takes an empty line', () => {
  set('');
  expect(firmware.call('present', 'quiet')).toBe(0);
});
