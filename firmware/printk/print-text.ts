// How a record looks on a console and in dmesg: each line with its prefix, as printk.time,
// printk.caller and console_msg_format= want it. Linux's record_print_text().
//
// Nothing is locked here: the buffers are the caller's.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { snprintf } from '../lib/format';
import { str } from '../lib/string';
import { param_bool, param_is } from '../init/params';
import { NSEC_PER_SEC } from '../time/timekeeping';
import { LOG_FACILITY_SHIFT } from './levels';
import { CALLER_CPU, printk_info, printk_record, info_level } from './store/store';

/** Room that a line's prefix may need. */
const PREFIX_MAX: u32 = 48;

/** printk.time, printk.caller, console_msg_format=syslog: a word each, 0 or 1. */
const show_time: usize = memory.data(4, 4);
const show_caller: usize = memory.data(4, 4);
const show_priority: usize = memory.data(4, 4);

/** Boot CPU, when the command line is known. Time stamps are on unless told otherwise. */
export function print_text_init(): void {
  WRITE_ONCE(show_time, param_bool('printk.time', true) ? 1 : 0);
  WRITE_ONCE(show_caller, param_bool('printk.caller', false) ? 1 : 0);
  WRITE_ONCE(show_priority, param_is('console_msg_format', 'syslog') ? 1 : 0);
}

/** "[    T1]" or "[    C0]": who printed. */
function print_caller(id: u32, out: usize, size: u32): u32 {
  const n = id & ~CALLER_CPU;
  let digits: u32 = 1;
  for (let rest = n; rest >= 10; rest /= 10) digits++;
  const pad: i32 = digits < 5 ? <i32>(5 - digits) : 0;
  return snprintf(out, size, '[%*s%c%u]', pad, str(''), id & CALLER_CPU ? 0x43 : 0x54, n);
}

/** What comes before each line of a record. Returns its length. */
function info_print_prefix(info: printk_info, priority: bool, out: usize, size: u32): u32 {
  let n: u32 = 0;
  if (priority) {
    const number = ((<u32>info.facility) << LOG_FACILITY_SHIFT) | info_level(info);
    n += snprintf(out + n, size - n, '<%u>', number);
  }
  const time = READ_ONCE(show_time);
  if (time) {
    const seconds = info.ts_nsec / NSEC_PER_SEC;
    const micros = <u32>(info.ts_nsec - seconds * NSEC_PER_SEC) / 1000;
    n += snprintf(out + n, size - n, '[%5u.%06u]', <u32>seconds, micros);
  }
  const caller = READ_ONCE(show_caller);
  if (caller) n += print_caller(info.caller_id, out + n, size - n);
  if (time || caller) store<u8>(out + n++, 0x20);
  return n;
}

/** Each line with its prefix, each ended by '\n'. Returns the length. */
export function record_print_text(r: printk_record, out: usize, size: u32): u32 {
  return print_lines(r, READ_ONCE(show_priority) != 0, out, size);
}

/** The same as syslog() gives it: always with the priority. */
export function record_print_syslog(r: printk_record, out: usize, size: u32): u32 {
  return print_lines(r, true, out, size);
}

/** printk.caller: does the log tell who printed? */
export function printk_shows_caller(): bool {
  return READ_ONCE(show_caller) != 0;
}

function print_lines(r: printk_record, priority: bool, out: usize, size: u32): u32 {
  let n: u32 = 0;
  let start: u32 = 0;
  const length = <u32>r.info.text_len;
  do {
    let end = start;
    while (end < length && load<u8>(r.text + end) != 0x0a) end++;
    // A line that does not fit is left out, with all that follow.
    if (n + PREFIX_MAX + (end - start) + 1 > size) break;
    n += info_print_prefix(r.info, priority, out + n, size - n);
    memory.copy(out + n, r.text + start, end - start);
    n += end - start;
    store<u8>(out + n++, 0x0a);
    start = end + 1;
  } while (start < length);
  return n;
}
