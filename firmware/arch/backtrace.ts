// Call traces by the chain of frame pointers: -4(fp) is a return address, -8(fp) the caller's fp. The
// frames that entry.S pushes for traps and NMIs are links of the same chain; they may lead from one
// of the hart's stacks to another.

import { param_present } from '../init/params';
import { this_cpu_in_panic } from '../kernel/panic-state';
import { kallsyms_lookup } from '../lib/kallsyms';
import { printk_cpu_sync_get_irqsave, printk_cpu_sync_put_irqrestore } from '../printk/cpu-sync';
import { pr_emerg } from '../printk/printk';
import { hart_fp } from './hart';
import { this_cpu } from './percpu';
import { current, task_struct } from '../sched/task';
import { PT_SIZE, pt_regs } from './ptrace';
import { on_any_stack } from './stacks';
import {
  address_of_ret_from_exception,
  address_of_ret_from_interrupt,
  address_of_ret_from_nmi,
  address_of_ret_from_overflow,
  address_of_ret_from_preemption,
} from './symbols';

const MAX_FRAMES: u32 = 32;

/** Does a handler that entry.S called return there? Then the frame around it is a pt_regs. */
function is_trap_return(pc: usize): bool {
  return (
    pc == address_of_ret_from_exception() ||
    pc == address_of_ret_from_interrupt() ||
    pc == address_of_ret_from_preemption() ||
    pc == address_of_ret_from_nmi() ||
    pc == address_of_ret_from_overflow()
  );
}

function on_task_stack(p: task_struct, fp: usize): bool {
  return fp >= p.stack + 8 && fp <= p.stack + p.stack_size && (fp & 3) == 0;
}

/** May a frame record of this hart, or of the task that it runs, lie at fp - 8? */
function on_stack(fp: usize): bool {
  return on_any_stack(this_cpu().stacks, fp) || on_task_stack(current(), fp);
}

/**
 * The innermost interrupted function may have no frame of its own: it is a leaf, it was interrupted
 * before it had made one, or it is no function at all because somebody jumped astray. Then its caller
 * is known only from ra.
 */
function caller_only_in_ra(regs: pt_regs): bool {
  const caller = kallsyms_lookup(regs.ra - 1);
  if (caller == 0 || caller == kallsyms_lookup(regs.epc)) return false;
  return !on_stack(regs.s0) || load<usize>(regs.s0 - 4) != regs.ra;
}

/** Prints the interrupted function and its callers, then whatever they interrupted. Any context. */
export function show_regs_trace(regs: pt_regs): void {
  pr_emerg('[<%p>] %pS\n', regs.epc, regs.epc);
  if (caller_only_in_ra(regs)) pr_emerg('[<%p>] %pB\n', regs.ra, regs.ra);
  walk(regs.s0);
}

/** Prints the functions that the frame at fp returns to. */
function walk(fp: usize): void {
  for (let i: u32 = 0; i < MAX_FRAMES && on_stack(fp); i++) {
    const pc = load<usize>(fp - 4);
    const caller_fp = load<usize>(fp - 8);
    if (pc == 0 || caller_fp == fp) return;
    pr_emerg('[<%p>] %pB\n', pc, pc);
    if (is_trap_return(pc) && on_stack(caller_fp)) {
      show_regs_trace(changetype<pt_regs>(caller_fp - PT_SIZE));
      return;
    }
    fp = caller_fp;
  }
}

/**
 * The calls that lead to the caller, without another CPU's in between. Any context. Who panics does not
 * wait for others: they may have been stopped in here. (With printk.panic_cpu_sync it does, as Linux did
 * up to 6.8.)
 */
export function dump_stack(): void {
  const sync = !this_cpu_in_panic() || param_present('printk.panic_cpu_sync');
  const flags = sync ? printk_cpu_sync_get_irqsave() : 0;
  pr_emerg('Call Trace:\n');
  walk(hart_fp());
  if (sync) printk_cpu_sync_put_irqrestore(flags);
}

/** The function that called the one whose frame pointer is fp; an address for %pB. */
export function symbol_of_caller(fp: usize): usize {
  return on_stack(fp) ? load<usize>(fp - 4) : 0;
}

/** The calls that a sleeping task is in. It must not run meanwhile, or the trace is nonsense. */
export function show_task_stack(p: task_struct): void {
  // __switch_to() has left a frame record at the top of what it pushed.
  const top = p.sp + 64;
  let fp = top;
  for (let i: u32 = 0; i < MAX_FRAMES && on_task_stack(p, fp); i++) {
    const pc = load<usize>(fp - 4);
    const caller = load<usize>(fp - 8);
    if (pc == 0) return;
    pr_emerg('[<%p>] %pB\n', pc, pc);
    if (is_trap_return(pc)) {
      const regs = changetype<pt_regs>(caller - PT_SIZE);
      pr_emerg('[<%p>] %pS\n', regs.epc, regs.epc);
      fp = regs.s0;
    } else fp = caller;
    if (fp <= top) return;
  }
}
