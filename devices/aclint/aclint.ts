// ACLINT in its CLINT-compatible layout: machine software interrupts, machine timers and mtime.
// Specification: RISC-V Advanced Core Local Interruptor 1.0-rc4 (MSWI, MTIMER); addresses as in the
// SiFive CLINT (FU540-C000 manual, chapter 9). Leaves out: SSWI (supervisor software interrupts).

import type { AccessBytes, BusDevice, Clock, InterruptLine, Stateful, Timer } from '../ports.ts';

/** MSIP register of hart 0; one word per hart, only bit 0 is implemented. */
export const ACLINT_MSIP = 0x0000;
/** MTIMECMP register of hart 0; eight bytes per hart. */
export const ACLINT_MTIMECMP = 0x4000;
/** MTIME, eight bytes. */
export const ACLINT_MTIME = 0xbff8;
/** Size of the register window in bytes. */
export const ACLINT_BYTES = 0x10000;

const TWO_32 = 0x1_0000_0000;
const TICKS_MAX = Number.MAX_SAFE_INTEGER;

/** What the device drives and is driven by. */
export interface AclintPorts {
  readonly clock: Clock;
  /** Nanoseconds per mtime tick: 100 for a timebase of 10 MHz. */
  readonly nsPerTick: number;
  /** Machine software interrupt of each hart, in hart order. */
  readonly softwareLines: readonly InterruptLine[];
  /** Machine timer interrupt of each hart, in hart order. */
  readonly timerLines: readonly InterruptLine[];
}

export interface AclintState {
  version: 1;
  /** mtime minus the clock's ticks, modulo 2^64: [low, high]. */
  offset: [number, number];
  msip: number[];
  /** mtimecmp per hart: low, high, low, high … */
  mtimecmp: number[];
  timerPending: boolean[];
  deadlines: number[];
}

export class Aclint implements BusDevice, Stateful<AclintState> {
  readonly #clock: Clock;
  readonly #nsPerTick: number;
  readonly #softwareLines: readonly InterruptLine[];
  readonly #timerLines: readonly InterruptLine[];
  readonly #timers: readonly Timer[];
  readonly #harts: number;
  #offsetLow = 0;
  #offsetHigh = 0;
  readonly #msip: Uint8Array;
  readonly #mtimecmp: Uint32Array;
  readonly #timerPending: boolean[];

  constructor(ports: AclintPorts) {
    this.#clock = ports.clock;
    this.#nsPerTick = ports.nsPerTick;
    this.#softwareLines = ports.softwareLines;
    this.#timerLines = ports.timerLines;
    this.#harts = ports.timerLines.length;
    this.#msip = new Uint8Array(this.#harts);
    // The specification leaves mtimecmp unknown at reset; "never" keeps the line low until it is set.
    this.#mtimecmp = new Uint32Array(this.#harts * 2).fill(0xffff_ffff);
    this.#timerPending = new Array<boolean>(this.#harts).fill(false);
    this.#timers = ports.timerLines.map((_, hart) =>
      ports.clock.timer(`aclint.mtimecmp${hart}`, () => this.#update(hart)),
    );
  }

