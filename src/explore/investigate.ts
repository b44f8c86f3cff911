// A whole exploration of a machine: first random executions by several strategies, then all within
// bounds that are raised from zero. Ends with the first finding, made small, or with what was covered.

import { minimise } from './minimise.ts';
import type { MachineModel } from './machine-model.ts';
import type { Ending } from './model.ts';
import { raising, type RaisedCoverage } from './raising.ts';
import { randomSearch, type StrategyName } from './random.ts';
import type { Replayed } from './replay.ts';
import { type Bounds, type Coverage, type Explored, isFine } from './search.ts';
import { settled } from './settle.ts';

export interface InvestigateOptions {
  readonly bounds: Bounds;
  readonly seed: number;
  /** How many random executions, by which strategies in turn. 0: none. */
  readonly samples: number;
  readonly strategies: readonly StrategyName[];
  /** Whether all executions within the bounds are explored after that. */
  readonly isSystematic: boolean;
  readonly stepsMax: number;
  readonly prefixesMax: number;
  /** Asked after every execution; true ends the search with what there is. */
  readonly stop: () => boolean;
  /** Asked while a finding is being made smaller; true ends that. */
  readonly stopMinimising: () => boolean;
  /** Called after every execution. */
  readonly progress?: (progress: Progress) => void;
}

export interface Progress {
  /** The strategy of a random execution, or 'systematic'. */
  readonly phase: string;
  readonly executions: number;
  /** Distinct ones among them. */
  readonly traces: number;
}

export interface Finding {
  readonly kind: 'finding';
  readonly phase: string;
  /** Executions until it was found. */
  readonly executions: number;
  /** As it was found, and the smallest execution with the same ending that was tried. */
  readonly found: Explored;
  readonly small: Replayed;
}

export interface Covered {
  readonly kind: 'covered';
  /** Random executions, all of which ended well. */
  readonly samples: number;
  /** Undefined if there was no systematic search, or no time for one. */
  readonly coverage: RaisedCoverage | undefined;
}

/** Explores the model from its start; it is back there afterwards. */
export function investigate(model: MachineModel, options: InvestigateOptions): Finding | Covered {
  const { bounds, seed, stepsMax, stop } = options;
  let samples = 0;
  if (options.samples > 0) {
    const random = { seed, strategies: options.strategies, bounds, stepsMax, stop };
    const executions = options.samples;
    const result = firstBad(model, options, () => randomSearch(model, { ...random, executions }));
    if ('found' in result) return findingOf(model, result, options);
    samples = result.coverage.executions;
  }
  if (!options.isSystematic || stop()) return { kind: 'covered', samples, coverage: undefined };
  const { prefixesMax } = options;
  const result = firstBad(model, options, () =>
    raising(model, bounds, { stepsMax, prefixesMax, stop }),
  );
  if ('found' in result) return findingOf(model, result, options);
  return { kind: 'covered', samples, coverage: result.coverage };
}

interface Bad {
  readonly found: Explored;
  readonly phase: string;
  readonly executions: number;
}

/** Runs a search until an execution does not end well. */
function firstBad<C extends Coverage>(
  model: MachineModel,
  { progress }: InvestigateOptions,
  search: () => Generator<Explored & { strategy?: string }, C>,
): Bad | { readonly coverage: C } {
  for (;;) {
    let executions = 0;
    const traces = new Set<string>();
    const all = settled(model, search, () => {
      executions = 0;
      traces.clear();
    });
    let next = all.next();
    for (; next.done !== true; next = all.next()) {
      const found: Explored & { strategy?: string } = next.value;
      const phase = found.strategy ?? 'systematic';
      executions++;
      traces.add(found.trace);
      progress?.({ phase, executions, traces: traces.size });
      if (isFine(found.ending)) continue;
      if (leave(all)) return { found, phase, executions };
      break;
    }
    if (next.done === true) return { coverage: next.value };
  }
}

/** Takes the model back to its start; false if the steps of what was found were too coarse. */
export function leave(search: Generator<unknown, unknown>): boolean {
  let isFineEnough = true;
  // Leaving may show that more has to be visible: then the search does not end, but starts over.
  while (search.return(undefined).done !== true) isFineEnough = false;
  return isFineEnough;
}

function findingOf(
  model: MachineModel,
  { found, phase, executions }: Bad,
  { stepsMax, stopMinimising }: InvestigateOptions,
): Finding {
  const isSame = (ending: Ending): boolean => sameEnding(ending, found.ending);
  const { schedule } = found;
  model.frozen = true;
  const small = minimise(model, schedule, { stepsMax, isSame, stop: stopMinimising });
  return { kind: 'finding', phase, executions, found, small };
}

/** The same finding, as far as endings tell. */
export function sameEnding(a: Ending, b: Ending): boolean {
  if (a.kind === 'failed' && b.kind === 'failed') return a.reason === b.reason;
  if (a.kind === 'messages' && b.kind === 'messages') return a.fault === b.fault;
  return a.kind === b.kind;
}
