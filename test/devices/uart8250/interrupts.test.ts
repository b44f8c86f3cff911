// Interrupts: identification, priority, acknowledge rules and the THRE state machine.
// PC16550D 8.6 (IIR, table IV), 8.7 (IER) and 8.11.

import { describe, expect, it } from 'vitest';
import {
  arriveWith,
  BI,
  DR,
  FCR,
  fifoRig,
  FRAME_NS,
  ID_LINE_STATUS,
  ID_MODEM,
  ID_NONE,
  ID_RDA,
  ID_THRE,
  ID_TIMEOUT,
  IER,
  IIR,
  LSR,
  MSR,
  RBR,
  rig,
  THR,
} from './rig.ts';

describe('priority: line status, data, THRE, modem status', () => {
  const everything = () => {
    const r = rig();
    r.wr(IER, 0x0f);
    arriveWith(r, 0x41, { parityError: true });
    r.line.modem({ cts: false });
    return r;
  };

  it('reports one cause at a time, the highest first, and each is cleared by its own access', () => {
    const r = everything();
    expect(r.id()).toBe(ID_LINE_STATUS);
    r.rd(LSR);
    expect(r.id()).toBe(ID_RDA);
    r.rd(RBR);
    expect(r.id()).toBe(ID_THRE); // IIR read acknowledges THRE
    expect(r.id()).toBe(ID_MODEM);
    r.rd(MSR);
    expect(r.id()).toBe(ID_NONE);
    expect(r.irq).toBe(false);
  });

  it('ids are not ORed: THRE with data pending reads as data, not as line status', () => {
    const r = rig();
    r.wr(IER, 0x07);
    r.arrive(0x41);
    expect(r.id()).toBe(ID_RDA);
  });

  it('an IIR read that reports another cause does not acknowledge THRE', () => {
    const r = rig();
    r.wr(IER, 0x03);
    r.arrive(0x41);
    expect(r.id()).toBe(ID_RDA);
    r.rd(RBR);
    expect(r.id()).toBe(ID_THRE);
  });

  it('an IIR read acknowledges neither data nor modem status', () => {
    const r = everything();
    r.rd(LSR);
    r.rd(IIR);
    expect(r.id()).toBe(ID_RDA);
    r.rd(RBR);
    r.rd(IIR);
    r.rd(IIR);
    expect(r.id()).toBe(ID_MODEM);
  });

  it('a timeout is reported before data at the trigger level', () => {
    const r = fifoRig(0);
    r.wr(IER, 0x01);
    r.arrive(0x41);
    expect(r.id()).toBe(ID_RDA);
    r.run(4 * FRAME_NS);
    expect(r.id()).toBe(ID_TIMEOUT);
  });
});

describe('INTR is a level: pending AND enabled', () => {
  it('data that came while IER.0 was 0 interrupts once it is set', () => {
    const r = rig();
    r.arrive(0x41);
    expect(r.irq).toBe(false);
    r.wr(IER, 0x01);
    expect(r.irq).toBe(true);
    r.wr(IER, 0x00);
    expect(r.irq).toBe(false);
    r.wr(IER, 0x01);
    expect(r.irq).toBe(true);
    r.rd(RBR);
    expect(r.irq).toBe(false);
  });

  it('line status and modem status likewise', () => {
    const r = rig();
    arriveWith(r, 0, { framingError: true });
    r.line.modem({ dsr: false });
    r.wr(IER, 0x04);
    expect(r.irq).toBe(true);
    r.rd(LSR);
    expect(r.irq).toBe(false);
    r.wr(IER, 0x08);
    expect(r.irq).toBe(true);
    r.rd(MSR);
    expect(r.irq).toBe(false);
  });

  it('each call of the line is a change', () => {
    const r = rig();
    for (let i = 0; i < 3; i++) {
      r.wr(IER, 0x0f);
      r.arrive(1, 2);
      r.rd(LSR);
      r.rd(RBR);
      r.rd(IIR);
      r.wr(IER, 0x00);
    }
    r.irqEdges.forEach((edge, i) => expect(edge.level).toBe(i % 2 === 0));
    expect(r.irqEdges.length).toBeGreaterThan(4);
  });

  it('falls when the FIFO is read below the trigger level, not earlier', () => {
    const r = fifoRig(1);
    r.wr(IER, 0x01);
    r.arrive(1, 2, 3, 4, 5);
    expect(r.irq).toBe(true);
    r.rd(RBR);
    expect(r.irq).toBe(true);
    r.rd(RBR);
    expect(r.irq).toBe(false);
    expect(r.rd(LSR) & DR).toBe(DR);
  });
});

