// A function in task context on a given CPU, by a thread that lives as long as the function.

import { READ_ONCE, cmpxchg_acquire, smp_store_release } from '../arch/atomic';
import { Cpu, cpu_area } from '../arch/percpu';
import { kthread_run } from './kthread';

function work_busy(cpu: Cpu): usize {
  return changetype<usize>(cpu) + offsetof<Cpu>('work_busy');
}

function worker(cpu: usize): u32 {
  const area = changetype<Cpu>(cpu);
  changetype<(arg: usize) => void>(area.work_fn)(area.work_arg);
  smp_store_release(work_busy(area), 0);
  return 0;
}

/** False if the CPU runs such a function already. Task context. */
export function run_on_cpu(n: u32, fn: (arg: usize) => void, arg: usize): bool {
  const cpu = cpu_area(n);
  if (cmpxchg_acquire(work_busy(cpu), 0, 1) != 0) return false;
  cpu.work_fn = changetype<usize>(fn);
  cpu.work_arg = arg;
  kthread_run(worker, changetype<usize>(cpu), 'work', n);
  return true;
}

/** True while a CPU runs what run_on_cpu() gave it. */
export function cpu_has_work(n: u32): bool {
  return READ_ONCE(work_busy(cpu_area(n))) != 0;
}
