// The scheduler: schedule(), try_to_wake_up(), preemption, affinity, nice levels.
//
// Lock order: p->pi_lock, then rq->lock, then a second rq->lock (the one of the higher CPU number
// last). A task that is on a queue stays there unless both are held; a task that sleeps is moved only
// by who wakes it, under its pi_lock.

import { READ_ONCE, WRITE_ONCE, smp_load_acquire, smp_mb, smp_store_release } from '../arch/atomic';
import { __switch_to } from '../arch/entry';
import { hart_pause, hart_tp } from '../arch/hart';
import { IPI_RESCHEDULE, send_ipi } from '../arch/ipi';
import { irqs_disabled, local_irq_disable, local_irq_enable } from '../arch/irqflags';
import {
  Cpu,
  PREEMPT_OFFSET,
  cpu_area,
  in_interrupt,
  need_resched,
  preempt_count,
  preempt_disable,
  preempt_enable_no_resched,
  smp_processor_id,
} from '../arch/percpu';
import { cpu_online } from '../arch/smp';
import { board } from '../arch/fdt';
import {
  spin_lock,
  spin_lock_irqsave,
  spin_unlock,
  spin_unlock_irqrestore,
  spin_unlock_no_resched,
} from '../locking/spinlock';
import { pr_info } from '../printk/printk';
import { put_task_struct } from './fork';
import { hrtick_start } from './hrtick';
import {
  activate_task,
  cpu_rq,
  deactivate_task,
  find_movable,
  list_dequeue,
  list_enqueue,
  pick_next_task,
  rq,
  rq_init,
  rq_nr_running,
  this_rq,
  update_curr,
  wakeup_preempts,
  weight_of,
} from './rq';
import {
  CPUS_ALL,
  TASK_DEAD,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_RUNNING,
  TASK_WAKING,
  current,
  idle_task,
  signal_pending,
  task_comm,
  task_state,
  task_struct,
} from './task';

export {
  TASK_IDLE,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  clear_sigint,
  current,
  signal_pending,
  task_struct,
} from './task';
export { schedule_timeout, schedule_timeout_uninterruptible, msleep } from './timeout';
export { need_resched } from '../arch/percpu';

function state_of(p: task_struct): usize {
  return changetype<usize>(p) + offsetof<task_struct>('state');
}

/** With a full barrier after it: the condition that the caller looks at next is read later. */
export function set_current_state(state: u32): void {
  WRITE_ONCE(state_of(current()), state);
  smp_mb();
}

/** Without the barrier: for going back to TASK_RUNNING. */
export function __set_current_state(state: u32): void {
  WRITE_ONCE(state_of(current()), state);
}

/** rq->lock held, interrupts off: the CPU of this queue should call schedule() soon. */
export function resched_curr(q: rq): void {
  const flag = changetype<usize>(cpu_area(q.cpu)) + offsetof<Cpu>('need_resched');
  if (READ_ONCE(flag) != 0) return;
  WRITE_ONCE(flag, 1);
  if (q.cpu != smp_processor_id()) send_ipi(q.cpu, IPI_RESCHEDULE);
}

/**
 * Called by the next task, on its own stack, with the lock of this CPU's queue held by whoever
 * switched. Lets go of the previous one.
 */
export function finish_task_switch(prev: task_struct): void {
  const state = task_state(prev);
  smp_store_release(changetype<usize>(prev) + offsetof<task_struct>('on_cpu'), 0);
  spin_unlock_no_resched(this_rq());
  local_irq_enable();
  if (state == TASK_DEAD) put_task_struct(prev);
}

/** Is a task about to leave the CPU without having been told to, and in a state that forbids it? */
function schedule_debug(): void {
  if (preempt_count() != PREEMPT_OFFSET) throw new Error('scheduling while atomic');
}

