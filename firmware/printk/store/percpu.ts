// Store `percpu`: a ring of pages for each CPU (percpu-buffer.ts), and nothing else, as the tracing ring
// buffer has it. A writer touches only what is its CPU's: no lock, no contention, any context. The log is
// made when somebody reads: the buffers are merged by time stamp, and records are numbered then.
//
// What that means for several readers: there is one reader, which is whoever reads at the moment, under
// reader_lock; it adds what it merges to a log that all readers share. So all see the same records with
// the same numbers. But order is by time only among what was there to be merged: a record that is committed
// later than a merge has a later place. An NMI that interrupts the reader on its CPU cannot read.
//
// Merged is one record at a time: to know whether there are more (next_seq()) only as long as the log has
// room without dropping what a console has not printed; to read, as far as the reader wants to. A fragment
// whose line is open goes on with that record.
//
// Fails where: one CPU prints more than its buffer holds before anybody reads (printk.percpu_overwrite=1:
// its oldest messages are lost, =0: its newest), though others' are empty; a CPU dies inside a write: what
// it prints afterwards cannot be read, unless it panics.

import { READ_ONCE, WRITE_ONCE } from '../../arch/atomic';
import { local_irq_restore, local_irq_save } from '../../arch/irqflags';
import { in_nmi, smp_processor_id } from '../../arch/percpu';
import { panic_in_progress, panic_note_dropped, this_cpu_in_panic } from '../../kernel/panic-state';
import { snprintf } from '../../lib/format';
import {
  spin_is_locked,
  spin_lock,
  spin_lock_init,
  spin_trylock,
  spin_unlock_no_resched,
  spinlock_t,
} from '../../locking/spinlock';
import { emitter } from '../emit/emit';
import { LOGLEVEL_WARNING } from '../levels';
import {
  EVENT_TEXT,
  event_dev,
  event_info,
  percpu_commit,
  percpu_consume,
  percpu_lost,
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
  record_ring,
  record_ring_clear,
  record_ring_fits,
  record_ring_init,
  record_ring_make_room,
  record_ring_read,
  record_ring_store,
  record_ring_take_last,
} from './record-ring';
import { record_ring_vmcoreinfo } from './record-ring-vmcoreinfo';
import {
  LOG_CONT,
  LOG_LINE_MAX,
  LOG_NEWLINE,
  info_dev,
  info_flags,
  printk_info,
  printk_record,
  printk_store,
  reserved_entry,
  set_info_flag,
  set_info_level_flags,
  store_defaults,
} from './store';
import { unprinted_from, unprinted_update } from './unprinted';

/** A CPU's buffer is half as large as the log, if that is more than the default. */
const LOG_BYTES_PER_PAGE: u32 = 8192;

/** What has been merged. Under reader_lock, as is the reader's part of each buffer. */
const merged: record_ring = changetype<record_ring>(memory.data(offsetof<record_ring>(), 8));
const reader_lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
/** For the remark that messages were lost. Under reader_lock. */
const remark_info: printk_info = changetype<printk_info>(memory.data(offsetof<printk_info>(), 8));
const remark: usize = memory.data(64, 4);
const REMARK_MAX: u32 = 64;
/** 1: the newest record has no newline yet. And that record, while it is put together. Under reader_lock. */
const last_open: usize = memory.data(4, 4);
const last: printk_record = changetype<printk_record>(memory.data(offsetof<printk_record>(), 4));
const last_info: usize = memory.data(offsetof<printk_info>(), 8);
const last_text: usize = memory.data(1024, 4);
const LAST_TEXT_MAX: u32 = 1024;

function percpu_store_reserve(entry: reserved_entry, size: u32): bool {
  if (!record_ring_fits(merged, size)) return false;
  const event = percpu_reserve(percpu_buffer_of(smp_processor_id()), size, entry.dev);
  if (event == 0) return false;
  entry.record = event;
  entry.info = event_info(event);
  entry.text = event + EVENT_TEXT;
  entry.text_size = size;
  return true;
}

function percpu_store_reserve_in_last(entry: reserved_entry, caller_id: u32, size: u32): bool {
  return false;
}

function percpu_store_commit(entry: reserved_entry): void {
  percpu_commit(percpu_buffer_of(smp_processor_id()), entry.record, this_cpu_in_panic());
}

/** Becomes the reader. False if this CPU interrupted it, or is it. Interrupts off. */
function reader_enter(): bool {
  const owner = READ_ONCE(changetype<usize>(reader_lock) + offsetof<spinlock_t>('owner'));
  if (in_nmi() || owner == smp_processor_id() + 1) return spin_trylock(reader_lock);
  spin_lock(reader_lock);
  return true;
}

function reader_exit(): void {
  spin_unlock_no_resched(reader_lock);
}

/** Puts a remark into the log that a CPU has lost messages: here they would have been. */
function report_lost(cpu: u32, lost: u32, ts_nsec: u64): void {
  panic_note_dropped(lost);
  const n = snprintf(remark, REMARK_MAX, '** CPU %u lost %u printk messages **', cpu, lost);
  remark_info.ts_nsec = ts_nsec;
  remark_info.text_len = <u16>n;
  set_info_level_flags(remark_info, LOGLEVEL_WARNING, LOG_NEWLINE);
  record_ring_store(merged, remark_info, 0, remark);
}

