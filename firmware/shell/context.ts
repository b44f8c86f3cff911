// Where a shell command's function runs: in a task, a softirq, an interrupt handler or an NMI.

import { smp_call_function_single } from '../arch/ipi';
import { nmi_call } from '../arch/nmi';
import { smp_processor_id } from '../arch/percpu';
import { streq } from '../lib/string';
import { kthread_run } from '../sched/kthread';
import { msleep } from '../sched/timeout';
import { get_jiffies } from '../time/jiffies';
import { mod_timer, timer_list, timer_setup } from '../time/timer';
import { udelay } from '../time/timekeeping';
import { tty_printf } from '../tty/tty';

export const IN_TASK: u32 = 0;
export const IN_SOFTIRQ: u32 = 1;
export const IN_HARDIRQ: u32 = 2;
export const IN_NMI: u32 = 3;
export const CONTEXT_UNKNOWN: u32 = 4;

/** How long the shell waits for what it has started, ms. */
const PATIENCE_MS: u32 = 100;
const fn_slot: usize = memory.data(4, 4);
const context_slot: usize = memory.data(4, 4);
const timer: timer_list = changetype<timer_list>(memory.data(offsetof<timer_list>(), 4));

/** task, softirq, irq or nmi; CONTEXT_UNKNOWN for anything else. */
export function context_by_name(name: usize): u32 {
  if (streq(name, 'task')) return IN_TASK;
  if (streq(name, 'softirq')) return IN_SOFTIRQ;
  if (streq(name, 'irq')) return IN_HARDIRQ;
  if (streq(name, 'nmi')) return IN_NMI;
  return CONTEXT_UNKNOWN;
}

function call(unused: usize): void {
  changetype<() => void>(load<u32>(fn_slot))();
}

function context_thread(unused: usize): u32 {
  switch (load<u32>(context_slot)) {
    case IN_SOFTIRQ:
      timer_setup(timer, changetype<(t: timer_list) => void>(call));
      mod_timer(timer, get_jiffies() + 1);
      msleep(PATIENCE_MS);
      break;
    case IN_HARDIRQ:
      smp_call_function_single(smp_processor_id(), call, 0);
      break;
    case IN_NMI:
      if (nmi_call(call, 0)) udelay(100);
      else tty_printf('this board has no NMIs\n');
      break;
    default:
      call(0);
  }
  return 0;
}

/** In a thread of that name on that CPU, or in an interrupt there. Waits a while for it. Task context. */
export function run_in_context(context: u32, fn: () => void, name: string, cpu: i32): void {
  store<u32>(fn_slot, <u32>changetype<usize>(fn));
  store<u32>(context_slot, context);
  kthread_run(context_thread, 0, name, cpu);
  msleep(PATIENCE_MS * 2);
}
