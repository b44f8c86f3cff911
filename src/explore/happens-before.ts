// The execution that a search is in: its events with vector clocks, kept as a stack so that going back
// costs what is undone. Two executions with the same events and clocks are the same Mazurkiewicz trace.
// A handler is a process of its own: see `Nesting` for how it is ordered with what it interrupts.

import { cellsConflict, footprintOf, type Cell, type Footprint } from './footprint.ts';
import type { Agent, AgentId, Step } from './model.ts';
import { ContextStacks, isInterrupt, type ProcessId } from './process.ts';

export interface Event {
  readonly index: number;
  readonly process: ProcessId;
  readonly step: Step;
  readonly footprint: Footprint;
  /** How many events of its process there are up to and including this one. */
  readonly ordinal: number;
  /** For each process, how many of its events happen before this one or are this one. */
  readonly clock: Uint32Array;
  /** An interrupt being taken: the first event of its handler. */
  readonly isEntry: boolean;
  /** The interrupt agents of its hart that it does not commute with; see `Nesting`. */
  readonly orderedWith: readonly AgentId[];
  /** Events that it races with: it conflicts with them and nothing else orders the two. */
  readonly races: readonly Event[];
}

/**
 * Which events of a hart an interrupt of that hart has to be ordered with. 'whole': all of them, so
 * that each position of the interrupt is a trace of its own. A function: those for which it says true
 * (`below` are the processes on the hart); the others commute with the whole handler, and
 * where the handler falls between them makes no difference.
 */
export type Nesting =
  | 'whole'
  | ((
      process: ProcessId,
      footprint: Footprint,
      irq: AgentId,
      below: readonly ProcessId[],
    ) => boolean);

interface Touch {
  readonly event: Event;
  readonly cell: Cell;
}

export class Execution {
  readonly events: Event[] = [];
  readonly #agents: readonly Agent[];
  readonly #nesting: Nesting;
  readonly #stacks: ContextStacks;
  readonly #byProcess: Event[][];
  readonly #touches = new Map<number, Touch[]>();
  /** Those among them that write. */
  readonly #writes = new Map<number, Touch[]>();
  /** For each interrupt agent, the events of its hart that it is ordered with. */
  readonly #ordered: Event[][];
  #hashLow = 0;
  #hashHigh = 0;

  constructor(agents: readonly Agent[], nesting: Nesting) {
    this.#agents = agents;
    this.#stacks = new ContextStacks(agents);
    this.#nesting = nesting;
    this.#byProcess = agents.map(() => []);
    this.#ordered = agents.map(() => []);
  }

  /** The process that an agent's next step belongs to. */
  processOf(agent: AgentId): ProcessId {
    return this.#stacks.processOf(agent);
  }

  lastOf(process: ProcessId): Event | undefined {
    return this.#byProcess[process].at(-1);
  }

  countOf(process: ProcessId): number {
    return this.#byProcess[process].length;
  }

  /** Events of its hart that an interrupt is ordered with, oldest first. */
  eventsOrderedWith(irq: AgentId): readonly Event[] {
    return this.#ordered[irq];
  }

