// Systematic search without a bound on preemptions: one execution per Mazurkiewicz trace, by dynamic
// partial-order reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014).
// Interrupts are handlers that run as blocks inside the hart's own order; they are tried next to the
// steps that they do not commute with (see Nesting in happens-before.ts). What a handler touches is
// learnt on the way, and the search starts over until nothing new is learnt.

import { conflict, footprintOf, Footprints } from './footprint.ts';
import { Execution, happensBefore, type Event } from './happens-before.ts';
import type { ProcessId } from './process.ts';
import type { AgentId, Ending, Mark, Model } from './model.ts';
import { passes, type Counts, type Pass } from './passes.ts';
import {
  changed,
  endingOf,
  type Bounds,
  type Coverage,
  type Explored,
  type Limits,
} from './search.ts';

/** A state on the current path. The step taken from nodes[n] is events[n]. */
interface Node {
  readonly mark: Mark;
  readonly enabled: readonly AgentId[];
  /** For each enabled agent the process that its step would belong to. */
  readonly processes: ReadonlyMap<AgentId, ProcessId>;
  /** Steps that need not be taken from here: what follows is explored elsewhere. */
  readonly sleep: Event[];
  /** Agents to take from here, in this order; those before `next` are done or under way. */
  readonly backtrack: AgentId[];
  next: number;
  readonly irqs: number;
  readonly nmis: number;
}

/**
 * Explores all executions with at most so many injected interrupts and NMIs, one for each trace, and
 * yields them as they come. The model is back at its start afterwards.
 */
export function* dpor(
  model: Model,
  bounds: Pick<Bounds, 'irqs' | 'nmis'>,
  limits: Limits,
): Generator<Explored, Coverage> {
  const footprints = new Footprints();
  let traces = new Set<string>();
  const result = yield* passes({
    begin: (counts) => {
      traces = new Set();
      return new DporPass(model, footprints, bounds, limits, counts);
    },
    isNew: ({ trace }) => {
      traces.add(trace);
      return true;
    },
    stop: (executions) => limits.stop?.(executions) === true,
  });
  const { irqs, nmis } = bounds;
  return { bounds: { preemptions: Infinity, irqs, nmis }, ...result, traces: traces.size };
}

class DporPass implements Pass {
  /** Any interrupt has been taken: what footprints were known has played a part. */
  #isInformed = false;
  readonly #version: number;
  readonly #nodes: Node[] = [];
  readonly #execution: Execution;
  readonly #model: Model;
  readonly #footprints: Footprints;
  readonly #bounds: Pick<Bounds, 'irqs' | 'nmis'>;
  readonly #limits: Limits;
  readonly #counts: Counts;

