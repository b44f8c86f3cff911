// Whether the system is dying, and by which CPU: asked by locks, drivers and printk, set by panic.ts.
// On its own so that those do not depend on all that panic() needs.

import { READ_ONCE, WRITE_ONCE, cmpxchg, fetch_add_relaxed } from '../arch/atomic';
import { smp_processor_id } from '../arch/percpu';

/** Records that may be lost to a flood while the panicking CPU prints. */
const PANIC_DROPPED_MAX: u32 = 10;

const oops_count: usize = memory.data(4, 4);
/** CPU that panics, plus one. */
export const panic_cpu: usize = memory.data(4, 4);
/** Records that were lost since the panic began. */
const panic_dropped: usize = memory.data(4, 4);
/** 1: only the panicking CPU may printk(). */
const suppress_panic_printk: usize = memory.data(4, 4);

/** True from the first line of an oops or panic on: drivers must not wait for locks any more. */
export function oops_in_progress(): bool {
  return READ_ONCE(oops_count) != 0;
}

export function bust_spinlocks(on: bool): void {
  WRITE_ONCE(oops_count, on ? READ_ONCE(oops_count) + 1 : READ_ONCE(oops_count) - 1);
}

/** Makes this CPU the one that panics. Returns 0, or the CPU that already does, plus one. */
export function panic_try_start(): u32 {
  return cmpxchg(panic_cpu, 0, smp_processor_id() + 1);
}

export function panic_in_progress(): bool {
  return READ_ONCE(panic_cpu) != 0;
}

export function this_cpu_in_panic(): bool {
  return READ_ONCE(panic_cpu) == smp_processor_id() + 1;
}

/** What belongs to everybody belongs to that CPU now. */
export function other_cpu_in_panic(): bool {
  const cpu = READ_ONCE(panic_cpu);
  return cpu != 0 && cpu != smp_processor_id() + 1;
}

/** Records were overwritten before a console had printed them. Any context. */
export function panic_note_dropped(dropped: u32): void {
  if (panic_in_progress()) fetch_add_relaxed(panic_dropped, dropped);
}

/**
 * True, once, if so much was lost during a panic that the others have to be silenced: the panicking CPU
 * would never come to the end of the log. Any context.
 */
export function panic_floods(): bool {
  if (READ_ONCE(panic_dropped) <= PANIC_DROPPED_MAX) return false;
  return cmpxchg(suppress_panic_printk, 0, 1) == 0;
}

/** Is this CPU's printk() to be ignored? */
export function printk_suppressed(): bool {
  return READ_ONCE(suppress_panic_printk) != 0 && other_cpu_in_panic();
}

/** From here on other CPUs' printk() is ignored. On the CPU that panics. */
export function suppress_printk(): void {
  WRITE_ONCE(suppress_panic_printk, 1);
}
