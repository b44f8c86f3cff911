// Random things that can happen to a UART, from both sides, for the property tests: bus accesses
// of any width, line inputs, time. Each operation is plain data, so that a failure prints a script.

import * as fc from 'fast-check';
import type { AccessBytes } from '../../../devices/ports.ts';
import {
  applyLineInput,
  MockLine,
  Uart8250,
  UART8250_VARIANT_NAMES,
  type LineInput,
  type Uart8250Options,
  type Uart8250VariantName,
} from '../../../devices/uart8250/index.ts';
import { FakeClock } from './rig.ts';

export type Operation =
  | { kind: 'read'; offset: number; bytes: AccessBytes }
  | { kind: 'write'; offset: number; bytes: AccessBytes; value: number }
  | { kind: 'line'; input: LineInput }
  | { kind: 'burst'; count: number }
  | { kind: 'reset' }
  | { kind: 'run'; ns: number };

export interface Setup {
  variant: Uart8250VariantName;
  noBaud: boolean;
  out2GatesIrq: boolean;
  registerShift: 0 | 1 | 2;
  registerBytes: AccessBytes;
}

const bytes = fc.constantFrom<AccessBytes>(1, 2, 4);
const byte = fc.integer({ min: 0, max: 255 });
const bool = fc.boolean();

export const setups: fc.Arbitrary<Setup> = fc.record({
  variant: fc.constantFrom(...UART8250_VARIANT_NAMES),
  noBaud: bool,
  out2GatesIrq: bool,
  registerShift: fc.constantFrom<0 | 1 | 2>(0, 0, 1, 2),
  registerBytes: bytes,
});

const lineInputs: fc.Arbitrary<LineInput> = fc.oneof(
  fc.record({
    kind: fc.constant('receive' as const),
    character: fc.record({
      byte,
      parityError: bool,
      framingError: bool,
      breakCondition: fc.constantFrom(false, false, false, true),
    }),
  }),
  fc.record({ kind: fc.constant('break' as const), on: bool }),
  fc.record({
    kind: fc.constant('modem' as const),
    inputs: fc.record({ cts: bool, dsr: bool, ri: bool, dcd: bool }),
  }),
  fc.record({ kind: fc.constant('ready' as const), ready: bool }),
  fc.record({ kind: fc.constant('rtsFlow' as const), on: bool }),
  fc.constant({ kind: 'overrun' as const }),
);

/** Values that reach deep states more often than random bytes do. */
const lcrValues = fc.constantFrom(0x03, 0x03, 0x03, 0x1f, 0x43, 0x83, 0xbf, 0x80, 0x04);
const fcrValues = fc.constantFrom(0x01, 0x01, 0x81, 0xc1, 0x07, 0x21, 0x00, 0x31);

const write = (offset: number, value: fc.Arbitrary<number>): fc.Arbitrary<Operation> =>
  value.map((v) => ({ kind: 'write', offset, bytes: 1, value: v }));

const read: fc.Arbitrary<Operation> = fc
  .tuple(fc.integer({ min: 0, max: 7 }))
  .map(([offset]) => ({ kind: 'read', offset, bytes: 1 }));

/** Operations for byte accesses are scaled by the register shift in {@link Bench.apply}. */
export const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: read },
  { weight: 6, arbitrary: write(0, byte) },
  { weight: 3, arbitrary: write(1, byte) },
  { weight: 2, arbitrary: write(2, fcrValues) },
  { weight: 2, arbitrary: write(3, lcrValues) },
  { weight: 2, arbitrary: write(4, byte) },
  { weight: 1, arbitrary: write(7, byte) },
  { weight: 6, arbitrary: lineInputs.map((input) => ({ kind: 'line' as const, input })) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 20 }).map((count) => ({ kind: 'burst' as const, count })),
  },
  {
    weight: 8,
    arbitrary: fc
      .oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 400_000 }))
      .map((ns) => ({ kind: 'run' as const, ns })),
  },
);

/** The same, with accesses of any width anywhere in the window (unaligned ones excepted) and resets. */
export const wildOperations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 20, arbitrary: operations },
  {
    weight: 10,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 63 }), bytes)
      .map(([at, width]) => ({ kind: 'read' as const, offset: at & ~(width - 1), bytes: width })),
  },
  {
    weight: 10,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 63 }), bytes, fc.integer({ min: 0, max: 0xffff_ffff }))
      .map(([at, width, value]) => ({
        kind: 'write' as const,
        offset: at & ~(width - 1),
        bytes: width,
        value: width === 4 ? value : value & (2 ** (8 * width) - 1),
      })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reset' as const }) },
);

/** A UART under random operations, with everything that it shows to the outside in one log. */
export class Bench {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly line: MockLine;
  readonly uart: Uart8250;
  readonly #shift: number;
  #sequence = 0;

  constructor(setup: Setup, nowNs = 0) {
    this.clock.now = nowNs;
    this.#shift = setup.registerShift;
    const options: Uart8250Options = {
      ...setup,
      name: 'uart0',
      clockHz: 1_843_201, // prime to the ns: frames have fractions
      clock: this.clock,
      irq: (level) => this.#note('irq', level),
      wake: (level) => this.#note('wake', level),
    };
    this.uart = new Uart8250(options);
    this.line = new MockLine(this.clock);
    this.uart.attach({
      connected: (port) => this.line.connected(port),
      transmit: (value) => this.#note('transmit', value),
      breakChanged: (on) => this.#note('break', on),
      modemChanged: (outputs) => this.#note('modem', JSON.stringify(outputs)),
      settingsChanged: (settings) => this.#note('settings', JSON.stringify(settings)),
      receiveReady: (room) => this.#note('ready', room),
    });
    this.log.length = 0;
  }

  #note(what: string, value: unknown): void {
    this.log.push(`${this.clock.now} ${what} ${String(value)}`);
  }

  /** Numbers the bytes of bursts, so that a continued run sends what the original did. */
  set sequence(value: number) {
    this.#sequence = value;
  }

  get sequence(): number {
    return this.#sequence;
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case 'read': {
        const at = operation.bytes === 1 ? operation.offset << this.#shift : operation.offset;
        this.#note(`read ${operation.offset}`, this.uart.read(at, operation.bytes));
        return;
      }
      case 'write': {
        const at = operation.bytes === 1 ? operation.offset << this.#shift : operation.offset;
        this.uart.write(at, operation.bytes, operation.value);
        return;
      }
      case 'line':
        applyLineInput(this.uart, operation.input);
        return;
      case 'burst':
        for (let i = 0; i < operation.count; i++) {
          this.uart.receive({ byte: this.#sequence++ & 0xff });
        }
        return;
      case 'reset':
        this.uart.reset();
        return;
      case 'run':
        this.clock.run(operation.ns);
    }
  }
}
