// The searches on the machine itself: small RV32 programs whose numbers of traces and deadlocks, and the
// preemptions that these take, are known.

import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/explore/bounded.ts';
import { dpor } from '../../src/explore/dpor.ts';
import { explain } from '../../src/explore/explain.ts';
import { minimise } from '../../src/explore/minimise.ts';
import { raising } from '../../src/explore/raising.ts';
import type { Bounds, Coverage, Explored } from '../../src/explore/search.ts';
import { settled } from '../../src/explore/settle.ts';
import { judge } from '../../src/explore/verdict.ts';
import * as programs from './programs.ts';

const STEPS = 1000;
const FEW = { preemptions: 1, irqs: 1, nmis: 0 };
const OPTIONS = { stepsMax: STEPS, prefixesMax: 1e6 };

interface Numbers {
  traces: number;
  deadlocks: number;
  found: Explored[];
}

function count({ model }: programs.Program, search: () => Generator<Explored, Coverage>): Numbers {
  let found: Explored[] = [];
  const all = settled(model, search, () => (found = []));
  let next = all.next();
  for (; next.done !== true; next = all.next()) found.push(next.value);
  expect(next.value.complete).toBe(true);
  const stuck = found.filter(({ ending }) => ending.kind === 'deadlock');
  const deadlocks = new Set(stuck.map(({ trace }) => trace)).size;
  return { traces: next.value.traces, deadlocks, found };
}

const all = (program: programs.Program): Numbers =>
  count(program, () => dpor(program.model, { irqs: 1, nmis: 0 }, { stepsMax: STEPS }));

const within = (program: programs.Program, bounds: Bounds): Numbers =>
  count(program, () => bounded(program.model, bounds, { ...OPTIONS, total: Infinity }));

describe('all traces', () => {
  it.each([
    ['3 x 4 independent writes', () => programs.independentWrites(3, 4), 1, 0],
    ['4 writers', () => programs.writers(4), 24, 0],
    ['5 readers', () => programs.readers(5), 32, 0],
    ['3 philosophers', () => programs.philosophers(3), 7, 1],
    ['5 philosophers', () => programs.philosophers(5), 31, 1],
    ['AB-BA', programs.abba, 3, 1],
    ['lost wakeup', () => programs.lostWakeup(false), 3, 1],
    ['lost wakeup, cured', () => programs.lostWakeup(true), 4, 0],
    ['store buffering', programs.storeBuffering, 3, 0],
    ['racy increment', programs.racyIncrement, 4, 0],
  ])('%s', (_, make, traces, deadlocks) => {
    expect(all(make())).toMatchObject({ traces, deadlocks });
  });
});

describe('an interrupt and the end of its hart', () => {
  // The hart's last step decides whether the interrupt still comes. It touches nothing of the sender.
  const make = (): programs.Program =>
    programs.program(
      [
        `la t0, handler
         csrw mtvec, t0
         li t0, MSIE
         csrw mie, t0
         la s0, x
         la s1, seen
         csrsi mstatus, MIE
         lw t1, (s0)
         sw t1, (s1)`,
        `li t0, 1
         li t1, MSIP
         sw t0, (t1)
         la s0, x
         sw t0, (s0)`,
      ],
      {
        rest: `
          .balign 4
        handler:
          li t3, MSIP
          sw zero, (t3)
          lw t4, (s0)
          addi t4, t4, 1
          sw t4, 4(s1)
          mret
          .data
          x: .word 0
          seen: .word 0, 0`,
      },
    );

  it.each([
    ['all', (p: programs.Program) => dpor(p.model, { irqs: 1, nmis: 0 }, { stepsMax: STEPS })],
    [
      'within a bound',
      (p: programs.Program) =>
        bounded(p.model, { preemptions: 9, irqs: 9, nmis: 0 }, { ...OPTIONS, total: 18 }),
    ],
  ])('%s: no interrupt, or one that sees x before or after it is set', (_, search) => {
    const program = make();
    const outcomes = new Set<string>();
    for (const { ending } of settled(program.model, () => search(program))) {
      expect(ending.kind).toBe('done');
      outcomes.add([program.word('seen'), program.word('seen', 1)].join());
    }
    // What the task saw, and one more than what the handler saw; 0 there: it came after the end.
    expect([...outcomes].sort()).toEqual(['0,0', '0,1', '0,2', '1,0', '1,1', '1,2']);
  });
});

describe('within a bound', () => {
  it.each([
    ['AB-BA', programs.abba],
    ['4 philosophers', () => programs.philosophers(4)],
    ['lost wakeup', () => programs.lostWakeup(false)],
    ['a lock that the handler takes too', programs.lockInHandler],
  ])('%s: the deadlock takes exactly one preemption', (_, make) => {
    expect(within(make(), { ...FEW, preemptions: 0 }).deadlocks).toBe(0);
    expect(within(make(), FEW).deadlocks).toBe(1);
  });
});

describe('a hart that waits in a loop with two reads', () => {
  // Hart 0 interrupts it, waits for the handler, and then writes what it waits for.
  const make = (): programs.Program =>
    programs.program(
      [
        `li t0, 1
         li t1, MSIP + 4
         sw t0, (t1)
         la s0, ack
         la s1, q
      1: lw t1, (s0)
         beqz t1, 1b
         sw t0, (s1)`,
        `la t0, handler
         csrw mtvec, t0
         li t0, MSIE
         csrw mie, t0
         la s0, p
         la s1, q
         la s2, ack
         csrsi mstatus, MIE
      1: lw t0, (s0)
         lw t1, (s1)
         or t0, t0, t1
         beqz t0, 1b
         csrci mstatus, MIE`,
      ],
      {
        rest: `
          .balign 4
        handler:
          li t3, MSIP + 4
          sw zero, (t3)
          li t3, 1
          sw t3, (s2)
          mret
          .data
          p: .word 0
          q: .word 0
          ack: .word 0`,
      },
    );
  const NOTHING = { preemptions: 0, irqs: 0, nmis: 0 };

  it('is interrupted, and lets others go on, before it looks around once more', () => {
    const { found } = within(make(), NOTHING);
    // Either hart may be the first one.
    expect(found.map(({ ending }) => ending.kind)).toEqual(['done', 'done']);
  });

  it.each([
    ['the interrupt comes between its reads', { ...NOTHING, irqs: 1 }],
    ['hart 0 goes on between its reads', { ...NOTHING, preemptions: 1 }],
  ])('it costs one if %s', (_, bounds) => {
    expect(within(make(), bounds).traces).toBeGreaterThan(2);
  });
});

describe('a finding', () => {
  it('is judged, made small and explained', () => {
    const program = programs.abba();
    const { model } = program;
    const { found } = count(program, () => raising(model, FEW, OPTIONS));
    const deadlock = found.find(({ ending }) => ending.kind === 'deadlock');
    const small = minimise(model, deadlock?.schedule ?? [], { stepsMax: STEPS });
    const schedule = small.events.map(({ step }) => step.agent);
    const verdict = judge(model, schedule, { stepsMax: STEPS });
    expect(verdict.kind).toBe('deadlock');
    expect(verdict.cycle.map(({ hart }) => hart).sort()).toEqual([0, 1]);
    expect(explain(model, small, STEPS)).toMatchObject([{ reason: 'preempted', isCause: true }]);
  });
});
