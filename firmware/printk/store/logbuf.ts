// Store `logbuf`: one global ring of variable-length records under logbuf_lock, as Linux had it up to
// 4.9. Writers are serialised by the lock, which is held while the text is formatted. Not safe in an
// NMI, nor when printk() is entered again under the lock: both lose the message instead of
// deadlocking (reserve() finds out).
//
// A record is { u64 ts_nsec, u16 len, u16 text_len, u16 dict_len, u8 facility, u8 level << 5,
// u32 caller_id }, then its text, padded to 4 bytes. A record with len 0 says: continue at the start.

import { READ_ONCE, WRITE_ONCE } from '../../arch/atomic';
import { hart_pause } from '../../arch/hart';
import { local_irq_restore, local_irq_save } from '../../arch/irqflags';
import { in_nmi, smp_processor_id } from '../../arch/percpu';
import { oops_in_progress } from '../../kernel/panic-state';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_trylock,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../../locking/spinlock';
import { printk_record, printk_store, reserved_entry } from './store';

const LOG_BUF_LEN: u32 = 65536;
/** How often an NMI tries to get the lock before it gives the message up. */
const NMI_TRIES: u32 = 1000;
const HEADER_SIZE: u32 = 20;
const LOG_ALIGN: u32 = 4;

@unmanaged
class printk_log {
  ts_nsec: u64;
  len: u16;
  text_len: u16;
  dict_len: u16;
  facility: u8;
  flags_level: u8;
  caller_id: u32;
}

export const logbuf_lock: spinlock_t = changetype<spinlock_t>(
  memory.data(offsetof<spinlock_t>(), 4),
);
/** CPU in a logbuf_lock section of reserve()…commit(), plus one; tells recursion from contention. */
const logbuf_cpu: usize = memory.data(4, 4);

const log_buf: usize = memory.data(65536, 8);

// All under logbuf_lock.
@unmanaged
class LogState {
  first_seq: u64;
  next_seq: u64;
  first_idx: u32;
  next_idx: u32;
  /** Where the last reader stopped: record number and index. Saves it the walk from the start. */
  reader_seq: u64;
  reader_idx: u32;
}
const log: LogState = changetype<LogState>(memory.data(offsetof<LogState>(), 8));

function log_at(idx: u32): printk_log {
  return changetype<printk_log>(log_buf + idx);
}

/** Index of the record after the one at `idx`. */
function log_next(idx: u32): u32 {
  const len = <u32>log_at(idx).len;
  // len 0: a wrap mark, and the record itself is at the start of the buffer.
  return len == 0 ? <u32>log_at(0).len : idx + len;
}

/** Room for a record and for a wrap mark after it? `empty` tells the two meanings of equal indices. */
function has_space(size: u32, empty: bool): bool {
  let free: u32;
  if (log.next_idx > log.first_idx || empty) {
    const behind = LOG_BUF_LEN - log.next_idx;
    free = behind > log.first_idx ? behind : log.first_idx;
  } else {
    free = log.first_idx - log.next_idx;
  }
  return free >= size + HEADER_SIZE;
}

/** Drops the oldest records until the new one fits. */
function make_free_space(size: u32): bool {
  while (log.first_seq < log.next_seq && !has_space(size, false)) {
    log.first_idx = log_next(log.first_idx);
    log.first_seq++;
  }
  return has_space(size, log.first_seq == log.next_seq);
}

