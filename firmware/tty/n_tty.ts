// n_tty, the line discipline, input side: editing of lines (canonical mode), signals, flow control,
// echo; and read(). Output is in n_tty_output.ts. Linux's drivers/tty/n_tty.c.
//
// One producer (the worker that empties the flip buffer), one reader at a time (atomic_read_lock):
// read_head and canon_head are published with release, read_tail likewise in the other direction.
// Leaves out: EOL2, word erase that knows what a word is in Unicode, packet mode.

import { READ_ONCE, WRITE_ONCE, smp_load_acquire, smp_mb, smp_store_release } from '../arch/atomic';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import { memblock_alloc } from '../mm/memblock';
import { send_sigint } from '../sched/core';
import { current, signal_pending } from '../sched/task';
import { wake_up_interruptible } from '../sched/wait';
import {
  commit_echoes,
  echo_char,
  echo_char_raw,
  echo_string,
  n_tty_column,
  process_echoes,
} from './n_tty_output';
import { receive_plain, takes_plain, update_char_map } from './n_tty_plain';
import {
  BRKINT,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNBRK,
  IGNCR,
  IGNPAR,
  IMAXBEL,
  INLCR,
  INPCK,
  ISIG,
  ISTRIP,
  IXANY,
  IXON,
  NOFLSH,
  PARMRK,
} from './termios';
import {
  TTY_BREAK,
  TTY_FRAME,
  TTY_NORMAL,
  TTY_OVERRUN,
  TTY_PARITY,
  tty_buffer_restart_work,
} from './tty_buffer';
import {
  TTY_THROTTLED,
  start_tty,
  stop_tty,
  tty_hung_up,
  tty_set_flag,
  tty_struct,
  tty_test,
} from './tty_io';
import { tty_sleep } from './tty_wait';

/** Characters of the read and echo buffers; a power of two. */
export const N_TTY_BUF_SIZE: u32 = 4096;
const MASK: u32 = N_TTY_BUF_SIZE - 1;
/** The port is told to pause when less room than this is left … */
const THRESHOLD_THROTTLE: u32 = 128;
/** … and to go on when no more than this waits to be read. */
const THRESHOLD_UNTHROTTLE: u32 = 128;

export const EINTR: i32 = -4;
export const EIO: i32 = -5;

@unmanaged
export class n_tty_data {
  /** Characters, then as many flags: 1 where a line ends. */
  read_buf: usize;
  /** 256 bits: characters that mean something with these settings. For the batch in progress. */
  char_map: usize;
  read_head: u32;
  /** End of the last complete line. */
  canon_head: u32;
  read_tail: u32;
  /** The next character is taken literally (^V). */
  lnext: u32;
  /** Had to leave characters in the flip buffer. */
  no_room: u32;
  atomic_read_lock: mutex;
  // Output (n_tty_output.ts), under output_lock.
  output_lock: mutex;
  echo_buf: usize;
  echo_head: u32;
  echo_tail: u32;
  column: u32;
  /** Column where the line being typed began. */
  canon_column: u32;
  /** Characters lost because lines got longer than the buffer. */
  num_overrun: u32;
}

/** Boot. */
export function n_tty_open(): n_tty_data {
  const ldata = changetype<n_tty_data>(memblock_alloc(offsetof<n_tty_data>(), 8));
  ldata.read_buf = memblock_alloc(<usize>N_TTY_BUF_SIZE * 2, 8);
  ldata.echo_buf = memblock_alloc(<usize>N_TTY_BUF_SIZE + 4, 8);
  ldata.char_map = memblock_alloc(32, 4);
  ldata.atomic_read_lock = changetype<mutex>(memblock_alloc(offsetof<mutex>(), 8));
  mutex_init(ldata.atomic_read_lock, 'atomic_read_lock');
  ldata.output_lock = changetype<mutex>(memblock_alloc(offsetof<mutex>(), 8));
  mutex_init(ldata.output_lock, 'output_lock');
  return ldata;
}

export function n_tty_head(ldata: n_tty_data): usize {
  return changetype<usize>(ldata) + offsetof<n_tty_data>('read_head');
}

