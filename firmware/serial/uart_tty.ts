// serial_core, the half that the tty layer calls: open, close, write, settings, flow control, hangup,
// waiting for modem lines. Task context; sleeps only where it says so. Linux's serial_core.c.
//
// Locks: tty_port->mutex around open, close, settings and hangup; port->lock inside for the port.

import { mutex_lock, mutex_unlock } from '../locking/mutex';
import { memblock_alloc } from '../mm/memblock';
import { schedule, schedule_timeout, set_current_state } from '../sched/core';
import { TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, current, signal_pending } from '../sched/task';
import { finish_wait, prepare_to_wait, wake_up_interruptible } from '../sched/wait';
import { HZ, get_jiffies } from '../time/tick';
import { EINTR, EIO, n_tty_set_termios } from '../tty/n_tty';
import {
  CLOCAL,
  CRTSCTS,
  HUPCL,
  IXOFF,
  copy_termios,
  ktermios,
  tty_std_termios,
} from '../tty/termios';
import { tty_buffer_restart_work } from '../tty/tty_buffer';
import {
  TTY_HUPPED,
  TTY_THROTTLED,
  alloc_tty_struct,
  tty_hung_up,
  tty_ldisc_reinit,
  tty_operations,
  tty_set_flag,
  tty_struct,
} from '../tty/tty_io';
import {
  TTY_PORT_ACTIVE,
  TTY_PORT_INITIALIZED,
  tty_port,
  tty_port_init,
  tty_port_initialized,
  tty_port_set_iflag,
  tty_port_tty_set,
} from '../tty/tty_port';
import { __uart_start } from './serial_core';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from './uart_lock';
import {
  TIOCM_CAR,
  TIOCM_CTS,
  TIOCM_DSR,
  TIOCM_DTR,
  TIOCM_RNG,
  TIOCM_RTS,
  UART_XMIT_SIZE,
  UPSTAT_CTS_ENABLE,
  UPSTAT_DCD_ENABLE,
  uart_circ_chars_pending,
  uart_circ_empty,
  uart_console,
  uart_port,
  uart_softcts_mode,
  uart_state,
} from './uart_port';

/** How long a close waits for output to leave, jiffies. */
const CLOSING_WAIT: u32 = 30 * HZ;

const ops: tty_operations = changetype<tty_operations>(memory.data(offsetof<tty_operations>(), 4));

export function uart_state_of(tty: tty_struct): uart_state {
  return changetype<uart_state>(tty.driver_data);
}

/** Copies into the transmit ring what it has room for, and starts the transmitter. */
function uart_write(tty: tty_struct, text: usize, length: u32): u32 {
  const state = uart_state_of(tty);
  const port = state.uart_port;
  let n: u32 = 0;
  const flags = uart_port_lock_irqsave(port);
  if (tty_port_initialized(state.port)) {
    while (n < length) {
      const used = uart_circ_chars_pending(state);
      if (used == UART_XMIT_SIZE) break;
      const at = state.head & (UART_XMIT_SIZE - 1);
      let count = UART_XMIT_SIZE - used;
      if (count > UART_XMIT_SIZE - at) count = UART_XMIT_SIZE - at;
      if (count > length - n) count = length - n;
      memory.copy(state.xmit + at, text + n, count);
      state.head += count;
      n += count;
    }
    __uart_start(port);
  }
  uart_port_unlock_irqrestore(port, flags);
  return n;
}

function uart_write_room(tty: tty_struct): u32 {
  return UART_XMIT_SIZE - uart_chars_in_buffer(tty);
}

function uart_chars_in_buffer(tty: tty_struct): u32 {
  const state = uart_state_of(tty);
  const flags = uart_port_lock_irqsave(state.uart_port);
  const n = uart_circ_chars_pending(state);
  uart_port_unlock_irqrestore(state.uart_port, flags);
  return n;
}

function uart_flush_buffer(tty: tty_struct): void {
  const state = uart_state_of(tty);
  const flags = uart_port_lock_irqsave(state.uart_port);
  state.tail = state.head;
  uart_port_unlock_irqrestore(state.uart_port, flags);
  wake_up_interruptible(tty.write_wait);
}

/** Any context; the caller holds tty->flow_lock. */
function uart_stop(tty: tty_struct): void {
  const port = uart_state_of(tty).uart_port;
  const flags = uart_port_lock_irqsave(port);
  port.ops.stop_tx(port);
  uart_port_unlock_irqrestore(port, flags);
}

