// Every design and scenario of the table, explored: which schedules hang or fail, or what was covered
// without one. One after the other, each with all threads, so that the time of each is its own.
//
// A message that never gets on the wire is no finding here: an execution ends before consoles have
// caught up. `compare --scenarios` looks for those.

import { explore, type ExploredFinding } from '../explore/explore.ts';
import type { Bounds } from '../explore/search.ts';
import type { Design } from './designs.ts';
import type { ScenarioCase } from './expectations.ts';
import { exploreCase } from './explore-case.ts';

/** `hangs`: harts wait for ever. `fails`: the guest says so. `clean`, `partial`: nothing was found. */
export type ExploredOutcome = 'hangs' | 'fails' | 'clean' | 'partial';

export interface ExploreResult {
  readonly design: string;
  readonly scenario: string;
  readonly outcome: ExploredOutcome;
  /** The verdict, or what was covered. */
  readonly text: string;
  /** Of a finding: switches away from a hart that could go on, and interrupts and NMIs. */
  readonly preemptions: number;
  readonly interrupts: number;
  /** Without a finding: everything is covered up to this sum of preemptions, interrupts and NMIs. */
  readonly upTo?: number;
  /** Executions until the finding, or in all. */
  readonly executions: number;
  readonly seconds: number;
}

export interface ExploreRunOptions {
  /** Path of the firmware. */
  readonly elf: string;
  readonly bounds: Bounds;
  /** For each design in each scenario. */
  readonly seconds: number;
  /** Worker threads. */
  readonly jobs: number;
  /** Called when one more is done. */
  readonly progress?: (done: number) => void;
}

/** In the order of the designs, for each of the scenarios. */
export async function exploreAll(
  designs: readonly Design[],
  cases: readonly ScenarioCase[],
  options: ExploreRunOptions,
): Promise<ExploreResult[]> {
  const results: ExploreResult[] = [];
  for (const design of designs) {
    for (const scenario of cases) {
      results.push(await exploreOne(design, scenario, options));
      options.progress?.(results.length);
    }
  }
  return results;
}

async function exploreOne(
  design: Design,
  scenario: ScenarioCase,
  { elf, bounds, seconds, jobs }: ExploreRunOptions,
): Promise<ExploreResult> {
  const subject = exploreCase(scenario, design.bootargs);
  const result = await explore({ elf, ...subject, bounds, seconds, jobs });
  const of = { design: design.name, scenario: scenario.name, seconds: result.seconds };
  if (result.kind === 'finding') {
    const { verdict, executions } = result;
    return { ...of, outcome: outcomeOf(result), text: verdict, ...spentBy(result), executions };
  }
  const executions = result.samples + (result.coverage?.executions ?? 0);
  const outcome = result.complete ? 'clean' : 'partial';
  const upTo = result.coverage?.completeTotal ?? -1;
  const covered = upTo < 0 ? {} : { upTo };
  const nothing = { preemptions: 0, interrupts: 0, ...covered };
  return { ...of, outcome, text: result.sentence, ...nothing, executions };
}

function outcomeOf({ report: { ending } }: ExploredFinding): ExploredOutcome {
  return ending.kind === 'failed' && !ending.reason.startsWith('soft lockup') ? 'fails' : 'hangs';
}

/** The switches of the smallest execution that was found, as its report counts them. */
function spentBy({ report }: ExploredFinding): Pick<ExploreResult, 'preemptions' | 'interrupts'> {
  const reasons = [...report.reasons.values()].map(({ text }) => text);
  return {
    preemptions: reasons.filter((text) => text.endsWith(' is preempted')).length,
    interrupts: reasons.filter((text) => text.endsWith(' is interrupted')).length,
  };
}
