// 8250 driver: boot console, console, and interrupt-driven receive into the tty. Transmission is
// polled; while it waits for the transmitter it empties the receiver too, because sixteen bytes of
// FIFO last no longer than sending sixteen bytes does, and interrupts are off meanwhile.
//
// port->lock protects the device's registers and the port. It is taken under console_sem.

import { READ_ONCE } from '../arch/atomic';
import { UartNode, board, uart_node } from '../arch/fdt';
import { in_nmi } from '../arch/percpu';
import { readb, writeb } from '../arch/mmio';
import { request_irq } from '../irq/irq';
import { oops_in_progress } from '../kernel/panic-state';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_trylock,
  spin_unlock,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { str } from '../lib/string';
import {
  CON_BOOT,
  CON_PRINTBUFFER,
  Console,
  boot_console,
  register_console,
} from '../printk/console';
import { pr_info } from '../printk/printk';
import { delay_asleep } from '../time/tick';
import { udelay } from '../time/timekeeping';
import { tty_input_room, tty_receive } from '../tty/tty';
import {
  UART_DLL,
  UART_DLM,
  UART_FCR,
  UART_FCR_ENABLE_FIFO,
  UART_FCR_TRIGGER_8,
  UART_IER,
  UART_IER_RDI,
  UART_IER_RLSI,
  UART_IIR,
  UART_IIR_NO_INT,
  UART_LCR,
  UART_LCR_DLAB,
  UART_LCR_WLEN8,
  UART_LSR,
  UART_LSR_BI,
  UART_LSR_DR,
  UART_LSR_FE,
  UART_LSR_OE,
  UART_LSR_PE,
  UART_LSR_TEMT,
  UART_LSR_THRE,
  UART_MCR,
  UART_MCR_DTR,
  UART_MCR_OUT2,
  UART_MCR_RTS,
  UART_MSR,
  UART_RX,
  UART_SCR,
  UART_TX,
} from './8250-regs';

const BAUD: u32 = 115200;
/** Between two looks at a transmitter that is busy: half a character, µs. */
const POLL_US: u32 = 43;
/** Passes of the interrupt handler over a port that does not calm down. */
const PASS_LIMIT: u32 = 256;
/** How long the transmitter may take for a FIFO full of bytes before we write regardless, µs. */
const XMIT_TIMEOUT_US: u32 = 10_000;

// Types that autoconfiguration can tell apart here.
const PORT_8250: u32 = 1;
const PORT_16450: u32 = 2;
const PORT_16550: u32 = 3;
const PORT_16550A: u32 = 4;

@unmanaged
export class uart_port {
  lock: spinlock_t;
  base: usize;
  reg_shift: u32;
  irq: u32;
  /** Input clock, Hz. */
  uartclk: u32;
  type: u32;
  /** Bytes that may be written after one look at THRE. */
  fifosize: u32;
  /** What IER and MCR are to hold between operations. */
  ier: u32;
  mcr: u32;
  /** The tty had no room: the receive interrupt is off and RTS dropped. */
  throttled: u32;
  // Counters, as TIOCGICOUNT has them.
  rx: u32;
  tx: u32;
  overrun: u32;
  parity: u32;
  frame: u32;
  brk: u32;
}

export const ttyS0: uart_port = changetype<uart_port>(memory.data(offsetof<uart_port>(), 4));
const ttyS0_lock: usize = memory.data(offsetof<spinlock_t>(), 4);
const early_console: Console = changetype<Console>(memory.data(offsetof<Console>(), 8));
const serial_console: Console = changetype<Console>(memory.data(offsetof<Console>(), 8));

function serial_in(port: uart_port, reg: u32): u32 {
  return readb(port.base + ((<usize>reg) << port.reg_shift));
}

function serial_out(port: uart_port, reg: u32, value: u32): void {
  writeb(port.base + ((<usize>reg) << port.reg_shift), value);
}

/** Takes a byte that LSR says is there, and counts its errors. Under port->lock. */
function read_char(port: uart_port, lsr: u32): void {
  const c = serial_in(port, UART_RX);
  port.rx++;
  if (lsr & UART_LSR_OE) port.overrun++;
  if (lsr & UART_LSR_BI) {
    port.brk++;
    return;
  }
  if (lsr & UART_LSR_PE) port.parity++;
  else if (lsr & UART_LSR_FE) port.frame++;
  tty_receive(c);
}

