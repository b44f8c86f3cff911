// Emitter `deferred`: every printk() is a printk_deferred(): it stores, and leaves the printing to a lazy
// irq_work on its own CPU. The caller pays nothing and holds no lock that printing needs.
//
// Fails where: the interrupt does not come: interrupts stay off until the system is reset. Output is up
// to a tick late, and an interrupt handler prints with interrupts off, as long as others log.

import { defer_console_output } from '../klogd';
import { PANIC_OTHERS_PRINT, emitter_defaults, printk_emitter } from './emit';
import { console_unlock_flush, legacy_flush_on_panic, legacy_shutdown } from './legacy';

export function deferred_init(e: printk_emitter): void {
  emitter_defaults(e);
  e.name = 'deferred';
  e.panic_others = PANIC_OTHERS_PRINT;
  e.stored = defer_console_output;
  e.stored_deferred = defer_console_output;
  e.console_unlock = console_unlock_flush;
  e.shutdown = legacy_shutdown;
  e.flush_on_panic = legacy_flush_on_panic;
}
