// Mutexes: sleeping locks with an owner. Uncontended, one compare-and-swap; otherwise a list of
// waiters under lock->wait_lock, the first of whom gets the mutex handed over.

import { READ_ONCE, WRITE_ONCE, cmpxchg, cmpxchg_acquire, cmpxchg_release } from '../arch/atomic';
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_next } from '../lib/list';
import {
  __set_current_state,
  might_sleep,
  schedule,
  set_current_state,
  wake_up_process,
} from '../sched/core';
import { TASK_RUNNING, TASK_UNINTERRUPTIBLE, current, task_struct } from '../sched/task';
import { spin_lock_init, spin_lock_irqsave, spin_unlock_irqrestore, spinlock_t } from './spinlock';

/** The base is wait_lock. */
@unmanaged
export class mutex extends spinlock_t {
  /** The task that has it, with bit 0 set when somebody waits; 0 when free. */
  holder: usize;
  list_next: usize;
  list_prev: usize;
}

const WAITERS: u32 = 1;

export function mutex_init(lock: mutex, name: string): void {
  spin_lock_init(lock, name);
  WRITE_ONCE(holder_of(lock), 0);
  INIT_LIST_HEAD(waiters(lock));
}

function holder_of(lock: mutex): usize {
  return changetype<usize>(lock) + offsetof<mutex>('holder');
}

function waiters(lock: mutex): usize {
  return changetype<usize>(lock) + offsetof<mutex>('list_next');
}

/** Task that has the mutex; 0 if none. */
export function mutex_owner(lock: mutex): usize {
  return READ_ONCE(holder_of(lock)) & ~WAITERS;
}

export function mutex_is_locked(lock: mutex): bool {
  return mutex_owner(lock) != 0;
}

/** Task context. */
export function mutex_trylock(lock: mutex): bool {
  return cmpxchg_acquire(holder_of(lock), 0, <u32>changetype<usize>(current())) == 0;
}

/** Task context. */
export function mutex_lock(lock: mutex): void {
  might_sleep();
  if (!mutex_trylock(lock)) mutex_lock_slow(lock);
}

function mutex_lock_slow(lock: mutex): void {
  const p = current();
  const self = <u32>changetype<usize>(p);
  if (mutex_owner(lock) == self) throw new Error('mutex locked twice by the same task');
  const node = changetype<usize>(p) + offsetof<task_struct>('sem_next');
  let flags = spin_lock_irqsave(lock);
  list_add_tail(node, waiters(lock));
  p.blocked_on = changetype<usize>(lock);
  while (true) {
    const old = READ_ONCE(holder_of(lock));
    // Free, or handed over by mutex_unlock().
    if ((old & ~WAITERS) == self) break;
    if ((old & ~WAITERS) == 0) {
      if (cmpxchg(holder_of(lock), old, self | WAITERS) == old) break;
      continue;
    }
    if (cmpxchg(holder_of(lock), old, old | WAITERS) != old) continue;
    set_current_state(TASK_UNINTERRUPTIBLE);
    spin_unlock_irqrestore(lock, flags);
    schedule();
    flags = spin_lock_irqsave(lock);
  }
  __set_current_state(TASK_RUNNING);
  list_del_init(node);
  p.blocked_on = 0;
  if (list_empty(waiters(lock))) WRITE_ONCE(holder_of(lock), self);
  spin_unlock_irqrestore(lock, flags);
}

/** Task context, by the task that has it. */
export function mutex_unlock(lock: mutex): void {
  const self = <u32>changetype<usize>(current());
  if (cmpxchg_release(holder_of(lock), self, 0) == self) return;
  const owner = mutex_owner(lock);
  if (owner == 0) throw new Error('mutex already unlocked');
  if (owner != self) throw new Error('mutex unlocked by a task that does not hold it');
  const flags = spin_lock_irqsave(lock);
  if (list_empty(waiters(lock))) WRITE_ONCE(holder_of(lock), 0);
  else {
    const node = list_next(waiters(lock));
    const next = node - offsetof<task_struct>('sem_next');
    WRITE_ONCE(holder_of(lock), (<u32>next) | WAITERS);
    wake_up_process(changetype<task_struct>(next));
  }
  spin_unlock_irqrestore(lock, flags);
}
