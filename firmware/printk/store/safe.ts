// Store `safe`: logbuf, and for each CPU two buffers that take what must not wait for logbuf_lock: what is
// printed in an NMI, and what is printed in a printk_safe section (printk_safe.ts), as all of printk()'s
// own are. An irq_work on the same CPU brings it into the log. Linux 4.7 to 5.14: printk_safe.c.
//
// A buffer is text: each message with its level in front (KERN_SOH), as printk() got it. What this costs,
// as it was then: such messages are out of order, and get the time stamps of the flush; a buffer takes
// 8 KiB at most, and what is too much is lost; a crash tool that looks only into the log misses what was
// not flushed.

import {
  READ_ONCE,
  WRITE_ONCE,
  cmpxchg,
  fetch_add_relaxed,
  smp_rmb,
  xchg_relaxed,
} from '../../arch/atomic';
import { board } from '../../arch/fdt';
import { in_nmi, smp_processor_id } from '../../arch/percpu';
import { cpu_online, num_online_cpus } from '../../arch/smp';
import { init_irq_work, irq_work, irq_work_queue } from '../../kernel/irq_work';
import {
  spin_is_locked,
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../../locking/spinlock';
import { memblock_alloc } from '../../mm/memblock';
import { emitter } from '../emit/emit';
import { wake_up_klogd } from '../klogd';
import { KERN_SOH } from '../levels';
import { printk_store_only } from '../printk';
import { in_printk_safe, printk_safe_enter, printk_safe_exit } from '../printk_safe';
import {
  vmcoreinfo_number,
  vmcoreinfo_offset,
  vmcoreinfo_struct_size,
  vmcoreinfo_symbol,
} from '../vmcoreinfo';
import {
  logbuf_begin,
  logbuf_bust_locks,
  logbuf_commit,
  logbuf_end,
  logbuf_final_commit,
  logbuf_init,
  logbuf_lock,
  logbuf_reserve,
  logbuf_reserve_in_last,
  logbuf_vmcoreinfo,
} from './logbuf';
import {
  LOG_CONT,
  info_flags,
  info_level,
  printk_info,
  printk_store,
  reserved_entry,
} from './store';

/** One buffer of one CPU. Changed by that CPU, and by who flushes it: only len, by compare-and-exchange. */
@unmanaged
class printk_safe_seq_buf extends irq_work {
  /** Bytes of text, from `text` on. */
  len: u32;
  message_lost: u32;
  /** For the message being written. */
  info: printk_info;
}
/** Linux's CONFIG_PRINTK_SAFE_LOG_BUF_SHIFT is 13. */
const BUFFER_SIZE: usize = 1 << 13;
const INFO: usize = 32;
const TEXT: usize = INFO + 88;
const TEXT_MAX: u32 = (1 << 13) - 32 - 88;
/** A level in front, a newline behind. */
const HEADER: u32 = 2;
const CONT: u8 = 0x63;
const NEWLINE: u8 = 0x0a;

/** Pointers to nr_harts buffers each. For crash tools. */
const safe_print_seq: usize = memory.data(4, 4);
const nmi_print_seq: usize = memory.data(4, 4);
/** One flush at a time. */
const safe_read_lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
/** Per CPU: it brings lines into the log (FLUSHING, or FLUSHING_IN_NMI), or does not (0). */
const flushing: usize = memory.data(4 * 32, 4);
const FLUSHING: u32 = 1;
const FLUSHING_IN_NMI: u32 = 2;

function buffer_of(buffers: usize, cpu: u32): printk_safe_seq_buf {
  return changetype<printk_safe_seq_buf>(load<usize>(buffers) + <usize>cpu * BUFFER_SIZE);
}

function len_of(s: printk_safe_seq_buf): usize {
  return changetype<usize>(s) + offsetof<printk_safe_seq_buf>('len');
}

function lost_of(s: printk_safe_seq_buf): usize {
  return changetype<usize>(s) + offsetof<printk_safe_seq_buf>('message_lost');
}

function text_of(s: printk_safe_seq_buf): usize {
  return changetype<usize>(s) + TEXT;
}

function flushing_here(): usize {
  return flushing + ((<usize>smp_processor_id()) << 2);
}

/** Is this a context that must not touch the log? What the flush itself stores goes there. */
function must_keep_aside(): bool {
  const nmi = in_nmi();
  if (READ_ONCE(flushing_here()) == (nmi ? FLUSHING_IN_NMI : FLUSHING)) return false;
  return nmi || in_printk_safe();
}

/** Any context, interrupts off until end(). */
function safe_begin(entry: reserved_entry): bool {
  if (must_keep_aside()) {
    entry.aside = true;
    return true;
  }
  printk_safe_enter();
  if (logbuf_begin(entry)) return true;
  printk_safe_exit();
  return false;
}

function safe_end(entry: reserved_entry): void {
  if (entry.aside) return;
  logbuf_end(entry);
  printk_safe_exit();
}

function safe_reserve(entry: reserved_entry, size: u32): bool {
  if (!entry.aside) return logbuf_reserve(entry, size);
  const s = buffer_of(in_nmi() ? nmi_print_seq : safe_print_seq, smp_processor_id());
  const len = READ_ONCE(len_of(s));
  if (len + HEADER + size + 1 > TEXT_MAX) {
    fetch_add_relaxed(lost_of(s), 1);
    queue_flush(s);
    return false;
  }
  // Whoever emptied the buffer has read what is now written over: he did so before he set len.
  if (len == 0) smp_rmb();
  entry.record = changetype<usize>(s);
  entry.id = len;
  entry.info = s.info;
  entry.info.text_len = 0;
  entry.text = text_of(s) + <usize>(len + HEADER);
  entry.text_size = size;
  return true;
}

function safe_reserve_in_last(entry: reserved_entry, caller_id: u32, size: u32): bool {
  // Aside, a continuation is text that says that it is one.
  return entry.aside ? false : logbuf_reserve_in_last(entry, caller_id, size);
}

/** Adds the message to its buffer; again, if the buffer was flushed meanwhile. */
function append(entry: reserved_entry, newline: bool): void {
  const s = changetype<printk_safe_seq_buf>(entry.record);
  let len = entry.id;
  let at = text_of(s) + <usize>len;
  let size = HEADER + <u32>entry.info.text_len;
  store<u8>(at, <u8>KERN_SOH);
  store<u8>(at + 1, info_flags(entry.info) & LOG_CONT ? CONT : <u8>(0x30 + info_level(entry.info)));
  if (newline) {
    store<u8>(at + <usize>size, NEWLINE);
    size++;
  }
  while (cmpxchg(len_of(s), len, len + size) != len) {
    len = READ_ONCE(len_of(s));
    const to = text_of(s) + <usize>len;
    memory.copy(to, at, size);
    at = to;
  }
  queue_flush(s);
}

function safe_commit(entry: reserved_entry): void {
  if (entry.aside) append(entry, false);
  else logbuf_commit(entry);
}

function safe_final_commit(entry: reserved_entry): void {
  if (entry.aside) append(entry, true);
  else logbuf_final_commit(entry);
}

/** Before this CPU is up it gets no interrupts; the next message after that will do. */
function queue_flush(s: printk_safe_seq_buf): void {
  if (cpu_online(smp_processor_id())) irq_work_queue(s);
}

/** One piece of it. */
function flush_line(from: usize, to: usize): void {
  printk_store_only('%.*S', <u32>(to - from), from);
}

/** Stores what lies between two places, each line, and each message without a newline, by itself. */
function flush_text(from: usize, to: usize): void {
  let start = from;
  for (let p = from; p < to; p++) {
    const c = <u32>load<u8>(p);
    if (c == <u32>NEWLINE) {
      flush_line(start, p + 1);
      start = p + 1;
    } else if (c == KERN_SOH && p > start) {
      flush_line(start, p);
      start = p;
    }
    // The level, whatever byte it is.
    if (c == KERN_SOH) p++;
  }
  if (start < to) flush_line(start, to);
}

/** Brings a buffer into the log. Under safe_read_lock. True if there was something. */
function flush_buffer(s: printk_safe_seq_buf): bool {
  let done: u32 = 0;
  while (true) {
    const len = READ_ONCE(len_of(s));
    if (len == 0) break;
    // The text after len. Pairs with the full barrier of append()'s cmpxchg.
    smp_rmb();
    flush_text(text_of(s) + <usize>done, text_of(s) + <usize>len);
    done = len;
    if (cmpxchg(len_of(s), len, 0) == len) break;
  }
  return done != 0;
}

/** Under safe_read_lock. */
function report_message_lost(s: printk_safe_seq_buf): void {
  const lost = xchg_relaxed(lost_of(s), 0);
  if (lost) printk_store_only('\x014Lost %u message(s)!\n', lost, 0);
}

/** The irq_work of a buffer, on its CPU; in a panic any CPU, in any context. */
function printk_safe_flush_buffer(s: printk_safe_seq_buf): void {
  const flags = spin_lock_irqsave(safe_read_lock);
  const here = flushing_here();
  const before = READ_ONCE(here);
  WRITE_ONCE(here, in_nmi() ? FLUSHING_IN_NMI : FLUSHING);
  const found = flush_buffer(s);
  report_message_lost(s);
  WRITE_ONCE(here, before);
  spin_unlock_irqrestore(safe_read_lock, flags);
  if (!found) return;
  emitter.stored_deferred();
  wake_up_klogd();
}

function flush_work(work: irq_work): void {
  printk_safe_flush_buffer(changetype<printk_safe_seq_buf>(changetype<usize>(work)));
}

/** All buffers. In a panic. */
function safe_flush(): void {
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    printk_safe_flush_buffer(buffer_of(nmi_print_seq, cpu));
    printk_safe_flush_buffer(buffer_of(safe_print_seq, cpu));
  }
}

