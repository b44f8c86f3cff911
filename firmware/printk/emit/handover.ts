// Emitter `handover`: who printks tries to take console_sem, as in `direct`; if somebody is printing
// right now, one CPU may wait for the end of that record and is then given console_sem. So nobody
// prints for ever what others log. Linux 4.16 to this day, for legacy consoles.
//
// Fails where: the owner or the waiter holds a lock that console->write() wants (the waiter spins with
// interrupts off); a stream of waiters passes console_sem on for ever while a task sleeps for it; a lone
// CPU that logs a lot prints it all itself.

import { READ_ONCE, WRITE_ONCE, fetch_add_relaxed } from '../../arch/atomic';
import { hart_pause } from '../../arch/hart';
import { preempt_disable, preempt_enable } from '../../arch/percpu';
import { panic_in_progress } from '../../kernel/panic-state';
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from '../../locking/spinlock';
import { current } from '../../sched/task';
import { console_take_may_schedule, console_trylock, console_unlock } from '../console';
import { defer_console_output } from '../klogd';
import {
  is_printk_legacy_deferred,
  printk_safe_enter_irqsave,
  printk_safe_exit_irqrestore,
} from '../printk_safe';
import { emit_stats, emitter_defaults, printk_emitter, stats } from './emit';
import { console_unlock_handover, legacy_flush_on_panic, legacy_shutdown } from './legacy';

/** Protects the two words below; interrupts off. */
const console_owner_lock: spinlock_t = changetype<spinlock_t>(
  memory.data(offsetof<spinlock_t>(), 4),
);
/** The task that is inside console->write(), or 0: not the same as having console_sem. */
export const console_owner: usize = memory.data(4, 4);
/** 1: somebody spins for console_sem; cleared by who gives it to him. */
export const console_waiter: usize = memory.data(4, 4);

/**
 * Before console->write(): from here on others may wait for us. Under console_sem, interrupts off. Not in a
 * panic: the panicking CPU may have interrupted one that holds the lock.
 */
export function console_lock_spinning_enable(): void {
  spin_lock(console_owner_lock);
  WRITE_ONCE(console_owner, <u32>changetype<usize>(current()));
  spin_unlock(console_owner_lock);
}

/** After it. True if console_sem has gone to a waiter. Under console_sem, interrupts off; not in a panic. */
export function console_lock_spinning_disable_and_check(): bool {
  spin_lock(console_owner_lock);
  const waiter = READ_ONCE(console_waiter) != 0;
  WRITE_ONCE(console_owner, 0);
  spin_unlock(console_owner_lock);
  if (!waiter) return false;
  fetch_add_relaxed(stats + offsetof<emit_stats>('handovers'), 1);
  WRITE_ONCE(console_waiter, 0);
  return true;
}

/** console_trylock(), or waits for the record that is being printed. Preemption off; no NMI, no panic. */
function console_trylock_spinning(): bool {
  if (console_trylock()) return true;
  // It may have begun since.
  if (panic_in_progress()) return false;
  const flags = printk_safe_enter_irqsave();
  spin_lock(console_owner_lock);
  const owner = READ_ONCE(console_owner);
  const self = <u32>changetype<usize>(current());
  const spin = READ_ONCE(console_waiter) == 0 && owner != 0 && owner != self;
  if (spin) WRITE_ONCE(console_waiter, 1);
  spin_unlock(console_owner_lock);
  if (spin) while (READ_ONCE(console_waiter) != 0) hart_pause();
  printk_safe_exit_irqrestore(flags);
  // The previous owner may have been allowed to sleep; we are not.
  if (spin) console_take_may_schedule();
  return spin;
}

/** printk() under console_sem, where the context allows that; else from an interrupt. */
export function handover_stored(): void {
  if (is_printk_legacy_deferred()) {
    defer_console_output();
    return;
  }
  preempt_disable();
  const got = panic_in_progress() ? console_trylock() : console_trylock_spinning();
  if (got) console_unlock();
  preempt_enable();
}

export function handover_init(e: printk_emitter): void {
  spin_lock_init(console_owner_lock, 'console_owner_lock');
  emitter_defaults(e);
  e.name = 'handover';
  e.stored = handover_stored;
  e.stored_deferred = defer_console_output;
  e.console_unlock = console_unlock_handover;
  e.shutdown = legacy_shutdown;
  e.flush_on_panic = legacy_flush_on_panic;
}
