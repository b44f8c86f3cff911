// Counting semaphores with a raw lock of their own. up() hands the semaphore to the first waiter and
// wakes it before it lets go of sem->lock, as Linux did for most of its life: try_to_wake_up() runs
// under sem->lock.

import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_next } from '../lib/list';
import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import {
  might_sleep,
  schedule_timeout,
  set_current_state,
  __set_current_state,
  signal_pending,
  wake_up_process,
} from '../sched/core';
import { MAX_SCHEDULE_TIMEOUT } from '../sched/timeout';
import {
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  current,
  task_struct,
} from '../sched/task';
import { spin_lock_init, spin_lock_irqsave, spin_unlock_irqrestore, spinlock_t } from './spinlock';

/** The base is sem->lock. */
@unmanaged
export class semaphore extends spinlock_t {
  count: u32;
  /** Tasks that wait, by sem_next. */
  list_next: usize;
  list_prev: usize;
}

export function sema_init(sem: semaphore, count: u32, name: string = 'sem->lock'): void {
  spin_lock_init(sem, name);
  sem.count = count;
  INIT_LIST_HEAD(waiters(sem));
}

function waiters(sem: semaphore): usize {
  return changetype<usize>(sem) + offsetof<semaphore>('list_next');
}

/** sem->lock held with these flags; releases it. 0 when the semaphore is ours, -4 (EINTR), -62 (ETIME). */
function down_slow(sem: semaphore, flags: u32, state: u32, ticks: u32): i32 {
  const p = current();
  const node = changetype<usize>(p) + offsetof<task_struct>('sem_next');
  const up = changetype<usize>(p) + offsetof<task_struct>('sem_up');
  list_add_tail(node, waiters(sem));
  WRITE_ONCE(up, 0);
  p.blocked_on = changetype<usize>(sem);
  let result: i32 = 0;
  while (true) {
    if (state == TASK_INTERRUPTIBLE && signal_pending(p)) result = -4;
    else if (ticks == 0) result = -62;
    if (result != 0) break;
    set_current_state(state);
    spin_unlock_irqrestore(sem, flags);
    ticks = schedule_timeout(ticks);
    flags = spin_lock_irqsave(sem);
    if (READ_ONCE(up) != 0) break;
  }
  __set_current_state(TASK_RUNNING);
  if (READ_ONCE(up) != 0) result = 0;
  else list_del_init(node);
  p.blocked_on = 0;
  spin_unlock_irqrestore(sem, flags);
  return result;
}

function down_common(sem: semaphore, state: u32, ticks: u32): i32 {
  might_sleep();
  const flags = spin_lock_irqsave(sem);
  if (sem.count == 0) return down_slow(sem, flags, state, ticks);
  sem.count--;
  spin_unlock_irqrestore(sem, flags);
  return 0;
}

/** Task context. */
export function down(sem: semaphore): void {
  down_common(sem, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
}

/** 0, or -4 (EINTR) after ^C. Task context. */
export function down_interruptible(sem: semaphore): i32 {
  return down_common(sem, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
}

/** 0, or -62 (ETIME). Task context. */
export function down_timeout(sem: semaphore, ticks: u32): i32 {
  return down_common(sem, TASK_UNINTERRUPTIBLE, ticks);
}

/** 0 when it is ours, 1 when not: Linux has it this way round. Any context but an NMI. */
export function down_trylock(sem: semaphore): i32 {
  const flags = spin_lock_irqsave(sem);
  const got = sem.count > 0;
  if (got) sem.count--;
  spin_unlock_irqrestore(sem, flags);
  return got ? 0 : 1;
}

/** Any context but an NMI, and not only by who took it. */
export function up(sem: semaphore): void {
  const flags = spin_lock_irqsave(sem);
  if (list_empty(waiters(sem))) sem.count++;
  else {
    const node = list_next(waiters(sem));
    const p = changetype<task_struct>(node - offsetof<task_struct>('sem_next'));
    list_del_init(node);
    WRITE_ONCE(changetype<usize>(p) + offsetof<task_struct>('sem_up'), 1);
    wake_up_process(p);
  }
  spin_unlock_irqrestore(sem, flags);
}
