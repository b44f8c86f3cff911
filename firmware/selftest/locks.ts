// Self tests of locks: under contention on all CPUs.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { num_online_cpus } from '../arch/smp';
import { down, down_trylock, down_timeout, sema_init, semaphore, up } from '../locking/semaphore';
import { mutex, mutex_init, mutex_lock, mutex_trylock, mutex_unlock } from '../locking/mutex';
import {
  completion,
  complete,
  init_completion,
  wait_for_completion,
  wait_for_completion_timeout,
} from '../locking/completion';
import {
  read_lock,
  read_unlock,
  rwlock_init,
  rwlock_t,
  write_lock_irqsave,
  write_unlock_irqrestore,
} from '../locking/rwlock';
import {
  read_seqcount_begin,
  read_seqcount_retry,
  write_seqcount_begin,
  write_seqcount_end,
} from '../locking/seqlock';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_trylock,
  spin_unlock,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { cond_resched } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { sched_yield } from '../sched/core';
import { check, check_equal, register_selftest, rounds } from './tap';
import { PHASES, hesitate, on_all_cpus } from './threads';

const lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
const rwlock: rwlock_t = changetype<rwlock_t>(memory.data(offsetof<rwlock_t>(), 4));
const sleeping: mutex = changetype<mutex>(memory.data(offsetof<mutex>(), 4));
const sem: semaphore = changetype<semaphore>(memory.data(offsetof<semaphore>(), 4));
const ping: completion = changetype<completion>(memory.data(offsetof<completion>(), 4));
const pong: completion = changetype<completion>(memory.data(offsetof<completion>(), 4));
const seq: usize = memory.data(4, 4);
/** Two words that change together, and what went wrong. */
const a: usize = memory.data(4, 4);
const b: usize = memory.data(4, 4);
const wrong: usize = memory.data(4, 4);
const inside: usize = memory.data(4, 4);

function reset(): void {
  WRITE_ONCE(a, 0);
  WRITE_ONCE(b, 0);
  WRITE_ONCE(wrong, 0);
  WRITE_ONCE(inside, 0);
}

/** Not atomic on purpose: only a lock makes it right. */
function bump(p: usize): void {
  const value = READ_ONCE(p);
  hesitate(20);
  WRITE_ONCE(p, value + 1);
}

function spin_body(cpu: u32): void {
  for (let i: u32 = 0; i < rounds(); i++) {
    if (i & 1) {
      spin_lock(lock);
      bump(a);
      spin_unlock(lock);
    } else {
      const flags = spin_lock_irqsave(lock);
      bump(a);
      spin_unlock_irqrestore(lock, flags);
    }
  }
}

function test_spinlock(): void {
  spin_lock_init(lock, 'selftest');
  reset();
  on_all_cpus(spin_body);
  check_equal(READ_ONCE(a), rounds() * num_online_cpus(), 'increments under a spinlock');
}

function try_body(cpu: u32): void {
  for (let i: u32 = 0; i < rounds(); i++) {
    if (!spin_trylock(lock)) continue;
    fetch_add(b, 1);
    bump(a);
    spin_unlock(lock);
  }
}

function test_trylock(): void {
  reset();
  on_all_cpus(try_body);
  check(READ_ONCE(a) > 0, 'some trylock succeeds');
  check_equal(READ_ONCE(a), READ_ONCE(b), 'increments under spin_trylock');
}

function rw_body(cpu: u32): void {
  for (let i: u32 = 0; i < rounds(); i++) {
    if (i % 4 == 0) {
      const flags = write_lock_irqsave(rwlock);
      bump(a);
      bump(b);
      write_unlock_irqrestore(rwlock, flags);
    } else {
      read_lock(rwlock);
      const before = READ_ONCE(a);
      hesitate(20);
      if (before != READ_ONCE(b)) fetch_add(wrong, 1);
      read_unlock(rwlock);
    }
  }
}

