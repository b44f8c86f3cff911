// Systematic search with a bound on preemptions, interrupts and NMIs, in the way of CHESS (iterative
// context bounding, Musuvathi and Qadeer, PLDI 2007; happens-before caching). A preemption or an
// interrupt is tried only before a step that another process's steps conflict with. States reached by
// equivalent prefixes are explored once. Sleep sets are left out: with a bound they lose executions.

import { footprintOf, Footprints } from './footprint.ts';
import type { Access, AgentId, Mark, Model } from './model.ts';
import { passes, type Counts, type Pass } from './passes.ts';
import type { Position } from './position.ts';
import { Trace, type TraceEvent } from './trace.ts';
import {
  changed,
  endingOf,
  type Bounds,
  type Coverage,
  type Explored,
  type Limits,
} from './search.ts';

export interface BoundedOptions extends Limits {
  /** Bound on the sum of preemptions, interrupts and NMIs. */
  readonly total: number;
  /**
   * Prefixes and traces remembered at most, some 100 bytes each. What is reached by more prefixes is
   * explored again instead, and more traces are yielded again and not counted.
   */
  readonly prefixesMax: number;
  /** Told after every execution where the search is. */
  readonly watch?: (position: Position) => void;
}

/** What a search has learnt; handed on, the next search of the same model needs not learn it again. */
export interface Known {
  readonly footprints: Footprints;
  /** Traces that have been yielded; they are not yielded again. */
  readonly traces: Set<string>;
}

interface Node {
  readonly mark: Mark;
  readonly enabled: readonly AgentId[];
  /** Those who would get on if nobody disturbed them. */
  readonly busy: readonly AgentId[];
  /** The hart that ran last. */
  readonly last: AgentId | undefined;
  readonly spent: Bounds;
  readonly options: AgentId[];
  next: number;
  /** Is it still to be seen whether anything but going on matters here? */
  isOpen: boolean;
}

const NOTHING_SPENT: Bounds = { preemptions: 0, irqs: 0, nmis: 0 };

/**
 * Explores, up to equivalence, all executions within the bounds and yields one of each new trace as
 * they come. The model is back at its start afterwards.
 */
export function* bounded(
  model: Model,
  bounds: Bounds,
  options: BoundedOptions,
  known: Known = { footprints: new Footprints(), traces: new Set() },
): Generator<Explored, Coverage> {
  const { footprints, traces } = known;
  const { prefixesMax } = options;
  const result = yield* passes({
    footprints,
    begin: (counts) => new BoundedPass(model, known, bounds, options, counts),
    isNew: ({ trace }) => {
      if (traces.has(trace)) return false;
      if (traces.size < prefixesMax) traces.add(trace);
      return true;
    },
    stop: (executions, pass) => {
      options.watch?.(pass.position());
      return options.stop?.(executions) === true;
    },
  });
  return { bounds, ...result, traces: traces.size };
}

class BoundedPass implements Pass {
  readonly isInformed = true;
  readonly #nodes: Node[] = [];
  readonly #trace: Trace;
  /** Prefix and hart that ran last → what had been spent when it was explored. */
  readonly #seen = new Map<string, Bounds[]>();
  readonly #model: Model;
  readonly #footprints: Footprints;
  readonly #traces: ReadonlySet<string>;
  readonly #bounds: Bounds;
  readonly #options: BoundedOptions;
  readonly #counts: Counts;
  /** What each hart has been seen to wait for last. */
  readonly #waited: (readonly Access[])[] = [];

  constructor(
    model: Model,
    { footprints, traces }: Known,
    bounds: Bounds,
    options: BoundedOptions,
    counts: Counts,
  ) {
    this.#model = model;
    this.#footprints = footprints;
    this.#traces = traces;
    this.#bounds = bounds;
    this.#options = options;
    this.#counts = counts;
    this.#trace = new Trace(model.agents);
  }

