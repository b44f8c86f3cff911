// Class 8: somebody waits for the log, and the message that he waits for comes from under rq->lock, on a
// CPU whose interrupts are off. If printk() itself woke him, as it did before Linux 3.4, that would take
// rq->lock once more; so it leaves that to an irq_work.
//
// The reader sleeps in devkmsg_read() on CPU 1, and must get the message.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import {
  SEEK_END,
  devkmsg_llseek,
  devkmsg_open,
  devkmsg_read,
  devkmsg_release,
  devkmsg_user,
} from '../printk/kmsg';
import { CONSOLE_EXT_LOG_MAX } from '../printk/kmsg-format';
import { pr_warn } from '../printk/printk';
import { kthread_run } from '../sched/kthread';
import { cpu_rq } from '../sched/rq';
import { msleep } from '../sched/timeout';
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
  scenario_wait_asleep,
} from './scenario';

const CPU: u32 = 1;
/** What is read from /dev/kmsg; 1 when the reader has got it. */
const line: usize = memory.data(8192, 4);
const woken: usize = memory.data(4, 4);

function log_reader(user: usize): u32 {
  devkmsg_read(changetype<devkmsg_user>(user), line, CONSOLE_EXT_LOG_MAX, false);
  WRITE_ONCE(woken, 1);
  return 0;
}

function warner(unused: usize): u32 {
  scenario_barrier();
  const q = cpu_rq(CPU);
  const flags = spin_lock_irqsave(q);
  pr_warn('klogd: rq warning\n');
  spin_unlock_irqrestore(q, flags);
  while (READ_ONCE(woken) == 0) msleep(1);
  scenario_done();
  return 0;
}

function klogd(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_settle();
  scenario_prepare(1);
  WRITE_ONCE(woken, 0);
  const user = devkmsg_open();
  devkmsg_llseek(user, 0, SEEK_END);
  const asleep = scenario_wait_asleep(
    kthread_run(log_reader, changetype<usize>(user), 'klogd', CPU),
  );
  if (asleep) {
    scenario_thread(warner, 'printer', CPU);
    scenario_finish();
    devkmsg_release(user);
  }
  return scenario_verdict('klogd', asleep);
}

export function register_klogd(): void {
  register_scenario('klogd', 'class 8: a message under rq->lock, and its reader asleep', klogd);
}
