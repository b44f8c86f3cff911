// Store `lockless`: a ring of descriptors (desc-ring.ts) and a ring of texts (data-ring.ts), both changed
// by compare-and-exchange only, as Linux has it since 5.10. Any context may write and read at any time,
// NMIs too: nobody ever waits. After kernel/printk/printk_ringbuffer.c of Linux 6.1.
//
// A message is formatted into a buffer of its context, then its exact room is reserved and it is copied
// in. Sequence numbers have 64 bits; where one word must do, the other half is inferred.
//
// Fails where: a writer is kept from finishing its record (it faults inside, its CPU is stopped) for
// as long as others fill the ring once: then there is no room any more. Readers do not get past that
// record either; only the panicking CPU does.

import {
  READ_ONCE,
  WRITE_ONCE,
  cmpxchg,
  fetch_add_relaxed,
  smp_load_acquire,
  smp_rmb,
} from '../../arch/atomic';
import { this_cpu_in_panic } from '../../kernel/panic-state';
import { memblock_alloc } from '../../mm/memblock';
import {
  data_alloc,
  data_check_size,
  data_realloc,
  data_text,
  data_text_size,
  printk_ringbuffer,
} from './data-ring';
import {
  DESC_COMMITTED,
  DESC_FINALIZED,
  DESC_ID_MASK,
  DESC_REUSABLE,
  FAILED_LPOS,
  LPOS_DATALESS,
  NO_DESC,
  desc_commit,
  desc_head_id,
  desc_index,
  desc_keep,
  desc_keep_id,
  desc_make_final,
  desc_read_begin,
  desc_read_end,
  desc_reopen,
  desc_reserve,
  desc_sv,
  desc_tail_id,
  prb_desc,
  to_desc,
  to_info,
} from './desc-ring';
import { lockless_vmcoreinfo } from './lockless-vmcoreinfo';
import {
  LOG_LINE_MAX,
  printk_info,
  printk_record,
  printk_store,
  reserved_entry,
  set_info_dev,
  store_defaults,
} from './store';

/** Bytes of text for each descriptor: 2 to this power. */
const PRB_AVGBITS: u32 = 5;
/** No sequence number. */
const NO_SEQ: u64 = 0xffffffffffffffff;

export const printk_rb_static: usize = memory.data(offsetof<printk_ringbuffer>(), 4);
/** Points to the ring in use: where crash tools begin. */
export const prb: usize = memory.data(4, 4);
const rb: printk_ringbuffer = changetype<printk_ringbuffer>(printk_rb_static);

function fail_count(): usize {
  return printk_rb_static + offsetof<printk_ringbuffer>('fail');
}

function finalized_seq(): usize {
  return printk_rb_static + offsetof<printk_ringbuffer>('next_finalized_seq');
}

// Writing. Interrupts are off from begin() to end(): nobody on this CPU but an exception or an NMI
// comes in between a reservation and its commit.

export function lockless_reserve(entry: reserved_entry, size: u32): bool {
  if (!data_check_size(rb, size)) return false;
  const keep = entry.press ? NO_DESC : desc_keep_id(rb);
  const id = desc_reserve(rb, keep);
  if (id == NO_DESC) {
    fetch_add_relaxed(fail_count(), 1);
    return false;
  }
  const info = to_info(rb, id);
  // A descriptor's first record is numbered by its place; each further one is a turn later.
  const index = <u64>desc_index(rb, id);
  const count = (<u64>1) << rb.count_bits;
  info.seq = info.seq == 0 && index != 0 ? index : info.seq + count;
  info.text_len = 0;
  set_info_dev(info, entry.dev);
  // Nobody can go on with the record before it.
  if (info.seq > 0 && desc_make_final(rb, (id - 1) & DESC_ID_MASK)) update_finalized(info.seq - 1);

  let text = data_alloc(rb, id, size, keep);
  // It has a number now: that is worth an older record.
  if (text == 0 && size != 0 && keep != NO_DESC) text = data_alloc(rb, id, size, NO_DESC);
  if (text == 0 && size != 0) {
    // The number is used up: readers see that a record is missing.
    const seq = info.seq;
    desc_commit(rb, id, DESC_FINALIZED);
    update_finalized(seq);
    return false;
  }
  entry.id = id;
  entry.info = info;
  entry.text = text;
  entry.text_size = size;
  return true;
}

