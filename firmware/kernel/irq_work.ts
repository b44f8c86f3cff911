// irq_work: a function to run soon in hardirq context on this CPU, queued from any context, NMIs too.
// A normal one comes by an interrupt that the CPU sends itself; a lazy one waits for the next tick, and
// gets that interrupt only if the tick is stopped.

import { READ_ONCE, cmpxchg, fetch_and, fetch_or, smp_mb, xchg } from '../arch/atomic';
import { IPI_IRQ_WORK, send_ipi } from '../arch/ipi';
import { Cpu, preempt_disable, preempt_enable, smp_processor_id, this_cpu } from '../arch/percpu';
import { hart_pause } from '../arch/hart';

/** Queued: its function will run from now on. */
const IRQ_WORK_PENDING: u32 = 1 << 0;
/** Queued or running. */
const IRQ_WORK_BUSY: u32 = 1 << 1;
const IRQ_WORK_LAZY: u32 = 1 << 2;
const IRQ_WORK_CLAIMED: u32 = IRQ_WORK_PENDING | IRQ_WORK_BUSY;

@unmanaged
export class irq_work {
  next: usize;
  flags: u32;
  fn: (work: irq_work) => void;
  data: usize;
}

/** Heads of two lists per CPU, last queued first: raised, lazy. */
const lists: usize = memory.data(8 * 32, 4);

function raised_list(cpu: u32): usize {
  return lists + ((<usize>cpu) << 3);
}

function lazy_list(cpu: u32): usize {
  return lists + ((<usize>cpu) << 3) + 4;
}

export function init_irq_work(work: irq_work, fn: (work: irq_work) => void): void {
  work.next = 0;
  work.flags = 0;
  work.fn = fn;
}

export function init_irq_work_lazy(work: irq_work, fn: (work: irq_work) => void): void {
  init_irq_work(work, fn);
  work.flags = IRQ_WORK_LAZY;
}

function flags_of(work: irq_work): usize {
  return changetype<usize>(work) + offsetof<irq_work>('flags');
}

/** Adds to a list without a lock; true if it was empty. */
function llist_add(work: irq_work, list: usize): bool {
  while (true) {
    const first = READ_ONCE(list);
    work.next = <usize>first;
    if (cmpxchg(list, first, <u32>changetype<usize>(work)) == first) return first == 0;
  }
}

/** Any context. False if it is queued already. */
export function irq_work_queue(work: irq_work): bool {
  const old = fetch_or(flags_of(work), IRQ_WORK_CLAIMED);
  if (old & IRQ_WORK_PENDING) return false;
  preempt_disable();
  const cpu = smp_processor_id();
  if (old & IRQ_WORK_LAZY) {
    const stopped = READ_ONCE(changetype<usize>(this_cpu()) + offsetof<Cpu>('tick_stopped')) != 0;
    if (llist_add(work, lazy_list(cpu)) && stopped) send_ipi(cpu, IPI_IRQ_WORK);
  } else if (llist_add(work, raised_list(cpu))) send_ipi(cpu, IPI_IRQ_WORK);
  preempt_enable();
  return true;
}

/** On another CPU. Any context: neither the list nor the IPI takes a lock. */
export function irq_work_queue_on(work: irq_work, cpu: u32): bool {
  if (fetch_or(flags_of(work), IRQ_WORK_CLAIMED) & IRQ_WORK_PENDING) return false;
  if (llist_add(work, raised_list(cpu))) send_ipi(cpu, IPI_IRQ_WORK);
  return true;
}

function run_list(list: usize): void {
  if (READ_ONCE(list) == 0) return;
  let entry = <usize>xchg(list, 0);
  // Oldest first.
  let first: usize = 0;
  while (entry != 0) {
    const next = changetype<irq_work>(entry).next;
    changetype<irq_work>(entry).next = first;
    first = entry;
    entry = next;
  }
  while (first != 0) {
    const work = changetype<irq_work>(first);
    first = work.next;
    // From here on it can be queued again, and what its function is to see is visible.
    const flags = fetch_and(flags_of(work), ~IRQ_WORK_PENDING) & ~IRQ_WORK_PENDING;
    smp_mb();
    work.fn(work);
    cmpxchg(flags_of(work), flags, flags & ~IRQ_WORK_BUSY);
  }
}

/** The IPI. Hardirq context. */
export function irq_work_run(): void {
  const cpu = smp_processor_id();
  run_list(raised_list(cpu));
  run_list(lazy_list(cpu));
}

/** The tick. Hardirq context. */
export function irq_work_tick(): void {
  run_list(lazy_list(smp_processor_id()));
}

/** Is there any, for this CPU, that has not run? Interrupts off. */
export function irq_work_is_queued(): bool {
  const cpu = smp_processor_id();
  return READ_ONCE(raised_list(cpu)) != 0 || READ_ONCE(lazy_list(cpu)) != 0;
}

/** Is there lazy work, so that the tick must go on? Interrupts off. */
export function irq_work_needs_cpu(): bool {
  return READ_ONCE(lazy_list(smp_processor_id())) != 0;
}

/** Waits until its function does not run any more. Task context. */
export function irq_work_sync(work: irq_work): void {
  while (READ_ONCE(flags_of(work)) & IRQ_WORK_BUSY) hart_pause();
}
