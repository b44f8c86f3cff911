// Raw spinlocks: ticket locks, fair, in one word (next ticket in the upper half, ticket now served
// in the lower), with the forms and names that Linux has. No debugging checks yet.

import {
  READ_ONCE,
  READ_ONCE16,
  WRITE_ONCE,
  WRITE_ONCE16,
  cmpxchg_acquire,
  fetch_add_acquire,
  smp_load_acquire,
  smp_mb,
} from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import {
  PREEMPT_OFFSET,
  preempt_count_add,
  preempt_count_sub,
  smp_processor_id,
} from '../arch/percpu';

@unmanaged
export class spinlock_t {
  /** 31:16 next ticket to hand out, 15:0 ticket that has the lock. */
  slock: u32;
  /** CPU that holds it, plus one; 0 when free. For reports only. */
  owner: u32;
  /** Class name, for reports. */
  name: string;
}

const TICKET_SHIFT: u32 = 16;
const TICKET_NEXT: u32 = 1 << TICKET_SHIFT;

/** A lock in zeroed memory works without this, but has no name. */
export function spin_lock_init(lock: spinlock_t, name: string): void {
  lock.name = name;
  WRITE_ONCE(changetype<usize>(lock) + offsetof<spinlock_t>('owner'), 0);
  WRITE_ONCE(changetype<usize>(lock), 0);
}

function set_owner(lock: spinlock_t, owner: u32): void {
  WRITE_ONCE(changetype<usize>(lock) + offsetof<spinlock_t>('owner'), owner);
}

/** Any context whose interrupts cannot take the same lock. */
export function spin_lock(lock: spinlock_t): void {
  const word = changetype<usize>(lock);
  preempt_count_add(PREEMPT_OFFSET);
  const ticket = fetch_add_acquire(word, TICKET_NEXT) >> TICKET_SHIFT;
  while ((smp_load_acquire(word) & 0xffff) != ticket) hart_pause();
  set_owner(lock, smp_processor_id() + 1);
}

/** Returns false at once if somebody has the lock. */
export function spin_trylock(lock: spinlock_t): bool {
  const word = changetype<usize>(lock);
  preempt_count_add(PREEMPT_OFFSET);
  const old = READ_ONCE(word);
  if (
    old >> TICKET_SHIFT == (old & 0xffff) &&
    cmpxchg_acquire(word, old, old + TICKET_NEXT) == old
  ) {
    set_owner(lock, smp_processor_id() + 1);
    return true;
  }
  preempt_count_sub(PREEMPT_OFFSET);
  return false;
}

/** By the CPU that took it. */
export function spin_unlock(lock: spinlock_t): void {
  const word = changetype<usize>(lock);
  set_owner(lock, 0);
  // Only the holder writes the lower half; a plain 16-bit store leaves the tickets that others draw
  // meanwhile alone.
  smp_store_release16(word, (READ_ONCE16(word) + 1) & 0xffff);
  preempt_count_sub(PREEMPT_OFFSET);
}

/** fence rw,w; sh */
function smp_store_release16(p: usize, value: u32): void {
  smp_mb();
  WRITE_ONCE16(p, value);
}

/** Any context. Returns the flags for spin_unlock_irqrestore(). */
export function spin_lock_irqsave(lock: spinlock_t): u32 {
  const flags = local_irq_save();
  spin_lock(lock);
  return flags;
}

export function spin_unlock_irqrestore(lock: spinlock_t, flags: u32): void {
  spin_unlock(lock);
  local_irq_restore(flags);
}

export function spin_is_locked(lock: spinlock_t): bool {
  const word = READ_ONCE(changetype<usize>(lock));
  return word >> TICKET_SHIFT != (word & 0xffff);
}
