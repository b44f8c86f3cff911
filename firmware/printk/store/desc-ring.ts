// The descriptor ring of the lockless store: which records there are, and in what state. A descriptor's
// state word (2 bits of state, 30 of ID) says who may touch it; all changes of it are compare-and-exchange,
// so NMIs and other CPUs may come at any moment. After Linux's kernel/printk/printk_ringbuffer.c (6.1),
// whose algorithm, layouts and names of barriers these are.
//
//   reserved ── commit ──> committed ── (next record, or final commit) ──> finalized ── tail passes ──> reusable
//       ^───── reopen ─────────┘
//
// An ID names a record; its low bits are the index of its descriptor, the rest tells apart the turns of
// the ring. With 30 bits they repeat after 2^30 records, of which somebody would have to miss all while
// he is between two instructions.
//
// Each barrier has the label that it has in Linux, and says with which other it pairs.

import { READ_ONCE, WRITE_ONCE, cmpxchg, cmpxchg_relaxed, smp_rmb } from '../../arch/atomic';
import { data_push_tail, printk_ringbuffer } from './data-ring';
import { printk_info } from './store';

/** With its text ring behind it, it is a printk_ringbuffer (data-ring.ts). */
@unmanaged
export class prb_desc_ring {
  count_bits: u32;
  /** prb_desc and printk_info of each index. */
  descs: usize;
  infos: usize;
  /** IDs of the newest and the oldest descriptor in use. */
  head_id: u32;
  tail_id: u32;
  /** Low half of the number of the first record that is not final. (Linux has the one before.) */
  next_finalized_seq: u32;
  /** Records from this ID on are not to be overwritten; NO_DESC: all may be. */
  keep_id: u32;
}

@unmanaged
export class prb_desc {
  state_var: u32;
  /** The data block: where it begins, and where the next one does. Or one of the *_LPOS below. */
  begin: u32;
  next: u32;
}

// States.
/** Its writer is at work. */
export const DESC_RESERVED: u32 = 0;
/** Complete; its writer may reopen it as long as it is the newest. */
export const DESC_COMMITTED: u32 = 1;
/** Complete, for readers. */
export const DESC_FINALIZED: u32 = 2;
/** Free, and its text is not to be looked at. */
export const DESC_REUSABLE: u32 = 3;
/** The descriptor has another ID: no state of the record that was asked for. */
export const DESC_MISS: u32 = 4;

const DESC_STATE_SHIFT: u32 = 30;
export const DESC_ID_MASK: u32 = (1 << 30) - 1;
/** Set in the difference of two IDs if the first one is the older. */
const DESC_ID_SIGN: u32 = 1 << 29;

/** No ID: those have 30 bits. */
export const NO_DESC: u32 = 0xffffffff;

/** A position with bit 0 set: no data block. */
export const LPOS_DATALESS: u32 = 1;
/** There was no room for the text: the record is lost. */
export const FAILED_LPOS: u32 = 1;
/** The record has no text. */
export const NO_LPOS: u32 = 3;

export function desc_sv(id: u32, state: u32): u32 {
  return (state << DESC_STATE_SHIFT) | id;
}

function desc_count(ring: prb_desc_ring): u32 {
  return 1 << ring.count_bits;
}

export function desc_index(ring: prb_desc_ring, n: u32): u32 {
  return n & (desc_count(ring) - 1);
}

export function to_desc(ring: prb_desc_ring, n: u32): prb_desc {
  return changetype<prb_desc>(ring.descs + <usize>desc_index(ring, n) * offsetof<prb_desc>());
}

export function to_info(ring: prb_desc_ring, n: u32): printk_info {
  return changetype<printk_info>(ring.infos + <usize>desc_index(ring, n) * offsetof<printk_info>());
}

/** The ID that the same descriptor had one turn earlier. */
function id_prev_wrap(ring: prb_desc_ring, id: u32): u32 {
  return (id - desc_count(ring)) & DESC_ID_MASK;
}

function head_id(ring: prb_desc_ring): usize {
  return changetype<usize>(ring) + offsetof<prb_desc_ring>('head_id');
}

function tail_id(ring: prb_desc_ring): usize {
  return changetype<usize>(ring) + offsetof<prb_desc_ring>('tail_id');
}

