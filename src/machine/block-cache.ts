// Decoded code: straight runs of instructions ("blocks") as words of one flat array, found by address,
// linked to each other on first use, dropped when the memory they came from changes.
//
// A block in `code`, at an even index ip:
//   ip      instruction count      meta: pc of the first instruction
//   ip+1    samples (executor.ts)  meta: BLOCK_FULL or BLOCK_STEP
//   ip+2…   operations             meta: pc; instructions left after this one | instruction id << 8
//   …       stubs, one per way out
// An operation is [number | rd << 8 | rs1 << 16 | rs2 << 24][immediate], and flow operations have two
// words more. A stub is [STUB_COUNT][word to patch]: its count exceeds every budget, so the loop stops
// there and the stub's target is looked up, and patched in when it has been decoded.
// A dropped block becomes an empty one that leads to a stub, so that links to it stay valid.
//
// Which blocks exist never shows in what the guest does: a block is charged instruction by
// instruction, and a budget that ends inside of one is spent in blocks of one instruction each.

import { decode } from './decoder.ts';
import type { Decoded } from './decoder.ts';
import { endsBlock, isBranch, lower } from './lowering.ts';
import { FUSIONS, OP_END, OP_REGION, OPERATIONS, operationNumber } from './operations.ts';
import { allOperations, JUMP_TABLE_SIZE } from './fast-loop.ts';
import { PAGE_CODE } from './memory.ts';
import type { Memory } from './memory.ts';
import { PAGE_BYTES, PAGE_SHIFT, RAM_BASE } from './memory-map.ts';

/** More than any budget. */
export const STUB_COUNT = 0x4000_0000;
/** Count of the empty block at a watched address: the loop stops there as well. */
export const WATCH_COUNT = 0x4000_0001;
/** Largest budget that may be given to the fast loop. */
export const BUDGET_MAX = 0x3fff_ffff;

/** A block of as many instructions as there are up to the next jump or page end. */
export const BLOCK_FULL = 0;
/** A block of one instruction. */
export const BLOCK_STEP = 1;
/** The one instruction at a watched address, on whose way everybody has been told. */
export const BLOCK_WATCHED = 2;
export type BlockKind = typeof BLOCK_FULL | typeof BLOCK_STEP | typeof BLOCK_WATCHED;

const BLOCK_INSTRUCTIONS_MAX = 64;
/** No block, with its stubs, is longer. */
const BLOCK_WORDS_MAX = 4 * BLOCK_INSTRUCTIONS_MAX + 16;
const CODE_WORDS = 1 << 21;
/** Granularity of "this memory has been decoded". */
const LINE_SHIFT = 6;

/** Fusions by the numbers of their parts. */
const FUSED = new Map(
  FUSIONS.map((names, i) => [names.map(operationNumber).join(), OPERATIONS.length + i]),
);
const FUSION_PARTS_MAX = Math.max(1, ...FUSIONS.map((names) => names.length));
const OPERATION_WORDS = allOperations().map(({ parts }) =>
  parts.reduce((sum, part) => sum + part.words, 0),
);

/** What a full block was made of, for the region compiler. */
export interface BlockInfo {
  readonly ip: number;
  readonly pc: number;
  /** Address behind the last instruction. */
  readonly end: number;
  readonly run: readonly Decoded[];
  /** Index in `code` of each instruction's operation. */
  readonly places: readonly number[];
}

/** Compiled code that starts with the block at `head` and stands for all of `members`. */
interface Region {
  readonly head: number;
  readonly id: number;
  /** The word of the head's first operation that the region has replaced. */
  readonly word: number;
}

/** A compiled region: see region-compiler.ts. */
export type CompiledRegion = (n: number) => number;