/** The tty is full: leaves the rest in the FIFO and asks the other side to pause. Under port->lock. */
function throttle(port: uart_port): void {
  port.throttled = 1;
  port.ier &= ~(UART_IER_RDI | UART_IER_RLSI);
  port.mcr &= ~UART_MCR_RTS;
  serial_out(port, UART_MCR, port.mcr);
}

/** Empties the receiver into the tty; returns the last LSR. Under port->lock. */
function rx_chars(port: uart_port): u32 {
  let lsr = serial_in(port, UART_LSR);
  while (lsr & (UART_LSR_DR | UART_LSR_BI) && !port.throttled) {
    if (tty_input_room() == 0) {
      throttle(port);
      break;
    }
    read_char(port, lsr);
    lsr = serial_in(port, UART_LSR);
  }
  return lsr;
}

/** Waits until all of `bits` are set in LSR, receiving meanwhile. Under port->lock. */
function wait_for_lsr(port: uart_port, bits: u32): void {
  for (let us: u32 = 0; us < XMIT_TIMEOUT_US; us += POLL_US) {
    if ((rx_chars(port) & bits) == bits) return;
    if (in_nmi()) udelay(POLL_US);
    else delay_asleep(POLL_US);
  }
}

/** Sends bytes, polled, '\n' as '\r\n'. Under port->lock. */
function send_bytes(port: uart_port, text: usize, length: u32): void {
  let room: u32 = 0;
  let cr = false;
  for (let i: u32 = 0; i < length;) {
    if (room == 0) {
      wait_for_lsr(port, UART_LSR_THRE);
      room = port.fifosize;
    }
    const c = load<u8>(text + i);
    if (c == 0x0a && !cr) {
      serial_out(port, UART_TX, 0x0d);
      cr = true;
    } else {
      serial_out(port, UART_TX, c);
      cr = false;
      i++;
    }
    port.tx++;
    room--;
  }
}

/** Sends with the port's interrupts masked, as all polled writes must. Any context but an NMI. */
function write_polled(port: uart_port, text: usize, length: u32): void {
  const flags = local_irq_save();
  let locked: bool = true;
  if (oops_in_progress()) locked = spin_trylock(port.lock);
  else spin_lock(port.lock);
  serial_out(port, UART_IER, 0);
  send_bytes(port, text, length);
  wait_for_lsr(port, UART_LSR_THRE);
  serial_out(port, UART_IER, port.ier);
  if (locked) spin_unlock(port.lock);
  local_irq_restore(flags);
}

function serial8250_console_write(console: Console, text: usize, length: u32): void {
  write_polled(changetype<uart_port>(console.data), text, length);
}

/** Text of a program: the tty's output. Task context. */
export function uart_write(text: usize, length: u32): void {
  write_polled(ttyS0, text, length);
}

/** Waits until everything has left the shift register. Before power-off. */
export function uart_drain(): void {
  if (ttyS0.base == 0) return;
  for (let i: u32 = 0; i < 1000; i++) {
    if (serial_in(ttyS0, UART_LSR) & UART_LSR_TEMT) return;
    delay_asleep(POLL_US);
  }
}

/** The tty has room again. Task context. */
export function uart_unthrottle(): void {
  const port = ttyS0;
  if (!READ_ONCE(changetype<usize>(port) + offsetof<uart_port>('throttled'))) return;
  const flags = spin_lock_irqsave(port.lock);
  port.throttled = 0;
  port.ier |= UART_IER_RDI | UART_IER_RLSI;
  port.mcr |= UART_MCR_RTS;
  serial_out(port, UART_MCR, port.mcr);
  rx_chars(port);
  serial_out(port, UART_IER, port.ier);
  spin_unlock_irqrestore(port.lock, flags);
}

/** Hardirq context. */
function serial8250_interrupt(irq: u32, dev: usize): void {
  const port = changetype<uart_port>(dev);
  const flags = spin_lock_irqsave(port.lock);
  for (let pass: u32 = 0; pass < PASS_LIMIT; pass++) {
    if (serial_in(port, UART_IIR) & UART_IIR_NO_INT) break;
    rx_chars(port);
    serial_in(port, UART_MSR);
    if (port.throttled) serial_out(port, UART_IER, port.ier);
  }
  spin_unlock_irqrestore(port.lock, flags);
}