function canon_of(ldata: n_tty_data): usize {
  return changetype<usize>(ldata) + offsetof<n_tty_data>('canon_head');
}

function tail_of(ldata: n_tty_data): usize {
  return changetype<usize>(ldata) + offsetof<n_tty_data>('read_tail');
}

function no_room_of(ldata: n_tty_data): usize {
  return changetype<usize>(ldata) + offsetof<n_tty_data>('no_room');
}

function read_char_at(ldata: n_tty_data, i: u32): u32 {
  return load<u8>(ldata.read_buf + (i & MASK));
}

function is_line_end(ldata: n_tty_data, i: u32): bool {
  return load<u8>(ldata.read_buf + N_TTY_BUF_SIZE + (i & MASK)) != 0;
}

function L(tty: tty_struct, flag: u32): bool {
  return (tty.termios.c_lflag & flag) != 0;
}

function I(tty: tty_struct, flag: u32): bool {
  return (tty.termios.c_iflag & flag) != 0;
}

/** Characters that the buffer still takes. */
function receive_room(tty: tty_struct): i32 {
  const ldata = tty.disc_data;
  const used = ldata.read_head - smp_load_acquire(tail_of(ldata));
  // The last place is for the end of a line.
  return <i32>(N_TTY_BUF_SIZE - used) - 1;
}

function put_tty_queue(ldata: n_tty_data, c: u32, line_end: bool): void {
  const at = ldata.read_buf + (ldata.read_head & MASK);
  store<u8>(at, c);
  store<u8>(at + N_TTY_BUF_SIZE, line_end ? 1 : 0);
  smp_store_release(n_tty_head(ldata), ldata.read_head + 1);
}

/** The line is complete. */
function handle_newline(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  put_tty_queue(ldata, c, true);
  smp_store_release(canon_of(ldata), ldata.read_head);
  wake_up_interruptible(tty.read_wait);
}

function is_control(c: u32): bool {
  return c < 0x20 || c == 0x7f;
}

/** Columns that a character takes when echoed at a column. */
function echo_width(tty: tty_struct, c: u32, column: u32): u32 {
  if (c == 9) return 8 - (column & 7);
  if (is_control(c)) return L(tty, ECHOCTL) ? 2 : 0;
  return 1;
}

/** Takes the last character of the line off the screen. It is out of the buffer already. */
function rub_out(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  let width: u32;
  if (c == 9) {
    // As wide as it was when it was typed.
    let column = ldata.canon_column;
    for (let i = ldata.canon_head; i != ldata.read_head; i++) {
      column += echo_width(tty, read_char_at(ldata, i), column);
    }
    width = echo_width(tty, c, column);
    for (; width > 0; width--) echo_char_raw(tty, 8);
    return;
  }
  for (width = echo_width(tty, c, 0); width > 0; width--) echo_string(tty, '\b \b');
}

/** ^H, ^W and ^U. */
function eraser(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  const termios = tty.termios;
  if (ldata.read_head == ldata.canon_head) return;
  const kill = c == termios.vkill;
  const word = c == termios.vwerase;
  if (kill && !(L(tty, ECHO) && L(tty, ECHOK) && L(tty, ECHOKE) && L(tty, ECHOE))) {
    smp_store_release(n_tty_head(ldata), ldata.canon_head);
    if (!L(tty, ECHO)) return;
    echo_char(tty, c);
    if (L(tty, ECHOK)) echo_char_raw(tty, 0x0a);
    return;
  }
  let seen = false;
  while (ldata.read_head != ldata.canon_head) {
    const last = read_char_at(ldata, ldata.read_head - 1);
    if (word) {
      const blank = last == 0x20 || last == 9;
      if (blank && seen) break;
      if (!blank) seen = true;
    }
    smp_store_release(n_tty_head(ldata), ldata.read_head - 1);
    if (L(tty, ECHO)) {
      if (c == termios.verase && !L(tty, ECHOE)) echo_char(tty, c);
      else rub_out(tty, last);
    }
    if (!kill && !word) break;
  }
}

/** ^R: the line as it stands, once more. */
function reprint(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  echo_char(tty, c);
  echo_char_raw(tty, 0x0a);
  ldata.canon_column = 0;
  for (let i = ldata.canon_head; i != ldata.read_head; i++) echo_char(tty, read_char_at(ldata, i));
}

