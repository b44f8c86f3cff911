// Runs one hart for a number of instructions: fast loop where it can, slow path where it must.
// Keeps the hart's step count and local time exact at every point where anything can look at them.

import {
  BLOCK_FULL,
  BLOCK_STEP,
  BLOCK_WATCHED,
  BlockCache,
  STUB_COUNT,
  WATCH_COUNT,
} from './block-cache.ts';
import type { BlockKind } from './block-cache.ts';
import type { Decoded } from './decoder.ts';
import {
  CONTROL_BUDGET,
  CONTROL_REASON,
  CONTROL_TARGET,
  createFastLoop,
  EXIT_BLOCK,
  EXIT_JUMP,
} from './fast-loop.ts';
import type { FastLoop, FastLoopArrays } from './fast-loop.ts';
import { compileRegion } from './region-compiler.ts';
import type { Hart } from './hart.ts';
import { SlowPath } from './slow-path.ts';
import type { SlowPathPorts } from './slow-path.ts';
import { CAUSE_FETCH_ACCESS, takeException } from './trap.ts';

/** Longest run without a look at where the hart is; below BUDGET_MAX. */
const CHUNK_INSTRUCTIONS = 2000;
export interface ExecutorOptions extends Omit<SlowPathPorts, 'x' | 'cache'> {
  readonly nsPerInstruction: number;
  /** A hart is about to execute a watched instruction; its `pc`, counts and `x` are up to date. */
  readonly watched: (hart: Hart) => void;
  /** How often a chunk must end in a block before the loop around it is compiled; Infinity: never. */
  readonly hotSamples: number;
}

export class Executor {
  readonly cache: BlockCache;
  readonly slow: SlowPath;
  readonly #x = new Int32Array(256);
  readonly #control = new Int32Array(4);
  readonly #loop: FastLoop;
  readonly #nsPerInstruction: number;
  readonly #hotSamples: number;
  readonly #watched: (hart: Hart) => void;
  readonly #arrays: FastLoopArrays;

  constructor(options: ExecutorOptions) {
    const { memory } = options;
    const cache = new BlockCache(memory);
    this.cache = cache;
    this.slow = new SlowPath({ ...options, x: this.#x, cache });
    this.#nsPerInstruction = options.nsPerInstruction;
    this.#hotSamples = options.hotSamples;
    this.#watched = options.watched;
    this.#arrays = {
      x: this.#x,
      code: cache.code,
      m8: memory.u8,
      m16: memory.u16,
      m32: memory.i32,
      flags: memory.flags,
      jumpPc: cache.jumpPc,
      jumpIp: cache.jumpIp,
      control: this.#control,
      regions: cache.regions,
    };
    this.#loop = createFastLoop(this.#arrays);
  }

  /**
   * Executes up to `budget` instructions of a hart that is not waiting. Returns early when the slow
   * path asks for it or the hart is stuck; `hart.steps` and `hart.localNs` tell how far it came.
   */
  run(hart: Hart, budget: number): void {
    const x = this.#x;
    for (let i = 1; i < 32; i++) x[i] = hart.x[i];
    this.slow.yield = false;
    const end = hart.steps + budget;
    while (hart.steps < end && !this.slow.yield && hart.stuck === undefined) {
      this.#run(hart, Math.min(end - hart.steps, CHUNK_INSTRUCTIONS));
    }
    for (let i = 1; i < 32; i++) hart.x[i] = x[i];
  }

  /** Performs one instruction in the slow path and counts nothing. */
  perform(hart: Hart, instruction: Decoded): void {
    const x = this.#x;
    for (let i = 1; i < 32; i++) x[i] = hart.x[i];
    this.slow.perform(hart, instruction);
    for (let i = 1; i < 32; i++) hart.x[i] = x[i];
  }

  #run(hart: Hart, budget: number): void {
    const { cache, slow } = this;
    const control = this.#control;
    // `charged` is the budget at the last time that the hart's counts were brought up to date.
    let charged = budget;
    let n = budget;
    let ip = this.#enter(hart, n);
    while (ip > 0) {
      ip = this.#loop(ip, n);
      n = control[CONTROL_BUDGET];
      const reason = control[CONTROL_REASON];
      if (reason === EXIT_BLOCK) {
        hart.pc32 = cache.meta[ip];
        const stub = cache.code[ip] === STUB_COUNT;
        if (!stub) this.#sample(ip);
        if (n === 0) break;
        this.#account(hart, charged - n);
        charged = n;
        if (cache.code[ip] === WATCH_COUNT) ip = this.#tellWatched(hart);
        else ip = stub ? this.#follow(hart, ip, n) : this.#enter(hart, n);
      } else if (reason === EXIT_JUMP) {
        hart.pc32 = control[CONTROL_TARGET];
        this.#account(hart, charged - n);
        charged = n;
        if (n === 0) return;
        ip = this.#enter(hart, n);
      } else {
        // The block was charged as a whole: give back this instruction and those behind it.
        const rest = cache.meta[ip + 1];
        n += (rest & 255) + 1;
        hart.pc32 = cache.meta[ip];
        this.#account(hart, charged - n);
        slow.perform(hart, cache.instructions[rest >>> 8]);
        this.#account(hart, 1);
        n -= 1;
        charged = n;
        if (n === 0 || slow.yield || hart.stuck !== undefined) return;
        ip = this.#enter(hart, n);
      }
    }
    this.#account(hart, charged - n);
  }

  /** Tells that the hart is at a watched instruction; the block of that instruction alone. */
  #tellWatched(hart: Hart): number {
    for (let i = 1; i < 32; i++) hart.x[i] = this.#x[i];
    this.#watched(hart);
    return this.cache.find(hart.pc32, BLOCK_WATCHED);
  }

  /** A chunk ends in this block: hot loops are where that happens most. */
  #sample(ip: number): void {
    const { cache } = this;
    const samples = ++cache.code[ip + 1];
    if (samples !== this.#hotSamples) return;
    const block = cache.infoAt(ip);
    if (block !== undefined) compileRegion(cache, block, this.#arrays);
  }

  /** Block to go on with at the hart's pc; 0 when fetching traps for as long as the budget lasts. */
  #enter(hart: Hart, budget: number): number {
    const ip = this.cache.find(hart.pc32, BLOCK_FULL);
    if (ip > 0) {
      return this.cache.code[ip] <= budget ? ip : this.cache.find(hart.pc32, BLOCK_STEP);
    }
    takeException(hart, CAUSE_FETCH_ACCESS, -1 - ip);
    this.#account(hart, 1);
    this.slow.yield = true;
    return 0;
  }

  /** Decodes what a stub stands for, patches the way there, and goes there. */
  #follow(hart: Hart, stub: number, budget: number): number {
    const { cache } = this;
    const patch = cache.code[stub + 1];
    const { generation } = cache;
    const kind = cache.meta[stub + 1] as BlockKind;
    const ip = cache.find(hart.pc32, kind);
    if (ip <= 0) return this.#enter(hart, budget);
    if (generation === cache.generation) cache.code[patch] = ip;
    return cache.code[ip] <= budget ? ip : this.#enter(hart, budget);
  }

  #account(hart: Hart, steps: number): void {
    hart.steps += steps;
    hart.localNs += steps * this.#nsPerInstruction;
  }
}