/** Preemption off once, interrupts on or off; comes back with interrupts on. */
function __schedule(preempt: bool): void {
  schedule_debug();
  local_irq_disable();
  const q = this_rq();
  spin_lock(q);
  // The state that the task has set comes before what is read here; pairs with try_to_wake_up().
  smp_mb();
  const prev = changetype<task_struct>(q.curr);
  update_curr(q);
  const is_idle = q.curr == q.idle;
  if (!is_idle) {
    const state = task_state(prev);
    if (!preempt && state != TASK_RUNNING) {
      if (state & TASK_INTERRUPTIBLE && signal_pending(prev)) {
        WRITE_ONCE(state_of(prev), TASK_RUNNING);
        list_enqueue(q, prev);
      } else deactivate_task(q, prev);
      prev.nvcsw++;
    } else {
      list_enqueue(q, prev);
      if (preempt) prev.nivcsw++;
      else prev.nvcsw++;
    }
  }
  if (q.nr_running == 0) newidle_balance(q);
  const next = pick_next_task(q);
  WRITE_ONCE(hart_tp() + offsetof<Cpu>('need_resched'), 0);
  if (next == prev) {
    spin_unlock_no_resched(q);
    local_irq_enable();
    return;
  }
  q.nr_switches++;
  q.curr = changetype<usize>(next);
  next.on_cpu = 1;
  next.exec_start = prev.exec_start;
  next.slice_start = prev.exec_start;
  WRITE_ONCE(hart_tp() + offsetof<Cpu>('current'), <u32>changetype<usize>(next));
  const last = __switch_to(changetype<usize>(prev), changetype<usize>(next));
  finish_task_switch(changetype<task_struct>(last));
}

/** Task context, no locks held. Sleeps if the caller has set its state so. */
export function schedule(): void {
  do {
    preempt_disable();
    __schedule(false);
    preempt_enable_no_resched();
  } while (need_resched());
}

/** From preempt_enable() and unlocks; called by symbol (arch/entry.ts). */
export function preempt_schedule(): void {
  if (irqs_disabled() || in_interrupt()) return;
  do {
    preempt_disable();
    __schedule(true);
    preempt_enable_no_resched();
  } while (need_resched());
}

/** From entry.S at the end of an interrupt, on the task's stack. Interrupts off, and on return. */
export function preempt_schedule_irq(): void {
  do {
    preempt_disable();
    __schedule(true);
    local_irq_disable();
    preempt_enable_no_resched();
  } while (need_resched());
}

/** The idle task, which has preemption off for good. */
export function schedule_idle(): void {
  __schedule(false);
}

/** Lets others run if they should. Task context. Returns whether it did. */
export function cond_resched(): bool {
  if (!need_resched() || preempt_count() != 0) return false;
  schedule();
  return true;
}

/** Goes to the back of the queue. Task context. */
export function sched_yield(): void {
  preempt_disable();
  local_irq_disable();
  const q = this_rq();
  spin_lock(q);
  update_curr(q);
  current().vruntime += 10_000;
  spin_unlock_no_resched(q);
  local_irq_enable();
  preempt_enable_no_resched();
  schedule();
}

/** Says when it is called where sleeping is not allowed. */
export function might_sleep(): void {
  if (preempt_count() != 0) throw new Error('sleeping function called from atomic context');
  if (irqs_disabled()) throw new Error('sleeping function called with interrupts off');
  cond_resched();
}

/**
 * The task may run on none of the CPUs that there are: from now on it may on all. Under p->pi_lock, where
 * Linux came to print this by printk_deferred() only.
 */
function select_fallback_rq(p: task_struct): u32 {
  p.cpus_mask = CPUS_ALL;
  pr_info('process %u (%S) no longer affine to cpu%u\n', p.pid, task_comm(p), p.cpu);
  return smp_processor_id();
}

