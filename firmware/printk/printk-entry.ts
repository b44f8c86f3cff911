// Who is inside printk() on each CPU: a bound on recursion, and for each that is inside what it needs to
// write a record, as nothing can live on a stack. NMIs have a count of their own, as they may come when
// the other one is used up.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { board } from '../arch/fdt';
import { in_nmi, smp_processor_id } from '../arch/percpu';
import { memblock_alloc } from '../mm/memblock';
import { reserved_entry } from './store/store';

/** printk() may be entered again so often before it returned. */
const PRINTK_MAX_RECURSION: u32 = 3;
/** Entries of a count, and of a CPU. */
const DEPTHS: u32 = PRINTK_MAX_RECURSION + 1;
const PER_CPU: u32 = 2 * DEPTHS;

/** Where a message is formatted: a record, its prefixes and its newline. */
export const PRINTK_BUFFER_SIZE: u32 = 1024;
/** A reserved_entry, then its buffer. */
const ENTRY_SIZE: usize = 64;
const SLOT_SIZE: usize = ENTRY_SIZE + 1024;

/** Per CPU: entries outside of NMIs, entries in NMIs. */
const counts: usize = memory.data(8 * 32, 4);
/** PER_CPU slots for each CPU. */
const slots: usize = memory.data(4, 4);

/** Boot CPU, before the first printk(). */
export function printk_entries_init(): void {
  store<usize>(slots, memblock_alloc(<usize>(board.nr_harts * PER_CPU) * SLOT_SIZE, 8));
}

function count_at(cpu: u32, nmi: u32): usize {
  return counts + ((<usize>cpu) << 3) + ((<usize>nmi) << 2);
}

/** Null if printk() is entered too deep. Interrupts off until printk_exit(). */
export function printk_enter(): reserved_entry | null {
  const cpu = smp_processor_id();
  const nmi: u32 = in_nmi() ? 1 : 0;
  const count = count_at(cpu, nmi);
  const depth = READ_ONCE(count);
  if (depth > PRINTK_MAX_RECURSION) return null;
  WRITE_ONCE(count, depth + 1);
  const slot = load<usize>(slots) + <usize>(cpu * PER_CPU + nmi * DEPTHS + depth) * SLOT_SIZE;
  const entry = changetype<reserved_entry>(slot);
  entry.buffer = slot + ENTRY_SIZE;
  entry.dev = 0;
  entry.aside = false;
  entry.deferred = false;
  return entry;
}

export function printk_exit(): void {
  const count = count_at(smp_processor_id(), in_nmi() ? 1 : 0);
  WRITE_ONCE(count, READ_ONCE(count) - 1);
}
