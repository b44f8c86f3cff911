// Timers with the resolution of a tick: one list per CPU, in order of expiry, under the CPU's
// timer_base->lock. They run in TIMER_SOFTIRQ of the CPU that they were started on.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { smp_processor_id } from '../arch/percpu';
import { raise_softirq, TIMER_SOFTIRQ } from '../kernel/softirq';
import {
  INIT_LIST_HEAD,
  list_add,
  list_del_init,
  list_empty,
  list_next,
  list_prev,
} from '../lib/list';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { get_jiffies, time_after } from './jiffies';

@unmanaged
export class timer_list {
  entry_next: usize;
  entry_prev: usize;
  /** In jiffies. */
  expires: u32;
  fn: (t: timer_list) => void;
  /** The user's. */
  data: usize;
  /** CPU of the base that it was last put on, plus one; 0 before. */
  base: u32;
  /** On a list. Under the base's lock. */
  pending: u32;
}

/** The base class is the lock. */
@unmanaged
class timer_base extends spinlock_t {
  head_next: usize;
  head_prev: usize;
  /** The timer whose function runs right now; 0 if none. */
  running: usize;
}

const BASE_SIZE: usize = 64;
const bases: usize = memory.data(64 * 32, 8);

function base_of(cpu: u32): timer_base {
  return changetype<timer_base>(bases + <usize>cpu * BASE_SIZE);
}

function head_of(b: timer_base): usize {
  return changetype<usize>(b) + offsetof<timer_base>('head_next');
}

export function timers_init_cpu(cpu: u32): void {
  const b = base_of(cpu);
  spin_lock_init(b, 'timer_base->lock');
  INIT_LIST_HEAD(head_of(b));
}

/** A timer that is not pending. `data` is left alone. */
export function timer_setup(t: timer_list, fn: (t: timer_list) => void): void {
  t.fn = fn;
  if (t.pending) throw new Error('an active timer is set up anew');
  INIT_LIST_HEAD(changetype<usize>(t));
}

export function timer_pending(t: timer_list): bool {
  return READ_ONCE(changetype<usize>(t) + offsetof<timer_list>('pending')) != 0;
}

/** Locks the base that the timer is on. It may move until then. */
function lock_timer_base(t: timer_list): timer_base {
  while (true) {
    const cpu = READ_ONCE(changetype<usize>(t) + offsetof<timer_list>('base')) - 1;
    const b = base_of(cpu);
    spin_lock(b);
    if (t.base == cpu + 1) return b;
    spin_unlock(b);
  }
}

/** Under the lock of its base. */
function detach(t: timer_list): void {
  list_del_init(changetype<usize>(t));
  t.pending = 0;
}

/** Under the lock. Behind those that expire at the same tick. */
function enqueue(b: timer_base, t: timer_list): void {
  const head = head_of(b);
  let after = list_prev(head);
  while (after != head && time_after(changetype<timer_list>(after).expires, t.expires)) {
    after = list_prev(after);
  }
  list_add(changetype<usize>(t), after);
  t.pending = 1;
}

/** Starts a timer or moves it, onto this CPU's list. True if it was pending. Any context but an NMI. */
export function mod_timer(t: timer_list, expires: u32): bool {
  const flags = local_irq_save();
  let was = false;
  if (t.base != 0) {
    const old = lock_timer_base(t);
    was = t.pending != 0;
    if (was) detach(t);
    // One that runs stays on its base, so that timer_delete_sync() finds it there.
    if (old.running == changetype<usize>(t)) {
      t.expires = expires;
      enqueue(old, t);
      spin_unlock(old);
      local_irq_restore(flags);
      return was;
    }
    spin_unlock(old);
  }
  const cpu = smp_processor_id();
  const b = base_of(cpu);
  spin_lock(b);
  t.base = cpu + 1;
  t.expires = expires;
  enqueue(b, t);
  spin_unlock(b);
  local_irq_restore(flags);
  return was;
}

export function add_timer(t: timer_list): void {
  mod_timer(t, t.expires);
}

/** True if it was pending. It may run right now on another CPU. Any context but an NMI. */
export function del_timer(t: timer_list): bool {
  if (t.base == 0) return false;
  const flags = local_irq_save();
  const b = lock_timer_base(t);
  const was = t.pending != 0;
  if (was) detach(t);
  spin_unlock(b);
  local_irq_restore(flags);
  return was;
}

/** The same, and its function does not run any more. Not from its own function; no lock that it takes. */
export function timer_delete_sync(t: timer_list): bool {
  if (t.base == 0) return false;
  let was = false;
  while (true) {
    if (del_timer(t)) was = true;
    const running = READ_ONCE(
      changetype<usize>(base_of(t.base - 1)) + offsetof<timer_base>('running'),
    );
    if (<usize>running != changetype<usize>(t)) return was;
    hart_pause();
  }
}

export function del_timer_sync(t: timer_list): bool {
  return timer_delete_sync(t);
}

/** The softirq: runs what is due, without the lock. */
export function run_timer_softirq(): void {
  const b = base_of(smp_processor_id());
  let flags = spin_lock_irqsave(b);
  while (true) {
    if (list_empty(head_of(b))) break;
    const t = changetype<timer_list>(list_next(head_of(b)));
    if (time_after(t.expires, get_jiffies())) break;
    detach(t);
    WRITE_ONCE(changetype<usize>(b) + offsetof<timer_base>('running'), <u32>changetype<usize>(t));
    const fn = t.fn;
    spin_unlock_irqrestore(b, flags);
    fn(t);
    flags = spin_lock_irqsave(b);
    WRITE_ONCE(changetype<usize>(b) + offsetof<timer_base>('running'), 0);
  }
  spin_unlock_irqrestore(b, flags);
}

/** Is a timer of this CPU due? Without the lock: another CPU may be taking it away. Interrupts off. */
export function local_timers_due(): bool {
  const b = base_of(smp_processor_id());
  const first = list_next(head_of(b));
  return first != head_of(b) && !time_after(changetype<timer_list>(first).expires, get_jiffies());
}

/** Called by the tick: raises the softirq if a timer is due. Hardirq context. */
export function run_local_timers(): void {
  if (local_timers_due()) raise_softirq(TIMER_SOFTIRQ);
}

/** Jiffies until this CPU's first timer; 0xffffffff if there is none. Interrupts off. */
export function next_timer_jiffies(): u32 {
  const b = base_of(smp_processor_id());
  spin_lock(b);
  let left: u32 = 0xffffffff;
  if (!list_empty(head_of(b))) {
    const d = <i32>(changetype<timer_list>(list_next(head_of(b))).expires - get_jiffies());
    left = d > 0 ? d : 0;
  }
  spin_unlock(b);
  return left;
}

/** Throws if an active timer lies in memory that is being freed. */
export function debug_check_no_timer(from: usize, size: usize): void {
  for (let cpu: u32 = 0; cpu < 32; cpu++) {
    const b = base_of(cpu);
    if (b.head_next == 0) continue;
    const flags = spin_lock_irqsave(b);
    let found = false;
    for (let e = list_next(head_of(b)); e != head_of(b); e = list_next(e)) {
      if (e - from < size) found = true;
    }
    spin_unlock_irqrestore(b, flags);
    if (found) throw new Error('an active timer is freed');
  }
}

/** Ticks since boot. */
export function jiffies(): u32 {
  return get_jiffies();
}
