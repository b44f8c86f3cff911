// Searches of the machine start over when an execution shows that more has to be visible than was known.

import { VisibilityGrown } from './machine-model.ts';
import type { MachineModel } from './machine-model.ts';
import type { Coverage, Explored } from './search.ts';

/**
 * Runs a search, from the beginning again whenever the model's visible operations have grown. What was
 * yielded before that is void: the schedules of coarser steps mean something else by then. `onRestart`
 * is the moment to forget it.
 */
export function* settled<C extends Coverage>(
  model: MachineModel,
  search: () => Generator<Explored, C>,
  onRestart: () => void = () => undefined,
): Generator<Explored, C> {
  for (;;) {
    try {
      return yield* search();
    } catch (error) {
      if (!(error instanceof VisibilityGrown)) throw error;
      model.restart();
      onRestart();
    }
  }
}
