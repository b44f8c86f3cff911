// Runs a machine in slices inside Node's event loop: lets input in, paces virtual time, hands output
// on, sleeps while the guest does. The only place that decides at which virtual time outside input
// happens; docs/user-guide.md ("Time and input") describes the rules.

import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LineAttachment } from '../lines/attachment.ts';
import type { Machine } from '../machine/machine.ts';
import { Pacer } from './pace.ts';

/** Instructions per hart in a slice: some milliseconds of the event loop. */
const SLICE_INSTRUCTIONS = 50_000;
/** A turn of the event loop goes on with slices until this much wall time is gone. */
const TURN_MS = 4;
/** Output of a busy guest goes to the host this often, or when there is so much of it. */
const FLUSH_MS = 0.5;
const FLUSH_BYTES = 4096;
/** A sleeping guest's timers are met this exactly; input does not wait for it. */
const IDLE_GRAIN_MS = 8;
/** While a guest is busy or talking, pacing is this fine. */
const BUSY_GRAIN_MS = 1;
/** After input, virtual time may run this far on, so that an echo need not wait for the clock. */
const LEAD_NS = 1_000_000;
/** ... but never further ahead of the clock than this. */
const LEAD_NS_MAX = 5_000_000;
/** After Enter, and at first, a guest that is still at work may sleep for short whiles. */
const SETTLE_NS = 20_000_000;
/** So long, in wall time, the machine stands still for input that does not come. */
const PATIENCE_MS = 3000;
const LF = 0x0a;
const CR = 0x0d;
/** A guest that polls its UART and has never taken input gets its first byte this late. */
const POLLER_FIRST_NS = 2_000_000_000;
/** ... and the next ones at this distance. */
const POLLER_NEXT_NS = 20_000_000;

/**
 * A guest whose input has ended, that says nothing for an hour of virtual time and sleeps through 99 %
 * of it, only waits for input: its timers are watchdogs. Whoever sleeps on purpose wakes up earlier.
 */
const ASLEEP_NS = 3_600_000_000_000;
const ASLEEP_INSTRUCTIONS_MAX_RATIO = 0.01;

/** Full FIFOs at 300 baud need less; a UART that flow control has stopped never ends. */
const SEND_REST_NS = 3_000_000_000;

export type SessionEnd =
  | { kind: 'exit'; code: number }
  | { kind: 'limit' }
  /** The guest waits for input, and none can come any more. */
  | { kind: 'asleep' }
  | { kind: 'stuck'; reason: string; hart: number }
  | { kind: 'quit'; code: number };

