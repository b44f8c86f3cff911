// Probabilities with which one run of each strategy hits a known bug: exact where the choices can be
// enumerated, else sampled with a fixed seed.

import { describe, expect, it } from 'vitest';
import { dpor } from '../../src/explore/dpor.ts';
import type { MachineModel } from '../../src/explore/machine-model.ts';
import { peekOf, PORTFOLIO, randomSearch, runWith } from '../../src/explore/random.ts';
import { distribution, SeededRng, type Rng } from '../../src/explore/rng.ts';
import { settled } from '../../src/explore/settle.ts';
import {
  type Measured,
  natural,
  partialOrderSampling,
  pct,
  randomWalk,
  uniformWalk,
  type Strategy,
  type StrategyFactory,
} from '../../src/explore/strategies.ts';
import * as classics from './classics.ts';
import { ofPartialOrderSampling, ofPct, ofRandomWalk, ofUniformWalk } from './exact-probability.ts';
import * as programs from './programs.ts';
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

describe('probability that one run hits the bug: as known, as the paper has it, as implemented', () => {
  it.each([
    ['racy increment', racyIncrement, 1 / 2],
    ['AB-BA', abba, 1 / 2],
    ['lost wakeup', lostWakeup, 1 / 8],
    ['dining 3', dining(3), 1 / 3],
  ])('random walk: %s', (_, program, probability) => {
    expect(ofRandomWalk(program)).toBeCloseTo(probability, 12);
    expect(exactly(program, randomWalk)).toBeCloseTo(probability, 12);
  });

  it.each([
    ['racy increment', racyIncrement, 2 / 3],
    ['AB-BA', abba, 4 / 7],
    ['lost wakeup', lostWakeup, 1 / 10],
    ['dining 3', dining(3), 32 / 77],
  ])('uniform walk: %s', (_, program, probability) => {
    expect(ofUniformWalk(program)).toBeCloseTo(probability, 12);
    expect(exactly(program, uniformWalk)).toBeCloseTo(probability, 12);
  });

  it.each([
    ['racy increment', racyIncrement, 0, 1 / 4, 7 / 16],
    ['AB-BA', abba, 0, 1 / 8, 15 / 64],
    ['lost wakeup', lostWakeup, 0, 1 / 10, 4 / 25],
    ['dining 3', dining(3), 0, 1 / 24, 25 / 288],
  ])('pct with depth 1, 2, 3: %s', (_, program, ...probabilities) => {
    probabilities.forEach((probability, i) => {
      expect(ofPct(program, i + 1)).toBeCloseTo(probability, 12);
      expect(exactly(program, pct(i + 1))).toBeCloseTo(probability, 12);
    });
  });

  it('pct with depth 2: dining 4', () => {
    expect(ofPct(dining(4), 2)).toBeCloseTo(1 / 96, 12);
    expect(exactly(dining(4), pct(2))).toBeCloseTo(1 / 96, 12);
  });

  it.each([
    ['random walk', ofRandomWalk, 11 / 48],
    ['uniform walk', ofUniformWalk, 832 / 2695],
  ])('%s: dining 4, as the paper has it', (_, of, probability) => {
    expect(of(dining(4))).toBeCloseTo(probability, 12);
  });

  it.each([
    ['racy increment', racyIncrement, 1 / 3],
    ['AB-BA', abba, 1 / 3],
    ['lost wakeup', lostWakeup, 1 / 6],
  ])('partial order sampling: %s, as the paper has it', (_, program, probability) => {
    expect(ofPartialOrderSampling(program)).toBeCloseTo(probability, 12);
  });
});

/** Four standard deviations of a share among so many runs. */
const tolerance = (probability: number, runs: number): number =>
  4 * Math.sqrt((probability * (1 - probability)) / runs);

const strategies: readonly [string, StrategyFactory][] = [
  ['random walk', randomWalk],
  ['uniform walk', uniformWalk],
  ['pct 2', pct(2)],
  ['pct 3', pct(3)],
  ['pos', partialOrderSampling],
];

/** Columns as in `strategies`. `ofPartialOrderSampling(dining(3))` is 1/5; it takes a minute. */
const shares = [
  ['racy increment', racyIncrement, 1 / 2, 2 / 3, 1 / 4, 7 / 16, 1 / 3],
  ['AB-BA', abba, 1 / 2, 4 / 7, 1 / 8, 15 / 64, 1 / 3],
  ['dining 3', dining(3), 1 / 3, 32 / 77, 1 / 24, 25 / 288, 1 / 5],
] as const;

describe('share of seeded runs that hit the bug', () => {
  it.each(shares)('%s', (_, program, ...probabilities) => {
    const runs = 1500;
    strategies.forEach(([name, factory], i) => {
      const rng = new SeededRng(7);
      let found = 0;
      for (let run = 0; run < runs; run++) if (hits(program, factory, rng)) found++;
      const off = Math.abs(found / runs - probabilities[i]);
      expect(off, name).toBeLessThan(tolerance(probabilities[i], runs));
    });
  });

  const onMachine: Readonly<Record<string, () => programs.Program>> = {
    'racy increment': programs.racyIncrement,
    'AB-BA': programs.abba,
    'dining 3': () => programs.philosophers(3),
  };

  it.each(shares)('%s, as machine code', (name, toy, ...probabilities) => {
    const runs = 1500;
    const guest = onMachine[name]();
    const { model } = guest;
    const measured = measuredOf(toy, model.agents.length);
    const start = model.mark();
    const hit = (strategy: Strategy): boolean => {
      const { ending } = runWith(model, strategy, 100);
      const isBad =
        ending.kind === 'deadlock' || (name === 'racy increment' && guest.word('counter') < 2);
      model.rewind(start);
      return isBad;
    };
    learnAll(model);
    strategies.forEach(([which, factory], i) => {
      const rng = new SeededRng(7);
      let found = 0;
      for (let run = 0; run < runs; run++) {
        if (hit(factory(model.agents, rng, measured, peekOf(model)))) found++;
      }
      const off = Math.abs(found / runs - probabilities[i]);
      expect(off, which).toBeLessThan(tolerance(probabilities[i], runs));
    });
  });

  it('dining 4, by partial order sampling', () => {
    const rng = new SeededRng(7);
    const runs = 2000;
    let found = 0;
    for (let run = 0; run < runs; run++) if (hits(dining(4), partialOrderSampling, rng)) found++;
    expect(Math.abs(found / runs - 0.12)).toBeLessThan(tolerance(0.12, runs));
  });
});

/** The machine's harts take the steps of the toy's threads, and nobody else takes any. */
function measuredOf({ threads }: Program, agents: number): Measured {
  const stepsOf = Array.from({ length: agents }, (_, agent) => threads.at(agent)?.length ?? 0);
  return { steps: stepsOf.reduce((sum, n) => sum + n, 0), stepsOf };
}

/** Until nothing more becomes visible. */
function learnAll(model: MachineModel): void {
  const all = settled(model, () => dpor(model, { irqs: 0, nmis: 0 }, { stepsMax: 100 }));
  while (all.next().done !== true);
}

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
