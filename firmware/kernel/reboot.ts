// Going down in order: everything that was logged is on the wire before the power goes. Linux's
// kernel/reboot.c. emergency_restart() there, which does none of that, is machine_restart() here.

import { machine_power_off, machine_restart } from '../arch/reset';
import { emitter } from '../printk/emit/emit';
import { pr_notice } from '../printk/printk';
import { uart_drain } from '../serial/8250';
import { INIT_WORK, schedule_work, work_struct } from './workqueue';

const poweroff_work: work_struct = changetype<work_struct>(memory.data(offsetof<work_struct>(), 4));

/** Off, with an exit code for whoever started the machine. Task context. Does not return. */
export function kernel_power_off(code: u32): void {
  pr_notice('reboot: Power down\n');
  emitter.shutdown();
  uart_drain();
  machine_power_off(code);
}

/** Task context. Does not return. */
export function kernel_restart(): void {
  pr_notice('reboot: Restarting system\n');
  emitter.shutdown();
  uart_drain();
  machine_restart();
}

function poweroff_work_func(work: work_struct): void {
  kernel_power_off(0);
}

/** Boot. */
export function poweroff_init(): void {
  INIT_WORK(poweroff_work, poweroff_work_func);
}

/** Off, soon, from a worker thread. Any context but an NMI. */
export function orderly_poweroff(): void {
  schedule_work(poweroff_work);
}
