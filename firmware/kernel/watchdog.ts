// Watchdogs. Soft lockup: a CPU has not run its watchdog/N thread for too long, so some task does not
// let go of it. Hard lockup: a CPU takes no timer interrupts; its neighbour notices and sends an NMI.
// Hung tasks: khungtaskd looks for tasks that sleep uninterruptibly without end.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { dump_stack, show_task_stack } from '../arch/backtrace';
import { board } from '../arch/fdt';
import { NMI_REASON_BACKTRACE, send_nmi } from '../arch/nmi';
import { Cpu, cpu_area, smp_processor_id } from '../arch/percpu';
import { cpu_online } from '../arch/smp';
import { param_present, param_u32, param_is } from '../init/params';
import { emitter } from '../printk/emit/emit';
import { pr_emerg, pr_err } from '../printk/printk';
import { schedule, wake_up_process } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { set_current_state } from '../sched/core';
import { msleep } from '../sched/timeout';
import {
  NR_TASKS,
  TASK_IDLE,
  TASK_NOLOAD,
  TASK_UNINTERRUPTIBLE,
  current,
  task_at,
  task_comm,
  task_state,
  task_struct,
} from '../sched/task';
import { memblock_alloc } from '../mm/memblock';
import {
  HRTIMER_RESTART,
  hrtimer,
  hrtimer_forward,
  hrtimer_init,
  hrtimer_start,
} from '../time/hrtimer';
import { HZ, get_jiffies } from '../time/jiffies';
import { udelay } from '../time/timekeeping';
import { panic } from './panic';

/** Each CPU's: thread; jiffies when it last ran; timer interrupts that its neighbour saw, and when; what was reported. */
const percpu: usize = memory.data(24 * 32, 4);
const TOUCHED: usize = 4;
const LAST_TICKS: usize = 8;
const LAST_CHANGE: usize = 12;
const REPORTED: usize = 16;
const HARD_REPORTED: usize = 20;

/** Seconds: hard lockup; twice that: soft lockup. 0 turns them off. */
const thresh: usize = memory.data(4, 4);
const hung_timeout: usize = memory.data(4, 4);

function area(cpu: u32): usize {
  return percpu + <usize>cpu * 24;
}

/** Something slow that is meant to be: resets this CPU's watchdogs. Any context. */
export function touch_softlockup_watchdog(): void {
  WRITE_ONCE(area(smp_processor_id()) + TOUCHED, get_jiffies());
}

export function touch_nmi_watchdog(): void {
  touch_softlockup_watchdog();
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    WRITE_ONCE(area(cpu) + LAST_CHANGE, get_jiffies());
  }
}

/** Starts this CPU's timer, then shows that it gets the CPU, each time that it is woken. */
function watchdog_thread(cpu: usize): u32 {
  const a = area(<u32>cpu);
  const timer = changetype<hrtimer>(memblock_alloc(offsetof<hrtimer>(), 8));
  hrtimer_init(timer, watchdog_timer_fn);
  hrtimer_start(timer, sample_period());
  while (true) {
    set_current_state(TASK_IDLE);
    WRITE_ONCE(a + TOUCHED, get_jiffies());
    WRITE_ONCE(a + REPORTED, 0);
    schedule();
  }
}

/** ns: five looks in the time after which a soft lockup is reported. */
function sample_period(): u64 {
  return <u64>READ_ONCE(thresh) * 400_000_000;
}

/** On every CPU, idle or not. Hardirq context. */
function watchdog_timer_fn(t: hrtimer): u32 {
  const limit = READ_ONCE(thresh);
  const cpu = smp_processor_id();
  const a = area(cpu);
  const now = get_jiffies();
  if (current().pid == 0) WRITE_ONCE(a + TOUCHED, now);
  else {
    const stuck = now - READ_ONCE(a + TOUCHED);
    if (stuck > 2 * limit * HZ && READ_ONCE(a + REPORTED) == 0) {
      WRITE_ONCE(a + REPORTED, 1);
      report_soft(cpu, stuck / HZ);
    }
    wake_up_process(changetype<task_struct>(<usize>READ_ONCE(a)));
  }
  check_neighbour(cpu, now, limit);
  hrtimer_forward(t, sample_period());
  return HRTIMER_RESTART;
}

