// Shell commands about serial ports and terminals: uart, stty, sink, cat, send, tty, modemwait, sysrq.

import { is_digit, simple_strtoul, str, streq } from '../lib/string';
import { ktime_get_ns } from '../time/timekeeping';
import {
  UART_BUG_THRE,
  UART_BUG_TXEN,
  UART_CAP_AFE,
  UART_CAP_EFR,
  UART_CAP_FIFO,
  serial8250_type_name,
  uart_8250_port,
  up_to_8250,
} from '../serial/8250-base';
import {
  serial8250_port_at,
  serial8250_ports,
  serial8250_tty,
  uart_real_baud,
} from '../serial/8250';
import {
  TIOCM_CAR,
  TIOCM_CTS,
  TIOCM_DSR,
  TIOCM_DTR,
  TIOCM_RNG,
  TIOCM_RTS,
  uart_circ_chars_pending,
} from '../serial/uart_port';
import {
  tty_send_break,
  tty_set_termios,
  uart_close,
  uart_open,
  uart_state_of,
  uart_tiocmget,
  uart_wait_modem_status,
} from '../serial/uart_tty';
import { n_tty_read } from '../tty/n_tty';
import { n_tty_write } from '../tty/n_tty_output';
import { handle_sysrq } from '../tty/sysrq';
import {
  CLOCAL,
  CMSPAR,
  CREAD,
  CRTSCTS,
  CS5,
  CS6,
  CS7,
  CS8,
  CSIZE,
  CSTOPB,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  HUPCL,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNBRK,
  IGNCR,
  IGNPAR,
  INLCR,
  INPCK,
  ISIG,
  ISTRIP,
  BRKINT,
  IXANY,
  IXOFF,
  IXON,
  NOFLSH,
  OCRNL,
  ONLCR,
  OPOST,
  PARENB,
  PARMRK,
  PARODD,
  XTABS,
  copy_termios,
  ktermios,
  tty_std_cc,
} from '../tty/termios';
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
import { tty_struct } from '../tty/tty_io';
import { cat_file } from './cmd-kmsg';
import { in_background } from './jobs';
import { arg, register_command, register_detachable_command, rest } from './commands';
import { fetch_add } from '../arch/atomic';
import { pr_info } from '../printk/printk';
import { schedule_timeout, set_current_state } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { TASK_INTERRUPTIBLE, current } from '../sched/task';

const CTRL_D: u32 = 0x04;
const CHUNK: u32 = 256;
const chunk: usize = memory.data(256, 4);
const edited: ktermios = changetype<ktermios>(memory.data(offsetof<ktermios>(), 4));

/** The tty that an argument names (ttyS1, or 1), or null. */
function find_tty(name: usize): tty_struct | null {
  let p = name;
  if (load<u32>(p) == 0x53797474) p += 4; // "ttyS"
  if (!is_digit(load<u8>(p)) || load<u8>(p + 1) != 0) return null;
  return serial8250_tty(<u32>load<u8>(p) - 0x30);
}

// ---- uart --------------------------------------------------------------------------------------

function show_line(on: bool, name: string): void {
  if (on) tty_printf('|%s', str(name));
}

function show_port(up: uart_8250_port): void {
  const i = up.icount;
  tty_printf('ttyS%u: mmio:0x%x irq:%u tx:%u rx:%u', up.line, up.membase, up.irq, i.tx, i.rx);
  tty_printf(
    ' oe:%u pe:%u fe:%u brk:%u bo:%u ',
    i.overrun,
    i.parity,
    i.frame,
    i.brk,
    i.buf_overrun,
  );
  const m = uart_tiocmget(up);
  show_line((m & TIOCM_RTS) != 0, 'RTS');
  show_line((m & TIOCM_CTS) != 0, 'CTS');
  show_line((m & TIOCM_DTR) != 0, 'DTR');
  show_line((m & TIOCM_DSR) != 0, 'DSR');
  show_line((m & TIOCM_CAR) != 0, 'CD');
  show_line((m & TIOCM_RNG) != 0, 'RI');
  tty_printf('\n');
}

