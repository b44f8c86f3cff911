// Sleeping for a time.

import { timer_delete_sync, timer_list, timer_setup, mod_timer } from '../time/timer';
import { get_jiffies, HZ } from '../time/jiffies';
import { schedule, wake_up_process } from './core';
import { set_current_state } from './core';
import { TASK_UNINTERRUPTIBLE, current, task_struct } from './task';

/** schedule() without a time limit. */
export const MAX_SCHEDULE_TIMEOUT: u32 = 0x7fffffff;

function process_timeout(t: timer_list): void {
  wake_up_process(changetype<task_struct>(t.data));
}

/**
 * Sleeps until woken or until so many ticks have passed; the caller has set its state. Returns the
 * ticks that are left, 0 if time is up. Task context.
 */
export function schedule_timeout(ticks: u32): u32 {
  if (ticks == MAX_SCHEDULE_TIMEOUT) {
    schedule();
    return ticks;
  }
  const t = changetype<timer_list>(current().timeout);
  const expires = get_jiffies() + ticks;
  timer_setup(t, process_timeout);
  t.data = changetype<usize>(current());
  mod_timer(t, expires);
  schedule();
  timer_delete_sync(t);
  const left = <i32>(expires - get_jiffies());
  return left > 0 ? left : 0;
}

export function schedule_timeout_uninterruptible(ticks: u32): u32 {
  set_current_state(TASK_UNINTERRUPTIBLE);
  return schedule_timeout(ticks);
}

/** At least so long. Task context. */
export function msleep(ms: u32): void {
  let left = (ms * HZ + 999) / 1000 + 1;
  while (left != 0) left = schedule_timeout_uninterruptible(left);
}
