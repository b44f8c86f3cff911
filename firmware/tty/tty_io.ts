// tty_struct and what concerns it as a whole: references, wakeups, flow, hangup. Linux's
// drivers/tty/tty_io.c. One kind of tty (a serial port), one line discipline (n_tty).
//
// Leaves out: sessions and job control (a tty has one foreground task, which gets ^C), poll, ptys.

import { READ_ONCE, WRITE_ONCE, fetch_add, fetch_and, fetch_or, smp_mb } from '../arch/atomic';
import { INIT_WORK, schedule_work, work_struct } from '../kernel/workqueue';
import { mutex, mutex_init } from '../locking/mutex';
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { memblock_alloc } from '../mm/memblock';
import { msleep, send_sigint, task_struct } from '../sched/core';
import { init_waitqueue_head, wait_queue_head, wake_up_interruptible } from '../sched/wait';
import { n_tty_data, n_tty_flush_buffer, n_tty_open } from './n_tty';
import { tty_buffer_flush } from './tty_buffer';
import { tty_port } from './tty_port';
import { ktermios } from './termios';

// tty_struct.flags
/** The other side has gone: reads give nothing, writes fail, until the next open. */
export const TTY_HUPPED: u32 = 1;
/** The line discipline wants write_wakeup(). */
export const TTY_DO_WRITE_WAKEUP: u32 = 2;
/** The port has been told to pause. */
export const TTY_THROTTLED: u32 = 4;

/** What a driver does for a tty. Task context, except where it says otherwise. */
@unmanaged
export class tty_operations {
  /** Takes what it has room for; returns how much. */
  write: (tty: tty_struct, text: usize, length: u32) => u32;
  write_room: (tty: tty_struct) => u32;
  chars_in_buffer: (tty: tty_struct) => u32;
  /** ^S and ^Q came in. Any context. */
  stop: (tty: tty_struct) => void;
  start: (tty: tty_struct) => void;
  throttle: (tty: tty_struct) => void;
  unthrottle: (tty: tty_struct) => void;
  hangup: (tty: tty_struct) => void;
  set_termios: (tty: tty_struct, old: ktermios) => void;
  break_ctl: (tty: tty_struct, on: bool) => void;
  flush_buffer: (tty: tty_struct) => void;
  /** Waits until everything has left. */
  wait_until_sent: (tty: tty_struct) => void;
}

@unmanaged
export class tty_struct {
  /** n of ttySn. */
  index: u32;
  kref: u32;
  flags: u32;
  /** Opens. Under tty_port->mutex. */
  count: u32;
  /** ^S: no output. Under flow_lock. */
  flow_stopped: u32;
  flow_lock: spinlock_t;
  /** Users of the line discipline; it is not taken away under them. */
  ldisc_users: u32;
  ldisc_hup: u32;
  ops: tty_operations;
  /** The uart_state. */
  driver_data: usize;
  port: tty_port;
  termios: ktermios;
  /** For the comparison in set_termios. Under tty_port->mutex. */
  old_termios: ktermios;
  write_wait: wait_queue_head;
  read_wait: wait_queue_head;
  /** One write() at a time. */
  atomic_write_lock: mutex;
  /** Throttling and unthrottling do not overtake each other. */
  throttle_mutex: mutex;
  disc_data: n_tty_data;
  hangup_work: work_struct;
  /** Gets the SIGINT of ^C. */
  foreground: task_struct | null;
}

// The work item lies right behind its tty_struct.
const WORK_OFFSET: usize = offsetof<tty_struct>();

function alloc_wait(name: string): wait_queue_head {
  const q = changetype<wait_queue_head>(memblock_alloc(offsetof<wait_queue_head>(), 8));
  init_waitqueue_head(q, name);
  return q;
}

/** Boot: a tty for a port. It lives as long as the port. */
export function alloc_tty_struct(index: u32, port: tty_port, ops: tty_operations): tty_struct {
  const p = memblock_alloc(WORK_OFFSET + offsetof<work_struct>(), 8);
  const tty = changetype<tty_struct>(p);
  tty.index = index;
  tty.kref = 1;
  tty.port = port;
  tty.ops = ops;
  tty.flow_lock = changetype<spinlock_t>(memblock_alloc(offsetof<spinlock_t>(), 8));
  spin_lock_init(tty.flow_lock, 'tty_flow_lock');
  tty.termios = changetype<ktermios>(memblock_alloc(offsetof<ktermios>(), 8));
  tty.old_termios = changetype<ktermios>(memblock_alloc(offsetof<ktermios>(), 8));
  tty.write_wait = alloc_wait('tty_write_wait');
  tty.read_wait = alloc_wait('tty_read_wait');
  tty.atomic_write_lock = changetype<mutex>(memblock_alloc(offsetof<mutex>(), 8));
  mutex_init(tty.atomic_write_lock, 'atomic_write_lock');
  tty.throttle_mutex = changetype<mutex>(memblock_alloc(offsetof<mutex>(), 8));
  mutex_init(tty.throttle_mutex, 'throttle_mutex');
  tty.hangup_work = changetype<work_struct>(p + WORK_OFFSET);
  INIT_WORK(tty.hangup_work, do_tty_hangup);
  tty.disc_data = n_tty_open();
  return tty;
}

