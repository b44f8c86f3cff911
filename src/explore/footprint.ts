// What steps touch, to the byte, and which steps conflict. A footprint is kept by aligned word with a
// bit for each byte read and written. `Footprints` collects, over a whole search, what each process
// touches: a step that touches nothing of another process needs no interruption next to it.

import type { Access } from './model.ts';

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
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    if (cell.word !== word) continue;
    cells[i] = { word, reads: cell.reads | reads, writes: cell.writes | writes };
    return;
  }
  cells.push({ word, reads, writes });
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

/** Room for so many processes at first. */
const SLOTS = 16;

/** What each process touched in any execution so far. Only grows; the order of discovery is irrelevant. */
export class Footprints {
  /** Grows whenever an access is new that conflicts with what another process is known to touch. */
  version = 0;
  /** Processes that have touched anything are numbered as they come. */
  readonly #slots = new Map<number, number>();
  /** word → for each slot: reads | writes << 4. */
  readonly #words = new Map<number, Uint8Array>();
  /** For each slot those that touch a common byte that one of them writes. */
  readonly #neighbours: Set<number>[] = [];

  add(process: number, footprint: Footprint): void {
    const slot = this.#slotOf(process);
    for (const cell of footprint) {
      const masks = this.#masksOf(cell.word, slot);
      const before = masks[slot];
      const after = before | cell.reads | (cell.writes << 4);
      if (after === before) continue;
      masks[slot] = after;
      this.#noteConflicts(slot, masks, after & ~before);
    }
  }

  #slotOf(process: number): number {
    const known = this.#slots.get(process);
    if (known !== undefined) return known;
    this.#slots.set(process, this.#neighbours.length);
    return this.#neighbours.push(new Set()) - 1;
  }

  #masksOf(word: number, slot: number): Uint8Array {
    const known = this.#words.get(word);
    if (known !== undefined && slot < known.length) return known;
    const masks = new Uint8Array(Math.max(SLOTS, 2 * slot));
    if (known !== undefined) masks.set(known);
    this.#words.set(word, masks);
    return masks;
  }

  #noteConflicts(slot: number, masks: Uint8Array, added: number): void {
    for (let other = 0; other < masks.length; other++) {
      if (other === slot || masks[other] === 0) continue;
      if (conflictBytes(added, masks[other]) === 0) continue;
      this.version++;
      this.#neighbours[slot].add(other);
      this.#neighbours[other].add(slot);
    }
  }

  /** Does another process touch what this footprint of `process` conflicts with? */
  isShared(process: number, footprint: Footprint): boolean {
    return this.#isSharedWith(process, footprint, undefined);
  }

  /**
   * Can `to` learn what `process` does with this footprint: does it conflict with `to`, or with a process
   * that `to` is connected with by conflicts? Not over the processes `without`, which stand still.
   */
  concerns(process: number, footprint: Footprint, to: number, without: readonly number[]): boolean {
    const slot = this.#slots.get(to);
    if (slot === undefined || !this.isShared(process, footprint)) return false;
    return this.#isSharedWith(process, footprint, this.#reach(slot, without));
  }

  /** Does one of these slots, or any, touch what this footprint of `process` conflicts with? */
  #isSharedWith(
    process: number,
    footprint: Footprint,
    slots: ReadonlySet<number> | undefined,
  ): boolean {
    const own = this.#slots.get(process);
    const count = this.#neighbours.length;
    for (const cell of footprint) {
      const masks = this.#words.get(cell.word);
      if (masks === undefined) continue;
      const touched = cell.reads | (cell.writes << 4);
      for (let slot = 0; slot < count && slot < masks.length; slot++) {
        if (slot === own || masks[slot] === 0 || conflictBytes(touched, masks[slot]) === 0)
          continue;
        if (slots?.has(slot) !== false) return true;
      }
    }
    return false;
  }

  /** The slots connected with this one by conflicts, over paths that avoid those of `without`. */
  #reach(start: number, without: readonly number[]): ReadonlySet<number> {
    const closed = without.map((process) => this.#slots.get(process));
    // A set that is added to while it is gone through is gone through to its new end.
    const reached = new Set([start]);
    for (const slot of reached) {
      for (const next of this.#neighbours[slot]) if (!closed.includes(next)) reached.add(next);
    }
    return reached;
  }
}

/** Bytes at which two masks (reads | writes << 4) conflict. */
function conflictBytes(a: number, b: number): number {
  const aWrites = a >> 4;
  const bWrites = b >> 4;
  return ((aWrites & (b | bWrites)) | (a & bWrites)) & 15;
}
