// A clock and interrupt lines for device tests that have no machine around them.

import type { Clock, InterruptLine, Timer } from '../../devices/ports.ts';

/** Virtual time that a test moves by hand. */
export class TestClock implements Clock {
  now = 0;
  readonly #timers: { deadline: number; expire: () => void }[] = [];

  timer(_name: string, expire: () => void): Timer {
    const entry = { deadline: Infinity, expire };
    this.#timers.push(entry);
    return {
      get deadline() {
        return entry.deadline;
      },
      set: (atNs) => (entry.deadline = atNs),
      cancel: () => (entry.deadline = Infinity),
    };
  }

  /** Moves time, firing what becomes due on the way. */
  advance(toNs: number): void {
    for (;;) {
      const due = this.#timers.reduce<{ deadline: number; expire: () => void } | undefined>(
        (best, timer) => (timer.deadline < (best?.deadline ?? Infinity) ? timer : best),
        undefined,
      );
      if (due === undefined || due.deadline > toNs) break;
      this.now = Math.max(this.now, due.deadline);
      due.deadline = Infinity;
      due.expire();
    }
    this.now = Math.max(this.now, toNs);
  }
}

/** A line that remembers its level and refuses to be told the same level twice. */
export function recordedLine(): { level: boolean; changes: number; line: InterruptLine } {
  const record = {
    level: false,
    changes: 0,
    line: (asserted: boolean) => {
      if (asserted === record.level) throw new Error('the line has this level already');
      record.level = asserted;
      record.changes++;
    },
  };
  return record;
}
