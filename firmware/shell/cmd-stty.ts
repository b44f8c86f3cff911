// stty: shows and changes a terminal's settings. Flags are a table; what sets several at once (sane, raw, evenp)
// is code. Special characters and -g are left out.

import { is_digit, simple_strtoul, str, streq } from '../lib/string';
import { up_to_8250 } from '../serial/8250-base';
import { uart_real_baud } from '../serial/8250';
import { tty_set_termios, uart_state_of } from '../serial/uart_tty';
import {
  BRKINT,
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
import { tty_current, tty_printf } from '../tty/tty';
import { tty_struct } from '../tty/tty_io';
import { find_tty } from './cmd-uart';
import { arg, register_command } from './commands';

const edited: ktermios = changetype<ktermios>(memory.data(offsetof<ktermios>(), 4));

/** The words of a termios. */
const CONTROL: u32 = 0;
const IN: u32 = 1;
const OUT: u32 = 2;
const LOCAL: u32 = 3;

@unmanaged
class stty_flag {
  name: string;
  word: u32;
  bit: u32;
}

const FLAGS_MAX: u32 = 40;
const table: usize = memory.data(12 * 40, 4);
const count: usize = memory.data(4, 4);

function flag_at(i: u32): stty_flag {
  return changetype<stty_flag>(table + <usize>i * offsetof<stty_flag>());
}

function flag(name: string, word: u32, bit: u32): void {
  const n = load<u32>(count);
  if (n == FLAGS_MAX) return;
  const entry = flag_at(n);
  entry.name = name;
  entry.word = word;
  entry.bit = bit;
  store<u32>(count, n + 1);
}

/** Flags in the order in which they are shown, word by word. */
function define_flags(): void {
  flag('cread', CONTROL, CREAD);
  flag('hupcl', CONTROL, HUPCL);
  flag('clocal', CONTROL, CLOCAL);
  flag('crtscts', CONTROL, CRTSCTS);
  flag('cstopb', CONTROL, CSTOPB);
  flag('parenb', CONTROL, PARENB);
  flag('parodd', CONTROL, PARODD);
  flag('cmspar', CONTROL, CMSPAR);
  flag('ignbrk', IN, IGNBRK);
  flag('brkint', IN, BRKINT);
  flag('ignpar', IN, IGNPAR);
  flag('parmrk', IN, PARMRK);
  flag('inpck', IN, INPCK);
  flag('istrip', IN, ISTRIP);
  flag('inlcr', IN, INLCR);
  flag('igncr', IN, IGNCR);
  flag('icrnl', IN, ICRNL);
  flag('ixon', IN, IXON);
  flag('ixany', IN, IXANY);
  flag('ixoff', IN, IXOFF);
  flag('opost', OUT, OPOST);
  flag('onlcr', OUT, ONLCR);
  flag('ocrnl', OUT, OCRNL);
  flag('tabs', OUT, XTABS);
  flag('isig', LOCAL, ISIG);
  flag('icanon', LOCAL, ICANON);
  flag('echo', LOCAL, ECHO);
  flag('echoe', LOCAL, ECHOE);
  flag('echok', LOCAL, ECHOK);
  flag('echoctl', LOCAL, ECHOCTL);
  flag('echoke', LOCAL, ECHOKE);
  flag('noflsh', LOCAL, NOFLSH);
  flag('iexten', LOCAL, IEXTEN);
}

/** Named after what the terminal does: "-tabs" has us send spaces. */
function is_inverted(f: stty_flag): bool {
  return f.word == OUT && f.bit == XTABS;
}

function word_of(t: ktermios, word: u32): u32 {
  return word == IN ? t.c_iflag : word == OUT ? t.c_oflag : word == CONTROL ? t.c_cflag : t.c_lflag;
}

function set_bits(t: ktermios, word: u32, clear: u32, set: u32): void {
  if (word == IN) t.c_iflag = (t.c_iflag & ~clear) | set;
  else if (word == OUT) t.c_oflag = (t.c_oflag & ~clear) | set;
  else if (word == CONTROL) t.c_cflag = (t.c_cflag & ~clear) | set;
  else t.c_lflag = (t.c_lflag & ~clear) | set;
}

function show_settings(tty: tty_struct): void {
  const t = tty.termios;
  const up = up_to_8250(uart_state_of(tty).uart_port);
  tty_printf('ttyS%u: speed %u baud', tty.index, t.c_speed);
  if (t.c_speed != 0) tty_printf(' (really %u)', uart_real_baud(up, t.c_speed));
  tty_printf('; cs%u\n', 5 + ((t.c_cflag & CSIZE) >> 4));
  const n = load<u32>(count);
  for (let i: u32 = 0; i < n; i++) {
    const f = flag_at(i);
    const on = (word_of(t, f.word) & f.bit) != 0;
    const last = i + 1 == n || flag_at(i + 1).word != f.word;
    tty_printf('%s%s%s', str(on == is_inverted(f) ? '-' : ''), str(f.name), str(last ? '\n' : ' '));
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

function sane(t: ktermios): void {
  cook(t);
  set_bits(t, IN, IGNBRK | BRKINT | IGNPAR | PARMRK | INPCK | IXANY | IXOFF, 0);
  set_bits(t, CONTROL, 0, CREAD);
  tty_std_cc(t);
}

function raw(t: ktermios): void {
  set_bits(t, IN, 0xffffffff, 0);
  set_bits(t, OUT, OPOST, 0);
  set_bits(t, LOCAL, ISIG | ICANON | ECHO, 0);
}

/** A flag by its name, or switched off by its name behind a hyphen. False if there is none of that name. */
function apply_flag(t: ktermios, word: usize): bool {
  const off = load<u8>(word) == 0x2d;
  const name = off ? word + 1 : word;
  for (let i: u32 = 0; i < load<u32>(count); i++) {
    const f = flag_at(i);
    if (!streq(name, f.name)) continue;
    set_bits(t, f.word, f.bit, off == is_inverted(f) ? f.bit : 0);
    return true;
  }
  return false;
}

/** One word of stty's arguments. False if it means nothing. */
function apply_setting(t: ktermios, word: usize): bool {
  if (is_digit(load<u8>(word))) t.c_speed = simple_strtoul(word);
  else if (streq(word, 'cs5')) set_bits(t, CONTROL, CSIZE, CS5);
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
  else if (streq(word, 'sane')) sane(t);
  else if (streq(word, 'raw')) raw(t);
  else return apply_flag(t, word);
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

export function register_stty_command(): void {
  define_flags();
  register_command('stty', '[ttySn] [-a|setting...]', 'show or change the line settings', cmd_stty);
}
