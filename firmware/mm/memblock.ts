// Boot memory: hands out what lies between the end of the image and the end of RAM, from the bottom
// up, for good. The device tree, which may lie in between, is left alone.

import { board } from '../arch/fdt';
import { address_of__end } from '../arch/symbols';
import { panic } from '../kernel/panic';
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';

const lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
/** First free byte. Under lock. */
const next: usize = memory.data(4, 4);

export function memblock_init(): void {
  spin_lock_init(lock, 'memblock_lock');
  store<usize>(next, (address_of__end() + 15) & ~15);
}

function memory_end(): usize {
  return board.memory_base + board.memory_size;
}

/** Zeroed memory. Panics if there is no more. Any context. */
export function memblock_alloc(size: usize, align: usize): usize {
  const flags = spin_lock_irqsave(lock);
  let start = (load<usize>(next) + align - 1) & ~(align - 1);
  const fdt_end = board.fdt + board.fdt_size;
  if (start < fdt_end && start + size > board.fdt) start = (fdt_end + align - 1) & ~(align - 1);
  const fits = start + size <= memory_end() && start + size > start;
  if (fits) store<usize>(next, start + size);
  spin_unlock_irqrestore(lock, flags);
  if (!fits) panic('Out of memory: %u bytes wanted', size);
  memory.fill(start, 0, size);
  return start;
}

/** Bytes of RAM, and how many of them are free. */
export function memory_total(): u32 {
  return board.memory_size;
}

export function memory_used(): u32 {
  return <u32>(load<usize>(next) - board.memory_base);
}

export function memory_free(): u32 {
  const used = memory_used();
  return used < board.memory_size ? board.memory_size - used : 0;
}