function show_port_more(up: uart_8250_port): void {
  tty_printf(
    '       uart:%s fifo:%u tx_loadsz:%u',
    str(serial8250_type_name(up.type)),
    up.fifosize,
    up.tx_loadsz,
  );
  if (up.capabilities & UART_CAP_FIFO) tty_printf(' FIFO');
  if (up.capabilities & UART_CAP_EFR) tty_printf(' EFR');
  if (up.capabilities & UART_CAP_AFE) tty_printf(' AFE');
  tty_printf('\n       THRE test:%s', str(up.bugs & UART_BUG_THRE ? 'lost' : 'ok'));
  tty_printf(' TXEN test:%s\n', str(up.bugs & UART_BUG_TXEN ? 'lost' : 'ok'));
  const i = up.icount;
  tty_printf('       modem changes cts:%u dsr:%u dcd:%u ri:%u\n', i.cts, i.dsr, i.dcd, i.rng);
  tty_printf(
    '       irqs:%u pass limit:%u backup timeouts:%u console timeouts:%u\n',
    up.irqs,
    up.passes_over_limit,
    up.backup_timeouts,
    up.console_timeouts,
  );
  const state = up.state;
  if (state != null) {
    tty_printf('       to send:%u hw_stopped:%u', uart_circ_chars_pending(state), up.hw_stopped);
    tty_printf(' opens:%u blocked:%u\n', up_tty_count(up), state.port.blocked_open);
  }
}

function up_tty_count(up: uart_8250_port): u32 {
  const tty = serial8250_tty(up.line);
  return tty == null ? 0 : tty.count;
}

function cmd_uart(argc: u32, argv: usize): void {
  for (let n: u32 = 0; n < serial8250_ports(); n++) {
    const up = serial8250_port_at(n);
    if (serial8250_tty(n) == null) continue;
    show_port(up);
    if (argc > 1) show_port_more(up);
  }
}

// ---- stty --------------------------------------------------------------------------------------

const IN: u32 = 0;
const OUT: u32 = 1;
const CONTROL: u32 = 2;
const LOCAL: u32 = 3;

/** Calls back for flag i of those that stty knows by name: the table, as code. */
function flag_name(i: u32): string {
  switch (i) {
    case 0:
      return 'cread';
    case 1:
      return 'hupcl';
    case 2:
      return 'clocal';
    case 3:
      return 'crtscts';
    case 4:
      return 'cstopb';
    case 5:
      return 'parenb';
    case 6:
      return 'parodd';
    case 7:
      return 'cmspar';
    case 8:
      return 'ignbrk';
    case 9:
      return 'brkint';
    case 10:
      return 'ignpar';
    case 11:
      return 'parmrk';
    case 12:
      return 'inpck';
    case 13:
      return 'istrip';
    case 14:
      return 'inlcr';
    case 15:
      return 'igncr';
    case 16:
      return 'icrnl';
    case 17:
      return 'ixon';
    case 18:
      return 'ixany';
    case 19:
      return 'ixoff';
    case 20:
      return 'opost';
    case 21:
      return 'onlcr';
    case 22:
      return 'ocrnl';
    case 23:
      return 'tabs';
    case 24:
      return 'isig';
    case 25:
      return 'icanon';
    case 26:
      return 'echo';
    case 27:
      return 'echoe';
    case 28:
      return 'echok';
    case 29:
      return 'echoctl';
    case 30:
      return 'echoke';
    case 31:
      return 'noflsh';
    case 32:
      return 'iexten';
    default:
      return '';
  }
}

const FLAGS: u32 = 33;

/** Which word of the termios a flag is in. */
function flag_word(i: u32): u32 {
  return i < 8 ? CONTROL : i < 20 ? IN : i < 24 ? OUT : LOCAL;
}