function test_rwlock(): void {
  rwlock_init(rwlock, 'selftest rw');
  reset();
  on_all_cpus(rw_body);
  check_equal(READ_ONCE(wrong), 0, 'readers that saw half an update');
  check_equal(READ_ONCE(a), ((rounds() + 3) / 4) * num_online_cpus(), 'updates under a write lock');
}

function mutex_body(cpu: u32): void {
  for (let i: u32 = 0; i < rounds() / 4; i++) {
    mutex_lock(sleeping);
    bump(a);
    if (i % 16 == 0) sched_yield();
    bump(b);
    mutex_unlock(sleeping);
    cond_resched();
  }
}

function test_mutex(): void {
  mutex_init(sleeping, 'selftest mutex');
  reset();
  on_all_cpus(mutex_body);
  check_equal(READ_ONCE(a), (rounds() / 4) * num_online_cpus(), 'increments under a mutex');
  check_equal(READ_ONCE(b), READ_ONCE(a), 'mutex held across a sleep');
  check(mutex_trylock(sleeping), 'a free mutex can be had');
  check(!mutex_trylock(sleeping), 'a taken one cannot');
  mutex_unlock(sleeping);
}

function sem_body(cpu: u32): void {
  for (let i: u32 = 0; i < rounds() / 4; i++) {
    down(sem);
    if (fetch_add(inside, 1) >= 2) fetch_add(wrong, 1);
    if (i % 8 == 0) sched_yield();
    fetch_add(inside, 0xffffffff);
    fetch_add(a, 1);
    up(sem);
  }
}

function test_semaphore(): void {
  sema_init(sem, 2, 'selftest sem');
  reset();
  on_all_cpus(sem_body);
  check_equal(READ_ONCE(wrong), 0, 'more than two inside a semaphore of two');
  check_equal(READ_ONCE(a), (rounds() / 4) * num_online_cpus(), 'passes through a semaphore');
  check_equal(down_trylock(sem), 0, 'first of two');
  check_equal(down_trylock(sem), 0, 'second of two');
  check_equal(down_trylock(sem), 1, 'third of two');
  check_equal(<u32>down_timeout(sem, 2), <u32>-62, 'time runs out');
  up(sem);
  up(sem);
}

function ponger(n: usize): u32 {
  for (let i: usize = 0; i < n; i++) {
    wait_for_completion(ping);
    hesitate(<u32>i % PHASES);
    complete(pong);
  }
  return 0;
}

function test_completion(): void {
  init_completion(ping);
  init_completion(pong);
  const n = rounds() / 4;
  kthread_run(ponger, n, 'ponger', <i32>num_online_cpus() - 1);
  let late: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    complete(ping);
    hesitate((i * 7) % PHASES);
    if (wait_for_completion_timeout(pong, 100) == 0) late++;
  }
  check_equal(late, 0, 'completions lost');
}

function seq_body(cpu: u32): void {
  for (let i: u32 = 0; i < rounds(); i++) {
    if (cpu == 0) {
      write_seqcount_begin(seq);
      bump(a);
      bump(b);
      write_seqcount_end(seq);
    } else {
      let x: u32;
      let y: u32;
      let start: u32;
      do {
        start = read_seqcount_begin(seq);
        x = READ_ONCE(a);
        hesitate(20);
        y = READ_ONCE(b);
      } while (read_seqcount_retry(seq, start));
      if (x != y) fetch_add(wrong, 1);
    }
  }
}

function test_seqcount(): void {
  reset();
  WRITE_ONCE(seq, 0);
  on_all_cpus(seq_body);
  check_equal(READ_ONCE(wrong), 0, 'readers that saw half an update');
}

export function register_lock_selftests(): void {
  register_selftest('spinlock', test_spinlock);
  register_selftest('spin_trylock', test_trylock);
  register_selftest('rwlock', test_rwlock);
  register_selftest('seqcount', test_seqcount);
  register_selftest('mutex', test_mutex);
  register_selftest('semaphore', test_semaphore);
  register_selftest('completion', test_completion);
}
