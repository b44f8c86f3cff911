// Shell commands about the log: loglevel, log. dmesg has its own files.

import { simple_strtoul } from '../lib/string';
import { console_loglevel, set_console_loglevel } from '../printk/console';
import { LOGLEVEL_INFO } from '../printk/levels';
import { vprintk_emit } from '../printk/printk';
import { tty_printf } from '../tty/tty';
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

export function register_log_commands(): void {
  register_command('log', '[level] text...', 'printk() the text', cmd_log);
  register_command('loglevel', '[n]', 'show or set what the console prints', cmd_loglevel);
}
