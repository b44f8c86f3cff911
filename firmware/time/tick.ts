// The tick: HZ times a second on each CPU that is not idle, from mtimecmp, which hrtimers share.

import { WRITE_ONCE } from '../arch/atomic';
import { clint_mtime, clint_set_timer } from '../arch/clint';
import { csr_set, csr_swap, csr_write } from '../arch/csr';
import { MIE, MIE_MTIE } from '../arch/csr-map';
import { board } from '../arch/fdt';
import { hart_wfi } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { Cpu, this_cpu, this_cpu_inc } from '../arch/percpu';
import { stack_end_corrupted } from '../arch/stacks';
import { irq_work_needs_cpu, irq_work_tick } from '../kernel/irq_work';
import { panic } from '../kernel/panic';
import { scheduler_tick } from '../sched/core';
import { task_stack_end_corrupted } from '../sched/fork';
import { PF_KTHREAD, current } from '../sched/task';
import { hrtimer_interrupt, hrtimer_next_event, hrtimers_init_cpu } from './hrtimer';
import { last_jiffies_update, tick_do_update_jiffies, tick_period } from './jiffies';
import { next_timer_jiffies, local_timers_due, run_local_timers, timers_init_cpu } from './timer';

export { HZ, get_jiffies } from './jiffies';

/** Sets mtimecmp to what comes first: tick or hrtimer. Interrupts off. */
export function tick_program_event(): void {
  const cpu = this_cpu();
  const hrtimer = hrtimer_next_event();
  clint_set_timer(cpu.cpu, hrtimer < cpu.next_tick ? hrtimer : cpu.next_tick);
}

/** What a tick does. Hardirq context. */
function tick_handle(cpu: Cpu): void {
  scheduler_tick();
  run_local_timers();
  irq_work_tick();
  if (stack_end_corrupted(cpu.stacks)) panic('corrupted stack end detected');
  if (current().flags & PF_KTHREAD && task_stack_end_corrupted(current())) {
    panic('corrupted stack end detected inside scheduler');
  }
}

/** The machine timer interrupt. Hardirq context. */
export function timer_interrupt(): void {
  const cpu = this_cpu();
  this_cpu_inc(offsetof<Cpu>('timer_interrupts'));
  const now = clint_mtime();
  if (cpu.tick_stopped) {
    // The idle loop sets the timer again.
    tick_do_update_jiffies(now);
    run_local_timers();
    hrtimer_interrupt(now);
    return;
  }
  hrtimer_interrupt(now);
  if (now >= cpu.next_tick) {
    tick_do_update_jiffies(now);
    cpu.tick_count++;
    const period = <u64>tick_period();
    cpu.next_tick += period;
    if (cpu.next_tick <= now) cpu.next_tick = last_jiffies_update() + period;
    tick_handle(cpu);
  }
  tick_program_event();
}

/** Every CPU, once, interrupts off. */
export function tick_init(): void {
  const cpu = this_cpu();
  timers_init_cpu(cpu.cpu);
  hrtimers_init_cpu(cpu.cpu);
  // Ticks fall on multiples of the period, on all CPUs.
  const period = <u64>tick_period();
  cpu.next_tick = (clint_mtime() / period + 1) * period;
  tick_program_event();
  csr_set(MIE, MIE_MTIE);
}

/**
 * Waits at least so long, asleep: costs nothing but the time, where udelay() burns it. Any context but
 * an NMI; interrupts are off meanwhile, so not for long.
 */
export function delay_asleep(us: u32): void {
  const cpu = this_cpu();
  const flags = local_irq_save();
  const mie = csr_swap(MIE, MIE_MTIE);
  const until = clint_mtime() + (<u64>us * <u64>board.timebase) / 1_000_000;
  clint_set_timer(cpu.cpu, until);
  while (clint_mtime() < until) hart_wfi();
  csr_write(MIE, mie);
  if (cpu.next_tick != 0) tick_program_event();
  local_irq_restore(flags);
}

/**
 * An idle CPU has no tick: the timer is set to its first timer, if any. Called by the idle loop,
 * interrupts off.
 */
export function tick_nohz_idle_enter(): void {
  const cpu = this_cpu();
  if (irq_work_needs_cpu()) return;
  let event = hrtimer_next_event();
  const left = next_timer_jiffies();
  if (left != 0xffffffff) {
    const at = last_jiffies_update() + <u64>left * <u64>tick_period();
    if (at < event) event = at;
  }
  WRITE_ONCE(changetype<usize>(cpu) + offsetof<Cpu>('tick_stopped'), 1);
  // An NMI since the first look has seen a tick to wait for; one from here on sends the CPU an IPI.
  if (irq_work_needs_cpu()) WRITE_ONCE(changetype<usize>(cpu) + offsetof<Cpu>('tick_stopped'), 0);
  else clint_set_timer(cpu.cpu, event);
}

/** Catches up with the time that has passed. Interrupts off. */
export function tick_nohz_idle_exit(): void {
  const cpu = this_cpu();
  if (!cpu.tick_stopped) return;
  const now = clint_mtime();
  tick_do_update_jiffies(now);
  WRITE_ONCE(changetype<usize>(cpu) + offsetof<Cpu>('tick_stopped'), 0);
  if (cpu.next_tick <= now) cpu.next_tick = last_jiffies_update() + <u64>tick_period();
  // What is due runs in interrupt context: by an interrupt as soon as they are on.
  if (local_timers_due()) cpu.next_tick = last_jiffies_update();
  tick_program_event();
}
