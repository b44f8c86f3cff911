// Traps: interrupts go to irq/irq.ts; an exception that gets here was expected by nobody, so it is
// reported (cause in words, registers, call trace) and the system panics.
//
// Entered from entry.S with interrupts off.

import { READ_ONCE, WRITE_ONCE } from './atomic';
import { hart_off } from './entry';
import { Cpu, smp_processor_id, this_cpu } from './percpu';
import { pt_regs } from './ptrace';
import { show_regs_trace } from './backtrace';
import { OVERFLOW_TOP, stack_name } from './stacks';
import { handle_irq } from '../irq/irq';
import { VERSION } from '../init/version';
import { bust_spinlocks } from '../kernel/panic-state';
import { panic } from '../kernel/panic';
import { str } from '../lib/string';
import { set_console_loglevel } from '../printk/console';
import { CONSOLE_LOGLEVEL_MOTORMOUTH } from '../printk/levels';
import { emitter } from '../printk/emit/emit';
import { pr_emerg } from '../printk/printk';
import { current, task_comm } from '../sched/task';

/** Exceptions by number. Privileged specification, table "Machine cause register values". */
export function exception_name(cause: u32): string {
  switch (cause) {
    case 0:
      return 'instruction address misaligned';
    case 1:
      return 'instruction access fault';
    case 2:
      return 'illegal instruction';
    case 3:
      return 'breakpoint';
    case 4:
      return 'load address misaligned';
    case 5:
      return 'load access fault';
    case 6:
      return 'store (or AMO) address misaligned';
    case 7:
      return 'store (or AMO) access fault';
    case 8:
      return 'environment call from U-mode';
    case 9:
      return 'environment call from S-mode';
    case 11:
      return 'environment call from M-mode';
    case 12:
      return 'instruction page fault';
    case 13:
      return 'load page fault';
    case 15:
      return 'store (or AMO) page fault';
    default:
      return 'unknown exception';
  }
}

/** Who is running, and all registers. Any context. */
export function show_regs(regs: pt_regs): void {
  const cpu = smp_processor_id();
  const p = current();
  pr_emerg('CPU: %u PID: %u Comm: %S %s\n', cpu, p.pid, task_comm(p), str(VERSION));
  pr_emerg('epc : %pS\n', regs.epc);
  pr_emerg(' ra : %pB\n', regs.ra);
  pr_emerg('epc : %p ra : %p sp : %p\n', regs.epc, regs.ra, regs.sp);
  pr_emerg(' gp : %p tp : %p t0 : %p\n', regs.gp, regs.tp, regs.t0);
  pr_emerg(' t1 : %p t2 : %p s0 : %p\n', regs.t1, regs.t2, regs.s0);
  pr_emerg(' s1 : %p a0 : %p a1 : %p\n', regs.s1, regs.a0, regs.a1);
  pr_emerg(' a2 : %p a3 : %p a4 : %p\n', regs.a2, regs.a3, regs.a4);
  pr_emerg(' a5 : %p a6 : %p a7 : %p\n', regs.a5, regs.a6, regs.a7);
  pr_emerg(' s2 : %p s3 : %p s4 : %p\n', regs.s2, regs.s3, regs.s4);
  pr_emerg(' s5 : %p s6 : %p s7 : %p\n', regs.s5, regs.s6, regs.s7);
  pr_emerg(' s8 : %p s9 : %p s10: %p\n', regs.s8, regs.s9, regs.s10);
  pr_emerg(' s11: %p t3 : %p t4 : %p\n', regs.s11, regs.t3, regs.t4);
  pr_emerg(' t5 : %p t6 : %p\n', regs.t5, regs.t6);
  pr_emerg('status: %p badaddr: %p cause: %p\n', regs.status, regs.badaddr, regs.cause);
}

/** An oops inside an oops inside an oops: nothing that prints can be trusted. */
function oops_enter(): void {
  const depth = changetype<usize>(this_cpu()) + offsetof<Cpu>('oops_depth');
  const n = READ_ONCE(depth);
  WRITE_ONCE(depth, n + 1);
  if (n >= 2) hart_off();
  bust_spinlocks(true);
  set_console_loglevel(CONSOLE_LOGLEVEL_MOTORMOUTH);
  // Until the panic that this ends in.
  emitter.emergency_enter();
}

/** Called by entry.S, on the stack of the code that failed. */
export function do_trap_exception(regs: pt_regs): void {
  oops_enter();
  pr_emerg('Oops - %s [#1]\n', str(exception_name(<u32>regs.cause)));
  show_regs(regs);
  pr_emerg('Call Trace:\n');
  show_regs_trace(regs);
  pr_emerg('---[ end trace ]---\n');
  panic('Fatal exception');
}

/** Called by entry.S, on the interrupt stack. */
export function do_trap_interrupt(regs: pt_regs): void {
  handle_irq((<u32>regs.cause) & 0x7fffffff);
}

/** Called by entry.S, on the overflow stack. */
export function do_stack_overflow(regs: pt_regs): void {
  const stacks = this_cpu().stacks;
  oops_enter();
  pr_emerg('Insufficient stack space to handle exception!\n');
  const p = current();
  pr_emerg('Task stack:     [%p..%p]\n', p.stack, p.stack + p.stack_size);
  pr_emerg('Overflow stack: [%p..%p]\n', stacks, stacks + OVERFLOW_TOP);
  show_regs(regs);
  pr_emerg('Call Trace:\n');
  show_regs_trace(regs);
  panic(
    'Kernel stack overflow (%s stack)',
    str(regs.gp == p.stack ? 'task' : stack_name(stacks, regs.gp)),
  );
}
