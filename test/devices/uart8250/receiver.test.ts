// The receiver: errors that travel with their character, overrun, BREAK, the queue in front.
// PC16550D 8.4 (LSR), 8.5 (FCR), 8.11.

import { describe, expect, it } from 'vitest';
import { INPUT_QUEUE_CHARACTERS } from '../../../devices/uart8250/index.ts';
import {
  arriveWith,
  BI,
  DR,
  FCR,
  FE,
  FIFO_ERROR,
  fifoRig,
  FRAME_NS,
  ID_LINE_STATUS,
  ID_NONE,
  IER,
  LCR,
  LSR,
  MCR,
  OE,
  PE,
  RBR,
  rig,
  THRE,
} from './rig.ts';

const ERRORS = OE | PE | FE | BI;

describe('receiving', () => {
  it('a character is there one frame after it began', () => {
    const r = rig();
    r.line.send('A');
    r.run(FRAME_NS - 1);
    expect(r.rd(LSR) & DR).toBe(0);
    r.run(1);
    expect(r.rd(LSR) & DR).toBe(DR);
    expect(r.rd(RBR)).toBe(0x41);
    expect(r.rd(LSR) & DR).toBe(0);
  });

  it('queued characters arrive one frame apart', () => {
    const r = fifoRig();
    r.line.send('abc');
    for (let i = 1; i <= 3; i++) {
      r.run(FRAME_NS);
      expect(r.uart.inspect().receiver.fifo.length).toBe(i);
    }
  });

  it('DR is set by one character, whatever the trigger level', () => {
    const r = fifoRig(3);
    r.arrive(1);
    expect(r.rd(LSR) & DR).toBe(DR);
  });

  it('reading an empty receiver shows the last byte again and takes nothing', () => {
    const r = fifoRig();
    r.arrive(0x41);
    r.rd(RBR);
    expect([r.rd(RBR), r.rd(RBR)]).toEqual([0x41, 0x41]);
    r.arrive(0x42);
    expect(r.rd(RBR)).toBe(0x42);
  });
});

describe('overrun (LSR.1)', () => {
  it('without FIFO: the new character replaces the one in RBR', () => {
    const r = rig();
    r.arrive(1, 2);
    expect(r.rd(LSR) & (OE | DR)).toBe(OE | DR);
    expect(r.rd(LSR) & OE).toBe(0);
    expect(r.rd(RBR)).toBe(2);
  });

  it('with FIFO: the FIFO is kept, the 17th character is lost, OE shows at once', () => {
    const r = fifoRig();
    r.wr(IER, 0x04);
    r.arrive(...Array.from({ length: 17 }, (_, i) => i));
    expect(r.id()).toBe(ID_LINE_STATUS);
    expect(r.rd(LSR) & OE).toBe(OE);
    const read = [];
    while (r.rd(LSR) & DR) read.push(r.rd(RBR));
    expect(read).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(r.uart.counters).toMatchObject({ overruns: 1, receiveLost: 1, received: 17 });
  });

  it('can be injected', () => {
    const r = fifoRig();
    r.wr(IER, 0x04);
    r.line.input({ kind: 'overrun' });
    expect(r.irq).toBe(true);
    expect(r.rd(LSR) & OE).toBe(OE);
    expect(r.irq).toBe(false);
  });
});

