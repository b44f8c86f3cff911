// Findings of random searches made small, and what is said about their switches.

import { describe, expect, it } from 'vitest';
import { dpor } from '../../src/explore/dpor.ts';
import { explain } from '../../src/explore/explain.ts';
import { fewestSwitches, minimise, scheduleOf, switchesOf } from '../../src/explore/minimise.ts';
import { PORTFOLIO, randomSearch } from '../../src/explore/random.ts';
import { replay, turnsOf, type Replayed } from '../../src/explore/replay.ts';
import * as classics from './classics.ts';
import { add, local, read, Toy, write, type Program } from './toy.ts';

const STEPS = 200;

/** The longest deadlock (or failure) among random executions, so that there is something to do. */
function finding(program: Program): readonly number[] {
  const options = {
    seed: 1,
    executions: 200,
    strategies: PORTFOLIO,
    bounds: { irqs: 3, nmis: 1 },
    stepsMax: STEPS,
  };
  return [...randomSearch(new Toy(program), options)]
    .filter(({ ending }) => ending.kind === 'deadlock' || ending.kind === 'failed')
    .map(({ schedule }) => schedule)
    .reduce((a, b) => (turnsOf(b).length > turnsOf(a).length ? b : a));
}

const small = (program: Program): { toy: Toy; found: Replayed } => {
  const toy = new Toy(program);
  return { toy, found: minimise(toy, finding(program), { stepsMax: STEPS }) };
};

const padded = (program: Program): Program => ({
  ...program,
  threads: program.threads.map((ops) => [local, local, ...ops]),
});

describe('replay', () => {
  it('is exact for the schedules of a search', () => {
    const toy = new Toy(classics.dining(3));
    const all = [...dpor(new Toy(classics.dining(3)), { irqs: 0, nmis: 0 }, { stepsMax: STEPS })];
    for (const { schedule, ending } of all) {
      const again = replay(toy, turnsOf(schedule), STEPS);
      expect(scheduleOf(again)).toEqual(schedule);
      expect(again.ending).toEqual(ending);
    }
  });

  it('leaves the model where it was', () => {
    const toy = new Toy(classics.abba);
    const before = toy.state();
    replay(toy, [{ agent: 1, steps: 2 }], STEPS);
    expect(toy.state()).toBe(before);
  });

  it('goes round what can not be done, and completes without switching', () => {
    const turns = [
      { agent: 0, steps: 1 },
      { agent: 1, steps: 9 },
    ];
    const { events } = replay(new Toy(classics.independentWrites(2, 3)), turns, STEPS);
    expect(events.map(({ step }) => step.agent)).toEqual([0, 1, 1, 1, 0, 0]);
  });
});

describe('minimise', () => {
  it.each([
    ['AB-BA', padded(classics.abba), 1],
    ['lost wakeup', padded(classics.lostWakeup), 2],
    ['dining 3', padded(classics.dining(3)), 2],
    ['dining 4', padded(classics.dining(4)), 3],
    ['racy increment', padded(classics.racyIncrement), 2],
  ])('%s: no more switches than it takes', (_, program, switches) => {
    const { toy, found } = small(program);
    expect(['deadlock', 'failed']).toContain(found.ending.kind);
    expect(switchesOf(toy, found.events)).toHaveLength(switches);
  });

  it('leaves out interrupts that have nothing to do with it', () => {
    const program: Program = {
      ...classics.abba,
      interrupts: [
        { hart: 0, handler: [add('ticks')], times: 2 },
        { hart: 1, handler: [add('ticks')], times: 2 },
      ],
    };
    const { found } = small(program);
    expect(scheduleOf(found)).not.toContain(2);
    expect(scheduleOf(found)).not.toContain(3);
    expect(found.ending.kind).toBe('deadlock');
  });

  it('keeps the one that it takes', () => {
    const program = classics.lockWithIrqsOn(6);
    const interrupts = (program.interrupts ?? []).map((irq) => ({ ...irq, injected: true }));
    const { found } = small({ ...program, interrupts });
    expect(scheduleOf(found).filter((agent) => agent === 1)).toHaveLength(1);
  });

  it('the order with the fewest switches is the same trace', () => {
    const toy = new Toy(classics.writers(4));
    const found = replay(toy, turnsOf([3, 1, 0, 2]), STEPS);
    expect(fewestSwitches(toy, found)).toEqual([3, 1, 0, 2]);
    const independent = new Toy(classics.independentWrites(2, 2));
    const mixed = replay(independent, turnsOf([0, 1, 0, 1]), STEPS);
    expect(fewestSwitches(independent, mixed)).toEqual([0, 0, 1, 1]);
    // Told to stop, it is the order that there was.
    expect(fewestSwitches(independent, mixed, () => true)).toEqual([0, 1, 0, 1]);
  });
});

describe('explain', () => {
  it('AB-BA: one preemption, and without it no deadlock', () => {
    const { toy, found } = small(classics.abba);
    const [only, ...more] = explain(toy, found, STEPS);
    expect(more).toEqual([]);
    expect(only).toMatchObject({
      reason: 'preempted',
      isCause: true,
      flip: { ending: { kind: 'done' } },
    });
  });

  it('lost wakeup: the waiter is preempted between test and sleep', () => {
    const { toy, found } = small(classics.lostWakeup);
    const switches = explain(toy, found, STEPS);
    expect(switches.map(({ reason, isCause }) => [reason, isCause])).toEqual([
      ['preempted', true],
      ['waits', false],
    ]);
    // What was put off is going to sleep, and what came in between is the wakeup.
    expect(switches[0].putOff?.step).toMatchObject({ agent: 0, pc: 1 });
    expect(switches[0].racesWith?.step).toMatchObject({ agent: 1, pc: 1 });
  });

  it('an interrupt inside the critical section', () => {
    const program = classics.lockWithIrqsOn(3);
    const { toy, found } = small(program);
    const last = explain(toy, found, STEPS).at(-1);
    expect(last).toMatchObject({ reason: 'interrupted', to: { isEntry: true } });
  });

  it('says of a switch that does not matter that it does not', () => {
    const program: Program = {
      threads: [[read('x'), local, write('y')], [write('z', 5)]],
      check: () => 'always wrong',
    };
    const toy = new Toy(program);
    const found = replay(toy, turnsOf([0, 1, 0, 0]), STEPS);
    expect(explain(toy, found, STEPS).map(({ isCause }) => isCause)).toEqual([false, false]);
  });
});
