// The guest's code, decoded for the exploring loop (private-loop.ts): four words for each instruction,
// found by address. Made of the machine's own decoder and operations; leaves out fusing and compiling.
// Code that the guest changes is dropped as a whole.

import { decode } from '../machine/decoder.ts';
import type { Decoded } from '../machine/decoder.ts';
import { isBranch, lower } from '../machine/lowering.ts';
import type { Memory } from '../machine/memory.ts';
import { RAM_BASE } from '../machine/memory-map.ts';
import { OPERATIONS, OP_END, operationNumber } from '../machine/operations.ts';
import type { Ownership } from './ownership.ts';

/** Not an instruction: its target (word 1) has not been decoded; word 2 is the word to link. */
export const OPERATION_STUB = OPERATIONS.length;
/** The end of the region to explore, or a jump to itself: the hart goes no further. */
export const OPERATION_STOP = OPERATIONS.length + 1;
/** Not an instruction: who is noted when a hart gets to the instruction behind it. */
export const OPERATION_NOTE = OPERATIONS.length + 2;

/** Words of an instruction: operation and registers, two arguments, its address. */
export const INSTRUCTION_WORDS = 4;
const PC_WORD = 3;
const CODE_WORDS = 1 << 22;
/** Instructions of a run; each may have a note in front. */
const RUN_MAX = 64;
/** Behind these there may be anything. */
const LEADS_AWAY: ReadonlySet<string> = new Set(['jal', 'jalr', 'mret', 'mnret']);

export class CodeMap {
  readonly code = new Int32Array(CODE_WORDS);
  /** Index in `code` by half word of RAM; 0: not decoded. */
  readonly places: Int32Array;
  readonly #memory: Memory;
  readonly #ownership: Ownership;
  readonly #stops: ReadonlySet<number>;
  /** Addresses that somebody wants to know of when a hart gets there. */
  readonly #noted = new Set<number>();
  #instructions: Decoded[] = [];
  #top = INSTRUCTION_WORDS;
  /** Counts flushes: an index from before a flush is void. */
  #generation = 0;

  constructor(memory: Memory, ownership: Ownership, stops: ReadonlySet<number>) {
    this.#memory = memory;
    this.#ownership = ownership;
    this.#stops = stops;
    this.places = new Int32Array(memory.bytes >>> 1);
  }

  /** Address of the instruction at an index, signed. */
  pcAt(ip: number): number {
    return this.code[ip + PC_WORD];
  }

  instructionAt(ip: number): Decoded {
    return this.#instructions[ip / INSTRUCTION_WORDS];
  }

  /** The region ends at this address. */
  isStop(pc: number): boolean {
    return this.#stops.has(pc);
  }

  /** From now on, `note` of the loop is called when a hart gets to this address. */
  note(pc: number): void {
    if (this.#noted.has(pc)) return;
    this.#noted.add(pc);
    if (this.#memory.contains(pc, 2) && this.places[(pc - RAM_BASE) >>> 1] !== 0) this.stale = true;
  }

  /** Something has to be noted in code that has been decoded: `flush` when no loop runs. */
  stale = false;

  /** Index of the instruction at an address; 0 when it cannot be fetched. */
  find(pc: number): number {
    const offset = (pc >>> 0) - RAM_BASE;
    if (!this.#memory.contains(pc >>> 0, 2)) return 0;
    return this.places[offset >>> 1] || this.#decodeRun(pc >>> 0);
  }

  /** Decodes what a stub stands for and links it; 0 when it cannot be fetched. */
  follow(stub: number): number {
    const { code } = this;
    const link = code[stub + 2];
    const generation = this.#generation;
    const ip = this.find(code[stub + 1]);
    if (ip !== 0 && generation === this.#generation) code[link] = ip;
    return ip;
  }

  /** Whether an instruction that has been decoded may have one of these bytes. */
  isDecoded(offset: number, bytes: number): boolean {
    const end = (offset + bytes + 1) >>> 1;
    for (let at = Math.max(0, (offset >>> 1) - 1); at < end; at++) {
      if (this.places[at] !== 0) return true;
    }
    return false;
  }

  /** Forgets everything: code has changed. */
  flush(): void {
    this.#generation++;
    this.stale = false;
    this.places.fill(0);
    this.#instructions = [];
    this.#top = INSTRUCTION_WORDS;
  }

  #decodeRun(start: number): number {
    if (this.#top + (2 * RUN_MAX + 4) * INSTRUCTION_WORDS > CODE_WORDS) this.flush();
    const first = this.#top;
    let pc = start;
    for (let count = 0; count < RUN_MAX; count++) {
      const offset = pc - RAM_BASE;
      if (!this.#memory.contains(pc, 2)) break;
      const known = this.places[offset >>> 1];
      if (known !== 0 && count > 0) {
        this.#emit(operationNumber(OP_END), known, 0, pc);
        return first;
      }
      const half = this.#memory.u16[offset >>> 1];
      const long = (half & 3) === 3;
      if (long && !this.#memory.contains(pc, 4)) break;
      const high = long ? this.#memory.u16[(offset >>> 1) + 1] : 0;
      const decoded = decode((half | (high << 16)) >>> 0);
      this.#ownership.markCode(offset, decoded.length);
      this.places[offset >>> 1] = this.#top;
      this.#emitInstruction(decoded, pc);
      pc += decoded.length;
      if (isBranch(decoded.name) || LEADS_AWAY.has(decoded.name)) return first;
    }
    if (this.#top === first) return 0;
    this.#emitStub(this.#emit(operationNumber(OP_END), 0, 0, pc) + 1, pc);
    return first;
  }

  #emit(word: number, first: number, second: number, pc: number): number {
    const at = this.#top;
    this.code.set([word, first, second, pc | 0], at);
    this.#top += INSTRUCTION_WORDS;
    return at;
  }

  /** Makes `link` lead to a stub behind the code. */
  #emitStub(link: number, pc: number): void {
    const stub = this.#emit(OPERATION_STUB, pc | 0, link, pc);
    this.code[link] = stub;
  }

  #emitInstruction(decoded: Decoded, pc: number): void {
    const { name, rd, rs1, rs2, length, imm } = decoded;
    const { operation, imm: constant } = lower(decoded, pc);
    const stays = name === 'jal' && imm === 0;
    const number = this.#stops.has(pc) || stays ? OPERATION_STOP : operationNumber(operation);
    if (this.#noted.has(pc)) {
      this.#instructions[this.#top / INSTRUCTION_WORDS] = decoded;
      this.#emit(OPERATION_NOTE, 0, 0, pc);
    }
    const word = number | ((rd === 0 ? 32 : rd) << 8) | (rs1 << 16) | (rs2 << 24);
    this.#instructions[this.#top / INSTRUCTION_WORDS] = decoded;
    const next = pc + length;
    const at = this.#emit(word, name === 'jal' ? next : constant, next, pc);
    if (isBranch(name)) {
      this.#emitStub(at + 1, pc + imm);
      this.#emitStub(at + 2, next);
    } else if (name === 'jal') this.#emitStub(at + 2, pc + imm);
  }
}
