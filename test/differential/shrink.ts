// Reduces a differing sequence to a small one that differs in the same kind of state. All
// candidates of a step go into one image, so a step costs one run of each machine.

import { WINDOW, WINDOW_WORDS } from './image.ts';
import type { Difference } from './compare.ts';
import type { Sequence } from './sequence.ts';

/** Runs sequences on both machines; per sequence what differed, empty if nothing. */
export type Judge = (sequences: readonly Sequence[]) => (readonly Difference[])[];

/** Steps at most, so that a shrink always ends. */
const STEPS_MAX = 60;

const isPointer = (value: number): boolean => value >= WINDOW && value < WINDOW + 4 * WINDOW_WORDS;

/** @returns the smallest sequence found that still differs, `sequence` itself at worst */
export function shrink(sequence: Sequence, judge: Judge): Sequence {
  const kind = judge([sequence])[0].at(0)?.kind;
  if (kind === undefined) return sequence;
  let steps = 0;
  /** The first candidate that still differs as the original does. */
  const first = (candidates: readonly Sequence[]): Sequence | undefined => {
    if (candidates.length === 0 || ++steps > STEPS_MAX) return undefined;
    const verdicts = judge(candidates);
    return candidates.find((_, index) => verdicts[index].some((d) => d.kind === kind));
  };

  let best = sequence;
  let chunk = Math.max(1, best.units.length >> 1);
  for (;;) {
    const candidates: Sequence[] = [];
    for (let start = 0; start < best.units.length; start += chunk) {
      const units = best.units.filter((_, i) => i < start || i >= start + chunk);
      candidates.push({ ...best, units });
    }
    const smaller = first(candidates);
    if (smaller) best = smaller;
    else if (chunk === 1) break;
    if (!smaller) chunk = chunk >> 1;
    chunk = Math.max(1, Math.min(chunk, best.units.length >> 1));
    if (steps > STEPS_MAX) break;
  }
  // Registers that don't matter become 0; pointers stay, as address 0 is another test.
  const zeroed = (keep: (r: number) => boolean): Sequence => ({
    ...best,
    registers: best.registers.map((v, r) => (keep(r) || isPointer(v) ? v : 0)),
  });
  const allZero = first([zeroed(() => false)]);
  if (allZero) return allZero;
  for (;;) {
    const used = best.registers
      .map((v, r) => (v !== 0 && !isPointer(v) ? r : 0))
      .filter((r) => r !== 0);
    const smaller = first(used.map((r) => zeroed((other) => other !== r)));
    if (!smaller) return best;
    best = smaller;
  }
}
