// The threads that print to nbcon consoles, one each: pr/ttyS0, … They do not run while there is a
// boot console, which may be the same device; they sleep while some CPU reports an emergency.
//
// A record's way to its thread: LMM(nbcon_kthread_wake:A), a full barrier between storing the record
// and looking for a sleeper, pairs with LMM(nbcon_kthread_func:A), the one between announcing the
// sleeper and looking for records. Without them both may miss each other.

import { READ_ONCE, WRITE_ONCE, smp_mb } from '../arch/atomic';
import { init_irq_work_lazy, irq_work, irq_work_queue } from '../kernel/irq_work';
import { panic_in_progress } from '../kernel/panic-state';
import { memblock_alloc } from '../mm/memblock';
import {
  TASK_INTERRUPTIBLE,
  cond_resched,
  schedule,
  set_user_nice,
  wake_up_new_task,
} from '../sched/core';
import { kthread_create, kthread_should_stop, kthread_stop } from '../sched/kthread';
import {
  finish_rcuwait,
  prepare_to_rcuwait,
  rcuwait_active,
  rcuwait_init,
  rcuwait_wake_up,
} from '../sched/rcuwait';
import { task_comm, task_struct } from '../sched/task';
import {
  CONSOLES_MAX,
  CON_NBCON,
  Console,
  boot_console,
  console_at,
  console_flags,
  console_is_usable,
  console_name,
  prb,
} from './console';
import { console_irqwork_blocked } from './klogd';
import {
  NBCON_PRIO_NORMAL,
  nbcon_context_release,
  nbcon_context_try_acquire,
  nbcon_seq_read,
} from './nbcon';
import { nbcon_emit_next_record, nbcon_in_emergency } from './nbcon-flush';

const COMM_MAX: u32 = 16;
const THREAD_NICE: i32 = -20;

/** 1 while every nbcon console has its thread: then nobody else need print, but in an emergency. */
const running: usize = memory.data(4, 4);

/** And can be woken: not while the system is being suspended. */
export function nbcon_kthreads_running(): bool {
  return READ_ONCE(running) != 0 && !console_irqwork_blocked();
}

function wait_of(console: Console): usize {
  return changetype<usize>(console) + offsetof<Console>('rcuwait');
}

function has_work(console: Console): bool {
  if (nbcon_in_emergency() || panic_in_progress() || !console_is_usable(console)) return false;
  return nbcon_seq_read(console) < prb.next_seq();
}

/** One record, under the device lock. False if there is none or the console is taken. */
function emit_one(console: Console): bool {
  let done: bool = false;
  console.device_lock(console);
  const ctxt = console.device_context;
  ctxt.prio = NBCON_PRIO_NORMAL;
  ctxt.spinwait_max_us = 0;
  ctxt.allow_unsafe_takeover = false;
  if (nbcon_context_try_acquire(ctxt, false)) {
    done = nbcon_emit_next_record(ctxt, false);
    nbcon_context_release(ctxt);
  }
  console.device_unlock(console);
  return done;
}

function nbcon_kthread_func(data: usize): u32 {
  const console = changetype<Console>(data);
  const wait = wait_of(console);
  while (true) {
    // LMM(nbcon_kthread_func:A): the barrier in here, before has_work() looks.
    prepare_to_rcuwait(wait, TASK_INTERRUPTIBLE);
    if (kthread_should_stop()) break;
    if (!has_work(console)) schedule();
    finish_rcuwait(wait);
    while (has_work(console) && emit_one(console)) cond_resched();
    cond_resched();
  }
  finish_rcuwait(wait);
  return 0;
}

/** Hardirq context. */
function nbcon_irq_work(work: irq_work): void {
  rcuwait_wake_up(wait_of(changetype<Console>(work.data)));
}

/** There is something to print. Any context: the wakeup itself is left to an irq_work. */
export function nbcon_kthreads_wake(): void {
  if (!nbcon_kthreads_running()) return;
  // LMM(nbcon_kthread_wake:A).
  smp_mb();
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || console.kthread == 0) continue;
    if (rcuwait_active(wait_of(console))) irq_work_queue(changetype<irq_work>(console.irq_work));
  }
}

/** Before it is registered. */
export function nbcon_thread_init(console: Console): void {
  console.kthread = 0;
  rcuwait_init(wait_of(console));
  const work = changetype<irq_work>(memblock_alloc(offsetof<irq_work>(), 4));
  init_irq_work_lazy(work, nbcon_irq_work);
  work.data = changetype<usize>(console);
  console.irq_work = changetype<usize>(work);
}

function create_thread(console: Console): void {
  const p = kthread_create(nbcon_kthread_func, changetype<usize>(console), 'pr/');
  console_name(console, task_comm(p) + 3, COMM_MAX - 3);
  set_user_nice(p, THREAD_NICE);
  console.kthread = changetype<usize>(p);
  wake_up_new_task(p);
}

/** Starts the threads that are missing, unless there is a boot console. Task context. */
export function nbcon_kthreads_start(): void {
  if (boot_console() != null) return;
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || !(console_flags(console) & CON_NBCON)) continue;
    if (console.kthread == 0) create_thread(console);
  }
  WRITE_ONCE(running, 1);
}

/** Whoever prints from here on does it himself. Task context. */
export function nbcon_kthreads_stop(): void {
  if (READ_ONCE(running) == 0) return;
  WRITE_ONCE(running, 0);
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || console.kthread == 0) continue;
    kthread_stop(changetype<task_struct>(console.kthread));
    console.kthread = 0;
  }
}