/** Any context; the caller holds tty->flow_lock. */
function uart_start(tty: tty_struct): void {
  const port = uart_state_of(tty).uart_port;
  const flags = uart_port_lock_irqsave(port);
  if (tty_port_initialized(uart_state_of(tty).port)) __uart_start(port);
  uart_port_unlock_irqrestore(port, flags);
}

/** Sets and clears modem outputs. */
export function uart_update_mctrl(port: uart_port, set: u32, clear: u32): void {
  const flags = uart_port_lock_irqsave(port);
  const old = port.mctrl;
  port.mctrl = (old & ~clear) | set;
  if (old != port.mctrl) port.ops.set_mctrl(port, port.mctrl);
  uart_port_unlock_irqrestore(port, flags);
}

/** A character that goes before all others. */
function uart_send_xchar(port: uart_port, c: u32): void {
  const flags = uart_port_lock_irqsave(port);
  port.x_char = c;
  port.ops.start_tx(port);
  uart_port_unlock_irqrestore(port, flags);
}

/** The tty is full: the other side should pause. In the worker. */
function uart_throttle(tty: tty_struct): void {
  const state = uart_state_of(tty);
  const t = tty.termios;
  if (t.c_iflag & IXOFF) uart_send_xchar(state.uart_port, t.vstop);
  if (t.c_cflag & CRTSCTS) {
    state.throttled = 1;
    uart_update_mctrl(state.uart_port, 0, TIOCM_RTS);
  }
}

function uart_unthrottle(tty: tty_struct): void {
  const state = uart_state_of(tty);
  const t = tty.termios;
  if (t.c_iflag & IXOFF) uart_send_xchar(state.uart_port, t.vstart);
  if (state.throttled) {
    state.throttled = 0;
    uart_update_mctrl(state.uart_port, TIOCM_RTS, 0);
  }
}

function uart_break_ctl(tty: tty_struct, on: bool): void {
  const state = uart_state_of(tty);
  mutex_lock(state.port.mutex);
  state.uart_port.ops.break_ctl(state.uart_port, on);
  mutex_unlock(state.port.mutex);
}

/** Makes the port what the termios say, and looks at CTS anew. Under tty_port->mutex. */
function uart_change_line_settings(tty: tty_struct, state: uart_state): void {
  const port = state.uart_port;
  const t = tty.termios;
  port.ops.set_termios(port, t);
  const flags = uart_port_lock_irqsave(port);
  if (t.c_cflag & CRTSCTS) port.status |= UPSTAT_CTS_ENABLE;
  else port.status &= ~UPSTAT_CTS_ENABLE;
  if (t.c_cflag & CLOCAL) port.status &= ~UPSTAT_DCD_ENABLE;
  else port.status |= UPSTAT_DCD_ENABLE;
  const old = port.hw_stopped;
  const cts = (port.ops.get_mctrl(port) & TIOCM_CTS) != 0;
  port.hw_stopped = uart_softcts_mode(port) && !cts ? 1 : 0;
  if (port.hw_stopped != old) {
    if (port.hw_stopped) port.ops.stop_tx(port);
    else __uart_start(port);
  }
  uart_port_unlock_irqrestore(port, flags);
}

function uart_set_termios(tty: tty_struct, old: ktermios): void {
  const state = uart_state_of(tty);
  const port = state.uart_port;
  const t = tty.termios;
  if (!tty_port_initialized(state.port)) return;
  uart_change_line_settings(tty, state);
  if (old.c_speed != 0 && t.c_speed == 0) {
    uart_update_mctrl(port, 0, TIOCM_RTS | TIOCM_DTR);
  } else if (old.c_speed == 0 && t.c_speed != 0) {
    uart_update_mctrl(port, state.throttled ? TIOCM_DTR : TIOCM_DTR | TIOCM_RTS, 0);
  }
}

/** Lets the driver start, programs the settings, raises DTR and RTS. Under tty_port->mutex. */
function uart_startup(tty: tty_struct, state: uart_state): i32 {
  const port = state.uart_port;
  if (tty_port_initialized(state.port)) return 0;
  const error = port.ops.startup(port);
  if (error != 0) return error;
  if (uart_console(port) && port.cons_cflag != 0) {
    // The console's settings are where the tty begins.
    tty.termios.c_cflag = port.cons_cflag;
    tty.termios.c_speed = port.cons_speed;
    port.cons_cflag = 0;
  }
  tty_port_set_iflag(state.port, TTY_PORT_INITIALIZED, true);
  uart_change_line_settings(tty, state);
  if (tty.termios.c_speed != 0) uart_update_mctrl(port, TIOCM_DTR | TIOCM_RTS, 0);
  return 0;
}

