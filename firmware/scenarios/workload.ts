// The load under which `printkit compare` measures the designs of printk: the same for every pair of
// store and emitter. Each message says its context, CPU and number in that context's stream, so that
// whoever reads the line can tell what is missing, twice or out of order:
//
//   workload t2 17: the quick brown fox runs        t task, i interrupt, n NMI, r inside console->write()
//
// Phases: at leisure; a burst that no ring holds; messages from inside console->write(); NMIs at any
// moment; and a panic while all CPUs print. `run workload calm` leaves out NMIs and the panic.
// `run workload flat` only fills the store, with the console silent: one CPU alone, then all together.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { NMI_REASON_WORKLOAD, register_nmi_handler, send_nmi } from '../arch/nmi';
import { NR_CPUS, smp_processor_id } from '../arch/percpu';
import { cpu_online, num_online_cpus } from '../arch/smp';
import { panic } from '../kernel/panic';
import { streq } from '../lib/string';
import { console_loglevel, set_console_loglevel } from '../printk/console';
import { pr_info } from '../printk/printk';
import { kthread_run } from '../sched/kthread';
import { msleep } from '../sched/timeout';
import { arg } from '../shell/commands';
import {
  HRTIMER_NORESTART,
  HRTIMER_RESTART,
  hrtimer,
  hrtimer_forward,
  hrtimer_init,
  hrtimer_start,
} from '../time/hrtimer';
import { udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import { scenario_verdict } from './scenario';
import { noisy_console_ask, noisy_console_begin, noisy_console_end } from './workload-console';

/** What a stream's letter means. */
const TASK: u32 = 0x74; // t
const HARDIRQ: u32 = 0x69; // i
const NMI: u32 = 0x6e; // n
const RECURSION: u32 = 0x72; // r

/** Phases, in order; the host knows them by number. */
const PHASE_LEISURE: u32 = 1;
const PHASE_BURST: u32 = 2;
const PHASE_RECURSION: u32 = 3;
const PHASE_NMI: u32 = 4;
const PHASE_PANIC: u32 = 5;
const PHASE_END: u32 = 6;
const PHASE_ALONE: u32 = 7;
const PHASE_TOGETHER: u32 = 8;

const LEISURE_MESSAGES: u32 = 8;
const LEISURE_MS: u32 = 60;
/** Between the tasks' messages. */
const FIRST_INTERRUPT_NS: u64 = 7_300_000;
/** From one CPU's messages to the next one's: the line has time for a task's and an interrupt's. */
const APART_MS: u32 = 15;
const BURST_MESSAGES: u32 = 100;
const RECURSION_MESSAGES: u32 = 3;
/** The tasks' in the phase of NMIs, and the pause behind each, µs: as long as the NMIs come. */
const TASK_MESSAGES: u32 = 20;
const TASK_PAUSE_US: u32 = 200;
/** Each CPU's NMIs. Their period is no multiple of anything, so that they come at ever new places, µs. */
const NMI_MESSAGES: u32 = 30;
const NMI_PERIOD_US: u32 = 197;
/** How long the panic lets the CPUs print before, µs. */
const PANIC_AFTER_US: u32 = 25_000;
/** Time for the console to say all that it was given, ms. */
const DRAIN_MS: u32 = 1500;

/** Next numbers of a CPU's streams: task, interrupt, NMI, recursion. */
const numbers: usize = memory.data(16 * 32, 4);
const timers: usize = memory.data(64 * 32, 8);
const TIMER_SIZE: usize = 64;
/** The phase, the threads that are still at work, and the ticks that each timer has left. */
const phase: usize = memory.data(4, 4);
const running: usize = memory.data(4, 4);
const ticks: usize = memory.data(4 * 32, 4);

/** One message of a stream. Any context. For the host to see: what is being said, and where. */
export function workload_message(context: u32, cpu: u32, n: u32): void {
  pr_info('workload %c%u %u: the quick brown fox runs\n', context, cpu, n);
}

/** A phase begins. For the host to see. */
export function workload_phase(n: u32): void {
  WRITE_ONCE(phase, n);
}

/** The next message of this CPU's stream for a context. Any context. */
function workload_say(context: u32): void {
  const cpu = smp_processor_id();
  const stream: usize = context == TASK ? 0 : context == HARDIRQ ? 4 : context == NMI ? 8 : 12;
  workload_message(context, cpu, fetch_add(numbers + ((<usize>cpu) << 4) + stream, 1));
}

/** Says a number of messages, so many ms apart. A thread that is bound to its CPU. */
function chatter(count: u32, pause_ms: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    if (READ_ONCE(phase) == PHASE_RECURSION) noisy_console_ask();
    workload_say(TASK);
    if (pause_ms) msleep(pause_ms);
  }
}

/** The same without any pause, and each time 40 characters with nothing to convert. */
function chatter_flat_out(count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    workload_say(TASK);
    pr_info('0123456789012345678901234567890123456789\n');
  }
}

/** The same without sleep in between. */
function chatter_awake(count: u32, pause_us: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    workload_say(TASK);
    udelay(pause_us);
  }
}

