// Character times: from divisor, clock and LCR, without drift; THRE against TEMT; timeout.
// PC16550D 8.1, 8.3, 8.4, 8.11.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameTime } from '../../../devices/uart8250/timing.ts';
import {
  fifoRig,
  FRAME_NS,
  ID_NONE,
  ID_TIMEOUT,
  IER,
  LCR,
  LSR,
  PC_CLOCK_HZ,
  RBR,
  rig,
  setLine,
  TEMT,
  THR,
  THRE,
} from './rig.ts';

describe('frame time', () => {
  it.each([
    ['8N1 at 115200', 0x03, 1, 86_805],
    ['8N1 at 9600', 0x03, 12, 1_041_666],
    ['7E1 at 9600: as long as 8N1', 0x1a, 12, 1_041_666],
    ['8E2 at 9600: 12 bits', 0x1f, 12, 1_250_000],
    ['5N1.5 at 300: 7.5 bits', 0x04, 384, 25_000_000],
    ['5N1 at 300: 7 bits', 0x00, 384, 23_333_333],
    ['6O2 at 50: 10 bits', 0x0d, 2304, 200_000_000],
  ])('%s', (_name, lcr, divisor, ns) => {
    expect(frameTime(lcr, divisor, PC_CLOCK_HZ).ns).toBe(ns);
  });

  it('is exact: ns + numerator/denominator = half bits × 8 × divisor / clock', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xff }),
        fc.integer({ min: 1, max: 0xffff }),
        fc.constantFrom(1_843_200, 3_686_400, 14_745_600, 48_000_000, 9_999_991, 1_000_000_007),
        (lcr, divisor, clockHz) => {
          const time = frameTime(lcr, divisor, clockHz);
          const data = 5 + (lcr & 3);
          const stopHalves = lcr & 4 ? (data === 5 ? 3 : 4) : 2;
          const halves = BigInt(2 + 2 * data + (lcr & 8 ? 2 : 0) + stopHalves);
          const total = BigInt(time.ns) * BigInt(time.denominator) + BigInt(time.numerator);
          expect(total * BigInt(clockHz)).toBe(
            halves * 8n * BigInt(divisor) * 1_000_000_000n * BigInt(time.denominator),
          );
          expect(time.numerator).toBeLessThan(time.denominator);
        },
      ),
    );
  });

  it('does not drift: 11520 characters at 115200 take one second to the ns', () => {
    const r = fifoRig(0, { clockHz: PC_CLOCK_HZ });
    const start = r.clock.now;
    for (let sent = 0; sent < 11520; sent++) {
      r.wr(THR, sent & 0xff);
      while (sent < 11519 && (r.rd(LSR) & THRE) === 0) r.run(1000);
    }
    while ((r.rd(LSR) & TEMT) === 0) r.run(1000);
    expect((r.line.transmitted.at(-1)?.atNs ?? 0) - start).toBe(1_000_000_000);
  });

  it('does not drift when receiving either', () => {
    const r = fifoRig(0, { clockHz: PC_CLOCK_HZ });
    const start = r.clock.now;
    let received = 0;
    r.line.send(new Uint8Array(1152));
    for (let i = 0; i < 2000 && received < 1151; i++) {
      r.run(86_000);
      while (r.rd(LSR) & 1) {
        r.rd(RBR);
        received++;
      }
    }
    const arrivesNs = r.uart.inspect().receiver.arrivesNs ?? 0;
    expect(arrivesNs - start).toBe(100_000_000);
  });
});

describe('word length, parity and stop bits', () => {
  it.each([
    [0x00, 0x1f],
    [0x01, 0x3f],
    [0x02, 0x7f],
    [0x03, 0xff],
  ])('LCR %i: bits above the word length are neither sent nor received', (lcr, mask) => {
    const r = rig();
    r.wr(LCR, lcr);
    r.wr(THR, 0xff);
    r.arrive(0xff);
    expect([...r.line.bytes]).toEqual([mask]);
    expect(r.rd(RBR)).toBe(mask);
  });

  it.each([
    [0x03, { dataBits: 8, parity: 'none', stopBits: 1 }],
    [0x0a, { dataBits: 7, parity: 'odd', stopBits: 1 }],
    [0x1a, { dataBits: 7, parity: 'even', stopBits: 1 }],
    [0x2b, { dataBits: 8, parity: 'mark', stopBits: 1 }],
    [0x3b, { dataBits: 8, parity: 'space', stopBits: 1 }],
    [0x04, { dataBits: 5, parity: 'none', stopBits: 1.5 }],
    [0x07, { dataBits: 8, parity: 'none', stopBits: 2 }],
  ])('LCR %i is reported to the line', (lcr, format) => {
    const r = rig();
    r.wr(LCR, lcr);
    r.run(2 * FRAME_NS);
    expect(r.line.settings).toEqual({ baud: 625_000, ...format });
  });
});

