// Store `logbuf`: one global ring of variable-length records under logbuf_lock, as Linux had it up to
// 4.9. The lock is taken before the text is formatted, into a static buffer, and kept until the record
// is in the ring. A message without a newline waits in `cont` until its caller ends the line or somebody
// else stores one. Leaves out that the console showed such a beginning at once.
//
// Fails where:
// - printk() is entered again under the lock (a fault in vsnprintf(), a lock debugger): the message is
//   lost, and told of later; in an oops the lock is broken instead, and the log may get damaged.
// - an NMI interrupts whoever has the lock: it waits for ever, unless that one is this CPU's printk()
//   itself. A reader that is interrupted is not recognised.

import { READ_ONCE, WRITE_ONCE } from '../../arch/atomic';
import { smp_processor_id } from '../../arch/percpu';
import { cpu_online, num_online_cpus } from '../../arch/smp';
import { oops_in_progress } from '../../kernel/panic-state';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_no_resched,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../../locking/spinlock';
import { sema_init } from '../../locking/semaphore';
import { HZ, get_jiffies } from '../../time/jiffies';
import { local_clock } from '../../time/timekeeping';
import { literal_copy, literal_length } from '../../lib/string';
import { console_sem } from '../console';
import { LOGLEVEL_CRIT } from '../levels';
import {
  record_ring,
  record_ring_clear,
  record_ring_init,
  record_ring_read,
  record_ring_reserve,
  record_ring_store,
} from './record-ring';
import { record_ring_vmcoreinfo } from './record-ring-vmcoreinfo';
import {
  LOG_LINE_MAX,
  LOG_NEWLINE,
  info_dev,
  printk_info,
  printk_record,
  printk_store,
  reserved_entry,
  set_info_dev,
  set_info_level_flags,
  store_defaults,
} from './store';

/** An oops that breaks the lock may do so once in this time. */
const ZAP_INTERVAL: u32 = 30 * HZ;
const RECURSION_MSG: string = 'BUG: recent printk recursion!';

export const logbuf_lock: spinlock_t = changetype<spinlock_t>(
  memory.data(offsetof<spinlock_t>(), 4),
);
/** CPU between begin() and end(), plus one; tells recursion from contention. */
const logbuf_cpu: usize = memory.data(4, 4);
/** A message was lost to recursion. */
const recursion_bug: usize = memory.data(4, 4);
/** When an oops last broke the lock, jiffies, and whether one ever did. */
const zap_time: usize = memory.data(4, 4);
const zapped: usize = memory.data(4, 4);

/** The log. Under logbuf_lock. */
export const logbuf_ring: record_ring = changetype<record_ring>(
  memory.data(offsetof<record_ring>(), 8),
);
/** Where messages are formatted, and where the newest one is put together. Under logbuf_lock. */
const textbuf: usize = memory.data(1024, 4);
const cont_buf: usize = memory.data(1024, 4);
const cont_info: printk_info = changetype<printk_info>(memory.data(offsetof<printk_info>(), 8));
/** 1: there is the beginning of a line in cont_buf. Under logbuf_lock. */
const cont_open: usize = memory.data(4, 4);

/** Puts what is in cont_buf into the log. Under logbuf_lock. */
function cont_flush(): void {
  store<u32>(cont_open, 0);
  record_ring_store(logbuf_ring, cont_info, info_dev(cont_info), cont_buf);
}

/** An empty cont_buf. Under logbuf_lock. */
function cont_start(): void {
  if (load<u32>(cont_open)) cont_flush();
  memory.fill(changetype<usize>(cont_info), 0, offsetof<printk_info>());
  cont_info.seq = logbuf_ring.next_seq;
}

/** Tells of a message that was lost. Under logbuf_lock. */
function report_recursion(): void {
  WRITE_ONCE(recursion_bug, 0);
  cont_start();
  cont_info.ts_nsec = local_clock();
  cont_info.text_len = <u16>literal_length(RECURSION_MSG);
  set_info_level_flags(cont_info, LOGLEVEL_CRIT, LOG_NEWLINE);
  literal_copy(cont_buf, RECURSION_MSG);
  cont_flush();
}

/** Makes the locks of printk() free whoever has them: this CPU crashed inside. Interrupts off. */
function zap_locks(): void {
  const now = get_jiffies();
  if (READ_ONCE(zapped) && now - READ_ONCE(zap_time) <= ZAP_INTERVAL) return;
  WRITE_ONCE(zapped, 1);
  WRITE_ONCE(zap_time, now);
  logbuf_bust_locks();
  sema_init(console_sem, 1, 'console_sem.lock');
}

