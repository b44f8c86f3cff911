// 8250 driver: the legacy console and polled characters. All output here is polled, with the port's
// interrupts masked. Linux's serial8250_console_write(), as of 6.1. The nbcon console is in 8250-nbcon.ts,
// the boot console in 8250-early.ts.
//
// console->write() is called under console_sem with interrupts off, in whatever context printk() was.
// At its end it may handle modem status, and so wake somebody up.

import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { in_nmi } from '../arch/percpu';
import { oops_in_progress } from '../kernel/panic-state';
import { spin_lock, spin_trylock, spin_unlock_irqrestore } from '../locking/spinlock';
import { Console } from '../printk/console';
import { delay_asleep } from '../time/tick';
import { local_clock, udelay } from '../time/timekeeping';
import {
  UART_CAP_FIFO,
  serial8250_stash_empty,
  serial8250_stash_rx,
  serial_in,
  serial_lsr_in,
  serial_out,
  uart_8250_port,
  up_to_8250,
} from './8250-base';
import { serial8250_modem_status, serial8250_set_mctrl } from './8250-port';
import { serial8250_program_line } from './8250-termios';
import {
  UART_FCR_ENABLE_FIFO,
  UART_IER,
  UART_IER_THRI,
  UART_LSR,
  UART_LSR_BOTH_EMPTY,
  UART_LSR_DR,
  UART_LSR_TEMT,
  UART_LSR_THRE,
  UART_MSR,
  UART_MSR_ANY_DELTA,
  UART_MSR_CTS,
  UART_RX,
  UART_SCR,
  UART_TX,
} from './8250-regs';
import { NO_POLL_CHAR, UPF_CONS_FLOW, uart_port } from './uart_port';

/** How long the transmitter may take at least before we write regardless, ns. */
const XMIT_TIMEOUT_NS: u64 = 10_000_000;
/** A character's time where nobody has told the rate: that at 9600, ns. */
const FRAME_TIME_NS: u32 = 1_041_667;
/** How long we wait for CTS before each character, ns. */
export const CTS_TIMEOUT_NS: u64 = 1_000_000_000;
/** Between two looks at a transmitter that is busy: half a character at 115200, µs. */
const POLL_US: u32 = 43;
/** What no scratch register holds by chance. */
export const CANARY: u32 = 0xa5;

/** Waits a little; asleep where that is allowed, which costs the host less. */
export function poll_delay(): void {
  if (in_nmi()) udelay(POLL_US);
  else delay_asleep(POLL_US);
}

/** How long the transmitter may take before we write regardless: twice a FIFO's time, ns. */
export function xmit_timeout_ns(up: uart_8250_port): u64 {
  const frame: u32 = up.frame_time == 0 ? FRAME_TIME_NS : up.frame_time;
  const fifo = <u64>frame * <u64>up.tx_loadsz * 2;
  return fifo > XMIT_TIMEOUT_NS ? fifo : XMIT_TIMEOUT_NS;
}

/**
 * Waits, up to xmit_timeout_ns(), until all of `bits` are set in LSR; keeps what is received meanwhile. Under
 * port->lock with the port's interrupts masked. Returns false if it took too long.
 */
export function poll_lsr(up: uart_8250_port, bits: u32): bool {
  let lsr = serial_lsr_in(up);
  serial8250_stash_rx(up, lsr);
  if ((lsr & bits) == bits) return true;
  const until = local_clock() + xmit_timeout_ns(up);
  while (true) {
    poll_delay();
    lsr = serial_lsr_in(up);
    serial8250_stash_rx(up, lsr);
    if ((lsr & bits) == bits) return true;
    if (local_clock() >= until) return false;
  }
}

/** Empties the receiver. */
export function stash_all(up: uart_8250_port): void {
  for (let i: u32 = 0; i < 64; i++) {
    const lsr = serial_lsr_in(up);
    if (!(lsr & UART_LSR_DR)) return;
    serial8250_stash_rx(up, lsr);
  }
}

/** The transmitter is ready and, with flow control, so is the other side; or time is up. */
function wait_for_xmitr(up: uart_8250_port, bits: u32): void {
  if (!poll_lsr(up, bits)) up.console_timeouts++;
  stash_all(up);
  if (!(up.flags & UPF_CONS_FLOW)) return;
  const until = local_clock() + CTS_TIMEOUT_NS;
  for (;;) {
    const msr = serial_in(up, UART_MSR);
    // Reading takes the deltas away: they are handled at the end of the write.
    up.msr_saved_flags |= msr & UART_MSR_ANY_DELTA;
    if (msr & UART_MSR_CTS) return;
    if (local_clock() >= until) return;
    poll_delay();
    stash_all(up);
  }
}

