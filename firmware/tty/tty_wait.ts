// Sleeping on a tty: one place for the pattern, so that no condition is looked at too early.

import { schedule } from '../sched/core';
import { TASK_INTERRUPTIBLE } from '../sched/task';
import { finish_wait, prepare_to_wait, wait_queue_head } from '../sched/wait';
import { tty_struct } from './tty_io';

/**
 * Sleeps until woken through `q`, unless the condition holds when the task is on the queue. The caller
 * looks again and comes back if need be. The condition takes no sleeping lock. Task context.
 */
export function tty_sleep(
  q: wait_queue_head,
  may_go_on: (tty: tty_struct) => bool,
  tty: tty_struct,
): void {
  prepare_to_wait(q, TASK_INTERRUPTIBLE);
  if (!may_go_on(tty)) schedule();
  finish_wait(q);
}
