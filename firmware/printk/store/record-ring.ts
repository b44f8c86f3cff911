// A ring of variable-length records in one buffer: struct printk_log and the indices of Linux up to
// 5.9. No locking here: whoever uses a ring holds a lock.
//
// A record is a struct printk_log and its text, padded to 4 bytes. Equal indices mean an empty ring.
// A record with len 0 says: continue at the start of the buffer.

import { PRINTK_INFO_HEAD, printk_info, printk_record } from './store';

/** Linux's layout, with CONFIG_PRINTK_CALLER: crash tools know it. */
@unmanaged
export class printk_log {
  ts_nsec: u64;
  /** Of the whole record. */
  len: u16;
  text_len: u16;
  dict_len: u16;
  facility: u8;
  flags_level: u8;
  caller_id: u32;
}
export const PRINTK_LOG_SIZE: u32 = 20;
const LOG_ALIGN: u32 = 4;

@unmanaged
export class record_ring {
  first_seq: u64;
  next_seq: u64;
  /** Where the last reader stopped: record number and index. Saves it the walk from the start. */
  reader_seq: u64;
  reader_idx: u32;
  log_buf: usize;
  log_buf_len: u32;
  log_first_idx: u32;
  log_next_idx: u32;
}

export function record_ring_init(ring: record_ring, buffer: usize, size: u32): void {
  memory.fill(changetype<usize>(ring), 0, offsetof<record_ring>());
  ring.log_buf = buffer;
  ring.log_buf_len = size;
}

function log_at(ring: record_ring, idx: u32): printk_log {
  return changetype<printk_log>(ring.log_buf + <usize>idx);
}

/** Index of the record after the one at `idx`. */
function log_next(ring: record_ring, idx: u32): u32 {
  const len = <u32>log_at(ring, idx).len;
  // len 0: a wrap mark, and the record itself is at the start of the buffer.
  return len == 0 ? <u32>log_at(ring, 0).len : idx + len;
}

/** Room for a record and for a wrap mark after it? `empty` tells the two meanings of equal indices. */
function has_space(ring: record_ring, size: u32, empty: bool): bool {
  let free: u32;
  if (ring.log_next_idx > ring.log_first_idx || empty) {
    const behind = ring.log_buf_len - ring.log_next_idx;
    free = behind > ring.log_first_idx ? behind : ring.log_first_idx;
  } else {
    free = ring.log_first_idx - ring.log_next_idx;
  }
  return free >= size + PRINTK_LOG_SIZE;
}

/** Drops the oldest records until the new one fits. */
function make_free_space(ring: record_ring, size: u32): bool {
  while (ring.first_seq < ring.next_seq && !has_space(ring, size, false)) {
    ring.log_first_idx = log_next(ring, ring.log_first_idx);
    ring.first_seq++;
  }
  return has_space(ring, size, ring.first_seq == ring.next_seq);
}

function record_size(text_len: u32): u32 {
  return (PRINTK_LOG_SIZE + text_len + LOG_ALIGN - 1) & ~(LOG_ALIGN - 1);
}

/** Could an empty ring hold a record with that much text? Needs no lock. */
export function record_ring_fits(ring: record_ring, text_len: u32): bool {
  return record_size(text_len) + PRINTK_LOG_SIZE <= ring.log_buf_len;
}

/** Can a record with that much text be stored at all? Drops the oldest ones for it. */
export function record_ring_reserve(ring: record_ring, text_len: u32): bool {
  return make_free_space(ring, record_size(text_len));
}

/** Adds a record, dropping the oldest ones. False if it is too long for the buffer. */
export function record_ring_store(ring: record_ring, info: printk_info, text: usize): bool {
  const text_len = <u32>info.text_len;
  const size = record_size(text_len);
  if (!make_free_space(ring, size)) return false;
  if (ring.log_next_idx + size + PRINTK_LOG_SIZE > ring.log_buf_len) {
    memory.fill(ring.log_buf + <usize>ring.log_next_idx, 0, PRINTK_LOG_SIZE);
    ring.log_next_idx = 0;
  }
  const record = log_at(ring, ring.log_next_idx);
  record.ts_nsec = info.ts_nsec;
  record.len = <u16>size;
  record.text_len = <u16>text_len;
  record.dict_len = 0;
  record.facility = info.facility;
  record.flags_level = info.flags_level;
  record.caller_id = info.caller_id;
  memory.copy(changetype<usize>(record) + PRINTK_LOG_SIZE, text, text_len);
  ring.log_next_idx += size;
  ring.next_seq++;
  return true;
}

/** Copies the first record whose number is at least `seq`. */
export function record_ring_read(ring: record_ring, seq: u64, r: printk_record): bool {
  if (seq < ring.first_seq) seq = ring.first_seq;
  if (seq >= ring.next_seq) return false;
  let at = ring.first_seq;
  let idx = ring.log_first_idx;
  if (ring.reader_seq >= at && ring.reader_seq <= seq) {
    at = ring.reader_seq;
    idx = ring.reader_idx;
  }
  for (; at < seq; at++) idx = log_next(ring, idx);
  let record = log_at(ring, idx);
  if (record.len == 0) record = log_at(ring, 0);
  const text_len = <u32>record.text_len;
  const info = r.info;
  memory.fill(
    changetype<usize>(info) + PRINTK_INFO_HEAD,
    0,
    offsetof<printk_info>() - PRINTK_INFO_HEAD,
  );
  info.seq = seq;
  info.ts_nsec = record.ts_nsec;
  info.facility = record.facility;
  info.flags_level = record.flags_level;
  info.caller_id = record.caller_id;
  info.text_len = <u16>(text_len < r.text_size ? text_len : r.text_size);
  memory.copy(r.text, changetype<usize>(record) + PRINTK_LOG_SIZE, <usize>info.text_len);
  ring.reader_seq = seq + 1;
  ring.reader_idx = log_next(ring, idx);
  return true;
}