/** Is there room for a record in the log without taking one away that a console has not printed? */
function has_room(length: u32): bool {
  return !unprinted_update() || record_ring_make_room(merged, length, unprinted_from());
}

/** Is the newest record one that its caller may go on with? Readers do not get it yet. */
function last_is_open(): bool {
  return READ_ONCE(last_open) != 0;
}

/** Goes on with the newest record. False if that is not possible. By the reader. */
function continue_last(info: printk_info, text: usize): bool {
  if (!last_is_open() || !(info_flags(info) & LOG_CONT)) return false;
  record_ring_take_last(merged, last);
  const before = <u32>last.info.text_len;
  const total = before + <u32>info.text_len;
  const same = last.info.caller_id == info.caller_id && total <= LOG_LINE_MAX;
  if (same) {
    memory.copy(last.text + <usize>before, text, <usize>info.text_len);
    last.info.text_len = <u16>total;
    set_info_flag(last.info, info_flags(info) & LOG_NEWLINE);
  }
  record_ring_store(merged, last.info, info_dev(last.info), last.text);
  return same;
}

/**
 * Moves the oldest of all CPUs' events to the log. `gently`: not if that takes a record away from a
 * console. False if there is none, or if it may not. By the reader.
 */
function merge_one(gently: bool): bool {
  const from = percpu_oldest();
  if (from == 0) return false;
  const b = percpu_buffer_of(from - 1);
  const event = percpu_peek(b);
  const info = event_info(event);
  if (gently && !has_room(<u32>info.text_len)) return false;
  const lost = percpu_lost(b);
  if (lost) report_lost(from - 1, lost, info.ts_nsec);
  const text = event + EVENT_TEXT;
  if (lost != 0 || !continue_last(info, text)) {
    record_ring_store(merged, info, event_dev(event), text);
  }
  WRITE_ONCE(last_open, info_flags(info) & LOG_NEWLINE ? 0 : 1);
  percpu_consume(b, event);
  return true;
}

/** The record after the last that readers get. */
function merged_end(): u64 {
  return last_is_open() ? merged.next_seq - 1 : merged.next_seq;
}

function percpu_read(seq: u64, r: printk_record): bool {
  const flags = local_irq_save();
  let found: bool = false;
  if (reader_enter()) {
    while (merged_end() <= seq && merge_one(false)) {
      // Until it has been merged, or there is no more.
    }
    found = merged_end() > seq && record_ring_read(merged, seq, r);
    reader_exit();
  } else if (!panic_in_progress()) {
    // What it came to print, nobody else prints: the reader that it has interrupted is none of a console.
    emitter.stored_deferred();
  }
  local_irq_restore(flags);
  return found;
}

/**
 * Merges what can be merged, to know: all there is, unless consoles are more than the log's size behind.
 * Who cannot be the reader is told what has been merged.
 */
function percpu_next_seq(): u64 {
  const flags = local_irq_save();
  if (reader_enter()) {
    while (merge_one(true)) {
      // To the end.
    }
    reader_exit();
  }
  const seq = merged_end();
  local_irq_restore(flags);
  return seq;
}

function percpu_first_seq(): u64 {
  const flags = local_irq_save();
  const locked = reader_enter();
  const seq = merged.first_seq;
  if (locked) reader_exit();
  local_irq_restore(flags);
  return seq;
}

function percpu_clear(seq: u64): void {
  const flags = local_irq_save();
  if (reader_enter()) {
    record_ring_clear(merged, seq);
    reader_exit();
  }
  local_irq_restore(flags);
}

function percpu_bust_locks(): void {
  if (spin_is_locked(reader_lock)) spin_lock_init(reader_lock, 'reader_lock');
  percpu_force_all();
}

function percpu_vmcoreinfo(): void {
  record_ring_vmcoreinfo(merged);
  percpu_set_vmcoreinfo();
}

/** Boot CPU, before the first printk(). */
export function percpu_init(design: printk_store, buffer: usize, size: u32): void {
  const pages = size / LOG_BYTES_PER_PAGE;
  percpu_set_init(pages > PAGES_DEFAULT ? pages : PAGES_DEFAULT, true);
  spin_lock_init(reader_lock, 'reader_lock');
  record_ring_init(merged, buffer, size);
  last.info = changetype<printk_info>(last_info);
  last.text = last_text;
  last.text_size = LAST_TEXT_MAX;

  store_defaults(design);
  design.name = 'percpu';
  design.reserve = percpu_store_reserve;
  design.reserve_in_last = percpu_store_reserve_in_last;
  design.commit = percpu_store_commit;
  design.final_commit = percpu_store_commit;
  design.read = percpu_read;
  design.first_seq = percpu_first_seq;
  design.next_seq = percpu_next_seq;
  design.clear = percpu_clear;
  design.bust_locks = percpu_bust_locks;
  design.vmcoreinfo = percpu_vmcoreinfo;
}
