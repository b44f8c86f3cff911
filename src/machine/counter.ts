// A 64-bit performance counter (mcycle, minstret) that follows a running number without being stepped:
// it stores only what it differed by when it was last written or stopped.
// Privileged ISA 1.13, 3.1.10 (counters) and 3.1.12 (mcountinhibit).

const TWO_32 = 0x1_0000_0000;

export class Counter {
  #low = 0;
  #high = 0;
  /** Value of the followed number at the last write, or -1 while counting is inhibited. */
  #since = 0;

  /** Bits 31:0 when the followed number is `at`. */
  low(at: number): number {
    return ((this.#low + this.#elapsed(at)) % TWO_32) >>> 0;
  }

  /** Bits 63:32 when the followed number is `at`. */
  high(at: number): number {
    const carry = Math.floor((this.#low + this.#elapsed(at)) / TWO_32);
    return ((this.#high + carry) % TWO_32) >>> 0;
  }

  /** Writes both halves; `from` is the number from which on it counts. */
  write(low: number, high: number, from: number): void {
    this.#low = low >>> 0;
    this.#high = high >>> 0;
    if (this.#since >= 0) this.#since = from;
  }

  /** Stops or restarts counting at `at`. */
  inhibit(inhibited: boolean, at: number): void {
    if (inhibited === this.#since < 0) return;
    const [low, high] = [this.low(at), this.high(at)];
    this.#low = low;
    this.#high = high;
    this.#since = inhibited ? -1 : at;
  }

  save(): [number, number, number] {
    return [this.#low, this.#high, this.#since];
  }

  restore(state: readonly [number, number, number]): void {
    [this.#low, this.#high, this.#since] = state;
  }

  #elapsed(at: number): number {
    return this.#since < 0 ? 0 : Math.max(0, at - this.#since);
  }
}
