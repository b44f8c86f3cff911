// What can be loaded, what cannot, and where the machine ends.
import { describe, expect, it } from 'vitest';
import { PrintkitError } from '../../src/errors.ts';
import { Machine } from '../../src/machine/machine.ts';
import type { MachineImage } from '../../src/machine/machine.ts';
import { guest, RAM } from './guest.ts';

const segment = (address: number, size: number, memoryBytes = size) => ({
  address,
  bytes: new Uint8Array(size).fill(0x13),
  memoryBytes,
});
const load = (image: Partial<MachineImage>) => () =>
  new Machine({ harts: 1, memoryBytes: 1 << 20 }).load({ entry: RAM, segments: [], ...image });

describe('an image', () => {
  it.each([
    [
      'below RAM',
      { segments: [segment(0x10000, 4)] },
      /segment at 0x10000 \(4 bytes\) lies outside of RAM/,
    ],
    ['across the end of RAM', { segments: [segment(RAM + 0xffffe, 4)] }, /outside of RAM/],
    ['with zeros beyond RAM', { segments: [segment(RAM, 4, 1 << 21)] }, /outside of RAM/],
    [
      'with overlapping segments',
      { segments: [segment(RAM, 8), segment(RAM + 4, 8)] },
      /overlaps the segment at 0x80000000/,
    ],
    [
      'over the device tree',
      { segments: [segment(RAM + 0xff000, 4096)] },
      /overlaps the device tree/,
    ],
    ['with an entry outside', { entry: 0x1000 }, /entry point 0x1000 lies outside/],
    ['with an odd entry', { entry: RAM + 1 }, /odd/],
    ['with tohost outside', { tohost: 0x1000 }, /tohost at 0x1000/],
  ] as [string, Partial<MachineImage>, RegExp][])(
    '%s is refused in one line',
    (_name, image, message) => {
      expect(load(image)).toThrow(PrintkitError);
      expect(load(image)).toThrow(message);
      try {
        load(image)();
      } catch (error) {
        expect(String(error)).not.toContain('\n');
      }
    },
  );

  it('machine options out of range are refused', () => {
    expect(() => new Machine({ harts: 0 })).toThrow(
      /number of harts must be an integer from 1 to 32, not 0/,
    );
    expect(() => new Machine({ harts: 33 })).toThrow(PrintkitError);
    expect(() => new Machine({ memoryBytes: 100 })).toThrow(PrintkitError);
    expect(() => new Machine({ memoryBytes: 65537 })).toThrow(PrintkitError);
    expect(() => new Machine({ uarts: [{}, {}, {}, {}, {}] })).toThrow(PrintkitError);
  });

  it('memory up to 2 GiB costs nothing until it is used', () => {
    const machine = new Machine({ harts: 32, memoryBytes: 1 << 30 });
    machine.load({ entry: RAM, segments: [segment(RAM, 4)] });
    machine.writeMemory(RAM + (1 << 29), Uint8Array.of(1));
    expect(machine.readMemory(RAM + (1 << 29), 2)).toEqual(Uint8Array.of(1, 0));
  });

  it('starts with a0 = hart id and a1 = a device tree', () => {
    const g = guest('wfi', { harts: 2 });
    const dtb = g.machine.harts[1].x[11] >>> 0;
    expect(g.machine.harts[1].x[10]).toBe(1);
    expect(g.machine.readMemory(dtb, 4)).toEqual(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed));
  });
});

describe('the end of a guest', () => {
  it('finisher: pass, fail with a code, reset', () => {
    const finish = (value: string) =>
      guest(`li t0, FINISHER\nli t1, ${value}\nsw t1, 0(t0)\nj .`).run();
    expect(finish('0x5555')).toEqual({ kind: 'exit', code: 0 });
    expect(finish('0x002a3333')).toEqual({ kind: 'exit', code: 42 });
    expect(finish('0x7777')).toEqual({ kind: 'reboot' });
    expect(finish('0x1234')).toEqual({ kind: 'time' });
  });

  it('HTIF: an odd value in tohost', () => {
    const tohost = (value: number) =>
      guest(
        `la t0, tohost\nli t1, ${value}\nsw t1, 0(t0)\nsw zero, 4(t0)\nj .\n.data\n.balign 8\n.globl tohost\ntohost: .word 0, 0`,
      ).run();
    expect(tohost(1)).toEqual({ kind: 'exit', code: 0 });
    expect(tohost(11)).toEqual({ kind: 'exit', code: 5 });
    expect(tohost(2)).toEqual({ kind: 'time' });
  });

  it('stops right there, and stays stopped until a reset', () => {
    const g = guest('li t0, FINISHER\nli t1, 0x5555\nsw t1, 0(t0)\nli s0, 1\nj .');
    g.run();
    expect(g.machine.harts[0].x[8]).toBe(0);
    expect(g.machine.run(1e9)).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.step(g.machine.harts[0])).toBe(false);
    g.machine.reset();
    expect(g.machine.now).toBe(0);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  });

  it('an instruction limit is kept exactly', () => {
    const g = guest('1: addi s0, s0, 1\naddi s1, s1, 1\nj 1b', { harts: 3 });
    expect(g.machine.run(1e9, { maxInstructions: 10_001 })).toEqual({ kind: 'limit' });
    expect(g.machine.instret).toBe(10_001);
  });

  it('a reset loads the image again', () => {
    const g = guest('la t0, v\nlw a0, 0(t0)\nsw zero, 0(t0)\nexit_a0\n.data\nv: .word 6');
    expect(g.run()).toEqual({ kind: 'exit', code: 6 });
    g.machine.reset();
    expect(g.run()).toEqual({ kind: 'exit', code: 6 });
  });
});