/** Any context. */
export function tty_kref_get(tty: tty_struct): void {
  fetch_add(changetype<usize>(tty) + offsetof<tty_struct>('kref'), 1);
}

/** Any context. (A tty_struct is never freed: its port keeps it.) */
export function tty_kref_put(tty: tty_struct): void {
  fetch_add(changetype<usize>(tty) + offsetof<tty_struct>('kref'), 0xffffffff);
}

function flags_of(tty: tty_struct): usize {
  return changetype<usize>(tty) + offsetof<tty_struct>('flags');
}

export function tty_test(tty: tty_struct, flag: u32): bool {
  return (READ_ONCE(flags_of(tty)) & flag) != 0;
}

/** Any context: callers may hold uart port->lock, so this takes no lock. */
export function tty_set_flag(tty: tty_struct, flag: u32, on: bool): void {
  if (on) fetch_or(flags_of(tty), flag);
  else fetch_and(flags_of(tty), ~flag);
}

export function tty_hung_up(tty: tty_struct): bool {
  return tty_test(tty, TTY_HUPPED);
}

function ldisc_users(tty: tty_struct): usize {
  return changetype<usize>(tty) + offsetof<tty_struct>('ldisc_users');
}

/** Uses the line discipline. False while a hangup is taking it down. Any context. */
export function tty_ldisc_ref(tty: tty_struct): bool {
  fetch_add(ldisc_users(tty), 1);
  if (!READ_ONCE(changetype<usize>(tty) + offsetof<tty_struct>('ldisc_hup'))) return true;
  fetch_add(ldisc_users(tty), 0xffffffff);
  return false;
}

export function tty_ldisc_deref(tty: tty_struct): void {
  fetch_add(ldisc_users(tty), 0xffffffff);
}

/**
 * Writers may go on: there is room. Any context; the caller may hold uart port->lock. Takes the wait
 * queue's lock, then p->pi_lock and rq->lock of whoever is woken.
 */
export function tty_wakeup(tty: tty_struct): void {
  if (tty_test(tty, TTY_DO_WRITE_WAKEUP) && tty_ldisc_ref(tty)) {
    tty_set_flag(tty, TTY_DO_WRITE_WAKEUP, false);
    tty_ldisc_deref(tty);
  }
  wake_up_interruptible(tty.write_wait);
}

/** No output from here on. Any context. */
export function stop_tty(tty: tty_struct): void {
  const flags = spin_lock_irqsave(tty.flow_lock);
  if (!tty.flow_stopped) {
    tty.flow_stopped = 1;
    tty.ops.stop(tty);
  }
  spin_unlock_irqrestore(tty.flow_lock, flags);
}

/** Output goes on. Any context. */
export function start_tty(tty: tty_struct): void {
  const flags = spin_lock_irqsave(tty.flow_lock);
  if (tty.flow_stopped) {
    tty.flow_stopped = 0;
    tty.ops.start(tty);
    tty_wakeup(tty);
  }
  spin_unlock_irqrestore(tty.flow_lock, flags);
}

/** The line has gone: a worker will clean up. Any context; takes the work pool's lock. */
export function tty_hangup(tty: tty_struct): void {
  schedule_work(tty.hangup_work);
}

/** Runs in a worker. */
function do_tty_hangup(work: work_struct): void {
  tty_vhangup(changetype<tty_struct>(changetype<usize>(work) - WORK_OFFSET));
}

/** Waits until nobody uses the line discipline, and keeps others out until the next open. */
function tty_ldisc_hangup(tty: tty_struct): void {
  WRITE_ONCE(changetype<usize>(tty) + offsetof<tty_struct>('ldisc_hup'), 1);
  smp_mb();
  while (READ_ONCE(ldisc_users(tty)) != 0) msleep(10);
  n_tty_flush_buffer(tty);
  tty_buffer_flush(tty.port);
}

/** The next open. */
export function tty_ldisc_reinit(tty: tty_struct): void {
  WRITE_ONCE(changetype<usize>(tty) + offsetof<tty_struct>('ldisc_hup'), 0);
}

/** Takes a tty down: whoever sleeps on it wakes up and finds it gone. Task context. */
export function tty_vhangup(tty: tty_struct): void {
  if (tty_hung_up(tty) || tty.count == 0) return;
  tty_set_flag(tty, TTY_HUPPED, true);
  start_tty(tty);
  const p = tty.foreground;
  if (p != null) send_sigint(p);
  smp_mb();
  wake_up_interruptible(tty.read_wait);
  wake_up_interruptible(tty.write_wait);
  tty_ldisc_hangup(tty);
  tty.ops.hangup(tty);
}
