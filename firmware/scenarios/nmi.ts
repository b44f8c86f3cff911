// Classes 4 to 6 and 22: an NMI prints while its CPU is inside a lock of printk(), as the backtraces of
// sysrq-l and of the hard lockup detector do.
//
// nmi-writer     in the middle of printk(): logbuf takes it for recursion, and the message is lost.
// nmi-reader     while the log is read: logbuf_lock AA.
// nmi-sem-lock   inside down_trylock() or up(): console_sem's sem->lock AA.
// nmi-port-lock  while the driver has port->lock: console->write() -> port->lock AA.
// nmi-backtrace  class 6: CPU 0 has printk_cpu_sync, in an NMI, and goes on printing: logbuf_lock. CPU 1 has that,
//                and waits, in an NMI, for printk_cpu_sync. That logbuf_lock was free when the first NMI
//                came does not help.
// nmi-cpu-sync   class 22: CPU 0 has printk_cpu_sync and prints: port->lock. CPU 1 has that, and waits, in
//                an NMI, for printk_cpu_sync.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { dump_stack } from '../arch/backtrace';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import {
  NMI_REASON_BACKTRACE,
  NMI_REASON_WORKLOAD,
  register_nmi_handler,
  send_nmi,
} from '../arch/nmi';
import { smp_processor_id } from '../arch/percpu';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { console_sem, prb } from '../printk/console';
import { printk_cpu_sync_is_taken } from '../printk/cpu-sync';
import { pr_warn } from '../printk/printk';
import { printk_enter, printk_exit } from '../printk/printk-entry';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from '../serial/uart_lock';
import { local_clock, udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_needs_nmi,
  scenario_port,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_verdict,
} from './scenario';

/** The CPU that gets the NMIs. */
const CPU: u32 = 1;
/** How long a lock is held while the NMI comes, µs. */
const HOLD_US: u32 = 100;
/** How long one CPU waits until the other one has printk_cpu_sync, µs. */
const OTHER_US: u64 = 50_000;
/** NMIs at a reader, and how far apart, µs: they come at ever new places of its loop. */
const NMIS: u32 = 12;
const APART_US: u32 = 53;

/** NMIs that have been handled. */
const nmis: usize = memory.data(4, 4);

function nmi_message(): void {
  const n = READ_ONCE(nmis) + 1;
  pr_warn('nmi: message %u\n', n);
  WRITE_ONCE(nmis, n);
}

/** This CPU interrupts itself, inside a lock. */
function nmi_here(reason: u32): void {
  send_nmi(smp_processor_id(), reason);
  udelay(HOLD_US);
}

/** printk(), slowly: the NMI comes while the text is formatted. */
function write_slowly(reason: u32): void {
  const flags = local_irq_save();
  const entry = printk_enter();
  if (entry != null) {
    if (prb.begin(entry)) {
      nmi_here(reason);
      prb.end(entry);
    }
    printk_exit();
  }
  local_irq_restore(flags);
}

function slow_writer(unused: usize): u32 {
  scenario_barrier();
  write_slowly(NMI_REASON_WORKLOAD);
  scenario_done();
  return 0;
}

/** As many readers of /dev/kmsg do, at the end of the log. */
function log_reader(unused: usize): u32 {
  scenario_barrier();
  while (READ_ONCE(nmis) < NMIS) prb.first_seq();
  scenario_done();
  return 0;
}

/** The NMI button, again and again. */
function nmi_sender(unused: usize): u32 {
  scenario_barrier();
  for (let n: u32 = 0; n < NMIS; n++) {
    udelay(APART_US);
    send_nmi(CPU, NMI_REASON_WORKLOAD);
    while (READ_ONCE(nmis) == n) hart_pause();
  }
  scenario_done();
  return 0;
}

function sem_lock_holder(unused: usize): u32 {
  scenario_barrier();
  const flags = spin_lock_irqsave(console_sem);
  nmi_here(NMI_REASON_WORKLOAD);
  spin_unlock_irqrestore(console_sem, flags);
  scenario_done();
  return 0;
}

