// A seeded random number generator (xorshift32, G. Marsaglia 2003): same seed, same sequences on
// every machine and Node version. Not for anything but tests.

/** Draws from a fixed stream; every method advances it. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // State 0 would stay 0 for ever; the multiplication spreads neighbouring seeds apart.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 0 || 0x1234567;
    for (let i = 0; i < 8; i++) this.word();
  }

  /** A 32-bit unsigned integer. */
  word(): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s;
    return s >>> 0;
  }

  /** An integer in 0 … limit − 1. */
  below(limit: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * limit);
  }

  /** An integer in low … high, both included. */
  range(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True once in `n` draws on average. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('pick: empty list');
    return list[this.below(list.length)];
  }
}
