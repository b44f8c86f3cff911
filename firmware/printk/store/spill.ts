// Store `spill`, our own: the lockless ring, and behind it a buffer for each CPU (percpu-buffer.ts) for
// what the ring has no room for. No room means: the oldest record belongs to a writer who stands still,
// or a console has not printed it yet. Nobody waits for either: the message goes into the CPU's buffer,
// without a lock, from any context, and into the ring when that moves again, oldest first. As long as
// there is something in a buffer, all that comes goes there, so the log's order stays.
//
// Who brings messages back is whoever comes by: writers a few at a time, readers when they come to the end
// of the ring. One at a time does it, and nobody waits for him.
//
// Loses, and counts: what finds its CPU's buffer full, too. Before that, and when consoles have not got on
// for ten seconds, the ring's oldest records go as in `lockless`, and consoles say how many. Until its
// messages are back in the ring, only printkit's own crash tool knows of a buffer.

import {
  WRITE_ONCE,
  cmpxchg,
  fetch_add,
  smp_load_acquire,
  smp_store_release,
} from '../../arch/atomic';
import { local_irq_restore, local_irq_save } from '../../arch/irqflags';
import { in_nmi, smp_processor_id } from '../../arch/percpu';
import { num_online_cpus } from '../../arch/smp';
import { this_cpu_in_panic } from '../../kernel/panic-state';
import {
  lockless_commit,
  lockless_final_commit,
  lockless_init,
  lockless_next_seq,
  lockless_read,
  lockless_reserve,
  lockless_reserve_in_last,
} from './lockless';
import {
  lockless_fits,
  lockless_keep,
  lockless_make_room,
  lockless_retire_writers,
} from './lockless-room';
import { wake_up_klogd } from '../klogd';
import { vmcoreinfo_symbol } from '../vmcoreinfo';
import { lockless_vmcoreinfo } from './lockless-vmcoreinfo';
import {
  EVENT_TEXT,
  event_dev,
  event_info,
  percpu_commit,
  percpu_consume,
  percpu_is_tight,
  percpu_peek,
  percpu_reserve,
} from './percpu-buffer';
import {
  PAGES_DEFAULT,
  percpu_buffer_of,
  percpu_force_all,
  percpu_oldest,
  percpu_set_init,
  percpu_set_vmcoreinfo,
} from './percpu-set';
import {
  LOG_CONT,
  LOG_NEWLINE,
  PRINTK_INFO_HEAD,
  info_flags,
  printk_record,
  printk_store,
  reserved_entry,
} from './store';
import { unprinted_from, unprinted_too_long, unprinted_update } from './unprinted';

/** So many messages a writer brings back, one whose buffer is nearly full, and a reader. */
const RETURN_WRITER: u32 = 2;
const RETURN_TIGHT: u32 = 32;
const RETURN_READER: u32 = 8;

/** Messages that are in the CPUs' buffers, or will be at once. */
const spilled: usize = memory.data(4, 4);
/** CPU that brings messages back, plus one; 0: nobody does. */
const returning: usize = memory.data(4, 4);
/** Its reservation in the ring. */
const returned: reserved_entry = changetype<reserved_entry>(
  memory.data(offsetof<reserved_entry>(), 4),
);

// The ring. Any context, interrupts off.

function try_ring(entry: reserved_entry, size: u32, press: bool): bool {
  entry.record = 0;
  entry.press = press;
  return lockless_make_room(size, press) && lockless_reserve(entry, size);
}

/** A record in the ring. `press`: the oldest must go, printed or not. */
function reserve_in_ring(entry: reserved_entry, size: u32, press: bool): bool {
  if (try_ring(entry, size, false)) return true;
  if (unprinted_update()) {
    lockless_keep(unprinted_from());
    if (try_ring(entry, size, false)) return true;
    if (!press && !unprinted_too_long()) return false;
  }
  return try_ring(entry, size, true);
}

// The buffers.

/** Room for a message in this CPU's buffer. Any context, interrupts off. */
function spill(entry: reserved_entry, size: u32): bool {
  fetch_add(spilled, 1);
  const event = percpu_reserve(percpu_buffer_of(smp_processor_id()), size, entry.dev);
  if (event == 0) {
    fetch_add(spilled, 0xffffffff);
    return false;
  }
  entry.record = event;
  entry.info = event_info(event);
  entry.text = event + EVENT_TEXT;
  entry.text_size = size;
  return true;
}

