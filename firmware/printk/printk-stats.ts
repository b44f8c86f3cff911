// What printk() did since boot: counters for the shell command printk and for tools. Added to with
// atomics, by any CPU in any context.

import { fetch_add_relaxed } from '../arch/atomic';
import { in_hardirq, in_nmi, in_softirq } from '../arch/percpu';

@unmanaged
export class printk_counters {
  /** Messages that are in the log; continuations count. */
  stored: u32;
  /** Messages lost: no room, or the store cannot be entered in that context. */
  dropped: u32;
  /** Messages that were cut. */
  truncated: u32;
  /** Messages of printk_deferred(), and those that the store kept aside for a while. */
  deferred: u32;
  /** Messages lost because printk() was entered too often inside itself. */
  recursed: u32;
  /** Messages ignored because another CPU panics. */
  suppressed: u32;
  /** Calls by context. */
  task: u32;
  softirq: u32;
  irq: u32;
  nmi: u32;
}

export const printk_stats: usize = memory.data(offsetof<printk_counters>(), 4);

/** Any context. The offset is that of a printk_counters field. */
export function count_printk(offset: usize, n: u32 = 1): void {
  fetch_add_relaxed(printk_stats + offset, n);
}

/** Counts a call in the context that it is made in. */
export function count_printk_context(): void {
  if (in_nmi()) count_printk(offsetof<printk_counters>('nmi'));
  else if (in_hardirq()) count_printk(offsetof<printk_counters>('irq'));
  else if (in_softirq()) count_printk(offsetof<printk_counters>('softirq'));
  else count_printk(offsetof<printk_counters>('task'));
}
