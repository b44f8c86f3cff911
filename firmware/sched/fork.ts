// Making tasks and giving them back. Memory of dead tasks is kept for new ones.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { preempt_enable } from '../arch/percpu';
import { address_of_ret_from_fork } from '../arch/symbols';
import { panic } from '../kernel/panic';
import { INIT_LIST_HEAD } from '../lib/list';
import { literal_length } from '../lib/string';
import { completion, init_completion } from '../locking/completion';
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { memblock_alloc } from '../mm/memblock';
import { timer_list } from '../time/timer';
import { finish_task_switch } from './core';
import { do_exit } from './exit';
import {
  COMM_LENGTH,
  CPUS_ALL,
  NR_TASKS,
  TASK_NEW,
  current,
  task_comm,
  task_struct,
  tasks,
} from './task';

/** Of each task. */
export const TASK_STACK_SIZE: usize = 16384;
/** What __switch_to pops; see entry.S. */
const SWITCH_SIZE: usize = 64;
const STACK_END_MAGIC: u32 = 0x57ac6e9d;

const tasklist_lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
/** Pid of the next task, and dead tasks, chained by run_next. Under tasklist_lock. */
const next_pid: usize = memory.data(4, 4);
const free_tasks: usize = memory.data(4, 4);
export const nr_forks: usize = memory.data(4, 4);

/** Boot CPU. Pid 0 is the idle tasks'. */
export function fork_init(): void {
  spin_lock_init(tasklist_lock, 'tasklist_lock');
  store<u32>(next_pid, 1);
}

/** A task_struct with stack, timer and completions: new, or a dead one's. */
function alloc_task(): task_struct {
  const flags = spin_lock_irqsave(tasklist_lock);
  const reused = load<usize>(free_tasks);
  if (reused != 0) store<usize>(free_tasks, changetype<task_struct>(reused).run_next);
  spin_unlock_irqrestore(tasklist_lock, flags);
  if (reused != 0) return changetype<task_struct>(reused);
  const p = changetype<task_struct>(memblock_alloc(offsetof<task_struct>(), 16));
  spin_lock_init(p, 'p->pi_lock');
  p.stack = memblock_alloc(TASK_STACK_SIZE, 16);
  p.stack_size = <u32>TASK_STACK_SIZE;
  p.timeout = memblock_alloc(offsetof<timer_list>(), 8);
  p.exited = memblock_alloc(offsetof<completion>(), 8);
  p.parked = memblock_alloc(offsetof<completion>(), 8);
  init_completion(changetype<completion>(p.exited), 'kthread->exited');
  init_completion(changetype<completion>(p.parked), 'kthread->parked');
  return p;
}

/** Any context. */
export function set_task_comm(p: task_struct, name: string): void {
  const to = task_comm(p);
  const units = literal_length(name);
  let i: u32 = 0;
  for (; i < units && i + 1 < COMM_LENGTH; i++) {
    store<u8>(to + i, load<u16>(changetype<usize>(name) + (i << 1)));
  }
  store<u8>(to + i, 0);
}

/**
 * Makes a task that will run fn(data), not yet runnable. It may run on every CPU, or on one only.
 * Task context, or the boot CPU before there are tasks.
 */
export function copy_process(fn: (data: usize) => u32, data: usize, name: string): task_struct {
  const p = alloc_task();
  p.state = TASK_NEW;
  p.on_rq = 0;
  p.on_cpu = 0;
  p.cpu = current().cpu;
  p.flags = 0;
  p.usage = 1;
  p.fn = fn;
  p.data = data;
  p.exit_code = 0;
  p.cpus_mask = CPUS_ALL;
  p.nice = 0;
  p.weight = 1024;
  p.vruntime = 0;
  p.nvcsw = 0;
  p.nivcsw = 0;
  p.nr_wakeups = 0;
  p.nr_migrations = 0;
  p.sum_exec = 0;
  p.blocked_on = 0;
  p.sigpending = 0;
  p.should_stop = 0;
  p.should_park = 0;
  p.hung_switches = 0;
  changetype<completion>(p.exited).done = 0;
  changetype<completion>(p.parked).done = 0;
  INIT_LIST_HEAD(changetype<usize>(p) + offsetof<task_struct>('run_next'));
  INIT_LIST_HEAD(changetype<usize>(p) + offsetof<task_struct>('wait_next'));
  INIT_LIST_HEAD(changetype<usize>(p) + offsetof<task_struct>('sem_next'));
  set_task_comm(p, name);
  store<u32>(p.stack, STACK_END_MAGIC);
  // A frame for __switch_to: ra at 60, s0 = 0 at 56, gp at 8.
  const sp = p.stack + p.stack_size - SWITCH_SIZE;
  memory.fill(sp, 0, SWITCH_SIZE);
  store<usize>(sp, address_of_ret_from_fork(), 60);
  store<usize>(sp, p.stack, 8);
  p.sp = sp;
  const flags = spin_lock_irqsave(tasklist_lock);
  p.pid = load<u32>(next_pid);
  store<u32>(next_pid, p.pid + 1);
  store<u32>(nr_forks, load<u32>(nr_forks) + 1);
  let slot: u32 = 0;
  while (slot < NR_TASKS && load<usize>(tasks + (slot << 2)) != 0) slot++;
  if (slot < NR_TASKS) WRITE_ONCE(tasks + (slot << 2), <u32>changetype<usize>(p));
  spin_unlock_irqrestore(tasklist_lock, flags);
  if (slot == NR_TASKS) panic('Too many tasks');
  return p;
}

export function get_task_struct(p: task_struct): void {
  fetch_add(changetype<usize>(p) + offsetof<task_struct>('usage'), 1);
}

/** The last reference gives the task back. Any context. */
export function put_task_struct(p: task_struct): void {
  if (fetch_add(changetype<usize>(p) + offsetof<task_struct>('usage'), 0xffffffff) != 1) return;
  const flags = spin_lock_irqsave(tasklist_lock);
  for (let slot: u32 = 0; slot < NR_TASKS; slot++) {
    if (READ_ONCE(tasks + (slot << 2)) == <u32>changetype<usize>(p)) {
      WRITE_ONCE(tasks + (slot << 2), 0);
    }
  }
  p.run_next = load<usize>(free_tasks);
  store<usize>(free_tasks, changetype<usize>(p));
  spin_unlock_irqrestore(tasklist_lock, flags);
}

/** Called by ret_from_fork in entry.S, on the new task's stack. Never returns. */
export function task_entry(prev: usize): void {
  finish_task_switch(changetype<task_struct>(prev));
  preempt_enable();
  const p = current();
  do_exit(p.fn(p.data));
}

/** True if the task has run over the end of its stack. */
export function task_stack_end_corrupted(p: task_struct): bool {
  return load<u32>(p.stack) != STACK_END_MAGIC;
}
