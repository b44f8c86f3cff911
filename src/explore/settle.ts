// Searches of the machine start over when an execution shows that more has to be visible than was known.

import { type MachineModel, VisibilityGrown } from './machine-model.ts';
import { type Coverage, type Explored, isFine } from './search.ts';

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
    model.isPatient = true;
    try {
      const coverage = yield* untilGrown(model, search());
      if (!model.hasGrown) return coverage;
    } catch (error) {
      if (!(error instanceof VisibilityGrown)) throw error;
    } finally {
      model.isPatient = false;
    }
    model.restart();
    onRestart();
  }
}

/** Goes on behind that to see what else grows, and yields nothing of it. */
function* untilGrown<C extends Coverage>(
  model: MachineModel,
  search: Generator<Explored, C>,
): Generator<Explored, C> {
  try {
    for (;;) {
      const next = search.next();
      if (next.done === true) return next.value;
      if (!model.hasGrown) yield next.value;
      else if (!isFine(next.value.ending)) throw new VisibilityGrown();
    }
  } finally {
    search.return(undefined as unknown as C);
  }
}
