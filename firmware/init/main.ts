// The boot hart's way from entry.S to the shell.

import { fdt_scan, board, boot_command_line } from '../arch/fdt';
import { hart_off } from '../arch/entry';
import { local_irq_enable } from '../arch/irqflags';
import { nmi_init } from '../arch/nmi';
import { smp_init, smp_prepare_boot_cpu } from '../arch/smp';
import { str } from '../lib/string';
import { memblock_init, memory_free, memory_total } from '../mm/memblock';
import { set_console_loglevel, set_ignore_loglevel, set_printk_time } from '../printk/console';
import { CONSOLE_LOGLEVEL_DEBUG, CONSOLE_LOGLEVEL_QUIET } from '../printk/levels';
import { pr_info, pr_notice, printk_init } from '../printk/printk';
import { register_earlycon, serial8250_init, setup_earlycon } from '../serial/8250';
import { bench_boot } from '../shell/cmd-bench';
import { shell_main } from '../shell/shell';
import { timekeeping_init } from '../time/timekeeping';
import { HZ } from '../time/tick';
import { NAME, VERSION } from './version';
import { param_is, param_present, param_u32 } from './params';

/** Log levels and time stamps, by the parameters that Linux has for them. */
function parse_early_params(): void {
  if (param_present('quiet')) set_console_loglevel(CONSOLE_LOGLEVEL_QUIET);
  if (param_present('debug')) set_console_loglevel(CONSOLE_LOGLEVEL_DEBUG);
  const level = param_u32('loglevel', 0);
  if (level != 0) set_console_loglevel(level);
  if (param_present('ignore_loglevel')) set_ignore_loglevel(1);
  if (param_is('printk.time', '0') || param_is('printk.time', 'N')) set_printk_time(0);
}

/** Called by entry.S on hart 0 with interrupts off. Never returns. */
export function start_kernel(fdt: usize): void {
  printk_init();
  // Without a device tree there is no console to say so on.
  if (!fdt_scan(fdt)) hart_off();
  setup_earlycon();
  timekeeping_init();
  memblock_init();
  parse_early_params();

  pr_notice('Booting %s %s on hart 0\n', str(NAME), str(VERSION));
  pr_notice('Kernel command line: %S\n', boot_command_line);
  register_earlycon();
  pr_info('Memory: %uK/%uK available\n', memory_free() >> 10, memory_total() >> 10);
  smp_prepare_boot_cpu();
  nmi_init();
  pr_info('clocksource: mtime: %u Hz, tick %u Hz\n', board.timebase, HZ);
  serial8250_init();
  local_irq_enable();
  smp_init();

  bench_boot();
  pr_info('Run shell as init process\n');
  shell_main();
}
