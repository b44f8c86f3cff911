// --no-baud: characters take no time, interrupts come as usual, and nothing runs away.

import { describe, expect, it } from 'vitest';
import { NO_BAUD_RX_NS } from '../../../devices/uart8250/index.ts';
import {
  DR,
  fifoRig,
  ID_RDA,
  ID_THRE,
  ID_TIMEOUT,
  IER,
  LSR,
  MCR,
  RBR,
  setLine,
  TEMT,
  THR,
  THRE,
} from './rig.ts';

const make = (trigger = 0) => {
  const r = fifoRig(trigger, { noBaud: true });
  setLine(r, 0xffff, 0x03);
  return r;
};

describe('without character times', () => {
  it('a character leaves as it is written', () => {
    const r = make();
    for (let i = 0; i < 100; i++) {
      r.wr(THR, i);
      expect(r.rd(LSR)).toBe(THRE | TEMT);
    }
    expect([...r.line.bytes]).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('a line that is not ready holds all the same, and a full FIFO follows in order', () => {
    const r = make();
    r.line.ready(false);
    for (let i = 0; i < 17; i++) r.wr(THR, i);
    expect(r.line.text).toBe('');
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(0);
    r.line.ready(true);
    expect([...r.line.bytes]).toEqual(Array.from({ length: 17 }, (_, i) => i));
    expect(r.rd(LSR)).toBe(THRE | TEMT);
  });

  it('a line may stop it from inside transmit(), after each character', () => {
    const r = make();
    r.line.onTransmit = () => r.line.ready(false);
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    for (let i = 1; i <= 3; i++) {
      expect(r.line.bytes.length).toBe(i);
      r.line.ready(true);
    }
    expect(r.rd(LSR)).toBe(THRE | TEMT);
  });

  it('THRE interrupts in the same order: acknowledge, fill, empty', () => {
    const r = make();
    r.wr(IER, 0x02);
    for (let round = 0; round < 100; round++) {
      expect(r.id()).toBe(ID_THRE);
      for (let i = 0; i < 16; i++) r.wr(THR, i);
      r.run(16);
      expect(r.irq).toBe(true);
    }
    expect(r.line.bytes.length).toBe(1600);
  });

  it('input waits for room, so that the FIFO is never overrun', () => {
    const r = make(3);
    r.wr(IER, 0x01);
    r.line.send(new Uint8Array(100));
    r.run(1_000_000);
    expect(r.id()).toBe(ID_TIMEOUT);
    expect(r.uart.inspect().receiver.fifo.length).toBe(16);
    r.rd(RBR);
    expect(r.id()).toBe(ID_RDA);
    let count = 1;
    for (let i = 0; i < 10_000 && count < 100; i++) {
      r.run(10);
      while (r.rd(LSR) & DR) {
        r.rd(RBR);
        count++;
      }
    }
    expect(r.uart.counters).toMatchObject({ overruns: 0, receiveLost: 0, received: 100 });
  });

  it('a receive loop sees the FIFO empty now and then: input is not refilled at once', () => {
    const r = make();
    r.line.send(new Uint8Array(1000));
    r.run(NO_BAUD_RX_NS);
    r.rd(RBR);
    expect(r.rd(LSR) & DR).toBe(0);
  });

  it('an echoing line makes progress in time', () => {
    const r = make();
    r.line.onTransmit = (byte) => r.line.send([byte]);
    r.wr(THR, 0x41);
    for (let i = 0; i < 100; i++) {
      r.run(NO_BAUD_RX_NS + 1);
      r.wr(THR, r.rd(RBR));
    }
    expect(r.uart.counters.transmitted).toBeGreaterThan(99);
  });

  it('loopback works, and can overrun', () => {
    const r = make();
    r.wr(MCR, 0x10);
    for (let i = 0; i < 32; i++) {
      r.wr(THR, i);
      r.run(1);
    }
    expect(r.uart.inspect().receiver.fifo.length).toBe(16);
    expect(r.uart.counters.overruns).toBe(16);
  });

  it('a timeout comes after four of the shorter character times', () => {
    const r = make(3);
    r.wr(IER, 0x01);
    r.line.send([1]);
    r.run(5 * NO_BAUD_RX_NS - 1);
    expect(r.irq).toBe(false);
    r.run(1);
    expect(r.irq).toBe(true);
  });
});
