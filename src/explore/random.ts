// Random search: executions by a portfolio of strategies. The seed names the whole sequence, and seed
// and number name one execution. Each execution leaves out some of the injected agents by chance, so
// that rare combinations are not drowned by what always happens.

import type { Footprints } from './footprint.ts';
import { endingOfLong } from './livelock.ts';
import type { Access, AgentId, Model } from './model.ts';
import { SeededRng } from './rng.ts';
import { deadlockOf, type Bounds, type Coverage, type Explored } from './search.ts';
import {
  directed,
  disturbed,
  DISTURBED_MOMENTS,
  natural,
  partialOrderSampling,
  pct,
  randomWalk,
  uniformWalk,
  type DueTime,
  type Measured,
  type Peek,
  type Strategy,
  type StrategyFactory,
} from './strategies.ts';
import { Trace } from './trace.ts';

export const STRATEGIES = {
  natural,
  disturbed: disturbed(DISTURBED_MOMENTS),
  directed,
  'random walk': randomWalk,
  'pct 2': pct(2),
  'pct 3': pct(3),
  pos: partialOrderSampling,
  'uniform walk': uniformWalk,
} satisfies Record<string, StrategyFactory>;

export type StrategyName = keyof typeof STRATEGIES;

export const PORTFOLIO: readonly StrategyName[] = [
  'natural',
  'disturbed',
  'random walk',
  'pct 2',
  'pos',
  'uniform walk',
  'pct 3',
  'directed',
];

export interface RandomOptions {
  /** A whole number below 2^32. */
  readonly seed: number;
  /** Number of the first execution. Default 0. */
  readonly first?: number;
  readonly executions: number;
  /** Taken in turn; 'natural' is number 0, and no other. */
  readonly strategies: readonly StrategyName[];
  /** How many interrupts and NMIs an execution may inject. */
  readonly bounds: Pick<Bounds, 'irqs' | 'nmis'>;
  readonly stepsMax: number;
  readonly stop?: (executions: number) => boolean;
  /** What the executions' processes touch is added to these. */
  readonly footprints?: Footprints;
}

export interface RandomlyExplored extends Explored {
  readonly strategy: StrategyName;
  /** Number of the execution, from 0. */
  readonly number: number;
}

/** Yields every execution. The model is back at its start afterwards. */
export function* randomSearch(
  model: Model,
  options: RandomOptions,
): Generator<RandomlyExplored, Coverage> {
  const start = model.mark();
  const traces = new Set<string>();
  const trace = new Trace(model.agents);
  let steps = 0;
  let cut = 0;
  let executions = 0;
  try {
    const undisturbed = execute(model, 'natural', 0, options, UNKNOWN, trace);
    model.rewind(start);
    const measured = measuredIn(model, undisturbed);
    while (executions < options.executions) {
      const number = (options.first ?? 0) + executions++;
      const strategy = strategyOf(number, options.strategies);
      const explored =
        strategy === 'natural'
          ? undisturbed
          : execute(model, strategy, number, options, measured, trace);
      model.rewind(start);
      steps += explored.schedule.length;
      if (explored.ending.kind === 'cut') cut++;
      traces.add(explored.trace);
      yield { ...explored, strategy, number };
      if (options.stop?.(executions) === true) break;
    }
  } finally {
    model.rewind(start);
    model.release(start);
  }
  const bounds = { preemptions: Infinity, ...options.bounds };
  return { bounds, executions, redundant: 0, traces: traces.size, steps, cut, complete: false };
}

/** The natural execution is the first one, and comes but once; the others take turns. */
function strategyOf(number: number, strategies: readonly StrategyName[]): StrategyName {
  const others = strategies.filter((name) => name !== 'natural');
  if (others.length === 0 || (number === 0 && others.length < strategies.length)) return 'natural';
  return others[number % others.length];
}

const UNKNOWN: Measured = { steps: 0, stepsOf: [] };

function measuredIn(model: Model, { schedule }: Explored): Measured {
  const stepsOf = model.agents.map(() => 0);
  for (const agent of schedule) stepsOf[agent]++;
  return { steps: schedule.length, stepsOf };
}

function execute(
  model: Model,
  name: StrategyName,
  number: number,
  options: RandomOptions,
  measured: Measured,
  trace?: Trace,
): Explored {
  const rng = new SeededRng(Math.imul(options.seed ^ Math.imul(number, 0x9e3779b1), 0x85ebca77));
  const { agents, locks } = model;
  const make: StrategyFactory = STRATEGIES[name];
  const strategy = make(agents, rng, measured, peekOf(model), dueTimeOf(model), locks);
  const taking = model.agents.map((agent) => !agent.injected || rng.below(2) === 0);
  const isAllowed = (agent: AgentId, spent: Spent): boolean =>
    taking[agent] && isAffordable(model, agent, spent, options.bounds);
  return runWith(model, strategy, options.stepsMax, isAllowed, options.footprints, trace);
}

interface Spent {
  irqs: number;
  nmis: number;
}

function isAffordable(
  model: Model,
  agent: AgentId,
  spent: Spent,
  bounds: RandomOptions['bounds'],
): boolean {
  const { kind, injected } = model.agents[agent];
  if (!injected) return true;
  return kind === 'nmi' ? spent.nmis < bounds.nmis : spent.irqs < bounds.irqs;
}

/**
 * One execution from where the model is to an ending, all choices by the strategy. `trace` can be that of
 * another execution, which is then forgotten.
 */
export function runWith(
  model: Model,
  strategy: Strategy,
  stepsMax: number,
  isAllowed: (agent: AgentId, spent: Spent) => boolean = () => true,
  footprints?: Footprints,
  trace = new Trace(model.agents),
): Explored {
  trace.clear();
  const spent: Spent = { irqs: 0, nmis: 0 };
  for (;;) {
    let ending = model.ending();
    const enabled = ending === undefined ? model.enabled() : [];
    ending ??= deadlockOf(model, enabled);
    if (trace.length >= stepsMax) ending ??= endingOfLong(model, stepsMax);
    if (ending !== undefined) {
      return { ending, schedule: trace.schedule, trace: trace.key() };
    }
    const isFree = enabled.every((id) => isAllowed(id, spent));
    const choices = isFree ? enabled : enabled.filter((id) => isAllowed(id, spent));
    const agent = strategy.choose(choices);
    const step = model.step(agent);
    const { kind, injected } = model.agents[agent];
    if (injected && kind === 'nmi') spent.nmis++;
    else if (injected) spent.irqs++;
    strategy.taken?.(step);
    const { process, footprint } = trace.push(step);
    footprints?.add(process, footprint);
  }
}

function dueTimeOf(model: Model): DueTime | undefined {
  return model.dueTime === undefined ? undefined : (agent) => model.dueTime?.(agent) ?? 0;
}

/** What a model knows of an agent's next step, or what taking it on trial shows. */
export function peekOf(model: Model): Peek {
  return (agent): readonly Access[] => {
    const known = model.next?.(agent);
    if (known !== undefined) return known;
    const mark = model.mark();
    const { accesses } = model.step(agent);
    model.rewind(mark);
    model.release(mark);
    return accesses;
  };
}
