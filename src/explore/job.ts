// The pieces that an exploration is made of, for one thread each: random executions by number, and the
// search of everything within bounds. Each begins with a model that knows nothing, so that what comes of
// it does not depend on what the thread did before. Jobs and results are plain data.

import type { Symbolizer } from '../debug/symbolizer.ts';
import { explain } from './explain.ts';
import { leave, sameEnding } from './investigate.ts';
import { clockSeconds } from './limits.ts';
import { wayIntoLivelock } from './livelock.ts';
import { type MachineModel, VisibilityGrown } from './machine-model.ts';
import { minimise } from './minimise.ts';
import type { LockWarning } from './lock-order.ts';
import type { Ending } from './model.ts';
import type { Position } from './position.ts';
import { EXPLAINED_MAX, presentFinding } from './present.ts';
import { type RaisedCoverage, raising } from './raising.ts';
import { randomSearch, type StrategyName } from './random.ts';
import { rehearse } from './rehearsal.ts';
import type { Region, RegionOptions } from './region.ts';
import { replay, type Replayed, turnsOf } from './replay.ts';
import type { Report } from './report.ts';
import { type Bounds, type Explored, isFine } from './search.ts';
import { settled } from './settle.ts';

/** Phases that are no random strategies. */
export const SYSTEMATIC = 'systematic';
const SHRINKING = 'made smaller';
/** Steps of all attempts at making a finding smaller: some seconds, and the same ones on every host. */
const SHRINK_STEPS = 300_000;
/** The same for its reorderings, each of which takes no step. */
const SHRINK_ORDERS = 20_000;

/** Random executions `first` to `first + count - 1` of a seed. */
export interface SampleJob {
  readonly kind: 'sample';
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  readonly strategies: readonly StrategyName[];
  readonly bounds: Bounds;
  readonly stepsMax: number;
}

/** All executions within bounds that are raised from zero. */
export interface SearchJob {
  readonly kind: 'search';
  readonly bounds: Bounds;
  readonly stepsMax: number;
  /** Random executions that come before it. */
  readonly before: number;
  /** Ends the search as partial; Infinity: no limit. */
  readonly executionsMax: number;
  readonly prefixesMax: number;
}

export type Job = SampleJob | SearchJob;

export interface FoundResult {
  readonly kind: 'found';
  /** Name of the strategy, or 'systematic'. */
  readonly phase: string;
  /** Executions of this job, the last of which ended badly. */
  readonly executions: number;
  /** When it was found, which is before it was made smaller: seconds on `clockSeconds`. */
  readonly foundAt: number;
  readonly report: Report;
  readonly file: string;
  /** What was seen of the order of locks up to then. */
  readonly warnings: readonly LockWarning[];
}

/** Nothing was found among these. */
export interface SampledResult {
  readonly kind: 'sampled';
  readonly executions: number;
  /** Those that came to the end of the region. */
  readonly ended: number;
  readonly warnings: readonly LockWarning[];
}

export interface SearchedResult {
  readonly kind: 'searched';
  readonly coverage: RaisedCoverage;
  /** Traces that came to the end of the region. */
  readonly ended: number;
  readonly warnings: readonly LockWarning[];
}

/** What comes of a job, by its kind. */
export interface JobResults {
  readonly sample: FoundResult | SampledResult;
  readonly search: FoundResult | SearchedResult;
}
export type JobResult<J extends Job = Job> = JobResults[J['kind']];

/** How far a job is. */
export interface JobProgress {
  readonly phase: string;
  readonly executions: number;
  /** Distinct ones among them. */
  readonly traces: number;
  /** Where a search within bounds is. */
  readonly position?: Position;
}

/** What a job is done on. */
export interface Workplace {
  /** As it is when it has just been opened. */
  readonly opened: Region;
  readonly symbolizer: Symbolizer;
  readonly region: RegionOptions;
  /** Digest of the guest's file. */
  readonly program: string;
}

/** Whoever has a job done. */
export interface Supervisor {
  /** Asked after every execution; true ends the job with what there is. */
  readonly stop: () => boolean;
  /** Asked while a finding is made smaller; true ends that. */
  readonly isCalledOff: () => boolean;
  /** Told after every execution. */
  readonly progress: (progress: JobProgress) => void;
}

/** Does a job; yields now and then, to let others have their turns. */
export function* doJob(
  workplace: Workplace,
  job: Job,
  supervisor: Supervisor,
): Generator<undefined, JobResult> {
  switch (job.kind) {
    case 'sample':
      return yield* sample(workplace, job, supervisor);
    case 'search':
      return yield* search(workplace, job, supervisor);
  }
}

