// The searches on the machine against plain enumeration of the same guests at every instruction: small
// random programs with interrupts of all kinds, NMIs, a UART and its far end, LR and SC, and loops that
// wait. FROM and GUESTS choose others.

import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/explore/bounded.ts';
import { dpor } from '../../src/explore/dpor.ts';
import { SeededRng } from '../../src/explore/rng.ts';
import type { Bounds, Coverage, Explored } from '../../src/explore/search.ts';
import { settled } from '../../src/explore/settle.ts';
import type { MachineModel } from '../../src/explore/machine-model.ts';
import type { Program } from './programs.ts';
import { assembled, hartOutcomes, wireOf, wordsOf } from './guest-program.ts';
import { GuestWriter } from './random-guests.ts';
import { Ambiguous } from './reference-board.ts';
import { Reference, TooLarge, outcomeOf, type Guest } from './reference.ts';

const FROM = Number(process.env['FROM'] ?? 0);
const GUESTS = Number(process.env['GUESTS'] ?? 50);
const LIMITS = { stepsMax: 400 };
const MANY = 99;
/** Of what can be injected again and again. */
const FEW = 2;

type Search = (model: MachineModel) => Generator<Explored, Coverage>;

const outcome = (program: Program, kind: string): string =>
  outcomeOf(kind, wordsOf(program), wireOf(program), hartOutcomes(program));

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
    outcomes.add(outcome(program, next.value.ending.kind));
  }
  expect(next.value.complete).toBe(true);
  return outcomes;
}

/** Those of the reference; undefined where it can't tell. */
function expected(guest: Guest, bounds: Bounds, injected: boolean): Set<string> | undefined {
  try {
    return new Reference(guest).outcomes(bounds, injected);
  } catch (error) {
    if (error instanceof Ambiguous || error instanceof TooLarge) return undefined;
    throw error;
  }
}

/** Where the first hart at the end ends an execution, how the others are then does not matter. */
const comparable = (guest: Guest, outcomes: Iterable<string>): string[] =>
  [...outcomes].filter((each) => guest.ends === 'all' || !each.startsWith('done')).sort();

/** @param injected only what is injected counts against the bounds */
function compare(
  bounds: (rng: SeededRng, guest: Guest) => Bounds,
  search: (bounds: Bounds) => Search,
  injected = false,
): void {
  let compared = 0;
  for (let seed = FROM; seed < FROM + GUESTS; seed++) {
    const rng = new SeededRng(seed);
    const guest = new GuestWriter(rng).guest();
    const within = bounds(rng, guest);
    const all = expected(guest, within, injected);
    if (all === undefined) continue;
    compared++;
    const outcomes = comparable(guest, found(guest, search(within)));
    expect(outcomes, `guest ${seed}`).toEqual(comparable(guest, all));
  }
  expect(compared).toBeGreaterThan(GUESTS / 2);
}

/** The characters that are injected would have no end. */
const irqsOf = ({ outside }: Guest): number =>
  outside.inject.includes('uart-rx') ? FEW : Infinity;
const finite = (bound: number): number => Math.min(bound, MANY);

describe('every ending that plain enumeration finds, and no other', () => {
  it('of all executions', () => {
    compare(
      (_, guest) => ({ preemptions: Infinity, irqs: irqsOf(guest), nmis: 1 }),
      ({ irqs, nmis }) =>
        (model) =>
          dpor(model, { irqs: finite(irqs), nmis }, LIMITS),
      true,
    );
  });

  it('of the executions within high bounds', () => {
    const options = { ...LIMITS, prefixesMax: 1e6, total: Infinity };
    compare(
      (_, guest) => ({ preemptions: Infinity, irqs: irqsOf(guest), nmis: 1 }),
      ({ irqs, nmis }) =>
        (model) =>
          bounded(model, { preemptions: MANY, irqs: finite(irqs), nmis }, options),
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
