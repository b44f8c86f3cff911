// Class 1: whoever prints while holding rq->lock comes back to it through the console, because
// console->write() of the 8250 looks at the modem lines at its end and wakes who waits for them.
//
// wakeup-rq      AA: rq->lock -> console_sem -> port->lock -> CTS has come back: uart_write_wakeup()
//                -> the writer's wait queue -> p->pi_lock -> rq->lock. Needs console=ttyS0,115200n8r.
// wakeup-miwait  AA, the same with a task that waits for DSR (TIOCMIWAIT) in place of a writer.
// wakeup-rq-abba CPU 1: rq->lock -> port->lock; CPU 0's UART interrupt: port->lock -> rq->lock.
// The far end: CTS off at scenario_ready and on 1 ms after scenario_begin; DSR off 1 ms after it.

import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { pr_warn } from '../printk/printk';
import { send_sigint } from '../sched/core';
import { get_task_struct, put_task_struct } from '../sched/fork';
import { cpu_rq } from '../sched/rq';
import { TASK_DEAD, task_state } from '../sched/task';
import { msleep } from '../sched/timeout';
import { TIOCM_DSR } from '../serial/uart_port';
import { uart_wait_modem_status } from '../serial/uart_tty';
import { udelay } from '../time/timekeeping';
import { n_tty_write } from '../tty/n_tty_output';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_has_flow_control,
  scenario_needs_cpus,
  scenario_prepare,
  scenario_restore_tty,
  scenario_settle,
  scenario_thread,
  scenario_tty,
  scenario_uart_state,
  scenario_use_crtscts,
  scenario_verdict,
  scenario_wait_asleep,
} from './scenario';

/** The CPU whose run queue it is about; the UART interrupts CPU 0. */
const CPU: u32 = 1;
/** More than the transmit ring holds. */
const OUTPUT_BYTES: u32 = 6000;
/** How long rq->lock is held before the message, µs. */
const HOLD_US: u32 = 2000;
const output: usize = memory.data(6000, 4);

/** Sleeps in write() until there is room in the ring. */
function writer(unused: usize): u32 {
  n_tty_write(scenario_tty(), output, OUTPUT_BYTES);
  return 0;
}

/** Sleeps in ioctl(TIOCMIWAIT). */
function dsr_waiter(unused: usize): u32 {
  uart_wait_modem_status(scenario_uart_state(), TIOCM_DSR);
  return 0;
}

/** A WARN in the scheduler. */
function warn_under_rq_lock(hold_us: u32): void {
  scenario_barrier();
  const q = cpu_rq(CPU);
  const flags = spin_lock_irqsave(q);
  if (hold_us) udelay(hold_us);
  pr_warn('rq: warning\n');
  spin_unlock_irqrestore(q, flags);
  scenario_done();
}

function warner(unused: usize): u32 {
  warn_under_rq_lock(0);
  return 0;
}

function slow_warner(unused: usize): u32 {
  warn_under_rq_lock(HOLD_US);
  return 0;
}

/** The sleeper is there; runs the thread that prints, then ends the sleeper. */
function run_with_sleeper(
  name: string,
  sleeper: (data: usize) => u32,
  printer: (data: usize) => u32,
): u32 {
  scenario_use_crtscts();
  scenario_settle();
  scenario_prepare(1);
  const p = scenario_thread(sleeper, 'sleeper', CPU);
  get_task_struct(p);
  const asleep = scenario_wait_asleep(p);
  if (asleep) {
    scenario_thread(printer, 'printer', CPU);
    scenario_finish();
  }
  send_sigint(p);
  while (task_state(p) != TASK_DEAD) msleep(1);
  put_task_struct(p);
  scenario_restore_tty();
  return scenario_verdict(name, asleep);
}

function wakeup_rq(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2) || !scenario_has_flow_control()) return 1;
  for (let i: u32 = 0; i < OUTPUT_BYTES; i++) store<u8>(output + i, (i & 63) == 63 ? 0x0a : 0x2e);
  return run_with_sleeper('wakeup-rq', writer, warner);
}

function wakeup_miwait(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2) || !scenario_has_flow_control()) return 1;
  return run_with_sleeper('wakeup-miwait', dsr_waiter, warner);
}

function wakeup_rq_abba(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  return run_with_sleeper('wakeup-rq-abba', dsr_waiter, slow_warner);
}

export function register_wakeup_rq(): void {
  register_scenario(
    'wakeup-rq',
    'class 1 AA: printk under rq->lock, CTS wakes a writer',
    wakeup_rq,
  );
  register_scenario(
    'wakeup-miwait',
    'class 1 AA: printk under rq->lock, DSR wakes a waiter',
    wakeup_miwait,
  );
  register_scenario('wakeup-rq-abba', 'class 1 ABBA: rq->lock and port->lock', wakeup_rq_abba);
}