/** Each CPU's thread of a phase. */
function worker(unused: usize): u32 {
  switch (READ_ONCE(phase)) {
    case PHASE_LEISURE:
      msleep(smp_processor_id() * APART_MS);
      chatter(LEISURE_MESSAGES, LEISURE_MS);
      break;
    case PHASE_RECURSION:
      chatter(RECURSION_MESSAGES, LEISURE_MS);
      break;
    case PHASE_NMI:
      chatter_awake(TASK_MESSAGES, TASK_PAUSE_US);
      break;
    case PHASE_ALONE:
    case PHASE_TOGETHER:
      chatter_flat_out(BURST_MESSAGES);
      break;
    default:
      chatter(BURST_MESSAGES, 0);
  }
  fetch_add(running, 0xffffffff);
  return 0;
}

function timer_of(cpu: u32): hrtimer {
  return changetype<hrtimer>(timers + <usize>cpu * TIMER_SIZE);
}

/** Takes one of a CPU's ticks; false if it was the last one. */
function tick_left(cpu: u32): bool {
  return fetch_add(ticks + ((<usize>cpu) << 2), 0xffffffff) > 1;
}

/** A message from the timer interrupt. */
function talking_timer(t: hrtimer): u32 {
  workload_say(HARDIRQ);
  if (!tick_left(smp_processor_id())) return HRTIMER_NORESTART;
  hrtimer_forward(t, <u64>LEISURE_MS * 1_000_000);
  return HRTIMER_RESTART;
}

/** An NMI for the next CPU. */
function nudging_timer(t: hrtimer): u32 {
  const cpu = smp_processor_id();
  send_nmi((cpu + 1) % num_online_cpus(), NMI_REASON_WORKLOAD);
  if (!tick_left(cpu)) return HRTIMER_NORESTART;
  hrtimer_forward(t, <u64>NMI_PERIOD_US * 1000);
  return HRTIMER_RESTART;
}

function fatal_timer(t: hrtimer): u32 {
  panic('workload');
  return HRTIMER_NORESTART;
}

function nmi_message(): void {
  workload_say(NMI);
}

function recursing_message(): void {
  workload_say(RECURSION);
}

/** Starts this CPU's timer of the phase, then does its thread's part. */
function timer_starter(cpu: usize): u32 {
  const t = timer_of(<u32>cpu);
  switch (READ_ONCE(phase)) {
    case PHASE_LEISURE:
      store<u32>(ticks + (cpu << 2), LEISURE_MESSAGES);
      hrtimer_init(t, talking_timer);
      hrtimer_start(t, <u64>cpu * (<u64>APART_MS * 1_000_000) + FIRST_INTERRUPT_NS);
      break;
    case PHASE_NMI:
      store<u32>(ticks + (cpu << 2), NMI_MESSAGES);
      hrtimer_init(t, nudging_timer);
      hrtimer_start(t, <u64>cpu * 37_000 + <u64>NMI_PERIOD_US * 1000);
      break;
    case PHASE_PANIC:
      hrtimer_init(t, fatal_timer);
      if (cpu == num_online_cpus() - 1) hrtimer_start(t, <u64>PANIC_AFTER_US * 1000);
  }
  return worker(cpu);
}

/** Runs a phase on all CPUs, and gives the console time to catch up. Task context. */
function run_phase(n: u32): void {
  workload_phase(n);
  WRITE_ONCE(running, n == PHASE_ALONE ? 1 : num_online_cpus());
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    if (!cpu_online(cpu)) continue;
    kthread_run(timer_starter, cpu, 'workload', cpu);
    if (n == PHASE_ALONE) break;
  }
  while (READ_ONCE(running) != 0) msleep(1);
  msleep(DRAIN_MS);
}

/** Task context. */
function fill_the_store(): void {
  const level = console_loglevel();
  set_console_loglevel(0);
  run_phase(PHASE_ALONE);
  run_phase(PHASE_TOGETHER);
  set_console_loglevel(level);
}

function workload(argc: u32, argv: usize): u32 {
  const calm = argc > 2 && streq(arg(argv, 2), 'calm');
  memory.fill(numbers, 0, 16 * 32);
  if (argc > 2 && streq(arg(argv, 2), 'flat')) {
    fill_the_store();
    workload_phase(PHASE_END);
    return scenario_verdict('workload', true);
  }
  run_phase(PHASE_LEISURE);
  run_phase(PHASE_BURST);
  noisy_console_begin(recursing_message);
  run_phase(PHASE_RECURSION);
  noisy_console_end();
  if (!calm) {
    register_nmi_handler(nmi_message);
    run_phase(PHASE_NMI);
    run_phase(PHASE_PANIC);
    // The panic CPU may have much to print before it stops this one.
    while (READ_ONCE(phase) == PHASE_PANIC) msleep(DRAIN_MS);
  }
  workload_phase(PHASE_END);
  return scenario_verdict('workload', calm);
}

export function register_workload(): void {
  register_scenario('workload', 'what compare measures: all contexts, a burst, a panic', workload);
}
