// Shell commands about the log: dmesg, loglevel, log.

import { simple_strtoul } from '../lib/string';
import { console_loglevel, prb, record_print_text, set_console_loglevel } from '../printk/console';
import { LOGLEVEL_INFO } from '../printk/levels';
import { vprintk_emit } from '../printk/printk';
import { printk_info, printk_record } from '../printk/store/store';
import { tty_interrupted, tty_printf, tty_write } from '../tty/tty';
import { arg, register_command, rest } from './commands';

const record: printk_record = changetype<printk_record>(memory.data(offsetof<printk_record>(), 4));
const info: usize = memory.data(offsetof<printk_info>(), 8);
const text: usize = memory.data(1024, 4);
const out: usize = memory.data(2048, 4);

function cmd_dmesg(argc: u32, argv: usize): void {
  record.info = changetype<printk_info>(info);
  record.text = text;
  record.text_size = 1024;
  let seq: u64 = 0;
  // What is logged meanwhile is for the next time.
  const end = prb.next_seq();
  while (seq < end && !tty_interrupted() && prb.read(seq, record)) {
    tty_write(out, record_print_text(record, out, 2048));
    seq = record.info.seq + 1;
  }
}

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
  if (argc > first) vprintk_emit(level, '%S\n', rest(argc, argv, first), 0, 0, 0, 0, 0, 0, 0);
}

export function register_log_commands(): void {
  register_command('dmesg', '', 'print the kernel log', cmd_dmesg);
  register_command('log', '[level] text...', 'printk() the text', cmd_log);
  register_command('loglevel', '[n]', 'show or set what the console prints', cmd_loglevel);
}
