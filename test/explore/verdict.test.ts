// What endings are called, and who is said to wait for whom.

import { describe, expect, it } from 'vitest';
import { dpor } from '../../src/explore/dpor.ts';
import { findLivelock, wayIntoLivelock } from '../../src/explore/livelock.ts';
import type { AgentId } from '../../src/explore/model.ts';
import { randomSearch } from '../../src/explore/random.ts';
import { judge, type Verdict } from '../../src/explore/verdict.ts';
import * as classics from './classics.ts';
import { get, lock, read, Toy, unlock, wait, write, type Program } from './toy.ts';

const OPTIONS = { stepsMax: 100 };

/** The verdict on the first execution that does not end well. */
function verdictOn(program: Program): Verdict {
  const toy = new Toy(program);
  let bad: readonly AgentId[] = [];
  for (const { ending, schedule } of dpor(toy, { irqs: 1, nmis: 0 }, OPTIONS)) {
    if (ending.kind === 'done') continue;
    bad = schedule;
    break;
  }
  return judge(toy, bad, OPTIONS);
}

describe('deadlocks', () => {
  it('AB-BA: each waits for the other', () => {
    const { kind, cycle } = verdictOn(classics.abba);
    expect(kind).toBe('deadlock');
    expect(cycle.map(({ hart, writer }) => [hart, writer?.step.agent])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('dining: a cycle through all', () => {
    const { kind, cycle } = verdictOn(classics.dining(4));
    expect(kind).toBe('deadlock');
    expect(cycle.map(({ hart }) => hart).sort()).toEqual([0, 1, 2, 3]);
  });

  it('of two, with a third who waits for one of them', () => {
    const program: Program = {
      threads: [...classics.abba.threads, [lock('fork0'), unlock('fork0')]],
    };
    const { kind, cycle, waiting } = verdictOn(program);
    expect(kind).toBe('deadlock');
    expect(waiting.map(({ hart }) => hart)).toEqual([0, 1, 2]);
    expect(cycle.map(({ hart }) => hart).sort()).toEqual([0, 1]);
  });

  it('a handler that takes the lock of what it interrupted: self-deadlock', () => {
    const { kind, cycle } = verdictOn(classics.lockWithIrqsOn(4));
    expect(kind).toBe('self-deadlock');
    expect(cycle).toHaveLength(1);
    expect(cycle[0]).toMatchObject({ hart: 0, process: 1, writer: { process: 0 } });
  });

  it('a task that takes its own lock again: self-deadlock', () => {
    expect(verdictOn({ threads: [[lock('l'), lock('l')]] }).kind).toBe('self-deadlock');
  });
});

describe('sleepers', () => {
  const sleeper = (isTrue: boolean): Program => {
    const asleep = wait('woken');
    const sleep = { ...asleep, isTrue: (words: Map<string, number>) => get(words, 'ready') !== 0 };
    return { threads: [[sleep], isTrue ? [write('ready')] : [read('ready')]] };
  };

  it('what they wait for has happened: lost wakeup', () => {
    expect(verdictOn(sleeper(true))).toMatchObject({ kind: 'lost wakeup', waiting: [{ hart: 0 }] });
  });

  it('it has not: never signalled', () => {
    expect(verdictOn(sleeper(false))).toMatchObject({ kind: 'never signalled', cycle: [] });
  });
});

describe('livelock', () => {
  /** Polite threads: each announces itself, and steps back if the other one is there too. */
  const polite = (own: string, other: string): Program['threads'][number] => [
    write(own, 1),
    read(other, 'r', { endsIf: (r) => get(r, 'r') === 0 }),
    { ...write(own, 0), goesTo: 0 },
  ];
  const program: Program = { threads: [polite('a', 'b'), polite('b', 'a')] };
  const ROUND = [0, 1, 0, 1, 0, 1];

  it('a state that repeats while everybody has their turn', () => {
    expect(findLivelock(new Toy(program))).toMatchObject({ lasso: ROUND });
  });

  it('is the verdict on an execution that does not end', () => {
    const schedule = Array.from({ length: 100 }, (_, i) => i % 2);
    const verdict = judge(new Toy(program), schedule, { stepsMax: 96 });
    expect(verdict).toMatchObject({ kind: 'livelock', livelock: { lasso: ROUND } });
  });

  it('ends an execution that would be cut, and the way into it is short', () => {
    const toy = new Toy(program);
    const options = { seed: 1, executions: 1, stepsMax: 96, bounds: { irqs: 0, nmis: 0 } };
    const [found] = randomSearch(toy, { ...options, strategies: ['natural'] });
    expect(found.ending).toEqual({ kind: 'livelock' });
    expect(found.schedule).toHaveLength(96);
    const { approach, lasso } = wayIntoLivelock(toy, found.schedule);
    expect(lasso).toEqual(ROUND);
    expect(approach.length).toBeLessThanOrEqual(ROUND.length);
  });

  it('begins, after steps that do not come again, with a state that does', () => {
    const toy = new Toy(program);
    const { approach, lasso } = findLivelock(toy) ?? { approach: [], lasso: [] };
    const first = toy.state();
    for (const thread of approach) toy.step(thread);
    const before = toy.state();
    expect(before).not.toBe(first);
    for (const thread of lasso) toy.step(thread);
    expect([lasso.length, toy.state()]).toEqual([ROUND.length, before]);
  });

  it('is none where somebody could go on each time, and has no turn', () => {
    // The lock is free at the beginning of each round, and taken when thread 1 has its turn.
    const greedy = [lock('l'), { ...unlock('l'), goesTo: 0 }];
    expect(findLivelock(new Toy({ threads: [greedy, [write('x', 1)]] }))).toBeDefined();
    expect(findLivelock(new Toy({ threads: [greedy, [lock('l'), unlock('l')]] }))).toBeUndefined();
  });

  it('is not what merely takes long', () => {
    const toy = new Toy(classics.independentWrites(2, 20));
    const before = toy.state();
    expect(findLivelock(toy)).toBeUndefined();
    expect(toy.state()).toBe(before);
    expect(judge(toy, [], { stepsMax: 3 }).kind).toBe('undecided');
  });
});

it('the guest says so', () => {
  expect(verdictOn(classics.racyIncrement)).toMatchObject({
    kind: 'failed',
    reason: 'an increment is lost',
  });
});
