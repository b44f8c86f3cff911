// The tick: HZ times a second on each CPU that is not idle, from mtimecmp. CPU 0 keeps jiffies.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { clint_mtime, clint_set_timer } from '../arch/clint';
import { csr_set, csr_swap, csr_write } from '../arch/csr';
import { MIE, MIE_MTIE } from '../arch/csr-map';
import { board } from '../arch/fdt';
import { hart_wfi } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { Cpu, this_cpu, this_cpu_inc } from '../arch/percpu';
import { stack_end_corrupted } from '../arch/stacks';
import { panic } from '../kernel/panic';

export const HZ: u32 = 100;
const NEVER: u64 = 0xffffffffffffffff;

/** Ticks since boot, mod 2^32. Written by CPU 0. */
export const jiffies: usize = memory.data(4, 4);

export function get_jiffies(): u32 {
  return READ_ONCE(jiffies);
}

function tick_period(): u64 {
  return <u64>(board.timebase / HZ);
}

/** Catches up with the time that has passed; sets the timer to the next tick. Interrupts are off. */
function tick_advance(cpu: Cpu): void {
  const now = clint_mtime();
  const period = tick_period();
  let next = cpu.next_tick;
  if (next <= now) {
    const missed = now - next;
    // Most ticks are on time; do not divide for them.
    const ticks: u32 = missed < period ? 1 : <u32>(missed / period) + 1;
    next += <u64>ticks * period;
    cpu.next_tick = next;
    cpu.tick_count += ticks;
    if (cpu.cpu == 0) WRITE_ONCE(jiffies, READ_ONCE(jiffies) + ticks);
  }
  clint_set_timer(cpu.cpu, next);
}

/** The machine timer interrupt. Hardirq context. */
export function timer_interrupt(): void {
  const cpu = this_cpu();
  this_cpu_inc(offsetof<Cpu>('timer_interrupts'));
  tick_advance(cpu);
  if (stack_end_corrupted(cpu.stacks)) panic('corrupted stack end detected');
}

/** Every CPU, once, interrupts off. */
export function tick_init(): void {
  const cpu = this_cpu();
  // Ticks fall on multiples of the period, on all CPUs.
  const period = tick_period();
  cpu.next_tick = (clint_mtime() / period + 1) * period;
  clint_set_timer(cpu.cpu, cpu.next_tick);
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
  clint_set_timer(cpu.cpu, cpu.next_tick);
  local_irq_restore(flags);
}

/** An idle CPU has no tick. Called by the idle loop, interrupts off. */
export function tick_nohz_idle_enter(): void {
  clint_set_timer(this_cpu().cpu, NEVER);
}

export function tick_nohz_idle_exit(): void {
  tick_advance(this_cpu());
}
