// Livelocks: everybody takes turns, and the same state comes back. Looked for where an execution is cut
// because it has become too long.

import { type AgentId, type Ending, type Model } from './model.ts';
import { endingOf } from './search.ts';

/** Rounds, one step of every enabled agent each, in which a livelock has to show. */
const ROUNDS_MAX = 200;

/** The ending of an execution that has had all the steps that it may have. */
export function endingOfLong(model: Model, stepsMax: number): Ending {
  if (findLivelock(model) !== undefined) return { kind: 'livelock' };
  return { kind: 'cut', reason: `more than ${String(stepsMax)} steps` };
}

/**
 * Goes on from where the model is, every enabled agent one step in each round, nothing injected. The
 * steps between two equal states, in which therefore everybody had a turn and nothing came of it;
 * undefined if the execution ends, the model can't tell its state, or no state repeats. Leaves the
 * model where it was.
 */
export function findLivelock(model: Model): AgentId[] | undefined {
  if (model.state === undefined) return undefined;
  const start = model.mark();
  const taken: AgentId[] = [];
  const glances = new Set<string>();
  const states = new Map<string, number>();
  let lasso: AgentId[] | undefined;
  for (let round = 0; round < ROUNDS_MAX && lasso === undefined; round++) {
    // A whole state takes long to tell; where it has not been seen in part, it is new.
    const glance = model.glance?.() ?? '';
    if (glances.has(glance)) {
      const state = model.state();
      const before = states.get(state);
      if (before !== undefined) lasso = taken.slice(before);
      states.set(state, taken.length);
    }
    glances.add(glance);
    if (lasso === undefined && !takeRound(model, taken)) break;
  }
  model.rewind(start);
  model.release(start);
  return lasso;
}

/** @returns false if the execution has ended */
function takeRound(model: Model, taken: AgentId[]): boolean {
  const enabled = model.ending() === undefined ? model.enabled() : [];
  if (endingOf(model, enabled) !== undefined) return false;
  for (const agent of enabled.filter((id) => !model.agents[id].injected)) {
    if (model.ending() !== undefined || !model.enabled().includes(agent)) continue;
    model.step(agent);
    taken.push(agent);
  }
  return true;
}

/**
 * Of a schedule that leads into a livelock, as much as it takes, and what then comes again and again:
 * whoever repeats it has to see what harts share.
 */
export function wayIntoLivelock(model: Model, schedule: readonly AgentId[]): readonly AgentId[] {
  const start = model.mark();
  let length = 0;
  let lasso: readonly AgentId[] | undefined;
  for (let next = 0; ; next += 1 + (next >> 2)) {
    for (; length < Math.min(next, schedule.length); length++) model.step(schedule[length]);
    lasso = findLivelock(model);
    if (length === schedule.length || lasso !== undefined) break;
  }
  model.rewind(start);
  model.release(start);
  return [...schedule.slice(0, length), ...(lasso ?? [])];
}
