// 8250 driver: line settings. Linux's serial8250_do_set_termios() and what it needs.

import {
  BRKINT,
  CMSPAR,
  CREAD,
  CRTSCTS,
  CLOCAL,
  CSIZE,
  CSTOPB,
  IGNBRK,
  IGNPAR,
  INPCK,
  PARENB,
  PARMRK,
  PARODD,
  ktermios,
} from '../tty/termios';
import { HZ } from '../time/tick';
import {
  PORT_16750,
  UART_CAP_AFE,
  UART_CAP_EFR,
  UART_CAP_FIFO,
  serial8250_stash_empty,
  serial_out,
  uart_8250_port,
  up_to_8250,
} from './8250-base';
import { serial8250_set_mctrl } from './8250-port';
import {
  UART_DLL,
  UART_DLM,
  UART_EFR,
  UART_EFR_CTS,
  UART_FCR,
  UART_FCR_ENABLE_FIFO,
  UART_IER,
  UART_IER_MSI,
  UART_IER_THRI,
  UART_LCR,
  UART_LCR_CONF_MODE_B,
  UART_LCR_DLAB,
  UART_LCR_EPAR,
  UART_LCR_PARITY,
  UART_LCR_SPAR,
  UART_LCR_STOP,
  UART_LSR_BI,
  UART_LSR_DR,
  UART_LSR_FE,
  UART_FCR_R_TRIG_11,
  UART_LSR_OE,
  UART_LSR_PE,
  UART_LSR_THRE,
  UART_MCR_AFE,
} from './8250-regs';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from './uart_lock';
import { UPSTAT_AUTOCTS, uart_port } from './uart_port';

/** Below this the receive interrupt comes with every character. */
const TRIGGER_MIN_BAUD: u32 = 2400;
const FCR_TRIGGER_MASK: u32 = 0xc0;

/** LCR for a word format. */
function lcr_of(cflag: u32): u32 {
  let lcr: u32 = (cflag & CSIZE) >> 4;
  if (cflag & CSTOPB) lcr |= UART_LCR_STOP;
  if (cflag & PARENB) lcr |= UART_LCR_PARITY;
  if (!(cflag & PARODD)) lcr |= UART_LCR_EPAR;
  if (cflag & CMSPAR) lcr |= UART_LCR_SPAR;
  return lcr;
}

/** Nearest divisor for a rate, at most what the part can do. 9600 stands in for a hang-up's 0. */
export function uart_get_divisor(port: uart_port, baud: u32): u32 {
  if (baud == 0) baud = 9600;
  const divisor = (port.uartclk + 8 * baud) / (16 * baud);
  if (divisor == 0) return 1;
  return divisor > 0xffff ? 0xffff : divisor;
}

/** Bits of a frame. */
function frame_bits(cflag: u32): u32 {
  const bits: u32 = 7 + ((cflag & CSIZE) >> 4);
  return bits + (cflag & CSTOPB ? 1 : 0) + (cflag & PARENB ? 1 : 0);
}

/** Which of the receiver's findings reach the tty. Under port->lock. */
function set_status_masks(port: uart_port, termios: ktermios): void {
  const iflag = termios.c_iflag;
  port.read_status_mask = UART_LSR_OE | UART_LSR_THRE | UART_LSR_DR;
  if (iflag & INPCK) port.read_status_mask |= UART_LSR_FE | UART_LSR_PE;
  if (iflag & (IGNBRK | BRKINT | PARMRK)) port.read_status_mask |= UART_LSR_BI;
  port.ignore_status_mask = 0;
  if (iflag & IGNPAR) port.ignore_status_mask |= UART_LSR_PE | UART_LSR_FE;
  if (iflag & IGNBRK) {
    port.ignore_status_mask |= UART_LSR_BI;
    if (iflag & IGNPAR) port.ignore_status_mask |= UART_LSR_OE;
  }
  if (!(termios.c_cflag & CREAD)) port.ignore_status_mask |= UART_LSR_DR;
}

/** Programs divisor, LCR and FCR as they are noted in `up`. Under port->lock (or alone, at boot). */
export function serial8250_program_line(up: uart_8250_port): void {
  serial_out(up, UART_LCR, up.lcr | UART_LCR_DLAB);
  serial_out(up, UART_DLL, up.divisor & 0xff);
  serial_out(up, UART_DLM, up.divisor >> 8);
  // The 64-byte mode of a 16750 can only be chosen while DLAB is set, and is lost by a later write.
  if (up.type == PORT_16750) serial_out(up, UART_FCR, up.fcr);
  serial_out(up, UART_LCR, up.lcr);
  if (up.type != PORT_16750 && up.capabilities & UART_CAP_FIFO) {
    if (up.fcr & UART_FCR_ENABLE_FIFO) serial_out(up, UART_FCR, UART_FCR_ENABLE_FIFO);
    serial_out(up, UART_FCR, up.fcr);
  }
}

/** Task context, under tty_port->mutex. */
export function serial8250_set_termios(port: uart_port, termios: ktermios): void {
  const up = up_to_8250(port);
  const cflag = termios.c_cflag;
  const baud: u32 = termios.c_speed == 0 ? 9600 : termios.c_speed;
  const lcr = lcr_of(cflag);

  const flags = uart_port_lock_irqsave(port);
  up.divisor = uart_get_divisor(port, termios.c_speed);
  up.lcr = lcr;
  if (up.capabilities & UART_CAP_FIFO && up.fifosize > 1) {
    up.fcr &= ~FCR_TRIGGER_MASK;
    if (baud >= TRIGGER_MIN_BAUD) up.fcr |= UART_FCR_R_TRIG_11;
  }
  up.mcr &= ~UART_MCR_AFE;
  port.status &= ~UPSTAT_AUTOCTS;
  if (up.capabilities & UART_CAP_AFE && cflag & CRTSCTS) {
    up.mcr |= UART_MCR_AFE;
    port.status |= UPSTAT_AUTOCTS;
  }
  port.frame_time = <u32>((<u64>frame_bits(cflag) * 1_000_000_000) / <u64>baud);
  // A FIFO's time, and 20 ms for what lies around it.
  port.timeout = (port.fifosize * frame_bits(cflag) * HZ) / baud + HZ / 50;
  set_status_masks(port, termios);

  up.ier &= ~UART_IER_MSI;
  if (cflag & CRTSCTS || !(cflag & CLOCAL)) up.ier |= UART_IER_MSI;
  // Characters that were kept aside come with the next interrupt.
  if (up.started && !serial8250_stash_empty(up)) up.ier |= UART_IER_THRI;
  serial_out(up, UART_IER, up.started ? up.ier : 0);
  if (up.capabilities & UART_CAP_EFR) {
    serial_out(up, UART_LCR, UART_LCR_CONF_MODE_B);
    serial_out(up, UART_EFR, cflag & CRTSCTS ? UART_EFR_CTS : 0);
  }
  serial8250_program_line(up);
  serial8250_set_mctrl(port, port.mctrl);
  uart_port_unlock_irqrestore(port, flags);
}
