// printk.console_threads: with the emitter `kthread`, a thread for each console instead of one for all, so
// that a slow console keeps no other one waiting. Each has the records of its own console to print, under a
// mutex of that console, and knows nothing of console_sem. Linux 5.19 had this until shortly before its
// release. Leaves out Linux's way of stopping the threads while console_sem is held.
//
// Fails where: two consoles are one device. console_sem had kept a boot console and the real one
// apart; nothing does any more.

import { READ_ONCE, fetch_add_relaxed } from '../../arch/atomic';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../../locking/mutex';
import { memblock_alloc } from '../../mm/memblock';
import { TASK_INTERRUPTIBLE, cond_resched, schedule } from '../../sched/core';
import { kthread_run } from '../../sched/kthread';
import {
  finish_rcuwait,
  prepare_to_rcuwait,
  rcuwait_init,
  rcuwait_wake_up,
} from '../../sched/rcuwait';
import { task_comm } from '../../sched/task';
import {
  CONSOLES_MAX,
  Console,
  console_at,
  console_is_usable,
  console_name,
  prb,
} from '../console';
import {
  PRINTK_MESSAGE_SIZE,
  printk_get_next_message,
  printk_message_init,
} from '../print-message';
import { emit_stats, stats } from './emit';

const COMM_MAX: u32 = 16;

/** con->lock of each slot. */
const locks: usize = memory.data(offsetof<mutex>() * 8, 4);
/** Where a word says whether threads are to print at all. */
const enabled: usize = memory.data(4, 4);

function lock_of(slot: u32): mutex {
  return changetype<mutex>(locks + <usize>slot * offsetof<mutex>());
}

function wait_of(console: Console): usize {
  return changetype<usize>(console) + offsetof<Console>('rcuwait');
}

function has_work(console: Console): bool {
  if (READ_ONCE(load<usize>(enabled)) == 0 || !console_is_usable(console)) return false;
  return console.seq < prb.next_seq();
}

/** The console's next record. Under its mutex. */
function emit_one(console: Console): void {
  const m = console.pbufs;
  if (!printk_get_next_message(m, console.seq, console.dropped)) return;
  if (m.length != 0) {
    console.write(console, m.outbuf, m.length);
    fetch_add_relaxed(stats + offsetof<emit_stats>('emitted'), 1);
  }
  console.dropped = m.length != 0 ? 0 : m.dropped;
  console.seq = m.seq + 1;
}

function console_thread(slot: usize): u32 {
  const console = changetype<Console>(console_at(<u32>slot));
  const lock = lock_of(<u32>slot);
  while (true) {
    prepare_to_rcuwait(wait_of(console), TASK_INTERRUPTIBLE);
    if (!has_work(console)) schedule();
    finish_rcuwait(wait_of(console));
    while (has_work(console)) {
      mutex_lock(lock);
      if (has_work(console)) emit_one(console);
      mutex_unlock(lock);
      cond_resched();
    }
  }
}

/** Starts them. They print while the word at `running` is not 0. Pid 1. */
export function console_threads_start(running: usize): void {
  store<usize>(enabled, running);
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null) continue;
    mutex_init(lock_of(slot), 'con->lock');
    rcuwait_init(wait_of(console));
    console.pbufs = printk_message_init(memblock_alloc(PRINTK_MESSAGE_SIZE, 8));
    const p = kthread_run(console_thread, slot, 'pr/');
    console_name(console, task_comm(p) + 3, COMM_MAX - 3);
    console.kthread = changetype<usize>(p);
  }
}

/** There is something to print. Hardirq context. */
export function console_threads_wake(): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null && console.kthread != 0) rcuwait_wake_up(wait_of(console));
  }
}

/** After they have been told to stop: waits until none is in the middle of a record. Task context. */
export function console_threads_wait(): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || console.kthread == 0) continue;
    mutex_lock(lock_of(slot));
    mutex_unlock(lock_of(slot));
  }
}
