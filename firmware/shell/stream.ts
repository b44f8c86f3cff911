// Where a command's output goes: the terminal, another serial port, or /dev/kmsg, where each line
// becomes a record.

import { is_digit, simple_strtoul, starts_with, streq } from '../lib/string';
import { kfree, kmalloc } from '../mm/slab';
import {
  devkmsg_open,
  devkmsg_permission,
  devkmsg_release,
  devkmsg_user,
  devkmsg_write,
} from '../printk/kmsg';
import { serial8250_tty } from '../serial/8250';
import { uart_close, uart_open } from '../serial/uart_tty';
import { n_tty_write } from '../tty/n_tty_output';
import { tty_current, tty_printf } from '../tty/tty';
import { tty_struct } from '../tty/tty_io';

/** Longest line for /dev/kmsg; what is longer becomes several. */
const LINE_MAX: u32 = 960;

@unmanaged
export class stream {
  /** Null: /dev/kmsg. */
  tty: tty_struct | null;
  /** The port is to be closed again. */
  opened: u32;
  /** For /dev/kmsg: itself, and the line so far. */
  user: devkmsg_user;
  line: usize;
  length: u32;
}

/** The shell's terminal as it is now. Null if there is none. Task context. */
export function stream_of_terminal(): stream | null {
  const tty = tty_current();
  if (tty == null) return null;
  const s = changetype<stream>(kmalloc(offsetof<stream>()));
  s.tty = tty;
  return s;
}

/**
 * Opens /dev/kmsg or /dev/ttySn; waits for carrier if the port does. Null: it cannot be, and why has been
 * told. Shell only.
 */
export function stream_open(path: usize): stream | null {
  if (streq(path, '/dev/kmsg')) {
    if (devkmsg_permission() != 0) {
      tty_printf('%S: operation not permitted\n', path);
      return null;
    }
    const s = changetype<stream>(kmalloc(offsetof<stream>()));
    s.user = devkmsg_open();
    s.line = kmalloc(LINE_MAX + 1);
    return s;
  }
  const is_port = starts_with(path, '/dev/ttyS') && is_digit(load<u8>(path + 9));
  const tty = is_port ? serial8250_tty(simple_strtoul(path + 9)) : null;
  if (tty == null || uart_open(tty) != 0) {
    tty_printf('%S: cannot write there: only to /dev/kmsg and /dev/ttySn\n', path);
    return null;
  }
  const s = changetype<stream>(kmalloc(offsetof<stream>()));
  s.tty = tty;
  s.opened = 1;
  return s;
}

function end_line(s: stream): void {
  if (s.length == 0) return;
  store<u8>(s.line + s.length, 0x0a);
  devkmsg_write(s.user, s.line, s.length + 1);
  s.length = 0;
}

/** Sleeps until all is taken. False if the other side has gone, or after ^C. Task context. */
export function stream_write(s: stream, text: usize, length: u32): bool {
  const tty = s.tty;
  if (tty != null) return n_tty_write(tty, text, length) == <i32>length;
  for (let i: u32 = 0; i < length; i++) {
    const c: u32 = load<u8>(text + i);
    if (c == 0x0a || s.length == LINE_MAX) end_line(s);
    if (c != 0x0a) store<u8>(s.line + s.length++, c);
  }
  return true;
}

export function stream_close(s: stream): void {
  const tty = s.tty;
  if (tty != null && s.opened != 0) uart_close(tty);
  if (s.line != 0) {
    end_line(s);
    devkmsg_release(s.user);
    kfree(s.line);
  }
  kfree(changetype<usize>(s));
}
