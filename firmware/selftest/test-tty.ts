// A tty without hardware for self tests: what its driver would receive is put into the flip buffer by
// hand, what it would send lies in memory. One of it, made by the first test that asks.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { literal_at, literal_length } from '../lib/string';
import { current } from '../sched/core';
import { memblock_alloc } from '../mm/memblock';
import { n_tty_poll, n_tty_read, n_tty_flush_buffer } from '../tty/n_tty';
import { ktermios, tty_std_termios } from '../tty/termios';
import {
  TTY_NORMAL,
  tty_buffer_flush,
  tty_buffer_flush_work,
  tty_flip_buffer_push,
  tty_insert_flip_char,
} from '../tty/tty_buffer';
import { alloc_tty_struct, tty_operations, tty_struct } from '../tty/tty_io';
import { tty_port, tty_port_init, tty_port_tty_set } from '../tty/tty_port';
import { check, check_equal } from './tap';

const SENT_MAX: u32 = 1024;

@unmanaged
class TestTty {
  tty: tty_struct | null;
  /** What has been written, and how much more there is room for. */
  sent: u32;
  room: u32;
}
const state: TestTty = changetype<TestTty>(memory.data(offsetof<TestTty>(), 4));
const ops: tty_operations = changetype<tty_operations>(memory.data(offsetof<tty_operations>(), 4));
const sent_bytes: usize = memory.data(1024, 4);
const line: usize = memory.data(256, 4);

/** Calls of the driver's functions since test_tty_reset(). */
export const stops: usize = memory.data(4, 4);
export const starts: usize = memory.data(4, 4);
export const throttles: usize = memory.data(4, 4);
export const unthrottles: usize = memory.data(4, 4);

const sent: usize = changetype<usize>(state) + offsetof<TestTty>('sent');
const room: usize = changetype<usize>(state) + offsetof<TestTty>('room');

function write_room(tty: tty_struct): u32 {
  return READ_ONCE(room);
}

function write(tty: tty_struct, text: usize, length: u32): u32 {
  let n: u32 = 0;
  for (; n < length && READ_ONCE(room) > 0; n++) {
    store<u8>(sent_bytes + (READ_ONCE(sent) % SENT_MAX), load<u8>(text + n));
    WRITE_ONCE(sent, READ_ONCE(sent) + 1);
    WRITE_ONCE(room, READ_ONCE(room) - 1);
  }
  return n;
}

function nothing_left(tty: tty_struct): u32 {
  return 0;
}

function stop(tty: tty_struct): void {
  fetch_add(stops, 1);
}

function start(tty: tty_struct): void {
  fetch_add(starts, 1);
}

function throttle(tty: tty_struct): void {
  fetch_add(throttles, 1);
}

function unthrottle(tty: tty_struct): void {
  fetch_add(unthrottles, 1);
}

function nothing(tty: tty_struct): void {}

function ignore_termios(tty: tty_struct, old: ktermios): void {}

function ignore_break(tty: tty_struct, on: bool): void {}

function create(): tty_struct {
  ops.write = write;
  ops.write_room = write_room;
  ops.chars_in_buffer = nothing_left;
  ops.stop = stop;
  ops.start = start;
  ops.throttle = throttle;
  ops.unthrottle = unthrottle;
  ops.hangup = nothing;
  ops.set_termios = ignore_termios;
  ops.break_ctl = ignore_break;
  ops.flush_buffer = nothing;
  ops.wait_until_sent = nothing;
  const port = changetype<tty_port>(memblock_alloc(offsetof<tty_port>(), 8));
  tty_port_init(port);
  return alloc_tty_struct(99, port, ops);
}

/** The tty, open, with a terminal's usual settings and nothing in any buffer. Task context. */
export function test_tty_reset(): tty_struct {
  let tty = state.tty;
  if (tty == null) {
    tty = create();
    state.tty = tty;
  }
  tty_port_tty_set(tty.port, tty);
  tty_buffer_flush_work(tty.port);
  tty_buffer_flush(tty.port);
  n_tty_flush_buffer(tty);
  tty_std_termios(tty.termios);
  tty.foreground = current();
  tty.disc_data.column = 0;
  tty.disc_data.lnext = 0;
  tty.disc_data.num_overrun = 0;
  tty.disc_data.echo_tail = tty.disc_data.echo_head;
  test_tty_give_room(SENT_MAX);
  WRITE_ONCE(sent, 0);
  WRITE_ONCE(stops, 0);
  WRITE_ONCE(starts, 0);
  WRITE_ONCE(throttles, 0);
  WRITE_ONCE(unthrottles, 0);
  return tty;
}

/** The driver has room for so many bytes. It does not say so: see tty_wakeup(). */
export function test_tty_give_room(n: u32): void {
  WRITE_ONCE(room, n);
}

/** Bytes written since the last look. */
export function test_tty_sent(): u32 {
  return READ_ONCE(sent);
}

/** A received character; it reaches the line discipline before this returns. Task context. */
export function receive(tty: tty_struct, c: u32, flag: u32): void {
  check(tty_insert_flip_char(tty.port, c, flag), 'room in the flip buffer');
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
}

/** The same for a text without errors, at once. */
export function type_text(tty: tty_struct, text: string): void {
  for (let i: u32 = 0; i < literal_length(text); i++) {
    check(tty_insert_flip_char(tty.port, literal_at(text, i), TTY_NORMAL), 'room for a text');
  }
  tty_flip_buffer_push(tty.port);
  tty_buffer_flush_work(tty.port);
}

function check_text(found: usize, length: u32, wanted: string, what: string): void {
  check_equal(length, literal_length(wanted), what);
  for (let i: u32 = 0; i < length && i < literal_length(wanted); i++) {
    const c: u32 = load<u8>(found + i);
    if (c == literal_at(wanted, i)) continue;
    check(false, what, c, literal_at(wanted, i));
    return;
  }
}

/** Has exactly this been written since the last look? */
export function expect_sent(wanted: string, what: string): void {
  check_text(sent_bytes, READ_ONCE(sent), wanted, what);
  WRITE_ONCE(sent, 0);
  test_tty_give_room(SENT_MAX);
}

/** Does read() give exactly this? It must not have to wait. */
export function expect_read(tty: tty_struct, wanted: string, what: string): void {
  if (!n_tty_poll(tty)) {
    check(false, what, 0, literal_length(wanted));
    return;
  }
  const n = n_tty_read(tty, line, 256);
  check_text(line, n < 0 ? 0 : n, wanted, what);
}

/** Would read() have to wait? */
export function expect_no_input(tty: tty_struct, what: string): void {
  check(!n_tty_poll(tty), what);
}
