// RV32 programs whose numbers of traces are known in closed form, by bound: machine code on the machine, by
// both searches, against the formula and against plain enumeration of the same program (all-traces.ts).

import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/explore/bounded.ts';
import { dpor } from '../../src/explore/dpor.ts';
import type { Coverage, Explored } from '../../src/explore/search.ts';
import { settled } from '../../src/explore/settle.ts';
import { allTraces } from './all-traces.ts';
import * as classics from './classics.ts';
import * as programs from './programs.ts';
import type { Program as ToyProgram } from './toy.ts';

const LIMITS = { stepsMax: 1000 };
const BOUNDED = { ...LIMITS, prefixesMax: 1e6, total: Infinity };

interface Numbers {
  readonly traces: number;
  readonly deadlocks: number;
}

function countedBy(
  { model }: programs.Program,
  search: () => Generator<Explored, Coverage>,
): Numbers & { executions: number } {
  const traces = new Set<string>();
  const deadlocks = new Set<string>();
  let executions = 0;
  const all = settled(model, search, () => {
    traces.clear();
    deadlocks.clear();
    executions = 0;
  });
  for (let next = all.next(); ; next = all.next()) {
    if (next.done === true) {
      expect(next.value.complete).toBe(true);
      expect(next.value.traces).toBe(traces.size);
      return { traces: traces.size, deadlocks: deadlocks.size, executions };
    }
    const { trace, ending } = next.value;
    executions++;
    traces.add(trace);
    if (ending.kind === 'deadlock') deadlocks.add(trace);
  }
}

const byDpor = (program: programs.Program) =>
  countedBy(program, () => dpor(program.model, { irqs: 0, nmis: 0 }, LIMITS));

const within = (program: programs.Program, preemptions: number): Numbers => {
  const bounds = { preemptions, irqs: 0, nmis: 0 };
  const { traces, deadlocks } = countedBy(program, () => bounded(program.model, bounds, BOUNDED));
  return { traces, deadlocks };
};

function enumerated(toy: ToyProgram, preemptions: number): Numbers {
  const all = [...allTraces(toy).values()].filter((each) => each.preemptions <= preemptions);
  return { traces: all.length, deadlocks: all.filter(({ deadlock }) => deadlock).length };
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

interface Case {
  readonly name: string;
  readonly machine: () => programs.Program;
  readonly toy: ToyProgram;
  /** With at most as many preemptions as the index; all traces with the last. */
  readonly numbers: readonly Numbers[];
}

const clean = (traces: number): Numbers => ({ traces, deadlocks: 0 });
const stuck = (traces: number): Numbers => ({ traces, deadlocks: 1 });

const cases: readonly Case[] = [
  {
    name: '3 × 4 independent writes: 1',
    machine: () => programs.independentWrites(3, 4),
    toy: classics.independentWrites(3, 4),
    numbers: [clean(1)],
  },
  ...[2, 3, 4, 5].map((n) => ({
    // A hart that has written is at its end: no order takes a preemption.
    name: `${n} writers: n!`,
    machine: () => programs.writers(n),
    toy: classics.writers(n),
    numbers: [clean(factorial(n))],
  })),
  ...[1, 3, 6].map((n) => ({
    name: `a writer and ${n} readers: 2^n`,
    machine: () => programs.readers(n),
    toy: classics.readers(n),
    numbers: [clean(2 ** n)],
  })),
  ...[2, 3, 4].map((n) => ({
    // Who is first at each fork: all but the two cycles, one after the other; the deadlock is one of these.
    name: `${n} philosophers: 2^n - 2, with a preemption 2^n - 1`,
    machine: () => programs.philosophers(n),
    toy: classics.dining(n),
    numbers: [clean(2 ** n - 2), stuck(2 ** n - 1)],
  })),
  {
    name: 'AB-BA: 2, with a preemption 3',
    machine: programs.abba,
    toy: classics.abba,
    numbers: [clean(2), stuck(3)],
  },
  {
    name: 'racy increment: 2 without a loss, with a preemption 2 more',
    machine: programs.racyIncrement,
    toy: { threads: classics.racyIncrement.threads },
    numbers: [clean(2), clean(4)],
  },
  {
    name: 'store buffering: one of the two is late, with a preemption none',
    machine: programs.storeBuffering,
    toy: { threads: classics.storeBuffering.threads.map((ops) => ops.slice(0, 2)) },
    numbers: [clean(2), clean(3)],
  },
];

describe.each(cases)('$name', ({ machine, toy, numbers }) => {
  it('by plain enumeration', () => {
    for (const [preemptions, expected] of numbers.entries()) {
      expect(enumerated(toy, preemptions), `${preemptions}`).toEqual(expected);
    }
    expect(enumerated(toy, Infinity)).toEqual(numbers.at(-1));
  });

  it('by the search within each bound', () => {
    for (const [preemptions, expected] of numbers.entries()) {
      expect(within(machine(), preemptions), `${preemptions}`).toEqual(expected);
    }
  });

  it('by partial-order reduction, one execution for each', () => {
    const expected = numbers.at(-1);
    expect(byDpor(machine())).toEqual({ ...expected, executions: expected?.traces });
  });
});

describe('lastzero', () => {
  it.each([2, 3, 4, 5, 6])('%i: (n + 3) × 2^(n - 2)', (n) => {
    const traces = (n + 3) * 2 ** (n - 2);
    expect(byDpor(programs.lastZero(n))).toEqual({ traces, deadlocks: 0, executions: traces });
    if (n < 5) expect(enumerated(classics.lastZero(n), Infinity).traces).toBe(traces);
  });

  it('all of them without a preemption', () => {
    expect(enumerated(classics.lastZero(4), 0)).toEqual(clean(28));
    expect(within(programs.lastZero(4), 0)).toEqual(clean(28));
  });
});
