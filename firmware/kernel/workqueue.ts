// Work queues: functions that run in task context, in a kworker/N thread of the CPU that they were
// queued on, in order. A pool has a list of works under pool->lock; when a worker sleeps in a work and
// more are waiting, another worker takes them.

import { READ_ONCE, WRITE_ONCE, cmpxchg, smp_mb } from '../arch/atomic';
import { preempt_disable, preempt_enable, smp_processor_id } from '../arch/percpu';
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_next } from '../lib/list';
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { memblock_alloc } from '../mm/memblock';
import {
  __set_current_state,
  might_sleep,
  schedule,
  set_current_state,
  wake_up_process,
} from '../sched/core';
import { kthread_create } from '../sched/kthread';
import { wake_up_new_task } from '../sched/core';
import { TASK_IDLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE, task_struct } from '../sched/task';
import {
  finish_wait,
  init_waitqueue_head,
  prepare_to_wait,
  wait_queue_head,
  wake_up_all,
  wq_has_sleeper,
} from '../sched/wait';
import { get_jiffies } from '../time/jiffies';
import { del_timer, mod_timer, timer_list, timer_setup } from '../time/timer';

@unmanaged
export class work_struct {
  entry_next: usize;
  entry_prev: usize;
  /** Queued, and not yet begun. Claimed by cmpxchg. */
  pending: u32;
  fn: (work: work_struct) => void;
  data: usize;
  /** CPU that it was last queued on, plus one. */
  pool: u32;
}

@unmanaged
export class delayed_work extends work_struct {
  /** struct timer_list. */
  timer: usize;
}

/** The base is pool->lock. */
@unmanaged
export class worker_pool extends spinlock_t {
  cpu: u32;
  list_next: usize;
  list_prev: usize;
  nr_workers: u32;
  nr_idle: u32;
  /** Works begun and finished. */
  nr_executed: u32;
  /** Workers, WORKERS_MAX at most. */
  workers: usize;
  /** wait_queue_head of flush_work(). */
  done: usize;
}

@unmanaged
class worker {
  task: usize;
  pool: usize;
  /** The work whose function runs; 0 when idle. */
  current_work: usize;
  idle: u32;
}

const WORKERS_MAX: u32 = 4;
const POOL_SIZE: usize = 64;
const pools: usize = memory.data(64 * 32, 8);

export function pool_of(cpu: u32): worker_pool {
  return changetype<worker_pool>(pools + <usize>cpu * POOL_SIZE);
}

function worklist(pool: worker_pool): usize {
  return changetype<usize>(pool) + offsetof<worker_pool>('list_next');
}

function worker_at(pool: worker_pool, i: u32): worker {
  return changetype<worker>(pool.workers + <usize>i * offsetof<worker>());
}

function pending_of(work: work_struct): usize {
  return changetype<usize>(work) + offsetof<work_struct>('pending');
}

export function INIT_WORK(work: work_struct, fn: (work: work_struct) => void): void {
  INIT_LIST_HEAD(changetype<usize>(work));
  WRITE_ONCE(pending_of(work), 0);
  work.fn = fn;
  work.pool = 0;
}

/** Under pool->lock: has an idle worker look at the list. */
function wake_up_worker(pool: worker_pool): void {
  for (let i: u32 = 0; i < pool.nr_workers; i++) {
    const w = worker_at(pool, i);
    if (w.idle) {
      w.idle = 0;
      pool.nr_idle--;
      wake_up_process(changetype<task_struct>(w.task));
      return;
    }
  }
}

function insert_work(work: work_struct, cpu: u32): void {
  const pool = pool_of(cpu);
  const flags = spin_lock_irqsave(pool);
  work.pool = cpu + 1;
  list_add_tail(changetype<usize>(work), worklist(pool));
  wake_up_worker(pool);
  spin_unlock_irqrestore(pool, flags);
}

/** False if it is queued already. Any context but an NMI. Takes pool->lock. */
export function queue_work_on(cpu: u32, work: work_struct): bool {
  if (cmpxchg(pending_of(work), 0, 1) != 0) return false;
  insert_work(work, cpu);
  return true;
}

/** On this CPU. */
export function schedule_work(work: work_struct): bool {
  preempt_disable();
  const queued = queue_work_on(smp_processor_id(), work);
  preempt_enable();
  return queued;
}

export function work_pending(work: work_struct): bool {
  return READ_ONCE(pending_of(work)) != 0;
}

/** Runs one work. pool->lock held with these flags; dropped meanwhile. Returns the new flags. */
function process_one_work(pool: worker_pool, me: worker, flags: u32): u32 {
  const entry = list_next(worklist(pool));
  const work = changetype<work_struct>(entry);
  list_del_init(entry);
  me.current_work = entry;
  pool.nr_executed++;
  const fn = work.fn;
  // What was written before queueing is seen; from here on it can be queued again.
  WRITE_ONCE(pending_of(work), 0);
  smp_mb();
  spin_unlock_irqrestore(pool, flags);
  fn(work);
  flags = spin_lock_irqsave(pool);
  me.current_work = 0;
  return flags;
}