/** Under tty_port->mutex. */
function uart_shutdown(tty: tty_struct, state: uart_state): void {
  const port = state.uart_port;
  if (!tty_port_initialized(state.port)) return;
  if (uart_console(port)) {
    port.cons_cflag = tty.termios.c_cflag;
    port.cons_speed = tty.termios.c_speed;
  }
  if (tty.termios.c_cflag & HUPCL) uart_update_mctrl(port, 0, TIOCM_DTR | TIOCM_RTS);
  tty_port_set_iflag(state.port, TTY_PORT_INITIALIZED, false);
  wake_up_interruptible(state.port.delta_msr_wait);
  port.ops.shutdown(port);
  const flags = uart_port_lock_irqsave(port);
  state.tail = state.head;
  port.hw_stopped = 0;
  uart_port_unlock_irqrestore(port, flags);
}

/** Waits until everything has left, at most as long as it may take. Sleeps. */
function uart_wait_until_sent(tty: tty_struct): void {
  const state = uart_state_of(tty);
  const port = state.uart_port;
  const end = get_jiffies() + CLOSING_WAIT;
  while (tty_port_initialized(state.port) && !tty_hung_up(tty)) {
    if (uart_chars_in_buffer(tty) == 0 && port.ops.tx_empty(port)) return;
    if (<i32>(get_jiffies() - end) >= 0 || signal_pending(current())) return;
    set_current_state(TASK_INTERRUPTIBLE);
    schedule_timeout(1);
  }
}

/** The line has gone. Called by tty_vhangup() in a worker. */
function uart_hangup(tty: tty_struct): void {
  const state = uart_state_of(tty);
  mutex_lock(state.port.mutex);
  tty.count = 0;
  uart_shutdown(tty, state);
  tty_port_set_iflag(state.port, TTY_PORT_ACTIVE, false);
  tty_port_tty_set(state.port, null);
  wake_up_interruptible(state.port.open_wait);
  wake_up_interruptible(state.port.delta_msr_wait);
  mutex_unlock(state.port.mutex);
}

function uart_carrier_raised(port: uart_port): bool {
  const flags = uart_port_lock_irqsave(port);
  port.ops.enable_ms(port);
  const mctrl = port.ops.get_mctrl(port);
  uart_port_unlock_irqrestore(port, flags);
  return (mctrl & TIOCM_CAR) != 0;
}

/** Waits for carrier, unless that does not matter. Sleeps. */
function tty_port_block_til_ready(port: tty_port, tty: tty_struct, state: uart_state): i32 {
  let error: i32 = 0;
  port.blocked_open++;
  while (!(tty.termios.c_cflag & CLOCAL)) {
    prepare_to_wait(port.open_wait, TASK_INTERRUPTIBLE);
    if (tty_hung_up(tty) || !tty_port_initialized(port)) {
      error = EIO;
      break;
    }
    if (uart_carrier_raised(state.uart_port)) break;
    if (signal_pending(current())) {
      error = EINTR;
      break;
    }
    schedule();
  }
  finish_wait(port.open_wait);
  port.blocked_open--;
  if (error == 0) tty_port_set_iflag(port, TTY_PORT_ACTIVE, true);
  return error;
}

/** open(): 0 or an error. Sleeps; without CLOCAL until there is carrier. */
export function uart_open(tty: tty_struct): i32 {
  const state = uart_state_of(tty);
  mutex_lock(state.port.mutex);
  if (tty.count == 0) {
    tty_set_flag(tty, TTY_HUPPED | TTY_THROTTLED, false);
    tty_ldisc_reinit(tty);
    state.throttled = 0;
    tty_port_tty_set(state.port, tty);
    const error = uart_startup(tty, state);
    if (error != 0) {
      tty_port_tty_set(state.port, null);
      mutex_unlock(state.port.mutex);
      return error;
    }
  }
  tty.count++;
  mutex_unlock(state.port.mutex);
  const error = tty_port_block_til_ready(state.port, tty, state);
  // What came in before anybody listened.
  if (error == 0) tty_buffer_restart_work(state.port);
  return error;
}

/** close(): the last one waits for output and shuts the port down. Sleeps. */
export function uart_close(tty: tty_struct): void {
  const state = uart_state_of(tty);
  if (!tty_hung_up(tty) && tty.count == 1) uart_wait_until_sent(tty);
  mutex_lock(state.port.mutex);
  if (tty.count > 0 && --tty.count == 0) {
    uart_shutdown(tty, state);
    tty_port_set_iflag(state.port, TTY_PORT_ACTIVE, false);
    tty_port_tty_set(state.port, null);
  }
  mutex_unlock(state.port.mutex);
}

