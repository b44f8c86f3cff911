// The per-CPU area and the contexts a CPU can be in. tp points to the running CPU's area; areas of
// other CPUs are reached by number. CPU numbers are hart ids.
//
// A field is written by its own CPU only, unless it says otherwise.

import { READ_ONCE, WRITE_ONCE } from './atomic';
import { preempt_schedule } from './entry';
import { hart_tp } from './hart';
import { address_of___per_cpu_start } from './symbols';

/** Most CPUs that the kernel handles. Must match entry.S. */
export const NR_CPUS: u32 = 32;
/** Bytes from one area to the next: 1 << PERCPU_SHIFT in entry.S. */
export const PERCPU_SIZE: usize = 512;

// preempt_count, laid out as Linux has it: one field per kind of context.
export const PREEMPT_OFFSET: u32 = 1;
export const SOFTIRQ_OFFSET: u32 = 1 << 8;
export const HARDIRQ_OFFSET: u32 = 1 << 16;
export const NMI_OFFSET: u32 = 1 << 20;
const SOFTIRQ_MASK: u32 = 0xff << 8;
const HARDIRQ_MASK: u32 = 0xf << 16;
const NMI_MASK: u32 = 0xf << 20;

@unmanaged
export class Cpu {
  /** Known to entry.S, as is `stacks`. */
  cpu: u32;
  /** The block of stacks; 0 until smp.ts brings the hart up, which also tells it to start. */
  stacks: usize;
  preempt_count: u32;
  /** 1 when up. Read by all. */
  online: u32;
  /** The running task should call schedule() soon. Set by any CPU. Known to entry.S. */
  need_resched: u32;
  /** The running task_struct (sched/core.ts). */
  current: usize;
  /** Softirqs raised and not yet run, a bit each (kernel/softirq.ts). */
  softirq_pending: u32;
  /** The tick is off because the CPU idles (time/tick.ts). */
  tick_stopped: u32;

  /** IPI reasons not yet handled (arch/ipi.ts). Set by any CPU. */
  ipi_pending: u32;
  /** smp_call_function(): 1 while a request is in the slot. Taken by any CPU. */
  call_busy: u32;
  call_fn: usize;
  call_arg: usize;
  /** A function to run in task context (sched/run-on-cpu.ts). Taken by any CPU. */
  work_busy: u32;
  work_fn: usize;
  work_arg: usize;

  oops_depth: u32;

  tick_count: u32;
  timer_interrupts: u32;
  ipi_reschedule: u32;
  ipi_call_function: u32;
  nmi_count: u32;
  in_idle: u32;
  spurious_interrupts: u32;
  /** Time spent in wfi, ns. */
  idle_ns: u64;
  /** mtime of the next tick. */
  next_tick: u64;
}

/** The running CPU's area. Any context. */
export function this_cpu(): Cpu {
  return changetype<Cpu>(hart_tp());
}

/** Area of a CPU by number. */
export function cpu_area(cpu: u32): Cpu {
  return changetype<Cpu>(address_of___per_cpu_start() + <usize>cpu * PERCPU_SIZE);
}

export function smp_processor_id(): u32 {
  return load<u32>(hart_tp());
}

function field(offset: usize): usize {
  return hart_tp() + offset;
}

export function preempt_count(): u32 {
  return READ_ONCE(field(offsetof<Cpu>('preempt_count')));
}

/** Sets the count outright: for the scheduler and for a task that dies with a lock held. */
export function preempt_count_set(n: u32): void {
  WRITE_ONCE(field(offsetof<Cpu>('preempt_count')), n);
}

export function need_resched(): bool {
  return READ_ONCE(field(offsetof<Cpu>('need_resched'))) != 0;
}

/** Keeps the scheduler from taking this CPU away. Nests. */
export function preempt_disable(): void {
  preempt_count_add(PREEMPT_OFFSET);
}

/** Makes up for what was put off meanwhile. */
export function preempt_enable(): void {
  preempt_count_sub(PREEMPT_OFFSET);
  if (need_resched() && preempt_count() == 0) preempt_schedule();
}

/** The same without looking whether another task should run. */
export function preempt_enable_no_resched(): void {
  preempt_count_sub(PREEMPT_OFFSET);
}

/** An interrupt between the load and the store leaves the word as it found it, so no atomics. */
export function preempt_count_add(n: u32): void {
  const p = field(offsetof<Cpu>('preempt_count'));
  WRITE_ONCE(p, READ_ONCE(p) + n);
}

export function preempt_count_sub(n: u32): void {
  const p = field(offsetof<Cpu>('preempt_count'));
  WRITE_ONCE(p, READ_ONCE(p) - n);
}

/** In or around a softirq: bottom halves are off. */
export function in_softirq(): bool {
  return (preempt_count() & SOFTIRQ_MASK) != 0;
}

export function in_nmi(): bool {
  return (preempt_count() & NMI_MASK) != 0;
}

export function in_hardirq(): bool {
  return (preempt_count() & HARDIRQ_MASK) != 0;
}

/** Any interrupt context: softirq, hardirq or NMI. */
export function in_interrupt(): bool {
  return (preempt_count() & (SOFTIRQ_MASK | HARDIRQ_MASK | NMI_MASK)) != 0;
}

export function in_task(): bool {
  return !in_interrupt();
}

/** Adds one to a counter of this CPU, given its offset in struct Cpu. */
export function this_cpu_inc(offset: usize): void {
  const p = field(offset);
  WRITE_ONCE(p, READ_ONCE(p) + 1);
}
