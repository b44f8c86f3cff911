// How long nothing has happened but timers of harts: all harts slept or spun each time, and no UART and
// no line did anything. A guest that has nothing left to do looks like this, and so does one that has lost
// what it waited for; that it is the latter, is a verdict by a bound.

import type { UndoLog } from './undo-log.ts';

const KIND_QUIET = -23;
/** Fewer timers than this may be a long sleep. */
const TIMERS_MIN = 8;

interface Before {
  readonly since: number | undefined;
  readonly now: number;
  readonly timers: number;
}

export class QuietTime {
  readonly #log: UndoLog;
  readonly #limit: number;
  #since: number | undefined;
  #now = 0;
  #timers = 0;

  /** @param limit how long it may last, in instructions; Infinity: for ever */
  constructor(log: UndoLog, limit: number) {
    this.#log = log;
    this.#limit = limit;
  }

  get isTooLong(): boolean {
    return this.#timers >= TIMERS_MIN && this.#now - (this.#since ?? this.#now) > this.#limit;
  }

  /** Nobody could do anything, and time has gone on to the next timer, in instructions. */
  timerExpired(time: number): void {
    this.#save();
    this.#since ??= time;
    this.#now = time;
    this.#timers++;
  }

  /** Something else has happened than timers and what harts do about them. */
  end(): void {
    if (this.#since === undefined) return;
    this.#save();
    this.#since = undefined;
    this.#timers = 0;
  }

  #save(): void {
    const before: Before = { since: this.#since, now: this.#now, timers: this.#timers };
    this.#log.pushObject(KIND_QUIET, before);
  }

  /** Undoes a record of this class. @returns false for those of others. */
  undo(kind: number): boolean {
    if (kind !== KIND_QUIET) return false;
    const { since, now, timers } = this.#log.popObject() as Before;
    this.#since = since;
    this.#now = now;
    this.#timers = timers;
    return true;
  }
}
