// Class 2: who prints while holding a scheduler lock gives console_sem back at the end, and so wakes a
// task that has come to wait for it meanwhile.
//
// CPU 1: p->pi_lock -> printk -> console_unlock() -> up(): sem->lock -> wake_up_process(p) ->
// p->pi_lock AA. p, on CPU 0, sleeps in console_lock(). The message is the one about affinity that
// Linux printed with p->pi_lock held, and now defers. With the argument `alone`, p does not come.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { streq } from '../lib/string';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { console_lock, console_unlock } from '../printk/console';
import { pr_info } from '../printk/printk';
import { task_struct } from '../sched/task';
import { arg } from '../shell/commands';
import { udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_verdict,
} from './scenario';

/** When the other task wants the console, µs: while the message is on the wire. */
const COMES_US: u32 = 500;

/** The task that the message is about. */
const subject: usize = memory.data(4, 4);
/** 1: it does not want the console. */
const alone: usize = memory.data(4, 4);

function affinity_message(unused: usize): u32 {
  scenario_barrier();
  const p = changetype<task_struct>(READ_ONCE(subject));
  const flags = spin_lock_irqsave(p);
  pr_info('process %u no longer affine to cpu0\n', p.pid);
  spin_unlock_irqrestore(p, flags);
  scenario_done();
  return 0;
}

/** Like a read of /proc/consoles. */
function console_user(unused: usize): u32 {
  scenario_barrier();
  udelay(COMES_US);
  if (READ_ONCE(alone) == 0) {
    console_lock();
    console_unlock();
  }
  scenario_done();
  return 0;
}

function sem_up(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  WRITE_ONCE(alone, argc > 2 && streq(arg(argv, 2), 'alone') ? 1 : 0);
  scenario_settle();
  scenario_prepare(2);
  const p = scenario_thread(console_user, 'console-user', 0);
  WRITE_ONCE(subject, <u32>changetype<usize>(p));
  scenario_thread(affinity_message, 'printer', 1);
  scenario_finish();
  return scenario_verdict('sem-up', true);
}

export function register_sem_up(): void {
  register_scenario('sem-up', 'class 2 AA: up(console_sem) under p->pi_lock; or: alone', sem_up);
}
