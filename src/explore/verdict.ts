// What an ending means: who waits for whom, whether a wakeup was lost, whether going on leads anywhere.
// Without knowledge of locks a hart is taken to wait for whoever wrote last what it keeps reading; that
// is the holder of a test-and-set lock, but not of a ticket lock: `holderOf` can say better. Or it waits
// for an interrupt's handler, which a hart does not take: then for that hart.

import { footprintOf, type Footprint } from './footprint.ts';
import type { Event, Execution } from './happens-before.ts';
import { findLivelock, type Livelock } from './livelock.ts';
import type { AgentId, Ending, Model } from './model.ts';
import type { ProcessId } from './process.ts';
import { replay, turnsOf } from './replay.ts';

/** Words of a footprint from here on are no memory: a hart's pending interrupts, for one (model.ts). */
const WORDS_OF_MEMORY = 2 ** 30;

/** A hart that waits, in which context, and why. */
export interface Waiting {
  readonly hart: AgentId;
  readonly process: ProcessId;
  /** What it reads while it waits. */
  readonly reads: Footprint;
  /** Who wrote last the memory that it reads; absent if nobody has since the start. */
  readonly writer: Event | undefined;
  /** The interrupt whose handler it waits for, if that is pending and its hart has it off. */
  readonly heldOff: AgentId | undefined;
  /** It would go on if it looked again: somebody changed what it waits for and did not wake it. */
  readonly wouldProceed: boolean;
}

export type VerdictKind =
  | 'ok'
  /** Harts wait for each other. */
  | 'deadlock'
  /** A hart waits for what a context that it has interrupted holds, or for itself. */
  | 'self-deadlock'
  /** A hart sleeps although what it waits for has happened. */
  | 'lost wakeup'
  /** A hart waits for what nobody will do any more. */
  | 'never signalled'
  /** All harts take their turns for ever, and nothing comes of it. */
  | 'livelock'
  /** The guest says so: a panic, a failed check. */
  | 'failed'
  /** Too many steps, and no state that repeats. */
  | 'undecided';

export interface Verdict {
  readonly kind: VerdictKind;
  /** For 'failed' and 'undecided'. */
  readonly reason: string | undefined;
  readonly waiting: readonly Waiting[];
  /** Who waits for whom, each for the next and the last for the first; empty if there is no cycle. */
  readonly cycle: readonly Waiting[];
  /** For 'livelock': how it goes on. */
  readonly livelock: Livelock | undefined;
}

export interface JudgeOptions {
  /** Steps of the execution. */
  readonly stepsMax: number;
  /** The hart that holds what is waited for, where lock tracking knows. */
  readonly holderOf?: (waiting: Waiting) => AgentId | undefined;
}

/** Runs a schedule and judges where it ends. The model is back at its start afterwards. */
export function judge(model: Model, schedule: readonly AgentId[], options: JudgeOptions): Verdict {
  let verdict: Verdict | undefined;
  replay(model, turnsOf(schedule), options.stepsMax, (execution, ending) => {
    verdict = verdictOf(model, execution, ending, options);
  });
  if (verdict === undefined) throw new Error('replay came to no end');
  return verdict;
}

function verdictOf(
  model: Model,
  execution: Execution,
  ending: Ending,
  { holderOf }: JudgeOptions,
): Verdict {
  const none = { reason: undefined, waiting: [], cycle: [], livelock: undefined };
  switch (ending.kind) {
    case 'done':
      return { ...none, kind: 'ok' };
    case 'failed':
      return { ...none, kind: 'failed', reason: ending.reason };
    case 'messages':
      return { ...none, kind: 'failed', reason: `message ${ending.fault}: ${ending.text}` };
    case 'livelock':
    case 'cut': {
      const livelock = findLivelock(model);
      if (livelock === undefined) {
        const reason = ending.kind === 'cut' ? ending.reason : undefined;
        return { ...none, kind: 'undecided', reason };
      }
      return { ...none, kind: 'livelock', livelock };
    }
    case 'deadlock': {
      const waiting = ending.waiting.map((hart) => waitingOf(model, execution, hart));
      const { kind, cycle } = kindOf(model, waiting, holderOf ?? (() => undefined));
      return { ...none, kind, waiting, cycle };
    }
  }
}

function waitingOf(model: Model, execution: Execution, hart: AgentId): Waiting {
  const process = execution.processOf(hart);
  const reads = footprintOf(model.waitsOn(hart));
  // Who has sent a sleeping hart its last interrupt, or acknowledged it, holds nothing.
  const held = reads.filter(({ word }) => word < WORDS_OF_MEMORY);
  const writer = execution.events.findLast(({ footprint }) => writesInto(footprint, held));
  const heldOff = model.heldOff?.(hart);
  const wouldProceed = model.wouldProceed?.(hart) ?? false;
  return { hart, process, reads, writer, heldOff, wouldProceed };
}

function writesInto(footprint: Footprint, reads: Footprint): boolean {
  return footprint.some((cell) =>
    reads.some((other) => other.word === cell.word && (cell.writes & other.reads) !== 0),
  );
}

function kindOf(
  model: Model,
  waiting: readonly Waiting[],
  holderOf: (waiting: Waiting) => AgentId | undefined,
): { kind: VerdictKind; cycle: readonly Waiting[] } {
  if (waiting.some(({ wouldProceed }) => wouldProceed)) return { kind: 'lost wakeup', cycle: [] };
  const cycle = cycleOf(
    waiting,
    (each) => holderOf(each) ?? hartOf(model, each.heldOff) ?? writerOf(model, each),
  );
  if (cycle.length === 0) return { kind: 'never signalled', cycle };
  return { kind: cycle.length === 1 ? 'self-deadlock' : 'deadlock', cycle };
}

/** The hart that wrote last what another one reads. */
function writerOf(model: Model, { writer }: Waiting): AgentId | undefined {
  return hartOf(model, writer?.step.agent);
}

/** The hart that an agent acts at. */
function hartOf(model: Model, agent: AgentId | undefined): AgentId | undefined {
  const hart = agent === undefined ? undefined : model.agents[agent].hart;
  return model.agents.find((each) => each.kind === 'hart' && each.hart === hart)?.id;
}

/** Follows, from each waiting hart, whom it waits for, until a hart comes up again. */
function cycleOf(
  waiting: readonly Waiting[],
  waitsFor: (waiting: Waiting) => AgentId | undefined,
): readonly Waiting[] {
  for (const start of waiting) {
    const path: Waiting[] = [];
    let next: Waiting | undefined = start;
    while (next !== undefined && !path.includes(next)) {
      path.push(next);
      const holder = waitsFor(next);
      next = waiting.find((other) => other.hart === holder);
    }
    if (next !== undefined) return path.slice(path.indexOf(next));
  }
  return [];
}
