// Timers with the resolution of mtime: one list per CPU under hrtimer_cpu_base->lock; they run in
// hardirq context, from the machine timer interrupt.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { clint_mtime } from '../arch/clint';
import { board } from '../arch/fdt';
import { hart_pause } from '../arch/hart';
import { smp_processor_id } from '../arch/percpu';
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
  spin_unlock_irqrestore,
  spin_unlock_no_resched,
  spinlock_t,
} from '../locking/spinlock';
import { tick_program_event } from './tick';

export const HRTIMER_NORESTART: u32 = 0;
export const HRTIMER_RESTART: u32 = 1;

@unmanaged
export class hrtimer {
  entry_next: usize;
  entry_prev: usize;
  /** mtime. */
  expires: u64;
  /** Returns HRTIMER_RESTART after hrtimer_forward(), or HRTIMER_NORESTART. */
  fn: (t: hrtimer) => u32;
  data: usize;
  pending: u32;
  /** CPU that it was started on, plus one. */
  base: u32;
}

@unmanaged
class hrtimer_cpu_base extends spinlock_t {
  head_next: usize;
  head_prev: usize;
  running: usize;
}

const BASE_SIZE: usize = 64;
const bases: usize = memory.data(64 * 32, 8);

function base_of(cpu: u32): hrtimer_cpu_base {
  return changetype<hrtimer_cpu_base>(bases + <usize>cpu * BASE_SIZE);
}

function head_of(b: hrtimer_cpu_base): usize {
  return changetype<usize>(b) + offsetof<hrtimer_cpu_base>('head_next');
}

export function hrtimers_init_cpu(cpu: u32): void {
  const b = base_of(cpu);
  spin_lock_init(b, 'hrtimer_bases.lock');
  INIT_LIST_HEAD(head_of(b));
}

export function hrtimer_init(t: hrtimer, fn: (t: hrtimer) => u32): void {
  t.fn = fn;
  t.pending = 0;
  t.base = 0;
  INIT_LIST_HEAD(changetype<usize>(t));
}

/** ns → ticks of mtime, rounded up. */
export function ns_to_mtime(ns: u64): u64 {
  return (ns * <u64>(board.timebase / 1000) + 999_999) / 1_000_000;
}

function enqueue(b: hrtimer_cpu_base, t: hrtimer): void {
  const head = head_of(b);
  let after = list_prev(head);
  while (after != head && changetype<hrtimer>(after).expires > t.expires) after = list_prev(after);
  list_add(changetype<usize>(t), after);
  t.pending = 1;
}

/** Starts a timer on this CPU, so many ns from now; one that is pending is moved. Any context but an NMI. */
export function hrtimer_start(t: hrtimer, ns: u64): void {
  hrtimer_cancel_pending(t);
  const b = base_of(smp_processor_id());
  const flags = spin_lock_irqsave(b);
  t.expires = clint_mtime() + ns_to_mtime(ns);
  t.base = smp_processor_id() + 1;
  enqueue(b, t);
  tick_program_event();
  spin_unlock_irqrestore(b, flags);
}

function hrtimer_cancel_pending(t: hrtimer): bool {
  if (t.base == 0) return false;
  const b = base_of(t.base - 1);
  const flags = spin_lock_irqsave(b);
  const was = t.pending != 0;
  if (was) {
    list_del_init(changetype<usize>(t));
    t.pending = 0;
  }
  spin_unlock_irqrestore(b, flags);
  return was;
}

/** It does not run any more. Not from its own function. True if it was pending. */
export function hrtimer_cancel(t: hrtimer): bool {
  if (t.base == 0) return false;
  let was = false;
  while (true) {
    if (hrtimer_cancel_pending(t)) was = true;
    const b = changetype<usize>(base_of(t.base - 1));
    if (<usize>READ_ONCE(b + offsetof<hrtimer_cpu_base>('running')) != changetype<usize>(t))
      return was;
    hart_pause();
  }
}

/** From its own function: moves the expiry on by ns, past now. */
export function hrtimer_forward(t: hrtimer, ns: u64): void {
  const step = ns_to_mtime(ns);
  const now = clint_mtime();
  t.expires += step;
  if (t.expires <= now) t.expires = now + step;
}

/** mtime of this CPU's first hrtimer, or all ones. Interrupts off. */
export function hrtimer_next_event(): u64 {
  const b = base_of(smp_processor_id());
  const head = head_of(b);
  const first = list_next(head);
  return first == head || first == 0 ? 0xffffffffffffffff : changetype<hrtimer>(first).expires;
}

/** Runs what is due. Machine timer interrupt, hardirq context. */
export function hrtimer_interrupt(now: u64): void {
  const b = base_of(smp_processor_id());
  const head = head_of(b);
  if (list_next(head) == head) return;
  spin_lock(b);
  while (!list_empty(head)) {
    const t = changetype<hrtimer>(list_next(head));
    if (t.expires > now) break;
    list_del_init(changetype<usize>(t));
    t.pending = 0;
    WRITE_ONCE(
      changetype<usize>(b) + offsetof<hrtimer_cpu_base>('running'),
      <u32>changetype<usize>(t),
    );
    const fn = t.fn;
    spin_unlock_no_resched(b);
    const again = fn(t);
    spin_lock(b);
    if (again == HRTIMER_RESTART && t.pending == 0) enqueue(b, t);
    WRITE_ONCE(changetype<usize>(b) + offsetof<hrtimer_cpu_base>('running'), 0);
  }
  spin_unlock_no_resched(b);
}
