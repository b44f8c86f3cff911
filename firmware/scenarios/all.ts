// All scenarios, in the order of `list`.

import { register_driver_warns } from './driver-warns';
import { register_lost_thre } from './lost-thre';
import { register_emergency } from './emergency';
import { register_klogd } from './klogd';
import { register_lockup } from './lockup';
import { register_nmi } from './nmi';
import { register_panic } from './panic';
import { register_pool_lock } from './pool-lock';
import { register_reset } from './reset';
import { register_ring_stall } from './ring-stall';
import { register_wakeup_rq } from './wakeup-rq';
import { register_sem_recursion } from './sem-recursion';
import { register_sem_up } from './sem-up';
import { register_slab_lock } from './slab-lock';
import { register_suspend } from './suspend';
import { register_sysrq_irq } from './sysrq-irq';
import { register_timekeeping } from './timekeeping';
import { register_tty_port_lock } from './tty-port-lock';
import { register_two_consoles } from './two-consoles';
import { register_workload } from './workload';

/** Boot. */
export function register_all_scenarios(): void {
  register_wakeup_rq();
  register_sem_up();
  register_sem_recursion();
  register_nmi();
  register_timekeeping();
  register_klogd();
  register_pool_lock();
  register_tty_port_lock();
  register_slab_lock();
  register_sysrq_irq();
  register_driver_warns();
  register_lost_thre();
  register_lockup();
  register_panic();
  register_reset();
  register_ring_stall();
  register_emergency();
  register_suspend();
  register_two_consoles();
  register_workload();
}
