// Probabilities with which one run of each strategy hits a known bug: exact where the choices can be
// enumerated, else sampled with a fixed seed.

import { describe, expect, it } from 'vitest';
import { peekOf, PORTFOLIO, randomSearch, runWith } from '../../src/explore/random.ts';
import { distribution, SeededRng, type Rng } from '../../src/explore/rng.ts';
import {
  natural,
  partialOrderSampling,
  pct,
  randomWalk,
  uniformWalk,
  type StrategyFactory,
} from '../../src/explore/strategies.ts';
import * as classics from './classics.ts';
import { Toy, type Program } from './toy.ts';

function hits(program: Program, factory: StrategyFactory, rng: Rng): boolean {
  const toy = new Toy(program);
  const stepsOf = program.threads.map((ops) => ops.length);
  const steps = stepsOf.reduce((sum, n) => sum + n, 0);
  const strategy = factory(toy.agents, rng, { steps, stepsOf }, peekOf(toy));
  return runWith(toy, strategy, 100).ending.kind !== 'done';
}

const exactly = (program: Program, factory: StrategyFactory): number =>
  distribution((rng) => hits(program, factory, rng)).get(true) ?? 0;

const { racyIncrement, abba, lostWakeup, dining } = classics;

describe('probability that one run hits the bug', () => {
  it.each([
    ['racy increment', racyIncrement, 1 / 2],
    ['AB-BA', abba, 1 / 2],
    ['lost wakeup', lostWakeup, 1 / 8],
    ['dining 3', dining(3), 1 / 3],
  ])('random walk: %s', (_, program, probability) => {
    expect(exactly(program, randomWalk)).toBeCloseTo(probability, 12);
  });

  it.each([
    ['racy increment', racyIncrement, 2 / 3],
    ['AB-BA', abba, 4 / 7],
    ['lost wakeup', lostWakeup, 1 / 10],
    ['dining 3', dining(3), 32 / 77],
  ])('uniform walk: %s', (_, program, probability) => {
    expect(exactly(program, uniformWalk)).toBeCloseTo(probability, 12);
  });

  it.each([
    ['racy increment', racyIncrement, 0, 1 / 4, 7 / 16],
    ['AB-BA', abba, 0, 1 / 8, 15 / 64],
    ['lost wakeup', lostWakeup, 0, 1 / 10, 4 / 25],
    ['dining 3', dining(3), 0, 1 / 24, 25 / 288],
  ])('pct with depth 1, 2, 3: %s', (_, program, ...probabilities) => {
    probabilities.forEach((probability, i) => {
      expect(exactly(program, pct(i + 1))).toBeCloseTo(probability, 12);
    });
  });

  it.each([
    ['racy increment', racyIncrement, 1 / 3],
    ['AB-BA', abba, 1 / 3],
    ['lost wakeup', lostWakeup, 1 / 6],
    ['dining 3', dining(3), 0.2],
    ['dining 4', dining(4), 0.12],
  ])('partial order sampling: %s', (_, program, probability) => {
    const rng = new SeededRng(7);
    const runs = 4000;
    let found = 0;
    for (let i = 0; i < runs; i++) if (hits(program, partialOrderSampling, rng)) found++;
    expect(Math.abs(found / runs - probability)).toBeLessThan(0.02);
  });
});

describe('the natural execution', () => {
  const kinds = ['hart', 'hart', 'device', 'irq', 'nmi'] as const;
  const agents = kinds.map((kind, id) => ({
    id,
    kind,
    hart: 0,
    name: kind,
    injected: kind === 'nmi',
  }));
  const choose = (times: readonly number[], enabled: readonly number[]): number =>
    natural(
      agents,
      new SeededRng(1),
      { steps: 0, stepsOf: [] },
      () => [],
      (agent) => times[agent],
    ).choose(enabled);

  it('is taken by who is due first, whatever is injected', () => {
    expect(choose([5, 3, 4, 9, 0], [0, 1, 2, 3, 4])).toBe(1);
    expect(choose([5, 7, 4, 9, 0], [0, 1, 2, 3, 4])).toBe(2);
  });

  it('has interrupts before devices before harts', () => {
    expect(choose([2, 2, 2, 2, 2], [0, 1, 2, 3])).toBe(3);
    expect(choose([2, 2, 2, 2, 2], [0, 1, 2])).toBe(2);
  });

  it('is the first of a portfolio, once, and gives everybody a turn where nobody has a time', () => {
    const bounds = { irqs: 0, nmis: 0 };
    const options = { seed: 1, executions: 20, strategies: PORTFOLIO, bounds, stepsMax: 100 };
    const found = [...randomSearch(new Toy(racyIncrement), options)];
    expect(found.map(({ strategy }) => strategy === 'natural').indexOf(true)).toBe(0);
    expect(found.filter(({ strategy }) => strategy === 'natural')).toHaveLength(1);
    expect(found[0].schedule).toEqual([0, 1, 0, 1]);
  });
});

describe('the portfolio', () => {
  const options = {
    seed: 1,
    executions: 100,
    strategies: PORTFOLIO,
    bounds: { irqs: 1, nmis: 0 },
    stepsMax: 100,
  };

  it.each([
    ['AB-BA', abba],
    ['lost wakeup', lostWakeup],
    ['a lock taken in a handler too', classics.lockWithIrqsOn(8)],
    ['sleeping past the interrupt', classics.idleRace],
  ])('finds the deadlock: %s', (_, program) => {
    const found = [...randomSearch(new Toy(program), options)];
    expect(found).toHaveLength(100);
    expect(found.some(({ ending }) => ending.kind === 'deadlock')).toBe(true);
  });

  it('is the same for the same seed, another for another', () => {
    const schedules = (seed: number): string =>
      [...randomSearch(new Toy(dining(4)), { ...options, seed })]
        .map(({ schedule }) => schedule.join(''))
        .join(' ');
    expect(schedules(1)).toBe(schedules(1));
    expect(schedules(1)).not.toBe(schedules(2));
  });

  it('never injects more than it may', () => {
    const program = { ...classics.lockWithIrqsOn(4) };
    const interrupts = (program.interrupts ?? []).map((irq) => ({ ...irq, injected: true }));
    const toy = new Toy({ ...program, interrupts });
    const none = { ...options, bounds: { irqs: 0, nmis: 0 } };
    for (const { schedule } of randomSearch(toy, none)) expect(schedule).not.toContain(1);
  });
});
