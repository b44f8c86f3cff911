// Who puts stored records on the wire, and when: the interface between printk() and those designs.
// Which one is in use is decided at boot (presets.ts), independently of the store.

import { fetch_add_relaxed } from '../../arch/atomic';
import { Console } from '../console';

// What becomes of other CPUs' printk() once one CPU panics, if they go on: they may log faster than the
// wire carries it, and then the one that panics never comes to the end of the log.
/** Nothing. Linux before 5.18. */
export const PANIC_OTHERS_PRINT: u32 = 0;
/** Ignored as soon as consoles have lost too many records to it. Linux from 5.18 on. */
export const PANIC_OTHERS_UNTIL_FLOOD: u32 = 1;
/** Ignored from the first moment on. Linux from 6.12 on. */
export const PANIC_OTHERS_SILENT: u32 = 2;

@unmanaged
export class printk_emitter {
  name: string;
  /** 8250 ports register themselves as nbcon consoles. */
  uses_nbcon: bool;
  /** Their write() takes no lock: the emitter sees to it that only one CPU writes. */
  early_write: bool;
  /** PANIC_OTHERS_*. */
  panic_others: u32;
  /** printk() has stored a record. Any context that printk() may be called in. */
  stored: () => void;
  /** The same for printk_deferred(): the caller may hold locks that printing needs. */
  stored_deferred: () => void;
  /** console_unlock(): prints what there is and gives console_sem back. Under console_sem. */
  console_unlock: () => void;
  /** A console that is not the boot console has been added or has been resumed. Task context or boot. */
  console_added: (console: Console) => void;
  /** nbcon consoles: a driver's user has given the device back. Under the device lock. */
  device_released: (console: Console) => void;
  /**
   * nbcon consoles: the transmitter is empty. True if it got something to send from here, before the
   * tty's turn. Owner, under the device lock.
   */
  tx_ready: (console: Console) => bool;
  /** The scheduler runs: kernel threads can be made. Pid 1. */
  threads_ready: () => void;
  /** Before power-off and reboot: everything out before it returns. Task context, interrupts on. */
  shutdown: () => void;
  /** A report that must be seen begins or ends on this CPU: WARN, BUG, oops. Any context. */
  emergency_enter: () => void;
  emergency_exit: () => void;
  /** This CPU panics, the others have been told to stop: get everything out. Interrupts off. */
  flush_on_panic: () => void;
  /** Nothing else is left to try. */
  flush_unsafe_last: () => void;
}

/** The one in use. Set up by printk_init(). */
export const emitter: printk_emitter = changetype<printk_emitter>(
  memory.data(offsetof<printk_emitter>(), 4),
);

function nothing(): void {}
/** Counts a report that must be seen. Part of each emitter's emergency_enter(). Any context. */
export function emergency_begins(): void {
  fetch_add_relaxed(stats + offsetof<emit_stats>('emergencies'), 1);
}

function no_console(console: Console): void {}
function not_ready(console: Console): bool {
  return false;
}

/** What an emitter does unless it says otherwise: nothing. */
export function emitter_defaults(e: printk_emitter): void {
  e.uses_nbcon = false;
  e.early_write = false;
  e.panic_others = PANIC_OTHERS_UNTIL_FLOOD;
  e.stored = nothing;
  e.stored_deferred = nothing;
  e.console_unlock = nothing;
  e.console_added = no_console;
  e.device_released = no_console;
  e.tx_ready = not_ready;
  e.threads_ready = nothing;
  e.shutdown = nothing;
  e.emergency_enter = emergency_begins;
  e.emergency_exit = nothing;
  e.flush_on_panic = nothing;
  e.flush_unsafe_last = nothing;
}

/** Counters of what emitters did, all since boot. Added to with atomics, by any CPU. */
@unmanaged
export class emit_stats {
  /** Records given to a console, once for each console. */
  emitted: u32;
  /** Records that a console found overwritten before it had printed them. */
  dropped: u32;
  /** Times that printing was left to an irq_work. */
  deferred: u32;
  /** A waiter was given the console. */
  handovers: u32;
  /** A context of higher priority took the console between two bytes. */
  takeovers: u32;
  /** A panic took it regardless. */
  unsafe_takeovers: u32;
  /** Records printed again, because the first time was cut short. */
  replays: u32;
  /** Reports that must be seen: WARN, BUG, oops, NMI. */
  emergencies: u32;
}
export const stats: usize = memory.data(offsetof<emit_stats>(), 4);