  constructor(
    model: Model,
    footprints: Footprints,
    bounds: Pick<Bounds, 'irqs' | 'nmis'>,
    limits: Limits,
    counts: Counts,
  ) {
    this.#model = model;
    this.#footprints = footprints;
    this.#version = footprints.version;
    this.#bounds = bounds;
    this.#limits = limits;
    this.#counts = counts;
    this.#execution = new Execution(model.agents, (process, footprint, irq, below) =>
      footprints.concerns(process, footprint, irq, below),
    );
  }

  *run(): Generator<Explored> {
    const start = this.#model.enabled();
    const ending = endingOf(this.#model, start);
    if (ending !== undefined) {
      this.#counts.executions++;
      yield { ending, schedule: [], trace: this.#execution.traceKey() };
      if (start.length === 0) return;
    }
    this.#descend(start, [], 0, 0);
    for (;;) {
      const node = this.#nodes.at(-1);
      if (node === undefined) return;
      const agent = this.#nextAgent(node);
      if (agent === undefined) {
        this.#ascend(node);
        continue;
      }
      if (node.next > 1) this.#model.rewind(node.mark);
      const explored = this.#take(node, agent);
      if (explored !== undefined) yield explored;
    }
  }

  hasMissed(): boolean {
    return this.#isInformed && this.#version !== this.#footprints.version;
  }

  /** Back to the start of the search, wherever it is. */
  abandon(): void {
    const first = this.#nodes.at(0);
    if (first === undefined) return;
    this.#model.rewind(first.mark);
    this.#model.release(first.mark);
    this.#nodes.length = 0;
  }

  /** Enters a state. False if there is nothing to do in it, or nothing that has to happen. */
  #descend(enabled: readonly AgentId[], sleep: Event[], irqs: number, nmis: number): boolean {
    const processes = new Map(enabled.map((agent) => [agent, this.#execution.processOf(agent)]));
    const node = {
      mark: this.#model.mark(),
      enabled,
      processes,
      sleep,
      backtrack: [],
      next: 0,
      irqs,
      nmis,
    };
    this.#nodes.push(node);
    const first = this.#firstChoice(node);
    if (first !== undefined) this.#want(node, first);
    else this.#considerWaiting();
    return first !== undefined;
  }

  /** Leaves a node that is done. */
  #ascend(node: Node): void {
    this.#nodes.pop();
    if (this.#nodes.length === 0) this.#model.rewind(node.mark);
    else this.#execution.pop();
    this.#model.release(node.mark);
  }

  #nextAgent(node: Node): AgentId | undefined {
    while (node.next < node.backtrack.length) {
      const agent = node.backtrack[node.next++];
      if (!isAsleep(node, agent)) return agent;
    }
    return undefined;
  }

  /** The hart that ran last if it can go on, else the first agent; interrupts only if they must come. */
  #firstChoice(node: Node): AgentId | undefined {
    const awake = node.enabled.filter(
      (agent) => !isAsleep(node, agent) && !this.#model.agents[agent].injected,
    );
    const last = this.#execution.events.at(-1)?.step.agent;
    const lastHart = last === undefined ? undefined : this.#model.agents[last].hart;
    return (
      awake.find((a) => this.#isHart(a) && this.#model.agents[a].hart === lastHart) ??
      awake.find((a) => this.#isHart(a)) ??
      awake.at(0)
    );
  }

  #isHart(agent: AgentId): boolean {
    return this.#model.agents[agent].kind === 'hart';
  }

  #take(node: Node, agent: AgentId): Explored | undefined {
    const step = this.#model.step(agent);
    this.#counts.steps++;
    const after = this.#model.ending() === undefined ? this.#model.enabled() : [];
    const ending = endingOf(this.#model, after);
    const event = this.#execution.push(step, changed(node.enabled, after));
    this.#footprints.add(event.process, event.footprint);
    for (const race of event.races) this.#considerRace(race, event);
    const { irqs, nmis } = this.#spentWith(node, agent);
    const sleep = node.sleep.filter(
      (other) => after.includes(other.step.agent) && independent(other, event),
    );
    node.sleep.push(event);
    const isCut = ending === undefined && this.#execution.events.length >= this.#limits.stepsMax;
    if (ending === undefined && !isCut) {
      if (!this.#descend(after, sleep, irqs, nmis)) this.#counts.redundant++;
      return undefined;
    }
    this.#counts.executions++;
    if (ending === undefined || ending.kind === 'cut') this.#counts.cut++;
    // This step has kept all others from whatever they were going to do.
    if (after.length === 0) for (const other of node.enabled) this.#want(node, other);
    const explored = {
      ending: ending ?? this.#cut(),
      schedule: this.#execution.events.map((e) => e.step.agent),
      trace: this.#execution.traceKey(),
    };
    // Where nothing goes on by itself, an injected interrupt may still come.
    if (after.length > 0 && !isCut) this.#descend(after, sleep, irqs, nmis);
    else {
      this.#considerWaiting();
      this.#execution.pop();
    }
    return explored;
  }

  #cut(): Ending {
    return { kind: 'cut', reason: `more than ${String(this.#limits.stepsMax)} steps` };
  }

  #spentWith(node: Node, agent: AgentId): { irqs: number; nmis: number } {
    const { kind, injected } = this.#model.agents[agent];
    if (kind === 'irq' || kind === 'nmi') this.#isInformed = true;
    return {
      irqs: node.irqs + (injected && kind !== 'nmi' ? 1 : 0),
      nmis: node.nmis + (injected && kind === 'nmi' ? 1 : 0),
    };
  }

  #isAffordable(node: Node, agent: AgentId): boolean {
    const { irqs, nmis } = this.#spentWith(node, agent);
    return irqs <= this.#bounds.irqs && nmis <= this.#bounds.nmis;
  }

  #want(node: Node, agent: AgentId): void {
    if (!node.backtrack.includes(agent) && this.#isAffordable(node, agent)) {
      node.backtrack.push(agent);
    }
  }

  /** Sees to it that the other order of a race is explored, or that of an older one if it can't be. */
  #considerRace(first: Event, second: Event): void {
    if (this.#reverse(first, second, second.step.agent)) return;
    const own = this.#execution.events.findLast(
      (event) => event.process === second.process && event.index < second.index,
    );
    const { process, footprint } = second;
    const conflicting = this.#execution.conflictsOf(process, footprint, first.index);
    // An entry may also have had to wait for another interrupt, which what raised that has put first.
    const older = second.isEntry
      ? [...this.#execution.eventsOrderedWith(process), ...conflicting].sort(latestFirst)
      : conflicting;
    for (const event of older) {
      if (event.index >= first.index) continue;
      if (own !== undefined && happensBefore(event, own)) continue;
      if (this.#reverse(event, second, second.step.agent)) return;
    }
  }

  /** At an ending: what still waits may have missed its moment, and interrupts may have come. */
  #considerWaiting(): void {
    for (const { id, kind, injected } of this.#model.agents) {
      if (kind === 'hart') this.#considerWaitingHart(id);
      else if (kind !== 'device' || injected) this.#considerInterrupt(id);
    }
  }

  #considerWaitingHart(agent: AgentId): void {
    const process = this.#execution.processOf(agent);
    const own = this.#execution.lastOf(process);
    const end = this.#execution.events.length;
    for (const cell of footprintOf(this.#model.waitsOn(agent))) {
      for (const event of this.#execution.conflictsOf(process, [cell], end)) {
        if (own !== undefined && happensBefore(event, own)) continue;
        if (this.#reverse(event, own, agent)) break;
      }
    }
  }

  /** An interrupt, or something injected, that could have come and didn't: let it come at the last moment. */
  #considerInterrupt(irq: AgentId): void {
    const last = this.#execution.lastOf(irq)?.index ?? -1;
    for (let n = this.#nodes.length - 1; n > last; n--) {
      const node = this.#nodes[n];
      if (!node.enabled.includes(irq)) continue;
      if (!isAsleep(node, irq)) this.#want(node, irq);
      return;
    }
    // Pending too late, or masked: it might have been raised before it was masked.
    const ordered = this.#execution.eventsOrderedWith(irq);
    if (ordered.length === 0) return;
    const clock = this.#execution.clockOfNext(irq, footprintOf(this.#model.waitsOn(irq)));
    for (const event of ordered.toReversed()) {
      if (event.index <= last || this.#reverse(event, { clock }, irq)) return;
    }
  }

  /**
   * Explores, from the state before `first`, what leads to `last` without `first`. `last` is the event
   * that races with `first`, or the latest event of an agent that waits, or what has to come before it.
   * False if that can't be done because `agent`, which has nothing else to do before, is not enabled.
   */
  #reverse(
    first: Event,
    last: Event | { readonly clock: Uint32Array } | undefined,
    agent: AgentId,
  ): boolean {
    const node = this.#nodes[first.index];
    const later = this.#execution.events.slice(first.index + 1);
    const free = later.filter((event) => !happensBefore(first, event) || event === last);
    const needed = free.filter((event) => last !== undefined && happensBefore(event, last));
    const isAlone = needed.every((event) => event === last && event.step.agent === agent);
    if (isAlone && !node.enabled.includes(agent)) return false;
    const canStart = (event: Event): boolean =>
      node.processes.get(event.step.agent) === event.process;
    const known = (event: Event): boolean =>
      canStart(event) &&
      (node.backtrack.includes(event.step.agent) || isAsleep(node, event.step.agent));
    if (initials(free).some(known)) return true;
    const starts = initials(needed);
    const wanted = starts.length > 0 ? starts.filter(canStart).map((e) => e.step.agent) : [agent];
    // Usually any one start will do. Not if one of them is suspended by a handler: what it is needed
    // for may have to happen without it.
    if (starts.every(canStart)) wanted.length = 1;
    const usable = wanted.filter((id) => node.enabled.includes(id));
    for (const id of usable.length > 0 ? usable : node.enabled) this.#want(node, id);
    return true;
  }
}

const latestFirst = (a: Event, b: Event): number => b.index - a.index;

function isAsleep(node: Node, agent: AgentId): boolean {
  const process = node.processes.get(agent);
  return node.sleep.some((event) => event.step.agent === agent && event.process === process);
}

/** Can the sleeping step still be taken, with the same effect, after this event? */
function independent(sleeping: Event, event: Event): boolean {
  if (sleeping.process === event.process) return false;
  if (conflict(sleeping.footprint, event.footprint)) return false;
  if (sleeping.isEntry && event.orderedWith.includes(sleeping.process)) return false;
  return !(event.isEntry && sleeping.orderedWith.includes(event.process));
}

/** The events of a sequence that nothing in the sequence happens before, one per process at most. */
function initials(sequence: readonly Event[]): Event[] {
  const first = new Map<ProcessId, Event>();
  const found: Event[] = [];
  for (const event of sequence) {
    if (first.has(event.process)) continue;
    let isInitial = true;
    for (const other of first.values()) isInitial &&= !happensBefore(other, event);
    first.set(event.process, event);
    if (isInitial) found.push(event);
  }
  return found;
}
