// Class 23: the machine is reset, by a watchdog say, 40 ms after the last message, and nobody panics: what
// is not on the wire by then is lost.
//
// reset-irqs-off     CPU 1 prints and takes no interrupts any more.
// reset-no-schedule  CPU 1 prints; all CPUs take interrupts, but run no other task any more.
// reset-nmi          CPU 1 takes no interrupts any more and prints in an NMI.

import { hart_pause } from '../arch/hart';
import { local_irq_disable } from '../arch/irqflags';
import { NMI_REASON_WORKLOAD, register_nmi_handler, send_nmi } from '../arch/nmi';
import { preempt_disable, smp_processor_id } from '../arch/percpu';
import { machine_restart } from '../arch/reset';
import { pr_crit } from '../printk/printk';
import { udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_finish,
  scenario_needs_cpus,
  scenario_needs_nmi,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
} from './scenario';

/** How long the watchdog waits, µs. */
const WATCHDOG_US: u32 = 40_000;
/** Time for the other CPU to become deaf, µs. */
const DEAF_US: u32 = 100;

function last_words(): void {
  pr_crit('reset: last words\n');
}

function watchdog(): void {
  udelay(WATCHDOG_US);
  machine_restart();
}

function irqs_off(unused: usize): u32 {
  scenario_barrier();
  local_irq_disable();
  last_words();
  watchdog();
  return 0;
}

/** Every CPU, in a loop that lets go of it no more. */
function no_schedule(unused: usize): u32 {
  scenario_barrier();
  preempt_disable();
  if (smp_processor_id() == 1) {
    udelay(DEAF_US);
    last_words();
    watchdog();
  }
  while (true) hart_pause();
  return 0;
}

function deaf(unused: usize): u32 {
  scenario_barrier();
  local_irq_disable();
  while (true) hart_pause();
  return 0;
}

function nmi_sender(unused: usize): u32 {
  scenario_barrier();
  udelay(DEAF_US);
  send_nmi(1, NMI_REASON_WORKLOAD);
  watchdog();
  return 0;
}

function reset_irqs_off(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_settle();
  scenario_prepare(1);
  scenario_thread(irqs_off, 'printer', 1);
  scenario_finish();
  return 1;
}

function run_two(zero: (data: usize) => u32, one: (data: usize) => u32): u32 {
  if (!scenario_needs_cpus(2) || !scenario_needs_nmi()) return 1;
  register_nmi_handler(last_words);
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(zero, 'cpu0', 0);
  scenario_thread(one, 'cpu1', 1);
  scenario_finish();
  return 1;
}

function reset_no_schedule(argc: u32, argv: usize): u32 {
  return run_two(no_schedule, no_schedule);
}

function reset_nmi(argc: u32, argv: usize): u32 {
  return run_two(nmi_sender, deaf);
}

export function register_reset(): void {
  register_scenario('reset-irqs-off', 'class 23: reset, interrupts off', reset_irqs_off);
  register_scenario('reset-no-schedule', 'class 23: reset, no task gets to run', reset_no_schedule);
  register_scenario('reset-nmi', 'class 23: reset after a message from an NMI', reset_nmi);
}
