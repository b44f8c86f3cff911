// 8250 driver, the heart: interrupt, receive, transmit, modem status, and the operations that
// serial_core calls. Linux's drivers/tty/serial/8250/8250_port.c and 8250_core.c.
//
// Leaves out: DMA, runtime power management, RS-485, interrupts shared with other drivers.

import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { request_irq } from '../irq/irq';
import { emitter } from '../printk/emit/emit';
import { pr_info, pr_warn } from '../printk/printk';
import { wake_up_interruptible } from '../sched/wait';
import { HZ, get_jiffies } from '../time/tick';
import { del_timer_sync, mod_timer, timer_list, timer_setup } from '../time/timer';
import { udelay } from '../time/timekeeping';
import {
  TTY_BREAK,
  TTY_FRAME,
  TTY_NORMAL,
  TTY_PARITY,
  tty_flip_buffer_push,
} from '../tty/tty_buffer';
import {
  UART_BUG_THRE,
  UART_BUG_TXEN,
  UART_CAP_FIFO,
  serial8250_stash_empty,
  serial8250_stash_rx,
  serial8250_type_name,
  serial8250_unstash,
  serial_in,
  serial_lsr_in,
  serial_out,
  uart_8250_port,
  up_to_8250,
} from './8250-base';
import { poll_lsr } from './8250-console';
import { serial8250_port_at, serial8250_ports } from './8250';
import {
  UART_FCR,
  UART_FCR_CLEAR_XMIT,
  UART_FCR_ENABLE_FIFO,
  UART_IER,
  UART_IER_MSI,
  UART_IER_RDI,
  UART_IER_RLSI,
  UART_IER_THRI,
  UART_IIR,
  UART_IIR_NO_INT,
  UART_LCR,
  UART_LCR_SBC,
  UART_LCR_WLEN8,
  UART_LSR,
  UART_LSR_BI,
  UART_LSR_BOTH_EMPTY,
  UART_LSR_BRK_ERROR_BITS,
  UART_LSR_DR,
  UART_LSR_FE,
  UART_LSR_OE,
  UART_LSR_PE,
  UART_LSR_TEMT,
  UART_LSR_THRE,
  UART_MCR,
  UART_MCR_DTR,
  UART_MCR_LOOP,
  UART_MCR_OUT1,
  UART_MCR_OUT2,
  UART_MCR_RTS,
  UART_MSR,
  UART_MSR_ANY_DELTA,
  UART_MSR_CTS,
  UART_MSR_DCD,
  UART_MSR_DCTS,
  UART_MSR_DDCD,
  UART_MSR_DDSR,
  UART_MSR_DSR,
  UART_MSR_RI,
  UART_MSR_TERI,
  UART_RX,
  UART_TX,
} from './8250-regs';
import {
  uart_handle_break,
  uart_handle_cts_change,
  uart_handle_dcd_change,
  uart_insert_char,
  uart_prepare_sysrq_char,
  uart_tx_stopped,
  uart_unlock_and_check_sysrq_irqrestore,
  uart_write_wakeup,
} from './serial_core';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from './uart_lock';
import {
  TIOCM_CAR,
  TIOCM_CTS,
  TIOCM_DSR,
  TIOCM_DTR,
  TIOCM_LOOP,
  TIOCM_OUT1,
  TIOCM_OUT2,
  TIOCM_RNG,
  TIOCM_RTS,
  UART_XMIT_SIZE,
  WAKEUP_CHARS,
  uart_circ_chars_pending,
  uart_circ_empty,
  uart_port,
} from './uart_port';

/** Rounds of the interrupt handler over ports that do not calm down. */
const PASS_LIMIT: u32 = 512;
/** Characters taken from one port in one round. */
const RX_MAX: u32 = 256;

export const ENODEV: i32 = -19;

