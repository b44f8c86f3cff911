// Shell command bench, and the same at boot: bench=N runs N iterations and powers off,
// bench.harts=all runs them on every hart at once.

import { NR_CPUS, smp_processor_id } from '../arch/percpu';
import { cpu_online } from '../arch/smp';
import { WORKSPACE_SIZE, bench_run } from '../bench/bench';
import { param_is, param_present, param_u32 } from '../init/params';
import { simple_strtoul, streq } from '../lib/string';
import { memblock_alloc } from '../mm/memblock';
import { cpu_has_work, run_on_cpu } from '../sched/run-on-cpu';
import { ktime_get_ns } from '../time/timekeeping';
import { tty_interrupted, tty_printf } from '../tty/tty';
import { hart_pause } from '../arch/hart';
import { arg, register_command } from './commands';
import { power_off } from './cmd-power';

/** What a hart is to do, and what came of it. */
@unmanaged
class Job {
  workspace: usize;
  iterations: u32;
  checksum: u32;
}
const jobs: usize = memory.data(12 * 32, 4);

function job_of(cpu: u32): Job {
  return changetype<Job>(jobs + cpu * offsetof<Job>());
}

/** Task context, on the job's hart. */
function run_job(p: usize): void {
  const job = changetype<Job>(p);
  const wanted = job.iterations;
  let checksum: u32 = 0;
  let done: u32 = 0;
  for (; done < wanted && !tty_interrupted(); done++) checksum += bench_run(job.workspace, 1);
  job.iterations = done;
  job.checksum = checksum;
}

function start(cpu: u32, iterations: u32): void {
  const job = job_of(cpu);
  // Memory is never given back, so a hart keeps its workspace.
  if (job.workspace == 0) job.workspace = memblock_alloc(WORKSPACE_SIZE, 16);
  job.iterations = iterations;
  if (cpu != smp_processor_id()) run_on_cpu(cpu, run_job, changetype<usize>(job));
}

function bench(iterations: u32, all: bool): void {
  const self = smp_processor_id();
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    if (cpu == self || (all && cpu_online(cpu))) start(cpu, iterations);
  }
  run_job(changetype<usize>(job_of(self)));
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    if (cpu != self && (!all || !cpu_online(cpu))) continue;
    while (cpu_has_work(cpu)) hart_pause();
    const job = job_of(cpu);
    tty_printf(
      'bench: hart %u: %u iterations, checksum 0x%08x\n',
      cpu,
      job.iterations,
      job.checksum,
    );
  }
}

function cmd_bench(argc: u32, argv: usize): void {
  const iterations = argc > 1 ? simple_strtoul(arg(argv, 1)) : 1;
  const begin = ktime_get_ns();
  bench(iterations, argc > 2 && streq(arg(argv, 2), 'all'));
  const us = <u32>((ktime_get_ns() - begin) / 1000);
  tty_printf('bench: %u.%06u s\n', us / 1_000_000, us % 1_000_000);
}

/** Boot CPU, when all others are up. */
export function bench_boot(): void {
  if (!param_present('bench')) return;
  bench(param_u32('bench', 1), param_is('bench.harts', 'all'));
  power_off(0);
}

export function register_bench_commands(): void {
  register_command(
    'bench',
    '[n] [all]',
    'n rounds of computing, on this hart or on all',
    cmd_bench,
  );
}
