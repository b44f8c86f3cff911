// Systematic search with a bound on preemptions, interrupts and NMIs, in the way of CHESS (iterative
// context bounding, Musuvathi and Qadeer, PLDI 2007; happens-before caching). A preemption or an
// interrupt is tried only before a step that another process's steps conflict with. States reached by
// equivalent prefixes are explored once. Sleep sets are left out: with a bound they lose executions.

import { type Cell, footprintOf, Footprints } from './footprint.ts';
import { endingOfLong } from './livelock.ts';
import type { Access, AgentId, Ending, Mark, Model } from './model.ts';
import { passes, type Counts, type Pass } from './passes.ts';
import type { Position } from './position.ts';
import { isInterrupt, type ProcessId } from './process.ts';
import { type PrefixHash, PrefixTable } from './prefix-table.ts';
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
   * Prefixes and traces remembered at most, 18 to 36 bytes each. What is reached by more prefixes is
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

/** Where an execution has come to, and what it has cost. */
interface Place {
  readonly enabled: readonly AgentId[];
  /** The hart that ran last. */
  readonly last: AgentId | undefined;
  readonly spent: Bounds;
  /** Harts, interrupts and NMIs that a hart has put off by looking around once more; that is paid for. */
  readonly late: readonly AgentId[];
  readonly ending: Ending | undefined;
  /** There is nothing new to come from here. */
  readonly isOver: boolean;
}

/** A place, and what can be done there. */
interface Fork extends Place {
  readonly mark: Mark;
  /** Steps before it. */
  readonly length: number;
  /** Those who would get on if nobody disturbed them. */
  readonly busy: readonly AgentId[];
  /** Those who would come out of their turn: a device too early, or somebody before it. */
  readonly untimely: readonly AgentId[];
  /** What is still to be tried. */
  readonly ways: AgentId[];
  /** Another way than the one tried first has been taken. */
  hasTurned: boolean;
}

