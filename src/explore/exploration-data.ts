// What came of an exploration, or of a replay, as plain data for scripts: `printkit explore --json`. What does
// not apply is left out. docs/explore.md shows it.

import type { Exploration, ExploredFinding, ExploreOptions, Repeated } from './explore.ts';
import type { LockWarning, WarningKind } from './lock-order.ts';
import { namesIn, type WarningReport, type WarningStatus } from './lock-warning.ts';
import type { Place } from './place.ts';
import type { Report } from './report.ts';
import type { StoryEnd } from './story.ts';
import { waitCycle, type WaitLink } from './wait-cycle.ts';

/** Somebody who waits. */
export interface WaitData {
  /** "hart 1 task". */
  readonly lane: string;
  readonly hart: number;
  /** Lock, variable or interrupt. Left out in a cycle: it waits for who has interrupted it. */
  readonly waitsFor?: string;
  /** The lane that holds that, or has written it last. */
  readonly holder?: string;
}

export interface HartData extends WaitData {
  readonly state: StoryEnd['state'];
  /** Locks that its contexts hold. */
  readonly holds: readonly string[];
  /** Innermost first. */
  readonly calls: readonly Place[];
}

/** A schedule, as its report shows it. */
export interface FindingData {
  /** In one line. */
  readonly verdict: string;
  readonly explanation: string;
  /** Visible steps. */
  readonly steps: number;
  /** Switches away from a hart that could go on; interrupts and NMIs that came over one. */
  readonly preemptions: number;
  readonly interrupts: number;
  /** Who waits for whom, each for the next and the last for the first; empty if there is no cycle. */
  readonly cycle: readonly WaitData[];
  /** Where each hart stands at the end. */
  readonly harts: readonly HartData[];
  /** Lines that have left through the UARTs. */
  readonly said: readonly string[];
}

export interface WarningData {
  readonly kind: WarningKind;
  readonly status: WarningStatus;
  /** In one line. */
  readonly text: string;
  /** Names of all locks that it is about. */
  readonly locks: readonly string[];
  /** One line for each place. */
  readonly places: readonly string[];
}

export interface ExplorationData {
  readonly result: 'finding' | 'covered' | 'partial';
  /** The exit code. */
  readonly exit: number;
  /** The verdict, or what was covered and what that leaves out. */
  readonly text: string;
  readonly seconds: number;
  /** What has ended it before it was complete. */
  readonly stopped?: 'time' | 'signal';
  readonly guest: Pick<ExploreOptions, 'elf' | 'scenario' | 'append' | 'harts' | 'from' | 'until'>;
  readonly seed: number;
  /** Executions up to the finding, or all: random ones and those within the bounds. */
  readonly executions: number;
  /** Most preemptions, interrupts and NMIs of an execution, and what may come from outside. */
  readonly bounds: { readonly preemptions: number; readonly irqs: number; readonly nmis: number };
  readonly inject: readonly string[];
  /** Whether messages were compared with the wire. */
  readonly messages: boolean;
  /** Whether the scenario's own verdict counted. */
  readonly verdict: boolean;
  readonly finding?: FindingData & {
    /** The strategy that has found it. */
    readonly phase: string;
    /** The command that repeats it. */
    readonly again?: string;
  };
  /** Without a finding, if there was a search within the bounds. */
  readonly coverage?: {
    readonly complete: boolean;
    /** All is covered up to this sum of preemptions, interrupts and NMIs; -1: nothing is. */
    readonly upTo: number;
    readonly executions: number;
    readonly traces: number;
    readonly steps: number;
    /** Executions that the bound on steps has cut. */
    readonly cut: number;
  };
  /** Orders of locks. */
  readonly warnings: readonly WarningData[];
}