/** Under port->lock. */
export function serial8250_stop_tx(port: uart_port): void {
  const up = up_to_8250(port);
  if (!(up.ier & UART_IER_THRI)) return;
  up.ier &= ~UART_IER_THRI;
  serial_out(up, UART_IER, up.ier);
}

/** Under port->lock. */
export function serial8250_start_tx(port: uart_port): void {
  const up = up_to_8250(port);
  if (up.ier & UART_IER_THRI) return;
  up.ier |= UART_IER_THRI;
  serial_out(up, UART_IER, up.ier);
  // A part that does not interrupt for this gets its first characters here.
  if (up.bugs & UART_BUG_TXEN && serial_lsr_in(up) & UART_LSR_THRE) serial8250_tx_chars(up);
}

/** Under port->lock. */
export function serial8250_stop_rx(port: uart_port): void {
  const up = up_to_8250(port);
  up.ier &= ~(UART_IER_RLSI | UART_IER_RDI);
  up.read_status_mask &= ~UART_LSR_DR;
  serial_out(up, UART_IER, up.ier);
}

/** Under port->lock. */
export function serial8250_enable_ms(port: uart_port): void {
  const up = up_to_8250(port);
  up.ier |= UART_IER_MSI;
  serial_out(up, UART_IER, up.ier);
}

/** Fills the transmit FIFO, which is empty. Under port->lock. */
export function serial8250_tx_chars(up: uart_8250_port): void {
  const state = up.state;
  const console = up.cons;
  if (console != null && emitter.tx_ready(console)) return;
  if (up.x_char) {
    serial_out(up, UART_TX, up.x_char);
    up.icount.tx++;
    up.x_char = 0;
    return;
  }
  if (state == null || uart_tx_stopped(up) || uart_circ_empty(state)) {
    serial8250_stop_tx(up);
    return;
  }
  let count = up.tx_loadsz;
  do {
    serial_out(up, UART_TX, load<u8>(state.xmit + (state.tail & (UART_XMIT_SIZE - 1))));
    state.tail++;
    up.icount.tx++;
  } while (!uart_circ_empty(state) && --count > 0);
  if (uart_circ_chars_pending(state) < WAKEUP_CHARS) uart_write_wakeup(up);
  if (uart_circ_empty(state)) serial8250_stop_tx(up);
}

/** A character and the status that came with it. Under port->lock. */
function serial8250_read_char(up: uart_8250_port, c: u32, lsr: u32): void {
  let flag = TTY_NORMAL;
  up.icount.rx++;
  if (lsr & UART_LSR_BRK_ERROR_BITS) {
    if (lsr & UART_LSR_BI) {
      lsr &= ~(UART_LSR_FE | UART_LSR_PE);
      up.icount.brk++;
      // The NUL that comes with a BREAK goes with it.
      if (uart_handle_break(up)) return;
    } else if (lsr & UART_LSR_PE) up.icount.parity++;
    else if (lsr & UART_LSR_FE) up.icount.frame++;
    if (lsr & UART_LSR_OE) up.icount.overrun++;
    lsr &= up.read_status_mask;
    if (lsr & UART_LSR_BI) flag = TTY_BREAK;
    else if (lsr & UART_LSR_PE) flag = TTY_PARITY;
    else if (lsr & UART_LSR_FE) flag = TTY_FRAME;
  }
  if (uart_prepare_sysrq_char(up, c)) return;
  uart_insert_char(up, lsr, UART_LSR_OE, c, flag);
}

/** Empties the stash and the receiver; returns the last LSR. Under port->lock. */
function serial8250_rx_chars(up: uart_8250_port, lsr: u32): u32 {
  while (!serial8250_stash_empty(up)) {
    const kept = serial8250_unstash(up);
    serial8250_read_char(up, kept & 0xff, kept >> 8);
  }
  let count = RX_MAX;
  while (lsr & (UART_LSR_DR | UART_LSR_BI)) {
    // BREAK without a character: feign the NUL.
    const c: u32 = lsr & UART_LSR_DR ? serial_in(up, UART_RX) : 0;
    up.lsr_saved_flags = 0;
    serial8250_read_char(up, c, lsr);
    lsr = serial_lsr_in(up);
    if (--count == 0) break;
  }
  const state = up.state;
  if (state != null) tty_flip_buffer_push(state.port);
  return lsr;
}

