// Self tests of what runs later: timers, hrtimers, works, irq_work, softirqs; and of kmalloc().

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { in_hardirq, in_softirq, in_task, smp_processor_id } from '../arch/percpu';
import { num_online_cpus } from '../arch/smp';
import {
  init_irq_work,
  init_irq_work_lazy,
  irq_work,
  irq_work_queue,
  irq_work_queue_on,
} from '../kernel/irq_work';
import {
  INIT_DELAYED_WORK,
  INIT_WORK,
  cancel_work_sync,
  delayed_work,
  flush_work,
  queue_work_on,
  schedule_delayed_work,
  work_pending,
  work_struct,
} from '../kernel/workqueue';
import { kfree, kmalloc, slab_in_use } from '../mm/slab';
import { msleep } from '../sched/timeout';
import {
  HRTIMER_NORESTART,
  HRTIMER_RESTART,
  hrtimer,
  hrtimer_cancel,
  hrtimer_forward,
  hrtimer_init,
  hrtimer_start,
} from '../time/hrtimer';
import { get_jiffies } from '../time/jiffies';
import { ktime_get_ns, udelay } from '../time/timekeeping';
import { del_timer, mod_timer, timer_delete_sync, timer_list, timer_setup } from '../time/timer';
import { check, check_equal, register_selftest, rounds } from './tap';

const NR: u32 = 16;
/** Order in which things ran: a count, and who came when. */
const count: usize = memory.data(4, 4);
const order: usize = memory.data(4 * 64, 4);
const wrong: usize = memory.data(4, 4);

function reset(): void {
  WRITE_ONCE(count, 0);
  WRITE_ONCE(wrong, 0);
}

function came(who: usize): void {
  const n = fetch_add(count, 1);
  if (n < 64) WRITE_ONCE(order + (n << 2), <u32>who);
}

function timer_fn(t: timer_list): void {
  if (!in_softirq()) fetch_add(wrong, 1);
  if (<i32>(get_jiffies() - t.expires) < 0) fetch_add(wrong, 1);
  came(t.data);
}

function test_timers(): void {
  reset();
  const timers = kmalloc(offsetof<timer_list>() * NR);
  const now = get_jiffies();
  for (let i: u32 = 0; i < NR; i++) {
    const t = changetype<timer_list>(timers + <usize>i * offsetof<timer_list>());
    timer_setup(t, timer_fn);
    t.data = (i * 5) % NR;
    mod_timer(t, now + 2 + ((<u32>t.data) >> 1));
  }
  const gone = changetype<timer_list>(timers + 3 * offsetof<timer_list>());
  check(del_timer(gone), 'a pending timer can be deleted');
  check(!del_timer(gone), 'only once');
  msleep(200);
  check_equal(READ_ONCE(count), NR - 1, 'timers that ran');
  check_equal(READ_ONCE(wrong), 0, 'timers too early or in the wrong context');
  for (let i: u32 = 1; i < NR - 1; i++) {
    const before = READ_ONCE(order + ((i - 1) << 2)) >> 1;
    const after = READ_ONCE(order + (i << 2)) >> 1;
    check(before <= after, 'timers in order of expiry', before, after);
  }
  for (let i: u32 = 0; i < NR; i++) {
    timer_delete_sync(changetype<timer_list>(timers + <usize>i * offsetof<timer_list>()));
  }
  kfree(timers);
}

const ticks_wanted: u32 = 5;

function hrtimer_fn(t: hrtimer): u32 {
  if (!in_hardirq()) fetch_add(wrong, 1);
  if (fetch_add(count, 1) + 1 >= ticks_wanted) {
    WRITE_ONCE(order, <u32>(ktime_get_ns() / 1000));
    return HRTIMER_NORESTART;
  }
  hrtimer_forward(t, 1_500_000);
  return HRTIMER_RESTART;
}

function once_fn(t: hrtimer): u32 {
  fetch_add(count, 1);
  return HRTIMER_NORESTART;
}

/** Also on a CPU that is not idle, and does not program its timer for other reasons. */
function test_hrtimer_when_busy(): void {
  reset();
  const t = changetype<hrtimer>(kmalloc(offsetof<hrtimer>()));
  hrtimer_init(t, once_fn);
  for (let i: u32 = 1; i <= 5; i++) {
    hrtimer_start(t, 200_000);
    udelay(300);
    check_equal(READ_ONCE(count), i, 'expiries on time');
  }
  kfree(changetype<usize>(t));
}

function test_hrtimers(): void {
  reset();
  const t = changetype<hrtimer>(kmalloc(offsetof<hrtimer>()));
  hrtimer_init(t, hrtimer_fn);
  const start = <u32>(ktime_get_ns() / 1000);
  hrtimer_start(t, 1_500_000);
  msleep(40);
  check_equal(READ_ONCE(count), ticks_wanted, 'expiries');
  check_equal(READ_ONCE(wrong), 0, 'expiries outside of a hard interrupt');
  const us = READ_ONCE(order) - start;
  check(us >= 7500 && us < 9000, 'five times 1.5 ms, in us', us, 7500);
  hrtimer_start(t, 1_000_000_000);
  check(hrtimer_cancel(t), 'a pending hrtimer can be cancelled');
  kfree(changetype<usize>(t));
}

function test_sleep(): void {
  const start = ktime_get_ns();
  msleep(50);
  const ms = <u32>((ktime_get_ns() - start) / 1_000_000);
  check(ms >= 50 && ms <= 80, 'msleep(50), in ms', ms, 50);
}

