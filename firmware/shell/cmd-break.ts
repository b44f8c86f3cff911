// Shell commands that break the kernel: bug, oops, warn, hang, deadlock, stack. Each runs in a thread
// of its own, which dies of it; the shell lives on where the system does.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { dump_stack } from '../arch/backtrace';
import { local_irq_disable } from '../arch/irqflags';
import { readl } from '../arch/mmio';
import { preempt_disable, smp_processor_id } from '../arch/percpu';
import { hart_pause } from '../arch/hart';
import { num_online_cpus } from '../arch/smp';
import { WARN } from '../kernel/bug';
import { INIT_WORK, queue_work_on, work_struct } from '../kernel/workqueue';
import { str, streq } from '../lib/string';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock,
  spinlock_t,
} from '../locking/spinlock';
import { kfree, kmalloc } from '../mm/slab';
import { schedule } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { msleep } from '../sched/timeout';
import { get_jiffies } from '../time/jiffies';
import { mod_timer, timer_list, timer_setup } from '../time/timer';
import { tty_printf } from '../tty/tty';
import { arg, register_command } from './commands';
import { CONTEXT_UNKNOWN, IN_TASK, context_by_name, run_in_context } from './context';

const lock_a: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
const lock_b: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
const mutex_a: mutex = changetype<mutex>(memory.data(offsetof<mutex>(), 4));
/** Threads that have their first lock. */
const ready: usize = memory.data(4, 4);
const none: usize = memory.data(4, 4);
/** Nothing answers at this address on the virt board. */
const NOWHERE: usize = 0x50000;

function bug_unlock(unused: usize): u32 {
  spin_unlock(lock_a);
  return 0;
}

function take_a(unused: usize): u32 {
  spin_lock(lock_a);
  WRITE_ONCE(ready, 1);
  while (READ_ONCE(ready) == 1) hart_pause();
  spin_unlock(lock_a);
  return 0;
}

/** The lock is another CPU's. */
function bug_owner(unused: usize): u32 {
  WRITE_ONCE(ready, 0);
  kthread_run(take_a, 0, 'owner', <i32>num_online_cpus() - 1);
  while (READ_ONCE(ready) == 0) hart_pause();
  spin_unlock(lock_a);
  return 0;
}

function bug_mutex(unused: usize): u32 {
  mutex_unlock(mutex_a);
  return 0;
}

function mutex_holder(unused: usize): u32 {
  mutex_lock(mutex_a);
  WRITE_ONCE(ready, 1);
  msleep(50);
  mutex_unlock(mutex_a);
  return 0;
}

function bug_mutex_owner(unused: usize): u32 {
  WRITE_ONCE(ready, 0);
  kthread_run(mutex_holder, 0, 'owner', 0);
  while (READ_ONCE(ready) == 0) msleep(1);
  mutex_unlock(mutex_a);
  return 0;
}

/** A sleeping lock under preempt_disable(). */
function bug_sleep(unused: usize): u32 {
  preempt_disable();
  mutex_lock(mutex_a);
  return 0;
}

function bug_irqs(unused: usize): u32 {
  local_irq_disable();
  mutex_lock(mutex_a);
  return 0;
}

function bug_schedule(unused: usize): u32 {
  spin_lock(lock_b);
  schedule();
  return 0;
}

function nothing(t: timer_list): void {}

function bug_timer(unused: usize): u32 {
  const t = changetype<timer_list>(kmalloc(offsetof<timer_list>()));
  timer_setup(t, nothing);
  mod_timer(t, get_jiffies() + 10);
  kfree(changetype<usize>(t));
  return 0;
}

function no_work(w: work_struct): void {}

function bug_work(unused: usize): u32 {
  const w = changetype<work_struct>(kmalloc(offsetof<work_struct>()));
  INIT_WORK(w, no_work);
  // Its worker does not get the CPU before the next line.
  preempt_disable();
  queue_work_on(smp_processor_id(), w);
  kfree(changetype<usize>(w));
  return 0;
}

function bug_free(unused: usize): u32 {
  const p = kmalloc(16);
  kfree(p);
  kfree(p);
  return 0;
}

function bug_now(): void {
  throw new Error('bug command');
}

function bug_plain(unused: usize): u32 {
  bug_now();
  return 0;
}

