// How dmesg shows a record. As on a console, and unlike util-linux, every line of a record with several
// has the prefix.

import { snprintf } from '../lib/format';
import { literal_length, str } from '../lib/string';
import { info_level, printk_info, printk_record } from '../printk/store/store';
import {
  COLOR_ON,
  FACILITY_COUNT,
  TIME_CTIME,
  TIME_NONE,
  TIME_RELATIVE,
  TIME_STAMP,
  dmesg_options,
  facility_name,
  level_name,
} from './dmesg-options';

const NSEC_PER_USEC: u64 = 1000;
const USEC_PER_SEC: u64 = 1_000_000;
const SECONDS_PER_DAY: u32 = 86400;
const PREFIX_MAX: u32 = 128;
/** Room that a line's colors may need, and its end. */
const COLORS_SIZE: u32 = 48;
const RESET: string = '\x1b[0m';
const GREEN: string = '\x1b[32m';
const GREEN_BOLD: string = '\x1b[32m\x1b[1m';
const BROWN: string = '\x1b[33m';
const MONTHS: string = 'JanFebMarAprMayJunJulAugSepOctNovDec';
/** The epoch was a Thursday. */
const WEEKDAYS: string = 'ThuFriSatSunMonTueWed';
const LEVEL_ALERT: u32 = 1;
const LEVEL_CRIT: u32 = 2;
const LEVEL_ERR: u32 = 3;
const LEVEL_WARNING: u32 = 4;

/** A date of the Gregorian calendar. There is no clock: the epoch is the boot. */
@unmanaged
class date {
  year: u32;
  /** 0 to 11. */
  month: u32;
  day: u32;
  weekday: u32;
  hour: u32;
  minute: u32;
  second: u32;
}

/** What has to be remembered from one record to the next; and the date of this one. */
@unmanaged
export class dmesg_times extends date {
  /** Minutes since the epoch of the date that was shown last, plus one. */
  minute_shown: u32;
  /** Time of the record before, µs. */
  last_usec: u64;
  /** A record has been shown. */
  any: bool;
}

