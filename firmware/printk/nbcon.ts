// nbcon ("no big console lock"): a console has an owner, with a priority, in one atomic word. A context
// of higher priority takes the console over: at once where the owner says that this is safe, else after
// the owner has let go (friendly handover), in a panic at last regardless (hostile takeover). Linux's
// kernel/printk/nbcon.c, first half.
//
// No function here takes a lock or sleeps: any context. Interrupts are off while a context owns a
// console, or an interrupt on its CPU would spin for what it interrupted.

import { READ_ONCE, WRITE_ONCE, cmpxchg, fetch_add_relaxed } from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { smp_processor_id } from '../arch/percpu';
import { other_cpu_in_panic, this_cpu_in_panic } from '../kernel/panic-state';
import { local_clock, udelay } from '../time/timekeeping';
import { Console, prb } from './console';
import { emit_stats, stats } from './emit/emit';
import { nbcon_thread_init } from './nbcon-thread';
import { PRINTK_MESSAGE_SIZE, printk_message, printk_message_init } from './print-message';
import { memblock_alloc } from '../mm/memblock';

// Priorities of an owner.
export const NBCON_PRIO_NONE: u32 = 0;
export const NBCON_PRIO_NORMAL: u32 = 1;
export const NBCON_PRIO_EMERGENCY: u32 = 2;
export const NBCON_PRIO_PANIC: u32 = 3;

// nbcon_state, as Linux has it: prio:2, req_prio:2, unsafe:1, unsafe_takeover:1, cpu:24.
const PRIO_MASK: u32 = 3;
const REQ_PRIO_SHIFT: u32 = 2;
const REQ_PRIO_MASK: u32 = 3 << REQ_PRIO_SHIFT;
/** The owner must not be interrupted now. */
const UNSAFE: u32 = 1 << 4;
/** It was interrupted all the same; never cleared: the device may be in any state. */
const UNSAFE_TAKEOVER: u32 = 1 << 5;
const CPU_SHIFT: u32 = 8;

/** No ownership for this context; it must not try again / it may, later. */
const EPERM: i32 = -1;
const EBUSY: i32 = -16;

/** Who wants or has a console. One per context, never shared. */
@unmanaged
export class nbcon_context {
  console: Console;
  prio: u32;
  /** How long to wait for a friendly handover, µs; 0: not at all. */
  spinwait_max_us: u32;
  allow_unsafe_takeover: bool;
  /** Set when ownership is acquired. */
  message: printk_message;
  seq: u64;
  /** For write_atomic and write_thread. No length once ownership was lost. */
  outbuf: usize;
  len: u32;
}

/** The buffers of the panicking CPU: it must not write into those of an owner that still runs. */
const panic_message: usize = memory.data(64 + 96 + 1024 + 2048, 8);

// Contexts of atomic printing, a small stack per CPU: interrupts nest.
const CONTEXTS: u32 = 6;
const contexts: usize = memory.data(32 * 6 * 48, 8);
const CONTEXT_SIZE: usize = 48;
const depths: usize = memory.data(32 * 4, 4);

function state_of(console: Console): usize {
  return changetype<usize>(console) + offsetof<Console>('nbcon_state');
}

function seq_of(console: Console): usize {
  return changetype<usize>(console) + offsetof<Console>('nbcon_seq');
}

/** Boot, before the console is registered. */
export function nbcon_init(console: Console): void {
  printk_message_init(panic_message);
  console.pbufs = printk_message_init(memblock_alloc(PRINTK_MESSAGE_SIZE, 8));
  console.device_context = changetype<nbcon_context>(memblock_alloc(CONTEXT_SIZE, 8));
  console.device_context.console = console;
  console.nbcon_prev_seq = 0xffffffff;
  nbcon_thread_init(console);
  WRITE_ONCE(state_of(console), 0);
}

/** The word holds the number's low half; the store's next one gives the rest. */
export function nbcon_seq_read(console: Console): u64 {
  const next = prb.next_seq();
  return next - <u64>(<i64>(<i32>(<u32>next - READ_ONCE(seq_of(console)))));
}

export function nbcon_seq_force(console: Console, seq: u64): void {
  WRITE_ONCE(seq_of(console), <u32>seq);
  WRITE_ONCE(changetype<usize>(console) + offsetof<Console>('nbcon_prev_seq'), 0xffffffff);
}

/** The owner has printed a record. Fails if somebody else has gone on meanwhile. */
export function nbcon_seq_try_update(ctxt: nbcon_context, seq: u64): void {
  cmpxchg(seq_of(ctxt.console), <u32>ctxt.seq, <u32>seq);
  ctxt.seq = seq;
}

