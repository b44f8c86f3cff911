// The transmitter: THR or FIFO, shift register, BREAK, and its stops (CTS, Xoff, a line that is
// not ready). PC16550D 8.4 (LSR 5, 6), 8.5 (FCR.2), 8.1 (LCR.6). Leaves out the delayed THRE
// indication of PC16550D 8.11 (one character time less the stop bit after a single-byte write).

import type { Clock, Timer } from '../ports.ts';
import type { Chip } from './chip.ts';
import { Fifo } from './fifo.ts';
import { LCR_BREAK } from './registers.ts';
import type { TransmitterState } from './state.ts';
import { dataMask, framesNs, NO_BAUD_LOOP_NS } from './timing.ts';

/** What the transmitter needs from the rest of the UART. */
export interface TransmitterPorts {
  /** The last stop bit of a character has left through the pin. */
  sent(byte: number): void;
  /** The same in loopback, where it feeds the receiver's shift register. */
  looped(byte: number): void;
  /** A frame begins: the line has to know the settings by now. */
  starting(): void;
  /** THR or FIFO has become empty, or has fallen to its trigger: the THRE interrupt is due. */
  drained(): void;
  /** BREAK has lasted a frame (true) or has ended after that (false). */
  breakChanged(on: boolean): void;
  /** State of the CTS input as automatic flow control sees it. */
  cts(): boolean;
}

const IDLE = -1;

export class Transmitter {
  readonly #chip: Chip;
  readonly #clock: Clock;
  readonly #ports: TransmitterPorts;
  readonly #timer: Timer;
  readonly #breakTimer: Timer;
  readonly #fifo = new Fifo();
  #control: number[] = [];
  #shift = IDLE;
  #shiftLoops = false;
  #endNs = 0;
  #endFraction = 0;
  #held = false;
  #ready = true;
  #xoff = false;
  #breakSent = false;

  constructor(chip: Chip, clock: Clock, name: string, ports: TransmitterPorts) {
    this.#chip = chip;
    this.#clock = clock;
    this.#ports = ports;
    this.#timer = clock.timer(`${name}.tx`, () => this.#frameEnd());
    this.#breakTimer = clock.timer(`${name}.break`, () => this.#breakLasted());
  }

  /** LSR.5: the holding register or the whole FIFO is empty. */
  get thre(): boolean {
    return this.#fifo.count === 0;
  }

  /** LSR.6: nothing left to send, shift register included. */
  get temt(): boolean {
    return this.#fifo.count === 0 && this.#shift === IDLE;
  }

  get xoff(): boolean {
    return this.#xoff;
  }

