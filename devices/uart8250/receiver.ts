// The receiver: the queue in front of the pin, the frame on the wire, RBR or FIFO with the error
// bits of each character, trigger level and character timeout. PC16550D 8.4 (LSR 0-4, 7), 8.5 (FCR),
// 8.11 (timeout). Takes a character at the end of its stop bit, not in the middle of it.

import type { Clock, Timer } from '../ports.ts';
import type { Chip } from './chip.ts';
import { Fifo, InputQueue } from './fifo.ts';
import type { ReceivedCharacter } from './line.ts';
import {
  LSR_BI,
  LSR_CHAR_ERRORS,
  LSR_DR,
  LSR_ERRORS,
  LSR_FE,
  LSR_FIFO_ERROR,
  LSR_OE,
  LSR_PE,
} from './registers.ts';
import type { InputItem, ReceiverState } from './state.ts';
import { dataMask, framesNs, NO_BAUD_RX_NS, parity } from './timing.ts';

/** Characters that may wait in front of the receiver; the far end keeps what is beyond. */
export const INPUT_QUEUE_CHARACTERS = 4096;
/** PC16550D 8.11: a timeout interrupt comes four character times after the last activity. */
const TIMEOUT_FRAMES = 4;
const ERRORS_SHIFT = 8;

type OpenBreak = Exclude<InputItem, number>;

/** What the receiver needs from the rest of the UART. */
export interface ReceiverPorts {
  /** RTS as the far end sees it. */
  rts(): boolean;
  /** A start bit (or BREAK) begins on the pin. */
  starting(): void;
  /** Something that LSR, the interrupts or RTS depend on has changed. */
  changed(): void;
  /** 650: true when the character is one of flow control, and must not be stored. */
  intercept(byte: number): boolean;
  /** The input queue, having refused a character, is half empty again. */
  room(room: number): void;
}

export class Receiver {
  readonly #chip: Chip;
  readonly #clock: Clock;
  readonly #ports: ReceiverPorts;
  readonly #wireTimer: Timer;
  readonly #timeoutTimer: Timer;
  readonly #fifo = new Fifo();
  readonly #queue = new InputQueue();
  #stale = 0;
  #errors = 0;
  #fifoError = false;
  #timeout = false;
  #wire: InputItem | null = null;
  #wireStartNs = 0;
  #wireFraction = 0;
  #breakTail = false;
  #breakOn = false;
  /** The BREAK that has no end yet: on the wire or still in the queue. */
  #openBreak: OpenBreak | null = null;
  #rtsFlow = false;
  #rtsDropped = false;
  #xoffSent = false;
  #refusing = false;

  constructor(chip: Chip, clock: Clock, name: string, ports: ReceiverPorts) {
    this.#chip = chip;
    this.#clock = clock;
    this.#ports = ports;
    this.#wireTimer = clock.timer(`${name}.rx`, () => this.#wireEnd());
    this.#timeoutTimer = clock.timer(`${name}.timeout`, () => this.#timedOut());
  }

  // ---- the guest's side -------------------------------------------------------------------------

  /** Receiver part of LSR, as it stands. */
  get lineStatus(): number {
    const ready = this.#fifo.count > 0 ? LSR_DR : 0;
    return ready | this.#errors | (this.#fifoError ? LSR_FIFO_ERROR : 0);
  }