/** Takes logbuf_lock until commit(). Task, softirq or hardirq context; in an NMI only if it is free. */
function logbuf_reserve(entry: reserved_entry, text_size: u32): bool {
  const flags = local_irq_save();
  if (READ_ONCE(logbuf_cpu) == smp_processor_id() + 1) {
    // A crash inside our own section: what is left of it does not matter any more.
    if (oops_in_progress()) logbuf_bust_locks();
  }
  if (READ_ONCE(logbuf_cpu) == smp_processor_id() + 1) {
    local_irq_restore(flags);
    return false;
  }
  if (in_nmi()) {
    // Another CPU will release it; if this one is a reader that the NMI interrupted, it will not.
    let tries = NMI_TRIES;
    while (!spin_trylock(logbuf_lock)) {
      if (--tries == 0) {
        local_irq_restore(flags);
        return false;
      }
      hart_pause();
    }
  } else {
    spin_lock(logbuf_lock);
  }
  WRITE_ONCE(logbuf_cpu, smp_processor_id() + 1);

  const size = (HEADER_SIZE + text_size + LOG_ALIGN - 1) & ~(LOG_ALIGN - 1);
  if (!make_free_space(size)) {
    WRITE_ONCE(logbuf_cpu, 0);
    spin_unlock_irqrestore(logbuf_lock, flags);
    return false;
  }
  if (log.next_idx + size + HEADER_SIZE > LOG_BUF_LEN) {
    memory.fill(log_buf + log.next_idx, 0, HEADER_SIZE);
    log.next_idx = 0;
  }
  const record = log_at(log.next_idx);
  record.len = <u16>size;
  entry.record = changetype<usize>(record);
  entry.text = changetype<usize>(record) + HEADER_SIZE;
  entry.text_size = text_size;
  entry.irqflags = flags;
  entry.info.seq = log.next_seq;
  return true;
}

/** Releases logbuf_lock. */
function logbuf_commit(entry: reserved_entry): void {
  const record = changetype<printk_log>(entry.record);
  record.ts_nsec = entry.info.ts_nsec;
  record.text_len = <u16>entry.info.text_len;
  record.dict_len = 0;
  record.facility = 0;
  record.flags_level = <u8>(entry.info.level << 5);
  record.caller_id = entry.info.caller_id;
  log.next_idx += <u32>record.len;
  log.next_seq++;
  WRITE_ONCE(logbuf_cpu, 0);
  spin_unlock_irqrestore(logbuf_lock, entry.irqflags);
}

/** Any context but an NMI. */
function logbuf_read(seq: u64, r: printk_record): bool {
  const flags = spin_lock_irqsave(logbuf_lock);
  if (seq < log.first_seq) seq = log.first_seq;
  if (seq >= log.next_seq) {
    spin_unlock_irqrestore(logbuf_lock, flags);
    return false;
  }
  let at = log.first_seq;
  let idx = log.first_idx;
  if (log.reader_seq >= at && log.reader_seq <= seq) {
    at = log.reader_seq;
    idx = log.reader_idx;
  }
  for (; at < seq; at++) idx = log_next(idx);

  let record = log_at(idx);
  if (record.len == 0) record = log_at(0);
  const text_len = <u32>record.text_len;
  r.info.seq = seq;
  r.info.ts_nsec = record.ts_nsec;
  r.info.level = <u32>(record.flags_level >> 5);
  r.info.caller_id = record.caller_id;
  r.info.text_len = text_len < r.text_size ? text_len : r.text_size;
  memory.copy(r.text, changetype<usize>(record) + HEADER_SIZE, r.info.text_len);
  log.reader_seq = seq + 1;
  log.reader_idx = log_next(idx);
  spin_unlock_irqrestore(logbuf_lock, flags);
  return true;
}

function logbuf_first_seq(): u64 {
  const flags = spin_lock_irqsave(logbuf_lock);
  const seq = log.first_seq;
  spin_unlock_irqrestore(logbuf_lock, flags);
  return seq;
}

function logbuf_next_seq(): u64 {
  const flags = spin_lock_irqsave(logbuf_lock);
  const seq = log.next_seq;
  spin_unlock_irqrestore(logbuf_lock, flags);
  return seq;
}

/** In a panic, when the other CPUs have been stopped: one of them may have had the lock. */
function logbuf_bust_locks(): void {
  spin_lock_init(logbuf_lock, 'logbuf_lock');
  WRITE_ONCE(logbuf_cpu, 0);
}

export function logbuf_init(store: printk_store): void {
  spin_lock_init(logbuf_lock, 'logbuf_lock');
  store.name = 'logbuf';
  store.reserve = logbuf_reserve;
  store.commit = logbuf_commit;
  store.read = logbuf_read;
  store.first_seq = logbuf_first_seq;
  store.next_seq = logbuf_next_seq;
  store.bust_locks = logbuf_bust_locks;
}
