// Class 14: a sysrq key is handled in the receive interrupt while port->lock is held, as Linux did
// before d6e1935819.
//
// Interrupt: port->lock -> serial8250_rx_chars() -> handle_sysrq() -> printk -> console_sem ->
// port->lock AA. With the argument `captured`, the key is kept until port->lock is free, as now.
// The far end: BREAK of 2 ms at 1 ms after scenario_begin, the key h at 5 ms.

import { WRITE_ONCE } from '../arch/atomic';
import { streq } from '../lib/string';
import { msleep } from '../sched/timeout';
import { uart_sysrq_under_lock } from '../serial/serial_core';
import { arg } from '../shell/commands';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_verdict,
} from './scenario';

/** How long a key is waited for, ms. */
const LISTEN_MS: u32 = 20;

function listener(unused: usize): u32 {
  scenario_barrier();
  msleep(LISTEN_MS);
  scenario_done();
  return 0;
}

function sysrq_irq(argc: u32, argv: usize): u32 {
  const captured = argc > 2 && streq(arg(argv, 2), 'captured');
  scenario_settle();
  scenario_prepare(1);
  WRITE_ONCE(uart_sysrq_under_lock, captured ? 0 : 1);
  scenario_thread(listener, 'listener', 0);
  scenario_finish();
  WRITE_ONCE(uart_sysrq_under_lock, 0);
  return scenario_verdict('sysrq-irq', true);
}

export function register_sysrq_irq(): void {
  register_scenario('sysrq-irq', 'class 14 AA: sysrq under port->lock; or: captured', sysrq_irq);
}
