// Sequence counters: readers never wait for a writer, they try again; and latches, of which readers
// can use the other copy at any time, from an NMI too. Writers are serialised by the caller.

import { READ_ONCE, WRITE_ONCE, smp_load_acquire, smp_rmb, smp_wmb } from '../arch/atomic';
import { hart_pause } from '../arch/hart';

/** The count; odd while a writer is at work. Given as the address of a word. */
export function read_seqcount_begin(s: usize): u32 {
  let seq: u32;
  while ((seq = smp_load_acquire(s)) & 1) hart_pause();
  return seq;
}

/** Has a writer been there since? */
export function read_seqcount_retry(s: usize, start: u32): bool {
  smp_rmb();
  return READ_ONCE(s) != start;
}

export function write_seqcount_begin(s: usize): void {
  WRITE_ONCE(s, READ_ONCE(s) + 1);
  smp_wmb();
}

export function write_seqcount_end(s: usize): void {
  smp_wmb();
  WRITE_ONCE(s, READ_ONCE(s) + 1);
}

/** Which of the two copies to read: bit 0 of the count. */
export function read_seqcount_latch(s: usize): u32 {
  return smp_load_acquire(s);
}

/** Sends readers to the other copy; the writer then changes the one they left. Once per copy. */
export function write_seqcount_latch(s: usize): void {
  smp_wmb();
  WRITE_ONCE(s, READ_ONCE(s) + 1);
  smp_wmb();
}
