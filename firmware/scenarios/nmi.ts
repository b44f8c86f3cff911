// Classes 4 and 5: an NMI prints while its CPU is inside a lock of printk(), as the backtraces of sysrq-l
// and of the hard lockup detector do.
//
// nmi-writer     in the middle of printk(): logbuf takes it for recursion, and the message is lost.
// nmi-reader     while the log is read: logbuf_lock AA.
// nmi-sem-lock   inside down_trylock() or up(): console_sem's sem->lock AA.
// nmi-port-lock  while the driver has port->lock: console->write() -> port->lock AA.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { NMI_REASON_WORKLOAD, register_nmi_handler, send_nmi } from '../arch/nmi';
import { smp_processor_id } from '../arch/percpu';
import { spin_lock_irqsave, spin_unlock_irqrestore } from '../locking/spinlock';
import { console_sem, prb } from '../printk/console';
import { pr_warn } from '../printk/printk';
import { printk_enter, printk_exit } from '../printk/printk-entry';
import { uart_port_lock_irqsave, uart_port_unlock_irqrestore } from '../serial/uart_lock';
import { udelay } from '../time/timekeeping';
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
function nmi_here(): void {
  send_nmi(smp_processor_id(), NMI_REASON_WORKLOAD);
  udelay(HOLD_US);
}

/** printk(), slowly: the NMI comes while the text is formatted. */
function slow_writer(unused: usize): u32 {
  scenario_barrier();
  const flags = local_irq_save();
  const entry = printk_enter();
  if (entry != null) {
    if (prb.begin(entry)) {
      nmi_here();
      prb.end(entry);
    }
    printk_exit();
  }
  local_irq_restore(flags);
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
  nmi_here();
  spin_unlock_irqrestore(console_sem, flags);
  scenario_done();
  return 0;
}

function port_lock_holder(unused: usize): u32 {
  scenario_barrier();
  const port = scenario_port();
  const flags = uart_port_lock_irqsave(port);
  nmi_here();
  uart_port_unlock_irqrestore(port, flags);
  scenario_done();
  return 0;
}

function run(name: string, holder: (data: usize) => u32, sender: bool): u32 {
  if (!scenario_needs_cpus(2) || !scenario_needs_nmi()) return 1;
  store<u32>(nmis, 0);
  register_nmi_handler(nmi_message);
  scenario_settle();
  scenario_prepare(sender ? 2 : 1);
  scenario_thread(holder, 'holder', CPU);
  if (sender) scenario_thread(nmi_sender, 'sender', 0);
  scenario_finish();
  return scenario_verdict(name, true);
}

function nmi_writer(argc: u32, argv: usize): u32 {
  return run('nmi-writer', slow_writer, false);
}

function nmi_reader(argc: u32, argv: usize): u32 {
  return run('nmi-reader', log_reader, true);
}

function nmi_sem_lock(argc: u32, argv: usize): u32 {
  return run('nmi-sem-lock', sem_lock_holder, false);
}

function nmi_port_lock(argc: u32, argv: usize): u32 {
  return run('nmi-port-lock', port_lock_holder, false);
}

export function register_nmi(): void {
  register_scenario('nmi-writer', 'class 4: an NMI prints in the middle of printk()', nmi_writer);
  register_scenario('nmi-reader', 'class 5 AA: an NMI prints over a reader of the log', nmi_reader);
  register_scenario('nmi-sem-lock', 'class 5 AA: an NMI prints over sem->lock', nmi_sem_lock);
  register_scenario('nmi-port-lock', 'class 5 AA: an NMI prints over port->lock', nmi_port_lock);
}