export interface ReplayData {
  /** `unfit`: it ends well, but it is not the schedule that was recorded. */
  readonly result: 'finding' | 'fine' | 'unfit';
  readonly exit: number;
  readonly text: string;
  /** The same program, to the instruction. */
  readonly exact: boolean;
  /** What did not fit, one line each. */
  readonly deviations: readonly string[];
  readonly finding?: FindingData;
}

/** @param options what was asked for; bounds, seed and harts have to be in it */
export function explorationData(
  result: Exploration,
  { elf, scenario, append = '', harts = 2, from, until, ...options }: ExploreOptions,
  exit: number,
): ExplorationData {
  const { preemptions = 0, irqs = 0, nmis = 0 } = options.bounds ?? {};
  const common = {
    exit,
    text: result.kind === 'finding' ? result.verdict : result.sentence,
    seconds: result.seconds,
    ...(result.kind === 'covered' && result.stopped && { stopped: result.stopped }),
    guest: {
      elf,
      ...(scenario === undefined ? {} : { scenario }),
      ...{ append, harts },
      ...(from === undefined ? {} : { from }),
      ...(until === undefined ? {} : { until }),
    },
    seed: options.seed ?? 1,
    bounds: { preemptions, irqs, nmis },
    inject: options.inject ?? [],
    messages: options.messages ?? false,
    verdict: options.verdict ?? false,
    warnings: result.warnings.map(warningData),
  };
  if (result.kind === 'finding') {
    const { report, phase, executions } = result;
    const { again } = report;
    const finding = { ...findingData(report), phase, ...(again && { again }) };
    return { result: 'finding', ...common, executions, finding };
  }
  const { complete, samples, coverage } = result;
  return {
    result: complete ? 'covered' : 'partial',
    ...common,
    executions: samples + (coverage?.executions ?? 0),
    ...(coverage && {
      coverage: {
        complete,
        upTo: coverage.completeTotal,
        executions: coverage.executions,
        traces: coverage.traces,
        steps: coverage.steps,
        cut: coverage.cut,
      },
    }),
  };
}

export function replayData({ report, isFine, replayed }: Repeated, exit: number): ReplayData {
  const { exact, fits, deviations } = replayed;
  return {
    result: !isFine ? 'finding' : fits ? 'fine' : 'unfit',
    exit,
    text: report.verdict.headline,
    exact,
    deviations,
    ...(isFine ? {} : { finding: findingData(report) }),
  };
}

function findingData(report: Report): FindingData {
  const { verdict, story, repeatsFrom } = report;
  return {
    verdict: verdict.headline,
    explanation: verdict.explanation,
    steps: Math.min(repeatsFrom, story.steps.length),
    ...spentBy({ report }),
    cycle: waitCycle(story).map(waitData),
    harts: story.ends.map((end) => ({
      ...waitData({ lane: end.lanes.at(-1) ?? '', hart: end.hart, for: end.for }),
      state: end.state,
      holds: end.holds,
      calls: end.calls,
    })),
    said: story.said.filter((line) => line !== ''),
  };
}

function waitData({ lane, hart, for: what }: Pick<WaitLink, 'lane' | 'hart' | 'for'>): WaitData {
  return {
    ...{ lane, hart },
    ...(what && { waitsFor: what.name }),
    ...(what?.holder !== undefined && { holder: what.holder }),
  };
}

function warningData({ status, headline, places, warning }: WarningReport): WarningData {
  return { kind: warning.kind, status, text: headline, locks: locksOf(warning), places };
}

const locksOf = (warning: LockWarning): string[] => [...namesIn(warning)];

/** The switches of a schedule, as its report counts them. */
export function spentBy({
  report,
}: Pick<ExploredFinding, 'report'>): Pick<FindingData, 'preemptions' | 'interrupts'> {
  const reasons = [...report.reasons.values()].map(({ text }) => text);
  return {
    preemptions: reasons.filter((text) => text.endsWith(' is preempted')).length,
    interrupts: reasons.filter((text) => text.endsWith(' is interrupted')).length,
  };
}
