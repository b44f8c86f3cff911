// Classes 17, 18 and 32: nobody waits for ever, but somebody waits far too long, because a CPU prints what
// others log, or because the line is slow.
//
// soft-lockup    CPU 1 prints one line with preemption off while CPU 2 logs for three seconds, a little more
//                than the line takes. Needs watchdog_thresh=1.
// console-storm  CPUs 1 and 2 log without a pause; CPU 0 wants console_sem.
// flow-stall     CPU 1 prints one line while the far end does not let us send. Needs the console's flow
//                control; the far end: CTS off at scenario_ready, on 60 ms after scenario_begin.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { preempt_disable, preempt_enable } from '../arch/percpu';
import { console_lock, console_unlock } from '../printk/console';
import { pr_info } from '../printk/printk';
import { msleep } from '../sched/timeout';
import { local_clock, udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_has_flow_control,
  scenario_needs_cpus,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_took,
  scenario_verdict,
  scenario_wait_for_tick,
} from './scenario';

/** soft-lockup: CPU 2 comes while CPU 1's line is on the wire, now or after a tick, µs. */
const COMES_US: u32 = 12_000;
const LONG_LINE: string =
  'a long line: the quick brown fox jumps over the lazy dog, and over the next one, and over all that follow, and then back again over each of them, which takes more than 12 ms';
/** It logs for longer than twice the watchdog's limit. */
const LOGS_NS: u64 = 2_800_000_000;
/** Lines in two ticks: the line takes three. */
const LINES: u32 = 4;
/** console-storm: when CPU 0 comes; how long the storm may take, what is too long for console_lock(), and a caller's pause, µs. */
const USER_COMES_MS: u32 = 15;
const STORM_NS: u64 = 500_000_000;
const LONG_NS: u64 = 200_000_000;
const PAUSE_US: u32 = 1000;
/** flow-stall: the caller's work behind its message, and what is too long for both. */
const WORK_US: u32 = 20_000;
const WORK_LONG_NS: u64 = 40_000_000;

/** console-storm: 1 once console_lock() has returned. */
const got_console: usize = memory.data(4, 4);

function lone_caller(unused: usize): u32 {
  scenario_barrier();
  scenario_wait_for_tick();
  preempt_disable();
  pr_info('lockup: %s\n', changetype<usize>(LONG_LINE));
  preempt_enable();
  scenario_done();
  return 0;
}

function steady_logger(unused: usize): u32 {
  scenario_barrier();
  scenario_wait_for_tick();
  udelay(COMES_US);
  const end = local_clock() + LOGS_NS;
  for (let n: u32 = 1; local_clock() < end; n++) {
    pr_info('lockup: %u: the quick brown fox jumps over the lazy dog\n', n);
    if (n % LINES == 0) msleep(1);
  }
  scenario_done();
  return 0;
}

function soft_lockup(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(3)) return 1;
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(lone_caller, 'caller', 1);
  scenario_thread(steady_logger, 'logger', 2);
  scenario_finish();
  return scenario_verdict('soft-lockup', true);
}

function storm_logger(unused: usize): u32 {
  scenario_barrier();
  const end = local_clock() + STORM_NS;
  for (let n: u32 = 0; READ_ONCE(got_console) == 0 && local_clock() < end; n++) {
    pr_info('storm: %u: the quick brown fox jumps over the lazy dog\n', n);
    udelay(PAUSE_US);
  }
  scenario_done();
  return 0;
}

/** As a read of /proc/consoles does. */
function console_user(unused: usize): u32 {
  scenario_barrier();
  msleep(USER_COMES_MS);
  const start = local_clock();
  console_lock();
  const ns = local_clock() - start;
  WRITE_ONCE(got_console, 1);
  console_unlock();
  scenario_took('console_lock()', ns, LONG_NS);
  scenario_done();
  return 0;
}

function console_storm(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(3)) return 1;
  WRITE_ONCE(got_console, 0);
  scenario_settle();
  scenario_prepare(3);
  scenario_thread(console_user, 'console-user', 0);
  scenario_thread(storm_logger, 'logger', 1);
  scenario_thread(storm_logger, 'logger', 2);
  scenario_finish();
  return scenario_verdict('console-storm', true);
}

/** What comes behind the message is to take WORK_US. */
function working_caller(unused: usize): u32 {
  scenario_barrier();
  const start = local_clock();
  pr_info('flow: one line\n');
  udelay(WORK_US);
  const ns = local_clock() - start;
  scenario_took('20 ms of work with a printk()', ns, WORK_LONG_NS);
  scenario_done();
  return 0;
}

function flow_stall(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(3) || !scenario_has_flow_control()) return 1;
  scenario_settle();
  scenario_prepare(1);
  scenario_thread(working_caller, 'caller', 1);
  scenario_finish();
  return scenario_verdict('flow-stall', true);
}

export function register_lockup(): void {
  register_scenario('soft-lockup', 'class 17: a CPU prints what others log', soft_lockup);
  register_scenario(
    'console-storm',
    'class 18: console_sem goes from printer to printer',
    console_storm,
  );
  register_scenario('flow-stall', 'class 32: CTS keeps the line from sending', flow_stall);
}
