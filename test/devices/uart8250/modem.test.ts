// Modem control and status, loopback, and sending BREAK. PC16550D 8.1, 8.8, 8.9.

import { describe, expect, it } from 'vitest';
import {
  DR,
  fifoRig,
  FRAME_NS,
  ID_MODEM,
  ID_NONE,
  IER,
  LCR,
  LSR,
  MCR,
  MSR,
  OE,
  RBR,
  rig,
  TEMT,
  THR,
} from './rig.ts';

describe('MSR', () => {
  it.each([
    ['cts', 0x10, 0x01],
    ['dsr', 0x20, 0x02],
    ['dcd', 0x80, 0x08],
  ] as const)('%s: level in the high half, any change in the low half', (pin, level, delta) => {
    const r = rig();
    r.line.modem({ [pin]: false });
    expect(r.rd(MSR)).toBe((0xb0 & ~level) | delta);
    expect(r.rd(MSR)).toBe(0xb0 & ~level);
    r.line.modem({ [pin]: true });
    expect(r.rd(MSR)).toBe(0xb0 | delta);
  });

  it('TERI is set by the end of a ring only', () => {
    const r = rig();
    r.line.modem({ ri: true });
    expect(r.rd(MSR)).toBe(0xf0);
    r.line.modem({ ri: false });
    expect(r.rd(MSR)).toBe(0xb4);
    expect(r.rd(MSR)).toBe(0xb0);
  });

  it('a change stays latched though the pin goes back before MSR is read', () => {
    const r = rig();
    r.line.modem({ dcd: false });
    r.line.modem({ dcd: true });
    expect(r.rd(MSR)).toBe(0xb8);
  });

  it('a pin that is set to what it was is no change', () => {
    const r = rig();
    r.line.modem({ cts: true });
    expect(r.rd(MSR)).toBe(0xb0);
  });

  it('a change interrupts if IER.3 is set, until MSR is read', () => {
    const r = rig();
    r.wr(IER, 0x08);
    r.line.modem({ dsr: false });
    expect(r.irq).toBe(true);
    expect(r.id()).toBe(ID_MODEM);
    r.rd(MSR);
    expect(r.irq).toBe(false);
    expect(r.id()).toBe(ID_NONE);
  });
});

describe('MCR', () => {
  it('drives the pins', () => {
    const r = rig();
    r.wr(MCR, 0x05);
    expect(r.line.outputs).toEqual({ dtr: true, rts: false, out1: true, out2: false });
    r.wr(MCR, 0x0a);
    expect(r.line.outputs).toEqual({ dtr: false, rts: true, out1: false, out2: true });
  });

  it('tells the line about changes only', () => {
    const r = rig();
    r.line.clear();
    r.wr(MCR, 0x03);
    r.wr(MCR, 0x03);
    expect(r.line.events.length).toBe(1);
  });
});

describe('loopback (MCR.4)', () => {
  it.each([
    [0x11, 0x20],
    [0x12, 0x10],
    [0x14, 0x40],
    [0x18, 0x80],
    [0x1a, 0x90],
  ])('MCR = %i shows in MSR 7:4 as %i: DTR→DSR, RTS→CTS, OUT1→RI, OUT2→DCD', (mcr, msr) => {
    const r = rig();
    r.wr(MCR, mcr);
    expect(r.rd(MSR) & 0xf0).toBe(msr);
  });

  it('changes and TERI are latched and interrupt', () => {
    const r = rig();
    r.wr(MCR, 0x14);
    r.rd(MSR);
    r.wr(IER, 0x08);
    r.wr(MCR, 0x10);
    expect(r.irq).toBe(true);
    expect(r.rd(MSR)).toBe(0x04);
    r.wr(MCR, 0x12);
    expect(r.rd(MSR)).toBe(0x11);
  });

  it('the real inputs are disconnected, the output pins inactive', () => {
    const r = rig();
    r.wr(MCR, 0x0f);
    r.wr(MCR, 0x1f);
    expect(r.line.outputs).toEqual({ dtr: false, rts: false, out1: false, out2: false });
    r.rd(MSR);
    r.line.modem({ cts: false });
    expect(r.rd(MSR)).toBe(0xf0);
    r.wr(MCR, 0x0f);
    expect(r.line.outputs).toEqual({ dtr: true, rts: true, out1: true, out2: true });
    expect(r.rd(MSR) & 0xf0).toBe(0xa0);
  });

  it('what is sent comes back after a character time, and not to the line', () => {
    const r = fifoRig();
    r.wr(MCR, 0x10);
    r.wr(THR, 0x41);
    r.run(FRAME_NS - 1);
    expect(r.rd(LSR) & DR).toBe(0);
    r.run(1);
    expect(r.rd(LSR) & (DR | TEMT)).toBe(DR | TEMT);
    expect(r.rd(RBR)).toBe(0x41);
    expect(r.line.text).toBe('');
    expect(r.uart.counters).toMatchObject({ looped: 1, transmitted: 0, received: 0 });
  });

  it('overruns like any other input', () => {
    const r = fifoRig();
    r.wr(MCR, 0x10);
    for (let i = 0; i < 17; i++) r.wr(THR, i);
    r.run(17 * FRAME_NS);
    expect(r.rd(LSR) & OE).toBe(OE);
  });

  it('a character on its way out when loopback is switched on still leaves', () => {
    const r = rig();
    r.wr(THR, 0x41);
    r.wr(MCR, 0x10);
    r.run(FRAME_NS);
    expect(r.line.text).toBe('A');
    expect(r.rd(LSR) & DR).toBe(0);
  });
});

describe('sending BREAK (LCR.6)', () => {
  it('is reported when it has lasted a frame, and when it ends', () => {
    const r = rig();
    r.line.clear();
    const start = r.clock.now;
    r.wr(LCR, 0x43);
    r.run(20 * FRAME_NS);
    r.wr(LCR, 0x03);
    expect(r.line.events).toEqual([
      { kind: 'break', atNs: start + FRAME_NS, on: true },
      { kind: 'break', atNs: start + 20 * FRAME_NS, on: false },
    ]);
  });

  it('shorter than a frame it is hidden: LCR = E0 of a driver that probes', () => {
    const r = rig();
    r.line.clear();
    r.wr(LCR, 0xe0);
    r.run(FRAME_NS / 2);
    r.wr(LCR, 0x03);
    r.run(10 * FRAME_NS);
    expect(r.line.events).toEqual([]);
  });

  it('a character sent under it is not seen by the line, and is counted', () => {
    const r = rig();
    r.wr(LCR, 0x43);
    r.run(2 * FRAME_NS);
    r.wr(THR, 0x41);
    r.run(2 * FRAME_NS);
    expect(r.rd(LSR) & TEMT).toBe(TEMT);
    expect(r.line.text).toBe('');
    expect(r.uart.counters.transmitLost).toBe(1);
  });

  it('does not reach the line in loopback, where the pin marks', () => {
    const r = rig();
    r.wr(LCR, 0x43);
    r.run(2 * FRAME_NS);
    expect(r.line.breakOn).toBe(true);
    r.wr(MCR, 0x10);
    expect(r.line.breakOn).toBe(false);
    r.wr(MCR, 0x00);
    r.run(2 * FRAME_NS);
    expect(r.line.breakOn).toBe(true);
  });
});
