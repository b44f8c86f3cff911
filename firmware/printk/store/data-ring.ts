// The text ring of the lockless store: one data block for each record that has text, in the order of
// reservation. A block is the ID of its record, then the text, padded to words. Positions ("logical",
// lpos) only ever grow and wrap at 2^32: their low bits are the index into the buffer.
//
// Rule of Linux 6.1 for the end of the buffer: a block that would reach it, even exactly, has only its
// ID there and lies as a whole at the start. (7.x lets one that ends exactly at the end stay; crash tools
// of today misread that.) Largest block: half of the buffer, as since 7.x, so that two never meet.

import { READ_ONCE, WRITE_ONCE, cmpxchg, smp_rmb } from '../../arch/atomic';
import {
  DESC_FINALIZED,
  DESC_REUSABLE,
  FAILED_LPOS,
  LPOS_DATALESS,
  NO_LPOS,
  desc_is_kept,
  desc_make_reusable,
  desc_read_begin,
  desc_read_end,
  prb_desc,
  prb_desc_ring,
  to_desc,
} from './desc-ring';

/** Linux's struct: the descriptor ring, the text ring, and how often reserve() failed. */
@unmanaged
export class printk_ringbuffer extends prb_desc_ring {
  size_bits: u32;
  data: usize;
  /** Where the next block begins, and where the oldest one does. */
  head_lpos: u32;
  tail_lpos: u32;
  fail: u32;
}

/** Where a record's text is, or 0. */
const NO_TEXT: usize = 0;
const ID_SIZE: u32 = 4;

function data_size(rb: printk_ringbuffer): u32 {
  return 1 << rb.size_bits;
}

function head_lpos(rb: printk_ringbuffer): usize {
  return changetype<usize>(rb) + offsetof<printk_ringbuffer>('head_lpos');
}

function tail_lpos(rb: printk_ringbuffer): usize {
  return changetype<usize>(rb) + offsetof<printk_ringbuffer>('tail_lpos');
}

/** The block at a position, or at the start of the turn that follows if that is where it lies. */
function to_block(rb: printk_ringbuffer, lpos: u32): usize {
  return rb.data + <usize>(lpos & (data_size(rb) - 1));
}

/** Which turn of the ring a position is in. */
function wraps(rb: printk_ringbuffer, lpos: u32): u32 {
  return lpos >> rb.size_bits;
}

function blk_size(text_size: u32): u32 {
  return (text_size + ID_SIZE + ID_SIZE - 1) & ~(ID_SIZE - 1);
}

/** Can there be a block for that much text? */
export function data_check_size(rb: printk_ringbuffer, text_size: u32): bool {
  return text_size == 0 || blk_size(text_size) <= data_size(rb) >> 1;
}

/** Where a block ends that begins at a position: behind it, or at the start of the buffer. */
function next_lpos(rb: printk_ringbuffer, begin: u32, size: u32): u32 {
  const next = begin + size;
  if (wraps(rb, begin) == wraps(rb, next)) return next;
  return (wraps(rb, next) << rb.size_bits) + size;
}

/** True if the block from begin to next lies at the start of the buffer, with only its ID at begin. */
function is_blk_wrapped(rb: printk_ringbuffer, begin: u32, next: u32): bool {
  return wraps(rb, begin) != wraps(rb, next);
}

/**
 * Frees the descriptors of all blocks from `begin` to `end`. Returns where the last of them ends; or
 * `begin - 1`, which is no position of a block, if one of them cannot be freed, or if what is at `begin`
 * has been overwritten meanwhile.
 */
function data_make_reusable(rb: printk_ringbuffer, begin: u32, end: u32, keep: u32): u32 {
  const failed = begin - 1;
  const size = data_size(rb);
  // As long as begin is before end, by less than the buffer.
  while (end - begin - 1 < size) {
    // LMM(data_make_reusable:A): a data race. What is read may be any ID, or text: the check of
    // the position below finds that out.
    const id = READ_ONCE(to_block(rb, begin));
    const desc = to_desc(rb, id);
    let state = desc_read_begin(desc, id);
    const desc_begin = desc.begin;
    const desc_next = desc.next;
    state = desc_read_end(desc, id, state);
    if (state != DESC_FINALIZED && state != DESC_REUSABLE) return failed;
    if (desc_begin != begin) return failed;
    if (state == DESC_FINALIZED) {
      if (desc_is_kept(id, keep)) return failed;
      desc_make_reusable(rb, id);
    }
    begin = desc_next;
  }
  return begin;
}

/**
 * Frees all data before a position. False if some of it belongs to a record that cannot be freed, or to one
 * from the ID `keep` on.
 */
