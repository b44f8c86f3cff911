// Shell commands about tasks: ps, kthreads.

import { board } from '../arch/fdt';
import { str } from '../lib/string';
import {
  NR_TASKS,
  idle_task,
  task_at,
  task_comm,
  task_state_char,
  task_struct,
  PF_KTHREAD,
} from '../sched/task';
import { cpu_online } from '../arch/smp';
import { tty_printf } from '../tty/tty';
import { register_command } from './commands';

function show(p: task_struct): void {
  const ms = <u32>(p.sum_exec / <u64>(board.timebase / 1000));
  tty_printf('%5u %3u %4d %s', p.pid, p.cpu, p.nice, str(task_state_char(p)));
  tty_printf(' %5u.%03u %7u %7u %S', ms / 1000, ms % 1000, p.nvcsw, p.nivcsw, task_comm(p));
  if (p.pid == 0) tty_printf('swapper/%u', p.cpu);
  else if ((p.cpus_mask & (p.cpus_mask - 1)) == 0) tty_printf('/%u', p.cpu);
  tty_printf('\n');
}

function cmd_ps(argc: u32, argv: usize): void {
  tty_printf('  PID CPU NICE S      TIME  NVCSW  NIVCSW COMMAND\n');
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) if (cpu_online(cpu)) show(idle_task(cpu));
  for (let i: u32 = 0; i < NR_TASKS; i++) {
    if (task_at(i) != 0) show(changetype<task_struct>(task_at(i)));
  }
}

function cmd_kthreads(argc: u32, argv: usize): void {
  for (let i: u32 = 0; i < NR_TASKS; i++) {
    if (task_at(i) == 0) continue;
    const p = changetype<task_struct>(task_at(i));
    if (!(p.flags & PF_KTHREAD)) continue;
    tty_printf(
      '%5u %s %S cpus 0x%x fn %pS\n',
      p.pid,
      str(task_state_char(p)),
      task_comm(p),
      p.cpus_mask,
      load<usize>(changetype<usize>(p), offsetof<task_struct>('fn')),
    );
  }
}

export function register_task_commands(): void {
  register_command('ps', '', 'list the tasks', cmd_ps);
  register_command('kthreads', '', 'list the kernel threads and what they run', cmd_kthreads);
}