/**
 * Looks at MSR, and acts on changes. Called by the interrupt handler, get_mctrl() and, if there is
 * something saved, at the end of console->write(). Under port->lock: the wakeups happen under it.
 */
export function serial8250_modem_status(up: uart_8250_port): u32 {
  const status = serial_in(up, UART_MSR) | up.msr_saved_flags;
  up.msr_saved_flags = 0;
  const state = up.state;
  if (status & UART_MSR_ANY_DELTA && up.ier & UART_IER_MSI && state != null) {
    if (status & UART_MSR_TERI) up.icount.rng++;
    if (status & UART_MSR_DDSR) up.icount.dsr++;
    if (status & UART_MSR_DDCD) uart_handle_dcd_change(up, (status & UART_MSR_DCD) != 0);
    if (status & UART_MSR_DCTS) uart_handle_cts_change(up, (status & UART_MSR_CTS) != 0);
    wake_up_interruptible(state.port.delta_msr_wait);
  }
  return status;
}

/** What one interrupt identification asks for. Hardirq or timer context. False if it was nothing. */
export function serial8250_handle_irq(up: uart_8250_port, iir: u32): bool {
  if (iir & UART_IIR_NO_INT) return false;
  const flags = uart_port_lock_irqsave(up);
  let status = serial_lsr_in(up);
  if (status & (UART_LSR_DR | UART_LSR_BI) || !serial8250_stash_empty(up)) {
    status = serial8250_rx_chars(up, status);
  }
  serial8250_modem_status(up);
  if (status & UART_LSR_THRE && up.ier & UART_IER_THRI) serial8250_tx_chars(up);
  uart_unlock_and_check_sysrq_irqrestore(up, flags);
  return true;
}

/** Hardirq context. All ports on the line, until a whole round finds nothing. */
function serial8250_interrupt(irq: u32, dev: usize): void {
  let pass: u32 = 0;
  let quiet = false;
  while (!quiet) {
    quiet = true;
    for (let i: u32 = 0; i < serial8250_ports(); i++) {
      const up = serial8250_port_at(i);
      if (up.irq != irq || !up.started) continue;
      up.irqs++;
      if (serial8250_handle_irq(up, serial_in(up, UART_IIR))) quiet = false;
    }
    if (++pass > PASS_LIMIT) {
      changetype<uart_8250_port>(dev).passes_over_limit++;
      break;
    }
  }
}

/** Half a FIFO's time, at least a jiffy. */
function uart_poll_timeout(port: uart_port): u32 {
  const timeout = port.timeout;
  return timeout > 6 ? timeout / 2 - 2 : 1;
}

// The timer lies right behind its uart_8250_port.
function timer_port(timer: timer_list): uart_8250_port {
  return changetype<uart_8250_port>(changetype<usize>(timer) - offsetof<uart_8250_port>());
}

/** A port without an interrupt. Timer context. */
function serial8250_timeout(timer: timer_list): void {
  const up = timer_port(timer);
  // Without an interrupt nobody asks IIR; all that could be is looked at.
  serial8250_handle_irq(up, 0);
  mod_timer(up.timer, get_jiffies() + uart_poll_timeout(up));
}