function port_lock_holder(unused: usize): u32 {
  scenario_barrier();
  const port = scenario_port();
  const flags = uart_port_lock_irqsave(port);
  nmi_here(NMI_REASON_WORKLOAD);
  uart_port_unlock_irqrestore(port, flags);
  scenario_done();
  return 0;
}

/** In vain, if the other CPU has something else to do first that waits for this one. */
function wait_for_other_backtrace(): void {
  const until = local_clock() + OTHER_US * 1000;
  while (!printk_cpu_sync_is_taken() && local_clock() < until) hart_pause();
}

/** CPU 0 shows where it is, from an NMI. */
function nmi_backtraced(unused: usize): u32 {
  scenario_barrier();
  nmi_here(NMI_REASON_BACKTRACE);
  scenario_done();
  return 0;
}

/** And another one is to do that, while it prints. */
function writer_backtraced(unused: usize): u32 {
  scenario_barrier();
  wait_for_other_backtrace();
  write_slowly(NMI_REASON_BACKTRACE);
  scenario_done();
  return 0;
}

/** CPU 0 shows where it is, once CPU 1 has port->lock. */
function stack_dumper(unused: usize): u32 {
  scenario_barrier();
  udelay(HOLD_US);
  dump_stack();
  scenario_done();
  return 0;
}

function port_lock_backtraced(unused: usize): u32 {
  scenario_barrier();
  const port = scenario_port();
  const flags = uart_port_lock_irqsave(port);
  wait_for_other_backtrace();
  nmi_here(NMI_REASON_BACKTRACE);
  uart_port_unlock_irqrestore(port, flags);
  scenario_done();
  return 0;
}

/** What that CPU does, and CPU 0, if anything. */
function run(
  name: string,
  holder: (data: usize) => u32,
  other: ((data: usize) => u32) | null = null,
): u32 {
  if (!scenario_needs_cpus(2) || !scenario_needs_nmi()) return 1;
  store<u32>(nmis, 0);
  register_nmi_handler(nmi_message);
  scenario_settle();
  scenario_prepare(other != null ? 2 : 1);
  scenario_thread(holder, 'holder', CPU);
  if (other != null) scenario_thread(other, 'other', 0);
  scenario_finish();
  return scenario_verdict(name, true);
}

function nmi_writer(argc: u32, argv: usize): u32 {
  return run('nmi-writer', slow_writer);
}

function nmi_reader(argc: u32, argv: usize): u32 {
  return run('nmi-reader', log_reader, nmi_sender);
}

function nmi_sem_lock(argc: u32, argv: usize): u32 {
  return run('nmi-sem-lock', sem_lock_holder);
}

function nmi_port_lock(argc: u32, argv: usize): u32 {
  return run('nmi-port-lock', port_lock_holder);
}

function nmi_backtrace(argc: u32, argv: usize): u32 {
  return run('nmi-backtrace', writer_backtraced, nmi_backtraced);
}

function nmi_cpu_sync(argc: u32, argv: usize): u32 {
  return run('nmi-cpu-sync', port_lock_backtraced, stack_dumper);
}

export function register_nmi(): void {
  register_scenario('nmi-writer', 'class 4: an NMI prints in the middle of printk()', nmi_writer);
  register_scenario('nmi-reader', 'class 5 AA: an NMI prints over a reader of the log', nmi_reader);
  register_scenario('nmi-sem-lock', 'class 5 AA: an NMI prints over sem->lock', nmi_sem_lock);
  register_scenario('nmi-port-lock', 'class 5 AA: an NMI prints over port->lock', nmi_port_lock);
  register_scenario('nmi-backtrace', 'class 6: backtraces in NMIs, of a writer too', nmi_backtrace);
  register_scenario('nmi-cpu-sync', 'class 22: a trace, and an NMI over port->lock', nmi_cpu_sync);
}