export function lockless_reserve_in_last(entry: reserved_entry, caller_id: u32, size: u32): bool {
  const id = desc_head_id(rb);
  if (!desc_reopen(rb, id, caller_id)) return false;
  const info = to_info(rb, id);
  const text_len = <u32>info.text_len;
  const total = text_len + size;
  entry.id = id;
  entry.info = info;
  if (total <= LOG_LINE_MAX && data_check_size(rb, total)) {
    const had_text = (to_desc(rb, id).begin & LPOS_DATALESS) == 0;
    const keep = desc_keep_id(rb);
    const text = had_text
      ? data_realloc(rb, id, text_len, total, keep)
      : data_alloc(rb, id, total, keep);
    if (text != 0 || total == 0) {
      entry.text = text + <usize>text_len;
      entry.text_size = size;
      return true;
    }
  }
  lockless_commit(entry);
  return false;
}

export function lockless_commit(entry: reserved_entry): void {
  desc_commit(rb, entry.id, DESC_COMMITTED);
  // Who reserved a record meanwhile found this one reserved, and could not make it final.
  if (desc_head_id(rb) == entry.id) return;
  const seq = entry.info.seq;
  if (desc_make_final(rb, entry.id)) update_finalized(seq);
}

export function lockless_final_commit(entry: reserved_entry): void {
  const seq = entry.info.seq;
  desc_commit(rb, entry.id, DESC_FINALIZED);
  update_finalized(seq);
}

// Reading. Any context, any number of readers.

/** Number of the oldest descriptor. */
function prb_first_seq(): u64 {
  while (true) {
    const id = desc_tail_id(rb);
    const desc = to_desc(rb, id);
    let state = desc_read_begin(desc, id); // LMM(prb_first_seq:A)
    const seq = to_info(rb, id).seq;
    state = desc_read_end(desc, id, state);
    if (state == DESC_FINALIZED || state == DESC_REUSABLE) return seq;
    // LMM(prb_first_seq:C): the state before the tail: if the descriptor was not valid, the tail is
    // seen to have moved. Pairs with desc_reserve:D and desc_push_tail:B.
    smp_rmb();
  }
}

/** The number near the oldest one that has this low half. */
function to_u64_seq(low: u32): u64 {
  const first = prb_first_seq();
  return first - <u64>(<i64>(<i32>(<u32>first - low)));
}

/** First number that has not been given to a record. The panicking CPU, as others might go on. */
function next_reserve_seq(): u64 {
  return prb_first_seq() + <u64>((desc_head_id(rb) - desc_tail_id(rb)) & DESC_ID_MASK) + 1;
}

const FOUND: u32 = 0;
/** There is no such record yet, or it is not final. */
const NOT_FINAL: u32 = 1;
/** It has been overwritten, or there was no room for its text. */
const GONE: u32 = 2;

/** Copies the record with that number, if a copy is wanted. */
function read_record(seq: u64, r: printk_record | null): u32 {
  const desc = to_desc(rb, <u32>seq);
  const info = to_info(rb, <u32>seq);
  const id = READ_ONCE(changetype<usize>(desc)) & DESC_ID_MASK;
  let state = desc_read_begin(desc, id);
  const begin = desc.begin;
  const next = desc.next;
  const found = info.seq;
  state = desc_read_end(desc, id, state);
  if (state != DESC_FINALIZED && state != DESC_REUSABLE) return NOT_FINAL;
  if (found != seq) return NOT_FINAL;
  if (state == DESC_REUSABLE || begin == FAILED_LPOS) return GONE;
  if (r == null) return FOUND;

  memory.copy(changetype<usize>(r.info), changetype<usize>(info), offsetof<printk_info>());
  let length: u32 = 0;
  if ((begin & LPOS_DATALESS) == 0) {
    length = data_text_size(rb, begin, next);
    if (length > <u32>r.info.text_len) length = <u32>r.info.text_len;
    if (length > r.text_size) length = r.text_size;
    memory.copy(r.text, data_text(rb, begin, next), length);
  }
  r.info.text_len = <u16>length;
  // Still the same record?
  return desc_read_end(desc, id, state) == DESC_FINALIZED ? FOUND : GONE;
}

