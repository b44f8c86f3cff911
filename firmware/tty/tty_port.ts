// tty_port: what a port has even while no tty is open on it: the flip buffer, the waits for carrier
// and for modem lines, and the way from the driver to the tty. Linux's drivers/tty/tty_port.c.
//
// tty_port->lock (irq-safe) protects `tty`, `count` and `iflags`. The 8250 driver takes it under its
// own port->lock: nothing may be printed while it is held.

import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { mutex, mutex_init } from '../locking/mutex';
import { wait_queue_head, init_waitqueue_head } from '../sched/wait';
import { memblock_alloc } from '../mm/memblock';
import { tty_buffer, tty_buffer_init } from './tty_buffer';
import { tty_kref_get, tty_kref_put, tty_struct, tty_wakeup } from './tty_io';

// tty_port.iflags
/** The driver has been started up. */
export const TTY_PORT_INITIALIZED: u32 = 1;
/** Somebody has it open. */
export const TTY_PORT_ACTIVE: u32 = 2;

@unmanaged
export class tty_port {
  lock: spinlock_t;
  /** The open tty, or null. */
  tty: tty_struct | null;
  count: u32;
  /** Opens that wait for carrier. */
  blocked_open: u32;
  iflags: u32;
  /** Opening, closing, settings. */
  mutex: mutex;
  open_wait: wait_queue_head;
  /** Tasks that wait for a change of CTS, DSR, RI or DCD. */
  delta_msr_wait: wait_queue_head;
  buf: tty_buffer;
}

/** Boot. */
export function tty_port_init(port: tty_port): void {
  port.lock = changetype<spinlock_t>(memblock_alloc(offsetof<spinlock_t>(), 8));
  spin_lock_init(port.lock, 'tty_port_lock');
  port.mutex = changetype<mutex>(memblock_alloc(offsetof<mutex>(), 8));
  mutex_init(port.mutex, 'tty_port_mutex');
  port.open_wait = changetype<wait_queue_head>(memblock_alloc(offsetof<wait_queue_head>(), 8));
  init_waitqueue_head(port.open_wait, 'open_wait');
  port.delta_msr_wait = changetype<wait_queue_head>(memblock_alloc(offsetof<wait_queue_head>(), 8));
  init_waitqueue_head(port.delta_msr_wait, 'delta_msr_wait');
  tty_buffer_init(port);
}

/** The port's tty with a reference, or null. Any context; the caller may hold uart port->lock. */
export function tty_port_tty_get(port: tty_port): tty_struct | null {
  const flags = spin_lock_irqsave(port.lock);
  const tty = port.tty;
  if (tty != null) tty_kref_get(tty);
  spin_unlock_irqrestore(port.lock, flags);
  return tty;
}

/** Task context. */
export function tty_port_tty_set(port: tty_port, tty: tty_struct | null): void {
  const flags = spin_lock_irqsave(port.lock);
  port.tty = tty;
  spin_unlock_irqrestore(port.lock, flags);
}

/** There is room in the transmit ring again. Called by serial_core under uart port->lock. */
export function tty_port_tty_wakeup(port: tty_port): void {
  const tty = tty_port_tty_get(port);
  if (tty == null) return;
  tty_wakeup(tty);
  tty_kref_put(tty);
}

export function tty_port_initialized(port: tty_port): bool {
  return (port.iflags & TTY_PORT_INITIALIZED) != 0;
}

export function tty_port_active(port: tty_port): bool {
  return (port.iflags & TTY_PORT_ACTIVE) != 0;
}

/** Under tty_port->mutex. */
export function tty_port_set_iflag(port: tty_port, flag: u32, on: bool): void {
  const flags = spin_lock_irqsave(port.lock);
  if (on) port.iflags |= flag;
  else port.iflags &= ~flag;
  spin_unlock_irqrestore(port.lock, flags);
}
