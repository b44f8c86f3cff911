// printk_context: a word per CPU that counts the sections in which printk() must not print, and with
// the store `safe` must not store either but keeps its message aside: they hold locks that printing
// needs. Linux's kernel/printk/printk_safe.c.
//
// A section must not migrate: preemption is off, or interrupts.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { in_nmi, smp_processor_id } from '../arch/percpu';
import { is_printk_cpu_sync_owner } from './cpu-sync';

const printk_context: usize = memory.data(4 * 32, 4);

function context(): usize {
  return printk_context + ((<usize>smp_processor_id()) << 2);
}

/** Interrupts or preemption off. */
export function printk_safe_enter(): void {
  const p = context();
  WRITE_ONCE(p, READ_ONCE(p) + 1);
}

export function printk_safe_exit(): void {
  const p = context();
  WRITE_ONCE(p, READ_ONCE(p) - 1);
}

/** Any context. Returns the flags for printk_safe_exit_irqrestore(). */
export function printk_safe_enter_irqsave(): u32 {
  const flags = local_irq_save();
  printk_safe_enter();
  return flags;
}

export function printk_safe_exit_irqrestore(flags: u32): void {
  printk_safe_exit();
  local_irq_restore(flags);
}

/** Is this CPU in such a section? */
export function in_printk_safe(): bool {
  return READ_ONCE(context()) != 0;
}

/**
 * Must somebody else print to legacy consoles what this CPU printks: because they have locks that it may
 * hold, or that others may hold who wait for it?
 */
export function is_printk_legacy_deferred(): bool {
  return in_nmi() || in_printk_safe() || is_printk_cpu_sync_owner();
}

/** Until the exit, what this CPU printks is stored only, and printed from an interrupt. */
export function printk_deferred_enter(): void {
  printk_safe_enter();
}

export function printk_deferred_exit(): void {
  printk_safe_exit();
}