describe('THRE pending', () => {
  it('is set when the FIFO becomes empty, not for each character', () => {
    const r = fifoRig();
    r.wr(IER, 0x02);
    r.rd(IIR);
    for (const byte of [1, 2, 3, 4]) r.wr(THR, byte);
    r.rd(IIR); // the first byte went straight on, which left THR empty for a moment
    r.run(FRAME_NS);
    expect(r.irq).toBe(false);
    r.run(FRAME_NS);
    expect(r.irq).toBe(false);
    r.run(FRAME_NS); // the last byte is in the shift register now
    expect(r.irq).toBe(true);
    expect(r.id()).toBe(ID_THRE);
  });

  it('is set by IER.1 going 0 → 1 while THR is empty, though acknowledged before', () => {
    const r = rig();
    r.wr(IER, 0x02);
    expect(r.id()).toBe(ID_THRE);
    expect(r.id()).toBe(ID_NONE);
    r.wr(IER, 0x00);
    r.wr(IER, 0x02);
    expect(r.id()).toBe(ID_THRE);
  });

  it('is not set by IER.1 going 0 → 1 while THR is full', () => {
    const r = rig();
    r.wr(THR, 1);
    r.wr(THR, 2);
    r.wr(IER, 0x02);
    expect(r.id()).toBe(ID_NONE);
  });

  it('is not set again by writing IER.1 = 1 over 1', () => {
    const r = rig();
    r.wr(IER, 0x02);
    r.rd(IIR);
    r.wr(IER, 0x02);
    r.wr(IER, 0x03);
    expect(r.id()).toBe(ID_NONE);
  });

  it('is dropped by IER.1 going 1 → 0', () => {
    const r = rig();
    r.wr(THR, 1);
    r.wr(THR, 2);
    r.wr(IER, 0x02);
    r.run(FRAME_NS);
    r.wr(IER, 0x00);
    r.wr(THR, 3);
    r.wr(IER, 0x02);
    expect(r.id()).toBe(ID_NONE);
  });

  it('is cleared by a THR write; the line really drops, for edge-triggered controllers', () => {
    const r = rig();
    r.wr(IER, 0x02);
    r.irqEdges.length = 0;
    r.wr(THR, 1); // moves on to the shift register at once
    expect(r.irqEdges.map((edge) => edge.level)).toEqual([false, true]);
    r.wr(THR, 2); // stays in THR
    expect(r.irqEdges.map((edge) => edge.level)).toEqual([false, true, false]);
  });

  it('is set by an FCR transmitter reset that discards something', () => {
    const r = fifoRig();
    r.wr(IER, 0x02);
    r.wr(THR, 1);
    r.wr(THR, 2);
    r.rd(IIR);
    expect(r.irq).toBe(false);
    r.wr(FCR, 0x05);
    expect(r.id()).toBe(ID_THRE);
  });
});

describe('OUT2 gate (PC boards)', () => {
  it('holds INTR back while OUT2 is inactive, IIR shows the cause all the same', () => {
    const r = rig({ out2GatesIrq: true });
    r.wr(IER, 0x01);
    r.arrive(1);
    expect(r.irq).toBe(false);
    expect(r.id()).toBe(ID_RDA);
  });

  it('passes a pending cause on when OUT2 rises', () => {
    const r = rig({ out2GatesIrq: true });
    r.wr(IER, 0x01);
    r.arrive(1);
    r.wr(4, 0x08);
    expect(r.irq).toBe(true);
    r.wr(4, 0x00);
    expect(r.irq).toBe(false);
  });

  it('is closed in loopback, which makes the pin inactive', () => {
    const r = rig({ out2GatesIrq: true });
    r.wr(4, 0x18);
    r.wr(IER, 0x02);
    expect(r.irq).toBe(false);
    expect(r.id()).toBe(ID_THRE);
  });

  it('does not exist by default', () => {
    const r = rig();
    r.wr(IER, 0x02);
    expect(r.irq).toBe(true);
  });
});

describe('break interrupt', () => {
  it('comes as line status, then as a NUL', () => {
    const r = rig();
    r.wr(IER, 0x05);
    arriveWith(r, 0xff, { breakCondition: true });
    expect(r.id()).toBe(ID_LINE_STATUS);
    expect(r.rd(LSR) & (BI | DR)).toBe(BI | DR);
    expect(r.id()).toBe(ID_RDA);
    expect(r.rd(RBR)).toBe(0);
    expect(r.id()).toBe(ID_NONE);
  });
});

describe('fault lost-thre', () => {
  const faulty = () => rig({ fault: 'lost-thre' });

  it('IER.1 0 → 1 does not raise an interrupt that has been acknowledged; a sound part does', () => {
    for (const [r, second] of [
      [rig(), ID_THRE],
      [faulty(), ID_NONE],
    ] as const) {
      r.wr(THR, 0x41);
      r.run(FRAME_NS);
      r.wr(IER, 0x02);
      expect(r.id()).toBe(ID_THRE);
      r.wr(IER, 0x00);
      r.wr(IER, 0x02);
      expect(r.id()).toBe(second);
      expect(r.irq).toBe(false);
    }
  });

  it('IER.1 masks it only: what came meanwhile interrupts when it is set again', () => {
    const r = faulty();
    r.wr(THR, 0x41);
    r.run(FRAME_NS);
    r.wr(IER, 0x00);
    r.wr(IER, 0x02);
    expect(r.irq).toBe(true);
  });

  it('the next character interrupts as ever', () => {
    const r = faulty();
    r.wr(IER, 0x02);
    expect(r.id()).toBe(ID_NONE);
    r.wr(THR, 0x41);
    r.run(FRAME_NS);
    expect(r.id()).toBe(ID_THRE);
  });
});