function flag_bit(i: u32): u32 {
  switch (i) {
    case 0:
      return CREAD;
    case 1:
      return HUPCL;
    case 2:
      return CLOCAL;
    case 3:
      return CRTSCTS;
    case 4:
      return CSTOPB;
    case 5:
      return PARENB;
    case 6:
      return PARODD;
    case 7:
      return CMSPAR;
    case 8:
      return IGNBRK;
    case 9:
      return BRKINT;
    case 10:
      return IGNPAR;
    case 11:
      return PARMRK;
    case 12:
      return INPCK;
    case 13:
      return ISTRIP;
    case 14:
      return INLCR;
    case 15:
      return IGNCR;
    case 16:
      return ICRNL;
    case 17:
      return IXON;
    case 18:
      return IXANY;
    case 19:
      return IXOFF;
    case 20:
      return OPOST;
    case 21:
      return ONLCR;
    case 22:
      return OCRNL;
    // Named after what the terminal does: "-tabs" has us send spaces.
    case 23:
      return XTABS;
    case 24:
      return ISIG;
    case 25:
      return ICANON;
    case 26:
      return ECHO;
    case 27:
      return ECHOE;
    case 28:
      return ECHOK;
    case 29:
      return ECHOCTL;
    case 30:
      return ECHOKE;
    case 31:
      return NOFLSH;
    default:
      return IEXTEN;
  }
}

const TABS: u32 = 23;

function word_of(t: ktermios, word: u32): u32 {
  return word == IN ? t.c_iflag : word == OUT ? t.c_oflag : word == CONTROL ? t.c_cflag : t.c_lflag;
}

function set_bits(t: ktermios, word: u32, clear: u32, set: u32): void {
  if (word == IN) t.c_iflag = (t.c_iflag & ~clear) | set;
  else if (word == OUT) t.c_oflag = (t.c_oflag & ~clear) | set;
  else if (word == CONTROL) t.c_cflag = (t.c_cflag & ~clear) | set;
  else t.c_lflag = (t.c_lflag & ~clear) | set;
}

function flag_is_on(t: ktermios, i: u32): bool {
  const on = (word_of(t, flag_word(i)) & flag_bit(i)) != 0;
  return i == TABS ? !on : on;
}

function show_settings(tty: tty_struct): void {
  const t = tty.termios;
  const up = up_to_8250(uart_state_of(tty).uart_port);
  tty_printf('ttyS%u: speed %u baud', tty.index, t.c_speed);
  if (t.c_speed != 0) tty_printf(' (really %u)', uart_real_baud(up, t.c_speed));
  tty_printf('; cs%u\n', 5 + ((t.c_cflag & CSIZE) >> 4));
  for (let i: u32 = 0; i < FLAGS; i++) {
    tty_printf('%s%s', str(flag_is_on(t, i) ? '' : '-'), str(flag_name(i)));
    tty_printf('%s', str(i == 7 || i == 19 || i == 23 || i + 1 == FLAGS ? '\n' : ' '));
  }
}

function cook(t: ktermios): void {
  t.c_iflag |= ICRNL | IXON;
  t.c_iflag &= ~(INLCR | IGNCR | ISTRIP);
  t.c_oflag |= OPOST | ONLCR;
  t.c_lflag |= ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
}

/** What the shell starts with: raw input, as its line editor wants it. */
function edit(t: ktermios): void {
  cook(t);
  t.c_iflag &= ~ICRNL;
  t.c_lflag &= ~(ICANON | ECHO);
}

