// The end of a task.

import { complete_all, completion } from '../locking/completion';
import { might_sleep, do_task_dead } from './core';
import { PF_EXITING, current } from './task';

/** Task context, no locks held. Does not return. */
export function do_exit(code: u32): void {
  might_sleep();
  const p = current();
  p.flags |= PF_EXITING;
  p.exit_code = code;
  complete_all(changetype<completion>(p.exited));
  do_task_dead();
}
