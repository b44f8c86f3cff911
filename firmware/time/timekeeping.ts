// Time since power-on, from the clocksource mtime.

import { clint_mtime } from '../arch/clint';
import { board } from '../arch/fdt';
import { hart_pause } from '../arch/hart';
import {
  read_seqcount_begin,
  read_seqcount_retry,
  write_seqcount_begin,
  write_seqcount_end,
} from '../locking/seqlock';

export const NSEC_PER_SEC: u64 = 1_000_000_000;
const CLOCK_SHIFT: u32 = 10;

@unmanaged
class Timekeeper {
  /** Odd while timekeeping_update() is at work. */
  seq: u32;
  /** ns << CLOCK_SHIFT of one tick of mtime. */
  mult: u32;
  /** Last update: mtime, and ns since power-on. */
  cycle_last: u64;
  base_ns: u64;
}

/** Written by timekeeping_update(), under jiffies_lock. */
const tk: Timekeeper = changetype<Timekeeper>(memory.data(offsetof<Timekeeper>(), 8));

function to_ns(cycles: u64): u64 {
  return (cycles * <u64>tk.mult) >> CLOCK_SHIFT;
}

export function timekeeping_init(): void {
  if (board.timebase != 0) tk.mult = <u32>((NSEC_PER_SEC << CLOCK_SHIFT) / <u64>board.timebase);
}

/** The timekeeper's sequence count, for who changes it. Under jiffies_lock, interrupts off. */
export function timekeeper_seq(): usize {
  return changetype<usize>(tk) + offsetof<Timekeeper>('seq');
}

/** Brings the timekeeper up to a value of mtime. Under jiffies_lock, interrupts off. */
export function timekeeping_update(now: u64): void {
  const seq = timekeeper_seq();
  write_seqcount_begin(seq);
  tk.base_ns += to_ns(now - tk.cycle_last);
  tk.cycle_last = now;
  write_seqcount_end(seq);
}

/**
 * ns since power-on, from the timekeeper. Any context but an NMI and one inside timekeeping_update():
 * those would wait for themselves.
 */
export function ktime_get_ns(): u64 {
  const seq = timekeeper_seq();
  let start: u32;
  let ns: u64;
  do {
    start = read_seqcount_begin(seq);
    ns = tk.base_ns + to_ns(clint_mtime() - tk.cycle_last);
  } while (read_seqcount_retry(seq, start));
  return ns;
}

/** What printk() stamps records with: the counter alone. Any context; 0 before timekeeping_init(). */
export function local_clock(): u64 {
  return to_ns(clint_mtime());
}

/** Busy-waits, µs. Any context. */
export function udelay(us: u32): void {
  const end = local_clock() + <u64>us * 1000;
  while (local_clock() < end) hart_pause();
}
