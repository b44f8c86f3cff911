// The next record of a console as text, with the notices that go before it: how many were dropped,
// and that one is printed again. Linux's printk_get_next_message() and console_prepend_*().

import { fetch_add_relaxed } from '../arch/atomic';
import { snprintf } from '../lib/format';
import { panic_floods, panic_note_dropped } from '../kernel/panic-state';
import { prb, suppress_message_printing } from './console';
import { PANIC_OTHERS_UNTIL_FLOOD, emit_stats, emitter, stats } from './emit/emit';
import { pr_warn } from './printk';
import { record_print_text } from './print-text';
import { info_level, printk_info, printk_record } from './store/store';

/** Longest text of a record, and longest text for a console. */
export const CONSOLE_TEXT_MAX: u32 = 1024;
const CONSOLE_OUT_MAX: u32 = 2048;
const SUPPRESS: string =
  'Too many dropped messages. Suppress messages on non-panic CPUs to prevent livelock.\n';

/** A record on its way to one console. Belongs to whoever may print there. */
@unmanaged
export class printk_message {
  /** The record itself: a copy. */
  record: printk_record;
  /** What the console is to send; no length if its level keeps it from consoles. */
  outbuf: usize;
  length: u32;
  seq: u64;
  /** Records lost, of which the text tells. */
  dropped: u32;
}

/** Bytes to set aside for a printk_message with all that it points to. */
export const PRINTK_MESSAGE_SIZE: usize = 64 + 96 + 1024 + 2048;

/** Lays a message out in memory of that size, aligned to 8. */
export function printk_message_init(at: usize): printk_message {
  const m = changetype<printk_message>(at);
  m.record = changetype<printk_record>(at + 40);
  m.record.info = changetype<printk_info>(at + 64);
  m.record.text = at + 64 + 96;
  m.record.text_size = CONSOLE_TEXT_MAX;
  m.outbuf = at + 64 + 96 + CONSOLE_TEXT_MAX;
  return m;
}

/**
 * Fetches the first record whose number is at least seq. `dropped`: what the console lost before and
 * was not told of yet. False if there is no record. Any context that the store can be read in.
 */
export function printk_get_next_message(m: printk_message, seq: u64, dropped: u32): bool {
  if (!prb.read(seq, m.record)) return false;
  m.seq = m.record.info.seq;
  const lost = <u32>(m.seq - seq);
  if (lost != 0) {
    fetch_add_relaxed(stats + offsetof<emit_stats>('dropped'), lost);
    panic_note_dropped(lost);
  }
  if (emitter.panic_others == PANIC_OTHERS_UNTIL_FLOOD && panic_floods()) pr_warn(SUPPRESS);
  m.dropped = dropped + lost;
  m.length = 0;
  if (suppress_message_printing(info_level(m.record.info))) return true;
  if (m.dropped != 0) {
    const notice = '** %u printk messages dropped **\n';
    m.length = snprintf(m.outbuf, CONSOLE_OUT_MAX, notice, m.dropped);
  }
  m.length += record_print_text(m.record, m.outbuf + m.length, CONSOLE_OUT_MAX - m.length);
  return true;
}

/** Puts a line in front: the console has shown part of this record already. */
export function console_prepend_replay(m: printk_message): void {
  const notice = '** replaying previous printk message **\n';
  const n = snprintf(0, 0, notice);
  if (m.length == 0 || m.length + n > CONSOLE_OUT_MAX) return;
  fetch_add_relaxed(stats + offsetof<emit_stats>('replays'), 1);
  memory.copy(m.outbuf + n, m.outbuf, m.length);
  // No NUL at the end: that is where the text begins.
  snprintf(m.outbuf, n, notice);
  m.length += n;
}
