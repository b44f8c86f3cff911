// Makes a finding small: fewer injected events and fewer switches, by delta debugging over the turns of
// the schedule (Zeller, Hildebrandt, TSE 2002), then the order of the same trace with the fewest switches.

import type { Event } from './happens-before.ts';
import type { AgentId, Ending, Model } from './model.ts';
import { Attempts, isSmaller, lineOfAgent } from './attempts.ts';
import { replay, turnsOf, type Replayed } from './replay.ts';

export interface MinimiseOptions {
  readonly stepsMax: number;
  /** Is it still the same finding? Default: an ending of the same kind. */
  readonly isSame?: (ending: Ending) => boolean;
  /** Asked before every attempt; true ends the search with what there is. */
  readonly stop?: () => boolean;
}

/** A schedule that leads to the same finding, at least as small as the one given. */
export function minimise(
  model: Model,
  schedule: readonly AgentId[],
  { stepsMax, isSame, stop = () => false }: MinimiseOptions,
): Replayed {
  let best = replay(model, turnsOf(schedule), stepsMax);
  const { kind } = best.ending;
  const shows = isSame ?? ((ending: Ending): boolean => ending.kind === kind);
  for (;;) {
    const straightened = replay(model, turnsOf(fewestSwitches(model, best, stop)), stepsMax);
    if (shows(straightened.ending) && isSmaller(model, scheduleOf(straightened), scheduleOf(best)))
      best = straightened;
    const attempts = new Attempts(model, turnsOf(scheduleOf(best)), stepsMax, shows);
    leaveOutTurns(attempts, stop);
    leaveOutHandlers(attempts, best, stop);
    const smaller = attempts.end();
    if (smaller === undefined) return best;
    best = replay(model, turnsOf(smaller), stepsMax);
  }
}

/** Halves first, then smaller parts, down to single turns. */
function leaveOutTurns(attempts: Attempts, stop: () => boolean): void {
  let size = attempts.turns.length;
  while (size > 1) {
    size = Math.ceil(size / 2);
    // From the end, so that an attempt begins where the one before has.
    for (let end = attempts.turns.length; end > 0;) {
      if (stop()) return;
      const from = Math.max(0, end - size);
      attempts.take(from, attempts.turns.slice(end));
      end = Math.min(from, attempts.turns.length);
    }
  }
}

/** One handler after the other, the last first. `from` is the execution that the attempts began with. */
function leaveOutHandlers(attempts: Attempts, from: Replayed, stop: () => boolean): void {
  // Once anything is left out, its events are not those of the schedule any more: the next round has them.
  if (attempts.hasFound) return;
  for (const entry of from.events.filter((event) => event.isEntry).toReversed()) {
    if (stop()) return;
    const handler = handlerOf(entry, from.events);
    const left = from.events.slice(entry.index).filter((event) => !handler.includes(event));
    const before = turnsOf(scheduleOf(from).slice(0, entry.index)).length;
    if (attempts.take(before, turnsOf(left.map(({ step }) => step.agent)))) return;
  }
}

/** An entry and the events of its handler up to its return. */
function handlerOf(entry: Event, events: readonly Event[]): Event[] {
  const own = events.filter(
    (event) => event.process === entry.process && event.ordinal >= entry.ordinal,
  );
  const next = own.findIndex((event) => event !== entry && event.isEntry);
  return next < 0 ? own : own.slice(0, next);
}

/**
 * Indexes of the events before which the execution changes over to another hart or device, and of the
 * interrupts being taken.
 */
export function switchesOf(model: Model, events: readonly Event[]): number[] {
  return events
    .map(({ index }) => index)
    .filter(
      (i) =>
        i > 0 && (events[i].isEntry || lineOf(model, events[i]) !== lineOf(model, events[i - 1])),
    );
}

/** What runs one thing at a time: a hart with all its contexts, a device. */
export const lineOf = (model: Model, { step }: Event): string => lineOfAgent(model, step.agent);

export function scheduleOf({ events }: Replayed): AgentId[] {
  return events.map(({ step }) => step.agent);
}

/** A prefix of the trace, put in some order. */
/** Where a reordering has come to. */
interface Cut {
  /** How many events of each line are done, and of each process. */
  readonly done: readonly number[];
  readonly counts: readonly number[];
  /** The line that has just run, from where. */
  readonly line: number;
  readonly from: Cut | undefined;
}

/**
 * The same trace in the order with the fewest switches; as it is if `stop` says so before. Whoever runs
 * goes on for as long as what it depends on has happened (that never hurts); who is next is tried
 * breadth first.
 */
export function fewestSwitches(
  model: Model,
  { events }: Replayed,
  stop: () => boolean = () => false,
): AgentId[] {
  const names = [...new Set(events.map((event) => lineOf(model, event)))];
  const lines = names.map((name) => events.filter((event) => lineOf(model, event) === name));
  const seen = new Set<string>();
  const counts = model.agents.map(() => 0);
  let cuts: Cut[] = [{ done: lines.map(() => 0), counts, line: -1, from: undefined }];
  while (cuts.length > 0) {
    const next: Cut[] = [];
    for (const cut of cuts) {
      if (stop()) return events.map(({ step }) => step.agent);
      for (let line = 0; line < lines.length; line++) {
        const ahead = line === cut.line ? undefined : runAhead(cut, line, lines);
        if (ahead === undefined) continue;
        if (ahead.done.every((count, i) => count === lines[i].length)) return orderOf(ahead, lines);
        const key = `${ahead.done.join()}.${String(line)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(ahead);
      }
    }
    cuts = next;
  }
  return events.map(({ step }) => step.agent);
}

function runAhead(from: Cut, line: number, lines: readonly (readonly Event[])[]): Cut | undefined {
  const counts = [...from.counts];
  const first = from.done[line];
  let end = first;
  for (; end < lines[line].length; end++) {
    const event = lines[line][end];
    const isReady = counts.every(
      (count, process) => process === event.process || count >= event.clock[process],
    );
    if (!isReady) break;
    counts[event.process]++;
  }
  if (end === first) return undefined;
  const done = from.done.map((count, i) => (i === line ? end : count));
  return { done, counts, line, from };
}

function orderOf(last: Cut, lines: readonly (readonly Event[])[]): AgentId[] {
  const parts: AgentId[][] = [];
  for (let cut = last; cut.from !== undefined; cut = cut.from) {
    const { line, done, from } = cut;
    parts.push(lines[line].slice(from.done[line], done[line]).map(({ step }) => step.agent));
  }
  return parts.toReversed().flat();
}
