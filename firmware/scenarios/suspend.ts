// Class 29: messages late in a system suspend queue irq_work, and with that the system does not go to
// sleep. Whoever wants it to tries again, and each time there are messages again. With
// printk.suspend_irqwork printk() still does so then.

import { pm_suspend } from '../kernel/suspend';
import { msleep } from '../sched/timeout';
import { local_clock } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_took,
  scenario_verdict,
} from './scenario';

const SLEEP_MS: u32 = 5;
const AGAIN_MS: u32 = 10;
/** How long it is tried, and what is too long, ns. */
const PATIENCE_NS: u64 = 200_000_000;
const LONG_NS: u64 = 150_000_000;

function suspender(unused: usize): u32 {
  scenario_barrier();
  const start = local_clock();
  while (!pm_suspend(SLEEP_MS) && local_clock() - start < PATIENCE_NS) msleep(AGAIN_MS);
  scenario_took('suspending', local_clock() - start, LONG_NS);
  scenario_done();
  return 0;
}

function suspend(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_settle();
  scenario_prepare(1);
  scenario_thread(suspender, 'suspender', 1);
  scenario_finish();
  return scenario_verdict('suspend', true);
}

export function register_suspend(): void {
  register_scenario('suspend', 'class 29: messages late in system suspend', suspend);
}
