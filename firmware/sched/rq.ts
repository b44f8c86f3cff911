// Run queues: one per CPU, a list of the runnable tasks by weighted run time. The running task is
// not on the list. Everything here is under rq->lock, interrupts off.

import { READ_ONCE } from '../arch/atomic';
import { clint_mtime_low } from '../arch/clint';
import { smp_processor_id } from '../arch/percpu';
import {
  INIT_LIST_HEAD,
  list_add,
  list_del_init,
  list_empty,
  list_next,
  list_prev,
} from '../lib/list';
import { spin_lock_init, spinlock_t } from '../locking/spinlock';
import { PF_STOPPER, task_struct } from './task';

@unmanaged
export class rq extends spinlock_t {
  cpu: u32;
  /** Runnable tasks, the running one too, the idle task never. Read by others as a hint. */
  nr_running: u32;
  curr: usize;
  idle: usize;
  /** The waiting ones, least vruntime first. */
  queue_next: usize;
  queue_prev: usize;
  min_vruntime: u32;
  nr_switches: u32;
  ttwu_count: u32;
  ttwu_local: u32;
  nr_migrations: u32;
  /** Time that this CPU spent in tasks, ticks of mtime. */
  busy: u64;
}

const RQ_SIZE: usize = 128;
const runqueues: usize = memory.data(128 * 32, 8);

export function cpu_rq(cpu: u32): rq {
  return changetype<rq>(runqueues + <usize>cpu * RQ_SIZE);
}

/** Only with preemption or interrupts off, or the answer may be stale. */
export function this_rq(): rq {
  return cpu_rq(smp_processor_id());
}

export function rq_init(cpu: u32, idle: task_struct): void {
  const q = cpu_rq(cpu);
  spin_lock_init(q, 'rq->lock');
  q.cpu = cpu;
  q.curr = changetype<usize>(idle);
  q.idle = changetype<usize>(idle);
  INIT_LIST_HEAD(queue(q));
}

function queue(q: rq): usize {
  return changetype<usize>(q) + offsetof<rq>('queue_next');
}

function node(p: task_struct): usize {
  return changetype<usize>(p) + offsetof<task_struct>('run_next');
}

function task_of(entry: usize): task_struct {
  return changetype<task_struct>(entry - offsetof<task_struct>('run_next'));
}

export function rq_nr_running(q: rq): u32 {
  return READ_ONCE(changetype<usize>(q) + offsetof<rq>('nr_running'));
}

/** Weights of the nice levels -20…19: each step is a quarter more or less. Computed, not tabled. */
export function weight_of(nice: i32): u32 {
  let weight: u32 = 1024;
  for (; nice < 0; nice++) weight += weight >> 2;
  for (; nice > 0; nice--) weight = (weight << 2) / 5;
  return weight == 0 ? 1 : weight;
}

/** Charges the running task for its time up to now. */
export function update_curr(q: rq): void {
  const p = changetype<task_struct>(q.curr);
  const now = clint_mtime_low();
  const delta = now - p.exec_start;
  p.exec_start = now;
  p.sum_exec += <u64>delta;
  if (q.curr == q.idle) return;
  q.busy += <u64>delta;
  p.vruntime += p.weight == 1024 ? delta : <u32>(((<u64>delta) << 10) / <u64>p.weight);
  let least = p.vruntime;
  const head = queue(q);
  if (!list_empty(head)) {
    const first = task_of(list_next(head)).vruntime;
    if (<i32>(first - least) < 0) least = first;
  }
  if (<i32>(least - q.min_vruntime) > 0) q.min_vruntime = least;
}

/** Puts a task onto the list, behind those that have run less or as much. */
export function list_enqueue(q: rq, p: task_struct): void {
  const head = queue(q);
  if (p.flags & PF_STOPPER) {
    list_add(node(p), head);
    return;
  }
  let after = list_prev(head);
  while (after != head) {
    const other = task_of(after);
    if (other.flags & PF_STOPPER || <i32>(p.vruntime - other.vruntime) >= 0) break;
    after = list_prev(after);
  }
  list_add(node(p), after);
}

export function list_dequeue(p: task_struct): void {
  list_del_init(node(p));
}

/** The task to run next, taken off the list; the idle task if there is none. */
export function pick_next_task(q: rq): task_struct {
  const head = queue(q);
  const first = list_next(head);
  if (first == head) return changetype<task_struct>(q.idle);
  list_del_init(first);
  return task_of(first);
}

/** A queued task that may run on `cpu`, or 0. The last one: it has waited least. */
export function find_movable(q: rq, cpu: u32): usize {
  const head = queue(q);
  for (let entry = list_prev(head); entry != head; entry = list_prev(entry)) {
    const p = task_of(entry);
    if ((p.cpus_mask >> cpu) & 1 && !(p.flags & PF_STOPPER)) return changetype<usize>(p);
  }
  return 0;
}

/** Makes a task part of the queue. It becomes runnable here, or moves here. */
export function activate_task(q: rq, p: task_struct): void {
  // A long sleeper comes back with a little credit, not with all the time it did not use.
  const CREDIT: i32 = 30_000;
  let lag = <i32>p.vruntime;
  if (lag < -CREDIT) lag = -CREDIT;
  p.vruntime = q.min_vruntime + <u32>lag;
  p.on_rq = 1;
  q.nr_running++;
  list_enqueue(q, p);
}

/** Takes a task that is not on the list (because it runs) or is, off the queue. */
export function deactivate_task(q: rq, p: task_struct): void {
  p.on_rq = 0;
  q.nr_running--;
  p.vruntime -= q.min_vruntime;
}

/** Should `p`, which has just become runnable, run instead of the current task? */
export function wakeup_preempts(q: rq, p: task_struct): bool {
  const GRANULARITY: i32 = 10_000;
  if (q.curr == q.idle || p.flags & PF_STOPPER) return true;
  const running = changetype<task_struct>(q.curr);
  if (running.flags & PF_STOPPER) return false;
  return <i32>(running.vruntime - p.vruntime) > GRANULARITY;
}
