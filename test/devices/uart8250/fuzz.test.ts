// Every register, every width, in random order, with a line that does what it likes: no crash, no
// endless loop (the clock of the bench fails on one), and what must always hold does hold.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UART8250_VARIANTS } from '../../../devices/uart8250/index.ts';
import { Bench, setups, wildOperations, type Setup } from './operations.ts';

function value(bench: Bench, name: string): number {
  return bench.uart.inspect().registers.find((view) => view.name === name)?.value ?? -1;
}

function checkInvariants(bench: Bench, setup: Setup): void {
  const view = bench.uart.inspect();
  const variant = UART8250_VARIANTS[setup.variant];
  const lsr = value(bench, 'LSR');
  const iir = value(bench, 'IIR');
  // LSR agrees with the FIFOs.
  expect((lsr & 0x01) !== 0).toBe(view.receiver.fifo.length > 0);
  expect((lsr & 0x20) !== 0).toBe(view.transmitter.fifo.length === 0);
  expect((lsr & 0x40) !== 0).toBe(
    view.transmitter.fifo.length === 0 && view.transmitter.shift === undefined,
  );
  if ((lsr & 0x80) !== 0) expect(variant.fifo).toBe('working');
  // FIFOs are never deeper than the part's, and never deeper than enabled.
  expect(view.receiver.fifo.length).toBeLessThanOrEqual(view.fifoBytes);
  expect(view.transmitter.fifo.length).toBeLessThanOrEqual(view.fifoBytes);
  // INTR is high exactly if IIR names a cause and the gate is open.
  const gate = !setup.out2GatesIrq || view.outputs.out2;
  expect(view.interrupt.level).toBe((iir & 1) === 0 && gate);
  // Unimplemented bits read 0.
  if (!variant.enhanced) expect(value(bench, 'IER') & ~variant.ierMask).toBe(0);
  if (!variant.enhanced) {
    expect(value(bench, 'MCR') & ~(0x1f | (variant.autoFlow ? 0x20 : 0))).toBe(0);
  }
  // A character timeout needs a FIFO with something in it.
  if (view.receiver.timeoutNs !== undefined) expect(view.receiver.fifo.length).toBeGreaterThan(0);
  // Something is being sent, or there is a reason why not.
  const waits = view.transmitter.fifo.length > 0 && view.transmitter.shift === undefined;
  if (waits)
    expect(view.transmitter.xoff || !view.inputs.cts || value(bench, 'MCR') & 0x10).toBeTruthy();
  if (view.transmitter.held) expect(view.transmitter.ready).toBe(false);
}

describe('fuzz', () => {
  it('keeps every invariant under random accesses of any width and random line input', () => {
    fc.assert(
      fc.property(
        setups,
        fc.array(wildOperations, { minLength: 1, maxLength: 150 }),
        (setup, script) => {
          const bench = new Bench(setup);
          for (const operation of script) {
            bench.apply(operation);
            checkInvariants(bench, setup);
          }
        },
      ),
      { numRuns: 150, seed: 16550 },
    );
  });

  it('values read fit the width of the access', () => {
    fc.assert(
      fc.property(
        setups,
        fc.array(wildOperations, { minLength: 1, maxLength: 50 }),
        (setup, script) => {
          const bench = new Bench(setup);
          for (const operation of script) {
            bench.apply(operation);
            if (operation.kind !== 'read') continue;
            const read = Number(bench.log.at(-1)?.split(' ').at(-1));
            expect(Number.isInteger(read) && read >= 0).toBe(true);
            expect(read).toBeLessThan(2 ** (8 * operation.bytes));
          }
        },
      ),
      { numRuns: 50, seed: 16750 },
    );
  });

  it('what the far end gives is received, on its way, or counted as lost or refused', () => {
    fc.assert(
      fc.property(
        setups,
        fc.array(wildOperations, { minLength: 1, maxLength: 150 }),
        (setup, script) => {
          const bench = new Bench(setup);
          let given = 0;
          for (const operation of script) {
            const refusedBefore = bench.uart.counters.refused;
            bench.apply(operation);
            const refused = bench.uart.counters.refused - refusedBefore;
            if (operation.kind === 'burst') given += operation.count - refused;
            if (operation.kind === 'line' && operation.input.kind === 'receive')
              given += 1 - refused;
          }
          const view = bench.uart.inspect();
          const sent = bench.log.filter((entry) => entry.includes(' transmit ')).length;
          expect(view.counters.transmitted).toBe(sent);
          // Of what the far end gave, everything has been received, was lost during loopback, or
          // is on its way; BREAKs with a length come on top, and injected overruns are losses.
          const under =
            view.counters.received + view.receiver.queued + (view.receiver.arriving ? 1 : 0);
          expect(under + view.counters.receiveLost).toBeGreaterThanOrEqual(given);
        },
      ),
      { numRuns: 100, seed: 16450 },
    );
  });
});
