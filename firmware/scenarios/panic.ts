// Classes 19 to 23 and 28: what a panic finds. CPU 0 panics; panic=-1 on the command line resets the
// machine when all has been said.
//
// panic-waiter     CPU 1 prints a long line, CPU 2 waits for the console (19), and both are to be stopped (28).
// panic-port-lock  CPU 1 is stopped while its driver has port->lock (20).
// panic-sem-lock   CPU 1 is stopped inside sem->lock (20).
// panic-flood      CPU 1 logs without a pause, inside an NMI: neither IPI nor NMI stops it (21).
// panic-cpu-sync   CPU 1 has been stopped while it showed a backtrace: it has printk_cpu_sync (22).
// panic-writer     CPU 1 has been stopped in the middle of printk() (23).
// panic-backlog    there is a lot that has not been printed yet (23).
// panic-nmi        CPU 1, which takes no interrupts any more, has printed in an NMI (23).

import { hart_pause } from '../arch/hart';
import { local_irq_disable, local_irq_save } from '../arch/irqflags';
import { NMI_REASON_STOP, NMI_REASON_WORKLOAD, register_nmi_handler, send_nmi } from '../arch/nmi';
import { smp_processor_id } from '../arch/percpu';
import { cpu_online } from '../arch/smp';
import { panic } from '../kernel/panic';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { console_sem, prb } from '../printk/console';
import { printk_cpu_sync_get_irqsave } from '../printk/cpu-sync';
import { pr_info, pr_warn, printk_deferred } from '../printk/printk';
import { printk_enter } from '../printk/printk-entry';
import { uart_port_lock_irqsave } from '../serial/uart_lock';
import { udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_finish,
  scenario_needs_cpus,
  scenario_needs_nmi,
  scenario_port,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
} from './scenario';

/** When CPU 2 wants the console, and when CPU 0 panics, µs: CPU 1's line takes longer. */
const WAITS_US: u32 = 2000;
const PANICS_US: u32 = 4000;
/** How long a lock is held, again and again, µs. */
const HOLD_US: u32 = 200;
const BACKLOG: u32 = 20;

/** What it is that the panic finds. For the panic's message. */
const found: usize = memory.data(4, 4);

/** CPU 0. */
function panicker(unused: usize): u32 {
  scenario_barrier();
  udelay(PANICS_US);
  panic('scenario %s', load<usize>(found));
  return 0;
}

function long_printer(unused: usize): u32 {
  scenario_barrier();
  pr_info('panic: a long line: the quick brown fox jumps over the lazy dog, again and again\n');
  while (true) hart_pause();
  return 0;
}

function waiter(unused: usize): u32 {
  scenario_barrier();
  udelay(WAITS_US);
  pr_info('panic: a line of who waits\n');
  while (true) hart_pause();
  return 0;
}

/** Interrupts off, as all that follow: only an NMI stops it. */
function port_lock_holder(unused: usize): u32 {
  scenario_barrier();
  uart_port_lock_irqsave(scenario_port());
  while (true) hart_pause();
  return 0;
}

function sem_lock_holder(unused: usize): u32 {
  scenario_barrier();
  local_irq_disable();
  while (true) {
    const flags = spin_lock_irqsave(console_sem);
    udelay(HOLD_US);
    spin_unlock_irqrestore(console_sem, flags);
  }
  return 0;
}

function nmi_flood(): void {
  for (let n: u32 = 0; ; n++) printk_deferred('flood %u\n', n);
}

/** CPU 0: sees to it that CPU 1 is at it first. */
function flooded_panicker(unused: usize): u32 {
  scenario_barrier();
  register_nmi_handler(nmi_flood);
  send_nmi(1, NMI_REASON_WORKLOAD);
  udelay(PANICS_US);
  panic('scenario %s', load<usize>(found));
  return 0;
}

/** Gets as far as having room for its text. */
function stopped_writer(unused: usize): u32 {
  scenario_barrier();
  local_irq_save();
  const entry = printk_enter();
  if (entry != null && prb.begin(entry) && prb.reserve(entry, 40)) {
    send_nmi(smp_processor_id(), NMI_REASON_STOP);
  }
  while (true) hart_pause();
  return 0;
}

