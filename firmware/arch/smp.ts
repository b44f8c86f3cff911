// Bringing up the other harts, one after the other, and stopping them.

import { READ_ONCE, WRITE_ONCE, smp_load_acquire, smp_store_release } from './atomic';
import { clint_clear_ipi, clint_send_ipi } from './clint';
import { csr_set } from './csr';
import { MIE, MIE_MSIE } from './csr-map';
import { board } from './fdt';
import { IPI_CPU_STOP, send_ipi } from './ipi';
import { local_irq_enable } from './irqflags';
import { NMI_REASON_STOP, nmi_init_hart, send_nmi } from './nmi';
import {
  Cpu,
  NR_CPUS,
  PREEMPT_OFFSET,
  cpu_area,
  preempt_count_set,
  smp_processor_id,
  this_cpu,
} from './percpu';
import { plic_init_hart } from './plic';
import { STACKS_SIZE, TASK_LIMIT, TASK_TOP, stacks_init } from './stacks';
import { address_of_boot_stacks } from './symbols';
import { param_u32 } from '../init/params';
import { str } from '../lib/string';
import { memblock_alloc } from '../mm/memblock';
import { pr_err, pr_info } from '../printk/printk';
import { sched_init_cpu } from '../sched/core';
import { cpu_startup_entry } from '../sched/idle';
import { init_current } from '../sched/task';
import { delay_asleep, tick_init } from '../time/tick';
import { ktime_get_ns } from '../time/timekeeping';

const BRINGUP_TIMEOUT_US: u32 = 1_000_000;
const STOP_TIMEOUT_US: u32 = 100_000;

function online_flag(cpu: Cpu): usize {
  return changetype<usize>(cpu) + offsetof<Cpu>('online');
}

export function cpu_online(n: u32): bool {
  return n < NR_CPUS && READ_ONCE(online_flag(cpu_area(n))) != 0;
}

export function num_online_cpus(): u32 {
  let n: u32 = 0;
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) if (cpu_online(cpu)) n++;
  return n;
}

/** What every hart sets up for itself. Interrupts off. */
function init_this_hart(): void {
  const cpu = smp_processor_id();
  nmi_init_hart();
  clint_clear_ipi(cpu);
  plic_init_hart(cpu);
  csr_set(MIE, MIE_MSIE);
  tick_init();
}

/** The code that runs is the idle task: preemption off for good. */
function init_idle_task(): void {
  init_current();
  preempt_count_set(PREEMPT_OFFSET);
  const stacks = this_cpu().stacks;
  sched_init_cpu(stacks + TASK_LIMIT, <u32>(TASK_TOP - TASK_LIMIT));
}

/** The boot hart, before the first lock. Interrupts off. */
export function smp_setup_boot_task(): void {
  init_idle_task();
}

/** The boot hart. Interrupts off. */
export function smp_prepare_boot_cpu(): void {
  stacks_init(address_of_boot_stacks());
  init_this_hart();
  WRITE_ONCE(online_flag(this_cpu()), 1);
}

function bring_up(n: u32): bool {
  const cpu = cpu_area(n);
  const stacks = memblock_alloc(STACKS_SIZE, 16);
  stacks_init(stacks);
  // secondary_park in entry.S waits for this word.
  smp_store_release(changetype<usize>(cpu) + offsetof<Cpu>('stacks'), <u32>stacks);
  clint_send_ipi(n);
  for (let us: u32 = 0; us < BRINGUP_TIMEOUT_US; us += 10) {
    if (smp_load_acquire(online_flag(cpu))) return true;
    delay_asleep(10);
  }
  return false;
}

/** Starts the other harts. Boot CPU, interrupts on. maxcpus=N limits how many. */
export function smp_init(): void {
  const max = param_u32('maxcpus', NR_CPUS);
  pr_info('smp: Bringing up secondary CPUs ...\n');
  for (let cpu: u32 = 1; cpu < board.nr_harts && num_online_cpus() < max; cpu++) {
    if (cpu < NR_CPUS && (board.harts & (1 << cpu)) != 0 && !bring_up(cpu)) {
      pr_err('CPU%u: failed to come online\n', cpu);
    }
  }
  const n = num_online_cpus();
  pr_info('smp: Brought up 1 node, %u CPU%s\n', n, str(n == 1 ? '' : 's'));
}

/** Called by entry.S on a hart's new task stack. Never returns. */
export function secondary_start_kernel(): void {
  init_idle_task();
  init_this_hart();
  const cpu = smp_processor_id();
  // It has done nothing so far.
  this_cpu().idle_ns = ktime_get_ns();
  pr_info('CPU%u: Booted secondary processor, hart %u\n', cpu, cpu);
  smp_store_release(online_flag(this_cpu()), 1);
  local_irq_enable();
  cpu_startup_entry();
}

function others_online(): bool {
  const self = smp_processor_id();
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++)
    if (cpu != self && cpu_online(cpu)) return true;
  return false;
}

/** Looks often at first: who listens stops within microseconds. */
function wait_until_stopped(): bool {
  let step: u32 = 10;
  for (let us: u32 = 0; us < STOP_TIMEOUT_US; us += step) {
    if (!others_online()) return true;
    if (us >= 1000) step = 1000;
    delay_asleep(step);
  }
  return !others_online();
}

/**
 * Stops all other CPUs for good: by an IPI, and those that do not listen by NMI where there is one.
 * False if some are still running. Any context, interrupts off.
 */
export function smp_send_stop(): bool {
  const self = smp_processor_id();
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    if (cpu != self && cpu_online(cpu)) send_ipi(cpu, IPI_CPU_STOP);
  }
  if (wait_until_stopped()) return true;
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    if (cpu != self && cpu_online(cpu)) send_nmi(cpu, NMI_REASON_STOP);
  }
  return wait_until_stopped();
}
