// 8250 driver: the nbcon console. write_atomic prints from any context and takes no lock, write_thread
// in the console's thread, under port->lock. Both send in steps of one byte, or one FIFO full; in a step
// they must not be interrupted, between steps the console may be taken over. Cf. the conversion that
// Linux had for a while (b63e6f60).
//
// Nobody is woken by write_atomic: modem status is left to an irq_work.

import { init_irq_work, irq_work, irq_work_queue } from '../kernel/irq_work';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { memblock_alloc } from '../mm/memblock';
import { Console } from '../printk/console';
import {
  nbcon_context,
  nbcon_enter_unsafe,
  nbcon_exit_unsafe,
  nbcon_reacquire_nobuf,
} from '../printk/nbcon';
import { local_clock } from '../time/timekeeping';
import {
  UART_CAP_FIFO,
  serial8250_stash_rx,
  serial_in,
  serial_lsr_in,
  serial_out,
  uart_8250_port,
} from './8250-base';
import {
  CTS_TIMEOUT_NS,
  console_restore,
  console_unmask,
  poll_delay,
  stash_all,
  xmit_timeout_ns,
} from './8250-console';
import { serial8250_modem_status } from './8250-port';
import {
  UART_FCR_ENABLE_FIFO,
  UART_IER,
  UART_LSR_BOTH_EMPTY,
  UART_LSR_THRE,
  UART_MSR,
  UART_MSR_ANY_DELTA,
  UART_MSR_CTS,
  UART_SCR,
  UART_TX,
} from './8250-regs';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from './uart_lock';
import { UPF_CONS_FLOW } from './uart_port';

/** Are all of `bits` set in LSR, and does the other side let us send? Inside an unsafe section. */
function ready(up: uart_8250_port, bits: u32): bool {
  const lsr = serial_lsr_in(up);
  serial8250_stash_rx(up, lsr);
  stash_all(up);
  if ((lsr & bits) != bits) return false;
  if (!(up.flags & UPF_CONS_FLOW)) return true;
  const msr = serial_in(up, UART_MSR);
  up.msr_saved_flags |= msr & UART_MSR_ANY_DELTA;
  return (msr & UART_MSR_CTS) != 0;
}

/** Waits for the transmitter, and returns inside an unsafe section. False: the console is lost. */
function wait_ready(up: uart_8250_port, ctxt: nbcon_context, bits: u32): bool {
  const flow = (up.flags & UPF_CONS_FLOW) != 0;
  const until = local_clock() + (flow ? CTS_TIMEOUT_NS : xmit_timeout_ns(up));
  while (true) {
    if (!nbcon_enter_unsafe(ctxt)) return false;
    if (ready(up, bits)) return true;
    if (local_clock() >= until) {
      up.console_timeouts++;
      return true;
    }
    if (!nbcon_exit_unsafe(ctxt)) return false;
    poll_delay();
  }
}

/** How much the transmitter takes after one look at it. */
function load_size(up: uart_8250_port): u32 {
  const fifo = up.capabilities & UART_CAP_FIFO && up.fcr & UART_FCR_ENABLE_FIFO;
  return fifo && !(up.flags & UPF_CONS_FLOW) ? up.tx_loadsz : 1;
}

/** Sends text, '\n' as '\r\n'. False if the console was lost on the way. */
function send(up: uart_8250_port, ctxt: nbcon_context, text: usize, length: u32): bool {
  const size = load_size(up);
  let cr = false;
  for (let i: u32 = 0; i < length;) {
    if (!wait_ready(up, ctxt, UART_LSR_THRE)) return false;
    for (let room = size; room > 0 && i < length; room--) {
      const c = load<u8>(text + i);
      cr = c == 0x0a && !cr;
      serial_out(up, UART_TX, cr ? 0x0d : c);
      if (!cr) i++;
      up.console_line_ended = c == 0x0a && !cr ? 1 : 0;
    }
    if (!nbcon_exit_unsafe(ctxt)) return false;
  }
  return true;
}

const newline: usize = memory.data<u8>([0x0a]);