/** ^C and ^\. */
function receive_signal_char(tty: tty_struct, c: u32): void {
  const p = tty.foreground;
  if (!L(tty, NOFLSH)) {
    n_tty_flush_buffer(tty);
    tty.ops.flush_buffer(tty);
    tty.disc_data.echo_tail = tty.disc_data.echo_head;
  }
  if (I(tty, IXON)) start_tty(tty);
  if (L(tty, ECHO)) echo_char(tty, c);
  commit_echoes(tty);
  if (p != null) send_sigint(p);
  wake_up_interruptible(tty.read_wait);
  wake_up_interruptible(tty.write_wait);
}

/** The character goes into the line (or, raw, to the reader). */
function store_char(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  if (receive_room(tty) <= 0) {
    // Only an endless line gets here: everything else waits in the flip buffer.
    ldata.num_overrun++;
    if (I(tty, IMAXBEL)) echo_char_raw(tty, 7);
    return;
  }
  if (L(tty, ECHO)) {
    if (ldata.canon_head == ldata.read_head) ldata.canon_column = n_tty_column(tty);
    if (c == 0x0a) echo_char_raw(tty, c);
    else echo_char(tty, c);
  }
  // 0xff marks what follows it as bad; a good one comes twice.
  if (c == 0xff && I(tty, PARMRK)) put_tty_queue(ldata, c, false);
  put_tty_queue(ldata, c, false);
}

/** Canonical mode: is it a character that edits or ends the line? Then it is done. */
function canon_special(tty: tty_struct, c: u32): bool {
  const t = tty.termios;
  const extended = L(tty, IEXTEN);
  if (c == t.verase || c == t.vkill || (extended && c == t.vwerase)) {
    eraser(tty, c);
  } else if (extended && c == t.vlnext) {
    tty.disc_data.lnext = 1;
    if (L(tty, ECHO) && L(tty, ECHOCTL)) echo_string(tty, '^\b');
  } else if (extended && L(tty, ECHO) && c == t.vreprint) {
    reprint(tty, c);
  } else if (c == 0x0a) {
    if (L(tty, ECHO) || L(tty, ECHONL)) echo_char_raw(tty, c);
    handle_newline(tty, c);
  } else if (c == t.veof) {
    // A line that ends here, without a character for its end.
    handle_newline(tty, 0);
  } else if (c == t.veol) {
    if (L(tty, ECHO)) echo_char(tty, c);
    handle_newline(tty, c);
  } else return false;
  return true;
}

/** A character without errors. Under the flip buffer's lock, in a worker. */
function receive_char(tty: tty_struct, c: u32): void {
  const t = tty.termios;
  const ldata = tty.disc_data;
  if (I(tty, ISTRIP)) c &= 0x7f;
  if (ldata.lnext) {
    ldata.lnext = 0;
    store_char(tty, c);
    return;
  }
  if (tty.flow_stopped && I(tty, IXON) && I(tty, IXANY) && c != t.vstart && c != t.vstop) {
    start_tty(tty);
    process_echoes(tty);
  }
  // 0 in a control character's place means none; no special character is NUL.
  if (c != 0) {
    if (I(tty, IXON) && c == t.vstart) {
      start_tty(tty);
      process_echoes(tty);
      return;
    }
    if (I(tty, IXON) && c == t.vstop) {
      stop_tty(tty);
      return;
    }
    if (L(tty, ISIG) && (c == t.vintr || c == t.vquit)) {
      receive_signal_char(tty, c);
      return;
    }
  }
  if (c == 0x0d) {
    if (I(tty, IGNCR)) return;
    if (I(tty, ICRNL)) c = 0x0a;
  } else if (c == 0x0a && I(tty, INLCR)) c = 0x0d;
  if (L(tty, ICANON) && c != 0 && canon_special(tty, c)) return;
  store_char(tty, c);
}

