// Class 31: a boot console and the real one drive the same UART. Linux 5.19 had a thread for the real one
// while callers still wrote to the boot console: lines were garbled. Needs keep_bootcon.

import { smp_processor_id } from '../arch/percpu';
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

const LINES: u32 = 4;
const PAUSE_US: u32 = 700;

function printer(unused: usize): u32 {
  scenario_barrier();
  for (let n: u32 = 1; n <= LINES; n++) {
    pr_info('two consoles: CPU %u says line %u of %u.\n', smp_processor_id(), n, LINES);
    udelay(PAUSE_US);
  }
  scenario_done();
  return 0;
}

function two_consoles(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(printer, 'printer', 0);
  scenario_thread(printer, 'printer', 1);
  scenario_finish();
  return scenario_verdict('two-consoles', true);
}

export function register_two_consoles(): void {
  register_scenario('two-consoles', 'class 31: boot console and real one, one UART', two_consoles);
}
