// migration/N: a thread per CPU that runs before everything else. It takes tasks off CPUs where they
// may not run, and has all CPUs do nothing while one does something (stop_machine).

import {
  READ_ONCE,
  WRITE_ONCE,
  fetch_add,
  smp_load_acquire,
  smp_store_release,
} from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { local_irq_disable, local_irq_enable } from '../arch/irqflags';
import { NR_CPUS, preempt_disable, preempt_enable } from '../arch/percpu';
import { cpu_online } from '../arch/smp';
import { completion, complete, init_completion, wait_for_completion } from '../locking/completion';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import { memblock_alloc } from '../mm/memblock';
import {
  __set_current_state,
  do_set_cpus_allowed,
  migrate_task,
  schedule,
  set_current_state,
  wake_up_new_task,
  wake_up_process,
} from '../sched/core';
import { kthread_create } from '../sched/kthread';
import { PF_STOPPER, TASK_IDLE, TASK_RUNNING, task_struct } from '../sched/task';

/** A CPU's stopper: what to run, and who waits for it. Filled in under stop_cpus_mutex. */
@unmanaged
class cpu_stopper {
  task: usize;
  fn: usize;
  arg: usize;
  done: usize;
}

const stoppers: usize = memory.data(16 * 32, 4);
const stop_cpus_mutex: mutex = changetype<mutex>(memory.data(offsetof<mutex>(), 4));
/** stop_machine(): CPUs that have stopped; 1 when they may go on. */
const stopped: usize = memory.data(4, 4);
const resume: usize = memory.data(4, 4);

function stopper_of(cpu: u32): cpu_stopper {
  return changetype<cpu_stopper>(stoppers + <usize>cpu * 16);
}

function fn_of(s: cpu_stopper): usize {
  return changetype<usize>(s) + offsetof<cpu_stopper>('fn');
}

function stopper_thread(cpu: usize): u32 {
  const s = stopper_of(<u32>cpu);
  while (true) {
    set_current_state(TASK_IDLE);
    const fn = smp_load_acquire(fn_of(s));
    if (fn == 0) {
      schedule();
      continue;
    }
    __set_current_state(TASK_RUNNING);
    changetype<(arg: usize) => void>(<usize>fn)(s.arg);
    smp_store_release(fn_of(s), 0);
    complete(changetype<completion>(s.done));
  }
}

export function stop_machine_init(): void {
  mutex_init(stop_cpus_mutex, 'stop_cpus_mutex');
}

/** Every CPU, when tasks can be made. */
export function spawn_stopper(cpu: u32): void {
  const s = stopper_of(cpu);
  s.done = memblock_alloc(offsetof<completion>(), 8);
  init_completion(changetype<completion>(s.done), 'cpu_stop_done');
  const p = kthread_create(stopper_thread, cpu, 'migration', cpu);
  p.flags |= PF_STOPPER;
  s.task = changetype<usize>(p);
  wake_up_new_task(p);
}

function queue_stop(cpu: u32, fn: (arg: usize) => void, arg: usize): void {
  const s = stopper_of(cpu);
  s.arg = arg;
  smp_store_release(fn_of(s), <u32>changetype<usize>(fn));
  wake_up_process(changetype<task_struct>(s.task));
}

/** Runs fn(arg) on a CPU, in place of whatever runs there, and waits. Task context. */
export function stop_one_cpu(cpu: u32, fn: (arg: usize) => void, arg: usize): void {
  mutex_lock(stop_cpus_mutex);
  queue_stop(cpu, fn, arg);
  wait_for_completion(changetype<completion>(stopper_of(cpu).done));
  mutex_unlock(stop_cpus_mutex);
}

function stand_still(unused: usize): void {
  local_irq_disable();
  fetch_add(stopped, 1);
  while (smp_load_acquire(resume) == 0) hart_pause();
  local_irq_enable();
}

@unmanaged
class multi_stop {
  fn: usize;
  arg: usize;
  others: u32;
}
const multi: multi_stop = changetype<multi_stop>(memory.data(12, 4));

function run_alone(unused: usize): void {
  while (READ_ONCE(stopped) != multi.others) hart_pause();
  local_irq_disable();
  changetype<(arg: usize) => void>(multi.fn)(multi.arg);
  smp_store_release(resume, 1);
  local_irq_enable();
}

/** Runs fn(arg) on `cpu` with interrupts off while all other CPUs stand still with theirs off. */
export function stop_machine(cpu: u32, fn: (arg: usize) => void, arg: usize): void {
  mutex_lock(stop_cpus_mutex);
  WRITE_ONCE(stopped, 0);
  WRITE_ONCE(resume, 0);
  multi.fn = changetype<usize>(fn);
  multi.arg = arg;
  multi.others = 0;
  for (let n: u32 = 0; n < NR_CPUS; n++) if (n != cpu && cpu_online(n)) multi.others++;
  // Our own stopper must not take the CPU from us before all have been told.
  preempt_disable();
  for (let n: u32 = 0; n < NR_CPUS; n++) {
    if (n != cpu && cpu_online(n)) queue_stop(n, stand_still, 0);
  }
  queue_stop(cpu, run_alone, 0);
  preempt_enable();
  for (let n: u32 = 0; n < NR_CPUS; n++) {
    if (cpu_online(n)) wait_for_completion(changetype<completion>(stopper_of(n).done));
  }
  mutex_unlock(stop_cpus_mutex);
}

function push_off(p: usize): void {
  migrate_task(changetype<task_struct>(p));
}

/** Which CPUs a task may run on from now on. Task context. */
export function set_cpus_allowed(p: task_struct, mask: u32): void {
  if (do_set_cpus_allowed(p, mask)) stop_one_cpu(p.cpu, push_off, changetype<usize>(p));
}
