// Every design and scenario of the table, explored: which schedules hang or fail, or what was covered
// without one. One after the other, each with all threads, so that the time of each is its own.
//
// First for hangs, whatever becomes of messages; where there is none and the scenario says what must get
// on the wire, once more for messages that are lost, torn, repeated or out of order.

import { spentBy } from '../explore/exploration-data.ts';
import { type Exploration, explore, type ExploredFinding } from '../explore/explore.ts';
import type { Bounds } from '../explore/search.ts';
import { isHang } from '../explore/verdict-text.ts';
import type { Design } from './designs.ts';
import type { ScenarioCase } from './expectations.ts';
import { exploreCase } from './explore-case.ts';

/**
 * `hangs`: harts wait for ever. `fails`: the guest says so. `loses`: what is on the wire is not what was
 * said. `clean`, `partial`: nothing was found.
 */
export type ExploredOutcome = 'hangs' | 'fails' | 'loses' | 'clean' | 'partial';

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
  /** For each design in each scenario, and for each of its `questions`. */
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
  const look = (messages: boolean): Promise<Exploration> =>
    explore({ elf, ...subject, bounds, seconds, jobs, messages });
  const first = await look(false);
  const isAsked = first.kind === 'covered' && questionsOf(scenario) > 1;
  const second = isAsked ? await look(true) : first;
  // What was covered is what both have covered: the second one has more to do.
  const result = { ...second, seconds: first.seconds + (isAsked ? second.seconds : 0) };
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

/** How often a scenario is explored at most: for hangs, and for messages if it has any that count. */
export const questionsOf = ({ says = [] }: ScenarioCase): number => (says.length > 0 ? 2 : 1);

function outcomeOf({ report: { ending, verdict } }: ExploredFinding): ExploredOutcome {
  if (ending.kind === 'messages') return 'loses';
  return ending.kind === 'livelock' || isHang(ending, verdict) ? 'hangs' : 'fails';
}
