// BUG: `throw new Error('text')` anywhere in the kernel ends in kernel_bug(), with the file and line
// of the throw (the compiler's abort hook). WARN() reports and goes on.

import { dump_stack, symbol_of_caller } from '../arch/backtrace';
import { hart_fp } from '../arch/hart';
import { preempt_count, smp_processor_id } from '../arch/percpu';
import { irqs_disabled } from '../arch/irqflags';
import { str } from '../lib/string';
import { param_is } from '../init/params';
import { emitter } from '../printk/emit/emit';
import { pr_emerg, pr_warn } from '../printk/printk';
import { current, task_comm } from '../sched/task';
import { oops_enter, oops_exit } from './oops';
import { panic } from './panic';

/** Called by compiled `throw` statements; any context. Does not return. */
export function kernel_bug(message: usize, file: usize, line: u32, column: u32): void {
  const p = current();
  oops_enter();
  pr_emerg('------------[ cut here ]------------\n');
  pr_emerg('BUG: %s\n', message);
  pr_emerg('kernel BUG at %s:%u in %pB!\n', file, line, symbol_of_caller(hart_fp()));
  pr_emerg(
    'CPU: %u PID: %u Comm: %S preempt_count: 0x%x irqs %s\n',
    smp_processor_id(),
    p.pid,
    task_comm(p),
    preempt_count(),
    str(irqs_disabled() ? 'off' : 'on'),
  );
  dump_stack();
  pr_emerg('---[ end trace ]---\n');
  oops_exit();
}

/** Reports where it is called from, if the condition holds; returns the condition. Any context. */
export function WARN(condition: bool, text: string): bool {
  if (!condition) return false;
  const p = current();
  emitter.emergency_enter();
  pr_warn('------------[ cut here ]------------\n');
  pr_warn('WARNING: %s\n', str(text));
  pr_warn('CPU: %u PID: %u Comm: %S\n', smp_processor_id(), p.pid, task_comm(p));
  dump_stack();
  pr_warn('---[ end trace ]---\n');
  emitter.emergency_exit();
  if (param_is('panic_on_warn', '1')) panic('panic_on_warn set ...');
  return true;
}