  /** LSR read: takes the error bits. LSR.7 stays while characters behind the head have errors. */
  acknowledgeErrors(): void {
    this.#errors = 0;
    if (!this.#fifoError) return;
    this.#fifoError = this.#fifo
      .toArray()
      .slice(1)
      .some((entry) => entry >> ERRORS_SHIFT !== 0);
  }

  get hasErrors(): boolean {
    return (this.#errors & LSR_ERRORS) !== 0;
  }

  /** The trigger level is reached; without FIFO, a character is there. */
  get atTrigger(): boolean {
    return this.#fifo.count >= this.#chip.rxTrigger;
  }

  get timedOut(): boolean {
    return this.#timeout;
  }

  get idle(): boolean {
    return this.#wire === null && this.#fifo.count === 0;
  }

  get rtsDropped(): boolean {
    return this.#rtsDropped;
  }

  /** RBR read. An empty receiver shows its last byte again. */
  read(): number {
    if (this.#fifo.count === 0) return this.#stale;
    this.#stale = this.#fifo.shift() & 0xff;
    this.#revealHead();
    this.#timeout = false;
    this.#restartTimeout();
    this.#fillChanged();
    this.kick();
    return this.#stale;
  }

  /** FCR.1, or any change of FCR.0: empties the FIFO. Bits 1 to 4 of LSR wait for their read. */
  clearFifo(): void {
    this.#chip.counters.receiveLost += this.#fifo.clear();
    this.#fifoError = false;
    this.#timeout = false;
    this.#timeoutTimer.cancel();
    this.#fillChanged();
    this.kick();
  }

  /** Master reset: characters received so far are gone; those still outside arrive later. */
  reset(): void {
    this.clearFifo();
    this.#errors = 0;
    this.#rtsDropped = false;
    this.#xoffSent = false;
    // A power cycle stops the clock's timers as well: the character on the wire starts anew.
    if (typeof this.#wire === 'number' && this.#wireTimer.deadline === Infinity) {
      this.#setWireEnd(this.#clock.now, 0);
    }
  }

  // ---- the line's side --------------------------------------------------------------------------

  get room(): number {
    return Math.max(0, INPUT_QUEUE_CHARACTERS - this.#queue.length);
  }

  /** Characters between the far end and the guest: queued, on the wire, in the FIFO. */
  get pending(): number {
    return this.#queue.length + (this.#wire === null ? 0 : 1) + this.#fifo.count;
  }

  receive(character: ReceivedCharacter): boolean {
    if (this.room === 0) {
      this.#chip.counters.refused++;
      this.#refusing = true;
      return false;
    }
    let errors = 0;
    if (character.parityError === true) errors |= LSR_PE;
    if (character.framingError === true) errors |= LSR_FE;
    if (character.breakCondition === true) errors |= LSR_BI;
    this.#queue.push((character.byte & 0xff) | (errors << ERRORS_SHIFT));
    this.kick();
    return true;
  }

  setBreak(on: boolean): void {
    if (on === this.#breakOn) return;
    this.#breakOn = on;
    const now = this.#clock.now;
    if (on) {
      if (this.room === 0) {
        this.#chip.counters.receiveLost++;
        return;
      }
      this.#openBreak = { beginNs: now, lengthNs: null };
      this.#queue.push(this.#openBreak);
      this.kick();
      return;
    }
    const open = this.#openBreak;
    this.#openBreak = null;
    if (open === null) return; // it found no room when it began
    open.lengthNs = now - open.beginNs;
    if (this.#wire === open) this.#breakEnds(open.lengthNs, now);
    else if (this.#queue.last() === open && this.#isGlitch(open)) this.#queue.dropLast();
  }

  setRtsFlow(on: boolean): void {
    this.#rtsFlow = on;
    this.kick();
  }

  injectOverrun(): void {
    this.#chip.counters.receiveLost++;
    this.#overrun();
    this.#ports.changed();
  }

  /** Lets the next queued character begin if the wire is free and nothing holds the far end. */
  kick(): void {
    if (this.#wire === null) this.#startNext(this.#clock.now, 0);
  }

  /** The shift register has a whole character, from the pin or through loopback. */
  shiftIn(byte: number, errors: number): void {
    const character = byte & dataMask(this.#chip.registers.lcr);
    if (errors === 0 && this.#ports.intercept(character)) {
      this.#ports.changed();
      return;
    }
    this.#count(errors);
    const entry = character | (errors << ERRORS_SHIFT);
    if (this.#fifo.count < this.#chip.fifoBytes) {
      this.#fifo.push(entry);
      if (this.#chip.fifoEnabled && errors !== 0) this.#fifoError = true;
      if (this.#fifo.count === 1) this.#revealHead();
    } else {
      this.#chip.counters.receiveLost++;
      this.#overrun();
      if (!this.#chip.fifoEnabled) {
        this.#fifo.replaceLast(entry);
        this.#revealHead();
      }
    }
    this.#restartTimeout();
    this.#fillChanged();
    this.#ports.changed();
  }

  #count(errors: number): void {
    const counters = this.#chip.counters;
    if (errors & LSR_PE) counters.parityErrors++;
    if (errors & LSR_FE) counters.framingErrors++;
    if (errors & LSR_BI) counters.breaks++;
  }

  #overrun(): void {
    this.#chip.counters.overruns++;
    this.#errors |= LSR_OE;
  }

  /** A character's errors show in LSR once it is at the head. */
  #revealHead(): void {
    this.#errors |= this.#fifo.peek() >> ERRORS_SHIFT;
  }

  // ---- the wire ---------------------------------------------------------------------------------

  #startNext(startNs: number, fraction: number): void {
    if (!this.#mayStart()) return;
    let item = this.#queue.shift();
    while (item !== undefined && this.#isGlitch(item)) item = this.#queue.shift();
    if (item === undefined) {
      this.#offerRoom();
      return;
    }
    this.#ports.starting();
    this.#wire = item;
    this.#wireStartNs = startNs;
    this.#setWireEnd(startNs, fraction);
    this.#offerRoom();
  }

  #offerRoom(): void {
    if (!this.#refusing || this.room < INPUT_QUEUE_CHARACTERS / 2) return;
    this.#refusing = false;
    this.#ports.room(this.room);
  }

  /** A BREAK that has ended before a receiver could have noticed. */
  #isGlitch(item: InputItem): boolean {
    return typeof item !== 'number' && item.lengthNs !== null && item.lengthNs < this.#frameNs();
  }

  #mayStart(): boolean {
    if ((this.#rtsFlow || this.#chip.autoRts) && !this.#ports.rts()) return false;
    // Characters that take no time would overrun any guest: they wait for room instead.
    return !this.#chip.noBaud || this.#fifo.count < this.#chip.fifoBytes;
  }

  #setWireEnd(startNs: number, fraction: number): void {
    const frame = this.#chip.frame;
    let ns = frame.ns;
    this.#wireFraction = fraction + frame.numerator;
    if (this.#wireFraction >= frame.denominator) {
      this.#wireFraction -= frame.denominator;
      ns++;
    }
    if (this.#chip.noBaud) {
      ns = NO_BAUD_RX_NS;
      this.#wireFraction = 0;
    }
    this.#wireTimer.set(startNs + ns);
  }

  /** What a BREAK must last to be seen. */
  #frameNs(): number {
    return this.#chip.noBaud ? NO_BAUD_RX_NS : framesNs(this.#chip.frame, 1);
  }

  #wireEnd(): void {
    const item = this.#wire;
    if (item === null) return;
    const endNs = this.#clock.now;
    if (typeof item === 'number') {
      this.#wire = null;
      this.#arrive(item & 0xff, item >> ERRORS_SHIFT);
      if (this.#wire === null) this.#startNext(endNs, this.#wireFraction);
      return;
    }
    if (!this.#breakTail) {
      this.#breakTail = true;
      this.#arrive(0, LSR_BI);
    }
    if (item.lengthNs !== null) this.#finishBreak(item.lengthNs, endNs);
  }

  #arrive(byte: number, errors: number): void {
    if (this.#chip.loopback) {
      this.#chip.counters.receiveLost++; // PC16550D 8.8: the receiver is disconnected from SIN
      return;
    }
    this.#chip.counters.received++;
    if (errors & LSR_BI) this.shiftIn(0, this.#breakErrors());
    else this.shiftIn(byte, errors & LSR_CHAR_ERRORS);
  }

  /** A BREAK has no stop bit, and its parity bit is 0: wrong for odd and mark parity. */
  #breakErrors(): number {
    const kind = parity(this.#chip.registers.lcr);
    return LSR_BI | LSR_FE | (kind === 'odd' || kind === 'mark' ? LSR_PE : 0);
  }

  /** The far end ends the BREAK that is on the wire. */
  #breakEnds(lengthNs: number, now: number): void {
    if (this.#breakTail) {
      this.#finishBreak(lengthNs, now);
    } else if (lengthNs < this.#frameNs()) {
      this.#wireTimer.cancel();
      this.#wire = null;
      this.#startNext(now, 0);
    }
  }

  /** After a BREAK's frame: waits for its end, then lets the next item begin. */
  #finishBreak(lengthNs: number, now: number): void {
    const endNs = this.#wireStartNs + lengthNs;
    if (endNs > now) {
      this.#wireTimer.set(endNs);
      return;
    }
    this.#wire = null;
    this.#breakTail = false;
    this.#startNext(now, 0);
  }

  // ---- timeout and flow control -----------------------------------------------------------------

  #restartTimeout(): void {
    if (!this.#chip.fifoEnabled || this.#fifo.count === 0) {
      this.#timeoutTimer.cancel();
      return;
    }
    const ns = this.#chip.noBaud
      ? TIMEOUT_FRAMES * NO_BAUD_RX_NS
      : framesNs(this.#chip.frame, TIMEOUT_FRAMES);
    this.#timeoutTimer.set(this.#clock.now + ns);
  }

  #timedOut(): void {
    this.#timeout = true;
    this.#ports.changed();
  }

  /** To be called when the fill of the FIFO, or a register that flow control depends on, changes. */
  updateFlow(): void {
    this.#fillChanged();
    this.kick();
  }

  /** 650: the owner has sent Xoff and not yet Xon. */
  get xoffSent(): boolean {
    return this.#xoffSent;
  }

  set xoffSent(sent: boolean) {
    this.#xoffSent = sent;
  }

  /** The FIFO has filled to the trigger: the far end should pause. */
  get full(): boolean {
    return this.#fifo.count >= this.#chip.rxTrigger;
  }

  /** The FIFO has drained so far that the far end may go on. */
  get drained(): boolean {
    // TL16C750: auto-RTS resumes at an empty FIFO. 16C650: at the next lower trigger level.
    const level = this.#chip.variant.enhanced ? this.#chip.rxTriggerBelow : 0;
    return this.#fifo.count <= level;
  }

  #fillChanged(): void {
    if (!this.#chip.autoRts) this.#rtsDropped = false;
    else if (this.full) this.#rtsDropped = true;
    else if (this.drained) this.#rtsDropped = false;
  }

  // ---- state ------------------------------------------------------------------------------------

  inspect() {
    return {
      fifo: this.#fifo.toArray().map((entry) => ({
        byte: entry & 0xff,
        errors: entry >> ERRORS_SHIFT,
      })),
      timeoutNs: this.#timeoutTimer.deadline === Infinity ? undefined : this.#timeoutTimer.deadline,
      queued: this.#queue.length,
      arriving: this.#wire !== null,
      arrivesNs: this.#wireTimer.deadline === Infinity ? undefined : this.#wireTimer.deadline,
      breakOn: this.#breakOn,
      rtsFlow: this.#rtsFlow,
    };
  }

  save(): ReceiverState {
    const deadline = (timer: Timer) => (timer.deadline === Infinity ? null : timer.deadline);
    return {
      fifo: this.#fifo.toArray(),
      stale: this.#stale,
      errors: this.#errors,
      fifoError: this.#fifoError,
      timeout: this.#timeout,
      timeoutNs: deadline(this.#timeoutTimer),
      queue: this.#queue.toArray(),
      wire: this.#wire !== null && typeof this.#wire !== 'number' ? { ...this.#wire } : this.#wire,
      wireStartNs: this.#wireStartNs,
      wireEndNs: deadline(this.#wireTimer),
      wireFraction: this.#wireFraction,
      breakTail: this.#breakTail,
      breakOn: this.#breakOn,
      rtsFlow: this.#rtsFlow,
      rtsDropped: this.#rtsDropped,
      xoffSent: this.#xoffSent,
      refusing: this.#refusing,
    };
  }

  #findOpenBreak(): OpenBreak | null {
    const isOpen = (item: InputItem | null | undefined): item is OpenBreak =>
      typeof item === 'object' && item !== null && item.lengthNs === null;
    return isOpen(this.#wire) ? this.#wire : (this.#queue.find(isOpen) ?? null);
  }

  restore(state: ReceiverState): void {
    const arm = (timer: Timer, ns: number | null) => (ns === null ? timer.cancel() : timer.set(ns));
    this.#fifo.load(state.fifo);
    this.#stale = state.stale;
    this.#errors = state.errors;
    this.#fifoError = state.fifoError;
    this.#timeout = state.timeout;
    arm(this.#timeoutTimer, state.timeoutNs);
    this.#queue.load(state.queue);
    const wire = state.wire;
    this.#wire = wire !== null && typeof wire !== 'number' ? { ...wire } : wire;
    this.#wireStartNs = state.wireStartNs;
    arm(this.#wireTimer, state.wireEndNs);
    this.#wireFraction = state.wireFraction;
    this.#breakTail = state.breakTail;
    this.#breakOn = state.breakOn;
    this.#openBreak = this.#findOpenBreak();
    this.#rtsFlow = state.rtsFlow;
    this.#rtsDropped = state.rtsDropped;
    this.#xoffSent = state.xoffSent;
    this.#refusing = state.refusing;
  }
}
