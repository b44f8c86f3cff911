// A record as /dev/kmsg gives it: "prio,seq,usec,flag,caller=…;text" and its dictionary, one line each.
// Documentation/ABI/testing/dev-kmsg. Nothing is locked here: the buffers are the caller's.

import { snprintf } from '../lib/format';
import { str } from '../lib/string';
import { LOG_FACILITY_SHIFT } from './levels';
import { printk_shows_caller } from './print-text';
import {
  CALLER_CPU,
  DEV_INFO_DEVICE_SIZE,
  DEV_INFO_SUBSYSTEM_SIZE,
  LOG_CONT,
  info_dev,
  info_flags,
  info_level,
  printk_info,
  printk_record,
} from './store/store';

/** Room for the longest record: each of its bytes may take four, and it has a header and a dictionary. */
export const CONSOLE_EXT_LOG_MAX: u32 = 8192;
const NSEC_PER_USEC: u64 = 1000;
/** Returns the length. */
function info_print_ext_header(info: printk_info, out: usize, size: u32): u32 {
  const priority = ((<u32>info.facility) << LOG_FACILITY_SHIFT) | info_level(info);
  const usec = info.ts_nsec / NSEC_PER_USEC;
  let n = snprintf(out, size, '%u,%llu,', priority, <u32>info.seq, <u32>(info.seq >> 32));
  const flag: u32 = info_flags(info) & LOG_CONT ? 0x63 : 0x2d;
  n += snprintf(out + n, size - n, '%llu,%c', <u32>usec, <u32>(usec >> 32), flag);
  if (printk_shows_caller()) {
    const id = info.caller_id;
    const kind: u32 = id & CALLER_CPU ? 0x43 : 0x54;
    n += snprintf(out + n, size - n, ',caller=%c%u', kind, id & ~CALLER_CPU);
  }
  return n + snprintf(out + n, size - n, ';');
}

/** A byte, or \xNN if it is not printable. Returns the length so far. */
function append_char(out: usize, size: u32, n: u32, c: u32): u32 {
  if (c < 0x20 || c >= 0x7f || c == 0x5c) return n + snprintf(out + n, size - n, '\\x%02x', c);
  if (n < size) store<u8>(out + n, c);
  return n + 1;
}

/** " NAME=value\n", if there is a value. */
function append_property(
  out: usize,
  size: u32,
  n: u32,
  name: string,
  value: usize,
  value_size: u32,
): u32 {
  if (load<u8>(value) == 0) return n;
  n += snprintf(out + n, size - n, ' %s=', str(name));
  for (let i: u32 = 0; i < value_size && load<u8>(value + i) != 0; i++) {
    n = append_char(out, size, n, load<u8>(value + i));
  }
  return n + snprintf(out + n, size - n, '\n');
}

/** Formats a record into CONSOLE_EXT_LOG_MAX bytes. Returns the length. */
export function record_print_ext(r: printk_record, out: usize): u32 {
  const size = CONSOLE_EXT_LOG_MAX;
  let n = info_print_ext_header(r.info, out, size);
  const length = <u32>r.info.text_len;
  for (let i: u32 = 0; i < length; i++) n = append_char(out, size, n, load<u8>(r.text + i));
  n += snprintf(out + n, size - n, '\n');
  const dev = info_dev(r.info);
  if (dev == 0) return n;
  n = append_property(out, size, n, 'SUBSYSTEM', dev, DEV_INFO_SUBSYSTEM_SIZE);
  const device = dev + <usize>DEV_INFO_SUBSYSTEM_SIZE;
  return append_property(out, size, n, 'DEVICE', device, DEV_INFO_DEVICE_SIZE);
}
