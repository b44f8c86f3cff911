// Platform-level interrupt controller with level-sensitive gateways.
// Specification: RISC-V PLIC 1.0.0 (register map: chapter 3; gateways: 1.4; claim: 9; complete: 10),
// laid out as on QEMU's virt board. Leaves out: edge and MSI gateways.

import type { AccessBytes, BusDevice, InterruptLine, Stateful } from '../ports.ts';

/** Priority of source 0 (which does not exist); one word per source. */
export const PLIC_PRIORITY = 0x0000;
/** Pending bits, 32 sources per word, read-only. */
export const PLIC_PENDING = 0x1000;
/** Enable bits of context 0; 0x80 bytes per context. */
export const PLIC_ENABLE = 0x2000;
export const PLIC_ENABLE_STRIDE = 0x80;
/** Priority threshold of context 0; 0x1000 bytes per context. */
export const PLIC_THRESHOLD = 0x20_0000;
/** Claim (read) and complete (write) of context 0. */
export const PLIC_CLAIM = 0x20_0004;
export const PLIC_CONTEXT_STRIDE = 0x1000;
/** Size of the register window in bytes. */
export const PLIC_BYTES = 0x60_0000;
/** Priorities are three bits wide; 0 never interrupts. */
export const PLIC_PRIORITY_MAX = 7;

export interface PlicPorts {
  /** Number of interrupt sources; ids run from 1 to this. */
  readonly sources: number;
  /** External interrupt line of each context (virt: M and S of hart 0, M and S of hart 1 …). */
  readonly contextLines: readonly InterruptLine[];
}

export interface PlicState {
  version: 1;
  priority: number[];
  pending: number[];
  /** Claimed and not yet completed: the gateway holds back further requests. */
  inService: number[];
  level: number[];
  enable: number[];
  threshold: number[];
  asserted: boolean[];
}

export class Plic implements BusDevice, Stateful<PlicState> {
  readonly #sources: number;
  readonly #words: number;
  readonly #contextLines: readonly InterruptLine[];
  readonly #priority: Uint8Array;
  readonly #pending: Uint32Array;
  readonly #inService: Uint32Array;
  readonly #level: Uint32Array;
  readonly #enable: Uint32Array;
  readonly #threshold: Uint8Array;
  readonly #asserted: boolean[];

  constructor(ports: PlicPorts) {
    this.#sources = ports.sources;
    this.#words = (ports.sources >>> 5) + 1;
    this.#contextLines = ports.contextLines;
    const contexts = ports.contextLines.length;
    this.#priority = new Uint8Array(ports.sources + 1);
    this.#pending = new Uint32Array(this.#words);
    this.#inService = new Uint32Array(this.#words);
    this.#level = new Uint32Array(this.#words);
    this.#enable = new Uint32Array(this.#words * contexts);
    this.#threshold = new Uint8Array(contexts);
    this.#asserted = new Array<boolean>(contexts).fill(false);
  }

  /** The line into source `id` (1…sources). Level-sensitive. */
  source(id: number): InterruptLine {
    if (id < 1 || id > this.#sources) {
      throw new RangeError(`PLIC source ${id} is outside 1…${this.#sources}`);
    }
    return (asserted) => {
      const mask = 1 << (id & 31);
      if (asserted) this.#level[id >>> 5] |= mask;
      else this.#level[id >>> 5] &= ~mask;
      this.#forward(id);
      this.#update();
    };
  }

