// Raw spinlocks: ticket locks, fair, in one word (next ticket in the upper half, ticket now served
// in the lower), with the forms and names that Linux has, and the checks of its debugging variant.
//
// Every lock that is initialised gets onto a list that the locks command (and a debugger, from the
// symbol lock_list) walks. Locks are embedded as base class of what they protect.

import {
  READ_ONCE,
  READ_ONCE16,
  WRITE_ONCE,
  WRITE_ONCE16,
  cmpxchg_acquire,
  fetch_add_acquire,
  smp_load_acquire,
  smp_mb,
  xchg,
} from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import {
  PREEMPT_OFFSET,
  preempt_count_add,
  preempt_count_sub,
  preempt_enable,
  smp_processor_id,
} from '../arch/percpu';

@unmanaged
export class spinlock_t {
  /** 31:16 next ticket to hand out, 15:0 ticket that has the lock. */
  slock: u32;
  /** CPU that holds it, plus one; 0 when free. */
  owner: u32;
  /** Class name, for reports. */
  name: string;
  /** Times that somebody had to wait. Under the lock. */
  contended: u32;
  /** Next on lock_list; the last one has LIST_END. 0: never initialised. */
  next: usize;
}

const TICKET_SHIFT: u32 = 16;
const TICKET_NEXT: u32 = 1 << TICKET_SHIFT;
const LIST_END: usize = 1;

/** The lock initialised last; from there by `next`. Grows only. */
export const lock_list: usize = memory.data(4, 4);

/** The first lock of the list, and the one after a lock; 0 at the end. */
export function first_lock(): usize {
  return READ_ONCE(lock_list);
}

export function next_lock(lock: usize): usize {
  const next = READ_ONCE(lock + offsetof<spinlock_t>('next'));
  return <usize>next == LIST_END ? 0 : <usize>next;
}

/** A lock in zeroed memory works without this, but has no name and is on no list. */
export function spin_lock_init(lock: spinlock_t, name: string): void {
  lock.name = name;
  lock.contended = 0;
  WRITE_ONCE(changetype<usize>(lock) + offsetof<spinlock_t>('owner'), 0);
  WRITE_ONCE(changetype<usize>(lock), 0);
  if (lock.next != 0) return;
  lock.next = LIST_END;
  // Locks in a row are initialised by the boot CPU or under other locks; a walker that comes in
  // between sees a shorter list.
  const old = xchg(lock_list, <u32>changetype<usize>(lock));
  if (old != 0) lock.next = old;
}

function set_owner(lock: spinlock_t, owner: u32): void {
  WRITE_ONCE(changetype<usize>(lock) + offsetof<spinlock_t>('owner'), owner);
}

/** Any context whose interrupts cannot take the same lock. */
export function spin_lock(lock: spinlock_t): void {
  const word = changetype<usize>(lock);
  preempt_count_add(PREEMPT_OFFSET);
  const old = fetch_add_acquire(word, TICKET_NEXT);
  const ticket = old >> TICKET_SHIFT;
  if (ticket != (old & 0xffff)) {
    while ((smp_load_acquire(word) & 0xffff) != ticket) hart_pause();
    lock.contended++;
  }
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

/** The release itself, with its checks. Leaves the preempt count alone. */
function do_raw_unlock(lock: spinlock_t): void {
  const word = changetype<usize>(lock);
  const owner = READ_ONCE(word + offsetof<spinlock_t>('owner'));
  if (owner != smp_processor_id() + 1) bad_unlock(lock, owner);
  set_owner(lock, 0);
  // Only the holder writes the lower half; a plain 16-bit store leaves the tickets that others draw
  // meanwhile alone.
  smp_mb();
  WRITE_ONCE16(word, (READ_ONCE16(word) + 1) & 0xffff);
}

function bad_unlock(lock: spinlock_t, owner: u32): void {
  if (!spin_is_locked(lock)) throw new Error('spinlock already unlocked');
  if (owner != 0) throw new Error('spinlock unlocked by a CPU that does not hold it');
}

/** By the CPU that took it. */
export function spin_unlock(lock: spinlock_t): void {
  do_raw_unlock(lock);
  preempt_enable();
}

/** Unlocks, but leaves a due reschedule to the caller. Interrupts off. */
export function spin_unlock_no_resched(lock: spinlock_t): void {
  do_raw_unlock(lock);
  preempt_count_sub(PREEMPT_OFFSET);
}

/** Any context. Returns the flags for spin_unlock_irqrestore(). */
export function spin_lock_irqsave(lock: spinlock_t): u32 {
  const flags = local_irq_save();
  spin_lock(lock);
  return flags;
}

/** Interrupts come back before preemption does, so that a due reschedule finds them on. */
export function spin_unlock_irqrestore(lock: spinlock_t, flags: u32): void {
  do_raw_unlock(lock);
  local_irq_restore(flags);
  preempt_enable();
}

export function spin_is_locked(lock: spinlock_t): bool {
  const word = READ_ONCE(changetype<usize>(lock));
  return word >> TICKET_SHIFT != (word & 0xffff);
}
