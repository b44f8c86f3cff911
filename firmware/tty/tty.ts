// The shell's terminal: opening it, reading characters and lines, formatted output, ^C. There is one
// user, the shell task, so the buffers here are not locked.

import { vsnprintf } from '../lib/format';
import { console_device } from '../printk/console-options';
import { clear_sigint, current, signal_pending, task_struct } from '../sched/task';
import { msleep } from '../sched/core';
import { serial8250_tty } from '../serial/8250';
import { tty_set_termios, uart_close, uart_open } from '../serial/uart_tty';
import { EINTR, n_tty_poll, n_tty_read } from './n_tty';
import { n_tty_write } from './n_tty_output';
import { sysrq_init } from './sysrq';
import { ECHO, ICANON, ICRNL, ISIG, copy_termios, ktermios } from './termios';
import { tty_hung_up, tty_struct } from './tty_io';
import { tty_sleep } from './tty_wait';

const PRINTF_MAX: u32 = 1024;
const INPUT_MAX: u32 = 64;
/** tty_getc(): the line was hung up and is there again. */
export const TTY_REOPENED: u32 = 0x2000;
const CTRL_C: u32 = 0x03;

@unmanaged
class Terminal {
  /** The open tty, or null. */
  tty: tty_struct | null;
  /** Who has it. */
  owner: task_struct | null;
  /** Characters read ahead. */
  next: u32;
  end: u32;
  /** ISIG, if commands are to have it. */
  isig: u32;
  /** What commands print goes there instead. */
  redirected: bool;
  redirect: (text: usize, length: u32) => void;
}
const terminal: Terminal = changetype<Terminal>(memory.data(offsetof<Terminal>(), 4));
const input: usize = memory.data(64, 4);
const printf_buffer: usize = memory.data(1024, 4);
const wanted: ktermios = changetype<ktermios>(memory.data(offsetof<ktermios>(), 4));

/** Boot CPU, before the first character can come in. */
export function tty_init(): void {
  sysrq_init();
}

/** The terminal's tty. Null until the shell runs. */
export function tty_current(): tty_struct | null {
  return terminal.tty;
}

/** Opens a tty for the calling task; waits for carrier if it has to. Task context. */
function open_terminal(tty: tty_struct): void {
  terminal.tty = tty;
  terminal.owner = current();
  terminal.next = 0;
  terminal.end = 0;
  tty.foreground = current();
  for (;;) {
    clear_sigint(current());
    if (uart_open(tty) == 0) return;
    if (!tty_hung_up(tty)) uart_close(tty);
    msleep(100);
  }
}

/** Opens /dev/console, if that has not been done. Pid 1, before or as the shell. */
export function tty_open_console(): void {
  const tty = serial8250_tty(console_device());
  if (tty == null || terminal.tty != null) return;
  // The shell edits its lines itself: see line-edit.ts.
  tty.termios.c_lflag &= ~(ICANON | ECHO);
  tty.termios.c_iflag &= ~ICRNL;
  open_terminal(tty);
}

/** Moves the shell to another tty. */
export function tty_move_to(tty: tty_struct): void {
  const old = terminal.tty;
  if (old == tty) return;
  if (old != null) {
    old.foreground = null;
    uart_close(old);
  }
  tty.termios.c_lflag &= ~(ICANON | ECHO);
  tty.termios.c_iflag &= ~ICRNL;
  open_terminal(tty);
}

/** Does the tty edit lines (canonical mode), or does the shell? */
export function tty_is_canonical(): bool {
  const tty = terminal.tty;
  return tty != null && (tty.termios.c_lflag & ICANON) != 0;
}

function drained(tty: tty_struct): bool {
  return tty.ops.chars_in_buffer(tty) == 0 || tty_hung_up(tty) || signal_pending(current());
}

/** Waits until the driver has nothing more to send: what printk() prints comes after it. Sleeps. */
export function tty_drain(): void {
  const tty = terminal.tty;
  if (tty == null) return;
  while (!drained(tty)) tty_sleep(tty.write_wait, drained, tty);
}

/** The same and out on the wire, but not longer than half a minute. Before power-off. Sleeps. */
export function tty_wait_until_sent(): void {
  const tty = terminal.tty;
  if (tty != null) tty.ops.wait_until_sent(tty);
}

function set_lflag(tty: tty_struct, lflag: u32): void {
  copy_termios(wanted, tty.termios);
  wanted.c_lflag = lflag;
  tty_set_termios(tty, wanted);
}

/** While the shell edits a line, ^C is a character like others. Task context. */
export function tty_begin_edit(): void {
  const tty = terminal.tty;
  if (tty == null) return;
  terminal.isig = tty.termios.c_lflag & ISIG;
  set_lflag(tty, tty.termios.c_lflag & ~ISIG);
}

/** For commands, it is what the user wants it to be. Task context. */
export function tty_end_edit(): void {
  const tty = terminal.tty;
  if (tty != null) set_lflag(tty, tty.termios.c_lflag | terminal.isig);
}

/** Is there a byte to read? Task context. */
export function tty_has_input(): bool {
  const tty = terminal.tty;
  return terminal.next != terminal.end || (tty != null && n_tty_poll(tty));
}

/** Waits for a byte, or for the line to be back: TTY_REOPENED. Sleeps. */
export function tty_getc(): u32 {
  while (true) {
    if (terminal.next != terminal.end) return load<u8>(input + terminal.next++);
    const tty = terminal.tty;
    if (tty == null) {
      msleep(1000);
      continue;
    }
    const n = n_tty_read(tty, input, INPUT_MAX);
    if (n > 0) {
      terminal.next = 0;
      terminal.end = n;
    } else if (tty_hung_up(tty)) {
      open_terminal(tty);
      return TTY_REOPENED;
    } else if (n == EINTR) {
      clear_sigint(current());
      return CTRL_C;
    }
  }
}

/** read(): what there is, or a line. 0 at the end, negative: an error. Sleeps. */
export function tty_read(to: usize, size: u32): i32 {
  const tty = terminal.tty;
  if (tty == null) return 0;
  if (terminal.next == terminal.end) return n_tty_read(tty, to, size);
  let n: u32 = 0;
  while (n < size && terminal.next != terminal.end) {
    store<u8>(to + n++, load<u8>(input + terminal.next++));
  }
  return n;
}

/** True if ^C was typed since tty_clear_interrupt(). Long commands ask now and then. Any task. */
export function tty_interrupted(): bool {
  const owner = terminal.owner;
  return owner != null && signal_pending(owner);
}

export function tty_clear_interrupt(): void {
  const owner = terminal.owner;
  if (owner != null) clear_sigint(owner);
}

/** Has what the shell's commands print go through `write`. Shell task. */
export function tty_redirect(write: (text: usize, length: u32) => void): void {
  terminal.redirect = write;
  terminal.redirected = true;
}

export function tty_redirect_end(): void {
  terminal.redirected = false;
}

/** Sleeps until there is room. */
export function tty_write(text: usize, length: u32): void {
  if (terminal.redirected) {
    terminal.redirect(text, length);
    return;
  }
  if (terminal.tty == null) tty_open_console();
  const tty = terminal.tty;
  if (tty != null && length > 0) n_tty_write(tty, text, length);
}

/** Formatted output of the shell. */
export function tty_printf(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  const n = vsnprintf(printf_buffer, PRINTF_MAX, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
  tty_write(printf_buffer, n < PRINTF_MAX ? n : PRINTF_MAX);
}
