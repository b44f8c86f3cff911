// How a scenario of the table is explored: its line script, the UART's defect, boot parameters and the
// number of harts are those of the table.

import type { ExploreOptions } from '../explore/explore.ts';
import { SCENARIO_CASES, type ScenarioCase } from './expectations.ts';

export type CaseOptions = Pick<
  ExploreOptions,
  'scenario' | 'append' | 'harts' | 'lineScript' | 'fault' | 'resets'
>;

/** @param append kernel command line, behind which the scenario's own is put */
export function exploreCase(
  { name, run = name, args, bootargs, script, fault, harts, resets = false }: ScenarioCase,
  append: string,
): CaseOptions {
  return {
    scenario: args === undefined ? run : `${run} ${args}`,
    append: bootargs === undefined ? append : `${append} ${bootargs}`.trim(),
    resets,
    ...(harts === undefined ? {} : { harts }),
    ...(script === undefined ? {} : { lineScript: script }),
    ...(fault === undefined ? {} : { fault }),
  };
}

/** The same for what a user calls it: a name in the table, or else what the guest is to run. */
export function exploreNamed(scenario: string, append: string): CaseOptions {
  const found = SCENARIO_CASES.find(({ name }) => name === scenario);
  return found === undefined ? { scenario, append } : exploreCase(found, append);
}
