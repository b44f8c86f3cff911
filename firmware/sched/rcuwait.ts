// rcuwait: one task waits, anybody wakes it without a lock. The barrier of the waker pairs with the
// one in set_current_state().

import { READ_ONCE, WRITE_ONCE, smp_mb } from '../arch/atomic';
import { __set_current_state, set_current_state, wake_up_process } from './core';
import { TASK_RUNNING, current, task_struct } from './task';

/** { task }: given as the address of a word. */
export function rcuwait_init(w: usize): void {
  WRITE_ONCE(w, 0);
}

/** The waiter: then looks at its condition and calls schedule() if it does not hold. */
export function prepare_to_rcuwait(w: usize, state: u32): void {
  WRITE_ONCE(w, <u32>changetype<usize>(current()));
  set_current_state(state);
}

export function finish_rcuwait(w: usize): void {
  WRITE_ONCE(w, 0);
  __set_current_state(TASK_RUNNING);
}

/** After the condition was made true. Any context but an NMI. */
export function rcuwait_wake_up(w: usize): bool {
  smp_mb();
  const p = READ_ONCE(w);
  return p != 0 && wake_up_process(changetype<task_struct>(<usize>p));
}

export function rcuwait_active(w: usize): bool {
  return READ_ONCE(w) != 0;
}
