// hrtick: a timer of its own ends a time slice when it is over, not at the next tick. Linux's
// sched_feat(HRTICK), off by default as there; here a wakeup starts it.

import { READ_ONCE } from '../arch/atomic';
import { smp_processor_id } from '../arch/percpu';
import { spin_lock, spin_unlock_no_resched } from '../locking/spinlock';
import {
  HRTIMER_NORESTART,
  HRTIMER_RESTART,
  hrtimer,
  hrtimer_forward,
  hrtimer_init,
  hrtimer_start,
} from '../time/hrtimer';
import { ktime_get_ns } from '../time/timekeeping';
import { resched_curr } from './core';
import { rq, rq_nr_running, this_rq } from './rq';

/** 1: on. */
export const sched_feat_hrtick: usize = memory.data(4, 4);

const SLICE_NS: u64 = 9_000_000;
/** Per CPU: the timer, and when the slice is over, in the time of ktime_get_ns(). */
const timers: usize = memory.data(offsetof<hrtimer>() * 32, 8);
const slice_ends: usize = memory.data(8 * 32, 8);

function slice_end(cpu: u32): usize {
  return slice_ends + ((<usize>cpu) << 3);
}

/** The slice is over, unless it began anew meanwhile. Hardirq context. */
function hrtick(t: hrtimer): u32 {
  const q = this_rq();
  const now = ktime_get_ns();
  const end = load<u64>(slice_end(q.cpu));
  if (now < end) {
    hrtimer_forward(t, end - now);
    return HRTIMER_RESTART;
  }
  spin_lock(q);
  if (q.curr != q.idle && rq_nr_running(q) > 1) resched_curr(q);
  spin_unlock_no_resched(q);
  return HRTIMER_NORESTART;
}

/** A task has become runnable: the slice of who runs there begins now. Under rq->lock, interrupts off. */
export function hrtick_start(q: rq): void {
  if (READ_ONCE(sched_feat_hrtick) == 0) return;
  store<u64>(slice_end(q.cpu), ktime_get_ns() + SLICE_NS);
  // Another CPU has its tick.
  if (q.cpu != smp_processor_id()) return;
  const t = changetype<hrtimer>(timers + <usize>q.cpu * offsetof<hrtimer>());
  if (t.base == 0) hrtimer_init(t, hrtick);
  if (!t.pending) hrtimer_start(t, SLICE_NS);
}
