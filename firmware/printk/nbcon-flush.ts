// nbcon consoles: printing one record, printing all from any context, and the emergency sections in
// which whoever reports prints himself. Linux's kernel/printk/nbcon.c, second half.

import { READ_ONCE, WRITE_ONCE, fetch_add, fetch_add_relaxed } from '../arch/atomic';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { preempt_disable, preempt_enable, smp_processor_id } from '../arch/percpu';
import { this_cpu_in_panic } from '../kernel/panic-state';
import {
  CONSOLES_MAX,
  CON_NBCON,
  Console,
  boot_console,
  console_at,
  console_flags,
  console_is_usable,
  prb,
} from './console';
import { emergency_begins, emit_stats, emitter, stats } from './emit/emit';
import {
  NBCON_PRIO_EMERGENCY,
  NBCON_PRIO_NORMAL,
  NBCON_PRIO_PANIC,
  nbcon_context,
  nbcon_context_get,
  nbcon_context_put,
  nbcon_context_release,
  nbcon_context_try_acquire,
  nbcon_enter_unsafe,
  nbcon_exit_unsafe,
  nbcon_seq_read,
  nbcon_seq_try_update,
} from './nbcon';
import { nbcon_kthreads_running, nbcon_kthreads_wake } from './nbcon-thread';
import { console_prepend_replay, printk_get_next_message } from './print-message';

/** How long an atomic flush waits for the owner to let go: two FIFOs at 115200, µs. */
const HANDOVER_WAIT_US: u32 = 2000;

/** Emergency sections that each CPU is in, and those of all CPUs. */
const emergency_nesting: usize = memory.data(32 * 4, 4);
const emergency_count: usize = memory.data(4, 4);

function nesting(): usize {
  return emergency_nesting + ((<usize>smp_processor_id()) << 2);
}

/** Until the exit, what this CPU printks goes out at once. Any context. */
export function nbcon_cpu_emergency_enter(): void {
  emergency_begins();
  preempt_disable();
  fetch_add(emergency_count, 1);
  WRITE_ONCE(nesting(), READ_ONCE(nesting()) + 1);
}

/** The last one lets the threads go on. */
export function nbcon_cpu_emergency_exit(): void {
  WRITE_ONCE(nesting(), READ_ONCE(nesting()) - 1);
  const left = fetch_add(emergency_count, 0xffffffff) - 1;
  preempt_enable();
  if (left == 0) nbcon_kthreads_wake();
}

/** Some CPU is in an emergency section: threads keep off the consoles. */
export function nbcon_in_emergency(): bool {
  return READ_ONCE(emergency_count) != 0;
}

/** With what priority this CPU prints now. Preemption off. */
export function nbcon_get_default_prio(): u32 {
  if (this_cpu_in_panic()) return NBCON_PRIO_PANIC;
  return READ_ONCE(nesting()) != 0 ? NBCON_PRIO_EMERGENCY : NBCON_PRIO_NORMAL;
}

function prev_seq(console: Console): usize {
  return changetype<usize>(console) + offsetof<Console>('nbcon_prev_seq');
}

/**
 * Fetches the owner's next record: ctxt.outbuf, and ctxt.len, which is 0 if it is not to be seen. False
 * if there is none. Owner, unsafe section.
 */
export function nbcon_fetch_record(ctxt: nbcon_context): bool {
  const console = ctxt.console;
  const m = ctxt.message;
  if (!printk_get_next_message(m, ctxt.seq, console.dropped)) return false;
  const begun = READ_ONCE(prev_seq(console));
  if (begun == <u32>m.seq) console_prepend_replay(m);
  else WRITE_ONCE(prev_seq(console), <u32>m.seq);
  ctxt.outbuf = m.outbuf;
  ctxt.len = m.length;
  return true;
}

/** The record has been given to the console. Owner, unsafe section. */
export function nbcon_complete_record(ctxt: nbcon_context): void {
  const m = ctxt.message;
  ctxt.console.dropped = m.length != 0 ? 0 : m.dropped;
  nbcon_seq_try_update(ctxt, m.seq + 1);
  if (m.length != 0) fetch_add_relaxed(stats + offsetof<emit_stats>('emitted'), 1);
}

