// Words that all searches share: bounds, what an execution was, what a search covered.

import type { Access, AgentId, Ending, Model } from './model.ts';

/** How far from the undisturbed execution a search goes. Infinity: no bound. */
export interface Bounds {
  /** Switches away from a hart that could have gone on. */
  readonly preemptions: number;
  /** Interrupts that are let in at a chosen moment. */
  readonly irqs: number;
  readonly nmis: number;
}

export const UNBOUNDED: Bounds = { preemptions: Infinity, irqs: Infinity, nmis: Infinity };

/** One execution, from the start to its ending. Taking `schedule` step by step repeats it. */
export interface Explored {
  readonly ending: Ending;
  readonly schedule: readonly AgentId[];
  /** Equal for executions that differ only in the order of steps that don't conflict. */
  readonly trace: string;
}

/** What a search went through; the numbers of the statement that a report ends with. */
export interface Coverage {
  readonly bounds: Bounds;
  /** Executions that were run to an ending. */
  readonly executions: number;
  /** Executions given up because an equivalent one had been run. */
  readonly redundant: number;
  /** Distinct traces among the executions, as far as they were remembered. */
  readonly traces: number;
  readonly steps: number;
  /** Executions that the bound on steps cut short. */
  readonly cut: number;
  /** Everything within the bounds was explored, up to equivalence. */
  readonly complete: boolean;
}

export interface Limits {
  /** Steps of one execution; longer ones are cut, and the coverage is partial. */
  readonly stepsMax: number;
  /** Asked after every execution; true ends the search with partial coverage. */
  readonly stop?: (executions: number) => boolean;
}

/** An ending that is no finding. */
export function isFine({ kind }: Ending): boolean {
  return kind === 'done' || kind === 'cut';
}

/** Which of the agents' enabledness a step changed. */
export function changed(before: readonly AgentId[], after: readonly AgentId[]): AgentId[] {
  return [
    ...before.filter((agent) => !after.includes(agent)),
    ...after.filter((agent) => !before.includes(agent)),
  ];
}

/** The ending of an execution that has ended, or can't go on. */
export function endingOf(model: Model, enabled: readonly AgentId[]): Ending | undefined {
  return model.ending() ?? deadlockOf(model, enabled);
}

/** The ending of an execution in which nothing is enabled, or only what may never come. */
export function deadlockOf(model: Model, enabled: readonly AgentId[]): Ending | undefined {
  for (const agent of enabled) if (!model.agents[agent].injected) return undefined;
  const waiting = model.agents.filter(({ kind, id }) => kind === 'hart' && waits(model, id));
  return { kind: 'deadlock', waiting: waiting.map((agent) => agent.id) };
}

function waits(model: Model, agent: AgentId): boolean {
  const accesses: readonly Access[] = model.waitsOn(agent);
  return accesses.length > 0;
}