/** What stands for a character with an error; with PARMRK behind 0xff 0x00. */
function store_bad_char(tty: tty_struct, c: u32): void {
  const ldata = tty.disc_data;
  const marked = I(tty, PARMRK);
  if (receive_room(tty) < (marked ? 3 : 1)) {
    ldata.num_overrun++;
    return;
  }
  if (marked) {
    put_tty_queue(ldata, 0xff, false);
    put_tty_queue(ldata, 0, false);
  }
  put_tty_queue(ldata, c, false);
}

/** A character with an error, or a BREAK. */
function receive_flagged(tty: tty_struct, c: u32, flag: u32): void {
  if (flag == TTY_BREAK) {
    if (I(tty, IGNBRK)) return;
    if (I(tty, BRKINT)) receive_signal_char(tty, tty.termios.vintr);
    else store_bad_char(tty, 0);
  } else if (flag == TTY_PARITY || flag == TTY_FRAME) {
    if (!I(tty, INPCK)) receive_char(tty, c);
    else if (!I(tty, IGNPAR)) store_bad_char(tty, I(tty, PARMRK) ? c : 0);
  } else if (flag == TTY_OVERRUN) {
    tty.disc_data.num_overrun++;
  }
}

/** How many characters can be taken. An endless line without room takes on, and loses. */
function room_for(tty: tty_struct, count: u32): u32 {
  const ldata = tty.disc_data;
  // A character with an error may become three.
  const room = I(tty, PARMRK) ? receive_room(tty) / 3 : receive_room(tty);
  if (room <= 0) {
    const overflow = L(tty, ICANON) && ldata.canon_head == READ_ONCE(tail_of(ldata));
    return overflow ? 1 : 0;
  }
  return <u32>room < count ? <u32>room : count;
}

/**
 * Characters from the flip buffer; returns how many were taken. Called by flush_to_ldisc() in a
 * worker, under the flip buffer's lock and with a reference to the line discipline.
 */
export function n_tty_receive_buf(tty: tty_struct, cp: usize, fp: usize, count: u32): u32 {
  const ldata = tty.disc_data;
  let taken: u32 = 0;
  update_char_map(tty);
  while (taken < count) {
    const n = room_for(tty, count - taken);
    if (n == 0) {
      // The reader looks at no_room after it has made room; we, the other way round.
      WRITE_ONCE(no_room_of(ldata), 1);
      smp_mb();
      if (room_for(tty, 1) == 0) break;
      WRITE_ONCE(no_room_of(ldata), 0);
      continue;
    }
    const end = taken + n;
    while (taken < end) {
      if (<i32>(end - taken) <= receive_room(tty) && takes_plain(tty)) {
        taken += receive_plain(ldata, cp + taken, fp + taken, end - taken);
        if (taken == end) break;
      }
      const flag: u32 = load<u8>(fp + taken);
      if (flag == TTY_NORMAL) receive_char(tty, load<u8>(cp + taken));
      else receive_flagged(tty, load<u8>(cp + taken), flag);
      taken++;
    }
  }
  commit_echoes(tty);
  if (!L(tty, ICANON) && ldata.read_head != READ_ONCE(tail_of(ldata))) {
    wake_up_interruptible(tty.read_wait);
  }
  check_throttle(tty);
  return taken;
}

/** The buffer fills: asks the port to make the other side pause. In a worker. */
function check_throttle(tty: tty_struct): void {
  const ldata = tty.disc_data;
  if (L(tty, ICANON) && ldata.canon_head == READ_ONCE(tail_of(ldata))) return;
  if (tty_test(tty, TTY_THROTTLED) || receive_room(tty) >= <i32>THRESHOLD_THROTTLE) return;
  mutex_lock(tty.throttle_mutex);
  tty_set_flag(tty, TTY_THROTTLED, true);
  tty.ops.throttle(tty);
  mutex_unlock(tty.throttle_mutex);
  // The reader may have emptied it meanwhile.
  check_unthrottle(tty);
}