describe('PE, FE and BI travel with their character', () => {
  it('show when it reaches the head of the FIFO, not earlier', () => {
    const r = fifoRig();
    r.wr(IER, 0x04);
    r.arrive(1);
    arriveWith(r, 2, { parityError: true });
    expect(r.rd(LSR) & ERRORS).toBe(0);
    expect(r.irq).toBe(false);
    r.rd(RBR);
    expect(r.irq).toBe(true);
    expect(r.rd(LSR) & ERRORS).toBe(PE);
    expect(r.rd(LSR) & ERRORS).toBe(0);
    expect(r.irq).toBe(false);
    expect(r.rd(RBR)).toBe(2);
  });

  it('stay until LSR is read', () => {
    const r = fifoRig();
    arriveWith(r, 1, { framingError: true });
    r.arrive(2);
    r.rd(RBR);
    r.rd(RBR);
    expect(r.rd(LSR) & ERRORS).toBe(FE);
  });

  it('LSR.7 shows an error anywhere in the FIFO', () => {
    const r = fifoRig();
    r.arrive(1);
    arriveWith(r, 2, { parityError: true });
    expect(r.rd(LSR) & FIFO_ERROR).toBe(FIFO_ERROR);
    expect(r.rd(LSR) & FIFO_ERROR).toBe(FIFO_ERROR);
    r.rd(RBR);
    expect(r.rd(LSR) & (FIFO_ERROR | PE)).toBe(FIFO_ERROR | PE); // this read takes it
    expect(r.rd(LSR) & (FIFO_ERROR | PE)).toBe(0);
  });

  it('LSR.7 stays after an LSR read while a later character has an error', () => {
    const r = fifoRig();
    arriveWith(r, 1, { parityError: true });
    arriveWith(r, 2, { framingError: true });
    expect(r.rd(LSR) & (FIFO_ERROR | PE | FE)).toBe(FIFO_ERROR | PE);
    expect(r.rd(LSR) & (FIFO_ERROR | PE | FE)).toBe(FIFO_ERROR);
    r.rd(RBR);
    expect(r.rd(LSR) & (FIFO_ERROR | PE | FE)).toBe(FIFO_ERROR | FE);
    expect(r.rd(LSR) & FIFO_ERROR).toBe(0);
  });

  it('LSR.7 is 0 without FIFO, and after a FIFO reset', () => {
    const r = rig();
    arriveWith(r, 1, { parityError: true });
    expect(r.rd(LSR) & (FIFO_ERROR | PE)).toBe(PE);
    r.wr(FCR, 0x01);
    r.arrive(1);
    arriveWith(r, 2, { parityError: true });
    r.wr(FCR, 0x03);
    expect(r.rd(LSR)).toBe(THRE | 0x40);
  });

  it('are counted', () => {
    const r = fifoRig();
    arriveWith(r, 1, { parityError: true });
    arriveWith(r, 2, { framingError: true });
    arriveWith(r, 0, { breakCondition: true });
    expect(r.uart.counters).toMatchObject({ parityErrors: 1, framingErrors: 2, breaks: 1 });
  });
});

