// A ring of variable-length records in one buffer: struct printk_log and the indices of Linux up to
// 5.9. No locking here: whoever uses a ring holds a lock.
//
// A record is a struct printk_log, its text, and a dictionary: the dev_info, if there is one (Linux has it as
// text). It is padded to 4 bytes. Equal indices mean an empty ring.
// A record with len 0 says: continue at the start of the buffer.

import { DEV_INFO_SIZE, printk_info, printk_record, set_info_dev } from './store';

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
  /** Where the newest record is. */
  last_idx: u32;
  /** The first record after the last SYSLOG_ACTION_CLEAR, or the oldest one if that is gone. */
  clear_idx: u32;
  clear_seq: u64;
}

export function record_ring_init(ring: record_ring, buffer: usize, size: u32): void {
  memory.fill(changetype<usize>(ring), 0, offsetof<record_ring>());
  ring.log_buf = buffer;
  ring.log_buf_len = size;
}

function log_at(ring: record_ring, idx: u32): printk_log {
  return changetype<printk_log>(ring.log_buf + <usize>idx);
}

function text_of(record: printk_log): usize {
  return changetype<usize>(record) + PRINTK_LOG_SIZE;
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

function drop_first(ring: record_ring): void {
  ring.log_first_idx = log_next(ring, ring.log_first_idx);
  ring.first_seq++;
  if (ring.clear_seq < ring.first_seq) {
    ring.clear_seq = ring.first_seq;
    ring.clear_idx = ring.log_first_idx;
  }
}

/** Drops the oldest records until the new one fits. */
function make_free_space(ring: record_ring, size: u32): bool {
  while (ring.first_seq < ring.next_seq && !has_space(ring, size, false)) {
    drop_first(ring);
  }
  return has_space(ring, size, ring.first_seq == ring.next_seq);
}

function record_size(text_len: u32, dict_len: u32): u32 {
  return (PRINTK_LOG_SIZE + text_len + dict_len + LOG_ALIGN - 1) & ~(LOG_ALIGN - 1);
}

/** Could an empty ring hold a record with that much text? Needs no lock. */
export function record_ring_fits(ring: record_ring, text_len: u32): bool {
  return record_size(text_len, 0) + PRINTK_LOG_SIZE <= ring.log_buf_len;
}

/** Can a record with that much text be stored at all? Drops the oldest ones for it. */
export function record_ring_reserve(ring: record_ring, text_len: u32): bool {
  return make_free_space(ring, record_size(text_len, 0));
}

/**
 * The same, but only records before `keep` (low half of a number) may go; those that did are gone also if
 * it is false.
 */
export function record_ring_make_room(ring: record_ring, text_len: u32, keep: u32): bool {
  const size = record_size(text_len, 0);
  while (ring.first_seq < ring.next_seq && !has_space(ring, size, false)) {
    if (<i32>(<u32>ring.first_seq - keep) >= 0) return false;
    drop_first(ring);
  }
  return has_space(ring, size, ring.first_seq == ring.next_seq);
}

/** Takes the newest record out again, which nobody may have read. There must be one. */
export function record_ring_take_last(ring: record_ring, r: printk_record): void {
  copy_record(log_at(ring, ring.last_idx), ring.next_seq - 1, r);
  ring.log_next_idx = ring.last_idx;
  ring.next_seq--;
}

/**
 * Adds a record, dropping the oldest ones. `info` need not have a dev_info: that is `dev`, or none for 0.
 * False if the text is too long for the buffer; a dev_info that is, is left out.
 */
export function record_ring_store(
  ring: record_ring,
  info: printk_info,
  dev: usize,
  text: usize,
): bool {
  const text_len = <u32>info.text_len;
  let dict_len: u32 = dev != 0 ? <u32>DEV_INFO_SIZE : 0;
  if (record_size(text_len, dict_len) + PRINTK_LOG_SIZE > ring.log_buf_len) dict_len = 0;
  const size = record_size(text_len, dict_len);
  if (!make_free_space(ring, size)) return false;
  if (ring.log_next_idx + size + PRINTK_LOG_SIZE > ring.log_buf_len) {
    memory.fill(ring.log_buf + <usize>ring.log_next_idx, 0, PRINTK_LOG_SIZE);
    ring.log_next_idx = 0;
  }
  const record = log_at(ring, ring.log_next_idx);
  record.ts_nsec = info.ts_nsec;
  record.len = <u16>size;
  record.text_len = <u16>text_len;
  record.dict_len = <u16>dict_len;
  record.facility = info.facility;
  record.flags_level = info.flags_level;
  record.caller_id = info.caller_id;
  memory.copy(text_of(record), text, text_len);
  if (dict_len != 0) memory.copy(text_of(record) + <usize>text_len, dev, dict_len);
  ring.last_idx = ring.log_next_idx;
  ring.log_next_idx += size;
  ring.next_seq++;
  return true;
}

function copy_record(record: printk_log, seq: u64, r: printk_record): void {
  const text_len = <u32>record.text_len;
  const info = r.info;
  set_info_dev(info, record.dict_len != 0 ? text_of(record) + <usize>text_len : 0);
  info.seq = seq;
  info.ts_nsec = record.ts_nsec;
  info.facility = record.facility;
  info.flags_level = record.flags_level;
  info.caller_id = record.caller_id;
  info.text_len = <u16>(text_len < r.text_size ? text_len : r.text_size);
  memory.copy(r.text, text_of(record), <usize>info.text_len);
}

/** Notes where the first record is whose number is at least `seq`: for crash tools. */
export function record_ring_clear(ring: record_ring, seq: u64): void {
  let at = ring.first_seq;
  let idx = ring.log_first_idx;
  for (; at < seq && at < ring.next_seq; at++) idx = log_next(ring, idx);
  ring.clear_seq = at;
  ring.clear_idx = idx;
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
  copy_record(record, seq, r);
  ring.reader_seq = seq + 1;
  ring.reader_idx = log_next(ring, idx);
  return true;
}
