// Whether the system is dying: asked by locks and drivers, set by panic.ts. On its own so that those
// do not depend on all that panic() needs.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';

const oops_count: usize = memory.data(4, 4);

/** True from the first line of an oops or panic on: drivers must not wait for locks any more. */
export function oops_in_progress(): bool {
  return READ_ONCE(oops_count) != 0;
}

export function bust_spinlocks(on: bool): void {
  WRITE_ONCE(oops_count, on ? READ_ONCE(oops_count) + 1 : READ_ONCE(oops_count) - 1);
}
