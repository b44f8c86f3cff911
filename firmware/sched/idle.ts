// What a CPU does when it has nothing to do: its idle task sleeps in wfi until it should reschedule.

import { WRITE_ONCE } from '../arch/atomic';
import { hart_wfi } from '../arch/hart';
import { local_irq_disable, local_irq_enable } from '../arch/irqflags';
import { Cpu, need_resched, this_cpu } from '../arch/percpu';
import { ktime_get_ns } from '../time/timekeeping';
import { tick_nohz_idle_enter, tick_nohz_idle_exit } from '../time/tick';
import { schedule_idle } from './core';

/**
 * Sleeps until an interrupt is pending. Interrupts off, after the caller has seen that there is
 * nothing to do: wfi returns for a pending interrupt even while they are off, so no wakeup is lost in
 * between. Interrupts are on for a moment before it returns with them off.
 */
function idle_wait(): void {
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

/** The idle task of every CPU, preemption off. Never returns. */
export function cpu_startup_entry(): void {
  while (true) {
    local_irq_disable();
    while (!need_resched()) idle_wait();
    local_irq_enable();
    schedule_idle();
  }
}
