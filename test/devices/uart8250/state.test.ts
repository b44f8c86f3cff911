// Saving and restoring: at any moment, into a new UART, the same bytes go on at the same times.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  INPUT_QUEUE_CHARACTERS,
  Uart8250,
  type Uart8250State,
} from '../../../devices/uart8250/index.ts';
import { Bench, operations, setups } from './operations.ts';
import { EFR, FakeClock, fifoRig, FRAME_NS, IER, LCR, LSR, MCR, RBR, rig, THR } from './rig.ts';

describe('state', () => {
  it('restored at a random moment, continues with the same bytes at the same times', () => {
    fc.assert(
      fc.property(
        setups,
        fc.array(operations, { minLength: 1, maxLength: 60 }),
        fc.array(operations, { minLength: 1, maxLength: 60 }),
        (setup, before, after) => {
          const original = new Bench(setup);
          for (const operation of before) original.apply(operation);
          const state = JSON.parse(JSON.stringify(original.uart.save())) as Uart8250State;
          const copy = new Bench(setup, original.clock.now);
          copy.uart.restore(state);
          copy.sequence = original.sequence;
          original.log.length = 0;
          copy.log.length = 0;
          expect(copy.uart.inspect()).toEqual(original.uart.inspect());
          for (const operation of [...after, { kind: 'run' as const, ns: 10_000_000 }]) {
            original.apply(operation);
            copy.apply(operation);
          }
          expect(copy.log).toEqual(original.log);
          expect(copy.uart.save()).toEqual(original.uart.save());
        },
      ),
      { numRuns: 300, seed: 8250 },
    );
  });

  it('saving is without effect, and the struct is a copy', () => {
    const r = fifoRig();
    r.wr(IER, 0x0f);
    r.line.send('abc');
    r.wr(THR, 1);
    r.run(FRAME_NS);
    const state = r.uart.save();
    expect(structuredClone(state)).toEqual(state);
    r.run(5 * FRAME_NS);
    expect(state.receiver.fifo.length).toBe(1);
    expect(r.uart.save()).not.toEqual(state);
  });

  it('keeps what flow control has decided', () => {
    const automatic = fifoRig(2, { variant: '16750' });
    automatic.wr(MCR, 0x22);
    automatic.line.send(new Uint8Array(20));
    automatic.run(20 * FRAME_NS);
    for (let i = 0; i < 4; i++) automatic.rd(RBR); // below the trigger, RTS still dropped
    const state = automatic.uart.save();
    automatic.uart.reset();
    automatic.uart.restore(state);
    expect(automatic.line.outputs.rts).toBe(false);

    const software = fifoRig(0, { variant: '16650V2' });
    software.wr(LCR, 0xbf);
    software.wr(EFR, 0x18);
    software.wr(4, 0x11);
    software.wr(6, 0x13);
    software.wr(LCR, 0x03);
    software.arrive(...new Array<number>(8).fill(0)); // sends Xoff
    const sent = software.uart.save();
    software.uart.reset();
    software.uart.restore(sent);
    software.run(FRAME_NS);
    for (let i = 0; i < 8; i++) software.rd(RBR);
    software.run(2 * FRAME_NS);
    expect([...software.line.bytes]).toEqual([0x13, 0x11]);
  });

  it('remembers that the far end waits for room', () => {
    const r = rig();
    let rooms = 0;
    r.uart.attach({ transmit: () => undefined, receiveReady: () => rooms++ });
    while (r.uart.receive({ byte: 0 }));
    const full = r.uart.save();
    r.run(INPUT_QUEUE_CHARACTERS * FRAME_NS);
    expect(rooms).toBe(1);
    r.clock.now -= INPUT_QUEUE_CHARACTERS * FRAME_NS;
    r.uart.restore(full);
    r.run(INPUT_QUEUE_CHARACTERS * FRAME_NS);
    expect(rooms).toBe(2);
  });

  it('can be restored again and again', () => {
    const r = fifoRig();
    for (const byte of [1, 2, 3]) r.wr(THR, byte);
    r.line.send('xyz');
    const state = r.uart.save();
    const now = r.clock.now;
    for (let round = 0; round < 3; round++) {
      r.clock.now = now;
      r.uart.restore(state);
      r.line.clear();
      r.run(FRAME_NS * 4);
      expect([...r.line.bytes]).toEqual([1, 2, 3]);
      expect([r.rd(RBR), r.rd(RBR), r.rd(RBR)]).toEqual([0x78, 0x79, 0x7a]);
    }
  });

  it('does not drive the interrupt line: the level is part of the board’s state', () => {
    const r = rig();
    r.arrive(1);
    r.wr(IER, 0x01);
    const state = r.uart.save();
    r.rd(RBR);
    r.irqEdges.length = 0;
    r.uart.restore(state);
    expect(r.irqEdges).toEqual([]);
    expect(r.uart.interruptLevel).toBe(true);
    r.rd(RBR);
    expect(r.irqEdges.map((edge) => edge.level)).toEqual([false]);
  });

  it('tells the line the settings and signals anew', () => {
    const r = rig();
    r.wr(4, 0x03);
    const state = r.uart.save();
    r.wr(4, 0x00);
    r.uart.restore(state);
    expect(r.line.outputs).toMatchObject({ dtr: true, rts: true });
  });

  it('refuses another version and another part', () => {
    const r = rig();
    const state = r.uart.save();
    const wrong = { ...state, version: 99 } as unknown as Uart8250State;
    expect(() => r.uart.restore(wrong)).toThrow(/uart0: unknown UART state version 99/);
    const other = new Uart8250({
      name: 'uart1',
      variant: '16450',
      clockHz: 1_843_200,
      clock: new FakeClock(),
      irq: () => undefined,
    });
    expect(() => other.restore(state)).toThrow(/uart1: state of a 16550A, not a 16450/);
    expect(r.rd(LSR)).toBe(0x60);
  });
});