function worker_thread(data: usize): u32 {
  const me = changetype<worker>(data);
  const pool = changetype<worker_pool>(me.pool);
  let flags = spin_lock_irqsave(pool);
  while (true) {
    while (!list_empty(worklist(pool))) {
      // Should this work sleep, somebody must be there for the others.
      if (pool.nr_idle == 0 && pool.nr_workers < WORKERS_MAX) {
        spin_unlock_irqrestore(pool, flags);
        create_worker(pool);
        flags = spin_lock_irqsave(pool);
        continue;
      }
      if (list_next(list_next(worklist(pool))) != worklist(pool)) wake_up_worker(pool);
      flags = process_one_work(pool, me, flags);
      spin_unlock_irqrestore(pool, flags);
      const done = changetype<wait_queue_head>(pool.done);
      if (wq_has_sleeper(done)) wake_up_all(done);
      flags = spin_lock_irqsave(pool);
    }
    if (!me.idle) {
      me.idle = 1;
      pool.nr_idle++;
    }
    set_current_state(TASK_IDLE);
    spin_unlock_irqrestore(pool, flags);
    schedule();
    flags = spin_lock_irqsave(pool);
    __set_current_state(TASK_RUNNING);
    if (me.idle) {
      me.idle = 0;
      pool.nr_idle--;
    }
  }
}

/** Task context or boot. */
function create_worker(pool: worker_pool): void {
  const p = kthread_create(worker_thread, 0, 'kworker', pool.cpu);
  const flags = spin_lock_irqsave(pool);
  const room = pool.nr_workers < WORKERS_MAX;
  const w = worker_at(pool, room ? pool.nr_workers : 0);
  if (room) {
    w.task = changetype<usize>(p);
    w.pool = changetype<usize>(pool);
    w.current_work = 0;
    // Counts as idle from its birth, or the next work would want another one.
    w.idle = 1;
    p.data = changetype<usize>(w);
    pool.nr_workers++;
    pool.nr_idle++;
  }
  spin_unlock_irqrestore(pool, flags);
  if (room) wake_up_new_task(p);
}

/** Boot CPU, when tasks can be made: the pool of one CPU. */
export function workqueue_init_cpu(cpu: u32): void {
  const pool = pool_of(cpu);
  spin_lock_init(pool, 'pool->lock');
  pool.cpu = cpu;
  INIT_LIST_HEAD(worklist(pool));
  pool.workers = memblock_alloc(offsetof<worker>() * WORKERS_MAX, 8);
  pool.done = memblock_alloc(offsetof<wait_queue_head>(), 8);
  init_waitqueue_head(changetype<wait_queue_head>(pool.done), 'pool->done');
  create_worker(pool);
}

/** Is it queued, or does its function run? */
export function work_busy(work: work_struct): bool {
  if (work.pool == 0) return false;
  const pool = pool_of(work.pool - 1);
  const flags = spin_lock_irqsave(pool);
  let busy = READ_ONCE(pending_of(work)) != 0;
  for (let i: u32 = 0; i < pool.nr_workers; i++) {
    if (worker_at(pool, i).current_work == changetype<usize>(work)) busy = true;
  }
  spin_unlock_irqrestore(pool, flags);
  return busy;
}

/** Waits until a work is neither queued nor running. Task context. */
export function flush_work(work: work_struct): void {
  might_sleep();
  if (work.pool == 0) return;
  const done = changetype<wait_queue_head>(pool_of(work.pool - 1).done);
  while (true) {
    prepare_to_wait(done, TASK_UNINTERRUPTIBLE);
    if (!work_busy(work)) break;
    schedule();
  }
  finish_wait(done);
}

/** Takes a work off its queue if it has not begun, and waits if it has. True if it was queued. */
export function cancel_work_sync(work: work_struct): bool {
  let was = false;
  if (work.pool != 0) {
    const pool = pool_of(work.pool - 1);
    const flags = spin_lock_irqsave(pool);
    if (!list_empty(changetype<usize>(work))) {
      list_del_init(changetype<usize>(work));
      WRITE_ONCE(pending_of(work), 0);
      was = true;
    }
    spin_unlock_irqrestore(pool, flags);
  }
  flush_work(work);
  return was;
}

function delayed_work_timer(t: timer_list): void {
  insert_work(changetype<work_struct>(t.data), smp_processor_id());
}

/** The timer is a timer_list of the caller, zeroed. */
export function INIT_DELAYED_WORK(
  work: delayed_work,
  timer: timer_list,
  fn: (work: work_struct) => void,
): void {
  INIT_WORK(work, fn);
  timer_setup(timer, delayed_work_timer);
  timer.data = changetype<usize>(work);
  work.timer = changetype<usize>(timer);
}

/** After so many ticks, on the CPU that it is called on. False if it is queued already. */
export function schedule_delayed_work(work: delayed_work, ticks: u32): bool {
  if (cmpxchg(pending_of(work), 0, 1) != 0) return false;
  mod_timer(changetype<timer_list>(work.timer), get_jiffies() + ticks);
  return true;
}

export function cancel_delayed_work(work: delayed_work): bool {
  if (!del_timer(changetype<timer_list>(work.timer))) return false;
  WRITE_ONCE(pending_of(work), 0);
  return true;
}

/** Throws if a queued work lies in memory that is being freed. */
export function debug_check_no_work(from: usize, size: usize): void {
  for (let cpu: u32 = 0; cpu < 32; cpu++) {
    const pool = pool_of(cpu);
    if (pool.workers == 0) continue;
    const flags = spin_lock_irqsave(pool);
    let found = false;
    const head = worklist(pool);
    for (let e = list_next(head); e != head; e = list_next(e)) if (e - from < size) found = true;
    spin_unlock_irqrestore(pool, flags);
    if (found) throw new Error('a queued work is freed');
  }
}
