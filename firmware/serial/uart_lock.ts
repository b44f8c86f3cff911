// port->lock as drivers and serial_core take it. For a port with an nbcon console, who has the lock is
// also the console's owner, so that write_atomic, which takes no lock, keeps off the registers
// meanwhile. Linux's uart_port_lock_irqsave().

import { hart_pause } from '../arch/hart';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { CON_ENABLED, CON_NBCON, Console, console_flags } from '../printk/console';
import { nbcon_device_release, nbcon_device_try_acquire } from '../printk/nbcon-flush';
import { uart_port } from './uart_port';

/** The port's console, if it is one that has owners. */
function nbcon_of(port: uart_port): Console | null {
  const console = port.cons;
  if (console == null) return null;
  const flags = console_flags(console);
  return flags & CON_NBCON && flags & CON_ENABLED ? console : null;
}

/** Any context but an NMI. Waits for whoever prints, too: for an nbcon console that is a few µs or ms. */
export function uart_port_lock_irqsave(port: uart_port): u32 {
  const flags = spin_lock_irqsave(port.lock);
  const console = nbcon_of(port);
  if (console != null) while (!nbcon_device_try_acquire(console)) hart_pause();
  return flags;
}

export function uart_port_unlock_irqrestore(port: uart_port, flags: u32): void {
  const console = nbcon_of(port);
  if (console != null) nbcon_device_release(console);
  spin_unlock_irqrestore(port.lock, flags);
}
