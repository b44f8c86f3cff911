// A UART on a bench: a clock of its own, an interrupt line that is watched, a scripted line.
// The register constants are the tests' own, typed in from PC16550D, TL16C750 and 16C650.

import type { Clock, Timer } from '../../../devices/ports.ts';
import {
  MockLine,
  Uart8250,
  type Uart8250Options,
  type Uart8250VariantName,
} from '../../../devices/uart8250/index.ts';

export const RBR = 0;
export const THR = 0;
export const DLL = 0;
export const IER = 1;
export const DLM = 1;
export const IIR = 2;
export const FCR = 2;
export const EFR = 2;
export const LCR = 3;
export const MCR = 4;
export const LSR = 5;
export const MSR = 6;
export const SCR = 7;

export const DR = 0x01;
export const OE = 0x02;
export const PE = 0x04;
export const FE = 0x08;
export const BI = 0x10;
export const THRE = 0x20;
export const TEMT = 0x40;
export const FIFO_ERROR = 0x80;

export const ID_MASK = 0x0f;
export const ID_NONE = 0x01;
export const ID_LINE_STATUS = 0x06;
export const ID_RDA = 0x04;
export const ID_TIMEOUT = 0x0c;
export const ID_THRE = 0x02;
export const ID_MODEM = 0x00;

/** 1.8432 MHz, the PC's UART clock: 8N1 at divisor 1 is 115200 baud, 86.8 µs a character. */
export const PC_CLOCK_HZ = 1_843_200;
/** A clock that gives frames of whole ns: 8N1 at divisor 1 takes 10 × 16 × 100 ns = 16 µs. */
export const ROUND_CLOCK_HZ = 10_000_000;
export const FRAME_NS = 16_000;

interface FakeTimer extends Timer {
  deadline: number;
}

/** Virtual time by hand: runs timers in order of time, then of creation. */
export class FakeClock implements Clock {
  now = 0;
  readonly #timers: { timer: FakeTimer; expire: () => void }[] = [];

  timer(_name: string, expire: () => void): Timer {
    const timer: FakeTimer = {
      deadline: Infinity,
      set: (atNs) => {
        timer.deadline = Math.max(atNs, this.now);
      },
      cancel: () => {
        timer.deadline = Infinity;
      },
    };
    this.#timers.push({ timer, expire });
    return timer;
  }

  /** Runs everything that is due up to and including a time; fails on a loop without progress. */
  runTo(atNs: number): void {
    let sameInstant = 0;
    for (;;) {
      const due = this.#timers.reduce((a, b) => (b.timer.deadline < a.timer.deadline ? b : a));
      if (due.timer.deadline > atNs) break;
      sameInstant = due.timer.deadline === this.now ? sameInstant + 1 : 0;
      if (sameInstant > 1000) throw new Error(`1000 events at ${this.now} ns`);
      this.now = due.timer.deadline;
      due.timer.deadline = Infinity;
      due.expire();
    }
    this.now = atNs;
  }

  run(ns: number): void {
    this.runTo(this.now + ns);
  }
}

export interface RigOptions extends Partial<Omit<Uart8250Options, 'clock' | 'irq'>> {
  variant?: Uart8250VariantName;
}

export interface Rig {
  readonly clock: FakeClock;
  readonly uart: Uart8250;
  readonly line: MockLine;
  /** Every change of the interrupt line. */
  readonly irqEdges: { readonly atNs: number; readonly level: boolean }[];
  readonly irq: boolean;
  rd(register: number): number;
  wr(register: number, value: number): void;
  /** Reads IIR and gives the identification (bits 3:0). */
  id(): number;
  /** Lets the line send bytes and waits until the last has arrived. */
  arrive(...bytes: number[]): void;
  run(ns: number): void;
}

/** A 16550A with divisor 1, 8N1 and a 10 MHz clock unless told otherwise; FIFO off, IER = 0. */
export function rig(options: RigOptions = {}): Rig {
  const clock = new FakeClock();
  const irqEdges: { atNs: number; level: boolean }[] = [];
  const uart = new Uart8250({
    name: 'uart0',
    variant: '16550A',
    clockHz: ROUND_CLOCK_HZ,
    ...options,
    clock,
    irq: (level) => irqEdges.push({ atNs: clock.now, level }),
  });
  const line = new MockLine(clock);
  uart.attach(line);
  const shift = options.registerShift ?? 0;
  const self: Rig = {
    clock,
    uart,
    line,
    irqEdges,
    get irq() {
      return irqEdges.at(-1)?.level ?? false;
    },
    rd: (register) => uart.read(register << shift, 1),
    wr: (register, value) => uart.write(register << shift, 1, value),
    id: () => self.rd(IIR) & ID_MASK,
    arrive: (...bytes) => {
      line.send(bytes);
      clock.run(bytes.length * FRAME_NS);
    },
    run: (ns) => clock.run(ns),
  };
  setLine(self, 1, 0x03);
  self.run(FRAME_NS);
  return self;
}

/** A rig whose FIFOs are on, with a receiver trigger level as FCR 7:6. */
export function fifoRig(trigger = 0, options: RigOptions = {}): Rig {
  const r = rig(options);
  r.wr(FCR, 0x01 | (trigger << 6));
  return r;
}

/** Programs divisor and LCR the way a driver does. */
export function setLine(r: Rig, divisor: number, lcr: number): void {
  r.wr(LCR, 0x80);
  r.wr(DLL, divisor & 0xff);
  r.wr(DLM, divisor >> 8);
  r.wr(LCR, lcr);
}

/** Sends characters through the receiver with errors of the caller's choice. */
export function arriveWith(
  r: Rig,
  byte: number,
  errors: { parityError?: boolean; framingError?: boolean; breakCondition?: boolean },
): void {
  r.line.sendCharacter({ byte, ...errors });
  r.run(FRAME_NS);
}