  /** Whether a context could ever be interrupted: some source is enabled above its threshold. */
  canInterrupt(context: number): boolean {
    for (let id = 1; id <= this.#sources; id++) {
      const enabled = this.#enable[context * this.#words + (id >>> 5)] & (1 << (id & 31));
      if (enabled !== 0 && this.#priority[id] > this.#threshold[context]) return true;
    }
    return false;
  }

  /** Sources that are pending and enabled for a context, for diagnostics. */
  isPending(id: number): boolean {
    return (this.#pending[id >>> 5] & (1 << (id & 31))) !== 0;
  }

  /** Registers back to zero; levels belong to the sources and stay. */
  reset(): void {
    this.#priority.fill(0);
    this.#pending.fill(0);
    this.#inService.fill(0);
    this.#enable.fill(0);
    this.#threshold.fill(0);
    for (let id = 1; id <= this.#sources; id++) this.#forward(id);
    this.#update();
  }

  read(offset: number, bytes: AccessBytes): number {
    if (bytes !== 4)
      return (this.#peek(offset & ~3) >>> ((offset & 3) * 8)) & (2 ** (bytes * 8) - 1);
    const context = (offset - PLIC_CLAIM) / PLIC_CONTEXT_STRIDE;
    if (Number.isInteger(context) && context >= 0 && context < this.#threshold.length) {
      return this.#claim(context);
    }
    return this.#peek(offset);
  }

  /** Only word writes have an effect: the specification defines no narrower ones. */
  write(offset: number, bytes: AccessBytes, value: number): void {
    if (bytes !== 4) return;
    if (offset < PLIC_PENDING) {
      const id = offset >>> 2;
      if (id >= 1 && id <= this.#sources) this.#priority[id] = value & PLIC_PRIORITY_MAX;
    } else if (offset >= PLIC_THRESHOLD) {
      const context = Math.floor((offset - PLIC_THRESHOLD) / PLIC_CONTEXT_STRIDE);
      if (context >= this.#threshold.length) return;
      const register = (offset - PLIC_THRESHOLD) % PLIC_CONTEXT_STRIDE;
      if (register === 0) this.#threshold[context] = value & PLIC_PRIORITY_MAX;
      else if (register === 4) this.#complete(context, value);
    } else if (offset >= PLIC_ENABLE) {
      const index = this.#enableIndex(offset);
      // Source 0 does not exist: its bit is hard-wired to zero (chapter 5).
      if (index >= 0) this.#enable[index] = value & this.#existing(index % this.#words);
    }
    this.#update();
  }

  save(): PlicState {
    return {
      version: 1,
      priority: [...this.#priority],
      pending: [...this.#pending],
      inService: [...this.#inService],
      level: [...this.#level],
      enable: [...this.#enable],
      threshold: [...this.#threshold],
      asserted: [...this.#asserted],
    };
  }

  /** Puts back registers and levels; the output lines' levels are part of the harts' own state. */
  restore(state: PlicState): void {
    if (state.version !== 1) {
      throw new RangeError(`PLIC state: expected version 1, found ${String(state.version)}`);
    }
    this.#priority.set(state.priority);
    this.#pending.set(state.pending);
    this.#inService.set(state.inService);
    this.#level.set(state.level);
    this.#enable.set(state.enable);
    this.#threshold.set(state.threshold);
    state.asserted.forEach((asserted, context) => (this.#asserted[context] = asserted));
  }

  /**
   * The gateway (1.4): a high level becomes one request; the next one waits for the completion.
   * A request that was forwarded stays pending although the level may drop before the claim.
   */
  #forward(id: number): void {
    const word = id >>> 5;
    const mask = 1 << (id & 31);
    if ((this.#level[word] & ~this.#inService[word] & mask) !== 0) this.#pending[word] |= mask;
  }

  /** Highest priority wins, the lowest id among equals (chapter 6); 0 if there is none above `floor`. */
  #best(context: number, floor: number): number {
    let best = 0;
    let bestPriority = floor;
    for (let word = 0; word < this.#words; word++) {
      let bits = this.#pending[word] & this.#enable[context * this.#words + word];
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const id = word * 32 + bit;
        if (this.#priority[id] > bestPriority) {
          best = id;
          bestPriority = this.#priority[id];
        }
      }
    }
    return best;
  }

  /** A claim is not affected by the threshold (chapter 9). */
  #claim(context: number): number {
    const id = this.#best(context, 0);
    if (id === 0) return 0;
    const mask = 1 << (id & 31);
    this.#pending[id >>> 5] &= ~mask;
    this.#inService[id >>> 5] |= mask;
    this.#update();
    return id;
  }

  /** A completion of a source that is not enabled for the context is ignored (chapter 10). */
  #complete(context: number, id: number): void {
    if (id < 1 || id > this.#sources) return;
    const mask = 1 << (id & 31);
    if ((this.#enable[context * this.#words + (id >>> 5)] & mask) === 0) return;
    this.#inService[id >>> 5] &= ~mask;
    this.#forward(id);
  }

  #update(): void {
    for (let context = 0; context < this.#asserted.length; context++) {
      const asserted = this.#best(context, this.#threshold[context]) !== 0;
      if (asserted === this.#asserted[context]) continue;
      this.#asserted[context] = asserted;
      this.#contextLines[context](asserted);
    }
  }

  #existing(word: number): number {
    let mask = 0;
    for (let bit = 0; bit < 32; bit++) {
      const id = word * 32 + bit;
      if (id >= 1 && id <= this.#sources) mask |= 1 << bit;
    }
    return mask;
  }

  #enableIndex(offset: number): number {
    const context = Math.floor((offset - PLIC_ENABLE) / PLIC_ENABLE_STRIDE);
    const word = ((offset - PLIC_ENABLE) % PLIC_ENABLE_STRIDE) >>> 2;
    if (context >= this.#asserted.length || word >= this.#words) return -1;
    return context * this.#words + word;
  }

  /** A register without the side effect of a claim. */
  #peek(offset: number): number {
    if (offset < PLIC_PENDING) return this.#priority[offset >>> 2] ?? 0;
    if (offset < PLIC_ENABLE) return this.#pending[(offset - PLIC_PENDING) >>> 2] ?? 0;
    if (offset < PLIC_THRESHOLD) {
      const index = this.#enableIndex(offset);
      return index < 0 ? 0 : this.#enable[index];
    }
    const context = (offset - PLIC_THRESHOLD) / PLIC_CONTEXT_STRIDE;
    return Number.isInteger(context) ? (this.#threshold[context] ?? 0) : 0;
  }
}
