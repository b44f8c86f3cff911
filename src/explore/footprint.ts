// What steps touch, to the byte, and which steps conflict. A footprint is kept by aligned word with a
// bit for each byte read and written. `Footprints` collects, over a whole search, what each process
// touches: a step that touches nothing of another process needs no interruption next to it.

import type { Access } from './model.ts';
import { PrintkitError } from '../errors.ts';

/** Part of a footprint that lies in one aligned word. */
export interface Cell {
  /** Address divided by four. */
  readonly word: number;
  /** Bit n: byte n of the word is read. */
  readonly reads: number;
  /** Bit n: byte n of the word is written. */
  readonly writes: number;
}

export type Footprint = readonly Cell[];

/** The footprint of a step; accesses to one word are merged. */
export function footprintOf(accesses: readonly Access[]): Footprint {
  const cells: Cell[] = [];
  for (const { address, bytes, kind } of accesses) {
    let at = address;
    const end = address + bytes;
    while (at < end) {
      const word = Math.floor(at / 4);
      const next = Math.min(end, (word + 1) * 4);
      const mask = ((1 << (next - at)) - 1) << (at - word * 4);
      addCell(cells, word, kind === 'read' ? mask : 0, kind === 'write' ? mask : 0);
      at = next;
    }
  }
  return cells;
}

function addCell(cells: Cell[], word: number, reads: number, writes: number): void {
  const at = cells.findIndex((cell) => cell.word === word);
  if (at < 0) cells.push({ word, reads, writes });
  else cells[at] = { word, reads: cells[at].reads | reads, writes: cells[at].writes | writes };
}

/** Do they share a byte that one of them writes? */
export function conflict(a: Footprint, b: Footprint): boolean {
  for (const x of a) {
    for (const y of b) {
      if (x.word === y.word && cellsConflict(x, y)) return true;
    }
  }
  return false;
}

export function cellsConflict(a: Cell, b: Cell): boolean {
  return (a.writes & (b.reads | b.writes)) !== 0 || (a.reads & b.writes) !== 0;
}

/** Sets of processes are the bits of an int. */
const PROCESSES_MAX = 31;

/** What each process touched in any execution so far. Only grows; the order of discovery is irrelevant. */
export class Footprints {
  /** Grows whenever a conflict between two processes is seen that was not known before. */
  version = 0;
  /** Processes that have touched anything are numbered as they come. */
  readonly #slots = new Map<number, number>();
  /** word → for each slot: reads | writes << 4. */
  readonly #words = new Map<number, Uint8Array>();
  /** Bit q of entry p: the processes in slots p and q touch a common byte that one of them writes. */
  readonly #neighbours = new Uint32Array(PROCESSES_MAX);

  /** @throws PrintkitError when more processes have acted than can be told apart */
  add(process: number, footprint: Footprint): void {
    const slot = this.#slots.get(process) ?? this.#newSlot(process);
    for (const cell of footprint) {
      let masks = this.#words.get(cell.word);
      if (masks === undefined) {
        masks = new Uint8Array(PROCESSES_MAX);
        this.#words.set(cell.word, masks);
      }
      const before = masks[slot];
      const after = before | cell.reads | (cell.writes << 4);
      if (after === before) continue;
      masks[slot] = after;
      this.#noteConflicts(slot, masks, before, after);
    }
  }

  #newSlot(process: number): number {
    const slot = this.#slots.size;
    if (slot === PROCESSES_MAX) {
      throw new PrintkitError(
        `more than ${String(PROCESSES_MAX)} harts, interrupts and devices take part: explore fewer harts or interrupt sources`,
      );
    }
    this.#slots.set(process, slot);
    return slot;
  }

  #noteConflicts(slot: number, masks: Uint8Array, before: number, after: number): void {
    for (let other = 0; other < this.#slots.size; other++) {
      if (other === slot || masks[other] === 0) continue;
      if (conflictBytes(after, masks[other]) === conflictBytes(before, masks[other])) continue;
      this.version++;
      this.#neighbours[slot] |= 1 << other;
      this.#neighbours[other] |= 1 << slot;
    }
  }

  /** Does another process touch what this footprint of `process` conflicts with? */
  isShared(process: number, footprint: Footprint): boolean {
    return this.#sharers(process, footprint) !== 0;
  }

  /**
   * Can `to` learn what `process` does with this footprint: does it conflict with `to`, or with a process
   * that `to` is connected with by conflicts? Not over the processes `without`, which stand still.
   */
  concerns(process: number, footprint: Footprint, to: number, without: readonly number[]): boolean {
    const slot = this.#slots.get(to);
    if (slot === undefined) return false;
    let closed = 0;
    for (const other of without) closed |= 1 << (this.#slots.get(other) ?? PROCESSES_MAX);
    return (this.#sharers(process, footprint) & this.#reach(slot, closed)) !== 0;
  }

  /** The slots, as a bit set, that touch what this footprint of `process` conflicts with. */
  #sharers(process: number, footprint: Footprint): number {
    const own = this.#slots.get(process);
    let set = 0;
    for (const cell of footprint) {
      const masks = this.#words.get(cell.word);
      if (masks === undefined) continue;
      const touched = cell.reads | (cell.writes << 4);
      for (let slot = 0; slot < this.#slots.size; slot++) {
        if (slot !== own && conflictBytes(touched, masks[slot]) !== 0) set |= 1 << slot;
      }
    }
    return set;
  }

  /** The slots connected with this one by conflicts, over paths that avoid those in `closed`. */
  #reach(slot: number, closed: number): number {
    let set = 1 << slot;
    for (;;) {
      let grown = set;
      for (let p = 0; p < this.#slots.size; p++) {
        if ((set >>> p) & 1) grown |= this.#neighbours[p] & ~closed;
      }
      if (grown === set) return set;
      set = grown;
    }
  }
}

/** Bytes at which two masks (reads | writes << 4) conflict. */
function conflictBytes(a: number, b: number): number {
  const aWrites = a >> 4;
  const bWrites = b >> 4;
  return ((aWrites & (b | bWrites)) | (a & bWrites)) & 15;
}