/**
 * A context for this CPU, to be given back in reverse order. Null if printing is nested deeper than
 * anybody should. Preemption off.
 */
export function nbcon_context_get(console: Console, prio: u32): nbcon_context | null {
  const cpu = <usize>smp_processor_id();
  const depth = READ_ONCE(depths + (cpu << 2));
  if (depth >= CONTEXTS) return null;
  WRITE_ONCE(depths + (cpu << 2), depth + 1);
  const at = contexts + (cpu * <usize>CONTEXTS + <usize>depth) * CONTEXT_SIZE;
  const ctxt = changetype<nbcon_context>(at);
  ctxt.console = console;
  ctxt.prio = prio;
  ctxt.spinwait_max_us = 0;
  ctxt.allow_unsafe_takeover = false;
  ctxt.len = 0;
  return ctxt;
}

export function nbcon_context_put(): void {
  const depth = depths + ((<usize>smp_processor_id()) << 2);
  WRITE_ONCE(depth, READ_ONCE(depth) - 1);
}

/** The word of an owner. */
function owned_by(ctxt: nbcon_context, cur: u32): u32 {
  // After a hostile takeover, no part of the device is safe again.
  const scar: u32 = cur & UNSAFE_TAKEOVER ? UNSAFE | UNSAFE_TAKEOVER : 0;
  return ctxt.prio | scar | (smp_processor_id() << CPU_SHIFT);
}

/** In a panic, the console is the panicking CPU's. */
function refused_by_panic(cur: u32, reacquire: bool): bool {
  return other_cpu_in_panic() && (!reacquire || (cur & UNSAFE_TAKEOVER) != 0);
}

/** Takes a console that is free, or whose owner is of lower priority and safe. 0 or an error. */
function try_acquire_direct(ctxt: nbcon_context, reacquire: bool): i32 {
  const state = state_of(ctxt.console);
  while (true) {
    const cur = READ_ONCE(state);
    if (refused_by_panic(cur, reacquire)) return EPERM;
    const requested = (cur & REQ_PRIO_MASK) >> REQ_PRIO_SHIFT;
    if (ctxt.prio <= (cur & PRIO_MASK) || ctxt.prio <= requested) return EPERM;
    if (cur & UNSAFE) return EBUSY;
    if (cmpxchg(state, cur, owned_by(ctxt, cur)) != cur) continue;
    if ((cur & PRIO_MASK) != NBCON_PRIO_NONE) count(offsetof<emit_stats>('takeovers'));
    return 0;
  }
}

/** Has the owner that was asked let go? 0: the console is ours. */
function try_acquire_requested(ctxt: nbcon_context): i32 {
  const state = state_of(ctxt.console);
  const cur = READ_ONCE(state);
  if (refused_by_panic(cur, false)) return EPERM;
  // Somebody of higher priority has put his own request in place of ours.
  if ((cur & REQ_PRIO_MASK) >> REQ_PRIO_SHIFT != ctxt.prio) return EPERM;
  if ((cur & PRIO_MASK) != NBCON_PRIO_NONE || cur & UNSAFE) return EBUSY;
  if (cmpxchg(state, cur, owned_by(ctxt, cur)) != cur) return EBUSY;
  count(offsetof<emit_stats>('handovers'));
  return 0;
}

/** Puts our priority into the owner's word. 0 or an error. */
function request(ctxt: nbcon_context): i32 {
  const state = state_of(ctxt.console);
  while (true) {
    const cur = READ_ONCE(state);
    if (refused_by_panic(cur, false)) return EPERM;
    const requested = (cur & REQ_PRIO_MASK) >> REQ_PRIO_SHIFT;
    if (ctxt.prio <= (cur & PRIO_MASK) || ctxt.prio <= requested) return EPERM;
    // It would wait for what it has interrupted.
    if (cur >> CPU_SHIFT == smp_processor_id()) return EBUSY;
    const asking = (cur & ~REQ_PRIO_MASK) | (ctxt.prio << REQ_PRIO_SHIFT);
    if (cmpxchg(state, cur, asking) == cur) return 0;
  }
}