export function desc_head_id(ring: prb_desc_ring): u32 {
  return READ_ONCE(head_id(ring));
}

export function desc_tail_id(ring: prb_desc_ring): u32 {
  return READ_ONCE(tail_id(ring));
}

function keep_id(ring: prb_desc_ring): usize {
  return changetype<usize>(ring) + offsetof<prb_desc_ring>('keep_id');
}

/** From now on, finalized records from this ID on are not to be overwritten; NO_DESC: all may be. */
export function desc_keep(ring: prb_desc_ring, id: u32): void {
  WRITE_ONCE(keep_id(ring), id);
}

/** What desc_keep() said: for functions that free records, and that can be told something else. */
export function desc_keep_id(ring: prb_desc_ring): u32 {
  return READ_ONCE(keep_id(ring));
}

/** Is a finalized record one of those? */
export function desc_is_kept(id: u32, keep: u32): bool {
  return keep != NO_DESC && ((id - keep) & DESC_ID_SIGN) == 0;
}

/** State of a record, given its descriptor's word. */
function state_of(id: u32, sv: u32): u32 {
  return (sv & DESC_ID_MASK) == id ? sv >> DESC_STATE_SHIFT : DESC_MISS;
}

/** May what the descriptor says of its data be looked at in this state? */
function is_consistent(state: u32): bool {
  return state == DESC_COMMITTED || state == DESC_FINALIZED || state == DESC_REUSABLE;
}

/**
 * Begins to read a descriptor, and the printk_info of its index, without owning it. What is then read,
 * up to desc_read_end(), is worth something only if that gives a state other than reserved or miss.
 */
export function desc_read_begin(desc: prb_desc, id: u32): u32 {
  const state = state_of(id, READ_ONCE(changetype<usize>(desc)));
  // LMM(desc_read:B): the state before what it protects. Pairs with _prb_commit:B: if the record is seen
  // as complete, so is what its writer wrote.
  smp_rmb();
  return state;
}

/** The state that what was read in between belongs to. */
export function desc_read_end(desc: prb_desc, id: u32, state: u32): u32 {
  if (!is_consistent(state)) return state;
  // LMM(desc_read:D): what was read before the state is looked at again. Pairs with desc_reserve:F (a new
  // owner's info) and data_alloc:A, data_realloc:A (new text): whoever read those sees that the
  // descriptor has changed.
  smp_rmb();
  return state_of(id, READ_ONCE(changetype<usize>(desc)));
}

/** Finalized to reusable. Nothing happens if somebody else did it. */
export function desc_make_reusable(ring: prb_desc_ring, id: u32): void {
  const state_var = changetype<usize>(to_desc(ring, id));
  cmpxchg_relaxed(state_var, desc_sv(id, DESC_FINALIZED), desc_sv(id, DESC_REUSABLE));
}

/**
 * Frees the oldest descriptor with its data. False if it cannot be freed: its writer is at work, or
 * it may be reopened, or it is kept.
 */
function desc_push_tail(ring: printk_ringbuffer, id: u32, keep: u32): bool {
  const desc = to_desc(ring, id);
  let state = desc_read_begin(desc, id);
  const next = desc.next;
  state = desc_read_end(desc, id, state);
  switch (state) {
    case DESC_MISS: {
      // One turn behind: another writer has just reserved the ID, and has not said so in the descriptor.
      // Any other ID: somebody has pushed the tail already.
      const seen = READ_ONCE(changetype<usize>(desc)) & DESC_ID_MASK;
      return seen != id_prev_wrap(ring, id);
    }
    case DESC_RESERVED:
    case DESC_COMMITTED:
      return false;
    case DESC_FINALIZED:
      if (desc_is_kept(id, keep)) return false;
      desc_make_reusable(ring, id);
  }

  // Data that no record has must go before its descriptor does, or nobody could tell whose it is.
  if (!data_push_tail(ring, next, keep)) return false;

  // The new tail must be one that can be freed later: readers rely on a tail that is valid.
  const after = (id + 1) & DESC_ID_MASK;
  const after_state = desc_read_begin(to_desc(ring, after), after); // LMM(desc_push_tail:A)
  if (after_state == DESC_FINALIZED || after_state == DESC_REUSABLE) {
    // LMM(desc_push_tail:B): reusable before the tail moves. Full barrier. Pairs with desc_reserve:D.
    cmpxchg(tail_id(ring), id, after);
    return true;
  }
  // LMM(desc_push_tail:C): the state of the next one before the tail: if the next one was not valid
  // because it is long gone, the tail is seen to have moved. Pairs with desc_reserve:D.
  smp_rmb();
  return READ_ONCE(tail_id(ring)) != id;
}

