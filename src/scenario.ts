// A scenario to explore, by name: what `explore` and the matchers of `printkit/vitest` are given.

import { firmwareElf } from './cli/paths.ts';
import { exploreNamed } from './compare/explore-case.ts';
import type { ExploreOptions } from './explore/explore.ts';

export type ScenarioOptions = Omit<Partial<ExploreOptions>, 'scenario'>;

/**
 * A scenario of the guest, with its arguments, as `printkit explore NAME` takes it: for one of the
 * catalogue (docs/scenarios.md), line script, further boot parameters and number of harts come from
 * there, unless they are given. The guest is the package's firmware, unless `elf` says another.
 */
export function scenario(name: string, options: ScenarioOptions = {}): ExploreOptions {
  const { append = '', ...rest } = options;
  return { elf: firmwareElf(), ...exploreNamed(name, append), ...rest };
}
