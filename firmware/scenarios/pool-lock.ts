// Class 10: a dump of the work queues prints under pool->lock, while the UART's interrupt handler,
// under port->lock, queues the flip buffer's work.
//
// CPU 1: pool->lock -> printk -> console_sem -> port->lock. CPU 0, interrupt: port->lock ->
// tty_flip_buffer_push() -> queue_work -> pool->lock. Linux dumps with printk_deferred since 57116ce17b.
// The far end: a character 1 ms after scenario_begin.

import { READ_ONCE } from '../arch/atomic';
import { pool_of, worker_pool } from '../kernel/workqueue';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { pr_info } from '../printk/printk';
import { udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_verdict,
} from './scenario';

/** The UART interrupts this CPU, and its handler uses the pool of it. */
const IRQ_CPU: u32 = 0;
/** Time that the dump takes before its first line, µs. */
const HOLD_US: u32 = 2000;

function show_workqueue_state(unused: usize): u32 {
  scenario_barrier();
  const pool = pool_of(IRQ_CPU);
  const flags = spin_lock_irqsave(pool);
  udelay(HOLD_US);
  const workers = READ_ONCE(changetype<usize>(pool) + offsetof<worker_pool>('nr_workers'));
  pr_info('pool %u: workers=%u idle=%u\n', IRQ_CPU, workers, pool.nr_idle);
  spin_unlock_irqrestore(pool, flags);
  scenario_done();
  return 0;
}

function pool_lock(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_settle();
  scenario_prepare(1);
  scenario_thread(show_workqueue_state, 'printer', 1);
  scenario_finish();
  return scenario_verdict('pool-lock', true);
}

export function register_pool_lock(): void {
  register_scenario('pool-lock', 'class 10 ABBA: pool->lock and port->lock', pool_lock);
}
