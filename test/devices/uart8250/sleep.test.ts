// Sleep (IER.4 of the 16C650 and TL16C750, IER.5 of the TL16C750) and the wake output.

import { describe, expect, it } from 'vitest';
import { FRAME_NS, IER, LSR, MSR, RBR, rig, type RigOptions, THR } from './rig.ts';

function sleeper(options: RigOptions = {}) {
  const levels: boolean[] = [];
  const r = rig({ variant: '16750', wake: (level) => levels.push(level), ...options });
  return { r, levels };
}

describe('sleep', () => {
  it.each([0x10, 0x20])('IER = %i puts an idle 16750 to sleep', (ier) => {
    const { r } = sleeper();
    expect(r.uart.asleep).toBe(false);
    r.wr(IER, ier);
    expect(r.uart.asleep).toBe(true);
    expect(r.uart.inspect().asleep).toBe(true);
  });

  it('waits until everything is sent and read', () => {
    const { r } = sleeper();
    r.wr(IER, 0x10);
    r.wr(THR, 1);
    expect(r.uart.asleep).toBe(false);
    r.run(FRAME_NS);
    expect(r.uart.asleep).toBe(true);
    r.arrive(1);
    expect(r.uart.asleep).toBe(false);
    r.rd(RBR);
    expect(r.uart.asleep).toBe(true);
  });

  it('a 16550A never sleeps', () => {
    const { r } = sleeper({ variant: '16550A' });
    r.wr(IER, 0x30);
    expect(r.uart.asleep).toBe(false);
  });

  it('650: needs EFR.4 to be written', () => {
    const { r } = sleeper({ variant: '16650V2' });
    r.wr(IER, 0x10);
    expect(r.uart.asleep).toBe(false);
    r.wr(3, 0xbf);
    r.wr(2, 0x10);
    r.wr(3, 0x03);
    r.wr(IER, 0x10);
    expect(r.uart.asleep).toBe(true);
  });
});

describe('wake output', () => {
  it('rises with the start bit, a frame before the character is there', () => {
    const { r, levels } = sleeper();
    r.wr(IER, 0x10);
    r.line.send('A');
    expect(levels).toEqual([true]);
    expect(r.uart.inspect().waking).toBe(true);
    expect(r.uart.inspect().receiver.fifo).toEqual([]);
    r.run(FRAME_NS);
    expect(r.rd(RBR)).toBe(0x41); // and nothing is lost
    expect(levels).toEqual([true, false]);
  });

  it('rises with a change of a modem input', () => {
    const { r, levels } = sleeper();
    r.wr(IER, 0x10);
    r.line.modem({ dcd: false });
    expect(levels).toEqual([true]);
    expect(r.rd(MSR) & 0x08).toBe(0x08);
    expect(levels).toEqual([true, false]);
  });

  it('rises with the beginning of a BREAK', () => {
    const { r, levels } = sleeper();
    r.wr(IER, 0x10);
    r.line.sendBreak(10 * FRAME_NS);
    expect(levels).toEqual([true]);
  });

  it('falls with any register access, once', () => {
    const { r, levels } = sleeper();
    r.wr(IER, 0x10);
    r.line.send('A');
    r.rd(LSR);
    r.rd(LSR);
    expect(levels).toEqual([true, false]);
    expect(r.uart.counters.wakes).toBe(1);
  });

  it('stays low while the UART is awake', () => {
    const { r, levels } = sleeper();
    r.arrive(1);
    r.line.modem({ cts: false });
    expect(levels).toEqual([]);
  });

  it('works for any part if the board watches the pins itself', () => {
    const { r, levels } = sleeper({ variant: '8250', wakeOn: 'always' });
    r.line.send('A');
    expect(levels).toEqual([true]);
  });
});