/** An allowed CPU: where it ran if that is idle, else here if idle, else the least loaded one. */
function select_task_rq(p: task_struct): u32 {
  const mask = p.cpus_mask;
  const prev = p.cpu;
  const prev_ok = ((mask >> prev) & 1) != 0;
  if (prev_ok && rq_nr_running(cpu_rq(prev)) == 0) return prev;
  if ((mask & (mask - 1)) == 0 && prev_ok) return prev;
  let best = prev_ok ? prev : 32;
  let load: u32 = prev_ok ? rq_nr_running(cpu_rq(prev)) : 0xffffffff;
  for (let cpu: u32 = 0; cpu < board.nr_harts && load > 0; cpu++) {
    if (!((mask >> cpu) & 1) || !cpu_online(cpu)) continue;
    const n = rq_nr_running(cpu_rq(cpu));
    if (n < load) {
      load = n;
      best = cpu;
    }
  }
  return best < 32 ? best : select_fallback_rq(p);
}

function set_task_cpu(p: task_struct, cpu: u32): void {
  if (p.cpu == cpu) return;
  p.nr_migrations++;
  cpu_rq(cpu).nr_migrations++;
  p.cpu = cpu;
}

/** Locks the queue that a task is on. p->pi_lock held, so it cannot change. */
function task_rq_lock(p: task_struct): rq {
  while (true) {
    const q = cpu_rq(READ_ONCE(changetype<usize>(p) + offsetof<task_struct>('cpu')));
    spin_lock(q);
    if (q.cpu == p.cpu) return q;
    spin_unlock(q);
  }
}

/**
 * Makes a task runnable if it sleeps in one of the given states. True if it did. Any context but an
 * NMI. Takes p->pi_lock, and under it the rq->lock of the CPU chosen.
 */
export function try_to_wake_up(p: task_struct, state: u32): bool {
  const flags = spin_lock_irqsave(p);
  // What the caller did before this wakeup comes before the look at the state; pairs with
  // set_current_state() and __schedule().
  smp_mb();
  if (!(task_state(p) & state)) {
    spin_unlock_irqrestore(p, flags);
    return false;
  }
  p.nr_wakeups++;
  if (READ_ONCE(changetype<usize>(p) + offsetof<task_struct>('on_rq')) != 0) {
    // It has set its state, but is still on a queue: it has not yet got to sleep.
    const q = task_rq_lock(p);
    if (p.on_rq) {
      WRITE_ONCE(state_of(p), TASK_RUNNING);
      spin_unlock(q);
      spin_unlock_irqrestore(p, flags);
      return true;
    }
    spin_unlock(q);
  }
  WRITE_ONCE(state_of(p), TASK_WAKING);
  // Its CPU may still be on its stack.
  while (smp_load_acquire(changetype<usize>(p) + offsetof<task_struct>('on_cpu')) != 0)
    hart_pause();
  const cpu = select_task_rq(p);
  set_task_cpu(p, cpu);
  ttwu_queue(p, cpu);
  spin_unlock_irqrestore(p, flags);
  return true;
}

/** p->pi_lock held, interrupts off. */
function ttwu_queue(p: task_struct, cpu: u32): void {
  const q = cpu_rq(cpu);
  spin_lock(q);
  q.ttwu_count++;
  if (cpu == smp_processor_id()) q.ttwu_local++;
  activate_task(q, p);
  hrtick_start(q);
  WRITE_ONCE(state_of(p), TASK_RUNNING);
  if (wakeup_preempts(q, p)) resched_curr(q);
  spin_unlock(q);
}

export function wake_up_process(p: task_struct): bool {
  return try_to_wake_up(p, TASK_NORMAL);
}

export function wake_up_state(p: task_struct, state: u32): bool {
  return try_to_wake_up(p, state);
}

/** A task that has never run. */
export function wake_up_new_task(p: task_struct): void {
  const flags = spin_lock_irqsave(p);
  set_task_cpu(p, select_task_rq(p));
  ttwu_queue(p, p.cpu);
  spin_unlock_irqrestore(p, flags);
}

/** ^C: ends an interruptible sleep. Any context but an NMI. */
export function send_sigint(p: task_struct): void {
  WRITE_ONCE(changetype<usize>(p) + offsetof<task_struct>('sigpending'), 1);
  wake_up_state(p, TASK_INTERRUPTIBLE);
}

