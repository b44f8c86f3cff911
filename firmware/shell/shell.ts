// The shell: reads a line, splits it into words, looks the command up, runs it. A task of its
// own, on /dev/console.

import { is_space } from '../lib/string';
import {
  tty_begin_edit,
  tty_clear_interrupt,
  tty_drain,
  tty_end_edit,
  tty_interrupted,
  tty_is_canonical,
  tty_open_console,
  tty_printf,
} from '../tty/tty';
import { find_command } from './commands';
import { history_add } from './history';
import { read_cooked_line, read_line } from './line-edit';
import { register_basic_commands } from './cmd-basic';
import { register_bench_commands } from './cmd-bench';
import { register_fault_commands } from './cmd-fault';
import { register_log_commands } from './cmd-log';
import { register_power_commands } from './cmd-power';
import { register_system_commands } from './cmd-system';
import { register_tty_commands } from './cmd-tty';
import { register_break_commands } from './cmd-break';
import { register_kernel_commands } from './cmd-kernel';
import { register_stress_commands } from './cmd-stress';
import { register_run_commands } from './cmd-run';
import { register_task_commands } from './cmd-task';

const PROMPT: string = 'printkit# ';
/** As many as a line can have. */
const ARGS_MAX: u32 = 128;

const argv: usize = memory.data(512, 4);

/** Splits a line in place. Returns the number of words. */
function split(line: usize): u32 {
  let argc: u32 = 0;
  while (true) {
    while (is_space(load<u8>(line))) line++;
    if (load<u8>(line) == 0 || argc == ARGS_MAX) return argc;
    store<usize>(argv + (argc++ << 2), line);
    while (load<u8>(line) != 0 && !is_space(load<u8>(line))) line++;
    if (load<u8>(line) != 0) store<u8>(line++, 0);
  }
}

function run_line(line: usize): void {
  const argc = split(line);
  if (argc == 0) return;
  const command = find_command(load<usize>(argv));
  if (command == null) {
    tty_printf('%S: unknown command, try help\n', load<usize>(argv));
    return;
  }
  command.run(argc, argv);
}

/** Edited by the tty, if that is in canonical mode, or by the shell. */
function next_line(): usize {
  if (tty_is_canonical()) return read_cooked_line(PROMPT);
  tty_begin_edit();
  const line = read_line(PROMPT);
  tty_end_edit();
  return line;
}

/** Never returns. */
export function shell_main(): void {
  register_basic_commands();
  register_bench_commands();
  register_fault_commands();
  register_log_commands();
  register_power_commands();
  register_system_commands();
  register_tty_commands();
  register_task_commands();
  register_run_commands();
  register_kernel_commands();
  register_break_commands();
  register_stress_commands();
  tty_open_console();
  for (;;) {
    const line = next_line();
    history_add(line);
    tty_clear_interrupt();
    // What printk() prints comes behind what has been echoed.
    tty_drain();
    run_line(line);
    if (tty_interrupted()) tty_printf('^C\n');
    tty_clear_interrupt();
  }
}
