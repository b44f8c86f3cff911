// Printing under console_sem, which several emitters share: whoever has it gives all consoles all
// records, one at a time, with interrupts off around console->write(). Linux's console_flush_all()
// and console_unlock().

import { fetch_add_relaxed, smp_mb } from '../../arch/atomic';
import { other_cpu_in_panic, panic_in_progress } from '../../kernel/panic-state';
import { up } from '../../locking/semaphore';
import { cond_resched } from '../../sched/core';
import {
  CONSOLES_MAX,
  CON_NBCON,
  Console,
  boot_console,
  console_at,
  console_flags,
  console_is_usable,
  console_lock,
  console_sem,
  console_seq,
  console_take_may_schedule,
  console_trylock,
  console_unlock,
  prb,
} from '../console';
import { nbcon_atomic_emit_one } from '../nbcon-flush';
import {
  PRINTK_MESSAGE_SIZE,
  printk_get_next_message,
  printk_message,
  printk_message_init,
} from '../print-message';
import { printk_safe_enter_irqsave, printk_safe_exit_irqrestore } from '../printk_safe';
import { emit_stats, stats } from './emit';
import { console_lock_spinning_disable_and_check, console_lock_spinning_enable } from './handover';

/** Under console_sem. */
const shared_message: usize = memory.data(64 + 96 + 1024 + 2048, 8);
const message: printk_message = changetype<printk_message>(shared_message);

/** Boot CPU, first thing. */
export function legacy_init(): void {
  memory.fill(shared_message, 0, PRINTK_MESSAGE_SIZE);
  printk_message_init(shared_message);
}

const NOTHING: u32 = 0;
const PROGRESS: u32 = 1;
const HANDED_OVER: u32 = 2;

/** A console's next record. Under console_sem, which may be gone afterwards: HANDED_OVER. */
function console_emit_next_record(console: Console, handover: bool): u32 {
  const flags = printk_safe_enter_irqsave();
  let result = NOTHING;
  if (printk_get_next_message(message, console.seq, console.dropped)) {
    result = PROGRESS;
    if (message.length == 0) {
      console.dropped = message.dropped;
      console.seq = message.seq + 1;
    } else {
      if (handover && !panic_in_progress()) console_lock_spinning_enable();
      console.write(console, message.outbuf, message.length);
      console.dropped = 0;
      console.seq = message.seq + 1;
      fetch_add_relaxed(stats + offsetof<emit_stats>('emitted'), 1);
      if (handover && !panic_in_progress()) {
        if (console_lock_spinning_disable_and_check()) result = HANDED_OVER;
      }
    }
  }
  printk_safe_exit_irqrestore(flags);
  return result;
}

/** As long as there is a boot console, nbcon consoles are printed to under console_sem as well. */
function emit_next(console: Console, handover: bool): u32 {
  if (!console_is_usable(console)) return NOTHING;
  if (!(console_flags(console) & CON_NBCON)) return console_emit_next_record(console, handover);
  if (boot_console() == null) return NOTHING;
  return nbcon_atomic_emit_one(console, false) ? PROGRESS : NOTHING;
}

/**
 * All records to all consoles. Under console_sem, or in a panic in spite of it. `handover`: between two
 * records a waiter may take over (and a CPU that is not the panicking one gives up). True if one did:
 * then console_sem is his.
 */
export function console_flush_all(may_schedule: bool, handover: bool): bool {
  let progress: bool;
  do {
    progress = false;
    for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
      const console = console_at(slot);
      if (console == null) continue;
      const result = emit_next(console, handover);
      if (result == HANDED_OVER) return true;
      if (result == PROGRESS) progress = true;
      if (handover && other_cpu_in_panic()) return false;
      if (may_schedule) cond_resched();
    }
  } while (progress);
  return false;
}

/** The next record of each console. Under console_sem. */
export function console_flush_one(): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null) emit_next(console, false);
  }
}

/** Is there a record that a console has not printed yet? Without console_sem: only a hint. */
export function console_has_pending(): bool {
  const next = prb.next_seq();
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || !console_is_usable(console)) continue;
    if (console_flags(console) & CON_NBCON && boot_console() == null) continue;
    if (console_seq(console) < next) return true;
  }
  return false;
}

/** Gives console_sem back: wakes the first who waits for it, in the context of the caller. */
export function up_console_sem(): void {
  const flags = printk_safe_enter_irqsave();
  up(console_sem);
  printk_safe_exit_irqrestore(flags);
}

function flush_and_up(handover: bool): void {
  do {
    if (console_flush_all(console_take_may_schedule(), handover)) return;
    up_console_sem();
    // A record that another CPU stored after our last look: either that CPU got console_sem, or we
    // see the record here.
    smp_mb();
    if (handover && other_cpu_in_panic()) return;
  } while (console_has_pending() && console_trylock());
}

/** console_unlock() of those who print all there is. */
export function console_unlock_flush(): void {
  flush_and_up(false);
}

/** The same, letting a waiter take over. */
export function console_unlock_handover(): void {
  flush_and_up(true);
}

/**
 * Everything out on the panicking CPU. Whether console_sem can be had does not matter: whoever has it
 * does not run any more. (Whoever was stopped inside sem->lock keeps us here for ever.)
 */
export function legacy_flush_on_panic(): void {
  console_trylock();
  console_unlock();
}

/** Task context: everything out before it returns. */
export function legacy_shutdown(): void {
  console_lock();
  console_unlock();
}
