// Consoles: those registered, their flags, and console_sem, which legacy consoles print under. How and
// when they print is the emitter's business (emit/).
//
// console_sem protects the flags and each legacy console's position. The list itself may be walked
// without it: a slot is filled once and emptied at most once, and no console is ever freed.

import { READ_ONCE, WRITE_ONCE, smp_store_release } from '../arch/atomic';
import { irqs_disabled } from '../arch/irqflags';
import { preempt_count } from '../arch/percpu';
import { oops_in_progress } from '../kernel/panic-state';
import { snprintf } from '../lib/format';
import { str } from '../lib/string';
import { down, down_trylock, sema_init, semaphore } from '../locking/semaphore';
import { emitter } from './emit/emit';
import { CONSOLE_LOGLEVEL_DEFAULT } from './levels';
import { nbcon_context, nbcon_init, nbcon_seq_force, nbcon_seq_read } from './nbcon';
import { printk_message } from './print-message';
import { param_present } from '../init/params';
import { printk_safe_enter_irqsave, printk_safe_exit_irqrestore } from './printk_safe';
import { printk_store } from './store/store';

// console->flags, with Linux's values.
/** Print what was logged before it was registered. */
export const CON_PRINTBUFFER: u32 = 1 << 0;
/** It is /dev/console. */
export const CON_CONSDEV: u32 = 1 << 1;
export const CON_ENABLED: u32 = 1 << 2;
/** A boot console: goes when a real one comes. */
export const CON_BOOT: u32 = 1 << 3;
/** Can print on a CPU that is not online yet. */
export const CON_ANYTIME: u32 = 1 << 4;
export const CON_BRL: u32 = 1 << 5;
/** Prints nothing until it is resumed; the log waits. */
export const CON_SUSPENDED: u32 = 1 << 7;
/** Has an owner (nbcon.ts) and is not printed to under console_sem. */
export const CON_NBCON: u32 = 1 << 8;

@unmanaged
export class Console {
  name: string;
  /** Number after the name, as in ttyS0. */
  index: u32;
  flags: u32;
  /** The driver's own. */
  data: usize;
  /** Legacy: next record to print, and records lost that it has not been told of. Under console_sem. */
  seq: u64;
  dropped: u32;
  /**
   * Legacy. Sends bytes, '\n' as '\r\n'. Under console_sem, interrupts off, in whatever context
   * printk() was called.
   */
  write: (console: Console, text: usize, length: u32) => void;

  // What follows is for nbcon consoles. The words are read and written as nbcon.ts says.
  nbcon_state: u32;
  nbcon_seq: u32;
  /** Record that was last begun: if it comes again, it was cut short. */
  nbcon_prev_seq: u32;
  /** The owner's buffers, unless the owner panics. */
  pbufs: printk_message;
  /** Ownership of who holds the device lock. Under the device lock. */
  device_context: nbcon_context;
  device_flags: u32;
  /** Sends ctxt.outbuf. Owner; any context, interrupts off. Stops where ownership is lost. */
  write_atomic: (console: Console, ctxt: nbcon_context) => void;
  /** The same in the console's thread, under the device lock. */
  write_thread: (console: Console, ctxt: nbcon_context) => void;
  /**
   * Sends what the transmitter takes right now, without waiting; returns how much that was. Owner, in
   * an unsafe section; any context.
   */
  write_some: (console: Console, text: usize, length: u32) => u32;
  /** What is still to be sent of a record that goes out in chunks, and how long a chunk takes. Owner. */
  chunk_at: usize;
  chunk_left: u32;
  chunk_ns: u32;
  /** The lock that keeps the driver's other users away: port->lock. Interrupts off until unlock. */
  device_lock: (console: Console) => void;
  device_unlock: (console: Console) => void;
  /** Its thread, where that waits, and what wakes it. */
  kthread: usize;
  rcuwait: u32;
  irq_work: usize;
}

/** Slots: real consoles and the boot console. */
export const CONSOLES_MAX: u32 = 8;

@unmanaged
class ConsoleState {
  loglevel: u32;
  ignore_loglevel: u32;
  /** suspend_console() has been called. */
  suspended: u32;
  /** console_sem is held by a task that may sleep. Under console_sem. */
  may_schedule: u32;
}
/** For the host, by this name: the level first, then whether it is ignored. */
export const console_printk: usize = memory.data(offsetof<ConsoleState>(), 4);
const state: ConsoleState = changetype<ConsoleState>(console_printk);
/** Pointers to the registered ones, or 0. */
const consoles: usize = memory.data(4 * 8, 4);
/** Its sem->lock is taken wherever printk() is called, and its up() wakes the first waiter. */
export const console_sem: semaphore = changetype<semaphore>(memory.data(offsetof<semaphore>(), 4));

/** The store in use. Set up by printk_init(). */
export const prb: printk_store = changetype<printk_store>(memory.data(offsetof<printk_store>(), 4));

/** Boot CPU, before the first printk(). */
export function console_init(): void {
  sema_init(console_sem, 1, 'console_sem.lock');
  state.loglevel = CONSOLE_LOGLEVEL_DEFAULT;
}

export function console_loglevel(): u32 {
  return READ_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('loglevel'));
}

export function set_console_loglevel(level: u32): void {
  WRITE_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('loglevel'), level);
}

export function set_ignore_loglevel(on: u32): void {
  WRITE_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('ignore_loglevel'), on);
}

/** Is a record of that level kept from the consoles? */
export function suppress_message_printing(level: u32): bool {
  if (READ_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('ignore_loglevel'))) return false;
  return level >= console_loglevel();
}

