// Class 3: up() wakes a task under sem->lock, the wakeup has something to say, and printk wants the
// very semaphore.
//
// CPU 0: console_unlock() -> up(console_sem): sem->lock -> wake_up_process(p) -> select_task_rq(): p
// may run on no CPU any more -> printk -> console_trylock() -> down_trylock(): sem->lock AA.
// p sleeps in console_lock(). With the argument `affine`, p's CPU stays.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { streq } from '../lib/string';
import { console_lock, console_unlock } from '../printk/console';
import { do_set_cpus_allowed } from '../sched/core';
import { task_struct } from '../sched/task';
import { arg } from '../shell/commands';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_verdict,
  scenario_wait_asleep,
} from './scenario';

/** The task that waits for the console. */
const subject: usize = memory.data(4, 4);
/** 1: its CPU does not go. */
const affine: usize = memory.data(4, 4);

function console_holder(unused: usize): u32 {
  console_lock();
  scenario_barrier();
  const p = changetype<task_struct>(READ_ONCE(subject));
  scenario_wait_asleep(p);
  if (READ_ONCE(affine) == 0) do_set_cpus_allowed(p, 0);
  console_unlock();
  scenario_done();
  return 0;
}

function waits_for_console(unused: usize): u32 {
  scenario_barrier();
  console_lock();
  console_unlock();
  scenario_done();
  return 0;
}

function sem_recursion(argc: u32, argv: usize): u32 {
  WRITE_ONCE(affine, argc > 2 && streq(arg(argv, 2), 'affine') ? 1 : 0);
  scenario_settle();
  scenario_prepare(2);
  const p = scenario_thread(waits_for_console, 'console-user', 0);
  WRITE_ONCE(subject, <u32>changetype<usize>(p));
  scenario_thread(console_holder, 'holder', 0);
  scenario_finish();
  return scenario_verdict('sem-recursion', true);
}

export function register_sem_recursion(): void {
  register_scenario(
    'sem-recursion',
    'class 3 AA: up(console_sem) has to print; or: affine',
    sem_recursion,
  );
}
