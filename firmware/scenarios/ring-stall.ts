// Class 24: a writer stands still between reserving and committing, while others write more than a ring
// holds. What a store that cannot go past him has no room for is lost, in the middle of the log.
//
// CPU 1, interrupts off: begin, reserve, 30 ms, commit. CPU 0 prints meanwhile. Needs log_buf_len=2K.

import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { str } from '../lib/string';
import { prb } from '../printk/console';
import { emitter } from '../printk/emit/emit';
import { pr_info } from '../printk/printk';
import { printk_enter, printk_exit } from '../printk/printk-entry';
import { LOG_NEWLINE, set_info_level_flags } from '../printk/store/store';
import { local_clock, udelay } from '../time/timekeeping';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_needs_cpus,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_verdict,
} from './scenario';

const STALL_US: u32 = 30_000;
/** CPU 0 begins later, µs. */
const COMES_US: u32 = 100;
const MESSAGES: u32 = 24;
const TEXT_BYTES: u32 = 4;
const FILLER: string =
  'the quick brown fox jumps over the lazy dog, and over the next lazy dog as well, and back';

/** What printk() does, with a long pause in it. */
function stalled_writer(unused: usize): u32 {
  scenario_barrier();
  const flags = local_irq_save();
  const entry = printk_enter();
  if (entry != null) {
    if (prb.begin(entry)) {
      if (prb.reserve(entry, TEXT_BYTES)) {
        udelay(STALL_US);
        entry.info.ts_nsec = local_clock();
        entry.info.text_len = <u16>TEXT_BYTES;
        set_info_level_flags(entry.info, 6, LOG_NEWLINE);
        memory.fill(entry.text, 0x7a, TEXT_BYTES);
        prb.final_commit(entry);
      }
      prb.end(entry);
    }
    printk_exit();
  }
  local_irq_restore(flags);
  emitter.stored();
  scenario_done();
  return 0;
}

function writer(unused: usize): u32 {
  scenario_barrier();
  udelay(COMES_US);
  for (let n: u32 = 1; n <= MESSAGES; n++) pr_info('stall: message %u %s\n', n, str(FILLER));
  scenario_done();
  return 0;
}

function ring_stall(argc: u32, argv: usize): u32 {
  if (!scenario_needs_cpus(2)) return 1;
  scenario_settle();
  scenario_prepare(2);
  scenario_thread(writer, 'writer', 0);
  scenario_thread(stalled_writer, 'stalled', 1);
  scenario_finish();
  return scenario_verdict('ring-stall', true);
}

export function register_ring_stall(): void {
  register_scenario('ring-stall', 'class 24: a writer stalls for a turn of the ring', ring_stall);
}
