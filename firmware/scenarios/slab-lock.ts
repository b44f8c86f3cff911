// Class 13: an allocator complains under its own lock, while a driver allocates under port->lock. Linux:
// zone->lock, kmemleak_lock, the entropy pool's lock.
//
// CPU 1: slab_lock -> printk -> console_sem -> port->lock. CPU 0, interrupt: port->lock -> start_tx() ->
// kmalloc() -> slab_lock. The far end: CTS off at scenario_ready, on 1 ms after scenario_begin.

import { kfree, kmalloc, slab_in_use, slab_lock } from '../mm/slab';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { pr_warn } from '../printk/printk';
import { serial8250_start_tx } from '../serial/8250-port';
import { uart_port } from '../serial/uart_port';
import { udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_port,
  scenario_prepare,
  scenario_restore_tty,
  scenario_settle,
  scenario_thread,
  scenario_use_crtscts,
  scenario_verdict,
} from './scenario';

/** Time that the allocator's check takes before its message, µs. */
const HOLD_US: u32 = 2000;
const DESCRIPTOR_BYTES: usize = 64;

/** A driver that needs a descriptor for each transfer. Under port->lock. */
function start_tx_with_descriptor(port: uart_port): void {
  const descriptor = kmalloc(DESCRIPTOR_BYTES);
  serial8250_start_tx(port);
  kfree(descriptor);
}

function slab_check(unused: usize): u32 {
  scenario_barrier();
  const flags = spin_lock_irqsave(slab_lock);
  udelay(HOLD_US);
  pr_warn('slab: %u bytes in use, free list damaged\n', load<u32>(slab_in_use));
  spin_unlock_irqrestore(slab_lock, flags);
  scenario_done();
  return 0;
}

function slab_lock_scenario(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  const ops = scenario_port().ops;
  scenario_use_crtscts();
  scenario_settle();
  scenario_prepare(1);
  ops.start_tx = start_tx_with_descriptor;
  scenario_thread(slab_check, 'printer', 1);
  scenario_finish();
  ops.start_tx = serial8250_start_tx;
  scenario_restore_tty();
  return scenario_verdict('slab-lock', true);
}

export function register_slab_lock(): void {
  register_scenario('slab-lock', 'class 13 ABBA: slab_lock and port->lock', slab_lock_scenario);
}
