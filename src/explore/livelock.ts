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

/** How an execution goes on for ever. */
export interface Livelock {
  /** Steps to the state that then comes back. */
  readonly approach: readonly AgentId[];
  /** Steps from that state to the same one, in which everybody had turns and nothing came of it. */
  readonly lasso: readonly AgentId[];
}

/**
 * Goes on from where the model is, every enabled agent one step in each round, nothing injected, until a
 * state comes back. Undefined if the execution ends, the model can't tell its state, or no state repeats.
 * Leaves the model where it was.
 */
export function findLivelock(model: Model): Livelock | undefined {
  if (model.state === undefined) return undefined;
  const start = model.mark();
  const taken: AgentId[] = [];
  const wanted: Wanted[] = [];
  const glances = new Set<string>();
  const states = new Map<string, number>();
  let livelock: Livelock | undefined;
  for (let round = 0; round < ROUNDS_MAX && livelock === undefined; round++) {
    // A whole state takes long to tell; where it has not been seen in part, it is new.
    const glance = model.glance?.() ?? '';
    if (glances.has(glance)) {
      const state = model.state();
      const before = states.get(state);
      if (before !== undefined && isFair(taken, wanted, before)) {
        livelock = { approach: taken.slice(0, before), lasso: taken.slice(before) };
      }
      states.set(state, taken.length);
    }
    glances.add(glance);
    if (livelock === undefined && !takeRound(model, taken, wanted)) break;
  }
  model.rewind(start);
  model.release(start);
  return livelock;
}

/** An agent could act at the beginning of a round, when so many steps had been taken. */
interface Wanted {
  readonly agent: AgentId;
  readonly at: number;
}

/** Did everybody who could act since so many steps have a turn? Else a lock is always taken before him. */
function isFair(taken: readonly AgentId[], wanted: readonly Wanted[], since: number): boolean {
  const acted = new Set(taken.slice(since));
  return wanted.every(({ agent, at }) => at < since || acted.has(agent));
}

/** @returns false if the execution has ended */
function takeRound(model: Model, taken: AgentId[], wanted: Wanted[]): boolean {
  const enabled = model.ending() === undefined ? model.enabled() : [];
  if (endingOf(model, enabled) !== undefined) return false;
  const agents = enabled.filter((id) => !model.agents[id].injected);
  wanted.push(...agents.map((agent) => ({ agent, at: taken.length })));
  for (const agent of agents) {
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
export function wayIntoLivelock(model: Model, schedule: readonly AgentId[]): Livelock {
  const start = model.mark();
  let length = 0;
  let livelock: Livelock | undefined;
  for (let next = 0; ; next += 1 + (next >> 2)) {
    for (; length < Math.min(next, schedule.length); length++) model.step(schedule[length]);
    livelock = findLivelock(model);
    if (length === schedule.length || livelock !== undefined) break;
  }
  model.rewind(start);
  model.release(start);
  const { approach, lasso } = livelock ?? { approach: [], lasso: [] };
  return { approach: [...schedule.slice(0, length), ...approach], lasso };
}
