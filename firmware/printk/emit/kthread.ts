// Emitter `kthread`: printk() stores and queues an irq_work, which does nothing but wake the printing
// thread. Only the thread has anything to do with consoles. Before there is a thread, and in a panic,
// the caller prints; where console_sem cannot be had then, early_console prints. This is what Petr
// Mladek's reply in the 2016 thread asks for. With printk.console_threads there is a thread for each
// console (console-threads.ts).
//
// Fails where: the thread does not get to run: interrupts stay off, the CPU is in a loop at a higher
// priority, or the scheduler itself is broken; what is not printed then is in memory only.

import { READ_ONCE, WRITE_ONCE, fetch_add_relaxed, smp_mb } from '../../arch/atomic';
import {
  NR_CPUS,
  in_nmi,
  preempt_disable,
  preempt_enable,
  smp_processor_id,
} from '../../arch/percpu';
import { param_present } from '../../init/params';
import { init_irq_work, irq_work, irq_work_queue } from '../../kernel/irq_work';
import { panic_in_progress } from '../../kernel/panic-state';
import { TASK_INTERRUPTIBLE, cond_resched, schedule } from '../../sched/core';
import { kthread_run } from '../../sched/kthread';
import {
  finish_rcuwait,
  prepare_to_rcuwait,
  rcuwait_init,
  rcuwait_wake_up,
} from '../../sched/rcuwait';
import { console_lock, console_trylock, console_unlock } from '../console';
import { early_console_flush } from '../early';
import { console_irqwork_blocked } from '../klogd';
import {
  console_threads_start,
  console_threads_wait,
  console_threads_wake,
} from './console-threads';
import { emit_stats, emitter_defaults, printk_emitter, stats } from './emit';
import {
  console_flush_one,
  console_has_pending,
  console_unlock_flush,
  up_console_sem,
} from './legacy';

/** 1 once the thread runs, until the system goes down. */
const running: usize = memory.data(4, 4);
/** Where it waits. */
const wait: usize = memory.data(4, 4);
const works: usize = memory.data(offsetof<irq_work>() * 32, 4);

function offload(): bool {
  return READ_ONCE(running) != 0 && !panic_in_progress();
}

function one_for_each_console(): bool {
  return param_present('printk.console_threads');
}

/** Hardirq context. */
function wake_thread(work: irq_work): void {
  rcuwait_wake_up(wait);
}

/** The same for all of them. */
function wake_threads(work: irq_work): void {
  console_threads_wake();
}

/** Any context. */
function queue_wakeup(): void {
  if (console_irqwork_blocked()) return;
  fetch_add_relaxed(stats + offsetof<emit_stats>('deferred'), 1);
  preempt_disable();
  const at = works + <usize>smp_processor_id() * offsetof<irq_work>();
  irq_work_queue(changetype<irq_work>(at));
  preempt_enable();
}

function kthread_stored(): void {
  if (offload()) queue_wakeup();
  else if (in_nmi()) return;
  else if (console_trylock()) console_unlock();
}

/** Before there is a thread, the next message brings it out. */
function kthread_stored_deferred(): void {
  if (offload()) queue_wakeup();
}

/** One record at a time, so that others get at console_sem. */
function printk_kthread(unused: usize): u32 {
  while (true) {
    prepare_to_rcuwait(wait, TASK_INTERRUPTIBLE);
    if (!offload() || !console_has_pending()) schedule();
    finish_rcuwait(wait);
    while (offload() && console_has_pending()) {
      console_lock();
      console_flush_one();
      up_console_sem();
      cond_resched();
    }
  }
}

function kthread_console_unlock(): void {
  if (!offload()) {
    console_unlock_flush();
    return;
  }
  up_console_sem();
  smp_mb();
  if (console_has_pending()) queue_wakeup();
}

function kthread_threads_ready(): void {
  rcuwait_init(wait);
  const each = one_for_each_console();
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    const at = works + <usize>cpu * offsetof<irq_work>();
    init_irq_work(changetype<irq_work>(at), each ? wake_threads : wake_thread);
  }
  if (each) console_threads_start(running);
  else kthread_run(printk_kthread, 0, 'printk');
  WRITE_ONCE(running, 1);
}

/** From here on callers print; first of all, what the thread has not. */
function kthread_shutdown(): void {
  WRITE_ONCE(running, 0);
  console_threads_wait();
  console_lock();
  console_unlock();
}

/** Whoever has console_sem has been stopped with it, in the middle of a record maybe. */
function kthread_flush_on_panic(): void {
  if (!in_nmi() && console_trylock()) console_unlock();
  else early_console_flush();
}

export function kthread_init(e: printk_emitter): void {
  emitter_defaults(e);
  e.name = 'kthread';
  e.stored = kthread_stored;
  e.stored_deferred = kthread_stored_deferred;
  e.console_unlock = kthread_console_unlock;
  e.threads_ready = kthread_threads_ready;
  e.shutdown = kthread_shutdown;
  e.flush_on_panic = kthread_flush_on_panic;
}
