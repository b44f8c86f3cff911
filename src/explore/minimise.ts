// Makes a finding small: fewer injected events and fewer switches, by delta debugging over the turns of
// the schedule (Zeller, Hildebrandt, TSE 2002), then the order of the same trace with the fewest switches.

import type { Event } from './happens-before.ts';
import type { AgentId, Ending, Model } from './model.ts';
import { replay, turnsOf, type Replayed, type Turn } from './replay.ts';

export interface MinimiseOptions {
  readonly stepsMax: number;
  /** Is it still the same finding? Default: an ending of the same kind. */
  readonly isSame?: (ending: Ending) => boolean;
}

/** A schedule that leads to the same finding, at least as small as the one given. */
export function minimise(
  model: Model,
  schedule: readonly AgentId[],
  { stepsMax, isSame }: MinimiseOptions,
): Replayed {
  let best = replay(model, turnsOf(schedule), stepsMax);
  const { kind } = best.ending;
  const shows = isSame ?? ((ending: Ending): boolean => ending.kind === kind);
  for (;;) {
    const straightened = replay(model, turnsOf(fewestSwitches(model, best)), stepsMax);
    if (shows(straightened.ending) && isSmaller(model, straightened, best)) best = straightened;
    const smaller = withoutSome(model, best, stepsMax, shows);
    if (smaller === undefined) return best;
    best = smaller;
  }
}

function withoutSome(
  model: Model,
  from: Replayed,
  stepsMax: number,
  shows: (ending: Ending) => boolean,
): Replayed | undefined {
  for (const turns of smallerSchedules(from)) {
    const candidate = replay(model, turns, stepsMax);
    if (shows(candidate.ending) && isSmaller(model, candidate, from)) return candidate;
  }
  return undefined;
}

/** Without one handler; then without some turns: halves first, then smaller parts, down to single ones. */
function* smallerSchedules(from: Replayed): Generator<Turn[]> {
  for (const entry of from.events.filter((event) => event.isEntry)) {
    const handler = handlerOf(entry, from.events);
    const left = from.events.filter((event) => !handler.includes(event));
    yield turnsOf(left.map(({ step }) => step.agent));
  }
  const turns = turnsOf(scheduleOf(from));
  let size = turns.length;
  while (size > 1) {
    size = Math.ceil(size / 2);
    for (let at = 0; at < turns.length; at += size) {
      yield [...turns.slice(0, at), ...turns.slice(at + size)];
    }
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

/** Fewer injected events, then fewer switches, then fewer steps. */
function isSmaller(model: Model, a: Replayed, b: Replayed): boolean {
  const size = (of: Replayed): number[] => {
    const injected = of.events.filter(({ step }) => model.agents[step.agent].injected).length;
    return [injected, switchesOf(model, of.events).length, of.events.length];
  };
  const [x, y] = [size(a), size(b)];
  const differs = x.findIndex((n, i) => n !== y[i]);
  return differs >= 0 && x[differs] < y[differs];
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
export function lineOf(model: Model, { step }: Event): string {
  const { hart } = model.agents[step.agent];
  return hart === undefined ? `device ${String(step.agent)}` : `hart ${String(hart)}`;
}

export function scheduleOf({ events }: Replayed): AgentId[] {
  return events.map(({ step }) => step.agent);
}

interface Cut {
  /** How many events of each line are done. */
  readonly done: readonly number[];
  readonly order: readonly Event[];
  readonly line: number;
}

/**
 * The same trace in the order with the fewest switches. Whoever runs goes on for as long as what it
 * depends on has happened (that never hurts); who is next is tried breadth first.
 */
export function fewestSwitches(model: Model, { events }: Replayed): AgentId[] {
  const names = [...new Set(events.map((event) => lineOf(model, event)))];
  const lines = names.map((name) => events.filter((event) => lineOf(model, event) === name));
  const seen = new Set<string>();
  let cuts: Cut[] = [{ done: lines.map(() => 0), order: [], line: -1 }];
  while (cuts.length > 0) {
    const next: Cut[] = [];
    for (const cut of cuts) {
      for (let line = 0; line < lines.length; line++) {
        const ahead =
          line === cut.line ? undefined : runAhead(cut, line, lines, model.agents.length);
        if (ahead === undefined) continue;
        if (ahead.order.length === events.length) return ahead.order.map(({ step }) => step.agent);
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

function runAhead(
  { done, order }: Cut,
  line: number,
  lines: readonly (readonly Event[])[],
  processes: number,
): Cut | undefined {
  const counts = new Array<number>(processes).fill(0);
  for (const event of order) counts[event.process]++;
  const taken: Event[] = [];
  for (const event of lines[line].slice(done[line])) {
    const isReady = counts.every(
      (count, process) => process === event.process || count >= event.clock[process],
    );
    if (!isReady) break;
    counts[event.process]++;
    taken.push(event);
  }
  if (taken.length === 0) return undefined;
  const after = done.map((count, i) => (i === line ? count + taken.length : count));
  return { done: after, order: [...order, ...taken], line };
}
