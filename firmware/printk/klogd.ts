// What printk() leaves to an interrupt: waking who reads the log, and printing for contexts that must
// not. A word of reasons per CPU and a lazy irq_work: it runs at the next tick, or by an IPI to itself
// if the CPU's tick is stopped. Linux's wake_up_klogd() and defer_console_output().

import { READ_ONCE, WRITE_ONCE, fetch_add_relaxed, fetch_or, smp_mb, xchg } from '../arch/atomic';
import { NR_CPUS, preempt_disable, preempt_enable, smp_processor_id } from '../arch/percpu';
import { init_irq_work_lazy, irq_work, irq_work_queue } from '../kernel/irq_work';
import {
  init_waitqueue_head,
  wait_queue_head,
  waitqueue_active,
  wake_up_interruptible,
} from '../sched/wait';
import { console_trylock, console_unlock } from './console';
import { emit_stats, stats } from './emit/emit';

/** Readers of the log that have seen it all. */
export const log_wait: wait_queue_head = changetype<wait_queue_head>(
  memory.data(offsetof<wait_queue_head>(), 4),
);

const PRINTK_PENDING_WAKEUP: u32 = 1;
const PRINTK_PENDING_OUTPUT: u32 = 2;

/** Per CPU: PRINTK_PENDING_*. */
const printk_pending: usize = memory.data(4 * 32, 4);
const works: usize = memory.data(offsetof<irq_work>() * 32, 4);
/** 1 once interrupts can come: an irq_work queued before would not be run. */
const ready: usize = memory.data(4, 4);
/** 1: printk() queues no irq_work, as the system is being suspended. */
const blocked: usize = memory.data(4, 4);

function pending_of(cpu: u32): usize {
  return printk_pending + ((<usize>cpu) << 2);
}

/** Output first, then the readers. Hardirq context. */
function wake_up_klogd_work_func(work: irq_work): void {
  const pending = xchg(pending_of(smp_processor_id()), 0);
  if (pending & PRINTK_PENDING_OUTPUT && console_trylock()) console_unlock();
  if (pending & PRINTK_PENDING_WAKEUP) wake_up_interruptible(log_wait);
}

/** Boot CPU, first thing. */
export function klogd_init(): void {
  init_waitqueue_head(log_wait, 'log_wait');
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    const work = changetype<irq_work>(works + <usize>cpu * offsetof<irq_work>());
    init_irq_work_lazy(work, wake_up_klogd_work_func);
  }
}

/** Boot CPU, when its interrupts are set up. */
export function set_printk_percpu_data_ready(): void {
  WRITE_ONCE(ready, 1);
}

/** While it is on, whoever prints does so at once, or not before the next message after it. Task context. */
export function block_console_irqwork(on: bool): void {
  WRITE_ONCE(blocked, on ? 1 : 0);
}

export function console_irqwork_blocked(): bool {
  return READ_ONCE(blocked) != 0;
}

function queue(reasons: u32): void {
  if (READ_ONCE(ready) == 0 || console_irqwork_blocked()) return;
  preempt_disable();
  const cpu = smp_processor_id();
  fetch_or(pending_of(cpu), reasons);
  irq_work_queue(changetype<irq_work>(works + <usize>cpu * offsetof<irq_work>()));
  preempt_enable();
}

/** A record has been stored. Any context: who waits for it is woken from an interrupt. */
export function wake_up_klogd(): void {
  // LMM(__wake_up_klogd:A): the record is stored before we look for a reader; pairs with the barrier
  // between a reader's entry on log_wait and his look for a record (LMM(devkmsg_read:A)).
  smp_mb();
  if (waitqueue_active(log_wait)) queue(PRINTK_PENDING_WAKEUP);
}

/** Somebody who may should print what is stored. Any context. */
export function defer_console_output(): void {
  fetch_add_relaxed(stats + offsetof<emit_stats>('deferred'), 1);
  queue(PRINTK_PENDING_OUTPUT | PRINTK_PENDING_WAKEUP);
}
