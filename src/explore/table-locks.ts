// The locks of a guest for reports: those of the firmware's own list (debug/guest-locks.ts), whose owners
// are exact, and beside them those that calls of lock functions have shown (lock-watch.ts).

import { GuestLocks, type LockPart, type Locks } from '../debug/guest-locks.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import type { Machine } from '../machine/machine.ts';
import type { LockWatch } from './lock-watch.ts';

class AllLocks implements Locks {
  readonly #own: GuestLocks;
  readonly #watch: LockWatch;
  #all: ReadonlySet<number> = new Set();
  /** So many of them were seen by the watch. */
  #watched = 0;

  constructor(own: GuestLocks, watch: LockWatch) {
    this.#own = own;
    this.#watch = watch;
  }

  get addresses(): ReadonlySet<number> {
    if (this.#all.size === 0 || this.#watched !== this.#watch.addresses.size) {
      this.#watched = this.#watch.addresses.size;
      this.#all = new Set([...this.#own.addresses, ...this.#watch.addresses]);
    }
    return this.#all;
  }

  isListed(address: number): boolean {
    return this.#own.isListed(address);
  }

  ownerOf(address: number): number | undefined {
    if (this.isListed(address)) return this.#own.ownerOf(address);
    return this.#watch.held().find(({ lock }) => lock === address)?.hart;
  }

  nameOf(address: number): string {
    return this.isListed(address) ? this.#own.nameOf(address) : this.#watch.nameOf(address);
  }

  semaphoreOf(address: number): ReturnType<Locks['semaphoreOf']> {
    return this.isListed(address) ? this.#own.semaphoreOf(address) : undefined;
  }

  partAt(address: number): LockPart | undefined {
    return this.#isWatched(address) ? { lock: address, offset: 0 } : this.#own.partAt(address);
  }

  describe(address: number): string | undefined {
    return this.#isWatched(address) ? this.nameOf(address) : this.#own.describe(address);
  }

  #isWatched(address: number): boolean {
    return !this.isListed(address) && this.#watch.addresses.has(address);
  }
}

/** @param watch who follows the guest's lock functions, if somebody does */
export function locksOf(
  machine: Machine,
  symbolizer: Symbolizer,
  watch: LockWatch | undefined,
): Locks {
  const own = new GuestLocks(machine, symbolizer);
  return watch === undefined ? own : new AllLocks(own, watch);
}
