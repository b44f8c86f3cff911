// Restore points: places in a run to come back to, one inside the other. Memory is kept by page, copied
// on the first write after a point; everything else as structs. Between two points a run costs nothing
// more, and going back costs the pages that were written since.
// Leaves out what is not the machine's: a line has received what it has received.

import type { AclintState } from '../../devices/aclint/index.ts';
import type { NmiState } from '../../devices/nmi/index.ts';
import type { PlicState } from '../../devices/plic/index.ts';
import type { Uart8250State } from '../../devices/uart8250/index.ts';
import type { EventQueueState } from './event-queue.ts';
import type { HartState } from './hart.ts';
import type { StopReason } from './machine.ts';
import { PAGE_WATCHED } from './memory.ts';
import type { Memory } from './memory.ts';
import { PAGE_BYTES, PAGE_SHIFT } from './memory-map.ts';

/** A machine without its memory. */
export interface BoardState {
  clock: EventQueueState;
  harts: HartState[];
  aclint: AclintState;
  plic: PlicState;
  nmi: NmiState;
  uarts: Uart8250State[];
  stop: StopReason | null;
  /** Where in which round the run is. */
  time: number;
  roundEnd: number;
  solo: boolean;
  turn: number;
}

interface RestorePoint {
  readonly board: BoardState;
  /** Pages that have been written since, as they were. */
  readonly pages: Map<number, Uint8Array>;
}

/** The stack of restore points. Their numbers are their depths. */
export class RestorePoints {
  readonly #memory: Memory;
  readonly #points: RestorePoint[] = [];
  /** Pages that nobody uses any more. */
  readonly #spare: Uint8Array[] = [];

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get depth(): number {
    return this.#points.length;
  }

  /** Pages written since the latest point. */
  get dirtyPages(): number {
    return this.#points.at(-1)?.pages.size ?? 0;
  }

  push(board: BoardState): number {
    this.#memory.setAllFlags(PAGE_WATCHED);
    return this.#points.push({ board, pages: new Map() }) - 1;
  }

  /** A watched page is about to be written. */
  keep(page: number): void {
    this.#memory.clearFlag(page << PAGE_SHIFT, PAGE_WATCHED);
    const point = this.#points.at(-1);
    if (point === undefined || point.pages.has(page)) return;
    const copy = this.#spare.pop() ?? new Uint8Array(PAGE_BYTES);
    copy.set(this.#view(page));
    point.pages.set(page, copy);
  }

  /**
   * Puts memory back to what it was at a point, which stays. `changed` is told each page that changes.
   * @throws RangeError for a point that does not exist
   */
  rewind(mark: number, changed: (page: number) => void): BoardState {
    this.#check(mark);
    for (;;) {
      const index = this.#points.length - 1;
      const point = this.#points[index];
      for (const [page, copy] of point.pages) {
        changed(page);
        this.#view(page).set(copy);
        this.#memory.setFlag(page << PAGE_SHIFT, PAGE_WATCHED);
        this.#spare.push(copy);
      }
      point.pages.clear();
      if (index === mark) return point.board;
      this.#points.pop();
    }
  }

  /**
   * Forgets a point and those after it, and stays where it is.
   * @throws RangeError for a point that does not exist
   */
  release(mark: number): void {
    this.#check(mark);
    while (this.#points.length > mark) {
      const { pages } = this.#points.pop() ?? { pages: new Map<number, Uint8Array>() };
      const below = this.#points.at(-1);
      for (const [page, copy] of pages) {
        if (below === undefined || below.pages.has(page)) this.#spare.push(copy);
        else below.pages.set(page, copy);
      }
    }
    if (this.#points.length === 0) this.#memory.clearAllFlags(PAGE_WATCHED);
  }

  /** Forgets all points. */
  clear(): void {
    if (this.#points.length > 0) this.release(0);
  }

  #check(mark: number): void {
    if (mark in this.#points) return;
    throw new RangeError(`no restore point ${mark}: there are ${this.#points.length}`);
  }

  #view(page: number): Uint8Array {
    const start = page << PAGE_SHIFT;
    return this.#memory.u8.subarray(start, start + PAGE_BYTES);
  }
}
