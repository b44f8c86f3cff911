// The verdict that a scenario gives itself, behind the end of the region: `scenario NAME: FAIL`.

import { RunOn } from './run-on.ts';
import type { Stepper } from './stepper.ts';
import { linesOf } from './wire-lines.ts';

const VERDICT = /^scenario \S+: (PASS|FAIL)$/;
/** It waits for consoles that are behind, for two seconds at most. */
const PATIENCE = { longestNs: 4_000_000_000, quietNs: Infinity };

/** What the scenario says of itself if the guest runs on from here; undefined if that is nothing. */
export function ownVerdict(runOn: RunOn, { board }: Stepper): string | undefined {
  let verdict: string | undefined;
  runOn.until(() => {
    verdict = linesOf(board.sent[0]).find((line) => VERDICT.test(line));
    return verdict !== undefined;
  }, PATIENCE);
  return verdict;
}
