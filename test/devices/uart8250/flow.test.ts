// What makes a UART or its far end pause: a line that is not ready, RTS/CTS by hand and automatic
// (TL16C550C, TL16C750, 16C650), Xon/Xoff (16C650).

import { describe, expect, it } from 'vitest';
import {
  DR,
  EFR,
  FCR,
  fifoRig,
  FRAME_NS,
  ID_NONE,
  ID_THRE,
  IER,
  IIR,
  LCR,
  LSR,
  MCR,
  MSR,
  RBR,
  type Rig,
  TEMT,
  THR,
  THRE,
} from './rig.ts';

function efr(r: Rig, value: number): void {
  r.wr(LCR, 0xbf);
  r.wr(EFR, value);
  r.wr(LCR, 0x03);
}

/** Xon1 = 11, Xon2 = 91, Xoff1 = 13, Xoff2 = 93. */
function xonXoff(r: Rig, value: number): void {
  r.wr(LCR, 0xbf);
  r.wr(EFR, value);
  [0x11, 0x91, 0x13, 0x93].forEach((byte, i) => r.wr(4 + i, byte));
  r.wr(LCR, 0x03);
}

describe('a line that is not ready', () => {
  it('makes the shift register hold its character: nothing is lost, TEMT and THRE tell', () => {
    const r = fifoRig();
    r.line.ready(false);
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.run(1000 * FRAME_NS);
    expect(r.line.text).toBe('');
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(0);
    r.line.ready(true);
    expect([...r.line.bytes]).toEqual([1]); // its frame was over long ago
    r.run(2 * FRAME_NS);
    expect([...r.line.bytes]).toEqual([1, 2, 3]);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE | TEMT);
  });

  it('with one character: THRE stays 1, TEMT 0', () => {
    const r = fifoRig();
    r.line.ready(false);
    r.wr(THR, 1);
    r.run(1000 * FRAME_NS);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE);
  });

  it('may become ready again within the frame, without any effect', () => {
    const r = fifoRig();
    r.wr(THR, 1);
    r.line.ready(false);
    r.run(FRAME_NS / 2);
    r.line.ready(true);
    r.run(FRAME_NS / 2);
    expect([...r.line.bytes]).toEqual([1]);
  });

  it('may say so from inside transmit()', () => {
    const r = fifoRig();
    r.line.onTransmit = () => r.line.ready(false);
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    for (let i = 1; i <= 3; i++) {
      r.run(10 * FRAME_NS);
      expect(r.line.bytes.length).toBe(i);
      r.line.ready(true);
    }
  });

  it('does not stop loopback', () => {
    const r = fifoRig();
    r.line.ready(false);
    r.wr(MCR, 0x10);
    r.wr(THR, 1);
    r.run(FRAME_NS);
    expect(r.rd(RBR)).toBe(1);
  });
});

describe('far end that obeys RTS', () => {
  it('is off by default: guests without flow control leave RTS inactive', () => {
    const r = fifoRig();
    r.arrive(1);
    expect(r.rd(LSR) & DR).toBe(DR);
  });

  it('waits with the next character while RTS is inactive', () => {
    const r = fifoRig();
    r.line.input({ kind: 'rtsFlow', on: true });
    r.line.send([1, 2]);
    r.run(10 * FRAME_NS);
    expect(r.rd(LSR) & DR).toBe(0);
    r.wr(MCR, 0x02);
    r.run(FRAME_NS / 2);
    r.wr(MCR, 0x00);
    r.run(10 * FRAME_NS);
    expect(r.uart.inspect().receiver.fifo.length).toBe(1); // the one that had begun
    r.wr(MCR, 0x02);
    r.run(FRAME_NS);
    expect(r.uart.inspect().receiver.fifo.length).toBe(2);
  });
});

describe.each([
  { variant: '16550C', on: (r: Rig) => r.wr(MCR, 0x22), resume: 0 },
  { variant: '16750', on: (r: Rig) => r.wr(MCR, 0x22), resume: 0 },
  {
    variant: '16650V2',
    on: (r: Rig) => {
      efr(r, 0xd0);
      r.wr(MCR, 0x02);
    },
    resume: 16,
  },
] as const)('automatic RTS/CTS of the $variant', ({ variant, on, resume }) => {
  const make = () => {
    const r = fifoRig(2, { variant });
    on(r);
    return r;
  };

  it('RTS drops at the trigger level and returns when the FIFO is drained', () => {
    const r = make();
    const trigger = r.uart.inspect().receiver.trigger;
    expect(r.line.outputs.rts).toBe(true);
    r.line.send(new Uint8Array(200));
    r.run(200 * FRAME_NS);
    expect(r.line.outputs.rts).toBe(false);
    expect(r.uart.inspect().receiver.fifo.length).toBe(trigger);
    for (let left = trigger - 1; left >= resume; left--) {
      expect(r.line.outputs.rts).toBe(false);
      r.rd(RBR);
    }
    expect(r.line.outputs.rts).toBe(true);
    expect(r.uart.counters.overruns).toBe(0);
  });

  it('loses nothing with a far end that obeys', () => {
    const r = make();
    r.line.send(Uint8Array.from({ length: 200 }, (_, i) => i));
    const read: number[] = [];
    for (let i = 0; i < 400 && read.length < 200; i++) {
      r.run(50 * FRAME_NS);
      while (r.rd(LSR) & DR) read.push(r.rd(RBR));
    }
    expect(read).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('CTS stops the transmitter before the next character', () => {
    const r = make();
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.run(FRAME_NS / 2);
    r.line.modem({ cts: false });
    r.run(100 * FRAME_NS);
    expect([...r.line.bytes]).toEqual([1]);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(0);
    r.line.modem({ cts: true });
    r.run(2 * FRAME_NS);
    expect([...r.line.bytes]).toEqual([1, 2, 3]);
  });

  it('a change of CTS shows in MSR but does not interrupt', () => {
    const r = make();
    r.wr(IER, 0x08);
    r.line.modem({ cts: false });
    expect(r.irq).toBe(false);
    expect(r.rd(MSR) & 0x11).toBe(0x01);
  });
});

describe('automatic flow control, limits', () => {
  it('MCR.5 without MCR.1 is automatic CTS only', () => {
    const r = fifoRig(0, { variant: '16750' });
    r.wr(MCR, 0x20);
    r.arrive(1, 2);
    expect(r.line.outputs.rts).toBe(false);
    r.line.modem({ cts: false });
    r.wr(THR, 1);
    r.run(10 * FRAME_NS);
    expect(r.line.text).toBe('');
  });

  it('a 16550A does not look at CTS', () => {
    const r = fifoRig();
    r.wr(MCR, 0x22);
    r.line.modem({ cts: false });
    r.wr(THR, 0x41);
    r.run(FRAME_NS);
    expect(r.line.text).toBe('A');
  });

  it('650: IER.7 reports CTS going inactive as id 20, taken by the IIR read', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    efr(r, 0x90);
    r.wr(IER, 0x80);
    r.line.modem({ cts: false });
    expect(r.irq).toBe(true);
    expect(r.rd(IIR) & 0x3f).toBe(0x20);
    expect(r.rd(IIR) & 0x3f).toBe(0x01);
    expect(r.irq).toBe(false);
  });

  it('650: IER.6 reports automatic RTS going inactive', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    efr(r, 0x50);
    r.wr(MCR, 0x02);
    r.wr(IER, 0x40);
    r.arrive(...new Array<number>(8).fill(0));
    expect(r.rd(IIR) & 0x3f).toBe(0x20);
  });
});

