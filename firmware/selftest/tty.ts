// Self tests of the line discipline: editing of lines with their echo, output, flow control,
// characters with errors. POSIX 11.1 and 11.2 say what must come.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { kthread_run } from '../sched/kthread';
import { clear_sigint, current, signal_pending } from '../sched/core';
import { msleep } from '../sched/timeout';
import { n_tty_poll } from '../tty/n_tty';
import { n_tty_write } from '../tty/n_tty_output';
import {
  BRKINT,
  ECHO,
  ECHOKE,
  ECHONL,
  ICANON,
  ICRNL,
  IGNBRK,
  IGNCR,
  IGNPAR,
  INLCR,
  INPCK,
  ISTRIP,
  IXANY,
  IXON,
  NOFLSH,
  OCRNL,
  ONLCR,
  ONLRET,
  ONOCR,
  OPOST,
  PARMRK,
  XTABS,
} from '../tty/termios';
import { TTY_BREAK, TTY_FRAME, TTY_NORMAL, TTY_OVERRUN, TTY_PARITY } from '../tty/tty_buffer';
import { literal_at, literal_length } from '../lib/string';
import { tty_struct, tty_wakeup } from '../tty/tty_io';
import { check, check_equal, register_selftest } from './tap';
import {
  expect_no_input,
  expect_read,
  expect_sent,
  receive,
  starts,
  stops,
  test_tty_give_room,
  test_tty_reset,
  test_tty_sent,
  type_text,
} from './test-tty';

const text: usize = memory.data(64, 4);
const written: usize = memory.data(4, 4);

/** Task context. */
function write_text(tty: tty_struct, s: string): void {
  const n = literal_length(s);
  for (let i: u32 = 0; i < n; i++) store<u8>(text + i, literal_at(s, i));
  check_equal(n_tty_write(tty, text, n), n, 'write() takes it all');
}

function test_lines(): void {
  const tty = test_tty_reset();
  type_text(tty, 'ab');
  expect_no_input(tty, 'half a line is not there for read()');
  type_text(tty, 'c\rd\n');
  expect_sent('abc\r\nd\r\n', 'echo');
  expect_read(tty, 'abc\n', 'CR ends a line (ICRNL)');
  expect_read(tty, 'd\n', 'one line for one read()');
  expect_no_input(tty, 'no third line');
  type_text(tty, 'ab\x04');
  expect_read(tty, 'ab', '^D gives what there is');
  type_text(tty, '\x04');
  check(n_tty_poll(tty), '^D on an empty line ends the input');
  expect_read(tty, '', 'and read() gives nothing');
  expect_sent('ab', '^D has no echo');
  tty.termios.c_lflag &= ~ECHO;
  type_text(tty, 'secret\n');
  expect_sent('', 'no echo without ECHO');
  tty.termios.c_lflag |= ECHONL;
  type_text(tty, 'secret\n');
  expect_sent('\r\n', 'but for the newline with ECHONL');
}

function test_editing(): void {
  const tty = test_tty_reset();
  type_text(tty, 'ab\x7fc\x7f\x7f\x7f\x7fd\n');
  expect_sent('ab\b \bc\b \b\b \bd\r\n', 'erase stops at the start of the line');
  expect_read(tty, 'd\n', 'erased characters are gone');
  type_text(tty, 'one two \x17x\n');
  expect_sent('one two \b \b\b \b\b \b\b \bx\r\n', '^W takes a word and what is behind it');
  expect_read(tty, 'one x\n', '^W');
  type_text(tty, 'abc\x15x\n');
  expect_sent('abc\b \b\b \b\b \bx\r\n', '^U takes the line');
  expect_read(tty, 'x\n', '^U');
  tty.termios.c_lflag &= ~ECHOKE;
  type_text(tty, 'abc\x15x\n');
  expect_sent('abc^U\r\nx\r\n', '^U without ECHOKE begins a new line');
  expect_read(tty, 'x\n', '^U without ECHOKE');
  type_text(tty, 'ab\x12c\n');
  expect_sent('ab^R\r\nabc\r\n', '^R shows the line');
  expect_read(tty, 'abc\n', '^R is not part of it');
  type_text(tty, '\x16\x03\x16\x7f\n');
  expect_sent('^\b^C^\b^?\r\n', '^V shows what it takes literally');
  expect_read(tty, '\x03\x7f\n', '^V');
}