export class BlockCache {
  readonly code = new Int32Array(CODE_WORDS);
  readonly meta = new Int32Array(CODE_WORDS);
  readonly jumpPc = new Int32Array(JUMP_TABLE_SIZE).fill(-1);
  readonly jumpIp = new Int32Array(JUMP_TABLE_SIZE);
  /** Decoded instructions by id, for the slow path. */
  instructions: Decoded[] = [];
  /** Counts flushes: an ip from before a flush is void. */
  generation = 0;
  readonly #memory: Memory;
  /** Blocks by signed address, for each kind. */
  readonly #blocks: readonly Map<number, number>[] = [
    new Map<number, number>(),
    new Map<number, number>(),
    new Map<number, number>(),
  ];
  /** Signed addresses before whose instruction the loop has to stop. */
  readonly #watched = new Set<number>();
  readonly #blocksOfPage = new Map<number, number[]>();
  readonly #decodedLines: Uint8Array;
  #top = 2;
  /** Compiled regions by id; the fast loop calls them. Ids are not used again before a flush. */
  readonly regions: CompiledRegion[] = [];
  readonly #regionsOfPage = new Map<number, Region[]>();
  readonly #info = new Map<number, BlockInfo>();

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#decodedLines = new Uint8Array(memory.bytes >>> LINE_SHIFT);
  }

  /**
   * The block at `pc` (signed), decoded if need be.
   * @returns its index in `code`, or `-1 - address` when the fetch from that address faults.
   */
  find(pc: number, kind: BlockKind): number {
    const slot = (pc >>> 1) & (JUMP_TABLE_SIZE - 1);
    if (kind === BLOCK_FULL && this.jumpPc[slot] === pc) return this.jumpIp[slot];
    const ip = this.#blocks[kind].get(pc) ?? this.#decodeBlock(pc >>> 0, kind);
    if (kind === BLOCK_FULL && ip > 0) {
      this.jumpPc[slot] = pc;
      this.jumpIp[slot] = ip;
    }
    return ip;
  }

  /** Makes the loop stop before the instruction at `pc`, or no more. */
  watch(pc: number, on: boolean): void {
    if (on) this.#watched.add(pc | 0);
    else this.#watched.delete(pc | 0);
    this.flush();
  }

  /** Whether any of the bytes has been decoded. */
  isDecoded(offset: number, bytes: number): boolean {
    const lines = this.#decodedLines;
    return lines[offset >>> LINE_SHIFT] !== 0 || lines[(offset + bytes - 1) >>> LINE_SHIFT] !== 0;
  }

  /** Drops all blocks of the pages that hold the bytes. */
  invalidate(offset: number, bytes: number): void {
    const last = (offset + bytes - 1) >>> PAGE_SHIFT;
    for (let page = offset >>> PAGE_SHIFT; page <= last; page++) this.#invalidatePage(page);
    this.jumpPc.fill(-1);
  }

  /** What the full block at `pc` was made of, if there is one. Decodes nothing. */
  info(pc: number): BlockInfo | undefined {
    const ip = this.#blocks[BLOCK_FULL].get(pc | 0);
    return ip === undefined ? undefined : this.#info.get(ip);
  }

  /** What the block at `ip` was made of; undefined for blocks of one step and dropped ones. */
  infoAt(ip: number): BlockInfo | undefined {
    return this.#info.get(ip);
  }

  /** Puts compiled code in place of a block, until memory of one of the members changes. */
  installRegion(head: BlockInfo, members: readonly BlockInfo[], compiled: CompiledRegion): void {
    const place = head.ip + 2;
    const id = this.regions.push(compiled) - 1;
    const region: Region = { head: head.ip, id, word: this.code[place] };
    // Only this word: the next one may already be a link.
    this.code[place] = operationNumber(OP_REGION) | (id << 8);
    const pages = new Set(members.flatMap(({ pc, end }) => [page(pc), page(end - 1)]));
    for (const each of pages) {
      const regions = this.#regionsOfPage.get(each);
      if (regions === undefined) this.#regionsOfPage.set(each, [region]);
      else regions.push(region);
    }
  }

  /** Drops everything. */
  flush(): void {
    this.generation++;
    this.regions.length = 0;
    this.#regionsOfPage.clear();
    this.#info.clear();
    this.#top = 2;
    this.instructions = [];
    for (const blocks of this.#blocks) blocks.clear();
    for (const each of this.#blocksOfPage.keys()) this.#forgetPage(each);
    this.#blocksOfPage.clear();
    this.jumpPc.fill(-1);
  }

  #dropRegions(ofPage: number): void {
    for (const { head, id, word } of this.#regionsOfPage.get(ofPage) ?? []) {
      // The head may have been dropped meanwhile, through another page.
      const installed = operationNumber(OP_REGION) | (id << 8);
      if (this.code[head + 2] === installed) this.code[head + 2] = word;
    }
    this.#regionsOfPage.delete(ofPage);
  }

  #invalidatePage(page: number): void {
    this.#dropRegions(page);
    for (const ip of this.#blocksOfPage.get(page) ?? []) {
      if (this.code[ip] === 0) continue; // dropped before, through the other page that it touched
      const [pc, kind] = [this.meta[ip], this.meta[ip + 1]];
      this.#blocks[kind as BlockKind].delete(pc);
      this.#info.delete(ip);
      this.code[ip] = 0;
      this.code[ip + 2] = operationNumber(OP_END);
      this.code[ip + 3] = this.#stub(ip + 4, ip + 3, pc, kind as BlockKind);
    }
    this.#blocksOfPage.delete(page);
    this.#forgetPage(page);
  }

  #forgetPage(each: number): void {
    const lines = PAGE_BYTES >>> LINE_SHIFT;
    this.#decodedLines.fill(0, each * lines, (each + 1) * lines);
    this.#memory.clearFlag(each << PAGE_SHIFT, PAGE_CODE);
  }

  #decodeBlock(pc: number, kind: BlockKind): number {
    if (this.#top + BLOCK_WORDS_MAX > CODE_WORDS) this.flush();
    const run = this.#decodeRun(pc, kind === BLOCK_FULL ? BLOCK_INSTRUCTIONS_MAX : 1);
    if (run.length === 0) return -1 - (this.#memory.contains(pc, 2) ? pc + 2 : pc);
    if (kind !== BLOCK_WATCHED && this.#watched.has(pc | 0)) return this.#watchBlock(pc, kind);
    const start = this.#top;
    this.code[start] = run.length;
    this.code[start + 1] = 0;
    this.meta[start] = pc;
    this.meta[start + 1] = kind;
    const places = this.#emit(run, pc, start, kind);
    const end = run.reduce((address, { length }) => address + length, pc);
    if (kind === BLOCK_FULL) this.#info.set(start, { ip: start, pc, end, run, places });
    this.#register(start, pc, end, kind);
    return start;
  }

  /** What stands at a watched address: a block that the loop never enters. */
  #watchBlock(pc: number, kind: BlockKind): number {
    const start = this.#top;
    this.code[start] = WATCH_COUNT;
    this.meta[start] = pc;
    this.meta[start + 1] = kind;
    this.#top = start + 6; // room for what a dropped block turns into
    this.#register(start, pc, pc + 2, kind);
    return start;
  }

  /**
   * Instructions from `pc` up to the first that may jump, or to one that is watched; empty when the
   * first cannot be fetched.
   */
  #decodeRun(pc: number, max: number): Decoded[] {
    const run: Decoded[] = [];
    const pageEnd = ((pc >>> PAGE_SHIFT) + 1) * PAGE_BYTES;
    let address = pc;
    while (run.length < max && address < pageEnd && this.#memory.contains(address, 2)) {
      if (run.length > 0 && this.#watched.has(address | 0)) break;
      const offset = address - RAM_BASE;
      const half = this.#memory.u16[offset >>> 1];
      if ((half & 3) === 3 && !this.#memory.contains(address, 4)) break;
      const high = (half & 3) === 3 ? this.#memory.u16[(offset >>> 1) + 1] : 0;
      const decoded = decode((half | (high << 16)) >>> 0);
      run.push(decoded);
      address += decoded.length;
      if (endsBlock(decoded)) break;
    }
    return run;
  }

  /** Writes operations and stubs of a run behind the block's header and moves `#top` on. */
  #emit(run: readonly Decoded[], pc: number, start: number, kind: BlockKind): number[] {
    const places: number[] = [];
    let ip = start + 2;
    let address = pc;
    run.forEach((decoded, i) => {
      places.push(ip);
      this.meta[ip] = address;
      this.meta[ip + 1] = (run.length - 1 - i) | (this.instructions.length << 8);
      this.instructions.push(decoded);
      this.#emitOne(decoded, ip, address);
      ip += OPERATION_WORDS[this.code[ip] & 255];
      address += decoded.length;
    });
    const lastPlace = places[places.length - 1];
    const last = run[run.length - 1];
    if (isBranch(last.name)) {
      const target = address - last.length + last.imm;
      this.code[lastPlace + 1] = this.#stub(ip, lastPlace + 1, target, kind);
      this.code[lastPlace + 2] = this.#stub(ip + 2, lastPlace + 2, address, kind);
      ip += 4;
    } else if (last.name === 'jal') {
      const target = address - last.length + last.imm;
      this.code[lastPlace + 2] = this.#stub(ip, lastPlace + 2, target, kind);
      ip += 2;
    } else if (!endsBlock(last)) {
      this.code[ip] = operationNumber(OP_END);
      this.code[ip + 1] = this.#stub(ip + 2, ip + 1, address, kind);
      ip += 4;
    }
    this.#fuse(places);
    this.#top = Math.max(ip, start + 6); // room for what a dropped block turns into
    return places;
  }

  #emitOne(decoded: Decoded, ip: number, address: number): void {
    const { name, rd, rs1, rs2, length } = decoded;
    const { operation, imm } = lower(decoded, address);
    const number = operationNumber(operation);
    this.code[ip] = number | ((rd === 0 ? 32 : rd) << 8) | (rs1 << 16) | (rs2 << 24);
    this.code[ip + 1] = name === 'jal' ? address + length : imm;
    if (name === 'jalr') this.code[ip + 2] = address + length;
  }

  /** Replaces the number of the first of some operations by that of their fusion; greedy, longest first. */
  #fuse(places: readonly number[]): void {
    for (let i = 0; i < places.length;) {
      let parts = Math.min(FUSION_PARTS_MAX, places.length - i);
      for (; parts > 1; parts--) {
        const numbers = places.slice(i, i + parts).map((place) => this.code[place] & 255);
        const fused = FUSED.get(numbers.join());
        if (fused === undefined) continue;
        this.code[places[i]] = (this.code[places[i]] & ~255) | fused;
        break;
      }
      i += Math.max(1, parts);
    }
  }

  /** Writes a stub at `at` and returns its index. */
  #stub(at: number, patch: number, target: number, kind: BlockKind): number {
    this.code[at] = STUB_COUNT;
    this.code[at + 1] = patch;
    this.meta[at] = target;
    this.meta[at + 1] = kind === BLOCK_WATCHED ? BLOCK_FULL : kind;
    return at;
  }

  #register(start: number, pc: number, end: number, kind: BlockKind): void {
    this.#blocks[kind].set(pc | 0, start);
    const first = pc - RAM_BASE;
    const last = end - 1 - RAM_BASE;
    for (let page = first >>> PAGE_SHIFT; page <= last >>> PAGE_SHIFT; page++) {
      const blocks = this.#blocksOfPage.get(page);
      if (blocks === undefined) this.#blocksOfPage.set(page, [start]);
      else blocks.push(start);
      this.#memory.setFlag(page << PAGE_SHIFT, PAGE_CODE);
    }
    for (let line = first >>> LINE_SHIFT; line <= last >>> LINE_SHIFT; line++) {
      this.#decodedLines[line] = 1;
    }
  }
}

const page = (address: number) => (address - RAM_BASE) >>> PAGE_SHIFT;
