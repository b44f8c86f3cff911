// Bounded search with the bounds raised from zero, so that the first finding is a smallest one: least in
// the sum of preemptions, interrupts and NMIs.

import { bounded, type BoundedOptions } from './bounded.ts';
import { Footprints } from './footprint.ts';
import type { Model } from './model.ts';
import type { Bounds, Coverage, Explored } from './search.ts';

export interface RaisedCoverage extends Coverage {
  /** Everything is explored up to this sum of preemptions, interrupts and NMIs; -1: not even the first. */
  readonly completeTotal: number;
}

/**
 * Yields one execution of each trace within the bounds. All bounds have to be finite.
 * @param footprints what is known already of what processes touch
 */
export function* raising(
  model: Model,
  bounds: Bounds,
  options: Omit<BoundedOptions, 'total'>,
  footprints = new Footprints(),
): Generator<Explored, RaisedCoverage> {
  const known = { footprints, traces: new Set<string>() };
  const sum = { executions: 0, redundant: 0, steps: 0 };
  const { stop } = options;
  const highest = bounds.preemptions + bounds.irqs + bounds.nmis;
  for (let total = 0; ; total++) {
    const before = sum.executions;
    const round: BoundedOptions = {
      ...options,
      total,
      ...(stop === undefined ? {} : { stop: (executions) => stop(before + executions) }),
    };
    const coverage = yield* bounded(model, bounds, round, known);
    sum.executions += coverage.executions;
    sum.redundant += coverage.redundant;
    sum.steps += coverage.steps;
    if (coverage.complete && total < highest) continue;
    const completeTotal = coverage.complete ? total : total - 1;
    return { ...coverage, ...sum, completeTotal };
  }
}
