// A serial port as serial_core sees it: struct uart_port, what its driver can do (uart_ops), and the
// state that outlives an open (uart_state). Linux's include/linux/serial_core.h, as far as used here.
//
// Locks: port->lock (irq-safe) for the registers, the transmit ring, mctrl, hw_stopped, sysrq and the
// counters; tty_port->mutex for open, close and settings. Order: tty_port->mutex, port->lock, then
// whatever a wakeup takes (tty_port->lock, the wait queue's lock, p->pi_lock, rq->lock).

import { spinlock_t } from '../locking/spinlock';
import { Console } from '../printk/console';
import { tty_port } from '../tty/tty_port';
import { ktermios } from '../tty/termios';

/** Bytes of the transmit ring; a power of two. */
export const UART_XMIT_SIZE: u32 = 4096;
/** Writers are woken when fewer bytes than this wait to be sent. */
export const WAKEUP_CHARS: u32 = 256;

// Modem lines, as TIOCMGET numbers them.
export const TIOCM_DTR: u32 = 0x002;
export const TIOCM_RTS: u32 = 0x004;
export const TIOCM_CTS: u32 = 0x020;
export const TIOCM_CAR: u32 = 0x040;
export const TIOCM_RNG: u32 = 0x080;
export const TIOCM_DSR: u32 = 0x100;
export const TIOCM_OUT1: u32 = 0x2000;
export const TIOCM_OUT2: u32 = 0x4000;
export const TIOCM_LOOP: u32 = 0x8000;

// uart_port.flags
/** The console waits for CTS before each character (console=…r). */
export const UPF_CONS_FLOW: u32 = 1 << 23;
/** No loopback test: the other side may be talking already. */
export const UPF_SKIP_TEST: u32 = 1 << 6;

// uart_port.status
/** CTS stops the transmitter, in software. */
export const UPSTAT_CTS_ENABLE: u32 = 1 << 0;
/** The loss of carrier hangs up. */
export const UPSTAT_DCD_ENABLE: u32 = 1 << 1;
/** The part itself obeys CTS. */
export const UPSTAT_AUTOCTS: u32 = 1 << 4;

/** Counters of TIOCGICOUNT. Under port->lock. */
@unmanaged
export class uart_icount {
  cts: u32;
  dsr: u32;
  rng: u32;
  dcd: u32;
  rx: u32;
  tx: u32;
  frame: u32;
  overrun: u32;
  parity: u32;
  brk: u32;
  /** Received, but the flip buffer was full. */
  buf_overrun: u32;
}

/** What a driver does. "L" in a comment: called with port->lock held and interrupts off. */
@unmanaged
export class uart_ops {
  /** TIOCSER_TEMT or 0: has everything left the shift register? */
  tx_empty: (port: uart_port) => u32;
  /** L. Drives DTR, RTS, OUT1, OUT2, loopback. */
  set_mctrl: (port: uart_port, mctrl: u32) => void;
  /** L. Reads CTS, DSR, RI, DCD. */
  get_mctrl: (port: uart_port) => u32;
  /** L. */
  stop_tx: (port: uart_port) => void;
  /** L. There is something in the ring (or x_char). */
  start_tx: (port: uart_port) => void;
  /** L. */
  stop_rx: (port: uart_port) => void;
  /** L. Modem status interrupts on. */
  enable_ms: (port: uart_port) => void;
  /** Sends BREAK while on. Task context. */
  break_ctl: (port: uart_port, on: bool) => void;
  /** Task context, under tty_port->mutex. 0 or an error. */
  startup: (port: uart_port) => i32;
  /** Task context, under tty_port->mutex. */
  shutdown: (port: uart_port) => void;
  /** Task context, under tty_port->mutex. */
  set_termios: (port: uart_port, termios: ktermios) => void;
  /** Name of the part. */
  type: (port: uart_port) => string;
  /** Polled input: a character or NO_POLL_CHAR. Any context. */
  poll_get_char: (port: uart_port) => u32;
  /** Polled output. Any context. */
  poll_put_char: (port: uart_port, c: u32) => void;
}

export const NO_POLL_CHAR: u32 = 0x00ff0000;

/** What stays when a port is closed. */
@unmanaged
export class uart_state {
  port: tty_port;
  uart_port: uart_port;
  /** The transmit ring. Head and tail count bytes; under port->lock. */
  xmit: usize;
  head: u32;
  tail: u32;
  /** RTS is down because the tty has no room. */
  throttled: u32;
}

@unmanaged
export class uart_port {
  lock: spinlock_t;
  membase: usize;
  regshift: u32;
  irq: u32;
  /** Input clock, Hz. */
  uartclk: u32;
  /** Bytes that the transmitter takes after one look at THRE. */
  fifosize: u32;
  type: u32;
  /** n of ttySn. */
  line: u32;
  flags: u32;
  /** UPSTAT_*. L. */
  status: u32;
  /** CTS has stopped the transmitter. L. */
  hw_stopped: u32;
  /** What the modem outputs are to be. L. */
  mctrl: u32;
  /** A character to be sent before all others: ^S, ^Q. L. */
  x_char: u32;
  /** jiffies until which the character after a BREAK is a sysrq; 0: no BREAK. L. */
  sysrq: u32;
  /** The sysrq character, kept until port->lock is free. L. */
  sysrq_ch: u32;
  has_sysrq: u32;
  /** Its console, if it is one. */
  cons: Console | null;
  /** Console settings that the first open takes over; 0 when taken. */
  cons_cflag: u32;
  cons_speed: u32;
  /** LSR bits that are looked at, and those whose characters are dropped. L. */
  read_status_mask: u32;
  ignore_status_mask: u32;
  /** Time for a character, ns. */
  frame_time: u32;
  /** Time for a FIFO full of characters, jiffies. */
  timeout: u32;
  icount: uart_icount;
  ops: uart_ops;
  state: uart_state | null;
}

export function uart_circ_chars_pending(state: uart_state): u32 {
  return state.head - state.tail;
}

export function uart_circ_empty(state: uart_state): bool {
  return state.head == state.tail;
}

/** CTS is obeyed, and in software. */
export function uart_softcts_mode(port: uart_port): bool {
  return (port.status & (UPSTAT_CTS_ENABLE | UPSTAT_AUTOCTS)) == UPSTAT_CTS_ENABLE;
}

export function uart_cts_enabled(port: uart_port): bool {
  return (port.status & UPSTAT_CTS_ENABLE) != 0;
}

/** Is the port's console in use? */
export function uart_console(port: uart_port): bool {
  return port.cons != null;
}
