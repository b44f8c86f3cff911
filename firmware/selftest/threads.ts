// For self tests: the same function on every CPU at once, as threads that wait for each other; and
// waiting without sleeping.

import { READ_ONCE, WRITE_ONCE, fetch_add, smp_load_acquire } from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { NR_CPUS } from '../arch/percpu';
import { cpu_online, num_online_cpus } from '../arch/smp';
import { kthread_run } from '../sched/kthread';
import { msleep } from '../sched/timeout';

/** A wakeup may fall into any moment of what its receiver does: hesitations up to this sweep it. */
export const PHASES: u32 = 400;

const body: usize = memory.data(4, 4);
const ready: usize = memory.data(4, 4);
const finished: usize = memory.data(4, 4);

/** Gives other CPUs the time to come in between. */
export function hesitate(n: u32): void {
  for (let i: u32 = 0; i < n; i++) hart_pause();
}

function thread(cpu: usize): u32 {
  fetch_add(ready, 1);
  while (smp_load_acquire(ready) < num_online_cpus()) hart_pause();
  changetype<(cpu: u32) => void>(<usize>READ_ONCE(body))(<u32>cpu);
  fetch_add(finished, 1);
  return 0;
}

/** Runs fn(cpu) on all CPUs at the same time; returns when all are done. Task context. */
export function on_all_cpus(fn: (cpu: u32) => void): void {
  WRITE_ONCE(body, <u32>changetype<usize>(fn));
  WRITE_ONCE(ready, 0);
  WRITE_ONCE(finished, 0);
  let n: u32 = 0;
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    if (!cpu_online(cpu)) continue;
    kthread_run(thread, cpu, 'selftest', cpu);
    n++;
  }
  while (smp_load_acquire(finished) < n) msleep(1);
}
