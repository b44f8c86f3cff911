// Repeats executions, exactly or as far as they go, and completes them in the least surprising way.

import { Execution, type Event } from './happens-before.ts';
import type { AgentId, Ending, Model } from './model.ts';
import { changed, endingOf } from './search.ts';

/** An agent takes so many steps in a row. */
export interface Turn {
  readonly agent: AgentId;
  readonly steps: number;
}

/** An execution with what happened in it. */
export interface Replayed {
  /** Events from this one on lead from a state back to it: a livelock. */
  readonly repeatsFrom?: number;
  readonly ending: Ending;
  readonly events: readonly Event[];
  /** Agents enabled before each event, and at the end. */
  readonly enabled: readonly (readonly AgentId[])[];
}

/** Runs of the same agent, in order. */
export function turnsOf(schedule: readonly AgentId[]): Turn[] {
  const turns: { agent: AgentId; steps: number }[] = [];
  for (const agent of schedule) {
    const last = turns.at(-1);
    if (last?.agent === agent) last.steps++;
    else turns.push({ agent, steps: 1 });
  }
  return turns;
}

/**
 * Takes the turns one after the other, each as far as its agent can go, then goes on without injecting
 * anything until the execution ends: the hart that ran last for as long as it can, then the next one.
 * The model is back where it was afterwards. Exact if the turns are those of an execution from here.
 * `inspect` is called at the end, with the model still there. `couldAct` says who can take a turn: those
 * that are enabled, or, for turns that are known to be an execution's, all that could act.
 */
export function replay(
  model: Model,
  turns: readonly Turn[],
  stepsMax: number,
  inspect?: (execution: Execution, ending: Ending) => void,
  couldAct: (agent: AgentId) => boolean = () => false,
): Replayed {
  const execution = new Execution(model.agents, 'whole');
  const enabled: (readonly AgentId[])[] = [];
  const start = model.mark();
  let left = turns.map((turn) => ({ ...turn }));
  for (;;) {
    const hasEnded = model.ending() !== undefined;
    const now = hasEnded ? [] : model.enabled();
    enabled.push(now);
    const canTake = ({ agent, steps }: Turn): boolean =>
      steps > 0 && !hasEnded && (now.includes(agent) || couldAct(agent));
    const next = left.findIndex(canTake);
    const isStuck = next < 0;
    const ending = isStuck ? endingOf(model, now) : model.ending();
    if (ending !== undefined || execution.events.length >= stepsMax) {
      const cut = { kind: 'cut', reason: `more than ${String(stepsMax)} steps` } as const;
      inspect?.(execution, ending ?? cut);
      model.rewind(start);
      model.release(start);
      return { ending: ending ?? cut, events: [...execution.events], enabled };
    }
    // A turn whose agent can't go on is over; what comes after it may be what it waits for.
    left = next < 0 ? [] : left.slice(next);
    const turn = left.at(0);
    const agent = turn?.agent ?? goingOn(model, now, execution.events.at(-1)?.step.agent);
    if (turn !== undefined) turn.steps--;
    const step = model.step(agent);
    const after = model.ending() === undefined ? model.enabled() : [];
    execution.push(step, changed(now, after));
  }
}

/** Who goes on by himself: the hart that ran last, else another one, else a device. */
export function goingOn(
  model: Model,
  enabled: readonly AgentId[],
  last: AgentId | undefined,
): AgentId {
  const hart = last === undefined ? undefined : model.agents[last].hart;
  const harts = enabled.filter((agent) => model.agents[agent].kind === 'hart');
  const own = harts.find((agent) => model.agents[agent].hart === hart);
  const others = enabled.filter((agent) => !model.agents[agent].injected);
  return own ?? harts.at(0) ?? others[0];
}