  /**
   * Adds a step. `edges`: the agents that became enabled or disabled with it; it is ordered with those
   * interrupts of its hart among them in any case.
   */
  push(step: Step, edges: readonly AgentId[]): Event {
    const agent = this.#agents[step.agent];
    const before = agent.hart === undefined ? [] : this.#stacks.on(agent.hart);
    const isEntry = isInterrupt(agent);
    const process = this.#stacks.enter(step);
    const footprint = footprintOf(step.accesses);
    const nests = isEntry || step.depth !== step.depthAfter;
    const masks = {
      irq: nests || step.changesInterruptEnable === true,
      nmi: (nests && this.#agents[process].kind === 'nmi') || step.changesInterruptEnable === true,
    };
    const orderedWith = this.#orderedWith(process, agent, before, footprint, masks, edges);
    const own = this.#byProcess[process];
    const direct = this.#directlyBefore(process, footprint, isEntry);
    const clock = new Uint32Array(this.#agents.length);
    join(clock, own.at(-1));
    const races = this.#races(own.at(-1), direct, orderedWith);
    for (const event of direct) join(clock, event);
    for (const irq of orderedWith) join(clock, this.#byProcess[irq].at(-1));
    clock[process] = own.length + 1;
    const event: Event = {
      index: this.events.length,
      process,
      step,
      footprint,
      ordinal: own.length + 1,
      clock,
      isEntry,
      orderedWith,
      races,
    };
    own.push(event);
    this.events.push(event);
    this.#hash(event, 1);
    for (const irq of orderedWith) this.#ordered[irq].push(event);
    for (const cell of footprint) {
      const touch = { event, cell };
      push(this.#touches, cell.word, touch);
      if (cell.writes !== 0) push(this.#writes, cell.word, touch);
    }
    return event;
  }

  /** Takes the last step back. */
  pop(): void {
    const event = this.events.pop();
    if (event === undefined) return;
    this.#hash(event, -1);
    this.#byProcess[event.process].pop();
    for (const irq of event.orderedWith) this.#ordered[irq].pop();
    for (const cell of event.footprint) {
      this.#touches.get(cell.word)?.pop();
      if (cell.writes !== 0) this.#writes.get(cell.word)?.pop();
    }
    this.#stacks.leave();
  }

  #orderedWith(
    process: ProcessId,
    agent: Agent,
    stack: readonly ProcessId[],
    footprint: Footprint,
    masks: { readonly irq: boolean; readonly nmi: boolean },
    edges: readonly AgentId[],
  ): readonly AgentId[] {
    if (agent.hart === undefined) return [];
    const below = [...stack, process];
    return this.#agents
      .filter(({ id, hart, kind }) => hart === agent.hart && kind !== 'hart' && !below.includes(id))
      .map((irq) => irq.id)
      .filter(
        (irq) =>
          edges.includes(irq) ||
          (this.#agents[irq].kind === 'nmi' ? masks.nmi : masks.irq) ||
          this.#nesting === 'whole' ||
          this.#nesting(process, footprint, irq, below),
      );
  }

  /** What the next event conflicts with, as far as not something later in between conflicts too. */
  #directlyBefore(process: ProcessId, footprint: Footprint, isEntry: boolean): readonly Event[] {
    const found = new Set<Event>();
    const interrupted = isEntry ? this.#ordered[process].at(-1) : undefined;
    if (interrupted !== undefined) found.add(interrupted);
    for (const cell of footprint) {
      for (const event of this.#conflicting(cell)) {
        if (event.process !== process) found.add(event);
      }
    }
    return [...found];
  }

  #races(
    own: Event | undefined,
    direct: readonly Event[],
    orderedWith: readonly AgentId[],
  ): readonly Event[] {
    const races = direct.filter(
      (event) =>
        !(own !== undefined && happensBefore(event, own)) &&
        !direct.some((other) => other !== event && happensBefore(event, other)),
    );
    // The first event after a handler that does not commute with it: it could have come before the
    // handler, so it races with the handler's entry, whatever else is in between.
    for (const irq of orderedWith) {
      const last = this.#byProcess[irq].at(-1);
      if (last === undefined || last.index < (this.#ordered[irq].at(-1)?.index ?? -1)) continue;
      const entry = this.#byProcess[irq].findLast((event) => event.isEntry);
      if (entry !== undefined && !races.includes(entry)) races.push(entry);
    }
    return races;
  }

  /** The latest events that an access conflicts with directly: nothing older is unordered with them. */
  *#conflicting(cell: Cell): Generator<Event> {
    // Nothing but writes conflicts with reads, which may be very many.
    const before = cell.writes === 0 ? this.#writes : this.#touches;
    const touches = before.get(cell.word) ?? [];
    let open = cell.reads | cell.writes;
    for (let i = touches.length - 1; i >= 0 && open !== 0; i--) {
      const touch = touches[i];
      const part = { word: cell.word, reads: cell.reads & open, writes: cell.writes & open };
      if (!cellsConflict(part, touch.cell)) continue;
      yield touch.event;
      open &= ~touch.cell.writes;
    }
  }

  /**
   * Events older than `limit` that these accesses of `process` conflict with, latest first; not only
   * the immediate ones. For steps that had to wait.
   */
  conflictsOf(process: ProcessId, footprint: Footprint, limit: number): readonly Event[] {
    const found = new Set<Event>();
    for (const cell of footprint) {
      for (const touch of this.#touches.get(cell.word) ?? []) {
        if (touch.event.process === process || touch.event.index >= limit) continue;
        if (cellsConflict(cell, touch.cell)) found.add(touch.event);
      }
    }
    return [...found].sort((a, b) => b.index - a.index);
  }

  /** What would happen before a next event of `process` with these accesses. */
  clockOfNext(process: ProcessId, footprint: Footprint): Uint32Array {
    const clock = new Uint32Array(this.#agents.length);
    join(clock, this.lastOf(process));
    for (const event of this.#directlyBefore(process, footprint, false)) join(clock, event);
    return clock;
  }

  /** 64 bits of the Mazurkiewicz trace so far, as a text: equal for equivalent executions. */
  traceKey(): string {
    return this.#hashHigh.toString(36) + '.' + this.#hashLow.toString(36);
  }

  /** Adds an event to the trace's hash, or takes it out. The order of the additions is irrelevant. */
  #hash(event: Event, sign: 1 | -1): void {
    this.#hashLow = (this.#hashLow + sign * hashOf(event, 0x9e3779b1)) >>> 0;
    this.#hashHigh = (this.#hashHigh + sign * hashOf(event, 0x85ebca77)) >>> 0;
  }
}

/** Does `a` happen before `b` (an event, or what a clock says), or is it `b`? */
export function happensBefore(a: Event, b: { readonly clock: Uint32Array }): boolean {
  return b.clock[a.process] >= a.ordinal;
}

function push(lists: Map<number, Touch[]>, word: number, touch: Touch): void {
  const list = lists.get(word);
  if (list === undefined) lists.set(word, [touch]);
  else list.push(touch);
}

function join(clock: Uint32Array, event: Event | undefined): void {
  if (event === undefined) return;
  for (let p = 0; p < clock.length; p++) {
    if (event.clock[p] > clock[p]) clock[p] = event.clock[p];
  }
}

function hashOf(event: Event, seed: number): number {
  let hash = Math.imul(event.process + 1, seed);
  for (const count of event.clock) {
    hash = Math.imul(hash ^ count, 0xc2b2ae35);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
  return (hash ^ (hash >>> 16)) >>> 0;
}
