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

/**
 * A task of so many accesses with interrupts enabled, an interrupt whose handler has some more, and an NMI
 * with one. All are amoadd.w of different bits: the registers that they leave tell in which order they came.
 * The interrupt is raised by the task before its accesses, or by another hart, whenever that likes.
 */
function interrupted(
  task: number,
  handler: number,
  raisedBy: 'task' | 'hart 1',
  word: (access: number) => string = () => 'x',
) {
  const add = (access: number, by: string, address: string): string =>
    `la ${address}, ${word(access)}\n li ${by}, ${1 << access}\n amoadd.w s${2 + access}, ${by}, (${address})`;
  const adds = (from: number, count: number, by: string, address: string): string =>
    Array.from({ length: count }, (_, i) => add(from + i, by, address)).join('\n');
  const raise = 'li t0, 1\n li t1, MSIP\n sw t0, (t1)';
  const body = `
    la t0, handler
    csrw mtvec, t0
    la t0, nmi_handler
    li t1, NMI
    sw t0, (t1)
    li t0, MSIE
    csrw mie, t0
    csrsi 0x744, MIE
    csrsi mstatus, MIE
    ${raisedBy === 'task' ? raise : ''}
    ${adds(0, task, 't0', 't1')}
    csrci mstatus, MIE`;
  const rest = `
    .balign 4
  handler:
    li t3, MSIP
    sw zero, (t3)
    ${adds(task, handler, 't3', 't4')}
    mret
    .balign 4
  nmi_handler:
    ${add(task + handler, 't5', 't6')}
    .word 0x70200073 # mnret
    .data
  x: .word 0
  y: .word 0`;
  const accesses = task + handler + 1;
  return {
    make: () =>
      programs.program(raisedBy === 'task' ? [body] : [body, raise], {
        rest,
        region: { inject: ['nmi'] },
      }),
    registers: ({ machine }: programs.Program): string =>
      machine.harts[0].x.slice(18, 18 + accesses).join(),
  };
}

/** How many different endings there are, by the search within bounds and by partial-order reduction. */
function endings({ make, registers }: ReturnType<typeof interrupted>, nmis: number): number[] {
  return (['bounded', 'dpor'] as const).map((search) => {
    const guest = make();
    const { model } = guest;
    const bounds = { preemptions: 3, irqs: 1, nmis };
    const found = new Set<string>();
    const all = settled(
      model,
      () => (search === 'dpor' ? dpor(model, bounds, LIMITS) : bounded(model, bounds, BOUNDED)),
      () => found.clear(),
    );
    for (const { ending } of all) {
      expect(ending.kind).toBe('done');
      found.add(registers(guest));
    }
    return found.size;
  });
}

describe('an interrupt among m accesses, h of its handler', () => {
  it.each([1, 2, 5])('m = %i, all to one word: m + 1 places', (m) => {
    expect(endings(interrupted(m, 1, 'task'), 0)).toEqual([m + 1, m + 1]);
  });

  it('is one place where none conflict, and two where one does', () => {
    const of = (conflicting: readonly number[]) =>
      interrupted(4, 1, 'task', (access) => (conflicting.includes(access) ? 'y' : 'x'));
    expect(endings(of([4]), 0)).toEqual([1, 1]);
    expect(endings(of([2, 4]), 0)).toEqual([2, 2]);
  });

  const sizes = [
    [1, 1],
    [2, 1],
    [4, 2],
  ] as const;

  it.each(sizes)(
    'm = %i, h = %i, both whenever they like, or not: (m + 1)(m + h + 3) + 1',
    (m, h) => {
      const places = (m + 1) * (m + h + 1); // of the two
      const one = m + 1; // of either, without the other
      const expected = places + one + one + 1;
      expect(endings(interrupted(m, h, 'hart 1'), 1)).toEqual([expected, expected]);
    },
  );

  it.each(sizes)('m = %i, h = %i, and pending where an NMI returns: comes there', (m, h) => {
    // An NMI between two accesses before the handler is not to be: the interrupt has been pending.
    const places = (m + 1) * (m + h + 1) - (m * (m + 1)) / 2 + m;
    const expected = places + (m + 1);
    expect(endings(interrupted(m, h, 'task'), 1)).toEqual([expected, expected]);
  });
});