/** Called by the tick, hardirq context. Ends the time slice when others wait. */
export function scheduler_tick(): void {
  const SLICE: u32 = 90_000;
  const q = this_rq();
  spin_lock(q);
  update_curr(q);
  const p = changetype<task_struct>(q.curr);
  const waiting = q.curr == q.idle ? q.nr_running > 0 : q.nr_running > 1;
  if (waiting && (q.curr == q.idle || p.exec_start - p.slice_start >= SLICE)) resched_curr(q);
  spin_unlock(q);
}

/** Two queues, in the order of their numbers; one of them is held. May drop it for a moment. */
function double_lock_balance(held: rq, other: rq): void {
  if (other.cpu < held.cpu) {
    spin_unlock_no_resched(held);
    spin_lock(other);
    spin_lock(held);
  } else spin_lock(other);
}

/** This CPU is about to idle: takes a waiting task from the CPU that has most. rq->lock held. */
function newidle_balance(q: rq): void {
  let busiest: u32 = q.cpu;
  let most: u32 = 1;
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    const n = rq_nr_running(cpu_rq(cpu));
    if (n > most && cpu != q.cpu) {
      most = n;
      busiest = cpu;
    }
  }
  if (busiest == q.cpu || !cpu_online(q.cpu)) return;
  const from = cpu_rq(busiest);
  double_lock_balance(q, from);
  const found = from.nr_running > 1 ? find_movable(from, q.cpu) : 0;
  if (found != 0) move_queued(from, q, changetype<task_struct>(found));
  spin_unlock_no_resched(from);
}

/** Both locks held. The task is on the list of `from`. */
function move_queued(from: rq, to: rq, p: task_struct): void {
  list_dequeue(p);
  deactivate_task(from, p);
  set_task_cpu(p, to.cpu);
  activate_task(to, p);
}

/**
 * Called by a CPU's stopper, with interrupts on: if a task waits on this CPU but may not run here, it
 * goes to one where it may.
 */
export function migrate_task(p: task_struct): void {
  const flags = spin_lock_irqsave(p);
  const from = task_rq_lock(p);
  const cpu = select_task_rq(p);
  if (p.on_rq && p.on_cpu == 0 && cpu != from.cpu) {
    list_dequeue(p);
    deactivate_task(from, p);
    set_task_cpu(p, cpu);
    spin_unlock_no_resched(from);
    const to = cpu_rq(cpu);
    spin_lock(to);
    activate_task(to, p);
    if (wakeup_preempts(to, p)) resched_curr(to);
    spin_unlock(to);
  } else spin_unlock(from);
  spin_unlock_irqrestore(p, flags);
}

/** Sets the CPUs allowed. True if the task runs on another one right now and must be pushed off. */
export function do_set_cpus_allowed(p: task_struct, mask: u32): bool {
  const flags = spin_lock_irqsave(p);
  const q = task_rq_lock(p);
  p.cpus_mask = mask;
  const misplaced = p.on_rq != 0 && !((mask >> p.cpu) & 1);
  spin_unlock(q);
  spin_unlock_irqrestore(p, flags);
  return misplaced;
}

/** Task context. Takes effect from the task's next turn on. */
export function set_user_nice(p: task_struct, nice: i32): void {
  const flags = spin_lock_irqsave(p);
  const q = task_rq_lock(p);
  if (p.on_cpu) update_curr(q);
  p.nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
  p.weight = weight_of(p.nice);
  spin_unlock(q);
  spin_unlock_irqrestore(p, flags);
}

/** Each hart, first of all: its boot code is its idle task. Interrupts off. */
export function sched_init_cpu(stack: usize, stack_size: u32): void {
  const cpu = smp_processor_id();
  const p = idle_task(cpu);
  p.cpu = cpu;
  p.on_cpu = 1;
  p.on_rq = 1;
  p.weight = 1024;
  p.cpus_mask = 1 << cpu;
  p.stack = stack;
  p.stack_size = stack_size;
  rq_init(cpu, p);
}

/** For exit.ts: the last call of a task. */
export function do_task_dead(): void {
  preempt_disable();
  WRITE_ONCE(state_of(current()), TASK_DEAD);
  __schedule(false);
  throw new Error('a dead task came back');
}