describe('settings reach the line once they have settled', () => {
  it('a divisor written in halves is reported whole', () => {
    const r = rig();
    r.line.clear();
    setLine(r, 0x0180, 0x03);
    r.run(1000 * FRAME_NS);
    expect(r.line.events).toMatchObject([
      { kind: 'settings', settings: { baud: 625_000 / 0x180 } },
    ]);
  });

  it('come before the first character that is sent with them', () => {
    const r = rig();
    r.line.clear();
    setLine(r, 2, 0x03);
    r.wr(THR, 0x41);
    r.run(3 * FRAME_NS);
    expect(r.line.events.map((event) => event.kind)).toEqual(['settings', 'transmit']);
  });

  it('values that are put back before a frame has passed are never reported', () => {
    const r = rig();
    r.line.clear();
    r.wr(LCR, 0xbf);
    r.wr(LCR, 0xe0);
    setLine(r, 0x1234, 0x00);
    setLine(r, 1, 0x03);
    r.run(100 * FRAME_NS);
    expect(r.line.events).toEqual([]);
  });
});

describe('THRE and TEMT', () => {
  it('one byte into an idle UART: THRE at once, TEMT after one character', () => {
    const r = rig();
    r.wr(THR, 1);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE);
    r.run(FRAME_NS - 1);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE);
    r.run(1);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE | TEMT);
    expect(r.line.transmitted).toMatchObject([{ atNs: r.clock.now, byte: 1 }]);
  });

  it('two bytes without FIFO: THRE when the first has left the shift register', () => {
    const r = rig();
    r.wr(THR, 1);
    r.wr(THR, 2);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(0);
    r.run(FRAME_NS);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE);
    r.run(FRAME_NS);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE | TEMT);
  });

  it('16 bytes into the FIFO: THRE after 15 characters, TEMT after 16', () => {
    const r = fifoRig();
    for (let i = 0; i < 16; i++) r.wr(THR, i);
    r.run(15 * FRAME_NS - 1);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(0);
    r.run(1);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE);
    r.run(FRAME_NS - 1);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE);
    r.run(1);
    expect(r.rd(LSR) & (THRE | TEMT)).toBe(THRE | TEMT);
  });

  it('THRE = 1 promises room for a whole FIFO', () => {
    const r = fifoRig();
    for (let round = 0; round < 3; round++) {
      while ((r.rd(LSR) & THRE) === 0) r.run(100);
      for (let i = 0; i < 16; i++) r.wr(THR, 16 * round + i);
    }
    r.run(17 * FRAME_NS);
    expect([...r.line.bytes]).toEqual(Array.from({ length: 48 }, (_, i) => i));
    expect(r.uart.counters.transmitLost).toBe(0);
  });

  it('without FIFO, writing a full THR replaces its byte, and that is counted', () => {
    const r = rig();
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.run(3 * FRAME_NS);
    expect([...r.line.bytes]).toEqual([1, 3]);
    expect(r.uart.counters.transmitLost).toBe(1);
  });

  it('writing a full FIFO loses the new byte, and that is counted', () => {
    const r = fifoRig();
    for (let i = 0; i < 18; i++) r.wr(THR, i);
    r.run(20 * FRAME_NS);
    expect([...r.line.bytes]).toEqual(Array.from({ length: 17 }, (_, i) => i));
    expect(r.uart.counters.transmitLost).toBe(1);
  });
});

describe('character timeout (PC16550D 8.11)', () => {
  const below = () => {
    const r = fifoRig(3);
    r.wr(IER, 0x01);
    r.arrive(1, 2, 3);
    return r;
  };

  it('comes four character times after the last one, below the trigger level', () => {
    const r = below();
    r.run(4 * FRAME_NS - 1);
    expect(r.irq).toBe(false);
    r.run(1);
    expect(r.irq).toBe(true);
    expect(r.id()).toBe(ID_TIMEOUT);
  });

  it('160 ms at 300 baud with 12-bit characters', () => {
    const r = fifoRig(3, { clockHz: PC_CLOCK_HZ });
    setLine(r, 384, 0x1f);
    r.wr(IER, 0x01);
    r.line.send([1]);
    r.run(40_000_000);
    const arrived = r.clock.now;
    r.run(200_000_000);
    expect((r.irqEdges.at(-1)?.atNs ?? 0) - arrived).toBe(160_000_000);
  });

  it('is cleared by one RBR read, and starts again while characters are left', () => {
    const r = below();
    r.run(4 * FRAME_NS);
    r.rd(RBR);
    expect(r.irq).toBe(false);
    r.run(4 * FRAME_NS - 1);
    expect(r.irq).toBe(false);
    r.run(1);
    expect(r.id()).toBe(ID_TIMEOUT);
    r.rd(RBR);
    r.rd(RBR);
    r.run(100 * FRAME_NS);
    expect(r.id()).toBe(ID_NONE);
  });

  it('is put off by an arriving character', () => {
    const r = below();
    r.run(2 * FRAME_NS);
    r.arrive(4);
    r.run(4 * FRAME_NS - 1);
    expect(r.irq).toBe(false);
    r.run(1);
    expect(r.irq).toBe(true);
  });

  it('once pending, stays so when another character arrives', () => {
    const r = below();
    r.run(4 * FRAME_NS);
    r.arrive(4);
    expect(r.id()).toBe(ID_TIMEOUT);
  });

  it('does not exist without FIFO', () => {
    const r = rig();
    r.arrive(1);
    r.wr(IER, 0x01);
    r.run(100 * FRAME_NS);
    expect(r.id()).not.toBe(ID_TIMEOUT);
  });

  it('is forgotten when the FIFO is cleared', () => {
    const r = below();
    r.wr(2, 0xc3);
    r.run(100 * FRAME_NS);
    expect(r.id()).toBe(ID_NONE);
  });
});
