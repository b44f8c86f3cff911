// /dev/kmsg: each reader has a position of its own and gets one record per read(); what is written
// becomes a record of facility user. Linux's devkmsg_*() in kernel/printk/printk.c.

import { READ_ONCE, WRITE_ONCE, smp_mb } from '../arch/atomic';
import { EAGAIN, EINTR, EINVAL, EPERM, EPIPE, ESPIPE } from '../lib/errno';
import { is_digit } from '../lib/string';
import { param_is } from '../init/params';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import { kfree, kmalloc } from '../mm/slab';
import { schedule } from '../sched/core';
import { TASK_INTERRUPTIBLE, current, signal_pending, task_comm } from '../sched/task';
import { finish_wait, prepare_to_wait } from '../sched/wait';
import { prb } from './console';
import { CONSOLE_EXT_LOG_MAX, record_print_ext } from './kmsg-format';
import { log_wait } from './klogd';
import { LOG_FACILITY_SHIFT, LOG_LEVEL_MASK, MESSAGE_LOGLEVEL_DEFAULT } from './levels';
import { pr_warn, vprintk_emit } from './printk';
import {
  DEFAULT_RATELIMIT_BURST,
  DEFAULT_RATELIMIT_INTERVAL,
  __ratelimit,
  ratelimit_state,
  ratelimit_state_init,
} from './ratelimit';
import { LOG_LINE_MAX, printk_info, printk_record } from './store/store';
import { clear_seq_read } from './syslog';

export const SEEK_SET: u32 = 0;
export const SEEK_CUR: u32 = 1;
export const SEEK_END: u32 = 2;
/** Behind the last CLEAR of syslog(). */
export const SEEK_DATA: u32 = 3;

// poll()
export const EPOLLIN: u32 = 0x001;
export const EPOLLPRI: u32 = 0x002;
export const EPOLLERR: u32 = 0x008;
export const EPOLLRDNORM: u32 = 0x040;

/** Facility of what does not come from the kernel. */
const LOG_USER: u32 = 1;
const LOG_FACILITY_MASK: u32 = 0xff;

// printk.devkmsg=
const DEVKMSG_LOG_RATELIMIT: u32 = 0;
const DEVKMSG_LOG_ON: u32 = 1;
const DEVKMSG_LOG_OFF: u32 = 2;
const devkmsg_log: usize = memory.data(4, 4);

/** Room for the text of a record, and for what was written, which may have "<N>" in front. */
const PRINTKRECORD_MAX: u32 = 1024;

/** An open /dev/kmsg. */
@unmanaged
export class devkmsg_user {
  /** The next record to read. */
  seq: u64;
  /** One read() at a time. */
  lock: mutex;
  record: printk_record;
  /** The record as text, or what is to become one. */
  pbuf: usize;
  /** What it may write. */
  rs: ratelimit_state;
}

/** Boot CPU, when the command line is known. */
export function devkmsg_init(): void {
  let log = DEVKMSG_LOG_RATELIMIT;
  if (param_is('printk.devkmsg', 'on')) log = DEVKMSG_LOG_ON;
  else if (param_is('printk.devkmsg', 'off')) log = DEVKMSG_LOG_OFF;
  WRITE_ONCE(devkmsg_log, log);
}

/** open()'s answer: 0, or EPERM with printk.devkmsg=off. Any context. */
export function devkmsg_permission(): i32 {
  return READ_ONCE(devkmsg_log) == DEVKMSG_LOG_OFF ? EPERM : 0;
}

