// Interrupts between CPUs: a word of reasons per CPU and the CLINT's software interrupt to announce
// them.

import {
  WRITE_ONCE,
  cmpxchg_acquire,
  fetch_or,
  smp_load_acquire,
  smp_store_release,
  xchg,
} from './atomic';
import { clint_clear_ipi, clint_send_ipi } from './clint';
import { csr_write } from './csr';
import { MIE } from './csr-map';
import { hart_off } from './entry';
import { hart_pause } from './hart';
import { irq_work_run } from '../kernel/irq_work';
import { Cpu, cpu_area, this_cpu, this_cpu_inc } from './percpu';

/** Leave idle and look for work. */
export const IPI_RESCHEDULE: u32 = 1 << 0;
/** Run the function in the call slot, in hardirq context. */
export const IPI_CALL_FUNC: u32 = 1 << 1;
/** Stop for good. */
export const IPI_CPU_STOP: u32 = 1 << 2;
/** Do what an NMI left to be done in a context that may take locks. */
export const IPI_IRQ_WORK: u32 = 1 << 3;

/** Any context. */
export function send_ipi(cpu: u32, reason: u32): void {
  fetch_or(changetype<usize>(cpu_area(cpu)) + offsetof<Cpu>('ipi_pending'), reason);
  clint_send_ipi(cpu);
}

function call_busy(cpu: Cpu): usize {
  return changetype<usize>(cpu) + offsetof<Cpu>('call_busy');
}

/**
 * Runs a function on another CPU in hardirq context and waits until it is done. Task context,
 * interrupts on: two CPUs that call each other with interrupts off would wait for ever.
 */
export function smp_call_function_single(n: u32, fn: (arg: usize) => void, arg: usize): void {
  const cpu = cpu_area(n);
  while (cmpxchg_acquire(call_busy(cpu), 0, 1) != 0) hart_pause();
  cpu.call_fn = changetype<usize>(fn);
  cpu.call_arg = arg;
  send_ipi(n, IPI_CALL_FUNC);
  while (smp_load_acquire(call_busy(cpu)) != 0) hart_pause();
}

/** Marks the CPU as gone and never returns. Interrupts are off. */
export function cpu_stop_self(): void {
  WRITE_ONCE(changetype<usize>(this_cpu()) + offsetof<Cpu>('online'), 0);
  csr_write(MIE, 0);
  hart_off();
}

/** The machine software interrupt. Hardirq context. */
export function handle_ipi(): void {
  const cpu = this_cpu();
  // Clear first: a reason that is added from here on raises the interrupt again.
  clint_clear_ipi(cpu.cpu);
  const reasons = xchg(changetype<usize>(cpu) + offsetof<Cpu>('ipi_pending'), 0);
  if (reasons & IPI_CPU_STOP) cpu_stop_self();
  if (reasons & IPI_RESCHEDULE) this_cpu_inc(offsetof<Cpu>('ipi_reschedule'));
  if (reasons & IPI_IRQ_WORK) irq_work_run();
  if (reasons & IPI_CALL_FUNC) {
    this_cpu_inc(offsetof<Cpu>('ipi_call_function'));
    changetype<(arg: usize) => void>(cpu.call_fn)(cpu.call_arg);
    smp_store_release(call_busy(cpu), 0);
  }
}
