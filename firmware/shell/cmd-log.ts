// Shell commands about the log: loglevel, log, ratelimit. dmesg has its own files.

import { simple_strtoul } from '../lib/string';
import { console_loglevel, set_console_loglevel } from '../printk/console';
import { LOGLEVEL_INFO } from '../printk/levels';
import { pr_info, vprintk_emit } from '../printk/printk';
import { DEFAULT_RATELIMIT_BURST, printk_ratelimit } from '../printk/ratelimit';
import { tty_interrupted, tty_printf } from '../tty/tty';
import { arg, register_command, rest } from './commands';

function cmd_loglevel(argc: u32, argv: usize): void {
  if (argc > 1) set_console_loglevel(simple_strtoul(arg(argv, 1)));
  tty_printf('console_loglevel %u\n', console_loglevel());
}

/** printk() from the command line: log [level] word... */
function cmd_log(argc: u32, argv: usize): void {
  let level = LOGLEVEL_INFO;
  let first: u32 = 1;
  if (argc > 2) {
    const digit = <u32>load<u8>(arg(argv, 1)) - 0x30;
    if (digit < 8 && load<u8>(arg(argv, 1) + 1) == 0) {
      level = digit;
      first = 2;
    }
  }
  if (argc > first) vprintk_emit(level, 0, '%S\n', rest(argc, argv, first), 0, 0, 0, 0, 0, 0, 0);
}

/** ratelimit [n]: asks the limit that all share before each message, as drivers do. */
function cmd_ratelimit(argc: u32, argv: usize): void {
  const n = argc > 1 ? simple_strtoul(arg(argv, 1)) : DEFAULT_RATELIMIT_BURST + 1;
  for (let i: u32 = 0; i < n && !tty_interrupted(); i++) {
    if (printk_ratelimit()) pr_info('ratelimit: message %u of %u\n', i + 1, n);
  }
}

export function register_log_commands(): void {
  register_command('log', '[level] text...', 'printk() the text', cmd_log);
  register_command('loglevel', '[n]', 'show or set what the console prints', cmd_loglevel);
  register_command('ratelimit', '[n]', 'log n lines, ten at most in five seconds', cmd_ratelimit);
}
