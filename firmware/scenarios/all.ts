// All scenarios, in the order of `list`.

import { register_driver_warns } from './driver-warns';
import { register_lost_thre } from './lost-thre';
import { register_pool_lock } from './pool-lock';
import { register_rq_wakeup } from './rq-wakeup';
import { register_sem_recursion } from './sem-recursion';
import { register_sem_up } from './sem-up';
import { register_sysrq_irq } from './sysrq-irq';
import { register_tty_port_lock } from './tty-port-lock';

/** Boot. */
export function register_all_scenarios(): void {
  register_rq_wakeup();
  register_sem_up();
  register_sem_recursion();
  register_pool_lock();
  register_tty_port_lock();
  register_sysrq_irq();
  register_driver_warns();
  register_lost_thre();
}