/** One word of stty's arguments. False if it means nothing. */
function apply_setting(t: ktermios, word: usize): bool {
  if (is_digit(load<u8>(word))) {
    t.c_speed = simple_strtoul(word);
    return true;
  }
  if (streq(word, 'cs5')) set_bits(t, CONTROL, CSIZE, CS5);
  else if (streq(word, 'cs6')) set_bits(t, CONTROL, CSIZE, CS6);
  else if (streq(word, 'cs7')) set_bits(t, CONTROL, CSIZE, CS7);
  else if (streq(word, 'cs8')) set_bits(t, CONTROL, CSIZE, CS8);
  else if (streq(word, 'evenp')) set_bits(t, CONTROL, CSIZE | PARODD | CMSPAR, CS7 | PARENB);
  else if (streq(word, 'oddp')) set_bits(t, CONTROL, CSIZE | CMSPAR, CS7 | PARENB | PARODD);
  else if (streq(word, 'even')) set_bits(t, CONTROL, PARODD | CMSPAR, PARENB);
  else if (streq(word, 'odd')) set_bits(t, CONTROL, CMSPAR, PARENB | PARODD);
  else if (streq(word, 'mark')) set_bits(t, CONTROL, 0, PARENB | PARODD | CMSPAR);
  else if (streq(word, 'space')) set_bits(t, CONTROL, PARODD, PARENB | CMSPAR);
  else if (streq(word, 'cooked')) cook(t);
  else if (streq(word, 'edit')) edit(t);
  else if (streq(word, 'sane')) {
    cook(t);
    set_bits(t, IN, IGNBRK | BRKINT | IGNPAR | PARMRK | INPCK | IXANY | IXOFF, 0);
    set_bits(t, CONTROL, 0, CREAD);
    tty_std_cc(t);
  } else if (streq(word, 'raw')) {
    set_bits(t, IN, 0xffffffff, 0);
    set_bits(t, OUT, OPOST, 0);
    set_bits(t, LOCAL, ISIG | ICANON | ECHO, 0);
  } else {
    const off = load<u8>(word) == 0x2d;
    const name = off ? word + 1 : word;
    for (let i: u32 = 0; i < FLAGS; i++) {
      if (!streq(name, flag_name(i))) continue;
      const on = i == TABS ? off : !off;
      set_bits(t, flag_word(i), flag_bit(i), on ? flag_bit(i) : 0);
      return true;
    }
    return false;
  }
  return true;
}

/** stty [ttySn] [-a | setting...] */
function cmd_stty(argc: u32, argv: usize): void {
  let tty = tty_current();
  let first: u32 = 1;
  if (argc > 1) {
    const other = find_tty(arg(argv, 1));
    if (other != null && !is_digit(load<u8>(arg(argv, 1)))) {
      tty = other;
      first = 2;
    }
  }
  if (tty == null) return;
  if (argc == first || streq(arg(argv, first), '-a')) {
    show_settings(tty);
    return;
  }
  copy_termios(edited, tty.termios);
  for (let i = first; i < argc; i++) {
    if (apply_setting(edited, arg(argv, i))) continue;
    tty_printf("stty: invalid argument '%S'\n", arg(argv, i));
    return;
  }
  // What has been printed so far goes out as it was meant.
  tty.ops.wait_until_sent(tty);
  tty_set_termios(tty, edited);
}

// ---- input and output --------------------------------------------------------------------------

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

/** break [ttySn]: sends a BREAK. */
function cmd_break(argc: u32, argv: usize): void {
  const tty = argc > 1 ? find_tty(arg(argv, 1)) : tty_current();
  if (tty != null) tty_send_break(tty);
}

/** modemwait [ttySn]: waits until CTS, DSR, RI or DCD changes. */
function cmd_modemwait(argc: u32, argv: usize): void {
  const tty = argc > 1 ? find_tty(arg(argv, 1)) : tty_current();
  if (tty == null) return;
  tty_printf('modemwait: waiting\n');
  const mask = TIOCM_CTS | TIOCM_DSR | TIOCM_RNG | TIOCM_CAR;
  const error = uart_wait_modem_status(uart_state_of(tty), mask);
  const m = uart_tiocmget(uart_state_of(tty).uart_port);
  if (error != 0) tty_printf('modemwait: error %d\n', error);
  else tty_printf('modemwait: modem lines 0x%x\n', m);
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
  register_command('uart', '[-v]', 'counters of the serial ports', cmd_uart);
  register_command('stty', '[ttySn] [-a|setting...]', 'show or change the line settings', cmd_stty);
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
  register_command('break', '[ttySn]', 'send a BREAK', cmd_break);
  register_command('modemwait', '[ttySn]', 'wait for a modem line to change', cmd_modemwait);
  register_command('sysrq', '[key]', 'what BREAK and the key do', cmd_sysrq);
  register_command('keys', '', 'show the bytes that arrive, until ^D', cmd_keys);
}