/** Asks an unsafe owner on another CPU to let go, and waits for that. 0 or an error. */
function try_acquire_handover(ctxt: nbcon_context): i32 {
  const state = state_of(ctxt.console);
  if (ctxt.spinwait_max_us == 0) return EBUSY;
  const refused = request(ctxt);
  if (refused != 0) return refused;
  const until = local_clock() + <u64>ctxt.spinwait_max_us * 1000;
  while (local_clock() < until) {
    udelay(1);
    const error = try_acquire_requested(ctxt);
    if (error != EBUSY) return error;
  }
  // Takes the request back, unless it is granted right now.
  while (true) {
    const cur = READ_ONCE(state);
    if ((cur & REQ_PRIO_MASK) >> REQ_PRIO_SHIFT != ctxt.prio) return EPERM;
    if ((cur & (PRIO_MASK | UNSAFE)) == NBCON_PRIO_NONE) {
      if (try_acquire_requested(ctxt) == 0) return 0;
    } else if (cmpxchg(state, cur, cur & ~REQ_PRIO_MASK) == cur) return EBUSY;
  }
}

/** The last flush of a panic: takes the console whatever its owner is doing. */
function try_acquire_hostile(ctxt: nbcon_context): i32 {
  if (!ctxt.allow_unsafe_takeover || ctxt.prio != NBCON_PRIO_PANIC) return EPERM;
  const state = state_of(ctxt.console);
  for (;;) {
    const cur = READ_ONCE(state);
    const scar: u32 = cur & UNSAFE ? cur | UNSAFE_TAKEOVER : cur;
    if (cmpxchg(state, cur, owned_by(ctxt, scar)) == cur) break;
  }
  count(offsetof<emit_stats>('unsafe_takeovers'));
  return 0;
}

/** Makes the context the console's owner, if its priority allows that. */
export function nbcon_context_try_acquire(ctxt: nbcon_context, reacquire: bool): bool {
  let error = try_acquire_direct(ctxt, reacquire);
  if (error == EBUSY) error = try_acquire_handover(ctxt);
  if (error == EBUSY) error = try_acquire_hostile(ctxt);
  if (error != 0) return false;
  ctxt.message = this_cpu_in_panic()
    ? changetype<printk_message>(panic_message)
    : ctxt.console.pbufs;
  ctxt.seq = nbcon_seq_read(ctxt.console);
  return true;
}

function owner_matches(ctxt: nbcon_context, cur: u32): bool {
  return (cur & PRIO_MASK) == ctxt.prio && cur >> CPU_SHIFT == smp_processor_id();
}

/** Gives the console up; does nothing if it was lost before. */
export function nbcon_context_release(ctxt: nbcon_context): void {
  const state = state_of(ctxt.console);
  for (;;) {
    const cur = READ_ONCE(state);
    if (!owner_matches(ctxt, cur)) return;
    const unsafe: u32 = cur & UNSAFE_TAKEOVER ? UNSAFE : 0;
    if (cmpxchg(state, cur, (cur & ~(PRIO_MASK | UNSAFE)) | unsafe) == cur) return;
  }
}

/**
 * Is the console still ours? If somebody of higher priority waits for it, and it is safe, it goes to
 * him here. After false, the context must not touch the device any more.
 */
export function nbcon_can_proceed(ctxt: nbcon_context): bool {
  const cur = READ_ONCE(state_of(ctxt.console));
  if (!owner_matches(ctxt, cur)) return false;
  if (!(cur & REQ_PRIO_MASK)) return true;
  if (cur & UNSAFE && !(cur & UNSAFE_TAKEOVER)) return true;
  nbcon_context_release(ctxt);
  return false;
}

function update_unsafe(ctxt: nbcon_context, unsafe: bool): bool {
  const state = state_of(ctxt.console);
  for (;;) {
    const cur = READ_ONCE(state);
    // Before it becomes unsafe, whoever waits may have it.
    if (unsafe && !nbcon_can_proceed(ctxt)) return false;
    if (!owner_matches(ctxt, cur)) return false;
    const safe: u32 = cur & UNSAFE_TAKEOVER ? cur : cur & ~UNSAFE;
    if (cmpxchg(state, cur, unsafe ? cur | UNSAFE : safe) == cur) break;
  }
  return unsafe || nbcon_can_proceed(ctxt);
}

/** From here on the owner cannot be taken over. False: ownership is lost. */
export function nbcon_enter_unsafe(ctxt: nbcon_context): bool {
  return update_unsafe(ctxt, true);
}

/** From here on it can. False: ownership is lost. */
export function nbcon_exit_unsafe(ctxt: nbcon_context): bool {
  return update_unsafe(ctxt, false);
}

/** After a takeover: waits for the console, to put the device in order. There is nothing to print. */
export function nbcon_reacquire_nobuf(ctxt: nbcon_context): void {
  while (!nbcon_context_try_acquire(ctxt, true)) hart_pause();
  ctxt.outbuf = 0;
  ctxt.len = 0;
}

function count(offset: usize): void {
  fetch_add_relaxed(stats + offset, 1);
}
