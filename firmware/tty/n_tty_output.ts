// n_tty, output side: write() with its translations (OPOST), and the echo. Everything here is under
// output_lock, so that the column is right and echo does not fall into the middle of a sequence.

import { mutex_lock, mutex_unlock } from '../locking/mutex';
import { current, signal_pending } from '../sched/task';
import { literal_at, literal_length } from '../lib/string';
import { EINTR, EIO, N_TTY_BUF_SIZE, n_tty_data } from './n_tty';
import { ECHOCTL, OCRNL, ONLCR, ONLRET, ONOCR, OPOST, XTABS } from './termios';
import { TTY_DO_WRITE_WAKEUP, tty_hung_up, tty_set_flag, tty_struct } from './tty_io';
import { tty_sleep } from './tty_wait';

/** N_TTY_BUF_SIZE - 1; that one comes too late for a constant. */
const MASK: u32 = 4095;
const NO_ROOM: i32 = -1;

function O(tty: tty_struct, flag: u32): bool {
  return (tty.termios.c_oflag & flag) != 0;
}

/** One byte to the driver. Under output_lock; there is room. */
function put_char(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  // The word behind the echo buffer is for this.
  const byte = ldata.echo_buf + N_TTY_BUF_SIZE;
  store<u8>(byte, c);
  tty.ops.write(tty, byte, 1);
}

/** Sends a character as OPOST has it. NO_ROOM if all of that does not fit. Under output_lock. */
function do_output_char(tty: tty_struct, c: u32, space: u32): i32 {
  const ldata = tty.disc_data;
  if (space == 0) return NO_ROOM;
  if (c == 0x0a) {
    if (O(tty, ONLRET)) ldata.column = 0;
    if (O(tty, ONLCR)) {
      if (space < 2) return NO_ROOM;
      ldata.column = 0;
      ldata.canon_column = 0;
      put_char(tty, 0x0d);
      put_char(tty, 0x0a);
      return 2;
    }
  } else if (c == 0x0d) {
    if (O(tty, ONOCR) && ldata.column == 0) return 0;
    if (O(tty, OCRNL)) c = 0x0a;
    ldata.column = 0;
    ldata.canon_column = 0;
  } else if (c == 9) {
    const width: u32 = 8 - (ldata.column & 7);
    if ((tty.termios.c_oflag & XTABS) == XTABS) {
      if (space < width) return NO_ROOM;
      ldata.column += width;
      for (let i: u32 = 0; i < width; i++) put_char(tty, 0x20);
      return width;
    }
    ldata.column += width;
  } else if (c == 8) {
    if (ldata.column > 0) ldata.column--;
  } else if (c >= 0x20 && c != 0x7f) ldata.column++;
  put_char(tty, c);
  return 1;
}

/** The run of characters that need no translation, at once. Returns how many. Under output_lock. */
function process_output_block(tty: tty_struct, text: usize, length: u32): u32 {
  let n: u32 = 0;
  while (n < length) {
    const c: u32 = load<u8>(text + n);
    if (c < 0x20 || c == 0x7f) break;
    n++;
  }
  if (n == 0) return 0;
  const sent = tty.ops.write(tty, text, n);
  tty.disc_data.column += sent;
  return sent;
}

function writer_may_go_on(tty: tty_struct): bool {
  return tty.ops.write_room(tty) >= 8 || tty_hung_up(tty) || signal_pending(current());
}

/** As much as there is room for. Returns how much. */
function write_some(tty: tty_struct, text: usize, length: u32): u32 {
  const ldata = tty.disc_data;
  let n: u32 = 0;
  mutex_lock(ldata.output_lock);
  if (!O(tty, OPOST)) {
    n = tty.ops.write(tty, text, length);
  } else {
    while (n < length) {
      const sent = process_output_block(tty, text + n, length - n);
      n += sent;
      if (n == length) break;
      const c: u32 = load<u8>(text + n);
      if (do_output_char(tty, c, tty.ops.write_room(tty)) < 0) break;
      n++;
    }
  }
  mutex_unlock(ldata.output_lock);
  return n;
}

/** write(): waits for room. Returns the bytes taken, EIO if hung up, EINTR after ^C. Task context. */
export function n_tty_write(tty: tty_struct, text: usize, length: u32): i32 {
  let done: u32 = 0;
  mutex_lock(tty.atomic_write_lock);
  process_echoes(tty);
  let error: i32 = 0;
  for (;;) {
    if (tty_hung_up(tty)) {
      error = EIO;
      break;
    }
    done += write_some(tty, text + done, length - done);
    if (done == length) break;
    // ^C ends what cannot go on, not what can.
    if (signal_pending(current())) {
      error = EINTR;
      break;
    }
    tty_set_flag(tty, TTY_DO_WRITE_WAKEUP, true);
    tty_sleep(tty.write_wait, writer_may_go_on, tty);
  }
  mutex_unlock(tty.atomic_write_lock);
  return done > 0 ? <i32>done : error;
}

/** Where the cursor will be when all echo is out, if no tab or escape sequence is under way. */
export function n_tty_column(tty: tty_struct): u32 {
  const ldata = tty.disc_data;
  let column = ldata.column;
  for (let i = ldata.echo_tail; i != ldata.echo_head; i++) {
    const c: u32 = load<u8>(ldata.echo_buf + (i & MASK));
    if (c == 0x0a || c == 0x0d) column = 0;
    else if (c == 9) column += 8 - (column & 7);
    else if (c == 8) column -= column > 0 ? 1 : 0;
    else if (c >= 0x20 && c != 0x7f) column++;
  }
  return column;
}

/** Puts a byte into the echo buffer; the oldest goes if it is full. In the worker. */
export function echo_char_raw(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  if (ldata.echo_head - ldata.echo_tail == N_TTY_BUF_SIZE) ldata.echo_tail++;
  store<u8>(ldata.echo_buf + (ldata.echo_head & MASK), c);
  ldata.echo_head++;
}

/** A character as it is shown: control characters as ^X. */
export function echo_char(tty: tty_struct, c: u32): void {
  if ((c < 0x20 || c == 0x7f) && c != 9 && (tty.termios.c_lflag & ECHOCTL) != 0) {
    echo_char_raw(tty, 0x5e);
    echo_char_raw(tty, c ^ 0x40);
  } else echo_char_raw(tty, c);
}

export function echo_string(tty: tty_struct, s: string): void {
  for (let i: u32 = 0; i < literal_length(s); i++) echo_char_raw(tty, literal_at(s, i));
}

/** Sends as much of the echo as there is room for. Under output_lock. */
function flush_echo(tty: tty_struct, ldata: n_tty_data): void {
  while (ldata.echo_tail != ldata.echo_head) {
    const c: u32 = load<u8>(ldata.echo_buf + (ldata.echo_tail & MASK));
    const room = tty.ops.write_room(tty);
    if (room == 0) return;
    if (O(tty, OPOST)) {
      if (do_output_char(tty, c, room) < 0) return;
    } else put_char(tty, c);
    ldata.echo_tail++;
  }
}

/** The echo that is due. Task context, worker included. */
export function process_echoes(tty: tty_struct): void {
  const ldata = tty.disc_data;
  if (ldata.echo_tail == ldata.echo_head) return;
  mutex_lock(ldata.output_lock);
  flush_echo(tty, ldata);
  mutex_unlock(ldata.output_lock);
}

/** At the end of a batch of received characters. In the worker. */
export function commit_echoes(tty: tty_struct): void {
  process_echoes(tty);
}
