// jiffies: ticks since boot. Any CPU that notices a due tick advances it, so that it goes on while
// some CPUs sleep without a tick.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { clint_mtime } from '../arch/clint';
import { board } from '../arch/fdt';
import {
  read_seqcount_begin,
  read_seqcount_retry,
  write_seqcount_begin,
  write_seqcount_end,
} from '../locking/seqlock';
import { spin_lock, spin_lock_init, spin_unlock_no_resched, spinlock_t } from '../locking/spinlock';
import { timekeeping_update } from './timekeeping';

export const HZ: u32 = 100;

/** Mod 2^32. Written under jiffies_lock. */
export const jiffies_word: usize = memory.data(4, 4);
export const jiffies_lock: spinlock_t = changetype<spinlock_t>(
  memory.data(offsetof<spinlock_t>(), 4),
);
const jiffies_seq: usize = memory.data(4, 4);
/** mtime of the tick that jiffies stands for. Under jiffies_lock and jiffies_seq. */
const last_update: usize = memory.data(8, 8);

export function get_jiffies(): u32 {
  return READ_ONCE(jiffies_word);
}

/** Ticks of mtime in a jiffy. */
export function tick_period(): u32 {
  return board.timebase / HZ;
}

/** Boot CPU, once. */
export function jiffies_init(): void {
  spin_lock_init(jiffies_lock, 'jiffies_lock');
  const period = <u64>tick_period();
  store<u64>(last_update, (clint_mtime() / period) * period);
}

/** mtime of the last tick. Any context but one that holds jiffies_lock. */
export function last_jiffies_update(): u64 {
  let at: u64;
  let seq: u32;
  do {
    seq = read_seqcount_begin(jiffies_seq);
    at = load<u64>(last_update);
  } while (read_seqcount_retry(jiffies_seq, seq));
  return at;
}

/** Brings jiffies up to `now`, a value of mtime. Interrupts off. */
export function tick_do_update_jiffies(now: u64): void {
  const period = <u64>tick_period();
  if (now < last_jiffies_update() + period) return;
  spin_lock(jiffies_lock);
  const last = load<u64>(last_update);
  if (now >= last + period) {
    const behind = now - last;
    // Mostly one: do not divide for it.
    const ticks: u32 = behind < 2 * period ? 1 : <u32>(behind / period);
    write_seqcount_begin(jiffies_seq);
    store<u64>(last_update, last + <u64>ticks * period);
    write_seqcount_end(jiffies_seq);
    timekeeping_update(now);
    WRITE_ONCE(jiffies_word, READ_ONCE(jiffies_word) + ticks);
  }
  spin_unlock_no_resched(jiffies_lock);
}

/** a is later than b. */
export function time_after(a: u32, b: u32): bool {
  return <i32>(b - a) < 0;
}

export function msecs_to_jiffies(ms: u32): u32 {
  return (ms * HZ + 999) / 1000;
}
