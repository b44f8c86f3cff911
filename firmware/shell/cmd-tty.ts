// Shell commands about terminals: what goes in and out of them, and which one is the shell's. Settings are in
// cmd-stty.ts, ports in cmd-uart.ts.

import { fetch_add } from '../arch/atomic';
import { simple_strtoul } from '../lib/string';
import { pr_info } from '../printk/printk';
import { schedule_timeout, set_current_state } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { TASK_INTERRUPTIBLE, current } from '../sched/task';
import { uart_close, uart_open } from '../serial/uart_tty';
import { ktime_get_ns } from '../time/timekeeping';
import { n_tty_read } from '../tty/n_tty';
import { n_tty_write } from '../tty/n_tty_output';
import { handle_sysrq } from '../tty/sysrq';
import {
  TTY_REOPENED,
  tty_current,
  tty_getc,
  tty_interrupted,
  tty_is_canonical,
  tty_move_to,
  tty_printf,
  tty_read,
  tty_write,
} from '../tty/tty';
import { cat_file } from './cmd-kmsg';
import { find_tty } from './cmd-uart';
import { arg, register_command, register_detachable_command, rest } from './commands';
import { in_background } from './jobs';

const CTRL_D: u32 = 0x04;
const CHUNK: u32 = 256;
const chunk: usize = memory.data(256, 4);

/** Adds up bytes as the far end can do it too. */
function checksum(sum: u32, p: usize, n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) sum = (sum * 31 + load<u8>(p + i)) & 0xffffffff;
  return sum;
}

/** sink [bytes]: swallows input, up to a number of bytes or ^D, and says how much it was. */
function cmd_sink(argc: u32, argv: usize): void {
  const wanted: u32 = argc > 1 ? simple_strtoul(arg(argv, 1)) : 0xffffffff;
  let total: u32 = 0;
  let sum: u32 = 0;
  let start: u64 = 0;
  let end = false;
  tty_printf('sink: ready\n');
  while (!end && total < wanted && !tty_interrupted()) {
    let n = tty_read(chunk, CHUNK < wanted - total ? CHUNK : wanted - total);
    if (n <= 0) break;
    if (start == 0) start = ktime_get_ns();
    if (!tty_is_canonical() && argc < 2) {
      for (let i: i32 = 0; i < n; i++) {
        if (load<u8>(chunk + i) != CTRL_D) continue;
        n = i;
        end = true;
      }
    }
    sum = checksum(sum, chunk, n);
    total += n;
  }
  const ms = start == 0 ? 0 : <u32>((ktime_get_ns() - start) / 1_000_000);
  tty_printf('sink: %u bytes, checksum 0x%08x, %u ms\n', total, sum, ms);
}

/** cat: gives back what it reads until ^D. */
function cmd_cat(argc: u32, argv: usize): void {
  if (argc > 1) {
    if (!cat_file(arg(argv, 1))) tty_printf('cat: %S: no such file\n', arg(argv, 1));
    return;
  }
  if (in_background()) {
    tty_printf('cat: the terminal is needed here\n');
    return;
  }
  for (;;) {
    const n = tty_read(chunk, CHUNK);
    if (n <= 0 || tty_interrupted()) return;
    if (!tty_is_canonical() && load<u8>(chunk + n - 1) == CTRL_D) {
      tty_write(chunk, n - 1);
      return;
    }
    tty_write(chunk, n);
  }
}

/** fill N: N lines through the tty, as a program prints them. */
function cmd_fill(argc: u32, argv: usize): void {
  const lines: u32 = argc > 1 ? simple_strtoul(arg(argv, 1)) : 10;
  for (let i: u32 = 0; i < lines && !tty_interrupted(); i++) {
    tty_printf('line %5u 0123456789 abcdefghijklmnopqrstuvwxyz\n', i);
  }
}

/** What each of chatter's tasks has to say: lines still to come. */
const chatterers: usize = memory.data(4, 4);

