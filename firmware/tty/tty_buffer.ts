// Flip buffers: what the interrupt handler received, on its way to the line discipline. One ring of
// characters and flags per port; the driver fills it under port->lock, a work item empties it in task
// context. Linux's drivers/tty/tty_buffer.c has a list of buffers here; the limit is the same idea.

import { READ_ONCE, smp_load_acquire, smp_store_release } from '../arch/atomic';
import { INIT_WORK, flush_work, schedule_work, work_struct } from '../kernel/workqueue';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import { memblock_alloc } from '../mm/memblock';
import { n_tty_receive_buf } from './n_tty';
import { tty_port, tty_port_tty_get } from './tty_port';
import { tty_kref_put, tty_ldisc_deref, tty_ldisc_ref } from './tty_io';

// What is wrong with a received character.
export const TTY_NORMAL: u32 = 0;
export const TTY_BREAK: u32 = 1;
export const TTY_FRAME: u32 = 2;
export const TTY_PARITY: u32 = 3;
export const TTY_OVERRUN: u32 = 4;

/** Characters; a power of two. */
export const TTY_BUFFER_SIZE: u32 = 16384;
/** Most that the line discipline gets at a time. */
const CHUNK_MAX: u32 = 256;

@unmanaged
export class tty_buffer {
  /** Characters, then as many flags. */
  data: usize;
  /** Counts put in (driver's own), visible to the reader, and taken out. */
  head: u32;
  commit: u32;
  read: u32;
  /** Keeps a hangup's flush and the work apart. */
  lock: mutex;
  work: work_struct;
  port: tty_port;
}

// The work item lies right behind its tty_buffer: that is how the work function finds the latter.
const WORK_OFFSET: usize = offsetof<tty_buffer>();

/** Boot. */
export function tty_buffer_init(port: tty_port): void {
  const p = memblock_alloc(WORK_OFFSET + offsetof<work_struct>(), 8);
  const buf = changetype<tty_buffer>(p);
  buf.data = memblock_alloc(<usize>TTY_BUFFER_SIZE * 2, 8);
  buf.lock = changetype<mutex>(memblock_alloc(offsetof<mutex>(), 8));
  mutex_init(buf.lock, 'tty_buffer_lock');
  buf.work = changetype<work_struct>(p + WORK_OFFSET);
  INIT_WORK(buf.work, flush_to_ldisc);
  buf.port = port;
  port.buf = buf;
}

/** Characters that still fit. Called by the driver under port->lock. */
export function tty_buffer_space_avail(port: tty_port): u32 {
  const buf = port.buf;
  return (
    TTY_BUFFER_SIZE -
    (buf.head - smp_load_acquire(changetype<usize>(buf) + offsetof<tty_buffer>('read')))
  );
}

/** Adds a character; false if there is no room. Called by the driver under port->lock. */
export function tty_insert_flip_char(port: tty_port, c: u32, flag: u32): bool {
  const buf = port.buf;
  if (tty_buffer_space_avail(port) == 0) return false;
  const at = buf.data + (buf.head & (TTY_BUFFER_SIZE - 1));
  store<u8>(at, c);
  store<u8>(at + TTY_BUFFER_SIZE, flag);
  buf.head++;
  return true;
}

/** Lets the line discipline have what was added. Under port->lock; takes the work pool's lock. */
export function tty_flip_buffer_push(port: tty_port): void {
  const buf = port.buf;
  smp_store_release(changetype<usize>(buf) + offsetof<tty_buffer>('commit'), buf.head);
  schedule_work(buf.work);
}

/** The reader has room again for what had to stay here. Task context. */
export function tty_buffer_restart_work(port: tty_port): void {
  schedule_work(port.buf.work);
}

/** Waits until what was pushed has reached the line discipline. Task context. */
export function tty_buffer_flush_work(port: tty_port): void {
  flush_work(port.buf.work);
}

/** Drops what has not reached the line discipline yet. Task context. */
export function tty_buffer_flush(port: tty_port): void {
  const buf = port.buf;
  mutex_lock(buf.lock);
  const commit = smp_load_acquire(changetype<usize>(buf) + offsetof<tty_buffer>('commit'));
  smp_store_release(changetype<usize>(buf) + offsetof<tty_buffer>('read'), commit);
  mutex_unlock(buf.lock);
}

/** Runs in a worker. */
function flush_to_ldisc(work: work_struct): void {
  const buf = changetype<tty_buffer>(changetype<usize>(work) - WORK_OFFSET);
  const tty = tty_port_tty_get(buf.port);
  // Nobody has it open: what comes in stays until somebody does.
  if (tty == null) return;
  if (!tty_ldisc_ref(tty)) {
    tty_kref_put(tty);
    return;
  }
  mutex_lock(buf.lock);
  for (;;) {
    const read = READ_ONCE(changetype<usize>(buf) + offsetof<tty_buffer>('read'));
    const commit = smp_load_acquire(changetype<usize>(buf) + offsetof<tty_buffer>('commit'));
    const at = read & (TTY_BUFFER_SIZE - 1);
    let count = commit - read;
    if (count == 0) break;
    if (count > CHUNK_MAX) count = CHUNK_MAX;
    if (count > TTY_BUFFER_SIZE - at) count = TTY_BUFFER_SIZE - at;
    const taken = n_tty_receive_buf(tty, buf.data + at, buf.data + TTY_BUFFER_SIZE + at, count);
    if (taken == 0) break;
    smp_store_release(changetype<usize>(buf) + offsetof<tty_buffer>('read'), read + taken);
  }
  mutex_unlock(buf.lock);
  tty_ldisc_deref(tty);
  tty_kref_put(tty);
}
