// Numbers of traces and deadlocks that are known in closed form.

import { describe, expect, it } from 'vitest';
import { dpor } from '../../src/explore/dpor.ts';
import { UNBOUNDED, type Coverage, type Explored } from '../../src/explore/search.ts';
import * as classics from './classics.ts';
import { allOutcomes, interruptedPrograms, outcomeOf, programs } from './brute-force.ts';
import { Toy, type Program } from './toy.ts';
import fc from 'fast-check';

const RUNS = Number(process.env['RUNS'] ?? 300);
const LIMITS = { stepsMax: 200 };

function explore(program: Program, irqs = 1, nmis = 1): { found: Explored[]; coverage: Coverage } {
  const search = dpor(new Toy(program), { irqs, nmis }, LIMITS);
  const found: Explored[] = [];
  for (;;) {
    const next = search.next();
    if (next.done === true) return { found, coverage: next.value };
    found.push(next.value);
  }
}

function numbers(program: Program): { traces: number; deadlocks: number; executions: number } {
  const { found, coverage } = explore(program);
  expect(coverage.complete).toBe(true);
  const deadlocks = found.filter(({ ending }) => ending.kind === 'deadlock').length;
  return { traces: coverage.traces, deadlocks, executions: coverage.executions };
}

describe('one execution per trace', () => {
  it.each([
    ['3 x 4 independent writes', classics.independentWrites(3, 4), 1, 0],
    ['2 writers', classics.writers(2), 2, 0],
    ['4 writers', classics.writers(4), 24, 0],
    ['3 readers', classics.readers(3), 8, 0],
    ['6 readers', classics.readers(6), 64, 0],
    ['dining 3', classics.dining(3), 7, 1],
    ['dining 5', classics.dining(5), 31, 1],
    ['AB-BA', classics.abba, 3, 1],
    ['racy increment', classics.racyIncrement, 4, 0],
    ['store buffering', classics.storeBuffering, 3, 0],
  ])('%s', (_, program, traces, deadlocks) => {
    expect(numbers(program)).toEqual({ traces, deadlocks, executions: traces });
  });
});

describe('interrupts', () => {
  it.each([
    ['a handler that takes the lock of the task', classics.lockWithIrqsOn(9), 3, 1],
    ['wfi after the test that the interrupt answers', classics.idleRace, 3, 1],
  ])('%s: three places, one of them a deadlock', (_, program, traces, deadlocks) => {
    const { found, coverage } = explore(program);
    expect(coverage).toMatchObject({ traces, complete: true });
    // The last pass knows what the handler touches.
    const last = found.slice(-traces);
    expect(last.filter(({ ending }) => ending.kind === 'deadlock')).toHaveLength(deadlocks);
    expect(new Set(last.map(({ trace }) => trace)).size).toBe(traces);
  });
});

describe('larger programs', () => {
  it.each([
    ['lastzero(6)', classics.lastZero(6), 144],
    ['readers(8)', classics.readers(8), 256],
  ])('%s', (_, program, traces) => {
    const { coverage } = explore(program);
    expect(coverage).toMatchObject({ traces, executions: traces, complete: true });
  });
});

describe('stopping', () => {
  it('is partial coverage, with the model back at its start', () => {
    const toy = new Toy(classics.dining(4));
    const before = toy.state();
    const search = dpor(toy, { irqs: 0, nmis: 0 }, { ...LIMITS, stop: (n) => n >= 3 });
    let next = search.next();
    while (next.done !== true) next = search.next();
    expect(next.value).toMatchObject({ executions: 3, complete: false });
    expect(toy.state()).toBe(before);
  });

  it('by the caller leaves the model at its start too', () => {
    const toy = new Toy(classics.dining(4));
    const before = toy.state();
    for (const { ending } of dpor(toy, { irqs: 0, nmis: 0 }, LIMITS)) {
      if (ending.kind === 'deadlock') break;
    }
    expect(toy.state()).toBe(before);
  });
});

describe('against plain enumeration', () => {
  const same = (program: Program): void => {
    const { found, coverage } = explore(program, Infinity, Infinity);
    expect(coverage.complete).toBe(true);
    const outcomes = new Set(found.map(({ schedule }) => outcomeOf(program, schedule)));
    expect([...outcomes].sort()).toEqual([...allOutcomes(program, UNBOUNDED)].sort());
  };

  it('finds every outcome of programs without interrupts, each trace once', () => {
    fc.assert(
      fc.property(programs, (program) => {
        same(program);
        const { found, coverage } = explore(program);
        expect(found).toHaveLength(coverage.traces);
      }),
      { numRuns: RUNS, seed: 1 },
    );
  });

  it('finds every outcome of programs with interrupts and NMIs', () => {
    fc.assert(fc.property(interruptedPrograms, same), { numRuns: RUNS, seed: 2 });
  });
});