/** Takes logbuf_lock until end(). Interrupts off. */
export function logbuf_begin(entry: reserved_entry): bool {
  if (READ_ONCE(logbuf_cpu) == smp_processor_id() + 1) {
    if (!oops_in_progress()) {
      WRITE_ONCE(recursion_bug, 1);
      return false;
    }
    zap_locks();
  }
  spin_lock(logbuf_lock);
  WRITE_ONCE(logbuf_cpu, smp_processor_id() + 1);
  if (READ_ONCE(recursion_bug)) report_recursion();
  entry.buffer = textbuf;
  return true;
}

export function logbuf_end(entry: reserved_entry): void {
  WRITE_ONCE(logbuf_cpu, 0);
  spin_unlock_no_resched(logbuf_lock);
}

// The following four: between begin() and end().

export function logbuf_reserve(entry: reserved_entry, size: u32): bool {
  cont_start();
  if (!record_ring_reserve(logbuf_ring, size)) return false;
  set_info_dev(cont_info, entry.dev);
  entry.info = cont_info;
  entry.text = cont_buf;
  entry.text_size = size;
  return true;
}

export function logbuf_reserve_in_last(entry: reserved_entry, caller_id: u32, size: u32): bool {
  if (!load<u32>(cont_open) || cont_info.caller_id != caller_id) return false;
  if (<u32>cont_info.text_len + size > LOG_LINE_MAX) return false;
  entry.info = cont_info;
  entry.text = cont_buf + <usize>cont_info.text_len;
  entry.text_size = size;
  return true;
}

export function logbuf_commit(entry: reserved_entry): void {
  store<u32>(cont_open, 1);
}

export function logbuf_final_commit(entry: reserved_entry): void {
  cont_flush();
}

/** Any context in which logbuf_lock may be taken. */
export function logbuf_read(seq: u64, r: printk_record): bool {
  const flags = spin_lock_irqsave(logbuf_lock);
  const found = record_ring_read(logbuf_ring, seq, r);
  spin_unlock_irqrestore(logbuf_lock, flags);
  return found;
}

export function logbuf_first_seq(): u64 {
  const flags = spin_lock_irqsave(logbuf_lock);
  const seq = logbuf_ring.first_seq;
  spin_unlock_irqrestore(logbuf_lock, flags);
  return seq;
}

export function logbuf_next_seq(): u64 {
  const flags = spin_lock_irqsave(logbuf_lock);
  const seq = logbuf_ring.next_seq;
  spin_unlock_irqrestore(logbuf_lock, flags);
  return seq;
}

function logbuf_clear(seq: u64): void {
  const flags = spin_lock_irqsave(logbuf_lock);
  record_ring_clear(logbuf_ring, seq);
  spin_unlock_irqrestore(logbuf_lock, flags);
}

export function logbuf_bust_locks(): void {
  spin_lock_init(logbuf_lock, 'logbuf_lock');
  WRITE_ONCE(logbuf_cpu, 0);
}

/**
 * The same in a panic. A CPU that could not be stopped gives the lock back itself; one that was stopped
 * with it, or waiting for it, does not.
 */
function logbuf_bust_stopped(): void {
  const owner = READ_ONCE(changetype<usize>(logbuf_lock) + offsetof<spinlock_t>('owner'));
  const self = smp_processor_id() + 1;
  if (num_online_cpus() > 1 && owner != self && (owner == 0 || cpu_online(owner - 1))) return;
  logbuf_bust_locks();
}

export function logbuf_vmcoreinfo(): void {
  record_ring_vmcoreinfo(logbuf_ring);
}

/** Boot CPU, before the first printk(). */
export function logbuf_init(store: printk_store, buffer: usize, size: u32): void {
  store_defaults(store);
  spin_lock_init(logbuf_lock, 'logbuf_lock');
  record_ring_init(logbuf_ring, buffer, size);
  store.name = 'logbuf';
  store.begin = logbuf_begin;
  store.reserve = logbuf_reserve;
  store.reserve_in_last = logbuf_reserve_in_last;
  store.commit = logbuf_commit;
  store.final_commit = logbuf_final_commit;
  store.end = logbuf_end;
  store.read = logbuf_read;
  store.first_seq = logbuf_first_seq;
  store.next_seq = logbuf_next_seq;
  store.clear = logbuf_clear;
  store.bust_locks = logbuf_bust_stopped;
  store.vmcoreinfo = logbuf_vmcoreinfo;
}
