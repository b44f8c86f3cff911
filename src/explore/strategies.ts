// Random strategies: which agent takes the next step. Each is made anew for an execution, from a source
// of randomness and what a trial run has measured, so that seed and strategy name an execution.

import { conflict, footprintOf } from './footprint.ts';
import type { LockWarning } from './lock-order.ts';
import { isPredicted, namesIn } from './lock-warning.ts';
import type { Access, Agent, AgentId, LockHints, Step } from './model.ts';
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

/** When an enabled agent would act in the system's own run. */
export type DueTime = (agent: AgentId) => number;

export type StrategyFactory = (
  agents: readonly Agent[],
  rng: Rng,
  measured: Measured,
  peek: Peek,
  dueTime?: DueTime,
  locks?: LockHints,
) => Strategy;

/**
 * As the system itself would run: who is due first; of several, interrupts before devices before harts.
 * Nothing is injected. In a model that knows no times, who has taken the fewest steps. It is one execution.
 */
export const natural: StrategyFactory = (all, _rng, _measured, _peek, dueTime) =>
  new InOrder(all, dueTime);

/**
 * The natural execution, disturbed at up to `moments` random steps: whose turn it is then falls behind,
 * by a time that may be short or long (delay bounding: Emmi, Qadeer, Rakamarić, POPL 2011); or another
 * one comes before its time, injected ones among them.
 */
export function disturbed(moments: number): StrategyFactory {
  return (all, rng, { steps }, _peek, dueTime) => {
    const order = new InOrder(all, dueTime);
    const at = new Set(
      Array.from({ length: 1 + rng.below(moments) }, () => rng.below(Math.max(1, steps))),
    );
    return {
      choose: (agents) => {
        if (!at.delete(order.count)) return order.choose(agents);
        if (rng.below(2) === 0) return agents[rng.below(agents.length)];
        order.delay(order.choose(agents), 2 ** rng.below(DELAY_LOG_MAX + 1));
        return order.choose(agents);
      },
      taken: (step) => order.taken(step),
    };
  };
}

/** Longest delay, as a power of two: 1.3 ms at 10 ns an instruction, fifteen characters at 115200 baud. */
const DELAY_LOG_MAX = 17;
const RANKS: Readonly<Record<Agent['kind'], number>> = { nmi: 0, irq: 1, device: 2, hart: 3 };

/** Agents in the order in which they are due, and how far each has been delayed. */
class InOrder implements Strategy {
  readonly #agents: readonly Agent[];
  readonly #dueTime: DueTime;
  readonly #steps: number[];
  readonly #delays: number[];
  /** Steps so far. */
  count = 0;

  constructor(agents: readonly Agent[], dueTime: DueTime | undefined) {
    this.#agents = agents;
    this.#steps = agents.map(() => 0);
    this.#delays = agents.map(() => 0);
    this.#dueTime = dueTime ?? ((agent) => this.#steps[agent]);
  }

  choose(agents: readonly AgentId[]): AgentId {
    let [first] = agents;
    let [firstTime, firstRank] = [Infinity, Infinity];
    for (const agent of agents) {
      const { injected, kind } = this.#agents[agent];
      if (injected) continue;
      const time = this.#dueTime(agent) + this.#delays[agent];
      const rank = RANKS[kind];
      if (time > firstTime || (time === firstTime && rank >= firstRank)) continue;
      [first, firstTime, firstRank] = [agent, time, rank];
    }
    return first;
  }

  taken({ agent }: Step): void {
    this.#steps[agent]++;
    this.count++;
  }

  delay(agent: AgentId, time: number): void {
    this.#delays[agent] += time;
  }
}

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

/**
 * Looks for the deadlock that a warning about locks predicts, as DeadlockFuzzer does (Joshi, Park, Sen,
 * Naik, PLDI 2009): a hart that has one of the warning's locks is held up until nobody else can do
 * anything; and if it is about an interrupt or an NMI, that comes as soon as its hart has the lock.
 * Otherwise it is the natural execution with some hart behind. Without a warning: `disturbed`.
 */
export const directed: StrategyFactory = (all, rng, measured, peek, dueTime, locks) => {
  const warnings = locks?.order.warnings.filter(isPredicted) ?? [];
  if (locks === undefined || warnings.length === 0) {
    return disturbed(DISTURBED_MOMENTS)(all, rng, measured, peek, dueTime);
  }
  const order = new InOrder(all, dueTime);
  const harts = all.filter(({ kind }) => kind === 'hart');
  order.delay(rng.below(harts.length), 2 ** rng.below(DELAY_LOG_MAX + 1));
  const warning: LockWarning = warnings[rng.below(warnings.length)];
  const names = namesIn(warning);
  const isSuspect = (hart: number | undefined): boolean =>
    hart !== undefined && locks.classesOf(hart).some((name) => names.has(name));
  return {
    choose: (agents) => {
      const suspects = agents.filter((agent) => isSuspect(all[agent].hart));
      const intruder = suspects.find((agent) => all[agent].kind !== 'hart');
      if (intruder !== undefined) return intruder;
      const others = agents.filter((agent) => !suspects.includes(agent) && !all[agent].injected);
      return order.choose(others.length > 0 ? others : agents);
    },
    taken: (step) => order.taken(step),
  };
};

export const DISTURBED_MOMENTS = 3;

function shuffled<T>(list: readonly T[], rng: Rng): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