function* sample(
  workplace: Workplace,
  job: SampleJob,
  supervisor: Supervisor,
): Generator<undefined, FoundResult | SampledResult> {
  const { model } = workplace.opened;
  const { seed, strategies, bounds, stepsMax } = job;
  const { stop, progress } = supervisor;
  const end = job.first + job.count;
  const traces = new Set<string>();
  let first = job.first;
  let ended = 0;
  let finding: Shrinking | undefined;
  while (first < end) {
    const options = { seed, strategies, bounds, stepsMax, stop };
    try {
      for (const found of randomSearch(model, { ...options, first, executions: end - first })) {
        traces.add(found.trace);
        const executions = found.number - job.first + 1;
        progress({ phase: found.strategy, executions, traces: traces.size });
        yield;
        if (!isFine(found.ending)) {
          finding ??= foundNow(model);
          const { foundAt, warnings } = finding;
          const small = smaller(model, found, stepsMax, finding, supervisor);
          const { strategy: phase, number } = found;
          const result = presented(workplace, small, phase, number + 1, stepsMax);
          return { ...result, executions, foundAt, warnings };
        }
        finding = undefined;
        if (found.ending.kind === 'done') ended++;
        first = found.number + 1;
      }
      break;
    } catch (error) {
      // Its steps were too coarse: once more.
      if (!(error instanceof VisibilityGrown)) throw error;
      model.restart();
    }
  }
  return { kind: 'sampled', executions: first - job.first, ended, warnings: warningsOf(model) };
}

function* search(
  workplace: Workplace,
  job: SearchJob,
  supervisor: Supervisor,
): Generator<undefined, FoundResult | SearchedResult> {
  const { model } = workplace.opened;
  const { bounds, stepsMax, prefixesMax, executionsMax, before } = job;
  let executions = 0;
  let ended = 0;
  let position: Position | undefined;
  const traces = new Set<string>();
  const limits = {
    stepsMax,
    prefixesMax,
    watch: (now: Position) => (position = now),
    stop: () => {
      executions++;
      const where = position === undefined ? {} : { position };
      supervisor.progress({ phase: SYSTEMATIC, executions, traces: traces.size, ...where });
      return executions >= executionsMax || supervisor.stop();
    },
  };
  const footprints = rehearse(model, bounds, stepsMax, supervisor.stop);
  for (;;) {
    traces.clear();
    const all = settled(
      model,
      () => raising(model, bounds, limits, footprints),
      () => traces.clear(),
    );
    for (let next = all.next(); ; next = all.next()) {
      if (next.done === true) {
        return { kind: 'searched', coverage: next.value, ended, warnings: warningsOf(model) };
      }
      const found: Explored = next.value;
      traces.add(found.trace);
      yield;
      if (found.ending.kind === 'done') ended++;
      if (isFine(found.ending)) continue;
      if (!leave(all)) break;
      executions++;
      // What is visible was found in many executions by now; it stays as it is.
      model.frozen = true;
      const finding = foundNow(model);
      const { foundAt, warnings } = finding;
      const small = smaller(model, found, stepsMax, finding, supervisor);
      const result = presented(workplace, small, SYSTEMATIC, before + executions, stepsMax);
      return { ...result, executions, foundAt, warnings };
    }
  }
}

/** A finding that is being made smaller. */
interface Shrinking {
  readonly foundAt: number;
  /** Steps of the model until which that goes on. */
  readonly stepsMax: number;
  /** How often it was asked whether to go on. */
  orders: number;
  /** Those of the executions up to it. */
  readonly warnings: readonly LockWarning[];
}

const foundNow = (model: MachineModel): Shrinking => ({
  foundAt: clockSeconds(),
  stepsMax: model.steps + SHRINK_STEPS,
  orders: 0,
  warnings: warningsOf(model),
});

const warningsOf = ({ locks }: MachineModel): LockWarning[] => [...(locks?.order.warnings ?? [])];

/**
 * The smallest execution with the same ending among those that are tried.
 * @throws VisibilityGrown, if the model is not frozen and there are steps left to begin once more
 */
function smaller(
  model: MachineModel,
  { schedule, ending }: Explored,
  stepsMax: number,
  shrinking: Shrinking,
  { isCalledOff, progress }: Supervisor,
): Replayed {
  const isSame = (other: Ending): boolean => sameEnding(other, ending);
  const isLate = (): boolean =>
    model.steps > shrinking.stepsMax || shrinking.orders > SHRINK_ORDERS || isCalledOff();
  const stop = (): boolean => {
    progress({ phase: SHRINKING, executions: shrinking.orders++, traces: 0 });
    return isLate();
  };
  if (isLate()) model.frozen = true;
  if (ending.kind === 'livelock') {
    const { approach, lasso } = wayIntoLivelock(model, schedule);
    const way = [...approach, ...lasso];
    return { ...replay(model, turnsOf(way), way.length), repeatsFrom: approach.length };
  }
  const small = minimise(model, schedule, { stepsMax, isSame, stop });
  // Whoever explains it comes to the same loops, and has to know where harts wait in them.
  explain(model, small, stepsMax, isSame, small.events.length - 1, EXPLAINED_MAX);
  return small;
}

function presented(
  { opened, symbolizer, region, program }: Workplace,
  small: Replayed,
  phase: string,
  executions: number,
  stepsMax: number,
): Omit<FoundResult, 'executions' | 'foundAt' | 'warnings'> {
  opened.model.frozen = true;
  const finding = { small, phase, executions };
  const { report, file } = presentFinding(opened, symbolizer, finding, region, program, stepsMax);
  return { kind: 'found', phase, report, file };
}
