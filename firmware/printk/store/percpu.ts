// Store `percpu`: a ring of pages for each CPU (percpu-buffer.ts), and nothing else, as the tracing ring
// buffer has it. A writer touches only what is its CPU's: no lock, no contention, any context. The log is
// made when somebody reads: the buffers are merged by time stamp, and records are numbered then.
//
// What that means for several readers: there is one reader, which is whoever reads at the moment, under
// reader_lock; it adds what it merged to a log that all readers share. So all see the same records with
// the same numbers. But order is by time only among what was there to be merged: a record that is committed
// later than a merge has a later place. An NMI that interrupts the reader on its CPU cannot read.
//
// Fails where: one CPU prints more than its buffer holds before anybody reads (printk.percpu_overwrite=1:
// its oldest messages are lost, =0: its newest), though others' are empty; a CPU dies inside a write: what
// it prints afterwards cannot be read, unless it panics. Leaves out continuation: a fragment is a record of
// its own.

import { READ_ONCE } from '../../arch/atomic';
import { board } from '../../arch/fdt';
import { local_irq_restore, local_irq_save } from '../../arch/irqflags';
import { in_nmi, smp_processor_id } from '../../arch/percpu';
import { param_is, param_u32 } from '../../init/params';
import { this_cpu_in_panic } from '../../kernel/panic-state';
import { snprintf } from '../../lib/format';
import {
  spin_is_locked,
  spin_lock,
  spin_lock_init,
  spin_trylock,
  spin_unlock_no_resched,
  spinlock_t,
} from '../../locking/spinlock';
import { memblock_alloc } from '../../mm/memblock';
import { LOGLEVEL_WARNING } from '../levels';
import {
  vmcoreinfo_number,
  vmcoreinfo_offset,
  vmcoreinfo_struct_size,
  vmcoreinfo_symbol,
} from '../vmcoreinfo';
import {
  EVENT_COMMITTED,
  EVENT_INFO,
  EVENT_TEXT,
  PAGE_SIZE,
  buffer_page,
  event_info,
  percpu_buffer,
  percpu_buffer_bytes,
  percpu_buffer_init,
  percpu_commit,
  percpu_consume,
  percpu_event,
  percpu_force_commit,
  percpu_lost,
  percpu_peek,
  percpu_reserve,
} from './percpu-buffer';
import {
  record_ring,
  record_ring_fits,
  record_ring_init,
  record_ring_read,
  record_ring_store,
} from './record-ring';
import { record_ring_vmcoreinfo } from './record-ring-vmcoreinfo';
import {
  LOG_NEWLINE,
  printk_info,
  printk_record,
  printk_store,
  reserved_entry,
  set_info_level_flags,
  store_defaults,
} from './store';

const PAGES_DEFAULT: u32 = 8;
const PAGES_MIN: u32 = 2;
const PAGES_MAX: u32 = 256;

/** Pointer to nr_harts percpu_buffers. For crash tools. */
const percpu_buffers: usize = memory.data(4, 4);
/** What has been merged. Under reader_lock, as is the reader's part of each buffer. */
const merged: record_ring = changetype<record_ring>(memory.data(offsetof<record_ring>(), 8));
const reader_lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
/** For the remark that messages were lost. Under reader_lock. */
const remark_info: printk_info = changetype<printk_info>(memory.data(offsetof<printk_info>(), 8));
const remark: usize = memory.data(64, 4);
const REMARK_MAX: u32 = 64;

function buffer_of(cpu: u32): percpu_buffer {
  return changetype<percpu_buffer>(
    load<usize>(percpu_buffers) + <usize>cpu * offsetof<percpu_buffer>(),
  );
}

function percpu_store_reserve(entry: reserved_entry, size: u32): bool {
  if (!record_ring_fits(merged, size)) return false;
  const event = percpu_reserve(buffer_of(smp_processor_id()), size);
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
  percpu_commit(buffer_of(smp_processor_id()), entry.record, this_cpu_in_panic());
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
  const n = snprintf(remark, REMARK_MAX, '** CPU %u lost %u printk messages **', cpu, lost);
  remark_info.ts_nsec = ts_nsec;
  remark_info.text_len = <u16>n;
  set_info_level_flags(remark_info, LOGLEVEL_WARNING, LOG_NEWLINE);
  record_ring_store(merged, remark_info, remark);
}

/** Moves the oldest of all CPUs' events to the log. By the reader. */
function merge_one(): bool {
  let oldest: usize = 0;
  let from: u32 = 0;
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    const event = percpu_peek(buffer_of(cpu));
    if (event == 0) continue;
    if (oldest != 0 && event_info(event).ts_nsec >= event_info(oldest).ts_nsec) continue;
    oldest = event;
    from = cpu;
  }
  if (oldest == 0) return false;
  const b = buffer_of(from);
  const lost = percpu_lost(b);
  if (lost) report_lost(from, lost, event_info(oldest).ts_nsec);
  record_ring_store(merged, event_info(oldest), oldest + EVENT_TEXT);
  percpu_consume(b, oldest);
  return true;
}