/** A port whose transmit interrupt gets lost. Timer context. */
function serial8250_backup_timeout(timer: timer_list): void {
  const up = timer_port(timer);
  const flags = uart_port_lock_irqsave(up);
  const ier = serial_in(up, UART_IER);
  serial_out(up, UART_IER, 0);
  const iir = serial_in(up, UART_IIR);
  const lsr = serial_lsr_in(up);
  const state = up.state;
  const waiting = state != null && (!uart_circ_empty(state) || up.x_char != 0);
  if (iir & UART_IIR_NO_INT && up.ier & UART_IER_THRI && waiting && lsr & UART_LSR_THRE) {
    up.backup_timeouts++;
    serial8250_tx_chars(up);
    serial_out(up, UART_IER, up.ier);
  } else {
    serial_out(up, UART_IER, ier);
  }
  uart_port_unlock_irqrestore(up, flags);
  mod_timer(up.timer, get_jiffies() + uart_poll_timeout(up) + HZ / 5);
}

export function serial8250_tx_empty(port: uart_port): u32 {
  const flags = uart_port_lock_irqsave(port);
  const lsr = serial_lsr_in(up_to_8250(port));
  uart_port_unlock_irqrestore(port, flags);
  return (lsr & UART_LSR_BOTH_EMPTY) == UART_LSR_BOTH_EMPTY ? 1 : 0;
}

/** Under port->lock. */
export function serial8250_get_mctrl(port: uart_port): u32 {
  const status = serial8250_modem_status(up_to_8250(port));
  let mctrl: u32 = 0;
  if (status & UART_MSR_DCD) mctrl |= TIOCM_CAR;
  if (status & UART_MSR_RI) mctrl |= TIOCM_RNG;
  if (status & UART_MSR_DSR) mctrl |= TIOCM_DSR;
  if (status & UART_MSR_CTS) mctrl |= TIOCM_CTS;
  return mctrl;
}

/** Under port->lock. */
export function serial8250_set_mctrl(port: uart_port, mctrl: u32): void {
  const up = up_to_8250(port);
  let mcr = up.mcr;
  if (mctrl & TIOCM_RTS) mcr |= UART_MCR_RTS;
  if (mctrl & TIOCM_DTR) mcr |= UART_MCR_DTR;
  if (mctrl & TIOCM_OUT1) mcr |= UART_MCR_OUT1;
  if (mctrl & TIOCM_OUT2) mcr |= UART_MCR_OUT2;
  if (mctrl & TIOCM_LOOP) mcr |= UART_MCR_LOOP;
  serial_out(up, UART_MCR, mcr);
}

export function serial8250_break_ctl(port: uart_port, on: bool): void {
  const up = up_to_8250(port);
  const flags = uart_port_lock_irqsave(port);
  if (on) up.lcr |= UART_LCR_SBC;
  else up.lcr &= ~UART_LCR_SBC;
  serial_out(up, UART_LCR, up.lcr);
  uart_port_unlock_irqrestore(port, flags);
}

export function serial8250_type(port: uart_port): string {
  return serial8250_type_name(port.type);
}

/** Under port->lock. What has been received stays: in the stash. */
function serial8250_clear_fifos(up: uart_8250_port): void {
  if (!(up.capabilities & UART_CAP_FIFO)) return;
  serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO);
  serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
  serial_out(up, UART_FCR, up.fcr);
}

/** Takes everything out of the receiver. Under port->lock. Returns LSR. */
function serial8250_drain_rx(up: uart_8250_port): u32 {
  let lsr = serial_lsr_in(up);
  for (let i: u32 = 0; i < RX_MAX && lsr & (UART_LSR_DR | UART_LSR_BI); i++) {
    serial8250_stash_rx(up, lsr);
    lsr = serial_lsr_in(up);
  }
  return lsr;
}

/** Does the transmit interrupt come again when it is enabled again? Task context. */
function serial8250_THRE_test(up: uart_8250_port): void {
  const flags = uart_port_lock_irqsave(up);
  poll_lsr(up, UART_LSR_THRE);
  serial_out(up, UART_IER, UART_IER_THRI);
  udelay(1);
  const first = serial_in(up, UART_IIR);
  serial_out(up, UART_IER, 0);
  serial_out(up, UART_IER, UART_IER_THRI);
  udelay(1);
  const second = serial_in(up, UART_IIR);
  serial_out(up, UART_IER, 0);
  uart_port_unlock_irqrestore(up, flags);
  if (!(first & UART_IIR_NO_INT) && second & UART_IIR_NO_INT) up.bugs |= UART_BUG_THRE;
}

