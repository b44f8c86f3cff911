// Emitter `direct`: whoever printks takes console_sem and prints all there is, also what others logged;
// if somebody has it already, that one prints. Linux up to 4.15, in every context, NMIs included.
//
// Fails where: the caller holds a lock that is taken on the way (sem->lock, port->lock, and whatever a
// wakeup takes: up() wakes in the caller's context, and so does the 8250 driver); it prints as long as
// others log; interrupts are off for each record.
//
// With force_early_printk it takes no lock that anybody else takes: it writes polled, as early_console
// does, and only one CPU at a time: the others wait. Nobody is woken. Peter Zijlstra's patches.

import { READ_ONCE, WRITE_ONCE, cmpxchg, smp_mb } from '../../arch/atomic';
import { hart_pause } from '../../arch/hart';
import { local_irq_restore, local_irq_save } from '../../arch/irqflags';
import { smp_processor_id } from '../../arch/percpu';
import { console_trylock, console_unlock } from '../console';
import { defer_console_output } from '../klogd';
import { PANIC_OTHERS_PRINT, emitter_defaults, printk_emitter } from './emit';
import {
  console_flush_all,
  console_has_pending,
  console_unlock_flush,
  legacy_flush_on_panic,
  legacy_shutdown,
  up_console_sem,
} from './legacy';

function direct_stored(): void {
  // With preemption on, console_unlock() may sleep between records.
  if (console_trylock()) console_unlock();
}

/** CPU that prints, plus one: a lock that its owner may try to take again. */
const early_printk_cpu: usize = memory.data(4, 4);

/** False if this CPU has it: an NMI or an exception has interrupted the printing. */
function early_printk_lock(): bool {
  const self = smp_processor_id() + 1;
  while (true) {
    const owner = cmpxchg(early_printk_cpu, 0, self);
    if (owner == 0) return true;
    if (owner == self) return false;
    hart_pause();
  }
}

/** Whoever is interrupted sees the record when he looks again. */
function early_stored(): void {
  const flags = local_irq_save();
  while (console_has_pending() && early_printk_lock()) {
    console_flush_all(false, false);
    smp_mb();
    WRITE_ONCE(early_printk_cpu, 0);
    smp_mb();
  }
  local_irq_restore(flags);
}

/** console_sem only keeps the list of consoles still. */
function early_console_unlock(): void {
  up_console_sem();
  early_stored();
}

/** The CPU that printed has been stopped. */
function early_flush_on_panic(): void {
  const owner = READ_ONCE(early_printk_cpu);
  if (owner != 0 && owner != smp_processor_id() + 1) WRITE_ONCE(early_printk_cpu, 0);
  early_stored();
}

/** An exception while this CPU was printing. */
function early_flush_unsafe_last(): void {
  WRITE_ONCE(early_printk_cpu, 0);
  early_stored();
}

export function direct_init(e: printk_emitter): void {
  emitter_defaults(e);
  e.name = 'direct';
  e.panic_others = PANIC_OTHERS_PRINT;
  e.stored = direct_stored;
  e.stored_deferred = defer_console_output;
  e.console_unlock = console_unlock_flush;
  e.shutdown = legacy_shutdown;
  e.flush_on_panic = legacy_flush_on_panic;
}

/** `direct` with force_early_printk. */
export function direct_early_init(e: printk_emitter): void {
  emitter_defaults(e);
  e.name = 'direct';
  e.panic_others = PANIC_OTHERS_PRINT;
  e.early_write = true;
  e.stored = early_stored;
  e.stored_deferred = early_stored;
  e.console_unlock = early_console_unlock;
  e.shutdown = early_stored;
  e.flush_on_panic = early_flush_on_panic;
  e.flush_unsafe_last = early_flush_unsafe_last;
}
