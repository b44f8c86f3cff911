// From a code address to its function's name, by the table that the linker puts into the image
// (arch/symbols.ts). Any context: the table never changes.

import { address_of_kallsyms } from '../arch/symbols';
import { snprintf } from './format';

const ENTRY_SIZE: usize = 12;

/** The table's entry for the function that holds `address`: { address, size, name }; 0 if none. */
export function kallsyms_lookup(address: usize): usize {
  const table = address_of_kallsyms();
  let low: u32 = 0;
  let high = load<u32>(table);
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = table + 4 + <usize>middle * ENTRY_SIZE;
    if (address < load<usize>(entry)) high = middle;
    else if (address >= load<usize>(entry) + load<usize>(entry, 4)) low = middle + 1;
    else return entry;
  }
  return 0;
}

/** True for an address inside a function of the image. */
export function is_kernel_text(address: usize): bool {
  return kallsyms_lookup(address) != 0;
}

/**
 * Puts "name+0x1c/0x40" at position n of a buffer, or 0x… if no function is there; returns the new
 * position, as vsnprintf() counts. A return address may lie behind its function's last instruction,
 * so it is looked up one byte earlier.
 */
export function sprint_symbol(buf: usize, size: u32, n: u32, address: usize, ret: bool): u32 {
  const to = n < size ? buf + n : buf;
  const room = n < size ? size - n : 0;
  const entry = kallsyms_lookup(ret ? address - 1 : address);
  if (entry == 0) return n + snprintf(to, room, '0x%x', address);
  const start = load<usize>(entry);
  const name = load<usize>(entry, 8);
  return n + snprintf(to, room, '%S+0x%x/0x%x', name, address - start, load<usize>(entry, 4));
}
