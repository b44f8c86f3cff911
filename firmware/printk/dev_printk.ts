// printk() about a device: the record keeps which one, as SUBSYSTEM= and DEVICE= in /dev/kmsg. Linux's
// struct dev_printk_info. Leaves out device numbers: a device is named as "+subsystem:name".

import { snprintf } from '../lib/format';
import { str } from '../lib/string';
import { vprintk_emit } from './printk';
import { DEV_INFO_DEVICE_SIZE, DEV_INFO_SIZE, DEV_INFO_SUBSYSTEM_SIZE } from './store/store';

/**
 * Describes a device in the DEV_INFO_SIZE bytes at `dev`, which a driver keeps for its messages. `name`: a C
 * string; both are cut if they are too long. Driver's set-up.
 */
export function dev_info_init(dev: usize, subsystem: string, name: usize): void {
  memory.fill(dev, 0, DEV_INFO_SIZE);
  snprintf(dev, DEV_INFO_SUBSYSTEM_SIZE, '%s', str(subsystem));
  const device = dev + <usize>DEV_INFO_SUBSYSTEM_SIZE;
  snprintf(device, DEV_INFO_DEVICE_SIZE, '+%s:%S', str(subsystem), name);
  // A text that is too long leaves no zero at the end.
  store<u8>(dev + <usize>(DEV_INFO_SUBSYSTEM_SIZE - 1), 0);
  store<u8>(dev + DEV_INFO_SIZE - 1, 0);
}

/** A message of a level about a device that dev_info_init() has described. Any context. */
export function dev_printk_emit(
  level: u32,
  dev: usize,
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
): void {
  vprintk_emit(level, dev, fmt, a0, a1, a2, a3, a4, a5, 0, 0);
}
