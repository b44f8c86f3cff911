// Suspending consoles: a suspended one prints nothing, and when it is resumed it prints what was logged
// meanwhile. All of them for system suspend, unless no_console_suspend; or one, when its port is.

import { param_present } from '../init/params';
import { msleep } from '../sched/timeout';
import {
  CONSOLES_MAX,
  console_at,
  console_is_usable,
  console_seq,
  prb,
  set_consoles_suspended,
} from './console';
import { emitter } from './emit/emit';
import { pr_info } from './printk';

/** How long suspending waits for what is still to be printed, ms. */
const FLUSH_TIMEOUT_MS: u32 = 1000;

/** Have all consoles printed up to a record? */
export function printed_up_to(seq: u64): bool {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null && console_is_usable(console) && console_seq(console) < seq) return false;
  }
  return true;
}

/** Waits until what is stored now has been printed. False if that takes longer. Task context. */
export function pr_flush(timeout_ms: u32): bool {
  const seq = prb.next_seq();
  for (let ms: u32 = 0; !printed_up_to(seq); ms++) {
    if (ms >= timeout_ms) return false;
    emitter.stored();
    msleep(1);
  }
  return true;
}

/** Task context. */
export function suspend_consoles(): void {
  if (param_present('no_console_suspend')) return;
  pr_info('printk: Suspending console(s) (use no_console_suspend to debug)\n');
  pr_flush(FLUSH_TIMEOUT_MS);
  set_consoles_suspended(true);
}

/** Task context. */
export function resume_consoles(): void {
  if (param_present('no_console_suspend')) return;
  set_consoles_suspended(false);
  pr_flush(FLUSH_TIMEOUT_MS);
}