function stopped_in_backtrace(unused: usize): u32 {
  scenario_barrier();
  printk_cpu_sync_get_irqsave();
  send_nmi(smp_processor_id(), NMI_REASON_STOP);
  while (true) hart_pause();
  return 0;
}

/** Has something to say once that CPU is gone. */
function survivor(unused: usize): u32 {
  scenario_barrier();
  while (cpu_online(1)) hart_pause();
  pr_warn('panic: CPU 1 has gone\n');
  panic('scenario %s', load<usize>(found));
  return 0;
}

function backlog_writer(unused: usize): u32 {
  scenario_barrier();
  local_irq_disable();
  for (let n: u32 = 0; n < BACKLOG; n++) pr_info('backlog %u of %u\n', n + 1, BACKLOG);
  panic('scenario %s', load<usize>(found));
  return 0;
}

function nmi_message(): void {
  pr_warn('panic: from an NMI\n');
}

function deaf(unused: usize): u32 {
  scenario_barrier();
  local_irq_disable();
  while (true) hart_pause();
  return 0;
}

function nmi_sender(unused: usize): u32 {
  scenario_barrier();
  udelay(HOLD_US);
  send_nmi(1, NMI_REASON_WORKLOAD);
  udelay(PANICS_US);
  panic('scenario %s', load<usize>(found));
  return 0;
}

/** What CPU 0 and CPU 1 do; the first panics. Does not return, unless it cannot begin. */
function run(name: string, first: (data: usize) => u32, second: (data: usize) => u32): u32 {
  if (!scenario_needs_cpus(2) || !scenario_needs_nmi()) return 1;
  store<usize>(found, changetype<usize>(name));
  register_nmi_handler(nmi_message);
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(first, 'panicker', 0);
  scenario_thread(second, 'victim', 1);
  scenario_finish();
  return 1;
}

function panic_waiter(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(3)) return 1;
  store<usize>(found, changetype<usize>('panic-waiter'));
  scenario_settle();
  scenario_prepare(3);
  scenario_thread(panicker, 'panicker', 0);
  scenario_thread(long_printer, 'printer', 1);
  scenario_thread(waiter, 'waiter', 2);
  scenario_finish();
  return 1;
}

function panic_port_lock(argc: u32, argv: usize): u32 {
  return run('panic-port-lock', panicker, port_lock_holder);
}

function panic_sem_lock(argc: u32, argv: usize): u32 {
  return run('panic-sem-lock', panicker, sem_lock_holder);
}

function panic_flood(argc: u32, argv: usize): u32 {
  return run('panic-flood', flooded_panicker, deaf);
}

function panic_cpu_sync(argc: u32, argv: usize): u32 {
  return run('panic-cpu-sync', survivor, stopped_in_backtrace);
}

function panic_writer(argc: u32, argv: usize): u32 {
  return run('panic-writer', survivor, stopped_writer);
}

function panic_backlog(argc: u32, argv: usize): u32 {
  return run('panic-backlog', backlog_writer, deaf);
}

function panic_nmi(argc: u32, argv: usize): u32 {
  return run('panic-nmi', nmi_sender, deaf);
}

export function register_panic(): void {
  register_scenario('panic-waiter', 'class 19, 28: panic while CPUs print and wait', panic_waiter);
  register_scenario(
    'panic-port-lock',
    'class 20: a CPU is stopped with port->lock',
    panic_port_lock,
  );
  register_scenario('panic-sem-lock', 'class 20: a CPU is stopped with sem->lock', panic_sem_lock);
  register_scenario('panic-flood', 'class 21: panic while a CPU logs without end', panic_flood);
  register_scenario('panic-cpu-sync', 'class 22: a CPU was stopped in a trace', panic_cpu_sync);
  register_scenario('panic-writer', 'class 23: a CPU was stopped inside printk()', panic_writer);
  register_scenario('panic-backlog', 'class 23: panic with a lot still to print', panic_backlog);
  register_scenario('panic-nmi', 'class 23: panic after a message from an NMI', panic_nmi);
}