  /** mtime bits 31:0. */
  get mtimeLow(): number {
    return ((this.#ticks() + this.#offsetLow) % TWO_32) >>> 0;
  }

  /** mtime bits 63:32. */
  get mtimeHigh(): number {
    const carry = Math.floor((this.#ticks() % TWO_32) + this.#offsetLow >= TWO_32 ? 1 : 0);
    return ((Math.floor(this.#ticks() / TWO_32) + this.#offsetHigh + carry) % TWO_32) >>> 0;
  }

  reset(): void {
    this.#offsetLow = 0;
    this.#offsetHigh = 0;
    this.#mtimecmp.fill(0xffff_ffff);
    for (let hart = 0; hart < this.#harts; hart++) {
      this.#writeMsip(hart, 0);
      this.#update(hart);
    }
  }

  read(offset: number, bytes: AccessBytes): number {
    const word = this.#readWord(offset & ~3);
    if (bytes === 4) return word;
    const shifted = word >>> ((offset & 3) * 8);
    return bytes === 2 ? shifted & 0xffff : shifted & 0xff;
  }

  /** Only word writes have an effect: the specification defines no narrower ones. */
  write(offset: number, bytes: AccessBytes, value: number): void {
    if (bytes !== 4) return;
    if (offset < ACLINT_MSIP + 4 * this.#harts) {
      this.#writeMsip(offset >>> 2, value & 1);
      return;
    }
    const compare = (offset - ACLINT_MTIMECMP) >>> 2;
    if (offset >= ACLINT_MTIMECMP && compare < this.#mtimecmp.length) {
      this.#mtimecmp[compare] = value;
      this.#update(compare >>> 1);
      return;
    }
    if (offset === ACLINT_MTIME) this.#writeMtime(value, this.mtimeHigh);
    else if (offset === ACLINT_MTIME + 4) this.#writeMtime(this.mtimeLow, value);
  }

  save(): AclintState {
    return {
      version: 1,
      offset: [this.#offsetLow, this.#offsetHigh],
      msip: [...this.#msip],
      mtimecmp: [...this.#mtimecmp],
      timerPending: [...this.#timerPending],
      deadlines: this.#timers.map((timer) => timer.deadline),
    };
  }

  /** Puts back registers and timers; the interrupt lines' levels are part of the harts' own state. */
  restore(state: AclintState): void {
    if (state.version !== 1) {
      throw new RangeError(`ACLINT state: expected version 1, found ${String(state.version)}`);
    }
    [this.#offsetLow, this.#offsetHigh] = state.offset;
    this.#msip.set(state.msip);
    this.#mtimecmp.set(state.mtimecmp);
    for (let hart = 0; hart < this.#harts; hart++) {
      this.#timerPending[hart] = state.timerPending[hart];
      this.#timers[hart].set(state.deadlines[hart]);
    }
  }

  #ticks(): number {
    return Math.floor(this.#clock.now / this.#nsPerTick);
  }

  #readWord(offset: number): number {
    if (offset < ACLINT_MSIP + 4 * this.#harts) return this.#msip[offset >>> 2];
    const compare = (offset - ACLINT_MTIMECMP) >>> 2;
    if (offset >= ACLINT_MTIMECMP && compare < this.#mtimecmp.length)
      return this.#mtimecmp[compare];
    if (offset === ACLINT_MTIME) return this.mtimeLow;
    if (offset === ACLINT_MTIME + 4) return this.mtimeHigh;
    return 0;
  }

  #writeMsip(hart: number, value: number): void {
    if (this.#msip[hart] === value) return;
    this.#msip[hart] = value;
    this.#softwareLines[hart](value === 1);
  }

  #writeMtime(low: number, high: number): void {
    const ticks = this.#ticks();
    const borrow = low < ticks % TWO_32 ? 1 : 0;
    this.#offsetLow = (low - (ticks % TWO_32)) >>> 0;
    this.#offsetHigh = (high - Math.floor(ticks / TWO_32) - borrow) >>> 0;
    for (let hart = 0; hart < this.#harts; hart++) this.#update(hart);
  }

  /** Drives the line of one hart: MTIP is `mtime >= mtimecmp` at any moment (privileged 3.2.1). */
  #update(hart: number): void {
    const compareLow = this.#mtimecmp[hart * 2];
    const compareHigh = this.#mtimecmp[hart * 2 + 1];
    const high = this.mtimeHigh;
    const pending = high > compareHigh || (high === compareHigh && this.mtimeLow >= compareLow);
    // Ticks until the comparison turns true, modulo nothing: mtime wraps after 58,000 years.
    const ticksLeft = (compareHigh - high) * TWO_32 + (compareLow - this.mtimeLow);
    const due = this.#ticks() + ticksLeft;
    if (pending || due * this.#nsPerTick > TICKS_MAX) this.#timers[hart].cancel();
    else this.#timers[hart].set(due * this.#nsPerTick);
    if (this.#timerPending[hart] === pending) return;
    this.#timerPending[hart] = pending;
    this.#timerLines[hart](pending);
  }
}
