// A scenario of the table, run under one design: what came of it.

import { PrintkitError } from '../errors.ts';
import type { Design } from './designs.ts';
import { type Outcome, SCENARIO_CASES, type ScenarioCase } from './expectations.ts';
import type { Guests } from './guests.ts';
import { runScenario, type ScenarioRun } from './scenario-run.ts';
import type { StuckHart } from './stuck.ts';

export interface ScenarioResult {
  readonly design: string;
  readonly scenario: string;
  /** `fails`: the scenario did not come about, or its own verdict is a failure. */
  readonly outcome: Outcome | 'fails';
  /** If it hangs. */
  readonly stuck: readonly StuckHart[];
  /** Texts that should be on the wire and are not. */
  readonly missing: readonly string[];
  /** The console, for an outcome that nobody expected. */
  readonly text: string;
}

/** @throws PrintkitError when there is no such scenario */
export function scenarioCase(name: string): ScenarioCase {
  const found = SCENARIO_CASES.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = SCENARIO_CASES.map((each) => each.name).join(', ');
  throw new PrintkitError(`there is no scenario "${name}", only ${names}`);
}

export function runCase(guests: Guests, design: Design, name: string): ScenarioResult {
  const {
    run = name,
    says = [],
    consoles,
    resets = false,
    unstoppable = false,
    ...options
  } = scenarioCase(name);
  const result = runScenario(guests, design, run, options);
  const missing = says.filter((text) => {
    const times = result.text.split(text).length - 1;
    return consoles === undefined ? times === 0 : times !== consoles;
  });
  const judged = unstoppable ? withoutUnstoppable(result) : result;
  return {
    design: design.name,
    scenario: name,
    outcome: outcomeOf(judged, resets ? undefined : `scenario ${run}: PASS`, missing),
    stuck: judged.stuck,
    missing,
    text: result.text,
  };
}

/** What a panic says of CPUs that it could not stop. */
const STILL_RUNNING = /SMP: failed to stop secondary CPUs/;

/** Without a CPU that goes on for ever because it is meant to. */
const withoutUnstoppable = (run: ScenarioRun): ScenarioRun => ({
  ...run,
  stuck: [],
  text: run.text.replace(STILL_RUNNING, ''),
});

/** What the kernel says of a CPU that did not get on, and scenarios of a wait that was far too long. */
const STALLED = [
  /watchdog: BUG: soft lockup/,
  /Watchdog detected hard LOCKUP/,
  STILL_RUNNING,
  /^scenario: .* took \d+ ms$/m,
];

/** @param verdict what the scenario itself says when all went well; nothing if it ends in a reset */
function outcomeOf(
  { begun, ended, text, stuck }: ScenarioRun,
  verdict: string | undefined,
  missing: readonly string[],
): ScenarioResult['outcome'] {
  if (!begun) return 'fails';
  if (!ended) return stuck.length > 0 ? 'hangs' : 'stalls';
  if (verdict !== undefined && !text.includes(verdict)) return 'fails';
  if (STALLED.some((pattern) => pattern.test(text))) return 'stalls';
  return missing.length > 0 ? 'loses' : 'survives';
}
