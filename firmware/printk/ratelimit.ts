// Rate limits for messages that may come in floods: so many in an interval, and afterwards a line that
// says how many were left out. Linux's lib/ratelimit.c, printk_ratelimit() and pr_*_ratelimited(). What C
// does with a static variable in a macro, the caller does here: it owns the state.

import { fetch_or_relaxed } from '../arch/atomic';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import {
  spin_lock_init,
  spin_trylock,
  spin_unlock_no_resched,
  spinlock_t,
} from '../locking/spinlock';
import { HZ, get_jiffies } from '../time/jiffies';
import { str } from '../lib/string';
import { LOGLEVEL_INFO, LOGLEVEL_WARNING } from './levels';
import { printk_deferred, vprintk_emit } from './printk';

export const DEFAULT_RATELIMIT_INTERVAL: u32 = 5 * HZ;
export const DEFAULT_RATELIMIT_BURST: u32 = 10;

/** Its base, the spinlock, protects the rest. */
@unmanaged
export class ratelimit_state extends spinlock_t {
  /** Whose messages, for the line about those left out. */
  what: string;
  /** Jiffies; 0: no limit. */
  interval: u32;
  burst: u32;
  printed: u32;
  missed: u32;
  /** When the interval began, jiffies. Only if `begun`. */
  begin: u32;
  begun: u32;
  /** Its owner tells how many were left out when it is done with it: RATELIMIT_MSG_ON_RELEASE. */
  on_release: bool;
}

const printk_ratelimit_state: ratelimit_state = changetype<ratelimit_state>(
  memory.data(offsetof<ratelimit_state>(), 4),
);

/** Before its first use. */
export function ratelimit_state_init(
  rs: ratelimit_state,
  what: string,
  interval: u32,
  burst: u32,
): void {
  spin_lock_init(rs, 'ratelimit_state->lock');
  rs.what = what;
  rs.interval = interval;
  rs.burst = burst;
  rs.printed = 0;
  rs.missed = 0;
  rs.begun = 0;
  rs.on_release = false;
}

/** Boot CPU, first thing. */
export function ratelimit_init(): void {
  ratelimit_state_init(
    printk_ratelimit_state,
    'printk_ratelimit',
    DEFAULT_RATELIMIT_INTERVAL,
    DEFAULT_RATELIMIT_BURST,
  );
}

/** Tells how many were left out, and forgets them. Under the state's lock. */
function report_missed(rs: ratelimit_state): void {
  if (rs.missed == 0 || rs.on_release) return;
  printk_deferred('%s: %u callbacks suppressed\n', str(rs.what), rs.missed);
  rs.missed = 0;
}

/** May one more be printed? Any context: who finds the lock taken is told no. */
export function __ratelimit(rs: ratelimit_state): bool {
  if (rs.interval == 0) return true;
  const flags = local_irq_save();
  let may = false;
  if (spin_trylock(rs)) {
    const now = get_jiffies();
    if (rs.begun == 0 || now - rs.begin > rs.interval) {
      report_missed(rs);
      rs.begun = 1;
      rs.begin = now;
      rs.printed = 0;
    }
    if (rs.printed < rs.burst) {
      rs.printed++;
      may = true;
    } else rs.missed++;
    spin_unlock_no_resched(rs);
  }
  local_irq_restore(flags);
  return may;
}

/** Of all that share one limit: may this one be printed? Any context. */
export function printk_ratelimit(): bool {
  return __ratelimit(printk_ratelimit_state);
}

/** Any context. */
export function pr_warn_ratelimited(
  rs: ratelimit_state,
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
): void {
  if (__ratelimit(rs)) vprintk_emit(LOGLEVEL_WARNING, 0, fmt, a0, a1, a2, a3, 0, 0, 0, 0);
}

/** Any context. */
export function pr_info_ratelimited(
  rs: ratelimit_state,
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
): void {
  if (__ratelimit(rs)) vprintk_emit(LOGLEVEL_INFO, 0, fmt, a0, a1, a2, a3, 0, 0, 0, 0);
}

/** True the first time that it is asked for a word, which must begin as 0. Any context. */
export function once(word: usize): bool {
  return fetch_or_relaxed(word, 1) == 0;
}

/** Prints the first time only. Any context. */
export function pr_warn_once(
  word: usize,
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
): void {
  if (once(word)) vprintk_emit(LOGLEVEL_WARNING, 0, fmt, a0, a1, a2, a3, 0, 0, 0, 0);
}
