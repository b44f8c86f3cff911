// With which probability one run of a random strategy hits a bug, computed from the strategy as its paper
// describes it, over the states of a toy program. Shares nothing with the strategies that are tested.

import type { AgentId } from '../../src/explore/model.ts';
import { Toy, type Program } from './toy.ts';

/** One way to go on, and with which probability. */
type Choice<S> = readonly { readonly agent: AgentId; readonly p: number; readonly next: S }[];

/** A strategy with a state of its own that can be told by a text. */
interface Law<S> {
  readonly start: readonly { readonly p: number; readonly state: S }[];
  readonly choose: (state: S, toy: Toy, enabled: readonly AgentId[]) => Choice<S>;
}

const isBad = (toy: Toy): boolean => toy.ending()?.kind !== 'done';

function probabilityOf<S>(program: Program, { start, choose }: Law<S>): number {
  const toy = new Toy(program);
  const known = new Map<string, number>();
  const from = (state: S): number => {
    const enabled = toy.ending() === undefined ? toy.enabled() : [];
    if (enabled.length === 0) return isBad(toy) ? 1 : 0;
    const key = `${toy.state()} ${JSON.stringify(state)}`;
    let sum = known.get(key);
    if (sum !== undefined) return sum;
    sum = 0;
    const mark = toy.mark();
    for (const { agent, p, next } of choose(state, toy, enabled)) {
      toy.step(agent);
      sum += p * from(next);
      toy.rewind(mark);
    }
    toy.release(mark);
    known.set(key, sum);
    return sum;
  };
  return start.reduce((sum, { p, state }) => sum + p * from(state), 0);
}

const certain = <S>(state: S): Law<S>['start'] => [{ p: 1, state }];

/** Every enabled thread is as likely. */
export const ofRandomWalk = (program: Program): number =>
  probabilityOf<null>(program, {
    start: certain(null),
    choose: (_, _toy, enabled) =>
      enabled.map((agent) => ({ agent, p: 1 / enabled.length, next: null })),
  });

/** Threads are as likely as they have steps left. */
export const ofUniformWalk = (program: Program): number =>
  probabilityOf<readonly number[]>(program, {
    start: certain(program.threads.map((ops) => ops.length)),
    choose: (left, _toy, enabled) => {
      const total = enabled.reduce((sum, agent) => sum + left[agent], 0);
      return enabled.map((agent) => {
        const next = left.map((n, other) => (other === agent ? n - 1 : n));
        return { agent, p: left[agent] / total, next };
      });
    },
  });

/** All orders of a list. */
function orders<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first, i) =>
    orders([...list.slice(0, i), ...list.slice(i + 1)]).map((rest) => [first, ...rest]),
  );
}

/** Each of `values` at each of `length` places. */
function tuples(values: number, length: number): number[][] {
  if (length === 0) return [[]];
  return tuples(values, length - 1).flatMap((rest) =>
    Array.from({ length: values }, (_, i) => [...rest, i]),
  );
}

/**
 * PCT: the first enabled thread of a random order. Who takes step number k_i falls behind all that have not
 * fallen; of those that have, the one with the later change point goes first.
 */
export function ofPct(program: Program, depth: number): number {
  const steps = program.threads.reduce((sum, ops) => sum + ops.length, 0);
  const order = orders(program.threads.map((_, thread) => thread));
  const changes = tuples(steps, depth - 1);
  const p = 1 / (order.length * changes.length);
  interface State {
    readonly taken: number;
    /** Highest priority first: threads, then those that have fallen, by their change points. */
    readonly threads: readonly AgentId[];
    readonly fallen: readonly { readonly agent: AgentId; readonly change: number }[];
    readonly changes: readonly number[];
  }
  return probabilityOf<State>(program, {
    start: order.flatMap((threads) =>
      changes.map((at) => ({ p, state: { taken: 0, threads, fallen: [], changes: at } })),
    ),
    choose: (state, _toy, enabled) => {
      const queue = [...state.threads, ...state.fallen.map(({ agent }) => agent)];
      const agent = queue.find((each) => enabled.includes(each)) ?? 0;
      const here = state.changes.flatMap((at, change) => (at === state.taken ? [change] : []));
      const change = here.at(-1);
      const next = { ...state, taken: state.taken + 1 };
      if (change === undefined) return [{ agent, p: 1, next }];
      const others = state.fallen.filter((each) => each.agent !== agent);
      const fallen = [...others, { agent, change }].sort((a, b) => b.change - a.change);
      const threads = state.threads.filter((each) => each !== agent);
      return [{ agent, p: 1, next: { ...next, threads, fallen } }];
    },
  });
}

/**
 * POS: the highest of independent, continuous priorities; the thread that has run draws a new one, and so
 * does each whose next step conflicts with its step. What a state keeps is the order of all draws: threads
 * by their present ones, and between two of them how many draws there are that count no more.
 */
export function ofPartialOrderSampling(program: Program): number {
  interface Order {
    /** Lowest first. */
    readonly threads: readonly AgentId[];
    /** Dead draws below each thread, and above the last. */
    readonly dead: readonly number[];
  }
  interface Weighed {
    readonly p: number;
    readonly order: Order;
  }
  const without = ({ threads, dead }: Order, thread: AgentId): Order => {
    const at = threads.indexOf(thread);
    if (at < 0) return { threads, dead };
    return {
      threads: threads.toSpliced(at, 1),
      dead: dead.toSpliced(at, 2, dead[at] + 1 + dead[at + 1]),
    };
  };
  /** A new draw falls between any two of all the draws with the same probability. */
  const drawn = ({ p, order: { threads, dead } }: Weighed, thread: AgentId): Weighed[] => {
    const places = threads.length + dead.reduce((sum, n) => sum + n, 0) + 1;
    return dead.flatMap((n, at) =>
      Array.from({ length: n + 1 }, (_, below) => ({
        p: p / places,
        order: {
          threads: threads.toSpliced(at, 0, thread),
          dead: dead.toSpliced(at, 1, below, n - below),
        },
      })),
    );
  };
  const drawAll = (start: Weighed, threads: readonly AgentId[]): Weighed[] =>
    threads.reduce<Weighed[]>(
      (all, thread) => all.flatMap((each) => drawn(each, thread)),
      [
        {
          p: start.p,
          order: threads.reduce((order, thread) => without(order, thread), start.order),
        },
      ],
    );
  const nobody = { p: 1, order: { threads: [], dead: [0] } };
  const start = drawAll(
    nobody,
    program.threads.map((_, thread) => thread),
  );
  return probabilityOf<Order>(program, {
    start: start.map(({ p, order }) => ({ p, state: order })),
    choose: (order, toy, enabled) => {
      const agent = order.threads.findLast((each) => enabled.includes(each)) ?? 0;
      const own = nextAccesses(toy, agent);
      const redrawn = enabled.filter(
        (other) => other === agent || conflicts(nextAccesses(toy, other), own),
      );
      return drawAll({ p: 1, order }, redrawn).map((each) => ({
        agent,
        p: each.p,
        next: each.order,
      }));
    },
  });
}

type Accesses = readonly { readonly address: number; readonly kind: 'read' | 'write' }[];

function nextAccesses(toy: Toy, agent: AgentId): Accesses {
  const mark = toy.mark();
  const { accesses } = toy.step(agent);
  toy.rewind(mark);
  toy.release(mark);
  return accesses;
}

const conflicts = (a: Accesses, b: Accesses): boolean =>
  a.some(({ address, kind }) =>
    b.some((other) => other.address === address && (kind === 'write' || other.kind === 'write')),
  );
