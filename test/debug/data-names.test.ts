// Names of what instructions access: variables with symbols, registers, stacks, and what is behind a label.

import { describe, expect, it } from 'vitest';
import { DataNames } from '../../src/debug/data-names.ts';
import { program } from '../explore/programs.ts';
import { symbolizerOf } from '../explore/reporting.ts';

describe('names of addresses', () => {
  const guest = program(['nop', 'nop'], { rest: '.data\n flag: .zero 128\n last: .word 0' });
  const names = new DataNames(guest.machine, symbolizerOf(guest));

  it('are symbols with the distance from them, but not far behind a label', () => {
    const flag = guest.at('flag');
    expect(names.nameOf(flag)).toBe('flag');
    expect(names.nameOf(flag + 4)).toBe('flag+0x4');
    expect(names.nameOf(flag + 64)).toBe(`0x${(flag + 64).toString(16)}`);
    expect(names.nameOf(guest.at('last'))).toBe('last');
  });

  it('are stacks of harts', () => {
    guest.machine.harts[1].x[2] = 0x8008_0000 | 0;
    expect(names.nameOf(0x8008_0010)).toBe("hart 1's stack");
    expect(names.nameOf(0x8007_fff0)).toBe('0x8007fff0');
  });

  it('are registers of devices, as they are read or written', () => {
    const UART = 0x1000_0000;
    expect(names.registerOf(UART, false)).toBe('uart0 RBR');
    expect(names.registerOf(UART, true)).toBe('uart0 THR');
    expect(names.registerOf(UART + 5, false)).toBe('uart0 LSR');
    guest.machine.uarts[0].write(3, 1, 0x80);
    expect(names.registerOf(UART, true)).toBe('uart0 DLL');
    expect(names.registerOf(UART + 5, false)).toBe('uart0 LSR');
    expect(names.registerOf(0x200_0004, true)).toBe('msip of hart 1');
    expect(names.registerOf(0x200_4008, true)).toBe('mtimecmp of hart 1');
    expect(names.registerOf(0x8000_0000, true)).toBeUndefined();
  });

  it('tell what a pointer points to', () => {
    expect(names.targetOf(guest.at('last'))).toBe('last');
    expect(names.targetOf(7)).toBeUndefined();
  });
});
