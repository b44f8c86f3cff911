// What the systematic searches share: which processes touch what is learnt while searching, so a search
// is a series of passes, the last of which learns nothing that would have changed it.

import type { Explored } from './search.ts';

/** Summed up over all passes, but for `cut`, which is the last one's. */
export interface Counts {
  executions: number;
  redundant: number;
  steps: number;
  cut: number;
}

/** One depth-first search with what is known about footprints. */
export interface Pass {
  run(): Generator<Explored>;
  /** Back to the start of the search, wherever it is. */
  abandon(): void;
  /** Whether it has left out something that matters, by what has been learnt since. */
  hasMissed(): boolean;
}

export interface PassesOptions<P extends Pass> {
  /** Begins a pass, which counts into `counts`. */
  readonly begin: (counts: Counts) => P;
  /** Whether an execution is to be yielded. */
  readonly isNew: (explored: Explored) => boolean;
  /** Called after every execution; true ends the search. */
  readonly stop: (executions: number, pass: P) => boolean;
}

/** Runs passes until one learns nothing. @returns what they did, and whether the last one is all there is */
export function* passes<P extends Pass>({
  begin,
  isNew,
  stop,
}: PassesOptions<P>): Generator<Explored, Counts & { complete: boolean }> {
  const counts: Counts = { executions: 0, redundant: 0, steps: 0, cut: 0 };
  for (;;) {
    const pass = begin(counts);
    let stopped = false;
    try {
      for (const explored of pass.run()) {
        if (isNew(explored)) yield explored;
        stopped = stop(counts.executions, pass);
        if (stopped) break;
      }
    } finally {
      pass.abandon();
    }
    if (stopped || !pass.hasMissed()) {
      return { ...counts, complete: !stopped && counts.cut === 0 };
    }
    counts.cut = 0;
  }
}