const NOTHING_SPENT: Bounds = { preemptions: 0, irqs: 0, nmis: 0 };
const NOBODY: readonly AgentId[] = [];

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
  const { traces } = known;
  const { prefixesMax } = options;
  const result = yield* passes({
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
  // Going straight on always comes to an end: a search without any has gone wrong, and covers nothing.
  const complete = result.complete && result.executions > 0;
  return { bounds, ...result, complete, traces: traces.size };
}

class BoundedPass implements Pass {
  /** Places behind which there is something left to try. */
  readonly #forks: Fork[] = [];
  readonly #trace: Trace;
  readonly #seen: PrefixTable;
  readonly #start: Mark;
  readonly #model: Model;
  readonly #footprints: Footprints;
  readonly #bounds: Bounds;
  readonly #options: BoundedOptions;
  readonly #counts: Counts;
  /** For each agent, that of the hart on which it acts. */
  readonly #harts: readonly (AgentId | undefined)[];
  /** What each hart has been seen to wait for last. */
  readonly #waited: (readonly Access[])[] = [];
  /** By process and word, what steps touched that nobody was tried before. */
  readonly #passedOver = new Map<ProcessId, Map<number, Cell>>();
  /** Steps before which forks have been turned at, ascending. */
  readonly #turns: number[] = [];
  /** What was taken last. */
  #event: TraceEvent | undefined;

  constructor(
    model: Model,
    { footprints, traces }: Known,
    bounds: Bounds,
    options: BoundedOptions,
    counts: Counts,
  ) {
    this.#model = model;
    this.#footprints = footprints;
    this.#seen = new PrefixTable(Math.max(0, options.prefixesMax - traces.size));
    this.#bounds = bounds;
    this.#options = options;
    this.#counts = counts;
    this.#trace = new Trace(model.agents);
    const harts = model.agents.filter(({ kind }) => kind === 'hart');
    this.#harts = model.agents.map(({ hart }) => harts.find((each) => each.hart === hart)?.id);
    this.#start = model.mark();
  }

  *run(): Generator<Explored> {
    for (let place = this.#begin(); place !== undefined; place = this.#next(place)) {
      if (place.ending !== undefined) yield this.#explored(place.ending);
    }
  }

  position(): Position {
    return { total: this.#options.total, depth: this.#trace.length, turns: this.#turns };
  }

  /** Back to the start of the search, wherever it is. */
  abandon(): void {
    this.#forks.length = 0;
    this.#model.rewind(this.#start);
    this.#model.release(this.#start);
  }

  #begin(): Place | undefined {
    const enabled = this.#model.enabled();
    const ending = endingOf(this.#model, enabled);
    const isOver = enabled.length === 0;
    return { enabled, last: undefined, spent: NOTHING_SPENT, late: NOBODY, ending, isOver };
  }

  /** One step on, or another way from the last fork. */
  #next(place: Place): Place | undefined {
    if (place.isOver) return this.#turn();
    const { enabled, last } = place;
    const goesOn =
      last !== undefined && enabled.includes(last) && this.#model.isIdle?.(last) !== true;
    if (goesOn) return this.#goOn(place, last);
    const fork = this.#forkAt(place, this.#untimely(enabled));
    this.#addWays(fork);
    const first = fork.ways.shift();
    if (fork.ways.length > 0) this.#forks.push(fork);
    else this.#model.release(fork.mark);
    return first === undefined ? this.#turn() : this.#take(fork, first, fork);
  }

  /**
   * The hart that ran last goes on. It is a fork if somebody else could have come before that step, and
   * the step has shown that it can make a difference.
   */
  #goOn(place: Place, last: AgentId): Place {
    if (this.#isSpent(place.spent)) return this.#take(place, last);
    const fork = this.#forkAt(place, []);
    const after = this.#take(place, last);
    if (this.#matters(place, after, last)) {
      this.#addWays(fork, last);
      this.#forks.push(fork);
    } else {
      this.#passOver();
      this.#model.release(fork.mark);
    }
    return after;
  }

  #passOver(): void {
    if (this.#event === undefined) return;
    const { process, footprint } = this.#event;
    const cells = this.#passedOver.get(process) ?? new Map<number, Cell>();
    this.#passedOver.set(process, cells);
    for (const cell of footprint) {
      const known = cells.get(cell.word);
      if (known === undefined) cells.set(cell.word, cell);
      else if ((cell.reads & ~known.reads) !== 0 || (cell.writes & ~known.writes) !== 0) {
        const { word, reads, writes } = known;
        cells.set(word, { word, reads: reads | cell.reads, writes: writes | cell.writes });
      }
    }
  }

  hasMissed(): boolean {
    for (const [process, cells] of this.#passedOver) {
      if (this.#footprints.isShared(process, [...cells.values()])) return true;
    }
    return false;
  }

  #turn(): Place | undefined {
    for (;;) {
      const fork = this.#forks.at(-1);
      if (fork === undefined) return undefined;
      const agent = fork.ways.shift();
      if (agent === undefined) {
        this.#model.release(fork.mark);
        this.#forks.pop();
        if (fork.hasTurned) this.#turns.pop();
        continue;
      }
      this.#model.rewind(fork.mark);
      while (this.#trace.length > fork.length) this.#trace.pop();
      if (!fork.hasTurned) this.#turns.push(fork.length);
      fork.hasTurned = true;
      return this.#take(fork, agent, fork);
    }
  }

  #forkAt(place: Place, untimely: readonly AgentId[]): Fork {
    const { enabled, last, spent, late, ending, isOver } = place;
    return {
      enabled,
      last,
      spent,
      late,
      ending,
      isOver,
      mark: this.#model.mark(),
      length: this.#trace.length,
      busy: enabled.filter((agent) => this.#model.isIdle?.(agent) !== true),
      untimely,
      ways: [],
      hasTurned: false,
    };
  }

  /** @param fork the place, where taking the step may cost something */
  #take(place: Place, agent: AgentId, fork?: Fork): Place {
    const step = this.#model.step(agent);
    this.#counts.steps++;
    const enabled = this.#model.ending() === undefined ? this.#model.enabled() : [];
    const event = this.#trace.push(step);
    this.#event = event;
    this.#footprints.add(event.process, event.footprint);
    this.#noteWaiting(enabled);
    const spent = fork === undefined ? place.spent : this.#spentWith(fork, agent);
    const putOff = fork === undefined ? NOBODY : this.#putOff(fork, agent);
    const late =
      place.late.length + putOff.length === 0
        ? NOBODY
        : enabled.filter((id) => id !== agent && (place.late.includes(id) || putOff.includes(id)));
    const last = this.#harts[agent] ?? place.last;
    const ending = endingOf(this.#model, enabled);
    if (ending === undefined && this.#trace.length >= this.#options.stepsMax) {
      const long = endingOfLong(this.#model, this.#options.stepsMax);
      return { enabled, last, spent, late, ending: long, isOver: true };
    }
    // Where nothing goes on by itself, something injected may still come.
    const goesOn = enabled.length > 0 && this.#seen.isNew(prefixOf(this.#trace, late), last, spent);
    if (!goesOn && ending === undefined) this.#counts.redundant++;
    return { enabled, last, spent, late, ending, isOver: !goesOn };
  }

  #explored(ending: Ending): Explored {
    this.#counts.executions++;
    if (ending.kind === 'cut') this.#counts.cut++;
    return { ending, schedule: [...this.#trace.schedule], trace: this.#trace.key() };
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

  /** Can it make a difference what comes right before the step that was taken last? */
  #matters(before: Place, after: Place, last: AgentId): boolean {
    const event = this.#event;
    if (event !== undefined && this.#footprints.isShared(event.process, event.footprint))
      return true;
    return changed(before.enabled, after.enabled).some((agent) => agent !== last);
  }

  /** All but `first` that can be afforded. */
  #addWays(fork: Fork, first?: AgentId): void {
    for (const agent of fork.enabled) {
      if (agent !== first && this.#isAffordable(fork, agent)) fork.ways.push(agent);
    }
  }

  #isAffordable(fork: Fork, agent: AgentId): boolean {
    const { preemptions, irqs, nmis } = this.#spentWith(fork, agent);
    return (
      preemptions <= this.#bounds.preemptions &&
      irqs <= this.#bounds.irqs &&
      nmis <= this.#bounds.nmis &&
      preemptions + irqs + nmis <= this.#options.total
    );
  }

  /** There is nothing left for anybody who comes in between. */
  #isSpent({ preemptions, irqs, nmis }: Bounds): boolean {
    return preemptions + irqs + nmis >= this.#options.total;
  }

  /**
   * What has been spent after an agent's step. A device that completes while a hart can go on counts
   * as a preemption, and so does one out of its turn; what is injected into one counts as an interrupt; an
   * interrupt that has to come and finds its hart waiting costs nothing. A hart that waits and looks around
   * puts off what comes to it, once each, and preempts those who could go on.
   */
  #spentWith(fork: Fork, agent: AgentId): Bounds {
    const { last, busy, untimely, spent } = fork;
    const { agents } = this.#model;
    const { kind, injected } = agents[agent];
    const hart = this.#harts[agent];
    const intoDevice = injected && kind === 'device';
    const putsOff = last !== undefined && busy.includes(last) && hart !== last;
    const interrupts = injected || (hart !== undefined && busy.includes(hart));
    let preempts = !intoDevice && (putsOff || untimely.includes(agent));
    let irqs = intoDevice || (kind === 'irq' && interrupts) ? 1 : 0;
    let nmis = kind === 'nmi' && interrupts ? 1 : 0;
    for (const late of this.#putOff(fork, agent)) {
      if (agents[late].kind === 'hart') preempts = true;
      else if (agents[late].kind === 'irq') irqs++;
      else nmis++;
    }
    return {
      preemptions: spent.preemptions + (preempts ? 1 : 0),
      irqs: spent.irqs + irqs,
      nmis: spent.nmis + nmis,
    };
  }

  /** Who is late from now on because a hart that waits looks around once more. */
  #putOff({ enabled, busy, late }: Fork, agent: AgentId): readonly AgentId[] {
    if (this.#model.looksAround?.(agent) !== true) return NOBODY;
    const { agents } = this.#model;
    const { hart } = agents[agent];
    const comes = (id: AgentId): boolean =>
      agents[id].hart === hart && isInterrupt(agents[id]) && !agents[id].injected;
    const goesOn = (id: AgentId): boolean => agents[id].kind === 'hart' && busy.includes(id);
    return enabled.filter((id) => !late.includes(id) && (comes(id) || goesOn(id)));
  }

  /**
   * Where nobody goes on by himself, a device acts when it is due: not before others that are due sooner,
   * nor after others that are due later.
   */
  #untimely(enabled: readonly AgentId[]): readonly AgentId[] {
    if (enabled.length < 2) return [];
    const { agents } = this.#model;
    const timed = enabled.filter((id) => !agents[id].injected);
    const due = new Map(timed.map((id) => [id, this.#model.dueTime?.(id) ?? 0]));
    const earliest = (ids: readonly AgentId[]): number =>
      Math.min(...ids.map((id) => due.get(id) ?? Infinity));
    const first = earliest(timed);
    const firstDevice = earliest(timed.filter((id) => agents[id].kind === 'device'));
    return timed.filter(
      (id) => (due.get(id) ?? 0) > (agents[id].kind === 'device' ? first : firstDevice),
    );
  }
}

/** The same prefix with others put off has another future. */
function prefixOf(prefix: PrefixHash, late: readonly AgentId[]): PrefixHash {
  if (late.length === 0) return prefix;
  let { low, high } = prefix;
  for (const agent of late) {
    low = Math.imul(low ^ (agent + 1), 0x9e3779b1);
    high = Math.imul(high ^ (agent + 1), 0x85ebca77);
  }
  return { low, high };
}
