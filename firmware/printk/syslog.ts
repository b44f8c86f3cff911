// syslog(2): the older way to the log, and what dmesg uses to clear it and to turn the console's
// messages off and on. Actions and results are those of Linux's do_syslog().
//
// syslog_lock protects the position of READ, which all callers share. clear_seq is read from anywhere:
// it is kept twice, and a reader takes the copy that is not being written.

import { READ_ONCE, WRITE_ONCE, smp_mb, smp_rmb, smp_wmb } from '../arch/atomic';
import { EINTR, EINVAL } from '../lib/errno';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import { schedule } from '../sched/core';
import { TASK_INTERRUPTIBLE, current, signal_pending } from '../sched/task';
import { finish_wait, prepare_to_wait } from '../sched/wait';
import { console_loglevel, prb, set_console_loglevel } from './console';
import { log_wait } from './klogd';
import { record_print_syslog } from './print-text';
import { printk_info, printk_record } from './store/store';
import { log_buf_size } from './store/stores';

export const SYSLOG_ACTION_CLOSE: u32 = 0;
export const SYSLOG_ACTION_OPEN: u32 = 1;
/** Waits for records and takes as many as fit. */
export const SYSLOG_ACTION_READ: u32 = 2;
/** The newest ones that fit, since the last clear. */
export const SYSLOG_ACTION_READ_ALL: u32 = 3;
export const SYSLOG_ACTION_READ_CLEAR: u32 = 4;
export const SYSLOG_ACTION_CLEAR: u32 = 5;
export const SYSLOG_ACTION_CONSOLE_OFF: u32 = 6;
export const SYSLOG_ACTION_CONSOLE_ON: u32 = 7;
export const SYSLOG_ACTION_CONSOLE_LEVEL: u32 = 8;
/** Bytes that READ would give. */
export const SYSLOG_ACTION_SIZE_UNREAD: u32 = 9;
export const SYSLOG_ACTION_SIZE_BUFFER: u32 = 10;

/** The level that the console cannot be set below. */
const MINIMUM_CONSOLE_LOGLEVEL: u32 = 1;
const LOGLEVEL_NONE_SAVED: u32 = 0xffffffff;
const TEXT_MAX: u32 = 1024;
const OUT_MAX: u32 = 2048;

/** Struct latched_seq: seq's lowest bit says which of val[2] is not being written. */
export const clear_seq: usize = memory.data(24, 8);
const LATCHED_SEQ_VAL: usize = 8;

@unmanaged
class SyslogState {
  /** The record that READ continues with, and how much of it has been given. */
  seq: u64;
  partial: u32;
  /** What CONSOLE_ON goes back to. */
  saved_console_loglevel: u32;
}
const state: SyslogState = changetype<SyslogState>(memory.data(offsetof<SyslogState>(), 8));
const syslog_lock: mutex = changetype<mutex>(memory.data(offsetof<mutex>(), 4));
/** A record and its text. Under syslog_lock. */
const record: printk_record = changetype<printk_record>(memory.data(offsetof<printk_record>(), 4));
const info: usize = memory.data(offsetof<printk_info>(), 8);
const text: usize = memory.data(1024, 4);
const out: usize = memory.data(2048, 4);

/** Boot CPU, before there are tasks. */
export function syslog_init(): void {
  mutex_init(syslog_lock, 'syslog_lock');
  state.saved_console_loglevel = LOGLEVEL_NONE_SAVED;
  record.info = changetype<printk_info>(info);
  record.text = text;
  record.text_size = TEXT_MAX;
}

/** Under syslog_lock. */
function clear_seq_write(seq: u64): void {
  prb.clear(seq);
  for (let copy: usize = 0; copy < 2; copy++) {
    // Readers go to the other copy while this one changes.
    WRITE_ONCE(clear_seq, READ_ONCE(clear_seq) + 1);
    smp_wmb();
    const val = clear_seq + LATCHED_SEQ_VAL + (copy << 3);
    WRITE_ONCE(val, <u32>seq);
    WRITE_ONCE(val + 4, <u32>(seq >> 32));
    smp_wmb();
  }
}

/** The first record after the last clear. Any context. */
export function clear_seq_read(): u64 {
  let seq: u64;
  let latch: u32;
  do {
    latch = READ_ONCE(clear_seq);
    smp_rmb();
    const val = clear_seq + LATCHED_SEQ_VAL + ((<usize>(latch & 1)) << 3);
    seq = (<u64>READ_ONCE(val)) | ((<u64>READ_ONCE(val + 4)) << 32);
    smp_rmb();
  } while (READ_ONCE(clear_seq) != latch);
  return seq;
}

/** Waits for a record that READ has not given. 0 or EINTR. */
function wait_for_unread(): i32 {
  let error: i32 = 0;
  for (;;) {
    prepare_to_wait(log_wait, TASK_INTERRUPTIBLE);
    // LMM(syslog_print:A): our entry is on log_wait before we look for a record; pairs with
    // LMM(__wake_up_klogd:A).
    smp_mb();
    if (prb.next_seq() > state.seq) break;
    if (signal_pending(current())) {
      error = EINTR;
      break;
    }
    schedule();
  }
  finish_wait(log_wait);
  return error;
}

