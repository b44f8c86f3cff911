// kmalloc() and kfree(): free lists by power of two, above memblock. What is freed must hold no active
// timer and no queued work; freeing twice is noticed too.

import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { debug_check_no_work } from '../kernel/workqueue';
import { debug_check_no_timer } from '../time/timer';
import { memblock_alloc } from './memblock';

/** In front of each object: its size class and whether it is in use. */
const HEADER: usize = 8;
const IN_USE: u32 = 0x6b6d616c;
const FREE: u32 = 0x66726565;
const CLASS_MIN: u32 = 4;
const CLASS_MAX: u32 = 17;

export const slab_lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
/** First free object of each class. */
const free_lists: usize = memory.data(4 * 18, 4);
/** Bytes handed out. Under slab_lock. */
export const slab_in_use: usize = memory.data(4, 4);

export function slab_init(): void {
  spin_lock_init(slab_lock, 'slab_lock');
}

/** Zeroed memory, 8-byte aligned. Any context but an NMI. */
export function kmalloc(size: usize): usize {
  let c = CLASS_MIN;
  while ((<usize>1) << c < size + HEADER) c++;
  if (c > CLASS_MAX) throw new Error('kmalloc of more than 128 KiB');
  const list = free_lists + ((<usize>c) << 2);
  const flags = spin_lock_irqsave(slab_lock);
  let object = load<usize>(list);
  if (object != 0) store<usize>(list, load<usize>(object + HEADER));
  store<u32>(slab_in_use, load<u32>(slab_in_use) + (1 << c));
  spin_unlock_irqrestore(slab_lock, flags);
  if (object == 0) object = memblock_alloc((<usize>1) << c, 8);
  store<u32>(object, c);
  store<u32>(object, IN_USE, 4);
  memory.fill(object + HEADER, 0, ((<usize>1) << c) - HEADER);
  return object + HEADER;
}

/** Gives memory of kmalloc() back. 0 is ignored. Any context but an NMI. */
export function kfree(p: usize): void {
  if (p == 0) return;
  const object = p - HEADER;
  const c = load<u32>(object);
  if (load<u32>(object, 4) == FREE) throw new Error('kfree of memory that is free');
  if (load<u32>(object, 4) != IN_USE) throw new Error('kfree of memory that kmalloc did not give');
  debug_check_no_timer(p, ((<usize>1) << c) - HEADER);
  debug_check_no_work(p, ((<usize>1) << c) - HEADER);
  store<u32>(object, FREE, 4);
  const list = free_lists + ((<usize>c) << 2);
  const flags = spin_lock_irqsave(slab_lock);
  store<usize>(object + HEADER, load<usize>(list));
  store<usize>(list, object);
  store<u32>(slab_in_use, load<u32>(slab_in_use) - (1 << c));
  spin_unlock_irqrestore(slab_lock, flags);
}