function report_soft(cpu: u32, seconds: u32): void {
  const p = current();
  emitter.emergency_enter();
  pr_emerg(
    'watchdog: BUG: soft lockup - CPU#%u stuck for %us! [%S:%u]\n',
    cpu,
    seconds,
    task_comm(p),
    p.pid,
  );
  dump_stack();
  emitter.emergency_exit();
  if (param_is('softlockup_panic', '1')) panic('softlockup: hung tasks');
}

/** Does the next CPU still take timer interrupts? It has its watchdog's at least. */
function check_neighbour(cpu: u32, now: u32, limit: u32): void {
  let next = cpu;
  do next = next + 1 < board.nr_harts ? next + 1 : 0;
  while (!cpu_online(next));
  if (next == cpu) return;
  const a = area(next);
  const ticks = READ_ONCE(changetype<usize>(cpu_area(next)) + offsetof<Cpu>('timer_interrupts'));
  if (ticks != READ_ONCE(a + LAST_TICKS)) {
    WRITE_ONCE(a + LAST_TICKS, ticks);
    WRITE_ONCE(a + LAST_CHANGE, now);
    WRITE_ONCE(a + HARD_REPORTED, 0);
  } else if (now - READ_ONCE(a + LAST_CHANGE) > limit * HZ && READ_ONCE(a + HARD_REPORTED) == 0) {
    WRITE_ONCE(a + HARD_REPORTED, 1);
    emitter.emergency_enter();
    pr_emerg('watchdog: CPU%u: Watchdog detected hard LOCKUP on cpu %u\n', cpu, next);
    // What the NMI stores, this CPU prints: the other one may never get to it.
    if (send_nmi(next, NMI_REASON_BACKTRACE)) {
      udelay(1000);
      emitter.stored();
    }
    emitter.emergency_exit();
    if (param_is('nmi_watchdog', 'panic') || param_is('hardlockup_panic', '1')) {
      panic('Hard LOCKUP');
    }
  }
}

/** One look at all tasks. Task context. */
function check_hung_tasks(timeout: u32): void {
  for (let i: u32 = 0; i < NR_TASKS; i++) {
    if (task_at(i) == 0) continue;
    const p = changetype<task_struct>(task_at(i));
    const state = task_state(p);
    const switches = p.nvcsw + p.nivcsw;
    if (!(state & TASK_UNINTERRUPTIBLE) || state & TASK_NOLOAD || switches != p.hung_switches) {
      p.hung_switches = switches;
      p.hung_since = get_jiffies();
    } else if (get_jiffies() - p.hung_since >= timeout * HZ) {
      p.hung_since = get_jiffies();
      pr_err('INFO: task %S:%u blocked for more than %u seconds.\n', task_comm(p), p.pid, timeout);
      show_task_stack(p);
      if (param_is('hung_task_panic', '1')) panic('hung_task: blocked tasks');
    }
  }
}

function khungtaskd(unused: usize): u32 {
  while (true) {
    const timeout = READ_ONCE(hung_timeout);
    msleep(timeout * 500);
    check_hung_tasks(timeout);
  }
}

/** Boot, task context. watchdog_thresh=, nowatchdog, hung_task_timeout= as in Linux. */
export function watchdog_init(): void {
  WRITE_ONCE(thresh, param_present('nowatchdog') ? 0 : param_u32('watchdog_thresh', 10));
  WRITE_ONCE(hung_timeout, param_u32('hung_task_timeout', 120));
  const watched = READ_ONCE(thresh) != 0 ? board.nr_harts : 0;
  for (let cpu: u32 = 0; cpu < watched; cpu++) {
    if (!cpu_online(cpu)) continue;
    WRITE_ONCE(area(cpu) + TOUCHED, get_jiffies());
    WRITE_ONCE(area(cpu) + LAST_CHANGE, get_jiffies());
    const p = kthread_run(watchdog_thread, cpu, 'watchdog', cpu);
    WRITE_ONCE(area(cpu), <u32>changetype<usize>(p));
  }
  if (READ_ONCE(hung_timeout) != 0) kthread_run(khungtaskd, 0, 'khungtaskd');
}