function percpu_read(seq: u64, r: printk_record): bool {
  const flags = local_irq_save();
  let found: bool = false;
  if (reader_enter()) {
    while (merged.next_seq <= seq && merge_one()) {
      // Until it has been merged, or there is no more.
    }
    found = record_ring_read(merged, seq, r);
    reader_exit();
  }
  local_irq_restore(flags);
  return found;
}

/** Merges all there is, to know. Who cannot be the reader is told what has been merged. */
function percpu_next_seq(): u64 {
  const flags = local_irq_save();
  if (reader_enter()) {
    while (merge_one()) {
      // To the end.
    }
    reader_exit();
  }
  const seq = merged.next_seq;
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

function percpu_bust_locks(): void {
  if (spin_is_locked(reader_lock)) spin_lock_init(reader_lock, 'reader_lock');
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) percpu_force_commit(buffer_of(cpu));
}

/**
 * For a tool that wants what was not merged: for each CPU the events of reader_page from `read` to that
 * page's commit; then, unless that is commit_page, from the page that a `next` with bit 0 set points to
 * (walk from ring_page), by `next` without its two low bits, up to commit_page. Events follow each other
 * by size; those whose state is not EVENT_COMMITTED are to be skipped.
 */
function percpu_vmcoreinfo(): void {
  record_ring_vmcoreinfo(merged);
  vmcoreinfo_symbol('percpu_buffers', percpu_buffers);
  vmcoreinfo_number('nr_cpu_ids', board.nr_harts);
  vmcoreinfo_struct_size('percpu_buffer', offsetof<percpu_buffer>());
  vmcoreinfo_offset('percpu_buffer.commit_page', offsetof<percpu_buffer>('commit_page'));
  vmcoreinfo_offset('percpu_buffer.overrun', offsetof<percpu_buffer>('overrun'));
  vmcoreinfo_offset('percpu_buffer.dropped', offsetof<percpu_buffer>('dropped'));
  vmcoreinfo_offset('percpu_buffer.lost_reported', offsetof<percpu_buffer>('lost_reported'));
  vmcoreinfo_offset('percpu_buffer.reader_page', offsetof<percpu_buffer>('reader_page'));
  vmcoreinfo_offset('percpu_buffer.read', offsetof<percpu_buffer>('read'));
  vmcoreinfo_offset('percpu_buffer.ring_page', offsetof<percpu_buffer>('ring_page'));
  vmcoreinfo_offset('percpu_buffer.nr_pages', offsetof<percpu_buffer>('nr_pages'));
  vmcoreinfo_struct_size('buffer_page', PAGE_SIZE);
  vmcoreinfo_offset('buffer_page.next', offsetof<buffer_page>('next'));
  vmcoreinfo_offset('buffer_page.commit', offsetof<buffer_page>('commit'));
  vmcoreinfo_offset('buffer_page.data', offsetof<buffer_page>());
  vmcoreinfo_offset('percpu_event.size', offsetof<percpu_event>('size'));
  vmcoreinfo_offset('percpu_event.state', offsetof<percpu_event>('state'));
  vmcoreinfo_offset('percpu_event.info', EVENT_INFO);
  vmcoreinfo_offset('percpu_event.text', EVENT_TEXT);
  vmcoreinfo_number('EVENT_COMMITTED', EVENT_COMMITTED);
}

/** Boot CPU, before the first printk(). */
export function percpu_init(design: printk_store, buffer: usize, size: u32): void {
  let pages = param_u32('printk.percpu_pages', PAGES_DEFAULT);
  if (pages < PAGES_MIN) pages = PAGES_MIN;
  if (pages > PAGES_MAX) pages = PAGES_MAX;
  const overwrite = !param_is('printk.percpu_overwrite', '0');
  const harts = board.nr_harts;
  store<usize>(percpu_buffers, memblock_alloc(<usize>harts * offsetof<percpu_buffer>(), 8));
  for (let cpu: u32 = 0; cpu < harts; cpu++) {
    const at = memblock_alloc(percpu_buffer_bytes(pages), 8);
    percpu_buffer_init(buffer_of(cpu), at, pages, overwrite);
  }
  spin_lock_init(reader_lock, 'reader_lock');
  record_ring_init(merged, buffer, size);

  store_defaults(design);
  design.name = 'percpu';
  design.reserve = percpu_store_reserve;
  design.reserve_in_last = percpu_store_reserve_in_last;
  design.commit = percpu_store_commit;
  design.final_commit = percpu_store_commit;
  design.read = percpu_read;
  design.first_seq = percpu_first_seq;
  design.next_seq = percpu_next_seq;
  design.bust_locks = percpu_bust_locks;
  design.vmcoreinfo = percpu_vmcoreinfo;
}