/** One at a time, '\n' as '\r\n'. */
function console_write_bytes(up: uart_8250_port, text: usize, length: u32): void {
  for (let i: u32 = 0; i < length; i++) {
    const c = load<u8>(text + i);
    if (c == 0x0a) {
      wait_for_xmitr(up, UART_LSR_THRE);
      serial_out(up, UART_TX, 0x0d);
    }
    wait_for_xmitr(up, UART_LSR_THRE);
    serial_out(up, UART_TX, c);
  }
}

/** A FIFO full at a time. */
function console_write_fifo(up: uart_8250_port, text: usize, length: u32): void {
  let room: u32 = 0;
  let cr = false;
  for (let i: u32 = 0; i < length;) {
    if (room == 0) {
      wait_for_xmitr(up, UART_LSR_THRE);
      room = up.tx_loadsz;
    }
    const c = load<u8>(text + i);
    cr = c == 0x0a && !cr;
    serial_out(up, UART_TX, cr ? 0x0d : c);
    if (!cr) i++;
    room--;
  }
}

/** The part has forgotten everything: it was without power. Under port->lock. */
export function console_restore(up: uart_8250_port): void {
  serial8250_program_line(up);
  serial8250_set_mctrl(up, up.mctrl);
  serial_out(up, UART_SCR, up.canary);
}

/** Sends, polled, with the port's interrupts masked until unmask(). */
function write_masked(up: uart_8250_port, text: usize, length: u32): void {
  serial_out(up, UART_IER, 0);
  if (up.canary && serial_in(up, UART_SCR) != up.canary) console_restore(up);
  const fifo = up.capabilities & UART_CAP_FIFO && up.fcr & UART_FCR_ENABLE_FIFO;
  if (fifo && !(up.flags & UPF_CONS_FLOW)) console_write_fifo(up, text, length);
  else console_write_bytes(up, text, length);
  wait_for_xmitr(up, UART_LSR_BOTH_EMPTY);
}

/** `up.ier` is in force again. */
export function console_unmask(up: uart_8250_port): void {
  if (!up.started) return;
  // What was received meanwhile is for the interrupt handler; this makes it come.
  if (!serial8250_stash_empty(up)) up.ier |= UART_IER_THRI;
  serial_out(up, UART_IER, up.ier);
}

/** write() of a console that takes no lock and wakes nobody. The caller sees to it that it is alone. */
export function serial8250_early_write(console: Console, text: usize, length: u32): void {
  const up = changetype<uart_8250_port>(console.data);
  write_masked(up, text, length);
  console_unmask(up);
}

/** console->write(). */
export function serial8250_console_write(console: Console, text: usize, length: u32): void {
  const up = changetype<uart_8250_port>(console.data);
  const flags = local_irq_save();
  let locked: bool = true;
  // Who dies must not wait for a lock that may never come free: rather garbled than silent.
  if (oops_in_progress()) locked = spin_trylock(up.lock);
  else spin_lock(up.lock);
  write_masked(up, text, length);
  console_unmask(up);
  if (up.msr_saved_flags && up.started) serial8250_modem_status(up);
  if (locked) spin_unlock_irqrestore(up.lock, flags);
  else local_irq_restore(flags);
}

/** For a debugger: takes no lock and waits for nothing. Any context. */
export function serial8250_get_poll_char(port: uart_port): u32 {
  const up = up_to_8250(port);
  if (!(serial_lsr_in(up) & UART_LSR_DR)) return NO_POLL_CHAR;
  return serial_in(up, UART_RX);
}

/** For a debugger: takes no lock. Any context. */
export function serial8250_put_poll_char(port: uart_port, c: u32): void {
  const up = up_to_8250(port);
  serial_out(up, UART_IER, 0);
  poll_lsr(up, UART_LSR_BOTH_EMPTY);
  serial_out(up, UART_TX, c);
  poll_lsr(up, UART_LSR_BOTH_EMPTY);
  serial_out(up, UART_IER, up.started ? up.ier : 0);
}

/** Waits until everything has left the shift register. Before power-off; takes no lock. */
export function serial8250_drain(up: uart_8250_port): void {
  for (let i: u32 = 0; i < 1000; i++) {
    if (serial_in(up, UART_LSR) & UART_LSR_TEMT) return;
    poll_delay();
  }
}