/** Interrupt or timer. Task context. */
function serial8250_setup_irq(up: uart_8250_port): void {
  if (up.bugs & UART_BUG_THRE) {
    timer_setup(up.timer, serial8250_backup_timeout);
    mod_timer(up.timer, get_jiffies() + uart_poll_timeout(up) + HZ / 5);
  }
  if (up.irq == 0) {
    timer_setup(up.timer, serial8250_timeout);
    mod_timer(up.timer, get_jiffies() + uart_poll_timeout(up));
    return;
  }
  const flags = local_irq_save();
  request_irq(up.irq, serial8250_interrupt, 'ttyS', changetype<usize>(up));
  local_irq_restore(flags);
}

/** Task context, under tty_port->mutex. The interrupts themselves are enabled by set_termios(). */
export function serial8250_startup(port: uart_port): i32 {
  const up = up_to_8250(port);
  up.mcr = 0;
  let flags = uart_port_lock_irqsave(up);
  serial_out(up, UART_IER, 0);
  let lsr = serial8250_drain_rx(up);
  poll_lsr(up, UART_LSR_BOTH_EMPTY);
  serial8250_clear_fifos(up);
  serial_in(up, UART_IIR);
  up.msr_saved_flags = 0;
  serial_in(up, UART_MSR);
  uart_port_unlock_irqrestore(up, flags);
  if (lsr == 0xff) {
    pr_info('%s%u: LSR safety check engaged!\n', changetype<usize>('ttyS'), up.line);
    return ENODEV;
  }
  if (up.irq != 0) serial8250_THRE_test(up);
  serial8250_setup_irq(up);
  if (up.bugs & UART_BUG_THRE) {
    pr_warn('ttyS%u: using backup timer for lost transmit interrupts\n', up.line);
  }

  flags = uart_port_lock_irqsave(up);
  up.lcr = UART_LCR_WLEN8;
  serial_out(up, UART_LCR, up.lcr);
  if (up.irq != 0) up.mctrl |= TIOCM_OUT2;
  serial8250_set_mctrl(up, up.mctrl);
  // Does enabling the transmit interrupt of an idle transmitter raise it?
  serial_out(up, UART_IER, UART_IER_THRI);
  lsr = serial_in(up, UART_LSR);
  const iir = serial_in(up, UART_IIR);
  serial_out(up, UART_IER, 0);
  if (lsr & UART_LSR_TEMT && iir & UART_IIR_NO_INT) up.bugs |= UART_BUG_TXEN;
  else up.bugs &= ~UART_BUG_TXEN;
  up.lsr_saved_flags |= lsr & UART_LSR_BRK_ERROR_BITS;
  serial8250_drain_rx(up);
  serial_in(up, UART_IIR);
  up.ier = UART_IER_RLSI | UART_IER_RDI;
  up.started = 1;
  uart_port_unlock_irqrestore(up, flags);
  return 0;
}

/** Task context, under tty_port->mutex. */
export function serial8250_shutdown(port: uart_port): void {
  const up = up_to_8250(port);
  const flags = uart_port_lock_irqsave(up);
  up.ier = 0;
  serial_out(up, UART_IER, 0);
  up.mctrl &= ~TIOCM_OUT2;
  serial8250_set_mctrl(up, up.mctrl);
  up.lcr &= ~UART_LCR_SBC;
  serial_out(up, UART_LCR, up.lcr);
  up.started = 0;
  uart_port_unlock_irqrestore(up, flags);
  if (up.bugs & UART_BUG_THRE || up.irq == 0) del_timer_sync(up.timer);
}
