// Virtual time and the timers in it: the machine's only source of "later".
// Few timers, each created once, so a plain list with a cached minimum beats a heap.

import type { Clock, Timer } from '../../devices/ports.ts';

class QueuedTimer implements Timer {
  deadline = Infinity;
  readonly name: string;
  readonly expire: () => void;
  readonly #queue: EventQueue;

  constructor(queue: EventQueue, name: string, expire: () => void) {
    this.#queue = queue;
    this.name = name;
    this.expire = expire;
  }

  set(atNs: number): void {
    const earlier = atNs <= this.deadline;
    this.deadline = atNs;
    this.#queue.changed(atNs, earlier);
  }

  cancel(): void {
    this.deadline = Infinity;
    this.#queue.changed(Infinity, false);
  }
}

export interface EventQueueState {
  version: 1;
  now: number;
  /** Deadlines by timer name; idle timers are left out. */
  deadlines: Record<string, number>;
}

/** The machine's clock: never goes backwards, fires timers in order of deadline, then of creation. */
export class EventQueue implements Clock {
  readonly #timers: QueuedTimer[] = [];
  #now = 0;
  #next = Infinity;

  get now(): number {
    return this.#now;
  }

  /** Deadline of the timer that expires next, or Infinity. */
  get nextDeadline(): number {
    return this.#next;
  }

  timer(name: string, expire: () => void): Timer {
    if (this.#timers.some((timer) => timer.name === name)) {
      throw new RangeError(`timer ${name} exists already`);
    }
    const timer = new QueuedTimer(this, name, expire);
    this.#timers.push(timer);
    return timer;
  }

  /** Names and deadlines of all armed timers, for diagnostics. */
  armed(): { name: string; deadline: number }[] {
    return this.#timers
      .filter((timer) => timer.deadline !== Infinity)
      .map(({ name, deadline }) => ({ name, deadline }));
  }

  /** Moves time forward without firing anything; an earlier time is ignored. */
  advance(toNs: number): void {
    if (toNs > this.#now) this.#now = toNs;
  }

  /**
   * Sets time to any value, also an earlier one, without firing anything. For an explorer, in which
   * every hart has a time of its own.
   */
  travel(toNs: number): void {
    this.#now = toNs;
  }

  /** Names of all timers, in the order of their creation. */
  get names(): string[] {
    return this.#timers.map(({ name }) => name);
  }

  /** Deadline of the timer with this index in `names`; Infinity while it is idle. */
  deadlineOf(index: number): number {
    return this.#timers[index].deadline;
  }

  /** Lets one timer expire, whatever the others' deadlines; time is where `travel` has put it. */
  expire(index: number): void {
    const timer = this.#timers[index];
    timer.cancel();
    timer.expire();
  }

  /** Fires all timers that are due at `toNs` or before, and moves time there. */
  fire(toNs: number): void {
    while (this.#next <= toNs) {
      const due = this.#earliest();
      if (due === undefined) break;
      this.advance(due.deadline);
      due.cancel();
      due.expire();
    }
    this.advance(toNs);
  }

  /** Called by a timer whose deadline has changed. */
  changed(deadline: number, earlier: boolean): void {
    if (earlier) this.#next = Math.min(this.#next, deadline);
    else this.#next = this.#earliest()?.deadline ?? Infinity;
  }

  reset(): void {
    this.#now = 0;
    this.#next = Infinity;
    for (const timer of this.#timers) timer.deadline = Infinity;
  }

  save(): EventQueueState {
    const deadlines: Record<string, number> = {};
    for (const { name, deadline } of this.armed()) deadlines[name] = deadline;
    return { version: 1, now: this.#now, deadlines };
  }

  restore(state: EventQueueState): void {
    this.#now = state.now;
    for (const timer of this.#timers) timer.deadline = state.deadlines[timer.name] ?? Infinity;
    this.#next = this.#earliest()?.deadline ?? Infinity;
  }

  #earliest(): QueuedTimer | undefined {
    let best: QueuedTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.deadline < (best?.deadline ?? Infinity)) best = timer;
    }
    return best;
  }
}
