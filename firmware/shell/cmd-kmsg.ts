// Shell commands for the log as programs get it: cat /dev/kmsg, syslog.

import { EPIPE } from '../lib/errno';
import { is_digit, simple_strtoul, streq } from '../lib/string';
import { kfree, kmalloc } from '../mm/slab';
import { CONSOLE_EXT_LOG_MAX } from '../printk/kmsg-format';
import { devkmsg_open, devkmsg_permission, devkmsg_read, devkmsg_release } from '../printk/kmsg';
import { SYSLOG_ACTION_READ, SYSLOG_ACTION_READ_CLEAR, do_syslog } from '../printk/syslog';
import { tty_printf, tty_write } from '../tty/tty';
import { arg, register_command } from './commands';
import { run_job } from './jobs';
import { stream, stream_write } from './stream';

const READ_MAX: u32 = 4096;

/** Gives each record as read() does, until ^C. Any task. */
function cat_kmsg(data: usize, out: stream): void {
  const user = devkmsg_open();
  const buf = kmalloc(CONSOLE_EXT_LOG_MAX);
  for (;;) {
    const n = devkmsg_read(user, buf, CONSOLE_EXT_LOG_MAX, false);
    // After EPIPE the next read() gives the oldest record that is left.
    if (n == EPIPE) continue;
    if (n < 0 || !stream_write(out, buf, n)) break;
  }
  kfree(buf);
  devkmsg_release(user);
}

/** cat's part for /dev/kmsg. False: it is another file. */
export function cat_file(path: usize): bool {
  if (!streq(path, '/dev/kmsg')) return false;
  if (devkmsg_permission() != 0) tty_printf('cat: %S: operation not permitted\n', path);
  else run_job('cat', cat_kmsg, 0);
  return true;
}

/** syslog ACTION [SIZE|LEVEL]: the result, behind what was read. */
function cmd_syslog(argc: u32, argv: usize): void {
  if (argc < 2 || !is_digit(load<u8>(arg(argv, 1)))) {
    tty_printf('usage: syslog ACTION [bytes|level]\n');
    tty_printf(
      '  0 close, 1 open (nothing), 2 read, 3 read all, 4 read all and clear, 5 clear, 6 console off,\n',
    );
    tty_printf('  7 console on, 8 console level, 9 bytes unread, 10 size of the log\n');
    return;
  }
  const action = simple_strtoul(arg(argv, 1));
  const reads = action >= SYSLOG_ACTION_READ && action <= SYSLOG_ACTION_READ_CLEAR;
  let size: u32 = argc > 2 ? simple_strtoul(arg(argv, 2)) : 0;
  if (reads && (argc <= 2 || size > READ_MAX)) size = READ_MAX;
  const buf = reads ? kmalloc(READ_MAX) : 0;
  const result = do_syslog(action, buf, size);
  if (reads && result > 0) tty_write(buf, result);
  kfree(buf);
  tty_printf('syslog(%u) = %d\n', action, result);
}

export function register_kmsg_commands(): void {
  register_command('syslog', 'ACTION [n]', 'syslog(2): read, clear, console level', cmd_syslog);
}