/**
 * Frees a lock that another CPU has taken with it when it was stopped. If others still run they may
 * really have it: then it stays, and this panic may hang.
 */
function safe_bust_locks(): void {
  if (num_online_cpus() > 1) return;
  if (spin_is_locked(logbuf_lock)) logbuf_bust_locks();
  if (spin_is_locked(safe_read_lock)) spin_lock_init(safe_read_lock, 'safe_read_lock');
}

function safe_vmcoreinfo(): void {
  logbuf_vmcoreinfo();
  vmcoreinfo_symbol('safe_print_seq', safe_print_seq);
  vmcoreinfo_symbol('nmi_print_seq', nmi_print_seq);
  vmcoreinfo_number('nr_cpu_ids', board.nr_harts);
  vmcoreinfo_struct_size('printk_safe_seq_buf', BUFFER_SIZE);
  vmcoreinfo_offset('printk_safe_seq_buf.len', offsetof<printk_safe_seq_buf>('len'));
  vmcoreinfo_offset(
    'printk_safe_seq_buf.message_lost',
    offsetof<printk_safe_seq_buf>('message_lost'),
  );
  vmcoreinfo_offset('printk_safe_seq_buf.buffer', TEXT);
}

function init_buffers(buffers: usize): void {
  store<usize>(buffers, memblock_alloc(<usize>board.nr_harts * BUFFER_SIZE, 8));
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    const s = buffer_of(buffers, cpu);
    init_irq_work(s, flush_work);
    s.info = changetype<printk_info>(changetype<usize>(s) + INFO);
  }
}

/** Boot CPU, before the first printk(). */
export function safe_init(store: printk_store, buffer: usize, size: u32): void {
  logbuf_init(store, buffer, size);
  init_buffers(safe_print_seq);
  init_buffers(nmi_print_seq);
  spin_lock_init(safe_read_lock, 'safe_read_lock');
  store.name = 'safe';
  store.begin = safe_begin;
  store.reserve = safe_reserve;
  store.reserve_in_last = safe_reserve_in_last;
  store.commit = safe_commit;
  store.final_commit = safe_final_commit;
  store.end = safe_end;
  store.bust_locks = safe_bust_locks;
  store.flush = safe_flush;
  store.vmcoreinfo = safe_vmcoreinfo;
}