/** READ: what fits of the records from state.seq on; a record may be given in parts. */
function syslog_print(buf: usize, size: u32): i32 {
  const error = wait_for_unread();
  if (error != 0) return error;
  mutex_lock(syslog_lock);
  let n: u32 = 0;
  while (n < size && prb.read(state.seq, record)) {
    if (record.info.seq != state.seq) {
      // Overwritten: go on with the oldest.
      state.seq = record.info.seq;
      state.partial = 0;
    }
    const length = record_print_syslog(record, out, OUT_MAX);
    const left = length - state.partial;
    const part = left < size - n ? left : size - n;
    memory.copy(buf + n, out + state.partial, part);
    n += part;
    state.partial += part;
    if (state.partial < length) break;
    state.seq++;
    state.partial = 0;
  }
  mutex_unlock(syslog_lock);
  return <i32>n;
}

/** Bytes of the records in [seq, end). Under syslog_lock. */
function bytes_between(seq: u64, end: u64): u32 {
  let n: u32 = 0;
  while (seq < end && prb.read(seq, record) && record.info.seq < end) {
    n += record_print_syslog(record, out, OUT_MAX);
    seq = record.info.seq + 1;
  }
  return n;
}

/** READ_ALL and READ_CLEAR. */
function syslog_print_all(buf: usize, size: u32, clear: bool): i32 {
  mutex_lock(syslog_lock);
  const end = prb.next_seq();
  let seq = clear_seq_read();
  // The newest ones: the oldest that do not fit are left out.
  let total = bytes_between(seq, end);
  while (total > size && prb.read(seq, record)) {
    total -= record_print_syslog(record, out, OUT_MAX);
    seq = record.info.seq + 1;
  }
  let n: u32 = 0;
  while (seq < end && prb.read(seq, record) && record.info.seq < end) {
    const length = record_print_syslog(record, out, OUT_MAX);
    if (length > size - n) break;
    memory.copy(buf + n, out, length);
    n += length;
    seq = record.info.seq + 1;
  }
  if (clear) clear_seq_write(seq);
  mutex_unlock(syslog_lock);
  return <i32>n;
}

/** SIZE_UNREAD: in bytes. */
function syslog_size_unread(): i32 {
  mutex_lock(syslog_lock);
  const n = bytes_between(state.seq, prb.next_seq()) - state.partial;
  mutex_unlock(syslog_lock);
  return <i32>n;
}

function console_off(): void {
  if (state.saved_console_loglevel == LOGLEVEL_NONE_SAVED) {
    state.saved_console_loglevel = console_loglevel();
  }
  set_console_loglevel(MINIMUM_CONSOLE_LOGLEVEL);
}

function console_on(): void {
  if (state.saved_console_loglevel == LOGLEVEL_NONE_SAVED) return;
  set_console_loglevel(state.saved_console_loglevel);
  state.saved_console_loglevel = LOGLEVEL_NONE_SAVED;
}

function console_level(level: u32): i32 {
  if (level < 1 || level > 8) return EINVAL;
  set_console_loglevel(level < MINIMUM_CONSOLE_LOGLEVEL ? MINIMUM_CONSOLE_LOGLEVEL : level);
  state.saved_console_loglevel = LOGLEVEL_NONE_SAVED;
  return 0;
}

/**
 * syslog(2). `buf` and `size` are for the actions that read; for CONSOLE_LEVEL, `size` is the level.
 * Returns bytes, 0, or an error. READ sleeps; task context.
 */
export function do_syslog(action: u32, buf: usize, size: u32): i32 {
  const reads = action >= SYSLOG_ACTION_READ && action <= SYSLOG_ACTION_READ_CLEAR;
  if (reads && (buf == 0 || <i32>size < 0)) return EINVAL;
  if (reads && size == 0) return 0;
  switch (action) {
    case SYSLOG_ACTION_CLOSE:
    case SYSLOG_ACTION_OPEN:
      return 0;
    case SYSLOG_ACTION_READ:
      return syslog_print(buf, size);
    case SYSLOG_ACTION_READ_ALL:
      return syslog_print_all(buf, size, false);
    case SYSLOG_ACTION_READ_CLEAR:
      return syslog_print_all(buf, size, true);
    case SYSLOG_ACTION_CLEAR:
      mutex_lock(syslog_lock);
      clear_seq_write(prb.next_seq());
      mutex_unlock(syslog_lock);
      return 0;
    case SYSLOG_ACTION_CONSOLE_OFF:
      console_off();
      return 0;
    case SYSLOG_ACTION_CONSOLE_ON:
      console_on();
      return 0;
    case SYSLOG_ACTION_CONSOLE_LEVEL:
      return console_level(size);
    case SYSLOG_ACTION_SIZE_UNREAD:
      return syslog_size_unread();
    case SYSLOG_ACTION_SIZE_BUFFER:
      return <i32>log_buf_size();
    default:
      return EINVAL;
  }
}