/** Which member of the family it is; FIFOs are on afterwards. Bytes received so far are kept. */
function autoconfig(port: uart_port): void {
  rx_chars(port);
  serial_out(port, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
  const fifo = serial_in(port, UART_IIR) >> 6;
  port.fifosize = 1;
  if (fifo == 3) {
    port.type = PORT_16550A;
    port.fifosize = 16;
  } else if (fifo == 2) {
    // Its FIFOs lose bytes.
    port.type = PORT_16550;
    serial_out(port, UART_FCR, 0);
  } else {
    serial_out(port, UART_SCR, 0xa5);
    port.type = serial_in(port, UART_SCR) == 0xa5 ? PORT_16450 : PORT_8250;
  }
}

function type_name(type: u32): string {
  switch (type) {
    case PORT_16550A:
      return '16550A';
    case PORT_16550:
      return '16550';
    case PORT_16450:
      return '16450';
    default:
      return '8250';
  }
}

/**
 * Sets up the first UART of the device tree for polled use and makes it the boot console's. Boot CPU,
 * as soon as the device tree has been read: what the other side sends is kept from here on.
 */
export function setup_earlycon(): void {
  const port = ttyS0;
  if (board.nr_uarts == 0) return;
  const node: UartNode = uart_node(0);
  port.lock = changetype<spinlock_t>(ttyS0_lock);
  spin_lock_init(port.lock, 'port_lock');
  port.base = node.base;
  port.reg_shift = node.reg_shift;
  port.irq = node.irq;
  port.uartclk = node.clock;

  serial_out(port, UART_IER, 0);
  autoconfig(port);
  const divisor = (port.uartclk + 8 * BAUD) / (16 * BAUD);
  if (divisor != 0) {
    serial_out(port, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
    serial_out(port, UART_DLL, divisor & 0xff);
    serial_out(port, UART_DLM, divisor >> 8);
  }
  serial_out(port, UART_LCR, UART_LCR_WLEN8);
  port.mcr = UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2;
  serial_out(port, UART_MCR, port.mcr);
}

/** Registers the boot console. Boot CPU, after the first lines have been logged. */
export function register_earlycon(): void {
  if (ttyS0.base == 0) return;
  early_console.name = 'uart8250';
  early_console.flags = CON_BOOT | CON_PRINTBUFFER;
  early_console.write = serial8250_console_write;
  early_console.data = changetype<usize>(ttyS0);
  pr_info("earlycon: uart8250 at MMIO 0x%x (options '%un8')\n", ttyS0.base, BAUD);
  register_console(early_console);
  pr_info('printk: bootconsole [uart8250] enabled\n');
}

/** The driver proper: receive interrupt and console. Boot CPU, interrupts may be on. */
export function serial8250_init(): void {
  const port = ttyS0;
  if (port.base == 0) return;
  pr_info(
    '%x.serial: ttyS0 at MMIO 0x%x (irq = %u, base_baud = %u) is a %s\n',
    port.base,
    port.base,
    port.irq,
    port.uartclk / 16,
    str(type_name(port.type)),
  );
  request_irq(port.irq, serial8250_interrupt, 'ttyS0', changetype<usize>(port));
  const flags = spin_lock_irqsave(port.lock);
  port.ier = UART_IER_RDI | UART_IER_RLSI;
  rx_chars(port);
  serial_in(port, UART_MSR);
  serial_out(port, UART_IER, port.ier);
  spin_unlock_irqrestore(port.lock, flags);

  serial_console.name = 'ttyS';
  serial_console.index = 0;
  serial_console.flags = CON_PRINTBUFFER;
  serial_console.write = serial8250_console_write;
  serial_console.data = changetype<usize>(port);
  const boot = boot_console();
  register_console(serial_console);
  pr_info('printk: console [%s%u] enabled\n', str(serial_console.name), serial_console.index);
  if (boot != null) pr_info('printk: bootconsole [%s] disabled\n', str(boot.name));
}