export interface SessionOptions {
  machine: Machine;
  attachments: readonly LineAttachment[];
  /** Receiver interrupt enabled: how an idle guest shows that it waits for input. */
  listens: (serial: number) => boolean;
  /** Nothing left to send: an idle guest has said what it had to say. */
  silent: (serial: number) => boolean;
  paced: boolean;
  nsPerInstruction: number;
  maxInstructions: number;
  /**
   * Serial whose input is let in at moments that depend on the guest only, never on the wall clock;
   * virtual time stands still while it waits for more. For pipes and files, when unpaced.
   */
  pipedSerial: number | undefined;
  /** Loads the image again and resets the machine. */
  restart: () => void;
  /** Called when the machine has waited for piped input in vain, and no longer does. */
  runsOn?: () => void;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #machine: Machine;
  readonly #pacer = new Pacer(() => performance.now() * 1e6);
  readonly #sliceNs: number;
  #end: SessionEnd | undefined;
  #stopped = false;
  #wakeUp: (() => void) | undefined;
  #woken = false;
  /** What ran before the last reboot. */
  readonly #before = { retired: [] as number[], virtualNs: 0 };
  #fedNs = 0;
  #quietSinceNs = 0;
  #settleNs = SETTLE_NS;
  /** When the guest last said or did something. */
  readonly #active = { ns: 0, retired: 0 };
  #unpiped = false;
  #pollerFed = false;
  #idle = false;
  #idleUntilNs = 0;
  #resetNs = 0;
  #flushedMs = 0;
  readonly #opened = new Set<number>();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#machine = options.machine;
    this.#sliceNs = SLICE_INSTRUCTIONS * options.nsPerInstruction;
  }

  get droppedNs(): number {
    return this.#pacer.droppedNs;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Freezes virtual time until `cont()`. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  cont(): void {
    this.#stopped = false;
    this.wake();
  }

  /** Ends the session from outside with an exit code. */
  quit(code: number): void {
    this.#end ??= { kind: 'quit', code };
    this.wake();
  }

  /** Something happened outside: look at once. */
  wake(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  async run(): Promise<SessionEnd> {
    this.#pacer.start(this.#machine.now);
    while (this.#end === undefined) {
      if (this.#stopped) {
        await this.#sleep(Infinity);
        this.#pacer.start(this.#machine.now);
      } else if (this.#options.paced) {
        await this.#pacedTurn();
      } else {
        await this.#unpacedTurn();
      }
    }
    this.#count();
    if (this.#end.kind === 'exit' || this.#end.kind === 'stuck') this.#sendRest();
    this.#flush();
    return this.#end;
  }

  /** Instructions of each hart and virtual time, over all reboots; complete once `run` has ended. */
  get totals(): { retired: readonly number[]; virtualNs: number } {
    return this.#before;
  }

  #count(): void {
    this.#machine.harts.forEach((hart, id) => {
      this.#before.retired[id] = (this.#before.retired[id] ?? 0) + hart.instret;
    });
    this.#before.virtualNs += this.#machine.now;
  }

  /** What the guest left in its UARTs when it ended goes out before the lines are closed. */
  #sendRest(): void {
    const { clock, uarts } = this.#machine;
    for (const attachment of this.#options.attachments) attachment.release();
    const giveUpNs = this.#machine.now + SEND_REST_NS;
    while (uarts.some((uart) => !uart.transmitterEmpty) && clock.nextDeadline <= giveUpNs) {
      clock.fire(clock.nextDeadline);
    }
  }

  // ---- paced: virtual time follows the wall clock ---------------------------------------------------

  async #pacedTurn(): Promise<void> {
    const machine = this.#machine;
    const turnEnd = performance.now() + TURN_MS;
    this.#woken = false;
    // An idle guest has been left behind where it fell asleep: input belongs to this moment. However
    // long it slept, that is no lag.
    let idle = this.#idle && !this.#passIdle(this.#pacer.wallNs);
    let target = this.#pacer.target(machine.now);
    const leadLimit = target + LEAD_NS_MAX;
    if (!idle || this.#hasInput()) {
      do {
        if (this.#feed()) target = Math.max(target, Math.min(machine.now + LEAD_NS, leadLimit));
        if (machine.now >= target) break;
        this.#slice(Math.min(target, machine.now + this.#sliceNs));
        idle = this.#idle && !this.#passIdle(target);
      } while (this.#running && !idle && performance.now() < turnEnd);
    }
    this.#flush();
    for (const attachment of this.#options.attachments) attachment.holdWhileFull();
    if (!this.#running) return;
    if (idle) {
      if (this.#endIfAsleep()) return;
      await this.#sleep(Math.max(IDLE_GRAIN_MS, this.#pacer.untilDue(this.#idleUntilNs) / 1e6));
      return;
    }
    const ahead = this.#pacer.untilDue(machine.now) / 1e6;
    if (ahead > 0) await this.#sleep(Math.max(BUSY_GRAIN_MS, ahead));
    else await nextTurn();
  }

  /** Moves an idle machine on to its next event, or to `target`. True when the event came first. */
  #passIdle(target: number): boolean {
    const eventNs = this.#idleUntilNs;
    this.#slice(Math.min(target, eventNs), false);
    if (eventNs <= target) return true;
    this.#idle = this.#running;
    return false;
  }

  #hasInput(): boolean {
    return this.#options.attachments.some((attachment) => attachment.inputBytes > 0);
  }

  #feed(): boolean {
    let fed = 0;
    this.#options.attachments.forEach((attachment, serial) => {
      if (this.#isOpen(serial)) fed += attachment.feed();
    });
    return fed > 0;
  }

  /**
   * Input waits outside until the guest has enabled the receiver interrupt for the first time: what
   * comes earlier would fall to the driver's FIFO reset. A guest that only polls never does that.
   */
  #isOpen(serial: number): boolean {
    if (this.#opened.has(serial)) return true;
    const open =
      this.#options.listens(serial) || this.#machine.now - this.#resetNs >= POLLER_FIRST_NS;
    if (open) this.#opened.add(serial);
    return open;
  }

  // ---- unpaced: as fast as it goes ------------------------------------------------------------------

  async #unpacedTurn(): Promise<void> {
    const turnEnd = performance.now() + TURN_MS;
    this.#woken = false;
    do {
      this.#slice(this.#nextSliceEnd());
      const idle = this.#idle;
      if (!this.#options.attachments.every((_, serial) => this.#options.silent(serial))) {
        this.#noteActivity();
      }
      this.#flushNowAndThen();
      if (!this.#running) return;
      await this.#letOutputGo();
      if (this.#feedUnpiped() || (await this.#letPipedIn(idle))) continue;
      if (!idle) continue;
      const settledNs = this.#quietSinceNs + this.#settleNs;
      const wakeNs = settledNs > this.#machine.now ? settledNs : Infinity;
      const nextNs = Math.min(this.#idleUntilNs, wakeNs);
      if (this.#endIfAsleepForLong()) return;
      if (nextNs !== Infinity) this.#slice(nextNs, false);
      else await this.#nothingDue();
    } while (this.#running && performance.now() < turnEnd);
    this.#flush();
    await nextTurn();
  }

  /** Slices end at multiples of their length, so that no wall-clock moment shapes the run. */
  #nextSliceEnd(): number {
    return (Math.floor(this.#machine.now / this.#sliceNs) + 1) * this.#sliceNs;
  }

  /** Virtual time waits for a slow reader: the guest cannot notice, and the run stays the same. */
  async #letOutputGo(): Promise<void> {
    while (this.#running && this.#options.attachments.some((attachment) => attachment.full)) {
      await this.#sleep(Infinity);
    }
  }

  #feedUnpiped(): boolean {
    let fed = 0;
    this.#options.attachments.forEach((attachment, serial) => {
      const piped = serial === this.#options.pipedSerial && !this.#unpiped;
      if (!piped && this.#isOpen(serial)) fed += attachment.feed();
    });
    return fed > 0;
  }

  /**
   * Lets one piped byte in if the guest is at a point where it takes one. Returns true when it did,
   * or has waited for it: then the machine may not be as idle as it was. Such points are: every hart
   * waits, the receiver interrupt is on, the transmitter is empty, and the line will have been quiet
   * for a while if a command may just have been given; or a guest polls, and some virtual time has
   * passed. They do not depend on whether the byte is there already: if it is not, the machine waits.
   */
  async #letPipedIn(idle: boolean): Promise<boolean> {
    const { pipedSerial, listens, silent } = this.#options;
    const attachment =
      pipedSerial === undefined ? undefined : this.#options.attachments[pipedSerial];
    if (attachment === undefined || pipedSerial === undefined || this.#unpiped) return false;
    const { now } = this.#machine;
    if (!silent(pipedSerial)) this.#quietSinceNs = now;
    if (attachment.inputEnded || !attachment.receiverEmpty) return false;
    const listening = listens(pipedSerial);
    const due = listening
      ? idle && this.#idleUntilNs - this.#quietSinceNs >= this.#settleNs
      : this.#pollerIsDue();
    if (!due) return false;
    await this.#awaitInput(attachment);
    if (!this.#running || attachment.feed(1) === 0) return true;
    this.#fedNs = this.#quietSinceNs = now;
    this.#settleNs = attachment.lastByte === LF || attachment.lastByte === CR ? SETTLE_NS : 0;
    this.#pollerFed = !listening;
    return true;
  }

  #pollerIsDue(): boolean {
    const distance = this.#pollerFed ? POLLER_NEXT_NS : POLLER_FIRST_NS;
    return this.#machine.now - this.#fedNs >= distance;
  }

  /**
   * The machine stands still until there is input or none can come. A writer that seems to wait for
   * the guest gets its way after some seconds, at the price of a run that cannot be repeated.
   */
  async #awaitInput(attachment: LineAttachment): Promise<void> {
    const timer = setTimeout(() => {
      this.#unpiped = true;
      this.#options.runsOn?.();
      this.wake();
    }, PATIENCE_MS);
    while (
      this.#running &&
      !this.#unpiped &&
      attachment.inputBytes === 0 &&
      !attachment.inputEnded
    ) {
      await this.#sleep(Infinity);
    }
    clearTimeout(timer);
  }

  /** Every hart waits and no timer runs: only outside input can go on. */
  async #nothingDue(): Promise<void> {
    if (this.#endIfAsleep()) return;
    await this.#sleep(Infinity);
  }

  /** A sleeping guest without timers, and no line from which input could still come: over. */
  #endIfAsleep(): boolean {
    return this.#idleUntilNs === Infinity && this.#endWithoutInput();
  }

  /** The same for a guest whose timers never end. */
  #endIfAsleepForLong(): boolean {
    const { now } = this.#machine;
    if (now - this.#active.ns < ASLEEP_NS) return false;
    const retired = this.#retired;
    const most = (ASLEEP_NS / this.#options.nsPerInstruction) * ASLEEP_INSTRUCTIONS_MAX_RATIO;
    const asleep = retired - this.#active.retired <= most;
    this.#noteActivity();
    return asleep && this.#endWithoutInput();
  }

  #endWithoutInput(): boolean {
    if (!this.#options.attachments.every((attachment) => attachment.inputEnded)) return false;
    this.#end ??= { kind: 'asleep' };
    return true;
  }

  #noteActivity(): void {
    this.#active.ns = this.#machine.now;
    this.#active.retired = this.#retired;
  }

  // ---- both -----------------------------------------------------------------------------------------

  get #running(): boolean {
    return this.#end === undefined && !this.#stopped;
  }

  /** Runs up to a virtual time, or until all harts sleep (unless they shall be slept through). */
  #slice(untilNs: number, stopWhenIdle = true): void {
    const left = this.#options.maxInstructions - this.#retired;
    const stop = this.#machine.run(untilNs, {
      stopWhenIdle,
      ...(left === Infinity ? {} : { maxInstructions: left }),
    });
    this.#idle = stop.kind === 'idle';
    switch (stop.kind) {
      case 'idle':
        this.#idleUntilNs = stop.nextEventNs;
        break;
      case 'exit':
      case 'limit':
      case 'stuck':
        this.#end ??= stop;
        break;
      case 'reboot':
        this.#reboot();
        break;
      case 'time':
        break;
    }
  }

  get #retired(): number {
    return this.#before.retired.reduce((sum, count) => sum + count, this.#machine.instret);
  }

  #reboot(): void {
    this.#flush();
    this.#count();
    const { pipedSerial } = this.#options;
    const piped = pipedSerial === undefined ? undefined : this.#options.attachments[pipedSerial];
    // A script that types ahead means the system that comes up.
    if (piped?.receiverEmpty === false) piped.takeBack();
    this.#options.restart();
    this.#pacer.start(this.#machine.now);
    this.#resetNs = this.#machine.now;
    this.#fedNs = this.#quietSinceNs = this.#resetNs;
    this.#noteActivity();
    this.#settleNs = SETTLE_NS;
    this.#pollerFed = false;
    this.#idle = false;
    this.#opened.clear();
  }

  /** A guest that is interrupted for each byte would cost a write to the host for each. */
  #flushNowAndThen(): void {
    let most = 0;
    for (const { unflushedBytes } of this.#options.attachments) {
      most = Math.max(most, unflushedBytes);
    }
    if (most === 0) return; // what comes next after a silence goes out at once
    if (most >= FLUSH_BYTES || performance.now() - this.#flushedMs >= FLUSH_MS) this.#flush();
  }

  #flush(): void {
    this.#flushedMs = performance.now();
    for (const attachment of this.#options.attachments) attachment.flush();
  }

  /** Sleeps for `ms`, or until woken; not at all if something has happened since the turn began. */
  #sleep(ms: number): Promise<void> {
    this.#flush();
    if (this.#woken) {
      this.#woken = false;
      return nextTurn();
    }
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakeUp = undefined;
        this.#woken = false;
        resolve();
      };
      const longest = 2 ** 31 - 1;
      const timer = setTimeout(done, Math.min(ms, longest));
      this.#wakeUp = done;
    });
  }
}
