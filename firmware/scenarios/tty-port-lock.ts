// Class 12: a message under tty_port->lock (an allocation that fails), while the UART's interrupt
// handler, under port->lock, wakes the tty's writers.
//
// tty-port-lock   CPU 1: tty_port->lock -> printk -> console_sem -> port->lock. CPU 0, interrupt:
//                 port->lock -> uart_write_wakeup() -> tty_port->lock.
// tty-port-owner  the same with Linux's third party: CPU 2 owns the console and waits for port->lock, CPU 1
//                 waits for the console's owner. Without that wait it goes on: CPU 1 leaves it to CPU 2.
//
// The far end: CTS off at scenario_ready, on 1 ms after scenario_begin.

import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { pr_info, pr_warn } from '../printk/printk';
import { udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_prepare,
  scenario_restore_tty,
  scenario_settle,
  scenario_thread,
  scenario_uart_state,
  scenario_use_crtscts,
  scenario_verdict,
} from './scenario';

/** Time under the lock before the message, µs. */
const HOLD_US: u32 = 2000;
/** When CPU 2 prints: the interrupt has port->lock by then, µs. */
const OWNER_COMES_US: u32 = 1500;

function failing_allocation(unused: usize): u32 {
  scenario_barrier();
  const port = scenario_uart_state().port;
  const flags = spin_lock_irqsave(port.lock);
  udelay(HOLD_US);
  pr_warn('tty: page allocation failure\n');
  spin_unlock_irqrestore(port.lock, flags);
  scenario_done();
  return 0;
}

function becomes_owner(unused: usize): u32 {
  scenario_barrier();
  udelay(OWNER_COMES_US);
  pr_info('tty: somebody prints\n');
  scenario_done();
  return 0;
}

function tty_port_owner(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(3)) return 1;
  scenario_use_crtscts();
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(failing_allocation, 'printer', 1);
  scenario_thread(becomes_owner, 'owner', 2);
  scenario_finish();
  scenario_restore_tty();
  return scenario_verdict('tty-port-owner', true);
}

function tty_port_lock(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_use_crtscts();
  scenario_settle();
  scenario_prepare(1);
  scenario_thread(failing_allocation, 'printer', 1);
  scenario_finish();
  scenario_restore_tty();
  return scenario_verdict('tty-port-lock', true);
}

export function register_tty_port_lock(): void {
  register_scenario('tty-port-lock', 'class 12: tty_port->lock and port->lock', tty_port_lock);
  register_scenario('tty-port-owner', 'class 12: the same, and console_owner', tty_port_owner);
}
