// Reader/writer spinlocks. Readers may nest; a writer that waits keeps new readers out, except in
// interrupts, which must not wait for it.

import { READ_ONCE, cmpxchg_acquire, fetch_add_release, smp_load_acquire } from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { in_interrupt, preempt_disable, preempt_enable, smp_processor_id } from '../arch/percpu';
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from './spinlock';

/** The base makes writers queue up. */
@unmanaged
export class rwlock_t extends spinlock_t {
  /** Readers, plus WRITER while a writer has it. */
  count: u32;
  /** CPU of the writer, plus one. */
  writer: u32;
}

const WRITER: u32 = 0x80000000;

export function rwlock_init(lock: rwlock_t, name: string): void {
  spin_lock_init(lock, name);
  lock.count = 0;
  lock.writer = 0;
}

function count_of(lock: rwlock_t): usize {
  return changetype<usize>(lock) + offsetof<rwlock_t>('count');
}

export function read_trylock(lock: rwlock_t): bool {
  preempt_disable();
  const old = READ_ONCE(count_of(lock));
  if (!(old & WRITER) && cmpxchg_acquire(count_of(lock), old, old + 1) == old) return true;
  preempt_enable();
  return false;
}

export function read_lock(lock: rwlock_t): void {
  preempt_disable();
  // Behind a writer that waits; an interrupt may have come over a reader that it waits for.
  if (!in_interrupt())
    while (READ_ONCE(changetype<usize>(lock) + offsetof<rwlock_t>('writer')) != 0) hart_pause();
  while (true) {
    const old = smp_load_acquire(count_of(lock));
    if (!(old & WRITER) && cmpxchg_acquire(count_of(lock), old, old + 1) == old) return;
    hart_pause();
  }
}

export function read_unlock(lock: rwlock_t): void {
  if ((READ_ONCE(count_of(lock)) & ~WRITER) == 0)
    throw new Error('rwlock read-unlocked, but no reader has it');
  fetch_add_release(count_of(lock), 0xffffffff);
  preempt_enable();
}

export function write_lock(lock: rwlock_t): void {
  spin_lock(lock);
  lock.writer = smp_processor_id() + 1;
  while (cmpxchg_acquire(count_of(lock), 0, WRITER) != 0) hart_pause();
}

export function write_unlock(lock: rwlock_t): void {
  if (!(READ_ONCE(count_of(lock)) & WRITER))
    throw new Error('rwlock write-unlocked, but no writer has it');
  lock.writer = 0;
  fetch_add_release(count_of(lock), WRITER);
  spin_unlock(lock);
}

export function read_lock_irqsave(lock: rwlock_t): u32 {
  const flags = local_irq_save();
  read_lock(lock);
  return flags;
}

export function read_unlock_irqrestore(lock: rwlock_t, flags: u32): void {
  read_unlock(lock);
  local_irq_restore(flags);
}

export function write_lock_irqsave(lock: rwlock_t): u32 {
  const flags = local_irq_save();
  write_lock(lock);
  return flags;
}

export function write_unlock_irqrestore(lock: rwlock_t, flags: u32): void {
  write_unlock(lock);
  local_irq_restore(flags);
}
