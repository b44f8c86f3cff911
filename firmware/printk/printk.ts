// printk(): formats a message, stores it as a record and tells the emitter. A message is an AssemblyScript
// literal with the conversions of lib/format.ts and may start with "\x01" and a level's digit or 'c', as
// KERN_INFO & co. do in C; the pr_*() functions give the level without that. Strings are passed as
// str('…').
//
// A message without a newline at its end stays open: the same caller may go on with pr_cont(). What a
// store has no room for is counted, and told of as soon as there is room.

import { READ_ONCE, WRITE_ONCE, fetch_add_relaxed, xchg_relaxed } from '../arch/atomic';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { in_nmi, in_task, smp_processor_id } from '../arch/percpu';
import { param_u32 } from '../init/params';
import { printk_suppressed } from '../kernel/panic-state';
import { vsnprintf } from '../lib/format';
import { literal_copy, literal_length } from '../lib/string';
import { current } from '../sched/task';
import { local_clock, udelay } from '../time/timekeeping';
import { console_init, prb } from './console';
import { printk_cpu_sync_init } from './cpu-sync';
import { emitter } from './emit/emit';
import { emit_init, preset_store, presets_init } from './emit/presets';
import { klogd_init, wake_up_klogd } from './klogd';
import {
  KERN_SOH,
  LOGLEVEL_ALERT,
  LOGLEVEL_CONT,
  LOGLEVEL_CRIT,
  LOGLEVEL_DEBUG,
  LOGLEVEL_DEFAULT,
  LOGLEVEL_EMERG,
  LOGLEVEL_ERR,
  LOGLEVEL_INFO,
  LOGLEVEL_NOTICE,
  LOGLEVEL_WARNING,
  LOG_FACILITY_SHIFT,
  LOG_LEVEL_MASK,
  MESSAGE_LOGLEVEL_DEFAULT,
} from './levels';
import { print_text_init } from './print-text';
import { PRINTK_BUFFER_SIZE, printk_enter, printk_entries_init, printk_exit } from './printk-entry';
import { ratelimit_init } from './ratelimit';
import { count_printk, count_printk_context, printk_counters } from './printk-stats';
import {
  CALLER_CPU,
  LOG_CONT,
  LOG_LINE_MAX,
  LOG_NEWLINE,
  reserved_entry,
  set_info_flag,
  set_info_level_flags,
} from './store/store';
import { log_buf_size, store_init } from './store/stores';
import { vmcoreinfo_init } from './vmcoreinfo';

const TRUNCATED: string = '<truncated>';
/** Most that printk_delay= and boot_delay= may ask for, ms. */
const DELAY_MAX: u32 = 10_000;

// What became of a message.
const LOST: u32 = 0;
const STORED: u32 = 1;
/** The store has it, but will bring it into the log later. */
const ASIDE: u32 = 2;
/** It is in the log, but this context must not print it. */
const DEFERRED: u32 = 3;

/** Messages that the store had no room for and that nobody was told of. */
const printk_lost: usize = memory.data(4, 4);
/** printk_delay=, ms. */
const delay_ms: usize = memory.data(4, 4);

/** Boot CPU, as soon as the command line is known and memory can be had. */
export function printk_init(): void {
  presets_init();
  console_init();
  print_text_init();
  klogd_init();
  printk_cpu_sync_init();
  printk_entries_init();
  ratelimit_init();
  store_init(preset_store());
  vmcoreinfo_init();
  emit_init();
  const delay = param_u32('printk_delay', 0);
  WRITE_ONCE(delay_ms, delay < DELAY_MAX ? delay : DELAY_MAX);
}

/** Pid, or the CPU of an interrupt. */
function printk_caller_id(): u32 {
  return in_task() ? current().pid : CALLER_CPU + smp_processor_id();
}

/**
 * Shortens what is in the buffer to `room` bytes, and says so at its end. Returns the length.
 */
function truncate(text: usize, room: u32): u32 {
  const mark = literal_length(TRUNCATED);
  const keep = room > mark ? room - mark : 0;
  literal_copy(text + keep, TRUNCATED);
  return keep + mark;
}

/** Copies the text behind the record's, and completes it: for good if the line is. */
function fill(entry: reserved_entry, text: usize, length: u32, flags: u32): void {
  const info = entry.info;
  memory.copy(entry.text, text, length);
  info.text_len += <u16>length;
  if (flags & LOG_NEWLINE) {
    set_info_flag(info, LOG_NEWLINE);
    prb.final_commit(entry);
  } else prb.commit(entry);
}

/**
 * Stores a message that has been formatted into entry.buffer. False if there is no room. Between the
 * store's begin() and end().
 */
