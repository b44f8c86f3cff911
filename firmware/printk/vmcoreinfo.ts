// VMCOREINFO: text by which crash tools find the log in memory; a core dump carries a copy of it in an
// ELF note. Format and keys are Linux's (Documentation/admin-guide/kdump/vmcoreinfo.rst): KEY=value,
// SYMBOL(name)=hexadecimal address, SIZE and OFFSET of structs, all decimal. Each store adds its own.
//
// Leaves out what describes memory management: all of RAM is in the dump, at its physical addresses.

import { address_of__start } from '../arch/symbols';
import { VERSION } from '../init/version';
import { vsnprintf } from '../lib/format';
import { str } from '../lib/string';
import { prb } from './console';

const VMCOREINFO_BYTES: u32 = 4096;
/** The text, and its length. For the host, by these names. */
export const vmcoreinfo_data: usize = memory.data(4096, 4);
export const vmcoreinfo_size: usize = memory.data(4, 4);

/** Adds a line, newline included. Boot CPU. */
function append(fmt: string, a0: usize, a1: usize): void {
  const size = load<u32>(vmcoreinfo_size);
  const room = VMCOREINFO_BYTES - size;
  const n = vsnprintf(vmcoreinfo_data + <usize>size, room, fmt, a0, a1, 0, 0, 0, 0, 0, 0);
  // A line that does not fit is left out.
  if (n <= room) store<u32>(vmcoreinfo_size, size + n);
}

export function vmcoreinfo_symbol(name: string, address: usize): void {
  append('SYMBOL(%s)=%x\n', str(name), address);
}

export function vmcoreinfo_struct_size(name: string, size: usize): void {
  append('SIZE(%s)=%u\n', str(name), size);
}

export function vmcoreinfo_offset(name: string, offset: usize): void {
  append('OFFSET(%s)=%u\n', str(name), offset);
}

export function vmcoreinfo_length(name: string, length: u32): void {
  append('LENGTH(%s)=%u\n', str(name), length);
}

export function vmcoreinfo_number(name: string, n: u32): void {
  append('NUMBER(%s)=%u\n', str(name), n);
}

/** Boot CPU, when the store has been set up. */
export function vmcoreinfo_init(): void {
  append('OSRELEASE=%s\n', str(VERSION), 0);
  append('PAGESIZE=%u\n', 4096, 0);
  // drgn wants these; there are no page tables.
  vmcoreinfo_symbol('_stext', address_of__start());
  vmcoreinfo_symbol('swapper_pg_dir', address_of__start());
  prb.vmcoreinfo();
}
