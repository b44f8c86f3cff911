// Shell commands about the kernel's inside: sched, locks, workqueue, stat, softirqs.

import { READ_ONCE } from '../arch/atomic';
import { board } from '../arch/fdt';
import { Cpu, cpu_area } from '../arch/percpu';
import { cpu_online } from '../arch/smp';
import { NR_SOFTIRQS, TIMER_SOFTIRQ, softirq_count } from '../kernel/softirq';
import { pool_of } from '../kernel/workqueue';
import { str, streq } from '../lib/string';
import { first_lock, next_lock, spin_is_locked, spinlock_t } from '../locking/spinlock';
import { slab_in_use } from '../mm/slab';
import { nr_forks } from '../sched/fork';
import { cpu_rq, rq_nr_running } from '../sched/rq';
import { cpu_curr, task_comm } from '../sched/task';
import { NSEC_PER_SEC, ktime_get_ns } from '../time/timekeeping';
import { tty_printf } from '../tty/tty';
import { arg, register_command } from './commands';

function cmd_sched(argc: u32, argv: usize): void {
  tty_printf('CPU running switches  wakeups    local migrated   busy ms current\n');
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    if (!cpu_online(cpu)) continue;
    const q = cpu_rq(cpu);
    const p = cpu_curr(cpu);
    tty_printf('%3u %7u %8u %8u', cpu, rq_nr_running(q), q.nr_switches, q.ttwu_count);
    tty_printf(
      ' %8u %8u %9u %S[%u]\n',
      q.ttwu_local,
      q.nr_migrations,
      <u32>(q.busy / <u64>(board.timebase / 1000)),
      p.pid == 0 ? str2c('swapper') : task_comm(p),
      p.pid,
    );
  }
}

const name_buffer: usize = memory.data(16, 4);

/** A short literal as a C string, until the next call. */
function str2c(s: string): usize {
  let i: u32 = 0;
  for (; i < 15 && <i32>i < s.length; i++) store<u8>(name_buffer + i, <u8>s.charCodeAt(i));
  store<u8>(name_buffer + i, 0);
  return name_buffer;
}

/** Locks by class: most have one lock, pi_locks one per task. `locks all` lists each. */
function cmd_locks(argc: u32, argv: usize): void {
  const all = argc > 1 && streq(arg(argv, 1), 'all');
  tty_printf('%-24s %10s %s %s\n', str('class'), str('address'), str('contended'), str('owner'));
  for (let l = first_lock(); l != 0; l = next_lock(l)) {
    const lock = changetype<spinlock_t>(l);
    const held = spin_is_locked(lock);
    if (!all && !held && lock.contended == 0) continue;
    tty_printf('%-24s 0x%08x %9u ', str(lock.name), l, lock.contended);
    if (held) tty_printf('CPU%u\n', lock.owner - 1);
    else tty_printf('-\n');
  }
}

function cmd_workqueue(argc: u32, argv: usize): void {
  tty_printf('CPU workers idle executed\n');
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    if (!cpu_online(cpu)) continue;
    const pool = pool_of(cpu);
    tty_printf('%3u %7u %4u %8u\n', cpu, pool.nr_workers, pool.nr_idle, pool.nr_executed);
  }
}

function cmd_softirqs(argc: u32, argv: usize): void {
  for (let nr: u32 = 0; nr < NR_SOFTIRQS; nr++) {
    tty_printf(
      '%8s:',
      str(nr == TIMER_SOFTIRQ ? 'TIMER' : nr == 0 ? 'HI' : nr == 2 ? 'TASKLET' : 'spare'),
    );
    for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
      if (cpu_online(cpu)) tty_printf(' %10u', softirq_count(nr, cpu));
    }
    tty_printf('\n');
  }
}

function cmd_stat(argc: u32, argv: usize): void {
  const now = ktime_get_ns();
  let switches: u32 = 0;
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    if (!cpu_online(cpu)) continue;
    const area = cpu_area(cpu);
    const idle = area.idle_ns;
    const busy = now > idle ? now - idle : 0;
    tty_printf(
      'cpu%u busy %u ms idle %u ms',
      cpu,
      <u32>(busy / 1_000_000),
      <u32>(idle / 1_000_000),
    );
    tty_printf(
      ' ticks %u irqs %u nmis %u\n',
      area.tick_count,
      READ_ONCE(changetype<usize>(area) + offsetof<Cpu>('timer_interrupts')),
      area.nmi_count,
    );
    switches += cpu_rq(cpu).nr_switches;
  }
  tty_printf(
    'ctxt %u\nprocesses %u\nslab %u\n',
    switches,
    load<u32>(nr_forks),
    load<u32>(slab_in_use),
  );
  tty_printf('uptime %u s\n', <u32>(now / NSEC_PER_SEC));
}

export function register_kernel_commands(): void {
  register_command('sched', '', 'run queues', cmd_sched);
  register_command('locks', '[all]', 'locks that are held or were fought for', cmd_locks);
  register_command('workqueue', '', 'worker pools', cmd_workqueue);
  register_command('softirqs', '', 'softirqs run, by hart', cmd_softirqs);
  register_command('stat', '', 'counters of the kernel', cmd_stat);
}
