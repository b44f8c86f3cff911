// A queue of bytes that arrive and leave in pieces of any size. Unbounded in itself: its owners
// look at `length` and stop their sources.

/** More pieces than this are joined, up to so many bytes. */
const JOIN_FROM = 8;
const JOINED_BYTES = 64 * 1024;

export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** Puts bytes in front of all others. */
  unshift(bytes: Uint8Array): void {
    const rest = this.takeAll();
    this.push(bytes);
    this.push(rest);
  }

  /**
   * The first bytes in one piece, without removing them; empty when there are none. Many small
   * pieces are joined, so that a write takes more than a byte.
   */
  peek(): Uint8Array {
    if (this.#chunks.length > JOIN_FROM) this.#join();
    const first = this.#chunks[0];
    return first === undefined ? new Uint8Array(0) : first.subarray(this.#head);
  }

  /** Removes `count` bytes, which may reach over several pieces. */
  skip(count: number): void {
    let left = Math.min(count, this.#length);
    this.#length -= left;
    while (left > 0) {
      const first = this.#chunks[0];
      const taken = Math.min(left, first.length - this.#head);
      left -= taken;
      this.#head += taken;
      if (this.#head === first.length) {
        this.#chunks.shift();
        this.#head = 0;
      }
    }
  }

  /** Removes and returns the first byte, or -1. */
  shift(): number {
    const first = this.#chunks[0];
    if (first === undefined) return -1;
    const byte = first[this.#head];
    this.skip(1);
    return byte;
  }

  /** Removes and returns everything, in one piece. */
  takeAll(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    this.#chunks.forEach((chunk, index) => {
      const piece = index === 0 ? chunk.subarray(this.#head) : chunk;
      all.set(piece, at);
      at += piece.length;
    });
    this.clear();
    return all;
  }

  #join(): void {
    let count = 0;
    let bytes = 0;
    for (const chunk of this.#chunks) {
      if (bytes + chunk.length > JOINED_BYTES) break;
      bytes += chunk.length;
      count++;
    }
    if (count < JOIN_FROM) return;
    const joined = Buffer.concat(this.#chunks.slice(0, count)).subarray(this.#head);
    this.#chunks.splice(0, count, joined);
    this.#head = 0;
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#length = 0;
  }
}

/** The last `capacity` bytes of what was written, for whoever comes late. */
export class Backlog {
  readonly #capacity: number;
  #queue = new ByteQueue();
  #lost = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** Bytes that fell out at the old end since the last `take()`. */
  get lost(): number {
    return this.#lost;
  }

  push(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    const over = this.#queue.length - this.#capacity;
    if (over > 0) {
      this.#queue.skip(over);
      this.#lost += over;
    }
  }

  /** Puts older bytes back in front of what is kept, as far as there is room. */
  unshift(bytes: Uint8Array): void {
    const room = Math.max(0, this.#capacity - this.#queue.length);
    const kept = Math.min(room, bytes.length);
    this.#lost += bytes.length - kept;
    if (kept > 0) this.#queue.unshift(bytes.subarray(bytes.length - kept));
  }

  /** Everything kept, in one piece; the backlog is empty afterwards. */
  take(): Uint8Array {
    this.#lost = 0;
    return this.#queue.takeAll();
  }
}
