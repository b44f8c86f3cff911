// Class 15: a driver prints under its own port->lock.
//
// Interrupt: port->lock -> uart_handle_cts_change() -> start_tx(), which has something to complain
// about -> printk -> console_sem -> console->write() -> port->lock AA.
// The far end: CTS off at scenario_ready, on 1 ms after scenario_begin.

import { pr_warn } from '../printk/printk';
import { msleep } from '../sched/timeout';
import { serial8250_start_tx } from '../serial/8250-port';
import { uart_port } from '../serial/uart_port';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_port,
  scenario_prepare,
  scenario_restore_tty,
  scenario_settle,
  scenario_thread,
  scenario_use_crtscts,
  scenario_verdict,
} from './scenario';

/** How long the far end has, ms. */
const LISTEN_MS: u32 = 10;

/** A driver's start_tx() with a message in it. Under port->lock. */
function start_tx_with_warning(port: uart_port): void {
  pr_warn('ttyS%u: transmitter not ready\n', port.line);
  serial8250_start_tx(port);
}

function listener(unused: usize): u32 {
  scenario_barrier();
  msleep(LISTEN_MS);
  scenario_done();
  return 0;
}

function driver_warns(argc: u32, argv: usize): u32 {
  const ops = scenario_port().ops;
  scenario_use_crtscts();
  scenario_settle();
  scenario_prepare(1);
  ops.start_tx = start_tx_with_warning;
  scenario_thread(listener, 'listener', 0);
  scenario_finish();
  ops.start_tx = serial8250_start_tx;
  scenario_restore_tty();
  return scenario_verdict('driver-warns', true);
}

export function register_driver_warns(): void {
  register_scenario('driver-warns', 'class 15 AA: a message under port->lock', driver_warns);
}