/** A task that prints. */
function chatter_thread(lines: usize): u32 {
  for (let i: u32 = 0; i < <u32>lines; i++) {
    pr_info('chatter: task %u line %u of %u\n', current().pid, i + 1, lines);
    set_current_state(TASK_INTERRUPTIBLE);
    schedule_timeout(1);
  }
  fetch_add(chatterers, 0xffffffff);
  return 0;
}

/** chatter [tasks] [lines]: tasks that printk(), in the background. */
function cmd_chatter(argc: u32, argv: usize): void {
  const tasks: u32 = argc > 1 ? simple_strtoul(arg(argv, 1)) : 10;
  const lines: u32 = argc > 2 ? simple_strtoul(arg(argv, 2)) : 10;
  for (let i: u32 = 0; i < tasks; i++) {
    fetch_add(chatterers, 1);
    kthread_run(chatter_thread, lines, 'chatter');
  }
}

/** send ttySn text...: opens the port, writes a line, closes it. */
function cmd_send(argc: u32, argv: usize): void {
  const tty = argc > 2 ? find_tty(arg(argv, 1)) : null;
  if (tty == null) {
    tty_printf('usage: send ttyS<n> text...\n');
    return;
  }
  const error = uart_open(tty);
  if (error != 0) {
    tty_printf('send: open failed: %d\n', error);
    return;
  }
  const text = rest(argc, argv, 2);
  let n: u32 = 0;
  while (load<u8>(text + n) != 0) n++;
  store<u8>(text + n, 0x0a);
  n_tty_write(tty, text, n + 1);
  uart_close(tty);
}

/** recv ttySn: reads a line from another port. */
function cmd_recv(argc: u32, argv: usize): void {
  const tty = argc > 1 ? find_tty(arg(argv, 1)) : null;
  if (tty == null || tty == tty_current()) {
    tty_printf('usage: recv ttyS<n>\n');
    return;
  }
  const error = uart_open(tty);
  if (error != 0) {
    tty_printf('recv: open failed: %d\n', error);
    return;
  }
  const n = n_tty_read(tty, chunk, CHUNK - 1);
  store<u8>(chunk + (n > 0 ? <usize>n : 0), 0);
  tty_printf('ttyS%u: %S\n', tty.index, chunk);
  uart_close(tty);
}

/** tty [ttySn]: names the shell's terminal, or moves the shell to another one. */
function cmd_tty(argc: u32, argv: usize): void {
  const now = tty_current();
  if (argc > 1) {
    const tty = find_tty(arg(argv, 1));
    if (tty == null) tty_printf('tty: no terminal %S\n', arg(argv, 1));
    else tty_move_to(tty);
  } else if (now != null) tty_printf('/dev/ttyS%u\n', now.index);
}

/** sysrq key: as BREAK and the key would do. */
function cmd_sysrq(argc: u32, argv: usize): void {
  handle_sysrq(argc > 1 ? load<u8>(arg(argv, 1)) : 0x68);
}

/** keys: shows what arrives, byte by byte, until ^D. */
function cmd_keys(argc: u32, argv: usize): void {
  for (;;) {
    const c = tty_getc();
    if (c == CTRL_D || c == TTY_REOPENED) return;
    tty_printf('%02x\n', c);
  }
}

export function register_tty_commands(): void {
  register_command('sink', '[bytes]', 'swallow and count input until ^D', cmd_sink);
  register_detachable_command(
    'cat',
    '[/dev/kmsg]',
    'give back each line until ^D, or the log as it comes',
    cmd_cat,
  );
  register_command('fill', '[lines]', 'print lines through the tty', cmd_fill);
  register_command(
    'chatter',
    '[tasks] [lines]',
    'tasks that printk() in the background',
    cmd_chatter,
  );
  register_command('send', 'ttySn text...', 'write a line to another port', cmd_send);
  register_command('recv', 'ttySn', 'read a line from another port', cmd_recv);
  register_command('tty', '[ttySn]', 'show or change the terminal', cmd_tty);
  register_command('sysrq', '[key]', 'what BREAK and the key do', cmd_sysrq);
  register_command('keys', '', 'show the bytes that arrive, until ^D', cmd_keys);
}