/** Characters that take more than a column. */
function test_rubout(): void {
  const tty = test_tty_reset();
  type_text(tty, 'a\x01\x7f\x7f\x15');
  expect_sent('a^A\b \b\b \b\b \b', 'a control character is two columns');
  type_text(tty, 'abc\t\x7f');
  expect_sent('abc\t\b\b\b\b\b', 'a tab goes back to where it began');
  type_text(tty, '\x01\t\x7f\x15');
  expect_sent('^A\t\b\b\b\b \b\b \b\b \b\b \b\b \b', 'also behind a control character');
  write_text(tty, '> ');
  type_text(tty, '\t\x7f');
  expect_sent('> \t\b\b\b\b\b\b', 'and behind a prompt');
}

function test_input_modes(): void {
  const tty = test_tty_reset();
  tty.termios.c_lflag &= ~(ICANON | ECHO);
  tty.termios.c_iflag = INLCR;
  type_text(tty, 'a\rb\nc');
  expect_read(tty, 'a\rb\rc', 'INLCR');
  tty.termios.c_iflag = IGNCR | ICRNL;
  type_text(tty, 'a\rb\nc');
  expect_read(tty, 'ab\nc', 'IGNCR');
  tty.termios.c_iflag = ISTRIP;
  type_text(tty, 'a\xe2\x80');
  expect_read(tty, 'ab\0', 'ISTRIP');
  tty.termios.c_iflag = 0;
  type_text(tty, '\x7f\x15\x04\x11\x13\xff\0');
  expect_read(tty, '\x7f\x15\x04\x11\x13\xff\0', 'raw: all as it is');
  type_text(tty, 'left');
  expect_read(tty, 'left', 'raw: without a newline');
}

function test_tty_signals(): void {
  const tty = test_tty_reset();
  type_text(tty, 'abc\x03');
  check(signal_pending(current()), '^C is a signal');
  clear_sigint(current());
  type_text(tty, 'd\n');
  expect_read(tty, 'd\n', '^C drops the line');
  tty.termios.c_lflag |= NOFLSH;
  type_text(tty, 'abc\x03');
  check(signal_pending(current()), '^C with NOFLSH');
  clear_sigint(current());
  type_text(tty, 'd\n');
  expect_read(tty, 'abcd\n', 'NOFLSH keeps the line');
}

function test_output(): void {
  const tty = test_tty_reset();
  write_text(tty, 'a\nb\rc');
  expect_sent('a\r\nb\rc', 'ONLCR');
  tty.termios.c_oflag = OPOST | XTABS;
  write_text(tty, '\rab\tc\t\td\n');
  expect_sent('\rab      c               d\n', 'XTABS: columns of eight');
  tty.termios.c_oflag = OPOST | OCRNL;
  write_text(tty, 'a\r');
  expect_sent('a\n', 'OCRNL');
  tty.termios.c_oflag = OPOST | ONOCR;
  write_text(tty, 'a\r\rb');
  expect_sent('a\rb', 'ONOCR: no CR in column 0');
  tty.termios.c_oflag = OPOST | ONOCR | ONLRET;
  write_text(tty, '\n\rb');
  expect_sent('\nb', 'ONLRET: a newline goes to column 0');
  tty.termios.c_oflag = ONLCR | XTABS;
  write_text(tty, 'a\n\t');
  expect_sent('a\n\t', 'without OPOST all as it is');
}

function writer(p: usize): u32 {
  for (let i: u32 = 0; i < 48; i++) store<u8>(text + i, i % 16 == 15 ? 0x0a : 0x30 + (i % 16));
  WRITE_ONCE(written, n_tty_write(changetype<tty_struct>(p), text, 48));
  return 0;
}

/** A writer sleeps while the driver has no room, and nothing is sent twice or by halves. */
function test_write_wait(): void {
  const tty = test_tty_reset();
  WRITE_ONCE(written, 0);
  test_tty_give_room(10);
  kthread_run(writer, changetype<usize>(tty), 'writer');
  msleep(20);
  check_equal(test_tty_sent(), 10, 'bytes that there was room for');
  test_tty_give_room(6);
  tty_wakeup(tty);
  msleep(20);
  check_equal(test_tty_sent(), 15, 'a newline needs room for two');
  for (let i: u32 = 0; i < 20 && READ_ONCE(written) == 0; i++) {
    test_tty_give_room(8);
    tty_wakeup(tty);
    msleep(10);
  }
  check_equal(READ_ONCE(written), 48, 'all of it in the end');
  expect_sent(
    '0123456789:;<=>\r\n0123456789:;<=>\r\n0123456789:;<=>\r\n',
    'in order, newlines whole',
  );
}

