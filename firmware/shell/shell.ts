// The shell: reads a line, splits it into words, looks the command up, runs it. A task of its own, on
// /dev/console. Knows quotes, > /dev/kmsg, > /dev/ttySn, and & for commands that can (jobs.ts).

import { is_space, streq, strscpy } from '../lib/string';
import {
  tty_begin_edit,
  tty_clear_interrupt,
  tty_drain,
  tty_end_edit,
  tty_interrupted,
  tty_is_canonical,
  tty_open_console,
  tty_printf,
  tty_redirect,
  tty_redirect_end,
} from '../tty/tty';
import { Command, arg, find_command } from './commands';
import { history_add } from './history';
import { read_cooked_line, read_line } from './line-edit';
import { register_basic_commands } from './cmd-basic';
import { register_bench_commands } from './cmd-bench';
import { register_fault_commands } from './cmd-fault';
import { register_dmesg_command } from './cmd-dmesg';
import { register_kmsg_commands } from './cmd-kmsg';
import { register_log_commands } from './cmd-log';
import { register_power_commands } from './cmd-power';
import { register_printk_commands } from './cmd-printk';
import { register_system_commands } from './cmd-system';
import { register_stty_command } from './cmd-stty';
import { register_tty_commands } from './cmd-tty';
import { register_uart_commands } from './cmd-uart';
import { register_break_commands } from './cmd-break';
import { register_kernel_commands } from './cmd-kernel';
import { register_stress_commands } from './cmd-stress';
import { register_run_commands } from './cmd-run';
import { register_task_commands } from './cmd-task';
import {
  end_invocation,
  reap_jobs,
  register_job_commands,
  set_invocation,
  write_redirected,
} from './jobs';
import { stream, stream_open } from './stream';

const PROMPT: string = 'printkit# ';
/** As many as a line can have. */
const ARGS_MAX: u32 = 128;

const argv: usize = memory.data(512, 4);
/** The line as it was typed, for jobs. */
const typed: usize = memory.data(64, 4);
const TYPED_MAX: u32 = 64;

/** Where the word that begins at p ends. What is in quotes belongs to it; the quotes go. */
function end_of_word(p: usize): usize {
  let quote: u32 = 0;
  let to = p;
  for (; ; p++) {
    const c: u32 = load<u8>(p);
    if (c == 0 || (quote == 0 && is_space(c))) break;
    if (quote == 0 && (c == 0x22 || c == 0x27)) quote = c;
    else if (c == quote) quote = 0;
    else store<u8>(to++, c);
  }
  for (let q = to; q < p; q++) store<u8>(q, 0);
  return p;
}

/** Splits a line in place. Returns the number of words. */
function split(line: usize): u32 {
  let argc: u32 = 0;
  while (true) {
    while (is_space(load<u8>(line))) line++;
    if (load<u8>(line) == 0 || argc == ARGS_MAX) return argc;
    store<usize>(argv + (argc++ << 2), line);
    line = end_of_word(line);
    if (load<u8>(line) != 0) store<u8>(line++, 0);
  }
}

/** Takes > FILE at the end away. Returns the words left; `argc` if there is none. */
function take_redirection(argc: u32): u32 {
  if (argc > 2 && is_arrow(arg(argv, argc - 2))) return argc - 2;
  return argc > 1 && load<u8>(arg(argv, argc - 1)) == 0x3e ? argc - 1 : argc;
}

function is_arrow(p: usize): bool {
  return streq(p, '>') || streq(p, '>>');
}

/** The file's name behind the words that are left. */
function redirection_path(argc: u32): usize {
  let p = arg(argv, argc);
  if (is_arrow(p)) return arg(argv, argc + 1);
  while (load<u8>(p) == 0x3e) p++;
  return p;
}

function run_command(command: Command, argc: u32, background: bool, out: stream | null): void {
  if (background && !command.detachable) {
    tty_printf('%S: cannot run in the background\n', arg(argv, 0));
    return;
  }
  const redirect = out != null && !command.detachable;
  if (redirect) tty_redirect(write_redirected);
  command.run(argc, argv);
  if (redirect) tty_redirect_end();
}

function run_line(line: usize): void {
  strscpy(typed, line, TYPED_MAX);
  const words = split(line);
  if (words == 0) return;
  const background = words > 1 && streq(arg(argv, words - 1), '&');
  const given = background ? words - 1 : words;
  const argc = take_redirection(given);
  if (argc == 0) return;
  const command = find_command(load<usize>(argv));
  if (command == null) {
    tty_printf('%S: unknown command, try help\n', load<usize>(argv));
    return;
  }
  let out: stream | null = null;
  if (argc != given) {
    out = stream_open(redirection_path(argc));
    if (out == null) return;
  }
  set_invocation(background, out, typed);
  run_command(command, argc, background, out);
  end_invocation();
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
  register_dmesg_command();
  register_job_commands();
  register_kmsg_commands();
  register_log_commands();
  register_power_commands();
  register_printk_commands();
  register_system_commands();
  register_uart_commands();
  register_stty_command();
  register_tty_commands();
  register_task_commands();
  register_run_commands();
  register_kernel_commands();
  register_break_commands();
  register_stress_commands();
  tty_open_console();
  for (;;) {
    reap_jobs();
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
