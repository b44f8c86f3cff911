// What the searches are measured against: every execution of a small program, by plain enumeration.
// States that were seen with the same observations are not entered twice; nothing else is left out.

import type { AgentId } from '../../src/explore/model.ts';
import { endingOf, type Bounds } from '../../src/explore/search.ts';
import { get, local, mask, read, unmask, wait, write, add, lock, unlock } from './toy.ts';
import { Toy, type Interrupt, type Op, type Program } from './toy.ts';
import fc from 'fast-check';

/** Ending and observations of every execution within the bounds. Costs as docs/explore.md defines them. */
export function allOutcomes(program: Program, bounds: Bounds): Set<string> {
  const toy = new Toy(program);
  const outcomes = new Set<string>();
  const seen = new Set<string>();
  const visit = (last: AgentId | undefined, c: number, i: number, m: number): void => {
    const key = [toy.state(), toy.observation(), last, c, i, m].join();
    if (seen.has(key)) return;
    seen.add(key);
    const enabled = toy.ending() === undefined ? toy.enabled() : [];
    const ending = endingOf(toy, enabled);
    if (ending !== undefined) outcomes.add(ending.kind + toy.outcome());
    const mark = toy.mark();
    for (const id of enabled) {
      const { kind, hart, injected } = toy.agents[id];
      const preempts = last !== undefined && enabled.includes(last) && hart !== last;
      const interrupts = injected || (hart !== undefined && enabled.includes(hart));
      const c2 = c + (preempts ? 1 : 0);
      const i2 = i + (kind === 'irq' && interrupts ? 1 : 0);
      const m2 = m + (kind === 'nmi' && interrupts ? 1 : 0);
      if (c2 > bounds.preemptions || i2 > bounds.irqs || m2 > bounds.nmis) continue;
      const spent = (n: number, bound: number): number => (bound === Infinity ? 0 : n);
      toy.step(id);
      visit(hart ?? last, spent(c2, bounds.preemptions), spent(i2, bounds.irqs), m2);
      toy.rewind(mark);
    }
    toy.release(mark);
  };
  visit(undefined, 0, 0, 0);
  return outcomes;
}

/** What a search's execution ended with, in the words of `allOutcomes`. */
export function outcomeOf(program: Program, schedule: readonly AgentId[]): string {
  const toy = new Toy(program);
  for (const agent of schedule) toy.step(agent);
  const enabled = toy.ending() === undefined ? toy.enabled() : [];
  return (endingOf(toy, enabled)?.kind ?? 'open') + toy.outcome();
}

const word = fc.constantFrom('x', 'y', 'z');

const plainOp: fc.Arbitrary<Op[]> = fc.oneof<fc.Arbitrary<Op[]>[]>(
  word.map((w) => [read(w)]),
  fc.tuple(word, fc.integer({ min: 0, max: 2 })).map(([w, v]) => [write(w, v)]),
  word.map((w) => [add(w)]),
  word.map((w) => [read(w, 'r', { endsIf: (r) => get(r, 'r') !== 0 })]),
  fc.constantFrom([local]),
);

const taskOp: fc.Arbitrary<Op[]> = fc.oneof(
  { weight: 4, arbitrary: plainOp },
  { weight: 1, arbitrary: word.map((w) => [wait(w)]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('l', 'k'), plainOp)
      .map(([l, inside]) => [lock(l), ...inside.map(stay), unlock(l)]),
  },
  { weight: 1, arbitrary: plainOp.map((inside) => [mask, ...inside.map(stay), unmask]) },
);

/** An operation in a critical section doesn't end the thread. */
const stay = (op: Op): Op => ({ accesses: op.accesses, run: op.run });

const handlerOp: fc.Arbitrary<Op[]> = fc.oneof(
  { weight: 4, arbitrary: plainOp },
  { weight: 1, arbitrary: fc.constantFrom('l', 'k').map((l) => [lock(l), unlock(l)]) },
  { weight: 1, arbitrary: word.map((w) => [wait(w)]) },
);

const ops = (op: fc.Arbitrary<Op[]>, max: number): fc.Arbitrary<Op[]> =>
  fc.array(op, { minLength: 1, maxLength: max }).map((list) => list.flat());

const interrupt = (harts: number): fc.Arbitrary<Interrupt> =>
  fc.record({
    hart: fc.integer({ min: 0, max: harts - 1 }),
    kind: fc.constantFrom('irq', 'irq', 'nmi'),
    injected: fc.boolean(),
    handler: ops(handlerOp, 2),
    times: fc.constantFrom(1, 1, 2),
  });

/** A small random program without interrupts. */
export const programs: fc.Arbitrary<Program> = fc
  .array(ops(taskOp, 3), { minLength: 2, maxLength: 3 })
  .map((threads) => ({ threads }));

/** A small random program with interrupts, perhaps an interrupt line and a device that raises it. */
export const interruptedPrograms: fc.Arbitrary<Program> = fc
  .tuple(
    fc.array(ops(taskOp, 2), { minLength: 1, maxLength: 2 }),
    fc.boolean(),
    fc.array(interrupt(2), { minLength: 1, maxLength: 2 }),
  )
  .map(([threads, hasDevice, list]) => {
    const interrupts = list.map((irq, n) => ({
      ...irq,
      hart: irq.hart % threads.length,
      ...(hasDevice && n === 0 ? { line: 'line', injected: false } : {}),
    }));
    return hasDevice
      ? { threads, interrupts, devices: [[write('line')]] }
      : { threads, interrupts };
  });
