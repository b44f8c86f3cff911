// printk(): stores a record and tells the emitter. A message is an AssemblyScript literal with the
// conversions of lib/format.ts and may start with "\x01" and a level digit, as KERN_INFO & co. do in
// C; the pr_*() functions give the level without that. Strings are passed as str('…').
//
// Leaves out so far: continuation lines, devkmsg, rate limits.

import { READ_ONCE, WRITE_ONCE, fetch_add_relaxed, xchg_relaxed } from '../arch/atomic';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { Cpu, in_nmi, in_task, smp_processor_id, this_cpu } from '../arch/percpu';
import { vsnprintf } from '../lib/format';
import { literal_at, literal_length } from '../lib/string';
import { local_clock } from '../time/timekeeping';
import { console_init, console_trylock, console_unlock, prb, printk_lost } from './console';
import { direct_init } from './emit/direct';
import { printk_emitter } from './emit/emit';
import {
  KERN_SOH,
  LOGLEVEL_ALERT,
  LOGLEVEL_CRIT,
  LOGLEVEL_DEBUG,
  LOGLEVEL_DEFAULT,
  LOGLEVEL_EMERG,
  LOGLEVEL_ERR,
  LOGLEVEL_INFO,
  LOGLEVEL_NOTICE,
  LOGLEVEL_WARNING,
  MESSAGE_LOGLEVEL_DEFAULT,
} from './levels';
import { logbuf_init } from './store/logbuf';
import { printk_info, reserved_entry } from './store/store';

/** Entries of printk() that may be under way on one CPU, one interrupting the other. */
const PRINTK_MAX_RECURSION: u32 = 4;
/** Longest text of a record; the rest is cut off. */
export const LOG_LINE_MAX: u32 = 992;

/** A reservation per CPU and depth, as nothing can live on a stack. */
const ENTRY_SIZE: usize = 64;
const entries: usize = memory.data(32 * 4 * 64, 8);

const emitter: printk_emitter = changetype<printk_emitter>(
  memory.data(offsetof<printk_emitter>(), 4),
);

/** Boot CPU, first thing. */
export function printk_init(): void {
  console_init();
  logbuf_init(prb);
  direct_init(emitter);
}

function entry_of(cpu: u32, depth: u32): reserved_entry {
  const address = entries + <usize>(cpu * PRINTK_MAX_RECURSION + depth) * ENTRY_SIZE;
  const entry = changetype<reserved_entry>(address);
  entry.info = changetype<printk_info>(address + 32);
  return entry;
}

/** Level that a message's prefix gives, or `level` if it has none. */
function parse_level(fmt: string, level: u32): u32 {
  if (literal_length(fmt) < 2 || literal_at(fmt, 0) != KERN_SOH) return level;
  const digit = literal_at(fmt, 1) - 0x30;
  return digit < 8 ? digit : level;
}

/**
 * Stores one message; false if it is lost. Any context, interrupts off.
 */
function vprintk_store(
  level: u32,
  fmt: string,
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  a6: usize,
  a7: usize,
): bool {
  const cpu = this_cpu();
  const depth = READ_ONCE(changetype<usize>(cpu) + offsetof<Cpu>('printk_depth'));
  if (depth >= PRINTK_MAX_RECURSION) return false;
  WRITE_ONCE(changetype<usize>(cpu) + offsetof<Cpu>('printk_depth'), depth + 1);

  const now = local_clock();
  const entry = entry_of(cpu.cpu, depth);
  const skip: u32 = literal_length(fmt) >= 2 && literal_at(fmt, 0) == KERN_SOH ? 2 : 0;
  let length = vsnprintf(0, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
  if (length > LOG_LINE_MAX) length = LOG_LINE_MAX;
  const stored = prb.reserve(entry, length);
  if (stored) {
    // A string that has changed since it was measured must not leave a hole.
    const written = vsnprintf(entry.text, length, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
    if (written < length) length = written;
    if (length > skip && load<u8>(entry.text + length - 1) == 0x0a) length--;
    if (skip) memory.copy(entry.text, entry.text + skip, length - skip);
    entry.info.text_len = length - skip;
    entry.info.ts_nsec = now;
    entry.info.level = level;
    entry.info.caller_id = in_task() ? 0 : 0x80000000 + smp_processor_id();
    prb.commit(entry);
  }
  WRITE_ONCE(changetype<usize>(cpu) + offsetof<Cpu>('printk_depth'), depth);
  return stored;
}

/** Any context. */
export function vprintk_emit(
  level: u32,
  fmt: string,
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  a6: usize,
  a7: usize,
): void {
  if (level == LOGLEVEL_DEFAULT) level = parse_level(fmt, MESSAGE_LOGLEVEL_DEFAULT);
  const flags = local_irq_save();
  report_lost();
  const stored = vprintk_store(level, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
  local_irq_restore(flags);
  if (!stored) fetch_add_relaxed(printk_lost, 1);
  emitter.stored();
}

/** Says how many messages found no room since the last time. Not from an NMI, which may be why. */
function report_lost(): void {
  if (READ_ONCE(printk_lost) == 0 || in_nmi()) return;
  const lost = xchg_relaxed(printk_lost, 0);
  vprintk_store(LOGLEVEL_WARNING, '** %u printk messages lost **\n', lost, 0, 0, 0, 0, 0, 0, 0);
}

/** In a panic, when only this CPU is left: makes locks usable and prints everything. */
export function printk_flush_on_panic(): void {
  prb.bust_locks();
  emitter.flush_on_panic();
}

/** Prints what others stored while they could not print. Hardirq context. */
export function printk_irq_work(): void {
  report_lost();
  if (console_trylock()) console_unlock();
}

export function printk(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_DEFAULT, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_emerg(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_EMERG, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_alert(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_ALERT, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_crit(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_CRIT, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_err(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_ERR, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_warn(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_WARNING, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_notice(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_NOTICE, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_info(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_INFO, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}

export function pr_debug(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_DEBUG, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}