/** The reader, or a flush, has made room. Task context. */
function check_unthrottle(tty: tty_struct): void {
  const ldata = tty.disc_data;
  // Our read_tail is out before we look: who throttles after this sees it.
  smp_mb();
  if (!tty_test(tty, TTY_THROTTLED)) return;
  if (smp_load_acquire(n_tty_head(ldata)) - READ_ONCE(tail_of(ldata)) > THRESHOLD_UNTHROTTLE)
    return;
  mutex_lock(tty.throttle_mutex);
  if (tty_test(tty, TTY_THROTTLED)) {
    tty_set_flag(tty, TTY_THROTTLED, false);
    tty.ops.unthrottle(tty);
  }
  mutex_unlock(tty.throttle_mutex);
}

/** Drops all input. Task context, or the worker. */
export function n_tty_flush_buffer(tty: tty_struct): void {
  const ldata = tty.disc_data;
  smp_store_release(tail_of(ldata), READ_ONCE(n_tty_head(ldata)));
  smp_store_release(canon_of(ldata), READ_ONCE(n_tty_head(ldata)));
  check_unthrottle(tty);
}

/** ICANON may have changed: what waits becomes a line, or loose characters. Task context. */
export function n_tty_set_termios(tty: tty_struct, old_lflag: u32): void {
  const ldata = tty.disc_data;
  if ((old_lflag ^ tty.termios.c_lflag) & ICANON) {
    if (L(tty, ICANON) && ldata.read_head != ldata.read_tail) {
      store<u8>(ldata.read_buf + N_TTY_BUF_SIZE + ((ldata.read_head - 1) & MASK), 1);
    }
    smp_store_release(canon_of(ldata), ldata.read_head);
    ldata.lnext = 0;
  }
  wake_up_interruptible(tty.read_wait);
}

function input_available(tty: tty_struct): bool {
  const ldata = tty.disc_data;
  const until = smp_load_acquire(L(tty, ICANON) ? canon_of(ldata) : n_tty_head(ldata));
  return until != ldata.read_tail;
}

/** What a reader sleeps for. */
function reader_may_go_on(tty: tty_struct): bool {
  return input_available(tty) || tty_hung_up(tty) || signal_pending(current());
}

/** Is there something to read? Task context. */
export function n_tty_poll(tty: tty_struct): bool {
  return input_available(tty);
}

/** Up to one line, without what ^D left in its place. Under atomic_read_lock. */
function copy_line(tty: tty_struct, to: usize, size: u32): u32 {
  const ldata = tty.disc_data;
  const until = smp_load_acquire(canon_of(ldata));
  let tail = ldata.read_tail;
  let n: u32 = 0;
  while (tail != until && n < size) {
    const c = read_char_at(ldata, tail);
    const end = is_line_end(ldata, tail);
    tail++;
    if (!(end && c == 0)) store<u8>(to + n++, c);
    if (end) break;
  }
  smp_store_release(tail_of(ldata), tail);
  return n;
}

/** What there is. Under atomic_read_lock. */
function copy_raw(tty: tty_struct, to: usize, size: u32): u32 {
  const ldata = tty.disc_data;
  const until = smp_load_acquire(n_tty_head(ldata));
  let n: u32 = 0;
  let tail = ldata.read_tail;
  for (; tail != until && n < size; tail++) store<u8>(to + n++, read_char_at(ldata, tail));
  smp_store_release(tail_of(ldata), tail);
  return n;
}

/**
 * read(): waits for a line, or raw for characters. Returns their number, 0 at the end (^D on an empty
 * line, or hung up), EINTR after ^C. Task context.
 */
export function n_tty_read(tty: tty_struct, to: usize, size: u32): i32 {
  const ldata = tty.disc_data;
  let result: i32 = 0;
  mutex_lock(ldata.atomic_read_lock);
  for (;;) {
    if (input_available(tty)) {
      result = L(tty, ICANON) ? copy_line(tty, to, size) : copy_raw(tty, to, size);
      break;
    }
    if (tty_hung_up(tty)) break;
    if (signal_pending(current())) {
      result = EINTR;
      break;
    }
    tty_sleep(tty.read_wait, reader_may_go_on, tty);
  }
  check_unthrottle(tty);
  smp_mb();
  if (READ_ONCE(no_room_of(ldata))) {
    WRITE_ONCE(no_room_of(ldata), 0);
    tty_buffer_restart_work(tty.port);
  }
  mutex_unlock(ldata.atomic_read_lock);
  return result;
}