/** At the oldest record. For who may: the kernel's own readers need not ask. Task context. */
export function devkmsg_open(): devkmsg_user {
  const at = kmalloc(256 + <usize>PRINTKRECORD_MAX + <usize>CONSOLE_EXT_LOG_MAX);
  const user = changetype<devkmsg_user>(at);
  let next = (at + offsetof<devkmsg_user>() + 7) & ~7;
  user.lock = changetype<mutex>(next);
  mutex_init(user.lock, 'devkmsg_user->lock');
  next += (offsetof<mutex>() + 7) & ~7;
  user.record = changetype<printk_record>(next);
  next += (offsetof<printk_record>() + 7) & ~7;
  user.record.info = changetype<printk_info>(next);
  next += (offsetof<printk_info>() + 7) & ~7;
  user.record.text = next;
  user.record.text_size = PRINTKRECORD_MAX;
  user.pbuf = next + PRINTKRECORD_MAX;
  user.rs = changetype<ratelimit_state>(kmalloc(offsetof<ratelimit_state>()));
  ratelimit_state_init(user.rs, '/dev/kmsg', DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
  user.rs.on_release = true;
  user.seq = prb.first_seq();
  return user;
}

/** Task context. */
export function devkmsg_release(user: devkmsg_user): void {
  const missed = user.rs.missed;
  if (missed != 0) {
    pr_warn('%S: %u output lines suppressed due to ratelimiting\n', task_comm(current()), missed);
  }
  kfree(changetype<usize>(user.rs));
  kfree(changetype<usize>(user));
}

/** Sleeps until there is a record for the reader. 0, or EINTR after ^C. Under user.lock. */
function wait_for_record(user: devkmsg_user): i32 {
  let error: i32 = 0;
  for (;;) {
    prepare_to_wait(log_wait, TASK_INTERRUPTIBLE);
    // LMM(devkmsg_read:A): our entry is on log_wait before we look for a record; pairs with the
    // barrier between storing a record and looking for an entry (LMM(__wake_up_klogd:A)).
    smp_mb();
    if (prb.read(user.seq, user.record)) break;
    if (signal_pending(current())) {
      error = EINTR;
      break;
    }
    schedule();
  }
  finish_wait(log_wait);
  return error;
}

/** Fetches the next record into user.record. Under user.lock. */
function next_record(user: devkmsg_user, nonblock: bool): i32 {
  if (!prb.read(user.seq, user.record)) {
    if (nonblock) return EAGAIN;
    const error = wait_for_record(user);
    if (error != 0) return error;
  }
  const seq = user.record.info.seq;
  if (seq != user.seq) {
    // Those in between have been overwritten: say so once, then go on with the oldest there is.
    user.seq = seq;
    return EPIPE;
  }
  user.seq = seq + 1;
  return 0;
}

/**
 * The next record, for readers that want it as it is: it is in user.record until the next call. 0,
 * EPIPE if records were overwritten before they were read, EAGAIN, EINTR. Task context.
 */
export function devkmsg_read_record(user: devkmsg_user, nonblock: bool): i32 {
  mutex_lock(user.lock);
  const error = next_record(user, nonblock);
  mutex_unlock(user.lock);
  return error;
}

/**
 * read(): the next record as text. Returns its length, or an error as above; EINVAL if it does not
 * fit into `size` bytes, and then it is skipped. Task context.
 */
export function devkmsg_read(user: devkmsg_user, buf: usize, size: u32, nonblock: bool): i32 {
  mutex_lock(user.lock);
  let result = next_record(user, nonblock);
  if (result == 0) {
    const n = record_print_ext(user.record, user.pbuf);
    if (n > size) result = EINVAL;
    else {
      memory.copy(buf, user.pbuf, n);
      result = <i32>n;
    }
  }
  mutex_unlock(user.lock);
  return result;
}

/** lseek(): only to the ends, and to what came after the last CLEAR. Task context. */
export function devkmsg_llseek(user: devkmsg_user, offset: i32, whence: u32): i32 {
  if (offset != 0) return ESPIPE;
  switch (whence) {
    case SEEK_SET:
      user.seq = prb.first_seq();
      return 0;
    case SEEK_DATA:
      user.seq = clear_seq_read();
      return 0;
    case SEEK_END:
      user.seq = prb.next_seq();
      return 0;
    default:
      return EINVAL;
  }
}

/** poll(): what a read() would find now. Task context. */
export function devkmsg_poll(user: devkmsg_user): u32 {
  mutex_lock(user.lock);
  let mask: u32 = 0;
  if (prb.read(user.seq, user.record)) {
    mask = EPOLLIN | EPOLLRDNORM;
    if (user.record.info.seq != user.seq) mask |= EPOLLERR | EPOLLPRI;
  }
  mutex_unlock(user.lock);
  return mask;
}

/**
 * write(): one record, open for a continuation without a newline at its end. "<N>" in front gives
 * level and facility; user space cannot be facility 0.
 * Returns the length, also if nothing was logged because of printk.devkmsg=off or the rate limit;
 * EINVAL if it is too long. Task context.
 */
export function devkmsg_write(user: devkmsg_user, text: usize, length: u32): i32 {
  if (length > LOG_LINE_MAX) return EINVAL;
  const log = READ_ONCE(devkmsg_log);
  if (log == DEVKMSG_LOG_OFF) return <i32>length;
  if (log != DEVKMSG_LOG_ON && !__ratelimit(user.rs)) return <i32>length;
  let level = MESSAGE_LOGLEVEL_DEFAULT;
  let facility = LOG_USER;
  let at: u32 = 0;
  if (length > 0 && load<u8>(text) == 0x3c) {
    let priority: u32 = 0;
    let i: u32 = 1;
    for (; i < length && is_digit(load<u8>(text + i)); i++) {
      priority = priority * 10 + <u32>load<u8>(text + i) - 0x30;
    }
    if (i < length && load<u8>(text + i) == 0x3e) {
      level = priority & LOG_LEVEL_MASK;
      // A record has 8 bits for it: cut first, or <2048> would pass for the kernel's.
      const given = (priority >> LOG_FACILITY_SHIFT) & LOG_FACILITY_MASK;
      if (given != 0) facility = given;
      at = i + 1;
    }
  }
  mutex_lock(user.lock);
  memory.copy(user.pbuf, text + at, length - at);
  store<u8>(user.pbuf + (length - at), 0);
  vprintk_emit((facility << LOG_FACILITY_SHIFT) | level, 0, '%S', user.pbuf, 0, 0, 0, 0, 0, 0, 0);
  mutex_unlock(user.lock);
  return <i32>length;
}
