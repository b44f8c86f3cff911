// Completions: wait until somebody has said that something is done. Counts, so the order does not matter.

import { READ_ONCE } from '../arch/atomic';
import { might_sleep, schedule_timeout } from '../sched/core';
import { MAX_SCHEDULE_TIMEOUT } from '../sched/timeout';
import { TASK_NORMAL, TASK_UNINTERRUPTIBLE } from '../sched/task';
import {
  __wake_up_locked,
  finish_wait,
  init_waitqueue_head,
  prepare_to_wait_exclusive,
  wait_queue_head,
} from '../sched/wait';
import { spin_lock_irqsave, spin_unlock_irqrestore } from './spinlock';

const DONE_ALL: u32 = 0x7fffffff;

@unmanaged
export class completion extends wait_queue_head {
  /** Completions that nobody has consumed yet. Under the queue's lock. */
  done: u32;
}

export function init_completion(x: completion, name: string = 'x->wait'): void {
  x.done = 0;
  init_waitqueue_head(x, name);
}

/** Any context but an NMI. Lets one waiter go on. */
export function complete(x: completion): void {
  const flags = spin_lock_irqsave(x);
  if (x.done != DONE_ALL) x.done++;
  __wake_up_locked(x, TASK_NORMAL, 1);
  spin_unlock_irqrestore(x, flags);
}

/** Lets all waiters go on, now and in future. */
export function complete_all(x: completion): void {
  const flags = spin_lock_irqsave(x);
  x.done = DONE_ALL;
  __wake_up_locked(x, TASK_NORMAL, 0);
  spin_unlock_irqrestore(x, flags);
}

/** Consumes one completion if there is one. Any context. */
export function try_wait_for_completion(x: completion): bool {
  if (READ_ONCE(changetype<usize>(x) + offsetof<completion>('done')) == 0) return false;
  const flags = spin_lock_irqsave(x);
  const done = x.done != 0;
  if (done && x.done != DONE_ALL) x.done--;
  spin_unlock_irqrestore(x, flags);
  return done;
}

/** Task context. Returns the ticks left, at least 1; 0 if time was up first. */
export function wait_for_completion_timeout(x: completion, ticks: u32): u32 {
  might_sleep();
  let left = ticks;
  while (!try_wait_for_completion(x)) {
    if (left == 0) return 0;
    prepare_to_wait_exclusive(x, TASK_UNINTERRUPTIBLE);
    if (READ_ONCE(changetype<usize>(x) + offsetof<completion>('done')) == 0) {
      left = schedule_timeout(left);
    }
    finish_wait(x);
  }
  return left == 0 ? 1 : left;
}

export function wait_for_completion(x: completion): void {
  wait_for_completion_timeout(x, MAX_SCHEDULE_TIMEOUT);
}
