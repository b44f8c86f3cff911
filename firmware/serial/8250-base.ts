// The 8250 port: struct uart_8250_port, access to its registers, and the table of parts. Linux's
// drivers/tty/serial/8250/8250.h and the uart_config table of 8250_port.c.

import { readb, writeb } from '../arch/mmio';
import { timer_list } from '../time/timer';
import {
  UART_FCR_ENABLE_FIFO,
  UART_FCR_R_TRIG_11,
  UART_FCR7_64BYTE,
  UART_LSR,
  UART_LSR_BI,
  UART_LSR_BRK_ERROR_BITS,
  UART_LSR_DR,
  UART_RX,
} from './8250-regs';
import { uart_port } from './uart_port';

// uart_port.type
export const PORT_UNKNOWN: u32 = 0;
export const PORT_8250: u32 = 1;
export const PORT_16450: u32 = 2;
export const PORT_16550: u32 = 3;
export const PORT_16550A: u32 = 4;
export const PORT_16650V2: u32 = 7;
export const PORT_16750: u32 = 8;
export const PORT_16654: u32 = 11;
export const PORT_U6_16550A: u32 = 19;

// uart_8250_port.capabilities
export const UART_CAP_FIFO: u32 = 1 << 8;
export const UART_CAP_EFR: u32 = 1 << 9;
export const UART_CAP_SLEEP: u32 = 1 << 10;
export const UART_CAP_AFE: u32 = 1 << 11;

// uart_8250_port.bugs
/** LSR shows THRE when the transmit interrupt is enabled, but the interrupt does not come. */
export const UART_BUG_TXEN: u32 = 1 << 1;
/** The transmit interrupt does not come again when it is enabled again. */
export const UART_BUG_THRE: u32 = 1 << 3;

/** Characters that can wait in the stash; a power of two. */
const STASH_SIZE: u32 = 4096;

@unmanaged
export class uart_8250_port extends uart_port {
  capabilities: u32;
  bugs: u32;
  tx_loadsz: u32;
  /** What the registers hold. L. */
  ier: u32;
  lcr: u32;
  fcr: u32;
  /** MCR bits besides what set_mctrl() gives: AFE. L. */
  mcr: u32;
  divisor: u32;
  /** LSR errors and MSR deltas that somebody has read away before they could be handled. L. */
  lsr_saved_flags: u32;
  msr_saved_flags: u32;
  /** 0, or what the scratch register should hold: if it does not, the part has lost its power. */
  canary: u32;
  /** nbcon console: the last character sent was a newline. Owner of the console. */
  console_line_ended: u32;
  /** nbcon console: a CR was sent, its LF is next. Owner of the console. */
  console_cr: u32;
  /** nbcon console: an irq_work that looks at the modem lines. */
  modem_status_work: usize;
  /** The interrupt handler looks at it. */
  started: u32;
  /** Polled when there is no interrupt, or besides it when UART_BUG_THRE. */
  timer: timer_list;
  // Characters (with their LSR) taken out of the receiver by somebody who polled the port with its
  // interrupt masked. L.
  stash: usize;
  stash_head: u32;
  stash_tail: u32;
  // Counters for the uart command.
  irqs: u32;
  passes_over_limit: u32;
  backup_timeouts: u32;
  console_timeouts: u32;
}

export function up_to_8250(port: uart_port): uart_8250_port {
  return changetype<uart_8250_port>(port);
}

export function serial_in(up: uart_8250_port, reg: u32): u32 {
  return readb(up.membase + ((<usize>reg) << up.regshift));
}

export function serial_out(up: uart_8250_port, reg: u32, value: u32): void {
  writeb(up.membase + ((<usize>reg) << up.regshift), value);
}

/** LSR, and the errors that earlier reads have taken out of it. Under port->lock. */
export function serial_lsr_in(up: uart_8250_port): u32 {
  const lsr = up.lsr_saved_flags | serial_in(up, UART_LSR);
  up.lsr_saved_flags = lsr & UART_LSR_BRK_ERROR_BITS;
  return lsr;
}

export const STASH_BYTES: usize = <usize>STASH_SIZE * 2;

/**
 * Keeps a received character for the interrupt handler. Polled output lasts longer than the receive
 * FIFO does, so whoever polls empties the receiver too: Linux lets it overrun. Nothing is pushed to
 * the tty from here, so console->write() takes no lock that it would not take in Linux.
 * Under port->lock, right after LSR was read with serial_lsr_in().
 */
export function serial8250_stash_rx(up: uart_8250_port, lsr: u32): void {
  if (!(lsr & (UART_LSR_DR | UART_LSR_BI))) return;
  if (up.stash_head - up.stash_tail >= STASH_SIZE) return;
  const c: u32 = lsr & UART_LSR_DR ? serial_in(up, UART_RX) : 0;
  const at = up.stash + ((up.stash_head & (STASH_SIZE - 1)) << 1);
  store<u8>(at, c);
  store<u8>(at + 1, lsr);
  up.stash_head++;
  up.lsr_saved_flags = 0;
}

export function serial8250_stash_empty(up: uart_8250_port): bool {
  return up.stash_head == up.stash_tail;
}

/** The oldest character in the stash, with its LSR in bits 15:8. There is one. Under port->lock. */
export function serial8250_unstash(up: uart_8250_port): u32 {
  return load<u16>(up.stash + ((up.stash_tail++ & (STASH_SIZE - 1)) << 1));
}

export function serial8250_type_name(type: u32): string {
  switch (type) {
    case PORT_8250:
      return '8250';
    case PORT_16450:
      return '16450';
    case PORT_16550:
      return '16550';
    case PORT_16550A:
      return '16550A';
    case PORT_16650V2:
      return '16650V2';
    case PORT_16750:
      return 'TI16750';
    case PORT_16654:
      return '16654';
    case PORT_U6_16550A:
      return 'U6_16550A';
    default:
      return 'unknown';
  }
}

/** Sets what follows from the type: FIFO depth, FCR, capabilities. */
export function serial8250_use_type(up: uart_8250_port, type: u32): void {
  up.type = type;
  up.fifosize = 1;
  up.tx_loadsz = 1;
  up.fcr = 0;
  up.capabilities = 0;
  switch (type) {
    case PORT_16550A:
    case PORT_16650V2:
    case PORT_16654:
      up.fifosize = type == PORT_16550A ? 16 : type == PORT_16650V2 ? 32 : 64;
      up.tx_loadsz = type == PORT_16550A ? 16 : type == PORT_16650V2 ? 16 : 32;
      up.fcr = UART_FCR_ENABLE_FIFO | UART_FCR_R_TRIG_11;
      up.capabilities = UART_CAP_FIFO;
      if (type != PORT_16550A) up.capabilities |= UART_CAP_EFR | UART_CAP_SLEEP;
      break;
    case PORT_16750:
    case PORT_U6_16550A:
      up.fifosize = 64;
      up.tx_loadsz = 64;
      up.fcr = UART_FCR_ENABLE_FIFO | UART_FCR_R_TRIG_11;
      up.capabilities = UART_CAP_FIFO | UART_CAP_AFE;
      if (type == PORT_16750) {
        up.fcr |= UART_FCR7_64BYTE;
        up.capabilities |= UART_CAP_SLEEP;
      }
      break;
  }
}
