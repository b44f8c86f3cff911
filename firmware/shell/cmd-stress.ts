// Shell command stress: threads that sleep, wake each other, migrate, queue works and use locks, for a
// time; then a count of what they did. Same arguments, same result.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { num_online_cpus } from '../arch/smp';
import { set_cpus_allowed } from '../kernel/stop-machine';
import { INIT_WORK, flush_work, schedule_work, work_struct } from '../kernel/workqueue';
import { simple_strtoul } from '../lib/string';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import { down, sema_init, semaphore, up } from '../locking/semaphore';
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { kfree, kmalloc } from '../mm/slab';
import { cond_resched, sched_yield, set_user_nice } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { CPUS_ALL, current } from '../sched/task';
import { msleep } from '../sched/timeout';
import { tty_interrupted, tty_printf } from '../tty/tty';
import { arg, register_command } from './commands';

const lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
const guard: mutex = changetype<mutex>(memory.data(offsetof<mutex>(), 4));
const sem: semaphore = changetype<semaphore>(memory.data(offsetof<semaphore>(), 4));
const stop: usize = memory.data(4, 4);
const alive: usize = memory.data(4, 4);
/** Rounds, counted under each of the locks and atomically. */
const by_spin: usize = memory.data(4, 4);
const by_mutex: usize = memory.data(4, 4);
const by_work: usize = memory.data(4, 4);
const rounds: usize = memory.data(4, 4);

function work_fn(work: work_struct): void {
  fetch_add(by_work, 1);
}

function stressor(seed: usize): u32 {
  let random = <u32>seed * 2654435761 + 1;
  const work = changetype<work_struct>(kmalloc(offsetof<work_struct>()));
  INIT_WORK(work, work_fn);
  set_user_nice(current(), <i32>(seed % 5) - 2);
  while (READ_ONCE(stop) == 0) {
    random = random * 1664525 + 1013904223;
    const flags = spin_lock_irqsave(lock);
    WRITE_ONCE(by_spin, READ_ONCE(by_spin) + 1);
    spin_unlock_irqrestore(lock, flags);
    mutex_lock(guard);
    WRITE_ONCE(by_mutex, READ_ONCE(by_mutex) + 1);
    if ((random >> 16) % 7 == 0) sched_yield();
    mutex_unlock(guard);
    schedule_work(work);
    flush_work(work);
    fetch_add(rounds, 1);
    const what = (random >> 20) % 16;
    if (what == 0) msleep(10);
    else if (what == 1) set_cpus_allowed(current(), 1 << ((random >> 8) % num_online_cpus()));
    else if (what == 2) set_cpus_allowed(current(), CPUS_ALL);
    else if (what < 6) {
      down(sem);
      cond_resched();
      up(sem);
    }
  }
  kfree(changetype<usize>(work));
  fetch_add(alive, 0xffffffff);
  return 0;
}

/** stress N [seconds] */
function cmd_stress(argc: u32, argv: usize): void {
  const n = argc > 1 ? simple_strtoul(arg(argv, 1)) : 4;
  const seconds = argc > 2 ? simple_strtoul(arg(argv, 2)) : 1;
  if (n == 0 || n > 64) {
    tty_printf('stress: 1 to 64 threads\n');
    return;
  }
  spin_lock_init(lock, 'stress lock');
  mutex_init(guard, 'stress mutex');
  sema_init(sem, 2, 'stress sem');
  WRITE_ONCE(stop, 0);
  WRITE_ONCE(alive, n);
  WRITE_ONCE(by_spin, 0);
  WRITE_ONCE(by_mutex, 0);
  WRITE_ONCE(by_work, 0);
  WRITE_ONCE(rounds, 0);
  for (let i: u32 = 0; i < n; i++) kthread_run(stressor, i, 'stress');
  for (let i: u32 = 0; i < seconds * 10 && !tty_interrupted(); i++) msleep(100);
  WRITE_ONCE(stop, 1);
  for (let i: u32 = 0; i < 500 && READ_ONCE(alive) != 0; i++) msleep(10);
  const lost = READ_ONCE(alive);
  const done = READ_ONCE(rounds);
  tty_printf('stress: %u threads, %u rounds', n, done);
  tty_printf(
    ', spin %u, mutex %u, work %u\n',
    READ_ONCE(by_spin),
    READ_ONCE(by_mutex),
    READ_ONCE(by_work),
  );
  const same =
    READ_ONCE(by_spin) == done && READ_ONCE(by_mutex) == done && READ_ONCE(by_work) == done;
  if (lost != 0) tty_printf('stress: %u threads hang\n', lost);
  else if (same) tty_printf('stress: ok\n');
  else tty_printf('stress: counts differ\n');
}

export function register_stress_commands(): void {
  register_command('stress', 'N [seconds]', 'N threads that use all the kernel has', cmd_stress);
}
