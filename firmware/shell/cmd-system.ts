// Shell commands that show the state of the system: ps, uptime, harts, free, interrupts, ipi.

import { READ_ONCE, fetch_add } from '../arch/atomic';
import { board } from '../arch/fdt';
import { smp_call_function_single } from '../arch/ipi';
import { Cpu, NR_CPUS, cpu_area, smp_processor_id } from '../arch/percpu';
import { cpu_online, num_online_cpus } from '../arch/smp';
import { NR_IRQS, irq_to_desc, kstat_irqs_cpu } from '../irq/irq';
import { str } from '../lib/string';
import { memory_free, memory_total, memory_used } from '../mm/memblock';
import { get_jiffies } from '../time/tick';
import { NSEC_PER_SEC, ktime_get_ns } from '../time/timekeeping';
import { tty_printf } from '../tty/tty';
import { register_command } from './commands';

function seconds(ns: u64): u32 {
  return <u32>(ns / NSEC_PER_SEC);
}

function centiseconds(ns: u64): u32 {
  return <u32>(ns % NSEC_PER_SEC) / 10_000_000;
}

function cmd_uptime(argc: u32, argv: usize): void {
  const now = ktime_get_ns();
  const s = seconds(now);
  tty_printf(
    'up %u:%02u:%02u.%02u, jiffies %u\n',
    s / 3600,
    (s / 60) % 60,
    s % 60,
    centiseconds(now),
    get_jiffies(),
  );
}

function cmd_harts(argc: u32, argv: usize): void {
  const self = smp_processor_id();
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    const state = cpu_online(cpu) ? 'online' : 'offline';
    tty_printf('hart %u: %s%s\n', cpu, str(state), str(cpu == self ? ', runs this shell' : ''));
  }
  tty_printf('%u of %u online\n', num_online_cpus(), board.nr_harts);
}

function cmd_free(argc: u32, argv: usize): void {
  tty_printf('             total       used       free\n');
  tty_printf(
    'Mem (KiB): %7u    %7u    %7u\n',
    memory_total() >> 10,
    memory_used() >> 10,
    memory_free() >> 10,
  );
}

/** One line of /proc/interrupts: a counter of struct Cpu on each CPU. */
function show_counter(label: string, offset: usize, text: string): void {
  tty_printf('%5s:', str(label));
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    if (cpu_online(cpu)) tty_printf(' %10u', READ_ONCE(changetype<usize>(cpu_area(cpu)) + offset));
  }
  tty_printf('  %s\n', str(text));
}

function cmd_interrupts(argc: u32, argv: usize): void {
  tty_printf('      ');
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++)
    if (cpu_online(cpu)) tty_printf('      CPU%-2u', cpu);
  tty_printf('\n');
  for (let irq: u32 = 0; irq < NR_IRQS; irq++) {
    const desc = irq_to_desc(irq);
    if (!desc.active) continue;
    tty_printf('%5u:', irq);
    for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
      if (cpu_online(cpu)) tty_printf(' %10u', kstat_irqs_cpu(irq, cpu));
    }
    tty_printf('  PLIC %s\n', str(desc.name));
  }
  show_counter('TIM', offsetof<Cpu>('timer_interrupts'), 'Timer interrupts');
  show_counter('IPI0', offsetof<Cpu>('ipi_reschedule'), 'Rescheduling interrupts');
  show_counter('IPI1', offsetof<Cpu>('ipi_call_function'), 'Function call interrupts');
  show_counter('NMI', offsetof<Cpu>('nmi_count'), 'Non-maskable interrupts');
  show_counter('ERR', offsetof<Cpu>('spurious_interrupts'), 'Spurious interrupts');
}

function answer(counter: usize): void {
  fetch_add(counter, smp_processor_id() + 1);
}

const answers: usize = memory.data(4, 4);

/** Has each CPU run a function in interrupt context, and checks that it was that CPU. */
function cmd_ipi(argc: u32, argv: usize): void {
  const self = smp_processor_id();
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    if (cpu == self || !cpu_online(cpu)) continue;
    const before = READ_ONCE(answers);
    smp_call_function_single(cpu, answer, answers);
    const right = READ_ONCE(answers) - before == cpu + 1;
    tty_printf('hart %u: %s\n', cpu, str(right ? 'answered' : 'wrong answer'));
  }
}

export function register_system_commands(): void {
  register_command('uptime', '', 'time since power-on', cmd_uptime);
  register_command('harts', '', 'list the harts', cmd_harts);
  register_command('free', '', 'memory in use', cmd_free);
  register_command('mem', '', 'the same as free', cmd_free);
  register_command('interrupts', '', 'interrupts taken, by hart', cmd_interrupts);
  register_command('ipi', '', 'interrupt every other hart and wait for its answer', cmd_ipi);
}