function cmd_bug(argc: u32, argv: usize): void {
  const kind = argc > 1 ? arg(argv, 1) : none;
  let fn = bug_plain;
  if (streq(kind, 'unlock')) fn = bug_unlock;
  else if (streq(kind, 'owner')) fn = bug_owner;
  else if (streq(kind, 'mutex')) fn = bug_mutex;
  else if (streq(kind, 'mutex-owner')) fn = bug_mutex_owner;
  else if (streq(kind, 'sleep')) fn = bug_sleep;
  else if (streq(kind, 'irqs')) fn = bug_irqs;
  else if (streq(kind, 'schedule')) fn = bug_schedule;
  else if (streq(kind, 'timer')) fn = bug_timer;
  else if (streq(kind, 'work')) fn = bug_work;
  else if (streq(kind, 'free')) fn = bug_free;
  else if (argc > 1) {
    const context = context_by_name(kind);
    if (context != CONTEXT_UNKNOWN) run_in_context(context, bug_now, 'bug', 0);
    else {
      tty_printf('usage: bug [task|softirq|irq|nmi]\n');
      tty_printf('       bug unlock|owner|mutex|mutex-owner|sleep|irqs|schedule|timer|work|free\n');
    }
    return;
  }
  spin_lock_init(lock_a, 'bug lock a');
  spin_lock_init(lock_b, 'bug lock b');
  mutex_init(mutex_a, 'bug mutex');
  kthread_run(fn, 0, 'bug', 0);
  msleep(100);
  WRITE_ONCE(ready, 2);
}

/** Runs a function in the context that the first argument names, by default in a task. */
function in_context(argc: u32, argv: usize, fn: () => void, name: string): void {
  const context = argc > 1 ? context_by_name(arg(argv, 1)) : IN_TASK;
  if (context == CONTEXT_UNKNOWN) tty_printf('usage: %s [task|softirq|irq|nmi]\n', str(name));
  else run_in_context(context, fn, name, 0);
}

function oops_now(): void {
  readl(NOWHERE);
}

/** A load from where nothing is. */
function cmd_oops(argc: u32, argv: usize): void {
  in_context(argc, argv, oops_now, 'oops');
}

function warn_now(): void {
  WARN(true, 'warn command');
}

function cmd_warn(argc: u32, argv: usize): void {
  in_context(argc, argv, warn_now, 'warn');
}

function hang_irqsoff(unused: usize): u32 {
  local_irq_disable();
  while (true) hart_pause();
}

function hang_preempt(unused: usize): u32 {
  preempt_disable();
  while (true) hart_pause();
}

function hang_task(unused: usize): u32 {
  while (true) {
    mutex_lock(mutex_a);
    mutex_lock_forever();
  }
}

function mutex_lock_forever(): void {
  kthread_run(mutex_waiter, 0, 'waiter');
  while (true) msleep(10_000);
}

function mutex_waiter(unused: usize): u32 {
  mutex_lock(mutex_a);
  return 0;
}

function cmd_hang(argc: u32, argv: usize): void {
  const kind = argc > 1 ? arg(argv, 1) : none;
  const cpu = <i32>num_online_cpus() - 1;
  if (streq(kind, 'irqsoff')) kthread_run(hang_irqsoff, 0, 'hang', cpu);
  else if (streq(kind, 'preempt')) kthread_run(hang_preempt, 0, 'hang', cpu);
  else if (streq(kind, 'task')) {
    mutex_init(mutex_a, 'hang mutex');
    kthread_run(hang_task, 0, 'hang', cpu);
  } else tty_printf('usage: hang irqsoff|preempt|task\n');
}

/** Takes one lock, waits until the other thread has the other, wants that. */
function abba(first: usize): u32 {
  const mine = first ? lock_a : lock_b;
  const other = first ? lock_b : lock_a;
  spin_lock_irqsave(mine);
  WRITE_ONCE(ready, READ_ONCE(ready) + 1);
  while (READ_ONCE(ready) < 2) hart_pause();
  spin_lock(other);
  return 0;
}

function aa(unused: usize): u32 {
  spin_lock_irqsave(lock_a);
  spin_lock(lock_a);
  return 0;
}

function cmd_deadlock(argc: u32, argv: usize): void {
  const n = num_online_cpus();
  spin_lock_init(lock_a, 'deadlock lock a');
  spin_lock_init(lock_b, 'deadlock lock b');
  WRITE_ONCE(ready, 0);
  if (n < 3 || (argc > 1 && streq(arg(argv, 1), 'aa'))) kthread_run(aa, 0, 'deadlock', <i32>n - 1);
  else {
    kthread_run(abba, 1, 'deadlock', <i32>n - 1);
    kthread_run(abba, 0, 'deadlock', <i32>n - 2);
  }
}

function stack_now(): void {
  dump_stack();
}

function cmd_stack(argc: u32, argv: usize): void {
  if (argc == 1) dump_stack();
  else in_context(argc, argv, stack_now, 'stack');
}

export function register_break_commands(): void {
  register_command('bug', '[kind|context]', 'a BUG; bug ? lists the kinds', cmd_bug);
  register_command('oops', '[context]', 'a bad load in a task, softirq, irq or nmi', cmd_oops);
  register_command('warn', '[context]', 'a WARN in a task, softirq, irq or nmi', cmd_warn);
  register_command('hang', 'irqsoff|preempt|task', 'a hart or a task that hangs', cmd_hang);
  register_command('deadlock', '[aa]', 'two harts that wait for each other', cmd_deadlock);
  register_command('stack', '[context]', 'the calls that lead here', cmd_stack);
}
