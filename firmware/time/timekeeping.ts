// Time since power-on, from the clocksource mtime.

import { clint_mtime } from '../arch/clint';
import { board } from '../arch/fdt';
import { hart_pause } from '../arch/hart';

export const NSEC_PER_SEC: u64 = 1_000_000_000;
const CLOCK_SHIFT: u32 = 10;

/** ns << CLOCK_SHIFT of one tick of mtime. Written once at boot. */
const clock: Clock = changetype<Clock>(memory.data(8, 4));

@unmanaged
class Clock {
  mult: u32;
}

export function timekeeping_init(): void {
  if (board.timebase != 0) clock.mult = <u32>((NSEC_PER_SEC << CLOCK_SHIFT) / <u64>board.timebase);
}

/** ns since power-on; 0 before timekeeping_init(). Any context. */
export function ktime_get_ns(): u64 {
  return (clint_mtime() * <u64>clock.mult) >> CLOCK_SHIFT;
}

/** What printk() stamps records with. Any context. */
export function local_clock(): u64 {
  return ktime_get_ns();
}

/** Busy-waits, µs. Any context. */
export function udelay(us: u32): void {
  const end = ktime_get_ns() + <u64>us * 1000;
  while (ktime_get_ns() < end) hart_pause();
}
