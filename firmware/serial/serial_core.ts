// serial_core, the half that drivers call: wakeups, modem line changes, BREAK and sysrq, received
// characters. All of it runs under port->lock with interrupts off, in the driver's interrupt handler
// or at the end of console->write(). Linux's drivers/tty/serial/serial_core.c.

import { READ_ONCE } from '../arch/atomic';
import { wake_up_interruptible } from '../sched/wait';
import { handle_sysrq } from '../tty/sysrq';
import { TTY_NORMAL, TTY_OVERRUN, tty_insert_flip_char } from '../tty/tty_buffer';
import { tty_hangup, tty_kref_put } from '../tty/tty_io';
import { tty_port_tty_get, tty_port_tty_wakeup } from '../tty/tty_port';
import { HZ, get_jiffies } from '../time/tick';
import { uart_port_unlock_irqrestore } from './uart_lock';
import {
  UPSTAT_DCD_ENABLE,
  uart_circ_empty,
  uart_console,
  uart_port,
  uart_softcts_mode,
} from './uart_port';

/** How long after a BREAK the sysrq key may come, jiffies. */
const SYSRQ_TIMEOUT: u32 = 5 * HZ;

/**
 * What happens to a sysrq key: 0: it is kept and handled when port->lock is free (since Linux 4.20);
 * 1: it is handled at once, under port->lock, as before: boot with sysrq.under_port_lock=1. Then the first
 * key deadlocks, as the printk() in its handler wants the lock for console->write().
 */
export const uart_sysrq_under_lock: usize = memory.data(4, 4);

/** The tty wants no output: ^S, or CTS. */
export function uart_tx_stopped(port: uart_port): bool {
  const state = port.state;
  if (port.hw_stopped) return true;
  if (state == null) return true;
  const tty = state.port.tty;
  return tty != null && tty.flow_stopped != 0;
}

/**
 * Writers may go on. Under port->lock. Takes tty_port->lock, the wait queue's lock, p->pi_lock and
 * rq->lock, from wherever the driver was called: also from console->write().
 */
export function uart_write_wakeup(port: uart_port): void {
  const state = port.state;
  if (state != null) tty_port_tty_wakeup(state.port);
}

/** Starts sending if there is something to send. Under port->lock. */
export function __uart_start(port: uart_port): void {
  const state = port.state;
  if (state == null) return;
  if (uart_tx_stopped(port)) return;
  if (uart_circ_empty(state) && !port.x_char) return;
  port.ops.start_tx(port);
}

/** DCD has changed. Under port->lock. A hangup is left to a worker: takes the work pool's lock. */
export function uart_handle_dcd_change(port: uart_port, active: bool): void {
  port.icount.dcd++;
  const state = port.state;
  if (state == null || !(port.status & UPSTAT_DCD_ENABLE)) return;
  if (active) {
    wake_up_interruptible(state.port.open_wait);
    return;
  }
  const tty = tty_port_tty_get(state.port);
  if (tty == null) return;
  tty_hangup(tty);
  tty_kref_put(tty);
}

/** CTS has changed. Under port->lock. */
export function uart_handle_cts_change(port: uart_port, active: bool): void {
  port.icount.cts++;
  if (!uart_softcts_mode(port)) return;
  if (port.hw_stopped) {
    if (!active) return;
    port.hw_stopped = 0;
    port.ops.start_tx(port);
    uart_write_wakeup(port);
  } else if (!active) {
    port.hw_stopped = 1;
    port.ops.stop_tx(port);
  }
}

/** A BREAK has come in. True if it is not for the tty: it announces a sysrq. Under port->lock. */
export function uart_handle_break(port: uart_port): bool {
  if (!port.has_sysrq || !uart_console(port)) return false;
  if (port.sysrq == 0) {
    const until = get_jiffies() + SYSRQ_TIMEOUT;
    port.sysrq = until == 0 ? 1 : until;
    return true;
  }
  // The second one in a row is an ordinary BREAK.
  port.sysrq = 0;
  return false;
}

/** True if the character is a sysrq key; uart_unlock_and_check_sysrq() handles it. Under port->lock. */
export function uart_prepare_sysrq_char(port: uart_port, c: u32): bool {
  if (port.sysrq == 0) return false;
  const in_time = <i32>(port.sysrq - get_jiffies()) > 0;
  port.sysrq = 0;
  if (c == 0 || !in_time) return false;
  if (READ_ONCE(uart_sysrq_under_lock)) handle_sysrq(c);
  else port.sysrq_ch = c;
  return true;
}

/** Gives port->lock back and handles the sysrq key that came in meanwhile. */
export function uart_unlock_and_check_sysrq_irqrestore(port: uart_port, flags: u32): void {
  const c = port.sysrq_ch;
  port.sysrq_ch = 0;
  uart_port_unlock_irqrestore(port, flags);
  if (c) handle_sysrq(c);
}

/** A character for the tty. `overrun` is the status bit that says that others got lost. Under port->lock. */
export function uart_insert_char(
  port: uart_port,
  status: u32,
  overrun: u32,
  c: u32,
  flag: u32,
): void {
  const state = port.state;
  if (state == null) return;
  if ((status & port.ignore_status_mask & ~overrun) == 0) {
    if (!tty_insert_flip_char(state.port, c, flag)) port.icount.buf_overrun++;
  }
  // The lost ones came after this one.
  if (status & ~port.ignore_status_mask & overrun) {
    if (!tty_insert_flip_char(state.port, 0, TTY_OVERRUN)) port.icount.buf_overrun++;
  }
}

/** A character without errors. Under port->lock. */
export function uart_insert_good_char(port: uart_port, c: u32): void {
  uart_insert_char(port, 0, 0, c, TTY_NORMAL);
}
