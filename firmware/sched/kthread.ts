// Kernel threads: create, bind, stop, park.

import { READ_ONCE, WRITE_ONCE, smp_store_release } from '../arch/atomic';
import { wait_for_completion, complete, completion } from '../locking/completion';
import { NR_CPUS } from '../arch/percpu';
import { copy_process, get_task_struct, put_task_struct } from './fork';
import {
  __set_current_state,
  schedule,
  set_current_state,
  wake_up_new_task,
  wake_up_process,
  wake_up_state,
} from './core';
import {
  PF_KTHREAD,
  PF_NO_SETAFFINITY,
  TASK_PARKED,
  TASK_RUNNING,
  current,
  task_struct,
} from './task';

/**
 * For any CPU; -1 is as good. (Default values of parameters must be literals: for anything else asc
 * passes the number of arguments in a global, which an interrupt or another CPU overwrites.)
 */
export const ANY_CPU: i32 = 255;

/** A thread that is not yet runnable: wake_up_new_task() starts it. Task context or boot. */
export function kthread_create(
  fn: (data: usize) => u32,
  data: usize,
  name: string,
  cpu: i32 = 255,
): task_struct {
  const p = copy_process(fn, data, name);
  p.flags |= PF_KTHREAD;
  if (cpu >= 0 && cpu < <i32>NR_CPUS) {
    p.flags |= PF_NO_SETAFFINITY;
    p.cpus_mask = 1 << cpu;
    p.cpu = cpu;
  }
  return p;
}

/** Makes and starts a thread, on one CPU or on any. It ends when fn returns. Task context or boot. */
export function kthread_run(
  fn: (data: usize) => u32,
  data: usize,
  name: string,
  cpu: i32 = 255,
): task_struct {
  const p = kthread_create(fn, data, name, cpu);
  wake_up_new_task(p);
  return p;
}

function should_stop(p: task_struct): usize {
  return changetype<usize>(p) + offsetof<task_struct>('should_stop');
}

function should_park(p: task_struct): usize {
  return changetype<usize>(p) + offsetof<task_struct>('should_park');
}

/** A thread that others stop asks this in its loop, after it has set its state. */
export function kthread_should_stop(): bool {
  return READ_ONCE(should_stop(current())) != 0;
}

export function kthread_should_park(): bool {
  return READ_ONCE(should_park(current())) != 0;
}

/**
 * Tells a thread to end and waits until it has. Returns what its function did. Task context. The
 * thread must not end by itself, or the caller must hold a reference.
 */
export function kthread_stop(p: task_struct): u32 {
  get_task_struct(p);
  WRITE_ONCE(should_stop(p), 1);
  kthread_unpark(p);
  wake_up_process(p);
  wait_for_completion(changetype<completion>(p.exited));
  const code = p.exit_code;
  put_task_struct(p);
  return code;
}

/** Has a thread wait in kthread_parkme(), and waits until it does. Task context. */
export function kthread_park(p: task_struct): void {
  WRITE_ONCE(should_park(p), 1);
  wake_up_process(p);
  wait_for_completion(changetype<completion>(p.parked));
}

export function kthread_unpark(p: task_struct): void {
  if (READ_ONCE(should_park(p)) == 0) return;
  smp_store_release(should_park(p), 0);
  wake_up_state(p, TASK_PARKED);
}

/** Called by the thread when kthread_should_park(). */
export function kthread_parkme(): void {
  const p = current();
  complete(changetype<completion>(p.parked));
  while (true) {
    set_current_state(TASK_PARKED);
    if (READ_ONCE(should_park(p)) == 0) break;
    schedule();
  }
  __set_current_state(TASK_RUNNING);
}
