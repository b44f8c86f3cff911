// Self tests of the flip buffer and of the way from it to a reader that is slow: limits, order,
// throttling, dropping.

import { READ_ONCE } from '../arch/atomic';
import { N_TTY_BUF_SIZE, n_tty_poll, n_tty_read } from '../tty/n_tty';
import { ICANON, IGNPAR, IMAXBEL, INPCK, PARMRK } from '../tty/termios';
import {
  TTY_BUFFER_SIZE,
  TTY_NORMAL,
  TTY_PARITY,
  tty_buffer_flush,
  tty_buffer_flush_work,
  tty_buffer_restart_work,
  tty_buffer_space_avail,
  tty_flip_buffer_push,
  tty_insert_flip_char,
} from '../tty/tty_buffer';
import { tty_struct } from '../tty/tty_io';
import { tty_port_tty_set } from '../tty/tty_port';
import { check, check_equal, register_selftest } from './tap';
import {
  expect_no_input,
  expect_read,
  expect_sent,
  test_tty_give_room,
  test_tty_reset,
  throttles,
  type_text,
  unthrottles,
} from './test-tty';

const READ_MAX: u32 = 100;
const buffer: usize = memory.data(100, 4);

/** Character n of an endless sequence that no distance of a power of two repeats. */
function sequence(n: u32): u32 {
  return (n * 7 + n / 251) & 0xff;
}

function raw(): tty_struct {
  const tty = test_tty_reset();
  tty.termios.c_lflag = 0;
  tty.termios.c_iflag = 0;
  return tty;
}

/** Puts characters from..from+n of the sequence in; how many fit. */
function insert(tty: tty_struct, from: u32, n: u32): u32 {
  let done: u32 = 0;
  while (done < n && tty_insert_flip_char(tty.port, sequence(from + done), TTY_NORMAL)) done++;
  return done;
}

/** Reads all there is; checks that it goes on with character `from`. Returns how much it was. */
function drain(tty: tty_struct, from: u32): u32 {
  let done: u32 = 0;
  let wrong: u32 = 0;
  while (n_tty_poll(tty)) {
    const n = n_tty_read(tty, buffer, READ_MAX);
    for (let i: i32 = 0; i < n; i++) {
      if (<u32>load<u8>(buffer + i) != sequence(from + done++)) wrong++;
    }
    // What did not fit into the line discipline comes now.
    tty_buffer_flush_work(tty.port);
  }
  check_equal(wrong, 0, 'characters out of order');
  return done;
}

/** With nobody to read it, it takes exactly its size, and the rest is refused. */
function test_limit(): void {
  const tty = raw();
  tty_port_tty_set(tty.port, null);
  check_equal(tty_buffer_space_avail(tty.port), TTY_BUFFER_SIZE, 'room at first');
  check_equal(insert(tty, 0, TTY_BUFFER_SIZE + 10), TTY_BUFFER_SIZE, 'characters that fit');
  check_equal(tty_buffer_space_avail(tty.port), 0, 'room in the end');
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
  check_equal(tty_buffer_space_avail(tty.port), 0, 'what nobody reads stays');
  tty_port_tty_set(tty.port, tty);
  tty_buffer_restart_work(tty.port);
  tty_buffer_flush_work(tty.port);
  check_equal(drain(tty, 0), TTY_BUFFER_SIZE, 'characters that arrive');
  check_equal(tty_buffer_space_avail(tty.port), TTY_BUFFER_SIZE, 'room again');
}

/** Pieces of all lengths, over the end of the ring. */
function test_wrap(): void {
  const tty = raw();
  let sent: u32 = 0;
  for (let n: u32 = 1; sent < 3 * TTY_BUFFER_SIZE; n = (n * 5 + 3) % 1021) {
    check_equal(insert(tty, sent, n), n, 'room for a piece');
    tty_flip_buffer_push(tty.port);
    tty_buffer_flush_work(tty.port);
    check_equal(drain(tty, sent), n, 'a piece comes whole');
    sent += n;
  }
}

