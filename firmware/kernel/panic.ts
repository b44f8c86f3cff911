// panic(): says why, shows how we got there, stops the other CPUs, gets everything onto the console,
// and stops. The machine then sits still with all interrupts off.

import { cmpxchg } from '../arch/atomic';
import { dump_stack } from '../arch/backtrace';
import { hart_off } from '../arch/entry';
import { cpu_stop_self } from '../arch/ipi';
import { local_irq_disable } from '../arch/irqflags';
import { smp_processor_id } from '../arch/percpu';
import { machine_restart } from '../arch/reset';
import { smp_send_stop } from '../arch/smp';
import { param_is_negative, param_u32 } from '../init/params';
import { udelay } from '../time/timekeeping';
import { snprintf } from '../lib/format';
import { set_console_loglevel } from '../printk/console';
import { CONSOLE_LOGLEVEL_MOTORMOUTH } from '../printk/levels';
import { pr_emerg, printk_flush_on_panic } from '../printk/printk';
import { uart_drain } from '../serial/8250';
import { bust_spinlocks, oops_in_progress } from './panic-state';

const MESSAGE_MAX: u32 = 256;

/** CPU that panics, plus one. */
const panic_cpu: usize = memory.data(4, 4);
const message: usize = memory.data(256, 4);

/** Any context, any locks held. Does not return. */
export function panic(fmt: string, a0: usize = 0, a1: usize = 0): void {
  local_irq_disable();
  const self = smp_processor_id() + 1;
  const first = cmpxchg(panic_cpu, 0, self);
  // One CPU panics; another one that wants to as well waits to be stopped, and a panic within panic()
  // has nothing left to try.
  if (first == self) hart_off();
  if (first != 0) cpu_stop_self();

  const after_oops = oops_in_progress();
  bust_spinlocks(true);
  set_console_loglevel(CONSOLE_LOGLEVEL_MOTORMOUTH);
  const n = snprintf(message, MESSAGE_MAX - 1, fmt, a0, a1);
  store<u8>(message + (n < MESSAGE_MAX ? n : MESSAGE_MAX - 1), 0);
  pr_emerg('Kernel panic - not syncing: %S\n', message);
  // An oops has shown its own trace.
  if (!after_oops) dump_stack();

  const stopped = smp_send_stop();
  printk_flush_on_panic();
  if (!stopped) pr_emerg('SMP: failed to stop secondary CPUs\n');
  pr_emerg('---[ end Kernel panic - not syncing: %S ]---\n', message);
  printk_flush_on_panic();
  uart_drain();
  restart_after_panic();
  hart_off();
}

/** panic=N: restarts N seconds later, or at once if N is negative; without it, or for 0, stays. */
function restart_after_panic(): void {
  const now = param_is_negative('panic');
  const seconds = param_u32('panic', 0);
  if (!now && seconds == 0) return;
  if (!now) {
    pr_emerg('Rebooting in %u seconds..\n', seconds);
    printk_flush_on_panic();
    for (let ms: u32 = 0; ms < seconds * 1000; ms++) udelay(1000);
  }
  uart_drain();
  machine_restart();
}