describe('Xon/Xoff (16C650)', () => {
  it('a received Xoff stops the transmitter, Xon lets it go on; both are taken out', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    xonXoff(r, 0x12);
    r.arrive(0x13);
    r.wr(THR, 0x41);
    r.run(10 * FRAME_NS);
    expect(r.line.text).toBe('');
    r.arrive(0x11);
    r.run(FRAME_NS);
    expect(r.line.text).toBe('A');
    expect(r.rd(LSR) & DR).toBe(0);
  });

  it('the second pair is selected by EFR 1:0 = 01', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    xonXoff(r, 0x11);
    r.arrive(0x13);
    expect(r.rd(RBR)).toBe(0x13);
    r.arrive(0x93);
    r.wr(THR, 0x41);
    r.run(10 * FRAME_NS);
    expect(r.line.text).toBe('');
  });

  it('Xoff interrupts as id 10, taken by the IIR read or by Xon', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    xonXoff(r, 0x12);
    r.wr(IER, 0x20);
    r.arrive(0x13);
    expect(r.rd(IIR) & 0x3f).toBe(0x10);
    expect(r.irq).toBe(false);
    r.arrive(0x13);
    expect(r.irq).toBe(true);
    r.arrive(0x11);
    expect(r.irq).toBe(false);
  });

  it('turning it off lets a stopped transmitter go on', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    xonXoff(r, 0x12);
    r.arrive(0x13);
    r.wr(THR, 0x41);
    efr(r, 0x10);
    r.run(2 * FRAME_NS); // it began while LCR = BF made frames of 12 bits
    expect(r.line.text).toBe('A');
  });

  it('with Xon-any (MCR.5) every character lets it go on, and is stored', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    xonXoff(r, 0x12);
    r.wr(MCR, 0x20);
    r.arrive(0x13);
    r.wr(THR, 0x41);
    r.arrive(0x78);
    r.run(FRAME_NS);
    expect(r.line.text).toBe('A');
    expect(r.rd(RBR)).toBe(0x78);
  });

  it('a special character (EFR.5) is reported and stored', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    xonXoff(r, 0x30);
    r.wr(IER, 0x20);
    r.arrive(0x93);
    expect(r.rd(IIR) & 0x3f).toBe(0x10);
    expect(r.rd(RBR)).toBe(0x93);
  });

  it('the receiver sends Xoff ahead of the FIFO when it fills, Xon when it has drained', () => {
    const r = fifoRig(1, { variant: '16650V2' });
    xonXoff(r, 0x18);
    r.arrive(...new Array<number>(16).fill(0));
    r.run(2 * FRAME_NS);
    expect([...r.line.bytes]).toEqual([0x13]);
    for (let i = 0; i < 8; i++) r.rd(RBR);
    r.run(2 * FRAME_NS);
    expect([...r.line.bytes]).toEqual([0x13, 0x11]);
  });

  it('is plain data for a 16550A', () => {
    const r = fifoRig();
    r.arrive(0x13);
    expect(r.rd(RBR)).toBe(0x13);
  });
});

describe('transmitter trigger (16C650, FCR 5:4 with EFR.4)', () => {
  it('asks for more when the FIFO has fallen to the level, and again when it is empty', () => {
    const r = fifoRig(0, { variant: '16650V2' });
    efr(r, 0x10);
    r.wr(FCR, 0x11); // level 8
    r.wr(IER, 0x02);
    r.rd(IIR);
    for (let i = 0; i < 21; i++) r.wr(THR, i); // 20 in the FIFO
    r.rd(IIR);
    r.run(11 * FRAME_NS);
    expect(r.id()).toBe(ID_NONE);
    r.run(FRAME_NS);
    expect(r.id()).toBe(ID_THRE);
    expect(r.id()).toBe(ID_NONE);
    r.run(8 * FRAME_NS);
    expect(r.id()).toBe(ID_THRE);
  });
});