function is_leap(year: u32): bool {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

function days_in_month(month: u32, year: u32): u32 {
  if (month == 1) return is_leap(year) ? 29 : 28;
  return month == 3 || month == 5 || month == 8 || month == 10 ? 30 : 31;
}

function to_date(d: date, seconds: u32): void {
  let days = seconds / SECONDS_PER_DAY;
  const rest = seconds % SECONDS_PER_DAY;
  d.weekday = days % 7;
  d.hour = rest / 3600;
  d.minute = (rest / 60) % 60;
  d.second = rest % 60;
  d.year = 1970;
  while (days >= (is_leap(d.year) ? 366 : 365)) days -= is_leap(d.year++) ? 366 : 365;
  d.month = 0;
  while (days >= days_in_month(d.month, d.year)) days -= days_in_month(d.month++, d.year);
  d.day = days + 1;
}

/** Three letters of a table, as an argument for %c%c%c. */
function three(out: usize, names: string, i: u32): u32 {
  const p = changetype<usize>(names) + <usize>i * 6;
  for (let k: u32 = 0; k < 3; k++) store<u8>(out + k, <u8>load<u16>(p + ((<usize>k) << 1)));
  return 3;
}

/** "Thu Jan  1 00:00:12 1970" */
function print_ctime(d: date, out: usize): u32 {
  let n = three(out, WEEKDAYS, d.weekday);
  store<u8>(out + n++, 0x20);
  n += three(out + n, MONTHS, d.month);
  n += snprintf(out + n, 32, '%3u %02u:%02u:%02u', d.day, d.hour, d.minute, d.second);
  return n + snprintf(out + n, 32, ' %u', d.year);
}

/** "%5u.%06u" of µs. */
function print_seconds(usec: u64, out: usize, width: u32): u32 {
  const seconds = <u32>(usec / USEC_PER_SEC);
  return snprintf(out, 32, '%*u.%06u', width, seconds, <u32>(usec % USEC_PER_SEC));
}

/** "[Jan 1 00:00]" for the first record of a minute, else "[  +0.000123]". */
function print_relative(times: dmesg_times, usec: u64, delta: u64, out: usize): u32 {
  const minute = <u32>(usec / (60 * USEC_PER_SEC)) + 1;
  let n: u32 = 0;
  store<u8>(out + n++, 0x5b);
  if (minute != times.minute_shown) {
    times.minute_shown = minute;
    n += three(out + n, MONTHS, times.month);
    n += snprintf(out + n, 32, '%2u %02u:%02u', times.day, times.hour, times.minute);
  } else {
    n += snprintf(out + n, 32, delta < 10 * USEC_PER_SEC ? '  +' : ' +');
    n += print_seconds(delta, out + n, delta < 10 * USEC_PER_SEC ? 1 : 2);
  }
  store<u8>(out + n++, 0x5d);
  return n;
}

/** What stands between brackets, with them; empty if no time is wanted. */
function print_time(o: dmesg_options, times: dmesg_times, usec: u64, out: usize): u32 {
  const delta = times.any && usec > times.last_usec ? usec - times.last_usec : 0;
  times.last_usec = usec;
  times.any = true;
  to_date(times, <u32>(usec / USEC_PER_SEC));
  if (o.time == TIME_RELATIVE && !o.delta) return print_relative(times, usec, delta, out);
  if (o.time == TIME_NONE && !o.delta) return 0;
  let n: u32 = 0;
  store<u8>(out + n++, 0x5b);
  if (o.time == TIME_CTIME) n += print_ctime(times, out + n);
  if (o.time == TIME_STAMP) n += print_seconds(usec, out + n, 5);
  if (o.delta) {
    // With -t and -e there is nothing before it.
    n += snprintf(out + n, 32, n == 1 ? '<' : ' <');
    n += print_seconds(delta, out + n, 5);
    store<u8>(out + n++, 0x3e);
  }
  store<u8>(out + n++, 0x5d);
  return n;
}

/** The end of dmesg_print()'s buffer, where the prefix is put together. */
const PREFIX_SIZE: u32 = 256;

/** What comes before each line of a record. Returns its length. */
function print_prefix(o: dmesg_options, times: dmesg_times, info: printk_info, out: usize): u32 {
  const time = out + PREFIX_MAX;
  const level = info_level(info);
  const facility = <u32>info.facility;
  let n: u32 = 0;
  if (o.raw) n = snprintf(out, PREFIX_MAX, '<%u>', (facility << 3) | level);
  // What has no name is shown without any.
  if (o.decode && facility < FACILITY_COUNT) {
    const names = '%-6s:%-6s: ';
    n = snprintf(out, PREFIX_MAX, names, str(facility_name(facility)), str(level_name(level)));
  }
  const minute = times.minute_shown;
  const length = print_time(o, times, info.ts_nsec / NSEC_PER_USEC, time);
  if (length == 0) return n;
  if (o.color == COLOR_ON) {
    n += snprintf(out + n, 16, times.minute_shown == minute ? GREEN : GREEN_BOLD);
  }
  memory.copy(out + n, time, length);
  n += length;
  store<u8>(out + n++, 0x20);
  if (o.color == COLOR_ON) n += snprintf(out + n, 8, RESET);
  return n;
}

/** The color of a text by its level. As util-linux has it, emergencies have none. */
function color_of(level: u32): string {
  switch (level) {
    case LEVEL_ALERT:
      return '\x1b[7m\x1b[31m';
    case LEVEL_CRIT:
      return '\x1b[1m\x1b[31m';
    case LEVEL_ERR:
      return '\x1b[31m';
    case LEVEL_WARNING:
      return '\x1b[1m';
    default:
      return '';
  }
}

/** Length of what stands before the first ": ", with it; 0 if there is none. */
function subsystem_length(from: usize, length: u32): u32 {
  for (let i: u32 = 0; i + 1 < length; i++) {
    if (load<u8>(from + i) == 0x3a && load<u8>(from + i + 1) == 0x20) return i + 2;
  }
  return 0;
}

/** Copies a line; control characters but the tab as \xNN. Returns the length. */
function print_line(from: usize, length: u32, out: usize, size: u32): u32 {
  let n: u32 = 0;
  for (let i: u32 = 0; i < length && n + 4 < size; i++) {
    const c: u32 = load<u8>(from + i);
    if ((c < 0x20 && c != 9) || c == 0x7f) n += snprintf(out + n, size - n, '\\x%02x', c);
    else store<u8>(out + n++, c);
  }
  return n;
}

/** Formats a record into `size` bytes. Returns the length. */
export function dmesg_print(
  o: dmesg_options,
  times: dmesg_times,
  r: printk_record,
  out: usize,
  size: u32,
): u32 {
  const prefix = out + size - PREFIX_SIZE;
  const room = size - PREFIX_SIZE;
  const prefix_length = print_prefix(o, times, r.info, prefix);
  const color = o.color == COLOR_ON ? color_of(info_level(r.info)) : '';
  const length = <u32>r.info.text_len;
  let n: u32 = 0;
  let start: u32 = 0;
  do {
    let end = start;
    while (end < length && load<u8>(r.text + end) != 0x0a) end++;
    if (n + prefix_length + COLORS_SIZE > room) break;
    memory.copy(out + n, prefix, prefix_length);
    n += prefix_length;
    let text = start;
    const subsystem = start == 0 ? subsystem_length(r.text, end) : 0;
    if (o.color == COLOR_ON && subsystem != 0) {
      n += snprintf(out + n, 16, BROWN);
      n += print_line(r.text, subsystem, out + n, room - n - COLORS_SIZE);
      n += snprintf(out + n, 8, RESET);
      text = subsystem;
    }
    n += snprintf(out + n, 16, color);
    n += print_line(r.text + text, end - text, out + n, room - n - 16);
    if (literal_length(color) > 0) n += snprintf(out + n, 8, RESET);
    store<u8>(out + n++, 0x0a);
    start = end + 1;
  } while (start < length);
  return n;
}