export function data_push_tail(rb: printk_ringbuffer, lpos: u32, keep: u32): bool {
  if (lpos & LPOS_DATALESS) return true;
  const size = data_size(rb);
  let tail = READ_ONCE(tail_lpos(rb));
  // As long as the tail is before the position.
  while (lpos - tail - 1 < size) {
    const next = data_make_reusable(rb, tail, lpos, keep);
    if (next == tail - 1) {
      // LMM(data_push_tail:A): the block's ID, and its descriptor, before the tail. Pairs with
      // data_push_tail:D. LMM(data_push_tail:B): the same against data_alloc:A, data_realloc:A and
      // desc_reserve:D: if what was read is of a newer record, the tail is seen to have moved.
      smp_rmb();
      const moved = READ_ONCE(tail_lpos(rb));
      if (moved == tail) return false;
      tail = moved;
      continue;
    }
    // LMM(data_push_tail:D): the descriptors reusable before the tail moves. Full barrier. Pairs with
    // data_push_tail:A.
    const seen = cmpxchg(tail_lpos(rb), tail, next);
    tail = seen == tail ? next : seen;
  }
  return true;
}

/**
 * Frees what must go for a block of that much text, and `slack` bytes for others who write now. False if
 * that cannot go. At most half of the buffer in all.
 */
export function data_make_room(rb: printk_ringbuffer, text_size: u32, slack: u32, keep: u32): bool {
  const head = READ_ONCE(head_lpos(rb));
  return data_push_tail(rb, next_lpos(rb, head, blk_size(text_size) + slack) - data_size(rb), keep);
}

/** By the record's writer, while it is reserved. */
function set_lpos(desc: prb_desc, begin: u32, next: u32): void {
  desc.begin = begin;
  desc.next = next;
}

/** Writes a block's ID. Returns where its text goes. */
function start_block(block: usize, id: u32): usize {
  WRITE_ONCE(block, id);
  return block + ID_SIZE;
}

/** Gives a reserved record its block. Returns where the text goes; 0 if there is no room, or no text. */
export function data_alloc(rb: printk_ringbuffer, id: u32, text_size: u32, keep: u32): usize {
  const desc = to_desc(rb, id);
  if (text_size == 0) {
    set_lpos(desc, NO_LPOS, NO_LPOS);
    return NO_TEXT;
  }
  const size = blk_size(text_size);
  let begin = READ_ONCE(head_lpos(rb));
  let next: u32;
  for (;;) {
    next = next_lpos(rb, begin, size);
    if (!data_push_tail(rb, next - data_size(rb), keep)) {
      set_lpos(desc, FAILED_LPOS, FAILED_LPOS);
      return NO_TEXT;
    }
    // LMM(data_alloc:A): the descriptors of what was here reusable before it is written over. Full
    // barrier. Pairs with desc_read:D and data_push_tail:B.
    const seen = cmpxchg(head_lpos(rb), begin, next);
    if (seen == begin) break;
    begin = seen;
  }
  let text = start_block(to_block(rb, begin), id);
  if (is_blk_wrapped(rb, begin, next)) text = start_block(rb.data, id);
  set_lpos(desc, begin, next);
  return text;
}

/**
 * Makes a reopened record's block larger, for `text_size` bytes in all: possible only if it is the last
 * one. Moves the `text_len` bytes of text that are there if the block now wraps. Returns where its text
 * begins; 0 if that is not possible.
 */
export function data_realloc(
  rb: printk_ringbuffer,
  id: u32,
  text_len: u32,
  text_size: u32,
  keep: u32,
): usize {
  const desc = to_desc(rb, id);
  const begin = desc.begin;
  const head = READ_ONCE(head_lpos(rb));
  if (head != desc.next) return NO_TEXT;
  const was_wrapped = is_blk_wrapped(rb, begin, head);
  const next = next_lpos(rb, begin, blk_size(text_size));
  const old_text = (was_wrapped ? rb.data : to_block(rb, begin)) + ID_SIZE;
  // Room to spare in the last word.
  if (head - next < data_size(rb)) return old_text;
  if (!data_push_tail(rb, next - data_size(rb), keep)) return NO_TEXT;
  // LMM(data_realloc:A): as data_alloc:A.
  if (cmpxchg(head_lpos(rb), head, next) != head) return NO_TEXT;
  let text = old_text;
  if (!was_wrapped && is_blk_wrapped(rb, begin, next)) {
    text = start_block(rb.data, id);
    memory.copy(text, old_text, text_len);
  }
  set_lpos(desc, begin, next);
  return text;
}

/** Where a record's text is that lies between two positions, for reading. */
export function data_text(rb: printk_ringbuffer, begin: u32, next: u32): usize {
  return (is_blk_wrapped(rb, begin, next) ? rb.data : to_block(rb, begin)) + ID_SIZE;
}

/** How much text there can be between two positions. */
export function data_text_size(rb: printk_ringbuffer, begin: u32, next: u32): u32 {
  const start = is_blk_wrapped(rb, begin, next) ? wraps(rb, next) << rb.size_bits : begin;
  return next - start - ID_SIZE;
}
