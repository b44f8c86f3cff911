// The tasks there are so far: an idle task on each CPU, and the shell, which is what the boot CPU's
// turns into at the end of the boot.

import { READ_ONCE } from '../arch/atomic';
import { Cpu, cpu_area } from '../arch/percpu';
import { ktime_get_ns } from '../time/timekeeping';
import { cpu_has_work } from './idle';

export const PID_SHELL: u32 = 1;

/** What runs on a CPU in task context. */
export function task_name(cpu: u32): string {
  if (cpu == 0) return 'sh';
  return cpu_has_work(cpu) ? 'work' : 'swapper';
}

export function task_pid(cpu: u32): u32 {
  return cpu == 0 ? PID_SHELL : 0;
}

export function cpu_is_idle(cpu: u32): bool {
  return READ_ONCE(changetype<usize>(cpu_area(cpu)) + offsetof<Cpu>('in_idle')) != 0;
}

/** Time that a CPU has spent doing something, ns. */
export function cpu_busy_ns(cpu: u32): u64 {
  const idle = cpu_area(cpu).idle_ns;
  const now = ktime_get_ns();
  return now > idle ? now - idle : 0;
}
