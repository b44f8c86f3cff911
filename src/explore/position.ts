// How far a depth-first search within a bound is, as far as that can be told: an estimate.

/** Where a search is; it changes while that goes on. */
export interface Position {
  /** The sum of preemptions, interrupts and NMIs that it goes up to. */
  readonly total: number;
  /** Steps of the present execution. */
  readonly depth: number;
  /** Steps before which it goes another way than was tried first, ascending. */
  readonly turns: readonly number[];
}

/**
 * Estimates which part of the search is done, 0 to 1. The search tries all ways to go on behind a step
 * before it goes another way at that step. With n steps to come and b more turns to spend there are about
 * n^b executions; so much weighs what lies behind a step. (Knuth, Mathematics of Computation 1975, weighs
 * all ways alike, which says next to nothing of a tree as lopsided as this one.)
 */
export function partDone({ total, depth, turns }: Position): number {
  let done = 0;
  let share = 1;
  let from = 0;
  for (const [i, turn] of turns.entries()) {
    const left = Math.max(1, total - i);
    const all = (depth - from) ** left;
    const behind = (depth - turn - 1) ** left;
    const here = (depth - turn) ** left - behind;
    done += (share * behind) / all;
    share *= here / all;
    from = turn + 1;
    if (from >= depth) break;
  }
  return done;
}