  /** THR write. The character that finds no room is lost: the old one in THR, the new one in a FIFO. */
  write(byte: number): void {
    if (this.#fifo.count < this.#chip.fifoBytes) {
      this.#fifo.push(byte);
    } else {
      this.#chip.counters.transmitLost++;
      if (!this.#chip.fifoEnabled) this.#fifo.replaceLast(byte);
    }
    this.kick();
  }

  /** 650: sends flow control characters ahead of the FIFO, instead of any that still wait. */
  sendControl(bytes: readonly number[]): void {
    this.#control = [...bytes];
    this.kick();
  }

  /** FCR.2, or any change of FCR.0: empties the FIFO, not the shift register. */
  clearFifo(): void {
    const discarded = this.#fifo.clear();
    this.#chip.counters.transmitLost += discarded;
    if (discarded > 0) this.#ports.drained();
  }

  /** Master reset: the pin goes to mark, what was being sent is gone. */
  reset(): void {
    if (this.#shift !== IDLE) this.#chip.counters.transmitLost++;
    this.#chip.counters.transmitLost += this.#fifo.clear();
    this.#control = [];
    this.#shift = IDLE;
    this.#held = false;
    this.#xoff = false;
    this.#timer.cancel();
    this.#breakTimer.cancel();
    this.#endBreak();
  }

  /** Starts the next character if there is one and nothing stops it. */
  kick(): void {
    if (this.#shift === IDLE) this.#load(this.#clock.now, 0);
  }

  setXoff(xoff: boolean): void {
    this.#xoff = xoff;
    if (!xoff) this.kick();
  }

  setReady(ready: boolean): void {
    this.#ready = ready;
    if (!ready || !this.#held) return;
    this.#held = false;
    this.#deliver(this.#clock.now, 0);
  }

  /** To be called after a write to LCR or MCR: BREAK is on the pin while LCR.6 is set, but for loopback. */
  updateBreak(): void {
    const on = (this.#chip.registers.lcr & LCR_BREAK) !== 0 && !this.#chip.loopback;
    const beginning = this.#breakTimer.deadline !== Infinity;
    if (on && !beginning && !this.#breakSent) {
      this.#breakTimer.set(this.#clock.now + framesNs(this.#chip.frame, 1));
    } else if (!on) {
      this.#breakTimer.cancel();
      this.#endBreak();
    }
  }

  #breakLasted(): void {
    this.#breakSent = true;
    this.#ports.breakChanged(true);
  }

  #endBreak(): void {
    if (!this.#breakSent) return;
    this.#breakSent = false;
    this.#ports.breakChanged(false);
  }

  #load(startNs: number, fraction: number): void {
    if (this.#chip.autoCts && !this.#ports.cts()) return;
    const control = this.#control.shift();
    if (control !== undefined) {
      this.#begin(control, startNs, fraction);
    } else if (!this.#xoff && this.#fifo.count > 0) {
      this.#begin(this.#fifo.shift(), startNs, fraction);
      const left = this.#fifo.count;
      if (left === 0 || left === this.#chip.txTrigger) this.#ports.drained();
    }
  }

  #begin(byte: number, startNs: number, fraction: number): void {
    this.#shift = byte & dataMask(this.#chip.registers.lcr);
    this.#shiftLoops = this.#chip.loopback;
    this.#ports.starting();
    if (this.#chip.noBaud) {
      this.#beginWithoutBaud(startNs);
      return;
    }
    const frame = this.#chip.frame;
    let ns = frame.ns;
    this.#endFraction = fraction + frame.numerator;
    if (this.#endFraction >= frame.denominator) {
      this.#endFraction -= frame.denominator;
      ns++;
    }
    this.#endNs = startNs + ns;
    this.#timer.set(this.#endNs);
  }

  /** Without baud rate a character leaves as it begins; through loopback it takes a moment. */
  #beginWithoutBaud(startNs: number): void {
    this.#endFraction = 0;
    this.#endNs = this.#shiftLoops ? startNs + NO_BAUD_LOOP_NS : startNs;
    if (this.#shiftLoops) this.#timer.set(this.#endNs);
    else this.#frameEnd();
  }

  #frameEnd(): void {
    if (!this.#shiftLoops && !this.#ready) this.#held = true;
    else this.#deliver(this.#endNs, this.#endFraction);
  }

  #deliver(endNs: number, fraction: number): void {
    const byte = this.#shift;
    // The shift register stays busy during the calls, so that a line which answers from inside
    // them cannot start the next character twice.
    try {
      if (this.#shiftLoops) {
        this.#chip.counters.looped++;
        this.#ports.looped(byte);
      } else if (this.#breakSent) {
        this.#chip.counters.transmitLost++;
      } else {
        this.#chip.counters.transmitted++;
        this.#ports.sent(byte);
      }
    } finally {
      this.#shift = IDLE;
      this.#load(endNs, fraction);
    }
  }

  inspect() {
    return {
      fifo: this.#fifo.toArray(),
      shift: this.#shift === IDLE ? undefined : this.#shift,
      shiftEndNs: this.#shift === IDLE || this.#held ? undefined : this.#endNs,
      held: this.#held,
      ready: this.#ready,
      xoff: this.#xoff,
      breakSent: this.#breakSent,
    };
  }

  save(): TransmitterState {
    return {
      fifo: this.#fifo.toArray(),
      control: [...this.#control],
      shift: this.#shift,
      shiftLoops: this.#shiftLoops,
      endNs: this.#endNs,
      endFraction: this.#endFraction,
      held: this.#held,
      ready: this.#ready,
      xoff: this.#xoff,
      breakSent: this.#breakSent,
      breakNs: this.#breakTimer.deadline === Infinity ? null : this.#breakTimer.deadline,
    };
  }

  restore(state: TransmitterState): void {
    this.#fifo.load(state.fifo);
    this.#control = [...state.control];
    this.#shift = state.shift;
    this.#shiftLoops = state.shiftLoops;
    this.#endNs = state.endNs;
    this.#endFraction = state.endFraction;
    this.#held = state.held;
    this.#ready = state.ready;
    this.#xoff = state.xoff;
    this.#breakSent = state.breakSent;
    if (this.#shift !== IDLE && !this.#held) this.#timer.set(this.#endNs);
    else this.#timer.cancel();
    if (state.breakNs === null) this.#breakTimer.cancel();
    else this.#breakTimer.set(state.breakNs);
  }
}