describe('receiving BREAK (LSR.4)', () => {
  it('gives exactly one NUL with BI and FE, however long it lasts', () => {
    const r = fifoRig();
    r.line.sendBreak(250_000_000);
    r.run(250_000_000);
    r.run(10 * FRAME_NS);
    expect(r.rd(LSR) & ~(THRE | 0x40)).toBe(DR | BI | FE | FIFO_ERROR);
    expect(r.rd(RBR)).toBe(0);
    expect(r.rd(LSR)).toBe(THRE | 0x40);
    expect(r.uart.counters.breaks).toBe(1);
  });

  it('the NUL comes one frame after the line went low', () => {
    const r = rig();
    r.line.sendBreak(10 * FRAME_NS);
    r.run(FRAME_NS - 1);
    expect(r.rd(LSR) & BI).toBe(0);
    r.run(1);
    expect(r.rd(LSR) & BI).toBe(BI);
  });

  it.each([
    [0x03, 0],
    [0x0b, PE],
    [0x1b, 0],
    [0x2b, PE],
    [0x3b, 0],
  ])('LCR %i: an all-0 frame has the wrong parity bit for odd and mark', (lcr, parity) => {
    const r = rig();
    r.wr(LCR, lcr);
    arriveWith(r, 0, { breakCondition: true });
    r.run(FRAME_NS);
    expect(r.rd(LSR) & ERRORS).toBe(BI | FE | parity);
  });

  it('one shorter than a frame is not seen', () => {
    const r = rig();
    r.line.sendBreak(FRAME_NS - 1);
    r.run(100 * FRAME_NS);
    expect(r.rd(LSR) & (DR | BI)).toBe(0);
  });

  it('characters sent during it wait for the line to mark again', () => {
    const r = fifoRig();
    r.line.input({ kind: 'break', on: true });
    r.line.send('x');
    r.run(50 * FRAME_NS);
    expect(r.uart.inspect().receiver.fifo.length).toBe(1);
    r.line.input({ kind: 'break', on: false });
    r.run(FRAME_NS);
    r.rd(RBR);
    expect(r.rd(RBR)).toBe(0x78);
  });

  it('keeps its place behind characters that are still queued', () => {
    const r = fifoRig();
    r.line.send('ab');
    r.line.sendBreak(2 * FRAME_NS);
    r.line.send('c', r.clock.now + 2 * FRAME_NS);
    r.run(20 * FRAME_NS);
    const fifo = r.uart.inspect().receiver.fifo;
    expect(fifo.map((entry) => entry.byte)).toEqual([0x61, 0x62, 0, 0x63]);
    expect(fifo.map((entry) => (entry.errors & BI) !== 0)).toEqual([false, false, true, false]);
  });

  it('one shorter than a frame is not seen between queued characters either', () => {
    const r = fifoRig();
    r.line.send('ab');
    r.line.input({ kind: 'break', on: true });
    r.line.send('c');
    r.run(FRAME_NS / 2);
    r.line.input({ kind: 'break', on: false });
    r.run(20 * FRAME_NS);
    expect(r.uart.inspect().receiver.fifo.map((entry) => entry.byte)).toEqual([0x61, 0x62, 0x63]);
    expect(r.uart.counters.breaks).toBe(0);
  });

  it('begun twice is one BREAK', () => {
    const r = fifoRig();
    r.line.input({ kind: 'break', on: true });
    r.line.input({ kind: 'break', on: true });
    r.run(5 * FRAME_NS);
    r.line.input({ kind: 'break', on: false });
    r.run(5 * FRAME_NS);
    expect(r.uart.counters.breaks).toBe(1);
  });
});

describe('the input queue', () => {
  it('is bounded: what does not fit is refused, not lost', () => {
    const r = rig();
    let taken = 0;
    while (r.uart.receive({ byte: 0x55 })) taken++;
    expect(taken).toBe(INPUT_QUEUE_CHARACTERS + 1); // one is on the wire
    expect(r.uart.receiveRoom).toBe(0);
    expect(r.uart.counters.refused).toBe(1);
    r.run(FRAME_NS);
    expect(r.uart.receiveRoom).toBe(1);
  });

  it('tells the line once, when half of it is free again', () => {
    const r = rig();
    const rooms: number[] = [];
    r.uart.attach({ transmit: () => undefined, receiveReady: (room) => rooms.push(room) });
    while (r.uart.receive({ byte: 0x55 }));
    r.run((INPUT_QUEUE_CHARACTERS + 2) * FRAME_NS);
    expect(rooms).toEqual([INPUT_QUEUE_CHARACTERS / 2]);
  });

  it('a MockLine sends more than the queue holds, all of it', () => {
    const r = fifoRig(0, { noBaud: true });
    r.line.send(Uint8Array.from({ length: 10_000 }, (_, i) => i & 0xff));
    expect(r.line.unsent).toBeGreaterThan(0);
    let count = 0;
    for (let i = 0; i < 100_000 && count < 10_000; i++) {
      r.run(1000);
      while (r.rd(LSR) & DR) expect(r.rd(RBR)).toBe(count++ & 0xff);
    }
    expect(count).toBe(10_000);
    expect(r.line.unsent).toBe(0);
    expect(r.uart.counters.receiveLost).toBe(0);
  });

  it('characters that arrive during loopback are lost, and counted', () => {
    const r = rig();
    r.wr(MCR, 0x10);
    r.arrive(1, 2);
    r.wr(MCR, 0x00);
    r.wr(IER, 0x01);
    expect(r.id()).toBe(ID_NONE);
    expect(r.uart.counters).toMatchObject({ received: 0, receiveLost: 2 });
  });
});
