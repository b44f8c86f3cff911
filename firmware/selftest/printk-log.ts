// For the self tests of printk(): looking at what has got into the log, without the console in the way.

import { READ_ONCE } from '../arch/atomic';
import { literal_at, literal_length } from '../lib/string';
import {
  CONSOLES_MAX,
  console_at,
  console_is_usable,
  console_loglevel,
  console_seq,
  prb,
  set_console_loglevel,
} from '../printk/console';
import { emitter } from '../printk/emit/emit';
import { printk_stats } from '../printk/printk-stats';
import { printk_info, printk_record } from '../printk/store/store';
import { msleep } from '../sched/timeout';

const TEXT_MAX: u32 = 1024;
const DONE_TIMEOUT_MS: u32 = 1000;

/** The record that log_find() and log_next() found. For one test at a time. */
export const found: printk_record = changetype<printk_record>(
  memory.data(offsetof<printk_record>(), 4),
);
const info: usize = memory.data(88, 8);
const text: usize = memory.data(1024, 4);
/** Where log_next() goes on: a u64. */
const position: usize = memory.data(8, 8);
/** console_loglevel outside of the test. */
const loglevel: usize = memory.data(4, 4);

/** Nothing more on the console; what is looked at is what is logged from now on. */
export function log_begin(): void {
  store<u32>(loglevel, console_loglevel());
  set_console_loglevel(0);
  found.info = changetype<printk_info>(info);
  found.text = text;
  found.text_size = TEXT_MAX;
  store<u64>(position, prb.next_seq());
}

/** Do all consoles stand at the end of the log? */
function consoles_are_done(): bool {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || !console_is_usable(console)) continue;
    if (console_seq(console) < prb.next_seq()) return false;
  }
  return true;
}

/** Lets consoles pass what they are not to show, whoever prints, then shows messages again. */
export function log_end(): void {
  // Of what was only stored nobody has told the emitter.
  emitter.stored();
  for (let ms: u32 = 0; ms < DONE_TIMEOUT_MS && !consoles_are_done(); ms += 10) msleep(10);
  set_console_loglevel(load<u32>(loglevel));
}

/** Where log_next() looks. */
export function log_position(): u64 {
  return load<u64>(position);
}

export function set_log_position(seq: u64): void {
  store<u64>(position, seq);
}

/** The next record from there on. */
export function log_next(): bool {
  if (!prb.read(load<u64>(position), found)) return false;
  store<u64>(position, found.info.seq + 1);
  return true;
}

/** Text of the record found equal to that? */
export function text_is(s: string): bool {
  return <u32>found.info.text_len == literal_length(s) && text_starts(s);
}

export function text_starts(s: string): bool {
  const n = literal_length(s);
  if (<u32>found.info.text_len < n) return false;
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(text + i) != literal_at(s, i)) return false;
  }
  return true;
}

/** The next record with that text. */
export function log_find(s: string): bool {
  while (log_next()) if (text_is(s)) return true;
  return false;
}

/** A counter of printk(), by its offset in printk_counters. */
export function printk_count(offset: usize): u32 {
  return READ_ONCE(printk_stats + offset);
}