/** Number of the first record from `seq` on that can be read, which is copied if wanted; or NO_SEQ. */
function prb_read_valid(seq: u64, r: printk_record | null): u64 {
  while (true) {
    const result = read_record(seq, r);
    if (result == FOUND) return seq;
    const first = prb_first_seq();
    if (seq < first) seq = first;
    else if (result == GONE) seq++;
    // Who is at work on it will not finish.
    else if (this_cpu_in_panic() && seq < next_reserve_seq()) seq++;
    else return NO_SEQ;
  }
}

/**
 * A record has become final. If all before it were, readers may begin to look behind it, and behind those
 * that became final before it did. (Whoever comes too early with his record leaves that to the one that is
 * still open: either that one sees his, or he sees the number that that one has set.)
 */
function update_finalized(seq: u64): void {
  // LMM(desc_update_last_finalized:A): the record before the number. Full barrier, also against the look
  // at the next record. Pairs with desc_last_finalized_seq:A.
  while (cmpxchg(finalized_seq(), <u32>seq, <u32>seq + 1) == <u32>seq) {
    seq++;
    if (read_record(seq, null) == NOT_FINAL) return;
  }
}

export function lockless_read(seq: u64, r: printk_record): bool {
  return prb_read_valid(seq, r) != NO_SEQ;
}

/** The tail may stand at records whose text is gone. */
export function lockless_first_seq(): u64 {
  const found = prb_read_valid(0, null);
  return found == NO_SEQ ? lockless_next_seq() : found;
}

export function lockless_next_seq(): u64 {
  // LMM(desc_last_finalized_seq:A): the number before the records that it stands for. Pairs with
  // desc_update_last_finalized:A.
  let seq = to_u64_seq(smp_load_acquire(finalized_seq()));
  for (;;) {
    const found = prb_read_valid(seq, null);
    if (found == NO_SEQ) break;
    seq = found + 1;
  }
  // Numbers at the end that got no text are nothing that a reader could wait for: he would look again
  // and again.
  const first = prb_first_seq();
  while (seq > first && read_record(seq - 1, null) == GONE) seq--;
  return seq;
}

/** Boot CPU, before the first printk(). */
export function lockless_init(store: printk_store, buffer: usize, size: u32): void {
  const size_bits = 31 - clz<u32>(size);
  const count_bits = size_bits - PRB_AVGBITS;
  const count: u32 = 1 << count_bits;
  rb.count_bits = count_bits;
  rb.descs = memblock_alloc(<usize>count * offsetof<prb_desc>(), 8);
  rb.infos = memblock_alloc(<usize>count * offsetof<printk_info>(), 8);
  rb.size_bits = size_bits;
  rb.data = buffer;
  rb.fail = 0;
  rb.next_finalized_seq = 0;
  desc_keep(rb, NO_DESC);
  // Both rings begin one turn before 0, so that wrapping is nothing that comes after years. The oldest
  // descriptor is one that never had a record, and is free.
  rb.head_id = -(count + 1) & DESC_ID_MASK;
  rb.tail_id = rb.head_id;
  rb.head_lpos = -size;
  rb.tail_lpos = -size;
  const none = to_desc(rb, rb.head_id);
  none.state_var = desc_sv(rb.head_id, DESC_REUSABLE);
  none.begin = FAILED_LPOS;
  none.next = FAILED_LPOS;
  // The first record's place in the ring was used for record -count.
  to_info(rb, 0).seq = -(<u64>count);
  WRITE_ONCE(prb, <u32>printk_rb_static);

  store_defaults(store);
  store.name = 'lockless';
  store.reserve = lockless_reserve;
  store.reserve_in_last = lockless_reserve_in_last;
  store.commit = lockless_commit;
  store.final_commit = lockless_final_commit;
  store.read = lockless_read;
  store.first_seq = lockless_first_seq;
  store.next_seq = lockless_next_seq;
  store.vmcoreinfo = lockless_vmcoreinfo;
}
