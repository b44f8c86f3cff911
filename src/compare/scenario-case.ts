// A scenario of the table, run under one design: what came of it.

import type { ElfFile } from '../debug/elf.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { PrintkitError } from '../errors.ts';
import type { Design } from './designs.ts';
import { type Outcome, SCENARIO_CASES, type ScenarioCase } from './expectations.ts';
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

export function runCase(
  elf: ElfFile,
  symbolizer: Symbolizer,
  design: Design,
  name: string,
): ScenarioResult {
  const { run = name, says = [], resets = false, ...options } = scenarioCase(name);
  const result = runScenario(elf, symbolizer, design, run, options);
  const missing = says.filter((text) => !result.text.includes(text));
  return {
    design: design.name,
    scenario: name,
    outcome: outcomeOf(result, resets ? undefined : `scenario ${run}: PASS`, missing),
    stuck: result.stuck,
    missing,
    text: result.text,
  };
}

/** What the kernel says of a CPU that did not get on, and scenarios of a wait that was far too long. */
const STALLED = [
  /watchdog: BUG: soft lockup/,
  /Watchdog detected hard LOCKUP/,
  /SMP: failed to stop secondary CPUs/,
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