/** Brings the oldest message back, as its writer would have stored it. False if that is not possible. */
function return_one(press: bool): bool {
  const from = percpu_oldest();
  if (from == 0) return false;
  const b = percpu_buffer_of(from - 1);
  const event = percpu_peek(b);
  const info = event_info(event);
  const length = <u32>info.text_len;
  const flags = info_flags(info);
  const goes_on = flags & LOG_CONT && lockless_reserve_in_last(returned, info.caller_id, length);
  if (!goes_on) {
    returned.dev = event_dev(event);
    if (!reserve_in_ring(returned, length, press)) return false;
    const seq = returned.info.seq;
    memory.copy(changetype<usize>(returned.info), changetype<usize>(info), PRINTK_INFO_HEAD);
    returned.info.seq = seq;
    returned.info.text_len = 0;
  }
  memory.copy(returned.text, event + EVENT_TEXT, length);
  returned.info.text_len += <u16>length;
  if (flags & LOG_NEWLINE) lockless_final_commit(returned);
  else lockless_commit(returned);
  percpu_consume(b, event);
  // LMM(return_one:A): in the ring before it is no more in a buffer. Full barrier. Pairs with
  // spill_reserve:A.
  fetch_add(spilled, 0xffffffff);
  return true;
}

/** Brings back that many messages, unless somebody is about it. Returns how many. Any context. */
function return_some(most: u32, press: bool): u32 {
  let n: u32 = 0;
  const flags = local_irq_save();
  if (cmpxchg(returning, 0, smp_processor_id() + 1) == 0) {
    while (n < most && return_one(press)) n++;
    smp_store_release(returning, 0);
  }
  local_irq_restore(flags);
  // Readers had been woken when it was said, and may have found nothing.
  if (n != 0) wake_up_klogd();
  return n;
}

/** Are there messages that are not in the ring? */
function has_spilled(): bool {
  // LMM(spill_reserve:A): the count before the ring's head: who finds no message in a buffer comes behind
  // those that were. Pairs with return_one:A.
  return smp_load_acquire(spilled) != 0;
}

// Writing. Interrupts off.

function spill_reserve(entry: reserved_entry, size: u32): bool {
  if (!lockless_fits(size)) return false;
  if (has_spilled()) {
    const tight = percpu_is_tight(percpu_buffer_of(smp_processor_id()));
    return_some(tight ? RETURN_TIGHT : RETURN_WRITER, tight);
  }
  if (!has_spilled() && reserve_in_ring(entry, size, false)) return true;
  if (spill(entry, size)) return true;
  // It may have come while the buffer turned to its next page. Better out of order than lost.
  return in_nmi() && reserve_in_ring(entry, size, true);
}

function spill_reserve_in_last(entry: reserved_entry, caller_id: u32, size: u32): bool {
  // What is in a buffer is put together when it comes back.
  if (has_spilled()) return false;
  entry.record = 0;
  return lockless_reserve_in_last(entry, caller_id, size);
}

function commit_spilled(entry: reserved_entry): void {
  percpu_commit(percpu_buffer_of(smp_processor_id()), entry.record, this_cpu_in_panic());
}

function spill_commit(entry: reserved_entry): void {
  if (entry.record != 0) commit_spilled(entry);
  else lockless_commit(entry);
}

function spill_final_commit(entry: reserved_entry): void {
  if (entry.record != 0) commit_spilled(entry);
  else lockless_final_commit(entry);
}

// Reading. Any context.

function spill_read(seq: u64, r: printk_record): bool {
  while (!lockless_read(seq, r)) {
    if (!has_spilled() || return_some(RETURN_READER, false) == 0) return false;
  }
  return true;
}

function spill_next_seq(): u64 {
  if (has_spilled()) return_some(RETURN_READER, false);
  return lockless_next_seq();
}

/** Frees what stopped CPUs have taken with them. If others still run, they may really have it. */
function spill_bust_locks(): void {
  if (num_online_cpus() > 1) return;
  WRITE_ONCE(returning, 0);
  percpu_force_all();
  lockless_retire_writers();
}

/** All of it, printed later or not: what crash tools know is the ring. In a panic. */
function spill_flush(): void {
  while (has_spilled() && return_some(RETURN_READER, false) != 0) {
    // As long as there is room.
  }
}

function spill_vmcoreinfo(): void {
  lockless_vmcoreinfo();
  percpu_set_vmcoreinfo();
  vmcoreinfo_symbol('printk_spilled', spilled);
}

/** Boot CPU, before the first printk(). */
export function spill_init(store: printk_store, buffer: usize, size: u32): void {
  lockless_init(store, buffer, size);
  // Until the ring is full nobody asks how far consoles are.
  lockless_keep(0);
  percpu_set_init(PAGES_DEFAULT, false);
  store.name = 'spill';
  store.reserve = spill_reserve;
  store.reserve_in_last = spill_reserve_in_last;
  store.commit = spill_commit;
  store.final_commit = spill_final_commit;
  store.read = spill_read;
  store.next_seq = spill_next_seq;
  store.bust_locks = spill_bust_locks;
  store.flush = spill_flush;
  store.vmcoreinfo = spill_vmcoreinfo;
}
