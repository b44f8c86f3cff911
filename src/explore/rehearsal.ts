// Random executions that a search within bounds begins with: what is shared, where harts wait, and which
// processes meet is learnt sooner by them than one fork after the other. What they end with does not count.

import { Footprints } from './footprint.ts';
import { type MachineModel, VisibilityGrown } from './machine-model.ts';
import { PORTFOLIO, randomSearch } from './random.ts';
import type { Bounds } from './search.ts';

/** Two of each strategy. */
const EXECUTIONS = 2 * PORTFOLIO.length;
const SEED = 1;

/** @param stop asked after every execution; true ends it */
export function rehearse(
  model: MachineModel,
  bounds: Bounds,
  stepsMax: number,
  stop: () => boolean,
): Footprints {
  const footprints = new Footprints();
  const options = { seed: SEED, strategies: PORTFOLIO, bounds, stepsMax, stop, footprints };
  let first = 0;
  while (first < EXECUTIONS && !stop()) {
    try {
      const executions = EXECUTIONS - first;
      for (const { number } of randomSearch(model, { ...options, first, executions }))
        first = number + 1;
    } catch (error) {
      if (!(error instanceof VisibilityGrown)) throw error;
      model.restart();
    }
  }
  return footprints;
}
