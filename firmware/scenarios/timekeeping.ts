// Class 7: timekeeping has something to say while its sequence count is odd, and the wakeup at the end of
// printing asks for the time. No lock is involved, so no lock checker sees it.
//
// CPU 1: tk.seq odd -> printk -> console_unlock() -> up() -> try_to_wake_up() -> hrtick_start() ->
// ktime_get_ns(), which waits for tk.seq to become even. CPU 0: a task that has come to wait in
// console_lock(). Linux prints such messages with printk_deferred since 6d9bcb621b.

import { WRITE_ONCE } from '../arch/atomic';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { write_seqcount_begin, write_seqcount_end } from '../locking/seqlock';
import { console_lock, console_unlock } from '../printk/console';
import { pr_warn } from '../printk/printk';
import { sched_feat_hrtick } from '../sched/hrtick';
import { jiffies_lock } from '../time/jiffies';
import { timekeeper_seq, udelay } from '../time/timekeeping';
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
  scenario_wait_for_tick,
} from './scenario';

/** When the other task wants the console, µs: while the message is on the wire. */
const COMES_US: u32 = 500;

/** Linux's timekeeping_adjust(), when the clock has to go much faster. */
function timekeeping_adjust(unused: usize): u32 {
  scenario_barrier();
  // Whoever has a tick meanwhile waits for jiffies_lock.
  scenario_wait_for_tick();
  const flags = spin_lock_irqsave(jiffies_lock);
  write_seqcount_begin(timekeeper_seq());
  pr_warn('timekeeping: adjusting mtime more than 11%% (%u vs %u)\n', 102400, 115000);
  write_seqcount_end(timekeeper_seq());
  spin_unlock_irqrestore(jiffies_lock, flags);
  scenario_done();
  return 0;
}

function console_user(unused: usize): u32 {
  scenario_barrier();
  scenario_wait_for_tick();
  udelay(COMES_US);
  console_lock();
  console_unlock();
  scenario_done();
  return 0;
}

function tk_seq(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_settle();
  scenario_prepare(2);
  WRITE_ONCE(sched_feat_hrtick, 1);
  scenario_thread(console_user, 'console-user', 0);
  scenario_thread(timekeeping_adjust, 'printer', 1);
  scenario_finish();
  WRITE_ONCE(sched_feat_hrtick, 0);
  return scenario_verdict('tk-seq', true);
}

export function register_timekeeping(): void {
  register_scenario('tk-seq', 'class 7: printk inside the clock, a wakeup reads it', tk_seq);
}
