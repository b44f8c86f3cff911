// struct task_struct, the table of tasks, and who is running. What tasks do is in core.ts and fork.ts.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { Cpu, cpu_area, smp_processor_id } from '../arch/percpu';
import { hart_tp } from '../arch/hart';
import { spinlock_t } from '../locking/spinlock';

// task_struct.state. A sleeper sets it before it looks at what it waits for.
export const TASK_RUNNING: u32 = 0;
/** Woken by an event or by ^C. */
export const TASK_INTERRUPTIBLE: u32 = 1 << 0;
export const TASK_UNINTERRUPTIBLE: u32 = 1 << 1;
export const TASK_DEAD: u32 = 1 << 2;
export const TASK_PARKED: u32 = 1 << 3;
/** Somebody is about to put it on a run queue. */
export const TASK_WAKING: u32 = 1 << 4;
/** Never ran. */
export const TASK_NEW: u32 = 1 << 5;
/** Uninterruptible, but no reason for the hung task check to worry. */
export const TASK_NOLOAD: u32 = 1 << 6;
export const TASK_IDLE: u32 = TASK_UNINTERRUPTIBLE | TASK_NOLOAD;
export const TASK_NORMAL: u32 = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;

// task_struct.flags
/** Made by kthread_create(). */
export const PF_KTHREAD: u32 = 1 << 0;
/** Runs before everything else: migration/N. */
export const PF_STOPPER: u32 = 1 << 1;
/** The affinity must not be changed. */
export const PF_NO_SETAFFINITY: u32 = 1 << 2;
export const PF_EXITING: u32 = 1 << 3;
export const PF_IDLE: u32 = 1 << 4;

export const CPUS_ALL: u32 = 0xffffffff;
export const COMM_LENGTH: u32 = 16;
export const NR_TASKS: u32 = 256;

/** A task. Its base, the spinlock, is p->pi_lock, which serialises wakeups and moves. */
@unmanaged
export class task_struct extends spinlock_t {
  /** Where it left off; TASK_SP in entry.S. */
  sp: usize;
  /** Written by the task itself and, under pi_lock, by who wakes it. */
  state: u32;
  /** 1 while it is on a run queue or running. Under rq->lock. */
  on_rq: u32;
  /** 1 while a CPU runs it, until that CPU has left its stack. */
  on_cpu: u32;
  /** The CPU whose run queue it is on. Under pi_lock and rq->lock. */
  cpu: u32;
  pid: u32;
  flags: u32;
  usage: u32;
  /** Lowest address and size of its stack. */
  stack: usize;
  stack_size: u32;
  /** Name: COMM_LENGTH bytes, a C string. */
  comm0: u32;
  comm1: u32;
  comm2: u32;
  comm3: u32;
  /** What a kernel thread runs. */
  fn: (data: usize) => u32;
  data: usize;
  exit_code: u32;
  /** CPUs that it may run on, a bit each. Under pi_lock and rq->lock. */
  cpus_mask: u32;

  // The run queue's business (core.ts), under rq->lock.
  run_next: usize;
  run_prev: usize;
  nice: i32;
  weight: u32;
  /** Weighted run time, in ticks of mtime, mod 2^32; relative to the queue's while it sleeps. */
  vruntime: u32;
  exec_start: u32;
  slice_start: u32;
  nvcsw: u32;
  nivcsw: u32;
  nr_wakeups: u32;
  nr_migrations: u32;
  /** Time that it ran, ticks of mtime. */
  sum_exec: u64;

  // Sleeping: the entry for the queue that it waits on (wait.ts); mutexes and semaphores use their own.
  wait_next: usize;
  wait_prev: usize;
  wait_private: usize;
  wait_func: usize;
  wait_flags: u32;
  sem_next: usize;
  sem_prev: usize;
  sem_task: usize;
  sem_up: u32;
  /** The lock it sleeps for, for reports. */
  blocked_on: usize;
  /** Its timer for schedule_timeout(), a timer_list. */
  timeout: usize;
  /** ^C was typed. */
  sigpending: u32;

  // kthread.ts
  should_stop: u32;
  should_park: u32;
  /** struct completion: it has exited; it has parked. */
  exited: usize;
  parked: usize;

  /** Switches seen by the hung task check, and since when. */
  hung_switches: u32;
  hung_since: u32;
}

/** Pointers to the tasks, by slot. Under tasklist_lock to change. */
export const tasks: usize = memory.data(4 * 256, 4);

/** The running task. Any context: the one that was interrupted. */
export function current(): task_struct {
  return changetype<task_struct>(READ_ONCE(hart_tp() + offsetof<Cpu>('current')));
}

/** The task on a CPU right now. */
export function cpu_curr(cpu: u32): task_struct {
  return changetype<task_struct>(
    READ_ONCE(changetype<usize>(cpu_area(cpu)) + offsetof<Cpu>('current')),
  );
}

/** Name of a task, a C string. */
export function task_comm(p: task_struct): usize {
  return changetype<usize>(p) + offsetof<task_struct>('comm0');
}

/** The task in a slot of the table; 0 if none. */
export function task_at(slot: u32): usize {
  return READ_ONCE(tasks + ((<usize>slot) << 2));
}

export function task_state(p: task_struct): u32 {
  return READ_ONCE(changetype<usize>(p) + offsetof<task_struct>('state'));
}

/** The letter that ps shows. */
export function task_state_char(p: task_struct): string {
  const state = task_state(p);
  if (state == TASK_RUNNING) return 'R';
  if (state & TASK_DEAD) return 'X';
  if (state & TASK_PARKED) return 'P';
  if (state & TASK_INTERRUPTIBLE) return 'S';
  if (state & TASK_NOLOAD) return 'I';
  if (state & TASK_UNINTERRUPTIBLE) return 'D';
  return 'W';
}

/** The idle task of a CPU before there is a scheduler, and for good. */
const idle_tasks: usize = memory.data(320 * 32, 8);
const IDLE_TASK_SIZE: usize = 320;

export function idle_task(cpu: u32): task_struct {
  return changetype<task_struct>(idle_tasks + <usize>cpu * IDLE_TASK_SIZE);
}

/** Makes the boot code of the running hart its idle task. First thing on each hart. */
export function init_current(): void {
  const cpu = smp_processor_id();
  WRITE_ONCE(hart_tp() + offsetof<Cpu>('current'), <u32>changetype<usize>(idle_task(cpu)));
}

/** ^C for a task: a sleep that can be interrupted ends. See send_sigint() in core.ts. */
export function signal_pending(p: task_struct): bool {
  return READ_ONCE(changetype<usize>(p) + offsetof<task_struct>('sigpending')) != 0;
}

export function clear_sigint(p: task_struct): void {
  WRITE_ONCE(changetype<usize>(p) + offsetof<task_struct>('sigpending'), 0);
}
