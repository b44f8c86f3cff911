// The boot hart's way from entry.S to the shell.

import { fdt_scan, board, boot_command_line } from '../arch/fdt';
import { hart_off } from '../arch/entry';
import { local_irq_enable } from '../arch/irqflags';
import { nmi_init } from '../arch/nmi';
import { NR_CPUS } from '../arch/percpu';
import { cpu_online, smp_init, smp_prepare_boot_cpu, smp_setup_boot_task } from '../arch/smp';
import { TIMER_SOFTIRQ, open_softirq, spawn_ksoftirqd } from '../kernel/softirq';
import { watchdog_init } from '../kernel/watchdog';
import { spawn_stopper, stop_machine_init } from '../kernel/stop-machine';
import { slab_init } from '../mm/slab';
import { workqueue_init_cpu } from '../kernel/workqueue';
import { fork_init, set_task_comm } from '../sched/fork';
import { current } from '../sched/task';
import { cpu_startup_entry } from '../sched/idle';
import { kthread_run } from '../sched/kthread';
import { jiffies_init } from '../time/jiffies';
import { run_timer_softirq } from '../time/timer';
import { str } from '../lib/string';
import { memblock_init, memory_free, memory_total } from '../mm/memblock';
import { console_loglevel, set_console_loglevel, set_ignore_loglevel } from '../printk/console';
import { emitter } from '../printk/emit/emit';
import { presets_report } from '../printk/emit/presets';
import { set_printk_percpu_data_ready } from '../printk/klogd';
import { CONSOLE_LOGLEVEL_DEBUG, CONSOLE_LOGLEVEL_QUIET } from '../printk/levels';
import { devkmsg_init } from '../printk/kmsg';
import { pr_info, pr_notice, printk_init } from '../printk/printk';
import { store_report } from '../printk/store/stores';
import { syslog_init } from '../printk/syslog';
import { register_earlycon, serial8250_init, setup_earlycon } from '../serial/8250';
import { bench_boot } from '../shell/cmd-bench';
import { shell_main } from '../shell/shell';
import { tty_init } from '../tty/tty';
import { timekeeping_init } from '../time/timekeeping';
import { HZ } from '../time/tick';
import { boot_params_init } from './boot-params';
import { extra_init } from './extra';
import { NAME, VERSION } from './version';
import { param_at, param_present, param_u32 } from './params';

/** What the console shows, by the parameters that Linux has for it. The last one counts. */
function parse_early_params(): void {
  const quiet = param_at('quiet');
  const debug = param_at('debug');
  const level = param_at('loglevel');
  if (quiet > debug && quiet > level) set_console_loglevel(CONSOLE_LOGLEVEL_QUIET);
  else if (debug > level) set_console_loglevel(CONSOLE_LOGLEVEL_DEBUG);
  else set_console_loglevel(param_u32('loglevel', console_loglevel()));
  if (param_present('ignore_loglevel')) set_ignore_loglevel(1);
}

/** Called by entry.S on hart 0 with interrupts off. Never returns. */
export function start_kernel(fdt: usize): void {
  smp_setup_boot_task();
  // Without a device tree there is no console to say so on.
  if (!fdt_scan(fdt)) hart_off();
  memblock_init();
  printk_init();
  tty_init();
  setup_earlycon();
  timekeeping_init();
  parse_early_params();

  pr_notice('Booting %s %s on hart 0\n', str(NAME), str(VERSION));
  pr_notice('Kernel command line: %S\n', boot_command_line);
  boot_params_init();
  presets_report();
  store_report();
  register_earlycon();
  pr_info('Memory: %uK/%uK available\n', memory_free() >> 10, memory_total() >> 10);
  jiffies_init();
  smp_prepare_boot_cpu();
  nmi_init();
  set_printk_percpu_data_ready();
  pr_info('clocksource: mtime: %u Hz, tick %u Hz\n', board.timebase, HZ);
  serial8250_init();
  open_softirq(TIMER_SOFTIRQ, run_timer_softirq);
  slab_init();
  syslog_init();
  devkmsg_init();
  fork_init();
  stop_machine_init();
  // Pid 1. It runs when the boot code turns into the idle task.
  kthread_run(kernel_init, 0, 'init', 0);
  local_irq_enable();
  cpu_startup_entry();
}

/** Pid 1: what needs tasks and sleep, then the shell. */
function kernel_init(unused: usize): u32 {
  init_cpu_threads(0);
  emitter.threads_ready();
  smp_init();
  for (let cpu: u32 = 1; cpu < NR_CPUS; cpu++) if (cpu_online(cpu)) init_cpu_threads(cpu);
  watchdog_init();
  extra_init();
  bench_boot();
  pr_info('Run shell as init process\n');
  set_task_comm(current(), 'sh');
  shell_main();
  return 0;
}

/** The threads that each CPU has. */
function init_cpu_threads(cpu: u32): void {
  spawn_stopper(cpu);
  spawn_ksoftirqd(cpu);
  workqueue_init_cpu(cpu);
}