/**
 * Prints the owner's next record. False if there was none or ownership was lost: then whoever has it
 * now prints that record again.
 */
export function nbcon_emit_next_record(ctxt: nbcon_context, use_atomic: bool): bool {
  const console = ctxt.console;
  if (!nbcon_enter_unsafe(ctxt)) return false;
  // Whatever was sent of it in chunks, it comes whole now.
  console.chunk_left = 0;
  const fetched = nbcon_fetch_record(ctxt);
  if (!nbcon_exit_unsafe(ctxt) || !fetched) return false;
  if (ctxt.len != 0) {
    if (use_atomic) console.write_atomic(console, ctxt);
    else console.write_thread(console, ctxt);
    // The driver takes the text away when it has lost the console meanwhile.
    if (ctxt.outbuf == 0) return false;
  }
  if (!nbcon_enter_unsafe(ctxt)) return false;
  nbcon_complete_record(ctxt);
  return nbcon_exit_unsafe(ctxt);
}

/** One record by write_atomic. False if there is none or the console cannot be had. */
export function nbcon_atomic_emit_one(console: Console, allow_unsafe_takeover: bool): bool {
  const flags = local_irq_save();
  const ctxt = nbcon_context_get(console, nbcon_get_default_prio());
  let done: bool = false;
  if (ctxt != null) {
    ctxt.spinwait_max_us = HANDOVER_WAIT_US;
    ctxt.allow_unsafe_takeover = allow_unsafe_takeover;
    if (nbcon_context_try_acquire(ctxt, false)) {
      done = nbcon_emit_next_record(ctxt, true);
      nbcon_context_release(ctxt);
    }
    nbcon_context_put();
  }
  local_irq_restore(flags);
  return done;
}

/**
 * Prints what is stored now; without threads also what others store meanwhile, as they will have found
 * the console taken. Gives up if somebody else has the console: he looks again after he let go. Any
 * context. Interrupts come in between records.
 */
function flush_pending(console: Console, allow_unsafe_takeover: bool): void {
  let stop = prb.next_seq();
  while (nbcon_seq_read(console) < stop) {
    if (!nbcon_atomic_emit_one(console, allow_unsafe_takeover)) return;
    if (!nbcon_kthreads_running()) stop = prb.next_seq();
  }
}

function flush_all(allow_unsafe_takeover: bool): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || !(console_flags(console) & CON_NBCON)) continue;
    if (console_is_usable(console)) flush_pending(console, allow_unsafe_takeover);
  }
}

/** All nbcon consoles, as far as this CPU may. Any context. */
export function nbcon_atomic_flush_pending(): void {
  flush_all(false);
}

/** The same at any price. The last thing that a panic tries. */
export function nbcon_atomic_flush_unsafe(): void {
  flush_all(true);
}

/**
 * For a driver that has taken its device lock: makes it the console's owner too, as an owner of normal
 * priority that must not be interrupted. False: somebody prints; try again. Interrupts off.
 */
export function nbcon_device_try_acquire(console: Console): bool {
  const ctxt = console.device_context;
  ctxt.prio = NBCON_PRIO_NORMAL;
  ctxt.spinwait_max_us = 0;
  ctxt.allow_unsafe_takeover = false;
  return nbcon_context_try_acquire(ctxt, false) && nbcon_enter_unsafe(ctxt);
}

/** Before it gives the device lock back. What others could not print meanwhile is printed now. */
export function nbcon_device_release(console: Console): void {
  const ctxt = console.device_context;
  if (!nbcon_exit_unsafe(ctxt)) return;
  nbcon_context_release(ctxt);
  if (console_is_usable(console) && boot_console() == null) emitter.device_released(console);
}

/** That, where there are no threads. Under the device lock. */
export function nbcon_flush_released(console: Console): void {
  if (!nbcon_kthreads_running()) flush_pending(console, false);
}