/** A new descriptor, in state reserved; NO_DESC if the oldest one cannot be freed. */
export function desc_reserve(ring: printk_ringbuffer, keep: u32): u32 {
  let id: u32;
  let oldest: u32;
  let head = READ_ONCE(head_id(ring)); // LMM(desc_reserve:A)
  for (;;) {
    id = (head + 1) & DESC_ID_MASK;
    oldest = id_prev_wrap(ring, id);
    // LMM(desc_reserve:B): the head before the tail: a tail that is older than this head would be taken
    // for room. Pairs with desc_reserve:D.
    smp_rmb();
    if (oldest == READ_ONCE(tail_id(ring)) && !desc_push_tail(ring, oldest, keep)) return NO_DESC;
    // LMM(desc_reserve:D): the tails (of descriptors, and of data) before the head. Full barrier. Pairs
    // with desc_reserve:B, data_push_tail:B, desc_push_tail:C and prb_first_seq:C.
    const seen = cmpxchg(head_id(ring), head, id);
    if (seen == head) break;
    head = seen;
  }

  const state_var = changetype<usize>(to_desc(ring, id));
  const before = READ_ONCE(state_var); // LMM(desc_reserve:E)
  // 0: never used.
  if (before != 0 && state_of(oldest, before) != DESC_REUSABLE) return NO_DESC;
  // LMM(desc_reserve:F): the new ID before anything that its writer writes. Full barrier. Pairs with
  // desc_read:D.
  if (cmpxchg(state_var, before, desc_sv(id, DESC_RESERVED)) != before) return NO_DESC;
  return id;
}
/**
 * Takes the newest record back, if it is committed. False if it is not, or if it is another caller's.
 */
export function desc_reopen(ring: prb_desc_ring, id: u32, caller_id: u32): bool {
  const desc = to_desc(ring, id);
  let state = desc_read_begin(desc, id);
  const owner = to_info(ring, id).caller_id;
  state = desc_read_end(desc, id, state);
  if (state != DESC_COMMITTED || owner != caller_id) return false;
  const committed = desc_sv(id, DESC_COMMITTED);
  // LMM(desc_reopen_last:A): reserved before the record is read or written again. Full barrier. Pairs
  // with _prb_commit:B of its earlier writer.
  return cmpxchg(changetype<usize>(desc), committed, desc_sv(id, DESC_RESERVED)) == committed;
}

/** Ends a reservation. */
export function desc_commit(ring: prb_desc_ring, id: u32, state: u32): void {
  // LMM(_prb_commit:B): the record before the word that says that it is complete. Full barrier. Pairs
  // with desc_read:B, and with desc_reserve:D in who makes it final when it is the newest no more.
  cmpxchg(changetype<usize>(to_desc(ring, id)), desc_sv(id, DESC_RESERVED), desc_sv(id, state));
}

/** Closes a record that its caller might go on with, as there is a newer one. */
export function desc_make_final(ring: prb_desc_ring, id: u32): bool {
  const committed = desc_sv(id, DESC_COMMITTED);
  // LMM(desc_make_final:A)
  return (
    cmpxchg_relaxed(changetype<usize>(to_desc(ring, id)), committed, desc_sv(id, DESC_FINALIZED)) ==
    committed
  );
}

/** Gives up a record whose writer does not run any more: readers pass it, and its room can be used. */
export function desc_retire(ring: prb_desc_ring, id: u32): void {
  const reserved = desc_sv(id, DESC_RESERVED);
  cmpxchg(changetype<usize>(to_desc(ring, id)), reserved, desc_sv(id, DESC_REUSABLE));
}
