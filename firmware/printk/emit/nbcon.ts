// Emitter `nbcon`: each console has an owner and a thread (../nbcon.ts). printk() stores and leaves the
// printing to the thread; in an emergency section and in a panic the caller prints itself, taking the
// console over from the thread. Before there are threads the caller prints too. Linux 6.12 on, for
// consoles that have been converted; the boot console, which has not, is printed to under console_sem.
//
// Fails where: the thread does not get to run and nobody reports an emergency; a driver's lock holder
// never comes back; and a flood in an emergency keeps its CPU printing.

import { READ_ONCE, WRITE_ONCE } from '../../arch/atomic';
import { preempt_disable, preempt_enable } from '../../arch/percpu';
import {
  CONSOLES_MAX,
  CON_NBCON,
  Console,
  boot_console,
  console_at,
  console_flags,
  console_trylock,
  console_unlock,
} from '../console';
import { defer_console_output } from '../klogd';
import { NBCON_PRIO_NORMAL } from '../nbcon';
import {
  nbcon_atomic_flush_pending,
  nbcon_atomic_flush_unsafe,
  nbcon_cpu_emergency_enter,
  nbcon_cpu_emergency_exit,
  nbcon_flush_released,
  nbcon_get_default_prio,
} from '../nbcon-flush';
import {
  nbcon_kthreads_running,
  nbcon_kthreads_start,
  nbcon_kthreads_stop,
  nbcon_kthreads_wake,
} from '../nbcon-thread';
import { is_printk_legacy_deferred } from '../printk_safe';
import { PANIC_OTHERS_SILENT, emitter_defaults, printk_emitter } from './emit';
import { console_unlock_handover, legacy_flush_on_panic } from './legacy';

/** 1 from the time when threads can be made until the system goes down. */
const threads_allowed: usize = memory.data(4, 4);

/** Is there a console that has to be printed to under console_sem? */
function have_legacy_console(): bool {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null && !(console_flags(console) & CON_NBCON)) return true;
  }
  return false;
}

function nbcon_stored(): void {
  preempt_disable();
  if (boot_console() == null) {
    const normal = nbcon_get_default_prio() == NBCON_PRIO_NORMAL;
    if (normal && nbcon_kthreads_running()) nbcon_kthreads_wake();
    else nbcon_atomic_flush_pending();
  }
  if (have_legacy_console()) {
    if (is_printk_legacy_deferred()) defer_console_output();
    else if (console_trylock()) console_unlock();
  }
  preempt_enable();
}

/** write_atomic takes no lock, so there is nothing to defer. */
function nbcon_stored_deferred(): void {
  preempt_disable();
  if (boot_console() != null) defer_console_output();
  else if (nbcon_kthreads_running()) nbcon_kthreads_wake();
  else nbcon_atomic_flush_pending();
  preempt_enable();
}

function start_threads(): void {
  if (READ_ONCE(threads_allowed) == 0) return;
  nbcon_kthreads_start();
  nbcon_kthreads_wake();
}

function nbcon_console_added(console: Console): void {
  start_threads();
  if (!nbcon_kthreads_running()) nbcon_atomic_flush_pending();
}

function nbcon_threads_ready(): void {
  WRITE_ONCE(threads_allowed, 1);
  start_threads();
}

function nbcon_shutdown(): void {
  WRITE_ONCE(threads_allowed, 0);
  nbcon_kthreads_stop();
  nbcon_stored();
}

/** The others are stopped, so what they had may be taken; but first what can be had without. */
function nbcon_flush_on_panic(): void {
  if (have_legacy_console()) legacy_flush_on_panic();
  nbcon_atomic_flush_pending();
}

export function nbcon_emitter_init(e: printk_emitter): void {
  emitter_defaults(e);
  e.name = 'nbcon';
  e.uses_nbcon = true;
  e.panic_others = PANIC_OTHERS_SILENT;
  e.stored = nbcon_stored;
  e.stored_deferred = nbcon_stored_deferred;
  e.console_unlock = console_unlock_handover;
  e.console_added = nbcon_console_added;
  e.device_released = nbcon_flush_released;
  e.threads_ready = nbcon_threads_ready;
  e.shutdown = nbcon_shutdown;
  e.emergency_enter = nbcon_cpu_emergency_enter;
  e.emergency_exit = nbcon_cpu_emergency_exit;
  e.flush_on_panic = nbcon_flush_on_panic;
  e.flush_unsafe_last = nbcon_atomic_flush_unsafe;
}
