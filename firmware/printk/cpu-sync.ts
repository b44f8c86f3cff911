// printk_cpu_sync: one CPU at a time shows a backtrace, so that those of several CPUs do not mix. A CPU
// may take it again, in an NMI too. Linux's __printk_cpu_sync_try_get() and its like.
//
// Who has it must not wait for anything that printing needs: a CPU that has port->lock may wait, in an
// NMI, for printk_cpu_sync. So emitters that have is_printk_legacy_deferred() leave printing to an
// irq_work meanwhile. And whoever panics must not wait for it: its owner may have been stopped.

import { READ_ONCE, WRITE_ONCE, cmpxchg_acquire, smp_store_release } from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { smp_processor_id } from '../arch/percpu';
import { spin_lock_init, spinlock_t } from '../locking/spinlock';

/**
 * On the list of locks, for reports. Its word is 0, or the owner in the upper half, which spin_is_locked()
 * takes for locked: one word, as an NMI may come at any moment.
 */
const printk_cpu_sync: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
const OWNER_SHIFT: u32 = 16;
/** Times that the owner has taken it besides. Changed by the owner. */
const nested: usize = memory.data(4, 4);

/** Boot CPU, first thing. */
export function printk_cpu_sync_init(): void {
  spin_lock_init(printk_cpu_sync, 'printk_cpu_sync');
}

function this_owner(): u32 {
  return (smp_processor_id() + 1) << OWNER_SHIFT;
}

function set_reported_owner(cpu: u32): void {
  WRITE_ONCE(changetype<usize>(printk_cpu_sync) + offsetof<spinlock_t>('owner'), cpu);
}

/** Any context. */
export function is_printk_cpu_sync_owner(): bool {
  return READ_ONCE(changetype<usize>(printk_cpu_sync)) == this_owner();
}

/** Any context. */
export function printk_cpu_sync_is_taken(): bool {
  return READ_ONCE(changetype<usize>(printk_cpu_sync)) != 0;
}

function printk_cpu_sync_wait(): void {
  while (READ_ONCE(changetype<usize>(printk_cpu_sync)) != 0) hart_pause();
}

/** Interrupts off. */
function printk_cpu_sync_try_get(): bool {
  const self = this_owner();
  const owner = cmpxchg_acquire(changetype<usize>(printk_cpu_sync), 0, self);
  if (owner != 0 && owner != self) return false;
  if (owner == self) WRITE_ONCE(nested, READ_ONCE(nested) + 1);
  else set_reported_owner(self >> OWNER_SHIFT);
  return true;
}

/** Any context; interrupts are off until the put, but not while it waits. Returns their flags. */
export function printk_cpu_sync_get_irqsave(): u32 {
  while (true) {
    const flags = local_irq_save();
    if (printk_cpu_sync_try_get()) return flags;
    local_irq_restore(flags);
    printk_cpu_sync_wait();
  }
}

export function printk_cpu_sync_put_irqrestore(flags: u32): void {
  const n = READ_ONCE(nested);
  if (n != 0) WRITE_ONCE(nested, n - 1);
  else {
    set_reported_owner(0);
    smp_store_release(changetype<usize>(printk_cpu_sync), 0);
  }
  local_irq_restore(flags);
}