/** down_trylock(), where a printk() by what it does inside goes to the store only. */
function down_trylock_console_sem(): bool {
  const flags = printk_safe_enter_irqsave();
  const busy = down_trylock(console_sem);
  printk_safe_exit_irqrestore(flags);
  return busy == 0;
}

/** Takes console_sem if it is free. Any context in which down_trylock() is safe: not an NMI. */
export function console_trylock(): bool {
  const may = preempt_count() == 0 && !irqs_disabled() && !oops_in_progress();
  if (!down_trylock_console_sem()) return false;
  state.may_schedule = may ? 1 : 0;
  return true;
}

/** Waits for console_sem, asleep. Task context; boot code gets it at once. */
export function console_lock(): void {
  if (!down_trylock_console_sem()) down(console_sem);
  state.may_schedule = 1;
}

/** Prints what there is, if that is this emitter's way, and gives console_sem back. */
export function console_unlock(): void {
  emitter.console_unlock();
}

/** May the holder of console_sem sleep between records? Asking takes the permission away. */
export function console_take_may_schedule(): bool {
  const may = state.may_schedule != 0;
  state.may_schedule = 0;
  return may;
}

/** The console in a slot, or null. Any context. */
export function console_at(slot: u32): Console | null {
  return changetype<Console | null>(<usize>READ_ONCE(consoles + ((<usize>slot) << 2)));
}

export function console_flags(console: Console): u32 {
  return READ_ONCE(changetype<usize>(console) + offsetof<Console>('flags'));
}

/** Its name, as in ttyS0, as a C string; returns where it is. */
export function console_name(console: Console, out: usize, size: u32): usize {
  const n = snprintf(out, size - 1, '%s%u', str(console.name), console.index);
  store<u8>(out + (n < size ? n : size - 1), 0);
  return out;
}

/** Under console_sem. */
function set_flags(console: Console, set: u32, clear: u32): void {
  const flags = (console.flags & ~clear) | set;
  WRITE_ONCE(changetype<usize>(console) + offsetof<Console>('flags'), flags);
}

/** May it be printed to now? Any context. */
export function console_is_usable(console: Console): bool {
  if (READ_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('suspended'))) return false;
  return (console_flags(console) & (CON_ENABLED | CON_SUSPENDED)) == CON_ENABLED;
}

/** Next record that a console will print. For legacy ones only a hint without console_sem. */
export function console_seq(console: Console): u64 {
  return console_flags(console) & CON_NBCON ? nbcon_seq_read(console) : console.seq;
}

/** Under console_sem, or before the console is on the list. */
function set_console_seq(console: Console, seq: u64): void {
  console.seq = seq;
  if (console_flags(console) & CON_NBCON) nbcon_seq_force(console, seq);
}

/** The boot console, if there is one. */
export function boot_console(): Console | null {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null && console_flags(console) & CON_BOOT) return console;
  }
  return null;
}

/** Under console_sem. */
function remove_console(console: Console): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    if (console_at(slot) == console) WRITE_ONCE(consoles + ((<usize>slot) << 2), 0);
  }
  set_flags(console, 0, CON_ENABLED);
}

/** False if there is no free slot. Under console_sem. */
function add_console(console: Console): bool {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    if (console_at(slot) != null) continue;
    set_flags(console, CON_ENABLED, 0);
    smp_store_release(consoles + ((<usize>slot) << 2), <u32>changetype<usize>(console));
    return true;
  }
  return false;
}

/**
 * The boot console whose place a new console takes: that of its own device, or any if it is to be
 * /dev/console.
 */
function replaced_boot_console(console: Console): Console | null {
  const boot = boot_console();
  if (boot == null || console.flags & CON_BOOT) return null;
  return console.flags & CON_CONSDEV || boot.data == console.data ? boot : null;
}

/**
 * Adds a console and prints the log so far. One that takes the place of the boot console goes on where
 * that stopped. With keep_bootcon both go on. Boot. Returns the boot console that has gone.
 */
export function register_console(console: Console): Console | null {
  if (console.flags & CON_NBCON) nbcon_init(console);
  console_lock();
  let boot = replaced_boot_console(console);
  let seq = console.flags & CON_PRINTBUFFER ? prb.first_seq() : prb.next_seq();
  // Under console_sem the boot console stands still.
  if (boot != null) {
    seq = console_seq(boot);
    set_flags(console, 0, CON_PRINTBUFFER);
  }
  if (param_present('keep_bootcon')) boot = null;
  set_console_seq(console, seq);
  if (boot != null) remove_console(boot);
  const added = add_console(console);
  console_unlock();
  if (added) emitter.console_added(console);
  return boot;
}

/** Stops output to one console; what is logged waits. Task context. */
export function console_suspend(console: Console): void {
  console_lock();
  set_flags(console, CON_SUSPENDED, 0);
  console_unlock();
}

/** Goes on where it stopped. Task context. */
export function console_resume(console: Console): void {
  console_lock();
  set_flags(console, 0, CON_SUSPENDED);
  console_unlock();
  emitter.console_added(console);
}

/** All consoles, as for system suspend. */
export function set_consoles_suspended(on: bool): void {
  console_lock();
  WRITE_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('suspended'), on ? 1 : 0);
  console_unlock();
  if (on) return;
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null) emitter.console_added(console);
  }
}

/** Has every console go on at that record. Under console_sem, or in a panic. */
export function console_skip_all(seq: u64): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null) set_console_seq(console, seq);
  }
}

/** Has every console print the whole log again. Under console_sem, or in a panic. */
export function console_rewind_all(): void {
  console_skip_all(prb.first_seq());
}

/** The same on demand. Any context but an NMI. */
export function console_replay_all(): void {
  if (!console_trylock()) return;
  console_rewind_all();
  console_unlock();
  emitter.stored();
}