/** Everything but the end. False if the console was lost. */
function write_text(up: uart_8250_port, ctxt: nbcon_context): bool {
  if (!nbcon_enter_unsafe(ctxt)) return false;
  serial_out(up, UART_IER, 0);
  if (up.canary && serial_in(up, UART_SCR) != up.canary) console_restore(up);
  if (!nbcon_exit_unsafe(ctxt)) return false;
  // Whoever we have taken the console from has left a line half written.
  if (!up.console_line_ended && !send(up, ctxt, newline, 1)) return false;
  if (!send(up, ctxt, ctxt.outbuf, ctxt.len)) return false;
  return wait_ready(up, ctxt, UART_LSR_BOTH_EMPTY);
}

/** console->write_atomic(). */
export function serial8250_write_atomic(console: Console, ctxt: nbcon_context): void {
  const up = changetype<uart_8250_port>(console.data);
  if (!write_text(up, ctxt)) {
    // Who took over sets IER when he has finished.
    ctxt.outbuf = 0;
    return;
  }
  console_unmask(up);
  const wake = up.msr_saved_flags != 0 && up.started;
  nbcon_exit_unsafe(ctxt);
  if (wake) irq_work_queue(changetype<irq_work>(up.modem_status_work));
}

/** console->write_thread(). */
export function serial8250_write_thread(console: Console, ctxt: nbcon_context): void {
  const up = changetype<uart_8250_port>(console.data);
  if (!write_text(up, ctxt)) {
    // The device has to be put in order before port->lock is given back.
    do nbcon_reacquire_nobuf(ctxt);
    while (!nbcon_enter_unsafe(ctxt));
  }
  console_unmask(up);
  if (up.msr_saved_flags && up.started) serial8250_modem_status(up);
  nbcon_exit_unsafe(ctxt);
}

/** console->write_some(). The port's interrupts go on; what is received is theirs. */
function serial8250_write_some(console: Console, text: usize, length: u32): u32 {
  const up = changetype<uart_8250_port>(console.data);
  if (!(serial_lsr_in(up) & UART_LSR_THRE)) return 0;
  if (up.flags & UPF_CONS_FLOW) {
    const msr = serial_in(up, UART_MSR);
    up.msr_saved_flags |= msr & UART_MSR_ANY_DELTA;
    if (!(msr & UART_MSR_CTS)) return 0;
  }
  let sent: u32 = 0;
  for (let room = load_size(up); room > 0 && sent < length; room--) {
    const c = load<u8>(text + sent);
    up.console_cr = c == 0x0a && !up.console_cr ? 1 : 0;
    serial_out(up, UART_TX, up.console_cr ? 0x0d : c);
    if (!up.console_cr) sent++;
    up.console_line_ended = c == 0x0a && !up.console_cr ? 1 : 0;
  }
  return sent;
}

/** Handles what write_atomic has seen of the modem lines. Hardirq context. */
function modem_status_work(work: irq_work): void {
  const up = changetype<uart_8250_port>(work.data);
  const flags = uart_port_lock_irqsave(up);
  serial8250_modem_status(up);
  uart_port_unlock_irqrestore(up, flags);
}

function serial8250_device_lock(console: Console): void {
  const flags = spin_lock_irqsave(changetype<uart_8250_port>(console.data).lock);
  console.device_flags = flags;
}

function serial8250_device_unlock(console: Console): void {
  const flags = console.device_flags;
  spin_unlock_irqrestore(changetype<uart_8250_port>(console.data).lock, flags);
}

/** Makes a port's console an nbcon one. Boot, before it is registered. */
export function serial8250_nbcon_setup(console: Console, up: uart_8250_port): void {
  console.write_atomic = serial8250_write_atomic;
  console.write_thread = serial8250_write_thread;
  console.write_some = serial8250_write_some;
  console.chunk_ns = up.frame_time * load_size(up);
  console.device_lock = serial8250_device_lock;
  console.device_unlock = serial8250_device_unlock;
  up.console_line_ended = 1;
  const work = changetype<irq_work>(memblock_alloc(offsetof<irq_work>(), 4));
  init_irq_work(work, modem_status_work);
  work.data = changetype<usize>(up);
  up.modem_status_work = changetype<usize>(work);
}
