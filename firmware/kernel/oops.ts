// An oops: what BUGs and CPU exceptions have in common, before the first line and after the last. It ends
// the task that it happened in; where there is no such task, or by boot parameter, everything.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { hart_off } from '../arch/entry';
import { local_irq_enable } from '../arch/irqflags';
import { Cpu, in_interrupt, preempt_count, preempt_count_set, this_cpu } from '../arch/percpu';
import { param_is } from '../init/params';
import { set_console_loglevel } from '../printk/console';
import { emitter } from '../printk/emit/emit';
import { CONSOLE_LOGLEVEL_MOTORMOUTH } from '../printk/levels';
import { pr_warn } from '../printk/printk';
import { do_exit } from '../sched/exit';
import { current, task_comm } from '../sched/task';
import { bust_spinlocks } from './panic-state';
import { panic } from './panic';

/** Oopses so far. */
const die_counter: usize = memory.data(4, 4);

function depth(): usize {
  return changetype<usize>(this_cpu()) + offsetof<Cpu>('oops_depth');
}

/** Any context. Returns the number of this oops, from 1 on. */
export function oops_enter(): u32 {
  const n = READ_ONCE(depth());
  WRITE_ONCE(depth(), n + 1);
  // An oops inside an oops inside an oops: nothing that prints can be trusted.
  if (n >= 2) hart_off();
  bust_spinlocks(true);
  set_console_loglevel(CONSOLE_LOGLEVEL_MOTORMOUTH);
  emitter.emergency_enter();
  return fetch_add(die_counter, 1) + 1;
}

/** The current task dies of it, with what it holds, or the system panics. Does not return. */
export function oops_exit(): void {
  const p = current();
  emitter.emergency_exit();
  if (in_interrupt()) panic('Fatal exception in interrupt');
  if (param_is('oops', 'panic') || param_is('panic_on_oops', '1')) panic('Fatal exception');
  if (p.pid == 0) panic('Attempted to kill the idle task!');
  if (p.pid == 1) panic('Attempted to kill init!');
  bust_spinlocks(false);
  WRITE_ONCE(depth(), READ_ONCE(depth()) - 1);
  // Whoever waits for what it holds waits for ever.
  if (preempt_count() != 0) {
    pr_warn('note: %S[%u] exited with preempt_count %u\n', task_comm(p), p.pid, preempt_count());
    preempt_count_set(0);
  }
  local_irq_enable();
  do_exit(0xffffffff);
}