function store_text(entry: reserved_entry, priority: u32, ts_nsec: u64, length: u32): bool {
  let text = entry.buffer;
  let level = priority & LOG_LEVEL_MASK;
  let given = true;
  let flags: u32 = 0;
  if (priority >= LOGLEVEL_CONT) {
    level = MESSAGE_LOGLEVEL_DEFAULT;
    given = false;
    if (priority == LOGLEVEL_CONT) flags = LOG_CONT;
  }
  const facility = priority >= LOGLEVEL_CONT ? 0 : priority >> LOG_FACILITY_SHIFT;
  // The first level given counts. What users write to /dev/kmsg has no such prefixes.
  while (facility == 0 && length >= 2 && <u32>load<u8>(text) == KERN_SOH) {
    const c = <u32>load<u8>(text + 1);
    if (c == 0x63) flags |= LOG_CONT;
    else if (c - 0x30 > LOG_LEVEL_MASK) break;
    else if (!given) {
      level = c - 0x30;
      given = true;
    }
    text += 2;
    length -= 2;
  }
  if (length > 0 && load<u8>(text + length - 1) == 0x0a) {
    flags |= LOG_NEWLINE;
    length--;
  }
  const whole = length;
  if (length > LOG_LINE_MAX) {
    length = truncate(text, LOG_LINE_MAX);
    flags |= LOG_NEWLINE;
  }

  const caller_id = printk_caller_id();
  if (flags & LOG_CONT && prb.reserve_in_last(entry, caller_id, length)) {
    fill(entry, text, length, flags);
    return true;
  }
  if (!prb.reserve(entry, length)) {
    const room = log_buf_size() >> 2;
    if (length <= room) return false;
    length = truncate(text, room);
    if (!prb.reserve(entry, length)) return false;
  }
  if (length != whole) count_printk(offsetof<printk_counters>('truncated'));
  const info = entry.info;
  info.ts_nsec = ts_nsec;
  info.facility = <u8>facility;
  info.caller_id = caller_id;
  set_info_level_flags(info, level, flags);
  fill(entry, text, length, flags);
  return true;
}

/** Stores one message. LOST, STORED or ASIDE. Any context. */
function vprintk_store(
  priority: u32,
  dev: usize,
  fmt: string,
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  a6: usize,
  a7: usize,
): u32 {
  const now = local_clock();
  const flags = local_irq_save();
  const entry = printk_enter();
  if (entry == null) {
    local_irq_restore(flags);
    count_printk(offsetof<printk_counters>('recursed'));
    fetch_add_relaxed(printk_lost, 1);
    return LOST;
  }
  entry.dev = dev;
  let result = LOST;
  if (prb.begin(entry)) {
    let n = vsnprintf(entry.buffer, PRINTK_BUFFER_SIZE, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
    if (n > PRINTK_BUFFER_SIZE) n = PRINTK_BUFFER_SIZE;
    if (store_text(entry, priority, now, n)) {
      result = entry.aside ? ASIDE : entry.deferred ? DEFERRED : STORED;
    }
    prb.end(entry);
  }
  printk_exit();
  local_irq_restore(flags);
  if (result == LOST) {
    count_printk(offsetof<printk_counters>('dropped'));
    fetch_add_relaxed(printk_lost, 1);
  } else if (result == ASIDE) count_printk(offsetof<printk_counters>('deferred'));
  else count_printk(offsetof<printk_counters>('stored'));
  return result;
}

/** Says how many messages found no room since the last time. Not from an NMI, which may be why. */
function report_lost(): void {
  if (READ_ONCE(printk_lost) == 0 || in_nmi()) return;
  const lost = xchg_relaxed(printk_lost, 0);
  vprintk_store(LOGLEVEL_WARNING, 0, '** %u printk messages lost **\n', lost, 0, 0, 0, 0, 0, 0, 0);
}

/** What comes before storing a message. False: it is not to be stored at all. */
function printk_may_store(): bool {
  if (printk_suppressed()) {
    count_printk(offsetof<printk_counters>('suppressed'));
    return false;
  }
  count_printk_context();
  const delay = READ_ONCE(delay_ms);
  if (delay) udelay(delay * 1000);
  report_lost();
  return true;
}

/**
 * `priority`: a level, plus 8 times the facility; or LOGLEVEL_DEFAULT, LOGLEVEL_CONT. `dev`: the dev_info of
 * the device that it is about, or 0. Any context.
 */
export function vprintk_emit(
  priority: u32,
  dev: usize,
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
  if (!printk_may_store()) return;
  // What is lost may be so because this CPU interrupted the store: then printing could not read it.
  const result = vprintk_store(priority, dev, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
  if (result == STORED) emitter.stored();
  else if (result == DEFERRED) {
    count_printk(offsetof<printk_counters>('deferred'));
    emitter.stored_deferred();
  } else return;
  wake_up_klogd();
}

/** Stores only; somebody prints it from an interrupt. The caller may hold what printing needs. */
export function vprintk_deferred(
  priority: u32,
  fmt: string,
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
): void {
  if (!printk_may_store()) return;
  count_printk(offsetof<printk_counters>('deferred'));
  const result = vprintk_store(priority, 0, fmt, a0, a1, a2, a3, 0, 0, 0, 0);
  if (result == LOST || result == ASIDE) return;
  emitter.stored_deferred();
  wake_up_klogd();
}

/** printk() for callers that may hold what printing needs: scheduler, timekeeping. Any context. */
export function printk_deferred(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
): void {
  vprintk_deferred(LOGLEVEL_DEFAULT, fmt, a0, a1, a2, a3);
}

/**
 * Stores a message and does nothing else: for a store that brings into the log what it had kept aside.
 */
export function printk_store_only(fmt: string, a0: usize, a1: usize): void {
  vprintk_store(LOGLEVEL_DEFAULT, 0, fmt, a0, a1, 0, 0, 0, 0, 0, 0);
}

/** Goes on with this caller's last message, if that had no newline. */
export function pr_cont(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
): void {
  vprintk_emit(LOGLEVEL_CONT, 0, fmt, a0, a1, a2, a3, 0, 0, 0, 0);
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
  vprintk_emit(LOGLEVEL_DEFAULT, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_EMERG, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_ALERT, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_CRIT, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_ERR, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_WARNING, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_NOTICE, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_INFO, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
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
  vprintk_emit(LOGLEVEL_DEBUG, 0, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
}
