// Which prefixes of executions a search has been through, and what had been spent by then. Open addressing
// in one typed array: a search looks here at every step.

import type { Bounds } from './search.ts';

/** Words of an entry: two halves of the prefix's hash, and hart and spent as `packed` gives them. */
const ENTRY_WORDS = 3;
/** A power of two, as all sizes are. */
const ENTRIES_AT_FIRST = 1 << 12;
/** What has been spent is kept in eight bits each; prefixes that cost more are not remembered. */
const SPENT_MAX = 255;
const HART_BITS = 5;
const USED = 1 << 31;

/** 64 bits that tell an execution's prefix. */
export interface PrefixHash {
  readonly low: number;
  readonly high: number;
}

export class PrefixTable {
  size = 0;
  #words = new Int32Array(ENTRIES_AT_FIRST * ENTRY_WORDS);
  readonly #entriesMax: number;

  /** @param entriesMax what is remembered at most; what is not counts as new */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /**
   * Whether no equivalent prefix has come here with as much left to spend. Remembers this one.
   * @param last hart that ran last, below 31, or undefined
   */
  isNew({ low, high }: PrefixHash, last: number | undefined, spent: Bounds): boolean {
    if (Math.max(spent.preemptions, spent.irqs, spent.nmis) > SPENT_MAX) return true;
    const packed = pack(last, spent);
    const words = this.#words;
    const slots = words.length / ENTRY_WORDS;
    let slot = low & (slots - 1);
    for (;;) {
      const at = slot * ENTRY_WORDS;
      const other = words[at + 2];
      if (other === 0) break;
      if (words[at] === low && words[at + 1] === high && isWithin(other, packed)) return false;
      slot = (slot + 1) & (slots - 1);
    }
    if (this.size >= this.#entriesMax) return true;
    this.#put(slot, low, high, packed);
    if (3 * ++this.size > 2 * slots) this.#grow();
    return true;
  }

  #put(slot: number, low: number, high: number, packed: number): void {
    const at = slot * ENTRY_WORDS;
    this.#words[at] = low;
    this.#words[at + 1] = high;
    this.#words[at + 2] = packed;
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Int32Array(2 * old.length);
    const slots = this.#words.length / ENTRY_WORDS;
    for (let at = 0; at < old.length; at += ENTRY_WORDS) {
      if (old[at + 2] === 0) continue;
      let slot = old[at] & (slots - 1);
      while (this.#words[slot * ENTRY_WORDS + 2] !== 0) slot = (slot + 1) & (slots - 1);
      this.#put(slot, old[at], old[at + 1], old[at + 2]);
    }
  }
}

function pack(last: number | undefined, { preemptions, irqs, nmis }: Bounds): number {
  const spent = (((nmis << 8) | irqs) << 8) | preemptions;
  return USED | (spent << HART_BITS) | (last === undefined ? 0 : last + 1);
}

/** The same hart, and nothing spent more. */
function isWithin(a: number, b: number): boolean {
  if (((a ^ b) & ((1 << HART_BITS) - 1)) !== 0) return false;
  for (let shift = HART_BITS; shift < HART_BITS + 24; shift += 8) {
    if (((a >>> shift) & 0xff) > ((b >>> shift) & 0xff)) return false;
  }
  return true;
}
