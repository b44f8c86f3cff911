// A ring of 16-bit entries for the hardware FIFOs (at most 64 deep), and the longer queue of what
// waits outside the receiver. No limits of their own: the chip's present depth is asked for first.

import type { InputItem } from './state.ts';

const RING_SLOTS = 64; // the deepest FIFO of the family; a power of two

export class Fifo {
  readonly #slots = new Uint16Array(RING_SLOTS);
  #head = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(entry: number): void {
    this.#slots[(this.#head + this.#count) & (RING_SLOTS - 1)] = entry;
    this.#count++;
  }

  /** The oldest entry; 0 when empty. */
  peek(): number {
    return this.#count === 0 ? 0 : this.#slots[this.#head];
  }

  shift(): number {
    const entry = this.peek();
    if (this.#count > 0) {
      this.#head = (this.#head + 1) & (RING_SLOTS - 1);
      this.#count--;
    }
    return entry;
  }

  /** Replaces the newest entry of a non-empty FIFO. */
  replaceLast(entry: number): void {
    this.#slots[(this.#head + this.#count - 1) & (RING_SLOTS - 1)] = entry;
  }

  /** Empties the FIFO. @returns how many entries that discarded. */
  clear(): number {
    const discarded = this.#count;
    this.#head = 0;
    this.#count = 0;
    return discarded;
  }

  toArray(): number[] {
    return Array.from(
      { length: this.#count },
      (_, i) => this.#slots[(this.#head + i) & (RING_SLOTS - 1)],
    );
  }

  load(entries: readonly number[]): void {
    if (entries.length > RING_SLOTS) throw new RangeError(`FIFO of ${entries.length} entries`);
    this.clear();
    for (const entry of entries) this.push(entry);
  }
}

/** First in, first out, without moving the rest on every take. */
export class InputQueue {
  #items: InputItem[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: InputItem): void {
    this.#items.push(item);
  }

  shift(): InputItem | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head++];
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  last(): InputItem | undefined {
    return this.length === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  find<Item extends InputItem>(test: (item: InputItem) => item is Item): Item | undefined {
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i];
      if (test(item)) return item;
    }
    return undefined;
  }

  dropLast(): void {
    if (this.length > 0) this.#items.pop();
  }

  toArray(): InputItem[] {
    return this.#items
      .slice(this.#head)
      .map((item) => (typeof item === 'number' ? item : { ...item }));
  }

  load(items: readonly InputItem[]): void {
    this.#items = items.map((item) => (typeof item === 'number' ? item : { ...item }));
    this.#head = 0;
  }
}
