// Which switches of a finding matter: each is taken back by itself, and the execution run again. After
// AITIA's causality analysis (Jeong et al., EuroSys 2023): a race whose other order shows no bug is a cause.

import { conflict } from './footprint.ts';
import type { Event } from './happens-before.ts';
import { lineOf, switchesOf } from './minimise.ts';
import type { Ending, Model } from './model.ts';
import { replay, turnsOf, type Replayed } from './replay.ts';

export type SwitchReason =
  /** The hart that ran can't go on: it waits, or is at its end. */
  | 'waits'
  /** It could have gone on. */
  | 'preempted'
  /** An interrupt or NMI is taken. */
  | 'interrupted'
  /** A device completes. */
  | 'device';

export interface ExplainedSwitch {
  /** The event that the switch leads to. */
  readonly to: Event;
  /** The event before it. */
  readonly from: Event;
  readonly reason: SwitchReason;
  /** The step that was put off by the switch, when its time came; absent if it never did. */
  readonly putOff: Event | undefined;
  /** The first event in between that the step which was put off conflicts with. */
  readonly racesWith: Event | undefined;
  /** The ending if the step that was put off is taken first; absent if nothing was. */
  readonly otherwise: Ending | undefined;
  /** Without this switch the finding is gone. */
  readonly isCause: boolean;
}

/** Explains every switch of an execution. The model has to be at its start. */
export function explain(
  model: Model,
  found: Replayed,
  stepsMax: number,
  isSame: (ending: Ending) => boolean = (ending) => ending.kind === found.ending.kind,
): ExplainedSwitch[] {
  return switchesOf(model, found.events).map((at) => {
    const to = found.events[at];
    const from = found.events[at - 1];
    const reason = reasonOf(model, found, at);
    const putOff = found.events.slice(at + 1).find((event) => continues(model, from, to, event));
    const between = found.events.slice(at, putOff?.index);
    const racesWith =
      putOff && between.find(({ footprint }) => conflict(footprint, putOff.footprint));
    const canGoFirst = reason === 'preempted' || reason === 'interrupted';
    const otherwise = canGoFirst ? endingWithout(model, found, at, stepsMax) : undefined;
    const isCause = otherwise !== undefined && !isSame(otherwise);
    return { to, from, reason, putOff, racesWith, otherwise, isCause };
  });
}

/** Is it the next step of what the switch interrupted? */
function continues(model: Model, from: Event, to: Event, event: Event): boolean {
  if (lineOf(model, event) !== lineOf(model, from)) return false;
  return !to.isEntry || event.step.depth < to.step.depth;
}

function reasonOf(model: Model, found: Replayed, at: number): SwitchReason {
  const to = found.events[at];
  if (to.isEntry) return 'interrupted';
  if (model.agents[to.step.agent].hart === undefined) return 'device';
  const { hart } = model.agents[found.events[at - 1].step.agent];
  const canGoOn = found.enabled[at].some(
    (id) => model.agents[id].kind === 'hart' && model.agents[id].hart === hart,
  );
  return canGoOn && hart !== undefined ? 'preempted' : 'waits';
}

/** Runs the execution with one step of what was put off before the switch. */
function endingWithout(
  model: Model,
  found: Replayed,
  at: number,
  stepsMax: number,
): Ending | undefined {
  const schedule = found.events.map(({ step }) => step.agent);
  const line = found.events[at].isEntry ? found.events[at] : found.events[at - 1];
  const { hart } = model.agents[line.step.agent];
  const own = model.agents.find((agent) => agent.kind === 'hart' && agent.hart === hart);
  if (own === undefined || !found.enabled[at].includes(own.id)) return undefined;
  const rest = schedule.slice(at);
  const taken = found.events.findIndex(
    (event) => event.index > at && continues(model, line, found.events[at], event),
  );
  if (taken >= 0) rest.splice(taken - at, 1);
  return replay(model, turnsOf([...schedule.slice(0, at), own.id, ...rest]), stepsMax).ending;
}