function work_fn(work: work_struct): void {
  if (!in_task()) fetch_add(wrong, 1);
  if (work.data >> 8 != smp_processor_id() + 1 && work.data >> 8 != 0) fetch_add(wrong, 1);
  came(work.data & 0xff);
}

function work_at(base: usize, i: u32): work_struct {
  return changetype<work_struct>(base + <usize>i * offsetof<work_struct>());
}

function test_workqueue(): void {
  reset();
  const works = kmalloc(offsetof<work_struct>() * NR);
  for (let i: u32 = 0; i < NR; i++) {
    INIT_WORK(work_at(works, i), work_fn);
    work_at(works, i).data = i;
  }
  for (let i: u32 = 0; i < NR; i++) queue_work_on(0, work_at(works, i));
  for (let i: u32 = 0; i < NR; i++) flush_work(work_at(works, i));
  check_equal(READ_ONCE(count), NR, 'works that ran');
  for (let i: u32 = 0; i < NR; i++) check_equal(READ_ONCE(order + (i << 2)), i, 'works in order');
  reset();
  for (let i: u32 = 0; i < rounds() / 4; i++) {
    const cpu = i % num_online_cpus();
    const w = work_at(works, i % NR);
    w.data = ((cpu + 1) << 8) | (i % NR);
    queue_work_on(cpu, w);
    flush_work(w);
  }
  check_equal(READ_ONCE(count), rounds() / 4, 'works on all CPUs');
  check_equal(READ_ONCE(wrong), 0, 'works in the wrong place');
  check(!work_pending(work_at(works, 0)), 'nothing is left');
  kfree(works);
}

function slow_fn(work: work_struct): void {
  msleep(50);
  came(1);
}

function test_workqueue_sleeping(): void {
  reset();
  const slow = changetype<work_struct>(kmalloc(offsetof<work_struct>()));
  const quick = changetype<work_struct>(kmalloc(offsetof<work_struct>()));
  INIT_WORK(slow, slow_fn);
  INIT_WORK(quick, work_fn);
  quick.data = 2;
  queue_work_on(0, slow);
  queue_work_on(0, quick);
  flush_work(quick);
  check_equal(READ_ONCE(order), 2, 'a work that sleeps does not hold up others');
  flush_work(slow);
  check_equal(READ_ONCE(count), 2, 'both ran');
  check(queue_work_on(0, quick), 'can be queued again');
  cancel_work_sync(quick);
  kfree(changetype<usize>(slow));
  kfree(changetype<usize>(quick));
}

function test_delayed_work(): void {
  reset();
  const work = changetype<delayed_work>(kmalloc(offsetof<delayed_work>()));
  const timer = changetype<timer_list>(kmalloc(offsetof<timer_list>()));
  INIT_DELAYED_WORK(work, timer, work_fn);
  work.data = 7;
  check(schedule_delayed_work(work, 6), 'queued');
  check(!schedule_delayed_work(work, 6), 'only once');
  msleep(30);
  check_equal(READ_ONCE(count), 0, 'not before its time');
  msleep(50);
  flush_work(work);
  check_equal(READ_ONCE(count), 1, 'but later');
  timer_delete_sync(timer);
  kfree(changetype<usize>(timer));
  kfree(changetype<usize>(work));
}

function irq_work_fn(work: irq_work): void {
  if (!in_hardirq()) fetch_add(wrong, 1);
  came(smp_processor_id());
}

function test_irq_work(): void {
  reset();
  const work = changetype<irq_work>(kmalloc(offsetof<irq_work>()));
  init_irq_work(work, irq_work_fn);
  check(irq_work_queue(work), 'queued');
  for (let i: u32 = 0; i < 1000 && READ_ONCE(count) == 0; i++) hart_pause();
  check_equal(READ_ONCE(count), 1, 'comes at once');
  const last = num_online_cpus() - 1;
  irq_work_queue_on(work, last);
  msleep(20);
  check_equal(READ_ONCE(order + 4), last, 'on another CPU');
  const lazy = changetype<irq_work>(kmalloc(offsetof<irq_work>()));
  init_irq_work_lazy(lazy, irq_work_fn);
  check(irq_work_queue(lazy), 'queued');
  check(!irq_work_queue(lazy), 'only once');
  msleep(30);
  check_equal(READ_ONCE(count), 3, 'a lazy one comes with the tick');
  check_equal(READ_ONCE(wrong), 0, 'in a hard interrupt');
  kfree(changetype<usize>(work));
  kfree(changetype<usize>(lazy));
}

function test_kmalloc(): void {
  const before = load<u32>(slab_in_use);
  const p = kmalloc(100);
  for (let i: usize = 0; i < 100; i++) check_equal(load<u8>(p + i), 0, 'zeroed');
  memory.fill(p, 0xaa, 100);
  kfree(p);
  const q = kmalloc(90);
  check(p == q, 'memory is used again');
  check_equal(load<u8>(q + 50), 0, 'zeroed again');
  kfree(q);
  check_equal(load<u32>(slab_in_use), before, 'all given back');
}

export function register_deferred_selftests(): void {
  register_selftest('timers', test_timers);
  register_selftest('hrtimers', test_hrtimers);
  register_selftest('hrtimer on a busy CPU', test_hrtimer_when_busy);
  register_selftest('msleep', test_sleep);
  register_selftest('workqueue', test_workqueue);
  register_selftest('workqueue with a sleeper', test_workqueue_sleeping);
  register_selftest('delayed work', test_delayed_work);
  register_selftest('irq_work', test_irq_work);
  register_selftest('kmalloc', test_kmalloc);
}
