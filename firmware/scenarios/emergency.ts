// Classes 25 to 27: a report that must be seen (a WARN, say) is printed by the CPU that makes it.
//
// emergency-owner      CPU 0 reports while CPU 1 has port->lock, for 20 ms or as many µs as the argument
//                      says, with interrupts off (26).
// emergency-storm      CPU 1 reports line by line while CPU 2 logs: the console must not go to and fro (25).
// emergency-port-lock  CPU 1 reports, with a long log before that; CPU 0 wants port->lock (26).
// emergency-irq        CPU 0 reports while the UART interrupts it (27). The far end: characters from 1 ms
//                      after scenario_begin on.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { simple_strtoul } from '../lib/string';
import { emit_stats, emitter, stats } from '../printk/emit/emit';
import { pr_info, pr_warn } from '../printk/printk';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from '../serial/uart_lock';
import { arg } from '../shell/commands';
import { local_clock, udelay } from '../time/timekeeping';
import { tty_printf } from '../tty/tty';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_port,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_took,
  scenario_verdict,
} from './scenario';

const LINES: u32 = 10;
const LINE_PAUSE_US: u32 = 500;
/** Lines in the log before the report. */
const BACKLOG: u32 = 20;
/** When CPU 0 wants port->lock, and how long that may take: a few lines' time. */
const COMES_US: u32 = 10_000;
const LONG_NS: u64 = 30_000_000;
/** emergency-owner: how long the lock is held, and when CPU 0 comes, µs. */
const HOLD_US: u32 = 20_000;
const OWNED_US: u32 = 100;
/** The first line of a report may cut one off that its thread is printing. */
const REPLAYS_MAX: u32 = 2;

/** As WARN() does. */
function report(): void {
  emitter.emergency_enter();
  for (let n: u32 = 1; n <= LINES; n++) {
    pr_warn('report: line %u of %u\n', n, LINES);
    udelay(LINE_PAUSE_US);
  }
  emitter.emergency_exit();
}

function reporter(unused: usize): u32 {
  scenario_barrier();
  udelay(LINE_PAUSE_US);
  report();
  scenario_done();
  return 0;
}

function logger(unused: usize): u32 {
  scenario_barrier();
  for (let n: u32 = 1; n <= LINES; n++) {
    pr_info('logger: line %u of %u\n', n, LINES);
    udelay(LINE_PAUSE_US);
  }
  scenario_done();
  return 0;
}

/** Has logged a lot in a place where nobody prints. */
function late_reporter(unused: usize): u32 {
  scenario_barrier();
  const flags = local_irq_save();
  for (let n: u32 = 1; n <= BACKLOG; n++) pr_info('backlog: line %u of %u\n', n, BACKLOG);
  local_irq_restore(flags);
  report();
  scenario_done();
  return 0;
}

/** As a write to the tty does. */
function port_user(unused: usize): u32 {
  scenario_barrier();
  udelay(COMES_US);
  const start = local_clock();
  const flags = uart_port_lock_irqsave(scenario_port());
  const ns = local_clock() - start;
  uart_port_unlock_irqrestore(scenario_port(), flags);
  scenario_took('port->lock', ns, LONG_NS);
  scenario_done();
  return 0;
}

/** What the argument says, and how long the report took, µs. */
const hold_us: usize = memory.data(4, 4);
const took_us: usize = memory.data(4, 4);

function port_owner(unused: usize): u32 {
  scenario_barrier();
  const flags = uart_port_lock_irqsave(scenario_port());
  udelay(READ_ONCE(hold_us));
  uart_port_unlock_irqrestore(scenario_port(), flags);
  scenario_done();
  return 0;
}

function lone_reporter(unused: usize): u32 {
  scenario_barrier();
  udelay(OWNED_US);
  emitter.emergency_enter();
  const start = local_clock();
  pr_warn('report: the port is taken\n');
  WRITE_ONCE(took_us, <u32>((local_clock() - start) / 1000));
  emitter.emergency_exit();
  scenario_done();
  return 0;
}

function replays(): u32 {
  return READ_ONCE(stats + offsetof<emit_stats>('replays'));
}

function emergency_storm(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(3)) return 1;
  scenario_settle();
  const before = replays();
  scenario_prepare(2);
  scenario_thread(reporter, 'reporter', 1);
  scenario_thread(logger, 'logger', 2);
  scenario_finish();
  const n = replays() - before;
  if (n > REPLAYS_MAX) tty_printf('scenario: %u lines were printed again\n', n);
  return scenario_verdict('emergency-storm', n <= REPLAYS_MAX);
}

function emergency_port_lock(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(3)) return 1;
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(late_reporter, 'reporter', 1);
  scenario_thread(port_user, 'port-user', 0);
  scenario_finish();
  return scenario_verdict('emergency-port-lock', true);
}

function emergency_owner(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  WRITE_ONCE(hold_us, argc > 2 ? simple_strtoul(arg(argv, 2)) : HOLD_US);
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(lone_reporter, 'reporter', 0);
  scenario_thread(port_owner, 'owner', 1);
  scenario_finish();
  tty_printf('scenario: the report took %u us\n', READ_ONCE(took_us));
  return scenario_verdict('emergency-owner', true);
}

function emergency_irq(argc: u32, argv: usize): u32 {
  scenario_settle();
  scenario_prepare(1);
  scenario_thread(reporter, 'reporter', 0);
  scenario_finish();
  return scenario_verdict('emergency-irq', true);
}

export function register_emergency(): void {
  register_scenario(
    'emergency-owner',
    'class 26: a report while port->lock is held',
    emergency_owner,
  );
  register_scenario('emergency-storm', 'class 25: a report while others log', emergency_storm);
  register_scenario(
    'emergency-port-lock',
    'class 26: a report and port->lock',
    emergency_port_lock,
  );
  register_scenario('emergency-irq', 'class 27: a report and the UART interrupt', emergency_irq);
}
