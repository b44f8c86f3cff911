// Random strategies: which agent takes the next step. Each is made anew for an execution, from a source
// of randomness and what a trial run has measured, so that seed and strategy name an execution.

import { conflict, footprintOf } from './footprint.ts';
import type { Access, Agent, AgentId, Step } from './model.ts';
import type { Rng } from './rng.ts';

export interface Strategy {
  /** One of the agents, of which there is at least one. */
  choose(agents: readonly AgentId[]): AgentId;
  /** Hears of every step, so of those that it had no choice about. */
  taken?(step: Step): void;
}

/** What trial runs have measured. */
export interface Measured {
  /** Steps of an execution, about. */
  readonly steps: number;
  /** Steps of each agent, about. */
  readonly stepsOf: readonly number[];
}

/** What an agent's next step would access. */
export type Peek = (agent: AgentId) => readonly Access[];

export type StrategyFactory = (
  agents: readonly Agent[],
  rng: Rng,
  measured: Measured,
  peek: Peek,
) => Strategy;

/** Each enabled agent with the same probability, at every step. */
export const randomWalk: StrategyFactory = (_agents, rng) => ({
  choose: (agents) => agents[rng.below(agents.length)],
});

/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010): random
 * priorities, and the highest runs; at `depth` - 1 random steps the one that has just run falls below
 * all. Hits a bug of that depth with a probability of at least 1 / (agents × steps^(depth - 1)).
 */
export function pct(depth: number): StrategyFactory {
  return (all, rng, { steps }) => {
    const priorities = new Array<number>(all.length).fill(0);
    const order = shuffled(
      all.map((agent) => agent.id),
      rng,
    );
    order.forEach((agent, i) => (priorities[agent] = depth + i));
    // The k-th change point gives the priority k, so that later ones do not all fall to the same place.
    const changes = Array.from({ length: depth - 1 }, () => 1 + rng.below(Math.max(1, steps)));
    let taken = 0;
    return {
      choose: (agents) => agents.reduce((a, b) => (priorities[b] > priorities[a] ? b : a)),
      taken: ({ agent }) => {
        taken++;
        changes.forEach((at, k) => {
          if (at === taken) priorities[agent] = k;
        });
      },
    };
  };
}

/**
 * Partial order sampling (Yuan, Yang, Gu, CAV 2018): every next step has a random priority, the highest
 * is taken, and those that it conflicts with draw anew.
 */
export const partialOrderSampling: StrategyFactory = (all, rng, _measured, peek) => {
  const draw = (): number => rng.below(0x4000_0000);
  const priorities = all.map(draw);
  let others: readonly AgentId[] = [];
  return {
    choose: (agents) => {
      const chosen = agents.reduce((a, b) => (priorities[b] > priorities[a] ? b : a));
      const footprint = footprintOf(peek(chosen));
      others = agents.filter((agent) => conflict(footprintOf(peek(agent)), footprint));
      return chosen;
    },
    taken: ({ agent }) => {
      for (const other of new Set([agent, ...others])) priorities[other] = draw();
    },
  };
};

/**
 * Uniform random walk (Zhao, Wolff, Mathur, Roychoudhury, ASPLOS 2025): agents with probabilities
 * proportional to the steps that they have left, so that all interleavings are about equally likely.
 */
export const uniformWalk: StrategyFactory = (_agents, rng, { stepsOf }) => {
  const left = [...stepsOf];
  return {
    choose: (agents) => agents[rng.weighted(agents.map((agent) => Math.max(1, left[agent])))],
    taken: ({ agent }) => left[agent]--,
  };
};

function shuffled<T>(list: readonly T[], rng: Rng): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
