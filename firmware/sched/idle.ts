// What a CPU does when it has nothing to do, and the one kind of work another CPU can give it: a
// function to run in task context. (A scheduler takes this place later.)

import {
  READ_ONCE,
  WRITE_ONCE,
  cmpxchg_acquire,
  smp_load_acquire,
  smp_store_release,
} from '../arch/atomic';
import { hart_wfi } from '../arch/hart';
import { IPI_RESCHEDULE, send_ipi } from '../arch/ipi';
import { local_irq_disable, local_irq_enable } from '../arch/irqflags';
import { Cpu, cpu_area, this_cpu } from '../arch/percpu';
import { ktime_get_ns } from '../time/timekeeping';
import { tick_nohz_idle_enter, tick_nohz_idle_exit } from '../time/tick';

function work_busy(cpu: Cpu): usize {
  return changetype<usize>(cpu) + offsetof<Cpu>('work_busy');
}

const WORK_FREE: u32 = 0;
const WORK_CLAIMED: u32 = 1;
const WORK_READY: u32 = 2;

/**
 * Sleeps until an interrupt is pending. Task context with interrupts off, after the caller has seen
 * that there is nothing to do: wfi returns for a pending interrupt even while they are off, so no
 * wakeup is lost in between. Interrupts are on for a moment before it returns with them off.
 */
export function idle_wait(): void {
  const cpu = this_cpu();
  const idle = changetype<usize>(cpu) + offsetof<Cpu>('in_idle');
  tick_nohz_idle_enter();
  const start = ktime_get_ns();
  WRITE_ONCE(idle, 1);
  hart_wfi();
  WRITE_ONCE(idle, 0);
  cpu.idle_ns += ktime_get_ns() - start;
  tick_nohz_idle_exit();
  local_irq_enable();
  local_irq_disable();
}

/** Gives an idle CPU a function to run. False if it has one already. Task context. */
export function run_on_cpu(n: u32, fn: (arg: usize) => void, arg: usize): bool {
  const cpu = cpu_area(n);
  if (cmpxchg_acquire(work_busy(cpu), WORK_FREE, WORK_CLAIMED) != WORK_FREE) return false;
  cpu.work_fn = changetype<usize>(fn);
  cpu.work_arg = arg;
  smp_store_release(work_busy(cpu), WORK_READY);
  send_ipi(n, IPI_RESCHEDULE);
  return true;
}

/** True while a CPU runs what run_on_cpu() gave it. */
export function cpu_has_work(n: u32): bool {
  return READ_ONCE(work_busy(cpu_area(n))) != WORK_FREE;
}

/** The idle loop of a secondary CPU. Interrupts are on. Never returns. */
export function cpu_startup_entry(): void {
  const cpu = this_cpu();
  // It has done nothing so far.
  cpu.idle_ns = ktime_get_ns();
  for (;;) {
    local_irq_disable();
    while (smp_load_acquire(work_busy(cpu)) != WORK_READY) idle_wait();
    local_irq_enable();
    changetype<(arg: usize) => void>(cpu.work_fn)(cpu.work_arg);
    smp_store_release(work_busy(cpu), WORK_FREE);
  }
}
