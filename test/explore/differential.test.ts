// The searches on the machine against plain enumeration of the same guests at every instruction: small
// random programs with interrupts, NMIs, LR and SC, and loops that wait. FROM and GUESTS choose others.

import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/explore/bounded.ts';
import { dpor } from '../../src/explore/dpor.ts';
import { SeededRng } from '../../src/explore/rng.ts';
import type { Bounds, Coverage, Explored } from '../../src/explore/search.ts';
import { settled } from '../../src/explore/settle.ts';
import type { MachineModel } from '../../src/explore/machine-model.ts';
import { assembled, GuestWriter, hartOutcomes } from './random-guests.ts';
import { Reference, WORDS, outcomeOf, type Guest } from './reference.ts';

const FROM = Number(process.env['FROM'] ?? 0);
const GUESTS = Number(process.env['GUESTS'] ?? 60);
const LIMITS = { stepsMax: 400 };
const MANY = 99;
const ALL: Bounds = { preemptions: Infinity, irqs: Infinity, nmis: 1 };

type Search = (model: MachineModel) => Generator<Explored, Coverage>;

/** The endings of the executions that the last round of a search has run. */
function found(guest: Guest, search: Search): Set<string> {
  const program = assembled(guest);
  const { model } = program;
  const outcomes = new Set<string>();
  const all = settled(
    model,
    () => search(model),
    () => outcomes.clear(),
  );
  let next = all.next();
  for (; next.done !== true; next = all.next()) {
    const words = WORDS.map((word) => program.word(word));
    outcomes.add(outcomeOf(next.value.ending.kind, words, hartOutcomes(program)));
  }
  expect(next.value.complete).toBe(true);
  return outcomes;
}

/** Where the first hart at the end ends an execution, how the others are then does not matter. */
const comparable = (guest: Guest, outcomes: Iterable<string>): string[] =>
  [...outcomes].filter((each) => guest.ends === 'all' || !each.startsWith('done')).sort();

function compare(bounds: (rng: SeededRng) => Bounds, search: (bounds: Bounds) => Search): void {
  for (let seed = FROM; seed < FROM + GUESTS; seed++) {
    const rng = new SeededRng(seed);
    const guest = new GuestWriter(rng).guest();
    const within = bounds(rng);
    const expected = comparable(guest, new Reference(guest).outcomes(within));
    expect(comparable(guest, found(guest, search(within))), `guest ${seed}`).toEqual(expected);
  }
}

describe('every ending that plain enumeration finds, and no other', () => {
  it('of all executions', () => {
    compare(
      () => ALL,
      () => (model) => dpor(model, { irqs: MANY, nmis: ALL.nmis }, LIMITS),
    );
  });

  it('of the executions within high bounds', () => {
    const bounds = { preemptions: MANY, irqs: MANY, nmis: ALL.nmis };
    const options = { ...LIMITS, prefixesMax: 1e6, total: Infinity };
    compare(
      () => ALL,
      () => (model) => bounded(model, bounds, options),
    );
  });

  it('of the executions within low bounds', () => {
    const options = { ...LIMITS, prefixesMax: 1e6, total: Infinity };
    compare(
      (rng) => ({ preemptions: rng.below(3), irqs: rng.below(3), nmis: rng.below(2) }),
      (bounds) => (model) => bounded(model, bounds, options),
    );
  });
});
