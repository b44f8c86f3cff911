// System suspend, its late part: consoles are suspended, all CPUs but one stand still, and that one sleeps
// with interrupts off until a timer wakes it. Leaves out devices, and turning the other CPUs off.
//
// It does not go to sleep with an irq_work queued, as architectures do whose firmware takes a pending
// interrupt for a reason to wake. So printk() must not queue any from the time when consoles are
// suspended, as each message on the way would keep the system up. (With printk.suspend_irqwork it does,
// as in Linux 6.13 to 6.18.)

import { WRITE_ONCE, READ_ONCE } from '../arch/atomic';
import { param_present } from '../init/params';
import { block_console_irqwork } from '../printk/klogd';
import { pr_err, pr_info } from '../printk/printk';
import { resume_consoles, suspend_consoles } from '../printk/suspend';
import { delay_asleep } from '../time/tick';
import { irq_work_is_queued } from './irq_work';
import { stop_machine } from './stop-machine';

const BOOT_CPU: u32 = 0;
/** Whether the last attempt got as far as sleeping. */
const slept: usize = memory.data(4, 4);

/** On the boot CPU, interrupts off; the others stand still. */
function suspend_enter(ms: usize): void {
  pr_info('PM: the boot CPU is on its own\n');
  const may = !irq_work_is_queued();
  if (may) delay_asleep(<u32>ms * 1000);
  WRITE_ONCE(slept, may ? 1 : 0);
}

/** Sleeps for that long. False if there was something left to do. Task context. */
export function pm_suspend(ms: u32): bool {
  pr_info('PM: suspend entry\n');
  suspend_consoles();
  block_console_irqwork(!param_present('printk.suspend_irqwork'));
  stop_machine(BOOT_CPU, suspend_enter, ms);
  block_console_irqwork(false);
  resume_consoles();
  const done = READ_ONCE(slept) != 0;
  // This also brings out what nobody was told of meanwhile.
  if (done) pr_info('PM: suspend exit\n');
  else pr_err('PM: not suspended: there is irq_work to do\n');
  return done;
}
