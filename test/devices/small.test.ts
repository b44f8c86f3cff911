// Test finisher and NMI controller, register by register.
import { describe, expect, it } from 'vitest';
import { NmiController } from '../../devices/nmi/index.ts';
import { TestFinisher } from '../../devices/test-finisher/index.ts';

describe('test finisher', () => {
  const calls: unknown[] = [];
  const finisher = new TestFinisher({
    exit: (code) => calls.push(code),
    reboot: () => calls.push('reboot'),
  });
  it.each([
    [0, 4, 0x5555, [0]],
    [0, 4, 0x00073333, [7]],
    [0, 4, 0xffff3333, [65535]],
    [0, 4, 0x7777, ['reboot']],
    [0, 2, 0x5555, [0]],
    [0, 1, 0x55, []],
    [4, 4, 0x5555, []],
    [0, 4, 0, []],
  ] as const)('offset %i, %i bytes, 0x%x', (offset, bytes, value, expected) => {
    calls.length = 0;
    finisher.write(offset, bytes, value);
    expect(calls).toEqual(expected);
    expect(finisher.read(offset, bytes)).toBe(0);
  });
});

describe('NMI controller', () => {
  it('latches until acknowledged, merges, and delivers only with a vector', () => {
    const notified: number[] = [];
    const nmi = new NmiController(3, (hart) => notified.push(hart));
    nmi.raise(1, 5);
    nmi.raise(1, 6);
    expect([nmi.deliverable(1), nmi.read(0x104, 4), nmi.read(0x100, 4)]).toEqual([false, 1, 0]);
    nmi.write(0, 4, 0x80000101);
    expect(nmi.read(0, 4)).toBe(0x80000100);
    expect(notified).toEqual([1]);
    expect(nmi.deliverable(1)).toBe(true);
    const copy = new NmiController(3, () => undefined);
    copy.restore(structuredClone(nmi.save()));
    expect([copy.acknowledge(1), copy.deliverable(1)]).toEqual([5, false]);
    expect([nmi.acknowledge(1), nmi.deliverable(1), nmi.raised]).toEqual([5, false, 2]);
    nmi.write(0x108, 4, 0xffffffff);
    expect(notified).toEqual([1, 2]);
    expect(nmi.acknowledge(2)).toBe(0x7fffffff);
  });

  it('ignores harts that do not exist and narrow writes', () => {
    const nmi = new NmiController(1, () => undefined);
    nmi.write(0x104, 4, 1);
    nmi.write(0x100, 1, 1);
    expect(nmi.raised).toBe(0);
    expect(() => nmi.raise(1, 0)).toThrow(RangeError);
  });
});
