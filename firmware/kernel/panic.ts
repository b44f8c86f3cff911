// panic(): says why, shows how we got there, stops the other CPUs, gets everything onto the console,
// and stops. The machine then sits still with all interrupts off. How the log gets out is each emitter's
// business; the order in which it is asked is here.

import { dump_stack } from '../arch/backtrace';
import { hart_off } from '../arch/entry';
import { cpu_stop_self } from '../arch/ipi';
import { local_irq_disable } from '../arch/irqflags';
import { smp_processor_id } from '../arch/percpu';
import { machine_restart } from '../arch/reset';
import { smp_send_stop } from '../arch/smp';
import { param_is_negative, param_is, param_u32 } from '../init/params';
import { udelay } from '../time/timekeeping';
import { snprintf } from '../lib/format';
import { console_rewind_all, prb, set_console_loglevel } from '../printk/console';
import { PANIC_OTHERS_SILENT, emitter } from '../printk/emit/emit';
import { CONSOLE_LOGLEVEL_MOTORMOUTH } from '../printk/levels';
import { pr_emerg } from '../printk/printk';
import { uart_drain } from '../serial/8250';
import { bust_spinlocks, oops_in_progress, panic_try_start, suppress_printk } from './panic-state';

const MESSAGE_MAX: u32 = 256;
/** panic_print=: the whole log again. Linux's PANIC_PRINT_ALL_PRINTK_MSG. */
const PANIC_PRINT_REPLAY: u32 = 0x20;

const message: usize = memory.data(256, 4);

/** Any context, any locks held. Does not return. */
export function panic(fmt: string, a0: usize = 0, a1: usize = 0): void {
  local_irq_disable();
  const first = panic_try_start();
  // One CPU panics; another one that wants to as well waits to be stopped, and a panic within panic()
  // has nothing left to try.
  if (first == smp_processor_id() + 1) hart_off();
  if (first != 0) cpu_stop_self();
  if (emitter.panic_others == PANIC_OTHERS_SILENT) suppress_printk();

  const after_oops = oops_in_progress();
  bust_spinlocks(true);
  set_console_loglevel(CONSOLE_LOGLEVEL_MOTORMOUTH);
  const n = snprintf(message, MESSAGE_MAX - 1, fmt, a0, a1);
  store<u8>(message + (n < MESSAGE_MAX ? n : MESSAGE_MAX - 1), 0);
  pr_emerg('Kernel panic - not syncing: %S\n', message);
  // An oops has shown its own trace.
  if (!after_oops) dump_stack();

  const stopped = smp_send_stop();
  // Whoever had the store's locks has been stopped with them, and side buffers have lost their CPU.
  prb.bust_locks();
  flush();
  if (!stopped) pr_emerg('SMP: failed to stop secondary CPUs\n');
  if (param_u32('panic_print', 0) & PANIC_PRINT_REPLAY || param_is('panic_console_replay', '1')) {
    console_rewind_all();
    flush();
  }
  pr_emerg('---[ end Kernel panic - not syncing: %S ]---\n', message);
  flush();
  suppress_printk();
  emitter.flush_unsafe_last();
  uart_drain();
  restart_after_panic();
  hart_off();
}

/** Everything stored so far onto the consoles. */
function flush(): void {
  prb.flush();
  emitter.flush_on_panic();
}

/** panic=N: restarts N seconds later, or at once if N is negative; without it, or for 0, stays. */
function restart_after_panic(): void {
  const now = param_is_negative('panic');
  const seconds = param_u32('panic', 0);
  if (!now && seconds == 0) return;
  if (!now) {
    pr_emerg('Rebooting in %u seconds..\n', seconds);
    flush();
    for (let ms: u32 = 0; ms < seconds * 1000; ms++) udelay(1000);
  }
  uart_drain();
  machine_restart();
}
