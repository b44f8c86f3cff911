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
  /** What comes of it if the hart that was put off goes on first; absent if that was not tried. */
  readonly flip: Flip | undefined;
  /** Without this switch the finding is gone. */
  readonly isCause: boolean;
}

/** An execution with one switch later. */
export interface Flip {
  /** The step that is taken before the switch. */
  readonly instead: Event;
  readonly ending: Ending;
}

/**
 * Explains the switches of an execution up to event `last`, the first `triesMax` of them by
 * trying what happens without. The model has to be at its start.
 */
export function explain(
  model: Model,
  found: Replayed,
  stepsMax: number,
  isSame: (ending: Ending) => boolean = (ending) => ending.kind === found.ending.kind,
  last = Infinity,
  triesMax = Infinity,
): ExplainedSwitch[] {
  let tries = 0;
  const switches = switchesOf(model, found.events).filter((at) => at <= last);
  return switches.map((at) => {
    const to = found.events[at];
    const from = found.events[at - 1];
    const reason = reasonOf(model, found, at);
    const putOff = found.events.slice(at + 1).find((event) => continues(model, from, to, event));
    const between = found.events.slice(at, putOff?.index);
    const racesWith =
      putOff && between.find(({ footprint }) => conflict(footprint, putOff.footprint));
    const canGoFirst = reason === 'preempted' || reason === 'interrupted';
    const isTried = canGoFirst && tries++ < triesMax;
    const flip = isTried ? flipped(model, found, at, stepsMax) : undefined;
    const isCause = flip !== undefined && !isSame(flip.ending);
    return { to, from, reason, putOff, racesWith, flip, isCause };
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
function flipped(model: Model, found: Replayed, at: number, stepsMax: number): Flip | undefined {
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
  const turns = turnsOf([...schedule.slice(0, at), own.id, ...rest]);
  const { events, ending } = replay(model, turns, stepsMax);
  const instead = events.at(at);
  return instead === undefined ? undefined : { instead, ending };
}