  *run(): Generator<Explored> {
    const start = this.#model.enabled();
    const ending = endingOf(this.#model, start);
    if (ending !== undefined) {
      this.#counts.executions++;
      yield { ending, schedule: [], trace: this.#trace.key() };
      if (start.length === 0) return;
    }
    this.#descend(start, undefined, NOTHING_SPENT);
    for (;;) {
      const node = this.#nodes.at(-1);
      if (node === undefined) return;
      const agent = node.options.at(node.next++);
      if (agent === undefined) {
        this.#ascend(node);
        continue;
      }
      if (node.next > 1) this.#model.rewind(node.mark);
      const explored = this.#take(node, agent);
      if (explored !== undefined) yield explored;
    }
  }

  position(): Position {
    const turns = this.#nodes.flatMap(({ next }, depth) => (next > 1 ? [depth] : []));
    return { total: this.#options.total, depth: this.#trace.length, turns };
  }

  /** Back to the start of the search, wherever it is. */
  abandon(): void {
    const first = this.#nodes.at(0);
    if (first === undefined) return;
    this.#model.rewind(first.mark);
    this.#model.release(first.mark);
    this.#nodes.length = 0;
  }

  #descend(enabled: readonly AgentId[], last: AgentId | undefined, spent: Bounds): void {
    const busy = enabled.filter((agent) => this.#model.isIdle?.(agent) !== true);
    const goesOn = last !== undefined && busy.includes(last);
    const node: Node = {
      mark: this.#model.mark(),
      enabled,
      busy,
      last,
      spent,
      options: goesOn ? [last] : [],
      next: 0,
      isOpen: goesOn,
    };
    this.#nodes.push(node);
    if (!goesOn) this.#addOthers(node);
  }

  #ascend(node: Node): void {
    this.#nodes.pop();
    if (this.#nodes.length === 0) this.#model.rewind(node.mark);
    else this.#trace.pop();
    this.#model.release(node.mark);
  }

  #take(node: Node, agent: AgentId): Explored | undefined {
    const step = this.#model.step(agent);
    this.#counts.steps++;
    const after = this.#model.ending() === undefined ? this.#model.enabled() : [];
    const ending = endingOf(this.#model, after);
    const event = this.#trace.push(step);
    this.#footprints.add(event.process, event.footprint);
    this.#noteWaiting(after);
    if (node.isOpen) {
      node.isOpen = false;
      if (this.#matters(node, event, after)) this.#addOthers(node);
    }
    const spent = this.#spentWith(node, agent);
    const last = this.#hartOf(agent) ?? node.last;
    const isCut = ending === undefined && this.#trace.length >= this.#options.stepsMax;
    if (ending === undefined && !isCut) {
      if (this.#isNew(last, spent)) this.#descend(after, last, spent);
      else {
        this.#counts.redundant++;
        this.#trace.pop();
      }
      return undefined;
    }
    this.#counts.executions++;
    if (ending === undefined || ending.kind === 'cut') this.#counts.cut++;
    const explored: Explored = {
      ending: ending ?? {
        kind: 'cut',
        reason: `more than ${String(this.#options.stepsMax)} steps`,
      },
      schedule: [...this.#trace.schedule],
      trace: this.#trace.key(),
    };
    // Where nothing goes on by itself, an injected interrupt may still come.
    if (after.length > 0 && !isCut && this.#isNew(last, spent)) this.#descend(after, last, spent);
    else this.#trace.pop();
    return explored;
  }

  /** What a hart waits for is read, though a turn of its loop that changes nothing is no step. */
  #noteWaiting(enabled: readonly AgentId[]): void {
    for (const { id, kind } of this.#model.agents) {
      if (kind !== 'hart') return;
      if (enabled.includes(id)) continue;
      const reads = this.#model.waitsOn(id);
      if (this.#waited[id] === reads) continue;
      this.#waited[id] = reads;
      this.#footprints.add(this.#trace.processOf(id), footprintOf(reads));
    }
  }

  /** Can it make a difference what comes right before this step? */
  #matters(node: Node, event: TraceEvent, after: readonly AgentId[]): boolean {
    if (this.#footprints.isShared(event.process, event.footprint)) return true;
    return changed(node.enabled, after).some((agent) => agent !== node.last);
  }

  #addOthers(node: Node): void {
    for (const agent of node.enabled) {
      if (!node.options.includes(agent) && this.#isAffordable(node, agent))
        node.options.push(agent);
    }
  }

  #isAffordable(node: Node, agent: AgentId): boolean {
    const { preemptions, irqs, nmis } = this.#spentWith(node, agent);
    return (
      preemptions <= this.#bounds.preemptions &&
      irqs <= this.#bounds.irqs &&
      nmis <= this.#bounds.nmis &&
      preemptions + irqs + nmis <= this.#options.total
    );
  }

  /**
   * What has been spent after an agent's step. A device that completes while a hart can go on counts
   * as a preemption, what is injected into one as an interrupt; an interrupt that has to come and finds
   * its hart waiting costs nothing.
   */
  #spentWith(node: Node, agent: AgentId): Bounds {
    const { kind, injected } = this.#model.agents[agent];
    const hart = this.#hartOf(agent);
    const { last, busy, spent } = node;
    const intoDevice = injected && kind === 'device';
    const preempts = last !== undefined && busy.includes(last) && hart !== last && !intoDevice;
    const interrupts = injected || (hart !== undefined && busy.includes(hart));
    return {
      preemptions: spent.preemptions + (preempts ? 1 : 0),
      irqs: spent.irqs + (intoDevice || (kind === 'irq' && interrupts) ? 1 : 0),
      nmis: spent.nmis + (kind === 'nmi' && interrupts ? 1 : 0),
    };
  }

  /** The hart's own agent, for whatever happens on a hart. */
  #hartOf(agent: AgentId): AgentId | undefined {
    const { hart } = this.#model.agents[agent];
    if (hart === undefined) return undefined;
    return this.#model.agents.find((a) => a.kind === 'hart' && a.hart === hart)?.id;
  }

  /** Has no equivalent prefix been explored with as much left to spend? Remembers this one. */
  #isNew(last: AgentId | undefined, spent: Bounds): boolean {
    const key = `${this.#trace.key()}.${String(last)}`;
    const seen = this.#seen.get(key);
    if (seen === undefined) {
      const remembered = this.#seen.size + this.#traces.size;
      if (remembered < this.#options.prefixesMax) this.#seen.set(key, [spent]);
      return true;
    }
    if (seen.some((other) => isWithin(other, spent))) return false;
    seen.push(spent);
    return true;
  }
}

function isWithin(a: Bounds, b: Bounds): boolean {
  return a.preemptions <= b.preemptions && a.irqs <= b.irqs && a.nmis <= b.nmis;
}
