// Wait queues. The entry on a queue is normally the one inside the task_struct: a task waits on one
// queue at a time. Who wants more, or a function of its own, brings a wait_queue_entry.
//
// A sleeper does: prepare_to_wait(), look at the condition, schedule(), and so on until the condition
// holds; then finish_wait(). A waker makes the condition true, then calls wake_up(). If the waker
// asks waitqueue_active() first, without the lock, it needs smp_mb() in between (wq_has_sleeper()).

import { smp_mb } from '../arch/atomic';
import {
  INIT_LIST_HEAD,
  list_add,
  list_add_tail,
  list_del_init,
  list_empty,
  list_next,
} from '../lib/list';
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { __set_current_state, set_current_state, try_to_wake_up } from './core';
import { TASK_INTERRUPTIBLE, TASK_NORMAL, TASK_RUNNING, current, task_struct } from './task';

/** The base is the queue's lock. */
@unmanaged
export class wait_queue_head extends spinlock_t {
  head_next: usize;
  head_prev: usize;
}

/** wake_up() wakes all others, but of these only one. */
export const WQ_FLAG_EXCLUSIVE: u32 = 1;

/** The same words as wait_next…wait_flags of task_struct. */
@unmanaged
export class wait_queue_entry {
  entry_next: usize;
  entry_prev: usize;
  /** The task, for default_wake_function(). */
  private_data: usize;
  func: (entry: wait_queue_entry, mode: u32) => bool;
  flags: u32;
}

export function init_waitqueue_head(q: wait_queue_head, name: string = 'wq->lock'): void {
  spin_lock_init(q, name);
  INIT_LIST_HEAD(head_of(q));
}

function head_of(q: wait_queue_head): usize {
  return changetype<usize>(q) + offsetof<wait_queue_head>('head_next');
}

/** Wakes the task; the entry stays on the queue. Under the queue's lock. */
export function default_wake_function(entry: wait_queue_entry, mode: u32): bool {
  return try_to_wake_up(changetype<task_struct>(entry.private_data), mode);
}

/** Wakes the task and takes the entry off. Under the queue's lock. */
export function autoremove_wake_function(entry: wait_queue_entry, mode: u32): bool {
  const woken = default_wake_function(entry, mode);
  if (woken) list_del_init(changetype<usize>(entry));
  return woken;
}

/** For the current task, with default_wake_function. */
export function init_wait_entry(entry: wait_queue_entry): void {
  INIT_LIST_HEAD(changetype<usize>(entry));
  entry.private_data = changetype<usize>(current());
  entry.func = default_wake_function;
  entry.flags = 0;
}

/** Any context. */
export function add_wait_queue(q: wait_queue_head, entry: wait_queue_entry): void {
  const flags = spin_lock_irqsave(q);
  list_add(changetype<usize>(entry), head_of(q));
  spin_unlock_irqrestore(q, flags);
}

export function remove_wait_queue(q: wait_queue_head, entry: wait_queue_entry): void {
  const flags = spin_lock_irqsave(q);
  list_del_init(changetype<usize>(entry));
  spin_unlock_irqrestore(q, flags);
}

function own_entry(): wait_queue_entry {
  return changetype<wait_queue_entry>(
    changetype<usize>(current()) + offsetof<task_struct>('wait_next'),
  );
}

function prepare(q: wait_queue_head, state: u32, exclusive: bool): void {
  const entry = own_entry();
  const flags = spin_lock_irqsave(q);
  if (list_empty(changetype<usize>(entry))) {
    entry.private_data = changetype<usize>(current());
    entry.func = autoremove_wake_function;
    entry.flags = exclusive ? WQ_FLAG_EXCLUSIVE : 0;
    if (exclusive) list_add_tail(changetype<usize>(entry), head_of(q));
    else list_add(changetype<usize>(entry), head_of(q));
  }
  set_current_state(state);
  spin_unlock_irqrestore(q, flags);
}

/** Puts the current task onto the queue and sets its state. Task context. */
export function prepare_to_wait(q: wait_queue_head, state: u32): void {
  prepare(q, state, false);
}

export function prepare_to_wait_exclusive(q: wait_queue_head, state: u32): void {
  prepare(q, state, true);
}

/** Takes the current task off the queue, if nobody has. Task context. */
export function finish_wait(q: wait_queue_head): void {
  __set_current_state(TASK_RUNNING);
  const flags = spin_lock_irqsave(q);
  list_del_init(changetype<usize>(own_entry()));
  spin_unlock_irqrestore(q, flags);
}

/** Under the queue's lock. */
export function __wake_up_locked(q: wait_queue_head, mode: u32, nr_exclusive: u32): void {
  const head = head_of(q);
  let entry = list_next(head);
  while (entry != head) {
    const next = list_next(entry);
    const w = changetype<wait_queue_entry>(entry);
    const exclusive = (w.flags & WQ_FLAG_EXCLUSIVE) != 0;
    if (w.func(w, mode) && exclusive && --nr_exclusive == 0) return;
    entry = next;
  }
}

/** Any context but an NMI. Takes the queue's lock, even with nobody on it. */
export function __wake_up(q: wait_queue_head, mode: u32, nr_exclusive: u32): void {
  const flags = spin_lock_irqsave(q);
  __wake_up_locked(q, mode, nr_exclusive);
  spin_unlock_irqrestore(q, flags);
}

export function wake_up(q: wait_queue_head): void {
  __wake_up(q, TASK_NORMAL, 1);
}

export function wake_up_all(q: wait_queue_head): void {
  __wake_up(q, TASK_NORMAL, 0);
}

export function wake_up_interruptible(q: wait_queue_head): void {
  __wake_up(q, TASK_INTERRUPTIBLE, 1);
}

export function wake_up_interruptible_all(q: wait_queue_head): void {
  __wake_up(q, TASK_INTERRUPTIBLE, 0);
}

/** Is anybody on the queue? Without the lock: see above. */
export function waitqueue_active(q: wait_queue_head): bool {
  return !list_empty(head_of(q));
}

/** The same, after a barrier that orders it behind the condition. */
export function wq_has_sleeper(q: wait_queue_head): bool {
  smp_mb();
  return waitqueue_active(q);
}
