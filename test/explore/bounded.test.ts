// What a search with bounds covers: the least bound that shows a bug, and every outcome within it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bounded, type BoundedOptions } from '../../src/explore/bounded.ts';
import { raising } from '../../src/explore/raising.ts';
import type { Bounds, Coverage, Explored } from '../../src/explore/search.ts';
import { allOutcomes, interruptedPrograms, outcomeOf, programs } from './brute-force.ts';
import * as classics from './classics.ts';
import { Toy, type Program } from './toy.ts';

const OPTIONS: BoundedOptions = { stepsMax: 200, total: Infinity, prefixesMax: 1e6 };

function explore(
  program: Program,
  bounds: Bounds,
  options = OPTIONS,
): { found: Explored[]; coverage: Coverage; deadlocks: number; failures: number } {
  const search = bounded(new Toy(program), bounds, options);
  const found: Explored[] = [];
  for (;;) {
    const next = search.next();
    if (next.done !== true) {
      found.push(next.value);
      continue;
    }
    const count = (kind: string): number => found.filter((e) => e.ending.kind === kind).length;
    const [deadlocks, failures] = [count('deadlock'), count('failed')];
    return { found, coverage: next.value, deadlocks, failures };
  }
}

const preemptions = (n: number): Bounds => ({ preemptions: n, irqs: 0, nmis: 0 });

describe('preemption bound', () => {
  it.each([
    ['AB-BA', classics.abba],
    ['lost wakeup', classics.lostWakeup],
    ['dining 3', classics.dining(3)],
    ['dining 4', classics.dining(4)],
  ])('%s needs exactly one', (_, program) => {
    expect(explore(program, preemptions(0)).deadlocks).toBe(0);
    expect(explore(program, preemptions(1)).deadlocks).toBeGreaterThan(0);
  });

  it('a racy increment needs exactly one', () => {
    expect(explore(classics.racyIncrement, preemptions(0)).failures).toBe(0);
    expect(explore(classics.racyIncrement, preemptions(1)).failures).toBe(2);
  });

  it('finds all traces when the bound is high enough', () => {
    expect(explore(classics.dining(3), preemptions(9)).coverage.traces).toBe(7);
    expect(explore(classics.writers(4), preemptions(9)).coverage.traces).toBe(24);
    expect(explore(classics.storeBuffering, preemptions(9)).coverage.traces).toBe(3);
  });
});

describe('interrupts', () => {
  const irqs = (n: number): Bounds => ({ preemptions: 0, irqs: n, nmis: 0 });

  it('a handler that takes the lock of the task: three places, one of them a deadlock', () => {
    const { coverage, deadlocks } = explore(classics.lockWithIrqsOn(9), irqs(1));
    expect(coverage).toMatchObject({ traces: 3, complete: true });
    expect(deadlocks).toBe(1);
  });

  it('wfi after the test that the interrupt answers: three places, one of them a deadlock', () => {
    const { coverage, deadlocks } = explore(classics.idleRace, irqs(1));
    expect(coverage).toMatchObject({ traces: 3, complete: true });
    expect(deadlocks).toBe(1);
  });

  it('interrupts off around test and wfi: no deadlock', () => {
    const { coverage, deadlocks } = explore(classics.idleCured, irqs(2));
    expect(coverage.complete).toBe(true);
    expect(deadlocks).toBe(0);
  });
});

describe('raising the bounds from zero', () => {
  const all: Bounds = { preemptions: 2, irqs: 1, nmis: 1 };

  it.each([
    ['AB-BA', classics.abba, 2],
    ['dining 4', classics.dining(4), 4],
  ])('shows the smallest deadlock first: %s', (_, program, threads) => {
    const toy = new Toy(program);
    for (const { ending, schedule } of raising(toy, all, OPTIONS)) {
      if (ending.kind !== 'deadlock') continue;
      // One preemption: the harts run one after the other, and one of them in two pieces at most.
      expect(switchesIn(schedule)).toBeLessThanOrEqual(threads);
      return;
    }
    expect.fail('no deadlock');
  });

  it('yields every trace once, and says up to what sum it is complete', () => {
    const search = raising(new Toy(classics.dining(3)), all, OPTIONS);
    const traces: string[] = [];
    let next = search.next();
    for (; next.done !== true; next = search.next()) traces.push(next.value.trace);
    expect(new Set(traces).size).toBe(traces.length);
    expect(traces).toHaveLength(explore(classics.dining(3), all).coverage.traces);
    expect(next.value).toMatchObject({ complete: true, completeTotal: 4, traces: traces.length });
  });

  it('says so if it was stopped on the way', () => {
    const stop = (executions: number): boolean => executions >= 12;
    const search = raising(new Toy(classics.dining(4)), all, { ...OPTIONS, stop });
    let next = search.next();
    while (next.done !== true) next = search.next();
    expect(next.value.complete).toBe(false);
    expect(next.value.completeTotal).toBeLessThan(4);
  });
});

const switchesIn = (schedule: readonly number[]): number =>
  schedule.filter((agent, i) => i > 0 && agent !== schedule[i - 1]).length;

describe('what it covers', () => {
  it('says when it was stopped', () => {
    const stop = (executions: number): boolean => executions >= 5;
    const { found, coverage } = explore(classics.writers(4), preemptions(9), { ...OPTIONS, stop });
    expect(found).toHaveLength(5);
    expect(coverage.complete).toBe(false);
  });

  it('says when executions were cut', () => {
    const { coverage } = explore(classics.writers(4), preemptions(9), { ...OPTIONS, stepsMax: 3 });
    expect(coverage.complete).toBe(false);
    expect(coverage.cut).toBeGreaterThan(0);
  });

  it('leaves the model at its start', () => {
    const toy = new Toy(classics.dining(3));
    const before = toy.state();
    const search = bounded(toy, preemptions(1), { ...OPTIONS, stop: (n) => n >= 2 });
    while (search.next().done !== true);
    expect(toy.state()).toBe(before);
  });

  it('does not depend on how many prefixes are remembered', () => {
    const few = explore(classics.dining(3), preemptions(2), { ...OPTIONS, prefixesMax: 3 });
    expect(few.coverage.complete).toBe(true);
    expect(few.coverage.redundant).toBeLessThan(few.coverage.executions);
    const traces = new Set(few.found.map(({ trace }) => trace));
    expect(traces.size).toBe(explore(classics.dining(3), preemptions(2)).coverage.traces);
  });

  const bounds = fc.record({
    preemptions: fc.integer({ min: 0, max: 2 }),
    irqs: fc.integer({ min: 0, max: 2 }),
    nmis: fc.integer({ min: 0, max: 1 }),
  });

  it('is every outcome within the bounds, by plain enumeration', () => {
    fc.assert(
      fc.property(fc.oneof(programs, interruptedPrograms), bounds, (program, within) => {
        const { found, coverage } = explore(program, within);
        expect(coverage.complete).toBe(true);
        const outcomes = new Set(found.map(({ schedule }) => outcomeOf(program, schedule)));
        expect([...outcomes].sort()).toEqual([...allOutcomes(program, within)].sort());
      }),
      { numRuns: Number(process.env['RUNS'] ?? 300), seed: 3 },
    );
  });
});
