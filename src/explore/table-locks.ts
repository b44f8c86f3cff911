// The locks of a guest that has no list of them, as far as its lock functions have been called
// (lock-watch.ts): for reports, in place of the firmware's own list (debug/guest-locks.ts).

import { GuestLocks, type LockPart, type Locks } from '../debug/guest-locks.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import type { Machine } from '../machine/machine.ts';
import type { LockWatch } from './lock-watch.ts';

export class TableLocks implements Locks {
  readonly #watch: LockWatch;

  constructor(watch: LockWatch) {
    this.#watch = watch;
  }

  get addresses(): ReadonlySet<number> {
    return this.#watch.addresses;
  }

  ownerOf(address: number): number | undefined {
    return this.#watch.held().find(({ lock }) => lock === address)?.hart;
  }

  nameOf(address: number): string {
    return this.#watch.nameOf(address);
  }

  semaphoreOf(): undefined {
    return undefined;
  }

  partAt(address: number): LockPart | undefined {
    return this.addresses.has(address) ? { lock: address, offset: 0 } : undefined;
  }

  describe(address: number): string | undefined {
    return this.addresses.has(address) ? this.nameOf(address) : undefined;
  }
}

/** The firmware's own list if it has one, or else what its functions show. */
export function locksOf(
  machine: Machine,
  symbolizer: Symbolizer,
  watch: LockWatch | undefined,
): Locks {
  const own = new GuestLocks(machine, symbolizer);
  return own.addresses.size > 0 || watch === undefined ? own : new TableLocks(watch);
}