/** tcsetattr(): the tty's termios are changed to `t`. Sleeps. */
export function tty_set_termios(tty: tty_struct, t: ktermios): void {
  const state = uart_state_of(tty);
  mutex_lock(state.port.mutex);
  copy_termios(tty.old_termios, tty.termios);
  copy_termios(tty.termios, t);
  const old = tty.old_termios;
  const changed = old.c_cflag != t.c_cflag || old.c_speed != t.c_speed || old.c_iflag != t.c_iflag;
  if (changed) tty.ops.set_termios(tty, old);
  n_tty_set_termios(tty, old.c_lflag);
  mutex_unlock(state.port.mutex);
}

/** Have any of the lines in `mask` (TIOCM_*) changed between the counts? */
function lines_changed(port: uart_port, mask: u32, cts: u32, dsr: u32, dcd: u32, rng: u32): bool {
  const flags = uart_port_lock_irqsave(port);
  const now = port.icount;
  const changed =
    (mask & TIOCM_CTS && now.cts != cts) ||
    (mask & TIOCM_DSR && now.dsr != dsr) ||
    (mask & TIOCM_CAR && now.dcd != dcd) ||
    (mask & TIOCM_RNG && now.rng != rng);
  uart_port_unlock_irqrestore(port, flags);
  return changed ? true : false;
}

/** TIOCMIWAIT: waits until one of the lines changes. 0 or an error. Sleeps. */
export function uart_wait_modem_status(state: uart_state, mask: u32): i32 {
  const port = state.uart_port;
  const q = state.port.delta_msr_wait;
  const flags = uart_port_lock_irqsave(port);
  const cts = port.icount.cts;
  const dsr = port.icount.dsr;
  const dcd = port.icount.dcd;
  const rng = port.icount.rng;
  port.ops.enable_ms(port);
  uart_port_unlock_irqrestore(port, flags);
  let error: i32 = 0;
  for (;;) {
    prepare_to_wait(q, TASK_INTERRUPTIBLE);
    if (lines_changed(port, mask, cts, dsr, dcd, rng)) break;
    if (!tty_port_initialized(state.port)) {
      error = EIO;
      break;
    }
    if (signal_pending(current())) {
      error = EINTR;
      break;
    }
    schedule();
  }
  finish_wait(q);
  return error;
}

/** TIOCMGET. */
export function uart_tiocmget(port: uart_port): u32 {
  const flags = uart_port_lock_irqsave(port);
  const result = port.mctrl | port.ops.get_mctrl(port);
  uart_port_unlock_irqrestore(port, flags);
  return result;
}

/** Sends a BREAK of about a quarter of a second. Sleeps. */
export function tty_send_break(tty: tty_struct): void {
  tty.ops.wait_until_sent(tty);
  tty.ops.break_ctl(tty, true);
  set_current_state(TASK_UNINTERRUPTIBLE);
  schedule_timeout(HZ / 4);
  tty.ops.break_ctl(tty, false);
}

/** Boot: gives a port its state and its tty. */
export function uart_add_one_port(port: uart_port): tty_struct {
  ops.write = uart_write;
  ops.write_room = uart_write_room;
  ops.chars_in_buffer = uart_chars_in_buffer;
  ops.stop = uart_stop;
  ops.start = uart_start;
  ops.throttle = uart_throttle;
  ops.unthrottle = uart_unthrottle;
  ops.hangup = uart_hangup;
  ops.set_termios = uart_set_termios;
  ops.break_ctl = uart_break_ctl;
  ops.flush_buffer = uart_flush_buffer;
  ops.wait_until_sent = uart_wait_until_sent;
  const state = changetype<uart_state>(memblock_alloc(offsetof<uart_state>(), 8));
  state.port = changetype<tty_port>(memblock_alloc(offsetof<tty_port>(), 8));
  tty_port_init(state.port);
  state.uart_port = port;
  state.xmit = memblock_alloc(UART_XMIT_SIZE, 8);
  const tty = alloc_tty_struct(port.line, state.port, ops);
  tty.driver_data = changetype<usize>(state);
  tty_std_termios(tty.termios);
  port.state = state;
  return tty;
}

/** Something is in the transmit ring. For oracles and tests. */
export function uart_tx_pending(state: uart_state): bool {
  return !uart_circ_empty(state);
}