function test_flow(): void {
  const tty = test_tty_reset();
  type_text(tty, 'a\x13b');
  check_equal(READ_ONCE(stops), 1, '^S stops the driver');
  type_text(tty, '\x13');
  check_equal(READ_ONCE(stops), 1, 'once');
  check_equal(READ_ONCE(starts), 0, 'keys do not start it');
  type_text(tty, '\x11c\n');
  check_equal(READ_ONCE(starts), 1, '^Q starts it');
  expect_read(tty, 'abc\n', '^S and ^Q are not input');
  tty.termios.c_iflag |= IXANY;
  type_text(tty, '\x13d\n');
  check_equal(READ_ONCE(starts), 2, 'IXANY: any key starts it');
  expect_read(tty, 'd\n', 'and is input');
  tty.termios.c_iflag &= ~(IXON | IXANY);
  type_text(tty, '\x13e\x11\n');
  check_equal(READ_ONCE(stops), 2, 'without IXON nothing stops');
  expect_read(tty, '\x13e\x11\n', 'and they are input');
}

/** What read() gives for three characters, the middle one with a parity error, and a framing error. */
function bad_characters(tty: tty_struct): void {
  receive(tty, 0x61, TTY_NORMAL);
  receive(tty, 0x62, TTY_PARITY);
  receive(tty, 0x63, TTY_FRAME);
  receive(tty, 0x64, TTY_NORMAL);
}

function test_errors(): void {
  const tty = test_tty_reset();
  tty.termios.c_lflag &= ~(ICANON | ECHO);
  tty.termios.c_iflag = 0;
  bad_characters(tty);
  expect_read(tty, 'abcd', 'errors do not matter without INPCK');
  tty.termios.c_iflag = INPCK;
  bad_characters(tty);
  expect_read(tty, 'a\0\0d', 'INPCK: NUL');
  tty.termios.c_iflag = INPCK | IGNPAR;
  bad_characters(tty);
  expect_read(tty, 'ad', 'IGNPAR: dropped');
  tty.termios.c_iflag = INPCK | PARMRK;
  bad_characters(tty);
  expect_read(tty, 'a\xff\0b\xff\0cd', 'PARMRK: marked');
  receive(tty, 0xff, TTY_NORMAL);
  expect_read(tty, '\xff\xff', 'PARMRK: 0xff itself comes twice');
  tty.termios.c_iflag = INPCK | PARMRK | ISTRIP;
  receive(tty, 0xff, TTY_NORMAL);
  expect_read(tty, '\x7f', 'but not with ISTRIP');
  receive(tty, 0, TTY_OVERRUN);
  expect_no_input(tty, 'an overrun is not a character');
  check_equal(tty.disc_data.num_overrun, 1, 'but is counted');
}

function test_break(): void {
  const tty = test_tty_reset();
  tty.termios.c_lflag &= ~(ICANON | ECHO);
  tty.termios.c_iflag = 0;
  receive(tty, 0, TTY_BREAK);
  expect_read(tty, '\0', 'a BREAK is a NUL');
  tty.termios.c_iflag = PARMRK;
  receive(tty, 0, TTY_BREAK);
  expect_read(tty, '\xff\0\0', 'PARMRK: marked');
  tty.termios.c_iflag = IGNBRK | BRKINT;
  receive(tty, 0, TTY_BREAK);
  expect_no_input(tty, 'IGNBRK: nothing');
  check(!signal_pending(current()), 'IGNBRK goes before BRKINT');
  tty.termios.c_iflag = BRKINT;
  type_text(tty, 'abc');
  receive(tty, 0, TTY_BREAK);
  check(signal_pending(current()), 'BRKINT: a signal');
  clear_sigint(current());
  expect_no_input(tty, 'BRKINT drops the input');
}

export function register_tty_selftests(): void {
  register_selftest('tty: lines', test_lines);
  register_selftest('tty: editing', test_editing);
  register_selftest('tty: rubout', test_rubout);
  register_selftest('tty: input modes', test_input_modes);
  register_selftest('tty: signals', test_tty_signals);
  register_selftest('tty: output', test_output);
  register_selftest('tty: writers wait for room', test_write_wait);
  register_selftest('tty: XON and XOFF', test_flow);
  register_selftest('tty: characters with errors', test_errors);
  register_selftest('tty: BREAK', test_break);
}