/** Nothing is seen before the driver has pushed it; flags stay with their characters. */
function test_push(): void {
  const tty = raw();
  insert(tty, 0, 3);
  tty_buffer_restart_work(tty.port);
  tty_buffer_flush_work(tty.port);
  expect_no_input(tty, 'not before the push');
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
  check_equal(drain(tty, 0), 3, 'after the push');
  tty.termios.c_iflag = INPCK | IGNPAR;
  for (let i: u32 = 0; i < 6; i++) {
    tty_insert_flip_char(tty.port, 0x61 + i, i % 2 == 0 ? TTY_NORMAL : TTY_PARITY);
  }
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
  expect_read(tty, 'ace', 'flags stay with their characters');
}

/** A slow reader: the port is told to pause once, and to go on once, and nothing is lost. */
function test_throttle(): void {
  const tty = raw();
  const n = N_TTY_BUF_SIZE + 1000;
  check_equal(insert(tty, 0, n), n, 'room for more than the line discipline takes');
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
  check_equal(READ_ONCE(throttles), 1, 'the port is told to pause');
  check_equal(READ_ONCE(unthrottles), 0, 'and not yet to go on');
  check(tty_buffer_space_avail(tty.port) < TTY_BUFFER_SIZE, 'what does not fit stays behind');
  check_equal(drain(tty, 0), n, 'characters that arrive');
  check_equal(READ_ONCE(throttles), READ_ONCE(unthrottles), 'every pause ends');
}

/** Characters that become three on their way do not run over the end of the buffer. */
function test_marked(): void {
  const tty = raw();
  tty.termios.c_iflag = INPCK | PARMRK;
  for (let i: u32 = 0; i < N_TTY_BUF_SIZE; i++) {
    tty_insert_flip_char(tty.port, sequence(i), TTY_PARITY);
  }
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
  let wrong: u32 = 0;
  let n: u32 = 0;
  for (; n_tty_poll(tty); n++) {
    const got = n_tty_read(tty, buffer, 3);
    const c: u32 = load<u8>(buffer + 2);
    if (got != 3 || load<u16>(buffer) != 0xff || c != sequence(n)) wrong++;
    tty_buffer_flush_work(tty.port);
  }
  check_equal(n, N_TTY_BUF_SIZE, 'marked characters that arrive');
  check_equal(wrong, 0, 'marks in the wrong place');
}

/** An endless line loses its tail, keeps its head, and does not stop ^U and Enter. */
function test_endless_line(): void {
  const tty = test_tty_reset();
  tty.termios.c_lflag = ICANON;
  tty.termios.c_iflag |= IMAXBEL;
  test_tty_give_room(0);
  for (let i: u32 = 0; i < N_TTY_BUF_SIZE + 50; i++) {
    tty_insert_flip_char(tty.port, i == 0 ? 0x61 : 0x62, TTY_NORMAL);
  }
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
  check_equal(tty_buffer_space_avail(tty.port), TTY_BUFFER_SIZE, 'it does not hold up the port');
  check(tty.disc_data.num_overrun >= 50, 'lost characters are counted', tty.disc_data.num_overrun);
  type_text(tty, '\n');
  check_equal(n_tty_read(tty, buffer, 2), 2, 'the line is there');
  check_equal(load<u8>(buffer), 0x61, 'with its head');
  while (n_tty_poll(tty)) n_tty_read(tty, buffer, READ_MAX);
  test_tty_reset();
  type_text(tty, 'x\n');
  expect_read(tty, 'x\n', 'the next line is whole');
  expect_sent('x\r\n', 'and echoed');
}

function test_flush(): void {
  const tty = raw();
  tty_port_tty_set(tty.port, null);
  insert(tty, 0, 100);
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush(tty.port);
  insert(tty, 100, 5);
  tty_port_tty_set(tty.port, tty);
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
  check_equal(drain(tty, 100), 5, 'only what came after the flush');
}

export function register_flip_selftests(): void {
  register_selftest('flip buffer: limit', test_limit);
  register_selftest('flip buffer: wrap', test_wrap);
  register_selftest('flip buffer: push', test_push);
  register_selftest('flip buffer: throttle', test_throttle);
  register_selftest('flip buffer: marked characters', test_marked);
  register_selftest('flip buffer: endless line', test_endless_line);
  register_selftest('flip buffer: flush', test_flush);
}
