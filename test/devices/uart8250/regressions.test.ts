// Bugs that other emulators of this part had, by name. Each was reported (or found by reading
// their source); each would show here.

import { describe, expect, it } from 'vitest';
import {
  arriveWith,
  BI,
  DR,
  FCR,
  fifoRig,
  FRAME_NS,
  ID_NONE,
  ID_RDA,
  ID_THRE,
  IER,
  IIR,
  LSR,
  MCR,
  MSR,
  OE,
  PE,
  RBR,
  rig,
  TEMT,
  THR,
  THRE,
} from './rig.ts';

describe('bugs of other emulators', () => {
  it('vm-superio #135: input while IER is masked is signalled when IER is restored', () => {
    const r = fifoRig();
    r.wr(IER, 0x01);
    r.wr(IER, 0x00);
    r.arrive(0x41);
    r.wr(IER, 0x01);
    expect(r.irq).toBe(true);
  });

  it('firecracker #5730: IER.1 survives a snapshot in the middle of sending', () => {
    const r = fifoRig();
    r.wr(IER, 0x02);
    r.rd(IIR);
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.rd(IIR);
    const state = r.uart.save();
    r.uart.reset();
    r.uart.restore(state);
    r.run(2 * FRAME_NS);
    expect(r.id()).toBe(ID_THRE);
  });

  it('vm-superio #23: THRE comes though the line throws', () => {
    const r = fifoRig();
    r.uart.attach({
      transmit: () => {
        throw new Error('host write failed');
      },
    });
    r.wr(THR, 1);
    r.wr(THR, 2);
    expect(() => r.run(FRAME_NS)).toThrow('host write failed');
    expect(r.rd(LSR) & THRE).toBe(THRE);
    expect(() => r.run(FRAME_NS)).toThrow('host write failed');
    expect(r.rd(LSR) & TEMT).toBe(TEMT);
  });

  it('vm-superio #25, osv #921: one interrupt per FIFO, not per byte', () => {
    const r = fifoRig();
    r.wr(IER, 0x02);
    r.rd(IIR);
    for (let i = 0; i < 16; i++) r.wr(THR, i);
    r.rd(IIR);
    r.irqEdges.length = 0;
    r.run(16 * FRAME_NS);
    expect(r.irqEdges.filter((edge) => edge.level).length).toBe(1);
  });

  it('acrn #3211: THRE is raised by enabling it', () => {
    const r = rig();
    r.wr(IER, 0x02);
    expect(r.irq).toBe(true);
  });

  it('acrn #3048: THRE acknowledged by IIR is not raised again while it stays enabled', () => {
    const r = rig();
    r.wr(IER, 0x02);
    r.rd(IIR);
    r.run(100 * FRAME_NS);
    expect(r.irq).toBe(false);
  });

  it('gem5 #1009: receive and transmit causes do not clear each other', () => {
    const r = rig();
    r.wr(IER, 0x03);
    r.arrive(0x41);
    r.wr(THR, 1);
    r.wr(THR, 2); // THRE is not pending now
    expect(r.id()).toBe(ID_RDA);
    r.run(FRAME_NS); // and is again
    r.rd(RBR);
    expect(r.id()).toBe(ID_THRE);
  });

  it('QEMU 1645b8ee: writing IER.1 = 1 over 1 raises nothing (DR-DOS Plus)', () => {
    const r = rig();
    r.wr(IER, 0x02);
    r.rd(IIR);
    r.wr(IER, 0x02);
    expect(r.irq).toBe(false);
  });

  it('QEMU 40ff1624: the character after a BREAK is not eaten', () => {
    const r = fifoRig();
    arriveWith(r, 0, { breakCondition: true });
    r.arrive(0x68);
    expect(r.rd(LSR) & BI).toBe(BI);
    expect(r.rd(RBR)).toBe(0);
    expect(r.rd(LSR) & (BI | DR)).toBe(DR);
    expect(r.rd(RBR)).toBe(0x68);
  });

  it('elks #2624: an edge-triggered PIC sees an edge for each drained cause', () => {
    const r = fifoRig(0);
    r.wr(IER, 0x01);
    r.arrive(1);
    r.rd(RBR);
    r.arrive(2);
    expect(r.irqEdges.map((edge) => edge.level)).toEqual([true, false, true]);
  });

  it('Bochs #307: a fast host does not overrun the FIFO, input is paced by the baud rate', () => {
    const r = fifoRig();
    r.line.send(new Uint8Array(1000));
    r.run(FRAME_NS * 16);
    expect(r.uart.inspect().receiver.fifo.length).toBe(16);
    expect(r.uart.counters.overruns).toBe(0);
  });

  it('renode #251: transmit completion inside the handler still interrupts', () => {
    const r = fifoRig(0, { noBaud: true });
    r.wr(IER, 0x02);
    r.rd(IIR);
    r.wr(THR, 1);
    expect(r.irq).toBe(true);
  });

  it('openvmm #4187: loopback DTR is DSR and RTS is CTS, not the other way round', () => {
    const r = rig();
    r.wr(MCR, 0x11);
    expect(r.rd(MSR) & 0xf0).toBe(0x20);
  });

  it('v86 #1523: a modem change interrupts', () => {
    const r = rig();
    r.wr(IER, 0x08);
    r.line.modem({ cts: false });
    expect(r.irq).toBe(true);
  });

  it('libjwdpmi #1: on a PC nothing interrupts until OUT2 is set', () => {
    const r = rig({ out2GatesIrq: true });
    r.wr(IER, 0x02);
    expect(r.irq).toBe(false);
  });

  it('vm-superio: ids are not ORed, and IIR does not wipe receive data', () => {
    const r = rig();
    r.wr(IER, 0x07);
    r.arrive(1);
    expect(r.id()).toBe(ID_RDA);
    expect(r.id()).toBe(ID_RDA);
  });

  it('vm-superio: overrun in loopback', () => {
    const r = rig();
    r.wr(MCR, 0x10);
    for (const byte of [1, 2]) {
      r.wr(THR, byte);
      r.run(FRAME_NS);
    }
    expect(r.rd(LSR) & OE).toBe(OE);
  });

  it('Bochs: DR is set below the trigger level', () => {
    const r = fifoRig(3);
    r.arrive(1);
    expect(r.rd(LSR) & DR).toBe(DR);
  });

  it('Bochs: any IIR read must not drop THRE', () => {
    const r = rig();
    r.wr(IER, 0x03);
    r.arrive(1);
    r.rd(IIR);
    r.rd(RBR);
    expect(r.id()).toBe(ID_THRE);
  });

  it('v86: characters that wait in front of the receiver are part of the state', () => {
    const r = fifoRig();
    r.line.send('abc');
    const state = r.uart.save();
    r.run(100 * FRAME_NS);
    r.wr(FCR, 0x03);
    r.clock.now = 0;
    r.uart.restore(state);
    r.run(100 * FRAME_NS);
    expect([r.rd(RBR), r.rd(RBR), r.rd(RBR)]).toEqual([0x61, 0x62, 0x63]);
  });

  it('v86, VirtualBox: TERI on the trailing edge only', () => {
    const r = rig();
    r.line.modem({ ri: true });
    expect(r.rd(MSR) & 0x04).toBe(0);
    r.line.modem({ ri: false });
    expect(r.rd(MSR) & 0x04).toBe(0x04);
  });

  it('VirtualBox: a BREAK brings its NUL', () => {
    const r = fifoRig();
    arriveWith(r, 0x55, { breakCondition: true });
    expect(r.rd(LSR) & (DR | BI)).toBe(DR | BI);
    expect(r.rd(RBR)).toBe(0);
  });

  it('QEMU: parity errors in the FIFO show in LSR.7', () => {
    const r = fifoRig();
    r.arrive(1);
    arriveWith(r, 2, { parityError: true });
    expect(r.rd(LSR) & (0x80 | PE)).toBe(0x80);
  });

  it('QEMU: a line that stalls for long loses nothing', () => {
    const r = fifoRig();
    r.line.ready(false);
    for (let i = 0; i < 17; i++) r.wr(THR, i);
    r.run(1_000_000 * FRAME_NS);
    r.line.ready(true);
    r.run(17 * FRAME_NS);
    expect(r.line.bytes.length).toBe(17);
  });

  it('semu: pending causes are not masked off for good while IER is 0', () => {
    const r = rig();
    r.wr(IER, 0x03);
    r.arrive(1);
    r.wr(IER, 0x00);
    expect(r.id()).toBe(ID_NONE);
    r.wr(IER, 0x03);
    expect(r.id()).toBe(ID_RDA);
  });

  it('rp2040js: pasted text is queued, not kept in a mailbox of one byte', () => {
    const r = fifoRig();
    r.line.send('pasted text');
    let text = '';
    for (let i = 0; i < 20; i++) {
      r.run(FRAME_NS);
      if (r.rd(LSR) & DR) text += String.fromCharCode(r.rd(RBR));
    }
    expect(text).toBe('pasted text');
  });
});
