// Softirqs: work of interrupt handlers that runs with interrupts on, right after them, on the
// interrupt stack; what keeps coming goes to ksoftirqd/N. No task runs on the CPU meanwhile.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { hart_tp } from '../arch/hart';
import {
  local_irq_disable,
  local_irq_enable,
  local_irq_restore,
  local_irq_save,
} from '../arch/irqflags';
import {
  Cpu,
  SOFTIRQ_OFFSET,
  in_interrupt,
  preempt_count_add,
  preempt_count_sub,
  preempt_disable,
  preempt_enable,
  smp_processor_id,
} from '../arch/percpu';
import { __set_current_state, schedule, set_current_state, wake_up_process } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { TASK_INTERRUPTIBLE, TASK_RUNNING, task_struct } from '../sched/task';

export const HI_SOFTIRQ: u32 = 0;
export const TIMER_SOFTIRQ: u32 = 1;
export const TASKLET_SOFTIRQ: u32 = 2;
export const NR_SOFTIRQS: u32 = 4;

/** Rounds in a row before ksoftirqd takes over. */
const MAX_RESTART: u32 = 10;

const handlers: usize = memory.data(16, 4);
/** Times that each ran: NR_SOFTIRQS words per CPU. */
const counts: usize = memory.data(4 * 4 * 32, 4);
const ksoftirqd: usize = memory.data(4 * 32, 4);

function pending_word(): usize {
  return hart_tp() + offsetof<Cpu>('softirq_pending');
}

/** Boot CPU. */
export function open_softirq(nr: u32, fn: () => void): void {
  store<usize>(handlers + ((<usize>nr) << 2), changetype<usize>(fn));
}

export function softirq_count(nr: u32, cpu: u32): u32 {
  return READ_ONCE(counts + ((cpu * NR_SOFTIRQS + nr) << 2));
}

function wakeup_softirqd(): void {
  const p = READ_ONCE(ksoftirqd + ((<usize>smp_processor_id()) << 2));
  if (p != 0) wake_up_process(changetype<task_struct>(<usize>p));
}

/** Has a softirq run on this CPU: after the interrupt that is being handled, or soon. Not in an NMI. */
export function raise_softirq(nr: u32): void {
  const flags = local_irq_save();
  WRITE_ONCE(pending_word(), READ_ONCE(pending_word()) | (1 << nr));
  if (!in_interrupt()) wakeup_softirqd();
  local_irq_restore(flags);
}

/** Interrupts off, not in an interrupt. They are on while handlers run. */
function do_softirq(): void {
  preempt_count_add(SOFTIRQ_OFFSET);
  for (let round: u32 = 0; round < MAX_RESTART; round++) {
    const pending = READ_ONCE(pending_word());
    if (pending == 0) break;
    WRITE_ONCE(pending_word(), 0);
    local_irq_enable();
    for (let nr: u32 = 0; nr < NR_SOFTIRQS; nr++) {
      if (!((pending >> nr) & 1)) continue;
      const count = counts + ((smp_processor_id() * NR_SOFTIRQS + nr) << 2);
      WRITE_ONCE(count, READ_ONCE(count) + 1);
      changetype<() => void>(load<usize>(handlers + ((<usize>nr) << 2)))();
    }
    local_irq_disable();
  }
  if (READ_ONCE(pending_word()) != 0) wakeup_softirqd();
  preempt_count_sub(SOFTIRQ_OFFSET);
}

/** At the end of a hardware interrupt, interrupts off. */
export function irq_exit_softirq(): void {
  if (READ_ONCE(pending_word()) != 0 && !in_interrupt()) do_softirq();
}

/** Keeps softirqs off this CPU. Nests. Task context. */
export function local_bh_disable(): void {
  preempt_count_add(SOFTIRQ_OFFSET);
}

export function local_bh_enable(): void {
  preempt_count_sub(SOFTIRQ_OFFSET);
  const flags = local_irq_save();
  if (READ_ONCE(pending_word()) != 0 && !in_interrupt()) do_softirq();
  local_irq_restore(flags);
  preempt_disable();
  preempt_enable();
}

function run_ksoftirqd(cpu: usize): u32 {
  while (true) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (READ_ONCE(pending_word()) == 0) schedule();
    __set_current_state(TASK_RUNNING);
    local_irq_disable();
    if (READ_ONCE(pending_word()) != 0) do_softirq();
    local_irq_enable();
  }
}

/** Every CPU, when tasks can be made. */
export function spawn_ksoftirqd(cpu: u32): void {
  const p = kthread_run(run_ksoftirqd, cpu, 'ksoftirqd', cpu);
  WRITE_ONCE(ksoftirqd + ((<usize>cpu) << 2), <u32>changetype<usize>(p));
}
