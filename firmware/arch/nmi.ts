// Non-maskable interrupts, on boards that have them: Smrnmi in the harts and an NMI controller in the
// device tree (QEMU's virt has neither).

import { READ_ONCE, WRITE_ONCE } from './atomic';
import { csr_set, csr_write } from './csr';
import { MNSCRATCH, MNSTATUS, MNSTATUS_NMIE } from './csr-map';
import { board } from './fdt';
import { cpu_stop_self } from './ipi';
import { writel } from './mmio';
import {
  Cpu,
  NMI_OFFSET,
  preempt_count_add,
  preempt_count_sub,
  smp_processor_id,
  this_cpu,
  this_cpu_inc,
} from './percpu';
import { PT_SIZE, pt_regs } from './ptrace';
import { show_regs_trace } from './backtrace';
import { NMI_TOP } from './stacks';
import { address_of_nmi_entry } from './symbols';
import { show_regs } from './trap';
import { prb } from '../printk/console';
import { printk_cpu_sync_get_irqsave, printk_cpu_sync_put_irqrestore } from '../printk/cpu-sync';
import { emitter } from '../printk/emit/emit';
import { pr_emerg } from '../printk/printk';

const NMI_VECTOR: usize = 0x000;
const NMI_TRIGGER: usize = 0x100;

/** Reasons that the kernel gives its own NMIs. Everything else came from outside. */
export const NMI_REASON_STOP: u32 = 0x100;
/** Show what the CPU does; it then goes on. */
export const NMI_REASON_BACKTRACE: u32 = 0x101;
/** Run the function given to nmi_call(). */
const NMI_REASON_CALL: u32 = 0x102;

const call_fn: usize = memory.data(4, 4);
const call_arg: usize = memory.data(4, 4);
/** Runs what register_nmi_handler() was given, and nothing else. */
export const NMI_REASON_WORKLOAD: u32 = 0x103;

const handler: usize = memory.data(4, 4);

/** Boot CPU, once. NMIs pressed earlier stay pending until then. */
export function nmi_init(): void {
  if (board.has_smrnmi && board.nmi_base != 0) {
    writel(board.nmi_base + NMI_VECTOR, <u32>address_of_nmi_entry());
  }
}

/** Every CPU, before it enables interrupts: as long as NMIE is 0, it gets none at all. */
export function nmi_init_hart(): void {
  if (!board.has_smrnmi) return;
  csr_write(MNSCRATCH, <u32>(this_cpu().stacks + NMI_TOP - PT_SIZE));
  csr_set(MNSTATUS, MNSTATUS_NMIE);
}

/** Any context. False if the board has no NMIs. */
export function send_nmi(cpu: u32, reason: u32): bool {
  if (!board.has_smrnmi || board.nmi_base == 0) return false;
  writel(board.nmi_base + NMI_TRIGGER + ((<usize>cpu) << 2), reason);
  return true;
}

/**
 * Runs a function on this CPU in NMI context; it comes within a few instructions. One caller at a time.
 * False if the board has no NMIs.
 */
export function nmi_call(fn: (arg: usize) => void, arg: usize): bool {
  WRITE_ONCE(call_fn, <u32>changetype<usize>(fn));
  WRITE_ONCE(call_arg, <u32>arg);
  return send_nmi(smp_processor_id(), NMI_REASON_CALL);
}

/** What NMI_REASON_WORKLOAD runs, on the CPU that gets it, in NMI context. */
export function register_nmi_handler(fn: () => void): void {
  WRITE_ONCE(handler, <u32>changetype<usize>(fn));
}

/** Called by entry.S, on the NMI stack. */
export function do_nmi(regs: pt_regs): void {
  preempt_count_add(NMI_OFFSET);
  this_cpu_inc(offsetof<Cpu>('nmi_count'));
  prb.nmi_enter();
  const reason = (<u32>regs.cause) & 0x7fffffff;
  if (reason == NMI_REASON_STOP) cpu_stop_self();
  if (reason == NMI_REASON_CALL) {
    changetype<(arg: usize) => void>(READ_ONCE(call_fn))(READ_ONCE(call_arg));
    preempt_count_sub(NMI_OFFSET);
    return;
  }
  if (reason == NMI_REASON_WORKLOAD && READ_ONCE(handler) != 0) {
    changetype<() => void>(<usize>READ_ONCE(handler))();
    preempt_count_sub(NMI_OFFSET);
    return;
  }
  // Whoever presses the button wants to see it now, whatever the printing thread is doing.
  emitter.emergency_enter();
  const flags = printk_cpu_sync_get_irqsave();
  if (reason == NMI_REASON_BACKTRACE) pr_emerg('NMI backtrace for cpu %u\n', smp_processor_id());
  else pr_emerg('NMI received for reason %u on CPU %u\n', reason, smp_processor_id());
  show_regs(regs);
  pr_emerg('Call Trace:\n');
  show_regs_trace(regs);
  printk_cpu_sync_put_irqrestore(flags);
  emitter.emergency_exit();
  preempt_count_sub(NMI_OFFSET);
}
