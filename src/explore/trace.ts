// The Mazurkiewicz trace of the execution that a search is in, as a hash, where everything on a hart is in
// order: an interrupt at another moment is another trace. Each event is hashed with the last one of its
// hart or device, and with who wrote last what it touches (that a read comes before a later write follows
// from what it has read); the trace is the sum over its events: equal for executions that differ only in
// the order of events that do not conflict.
// A stack, so that going back costs what is undone. Who needs clocks and races: happens-before.ts.

import { footprintOf, type Footprint } from './footprint.ts';
import type { Agent, AgentId, Step } from './model.ts';
import { ContextStacks, type ProcessId } from './process.ts';

/** An event as far as a search needs it. */
export interface TraceEvent {
  readonly process: ProcessId;
  readonly footprint: Footprint;
}

/** For each byte of a word, the hash of who wrote it last: two halves. */
const WORD_STATE = 8;
/** Besides words: index of the event's chain, and the chain as it was. */
const EVENT_UNDO = 3;

export class Trace {
  /** Who took the steps. */
  schedule: AgentId[] = [];
  readonly #agents: readonly Agent[];
  #stacks: ContextStacks;
  /** For each hart, and each agent without one behind those, its last event's hash. */
  readonly #chains: Int32Array;
  /** Word → where its state is. */
  readonly #slots = new Map<number, number>();
  #state = new Int32Array(128 * WORD_STATE);
  #undo = new Int32Array(2048);
  #undoTop = 0;
  /** Of each event, how many words it touches. */
  #touched: number[] = [];
  #low = 0;
  #high = 0;

  constructor(agents: readonly Agent[]) {
    this.#agents = agents;
    this.#stacks = new ContextStacks(agents);
    this.#chains = new Int32Array(4 * agents.length);
  }

  get length(): number {
    return this.schedule.length;
  }

  /** Begins anew, with a new `schedule`. */
  clear(): void {
    this.#stacks = new ContextStacks(this.#agents);
    this.#chains.fill(0);
    this.#state.fill(0, 0, this.#slots.size * WORD_STATE);
    this.#slots.clear();
    this.#undoTop = this.#low = this.#high = 0;
    this.#touched = [];
    this.schedule = [];
  }

  /** The trace so far: half of a hash of 64 bits. */
  get low(): number {
    return this.#low;
  }

  /** The other half. */
  get high(): number {
    return this.#high;
  }

  /** The process that an agent's next step belongs to. */
  processOf(agent: AgentId): ProcessId {
    return this.#stacks.processOf(agent);
  }

  push(step: Step): TraceEvent {
    const { hart, id } = this.#agents[step.agent];
    const process = this.#stacks.enter(step);
    const footprint = footprintOf(step.accesses);
    const chain = 2 * (hart ?? this.#agents.length + id);
    const chains = this.#chains;
    let low = mix(chains[chain] ^ Math.imul(process + 1, 0x9e3779b1));
    let high = mix(chains[chain + 1] ^ Math.imul(process + 1, 0x85ebca77));
    const undo = this.#room(EVENT_UNDO + footprint.length * (1 + WORD_STATE));
    const first = this.#undoTop;
    let top = first;
    for (const { word, reads, writes } of footprint) {
      const slot = this.#slotOf(word);
      const state = this.#state;
      for (let i = 0; i < WORD_STATE; i++) undo[top++] = state[slot + i];
      undo[top++] = slot;
      for (let byte = 0; byte < 4; byte++) {
        if ((((reads | writes) >>> byte) & 1) === 0) continue;
        low = mix(low ^ state[slot + 2 * byte]);
        high = mix(high ^ state[slot + 2 * byte + 1]);
      }
    }
    this.#wrote(footprint, first, low, high);
    undo[top++] = chains[chain];
    undo[top++] = chains[chain + 1];
    undo[top++] = chain;
    this.#undoTop = top;
    chains[chain] = low;
    chains[chain + 1] = high;
    this.#low = (this.#low + low) | 0;
    this.#high = (this.#high + high) | 0;
    this.#touched.push(footprint.length);
    this.schedule.push(step.agent);
    return { process, footprint };
  }

  /** Takes the last step back. */
  pop(): void {
    const agent = this.schedule.pop();
    const words = this.#touched.pop();
    if (agent === undefined || words === undefined) return;
    const undo = this.#undo;
    const chains = this.#chains;
    let top = this.#undoTop;
    const chain = undo[--top];
    this.#low = (this.#low - chains[chain]) | 0;
    this.#high = (this.#high - chains[chain + 1]) | 0;
    chains[chain + 1] = undo[--top];
    chains[chain] = undo[--top];
    for (let n = 0; n < words; n++) {
      const slot = undo[--top];
      for (let i = WORD_STATE - 1; i >= 0; i--) this.#state[slot + i] = undo[--top];
    }
    this.#undoTop = top;
    this.#stacks.leave();
  }

  /** 64 bits of the trace so far, as a text. */
  key(): string {
    return `${(this.#high >>> 0).toString(36)}.${(this.#low >>> 0).toString(36)}`;
  }

  /** @param undo where the records of the footprint's words begin: each ends with its slot */
  #wrote(footprint: Footprint, undo: number, low: number, high: number): void {
    const state = this.#state;
    let record = undo;
    for (const { writes } of footprint) {
      const slot = this.#undo[record + WORD_STATE];
      record += WORD_STATE + 1;
      for (let byte = 0; byte < 4; byte++) {
        if (((writes >>> byte) & 1) === 0) continue;
        state[slot + 2 * byte] = low;
        state[slot + 2 * byte + 1] = high;
      }
    }
  }

  #slotOf(word: number): number {
    const known = this.#slots.get(word);
    if (known !== undefined) return known;
    const slot = this.#slots.size * WORD_STATE;
    this.#slots.set(word, slot);
    if (slot === this.#state.length) this.#state = doubled(this.#state);
    return slot;
  }

  #room(words: number): Int32Array<ArrayBuffer> {
    while (this.#undoTop + words > this.#undo.length) this.#undo = doubled(this.#undo);
    return this.#undo;
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}

/** Mixes the bits of a word (the finalizer of MurmurHash3), and never leaves zero at zero. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16) ^ 0x27d4eb2f, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
