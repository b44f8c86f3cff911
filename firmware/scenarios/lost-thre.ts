// Class 16: the transmitter is idle, there are characters to send, and no interrupt will ever come. Needs
// a UART that loses them: printkit run --uart-fault lost-thre.
//
// console->write() polls, with IER cleared, and keeps a character that comes in meanwhile for the
// interrupt handler, which it makes come by IER.THRI. The handler reads IIR: THRE is acknowledged. There
// is nothing to send: stop_tx(). Later a task writes to the tty: start_tx() sets IER.THRI, the transmitter is
// empty, and where a 16550A would interrupt, this one does not: all output stays in the ring for ever.
// The driver's backup timer sees to that; with the argument `bare` it is off.
// The far end: a character while console->write() runs, 2 ms after scenario_begin if the caller prints.

import { streq } from '../lib/string';
import { pr_info } from '../printk/printk';
import { msleep } from '../sched/timeout';
import { UART_BUG_THRE, up_to_8250 } from '../serial/8250-base';
import { get_jiffies } from '../time/jiffies';
import { del_timer_sync, mod_timer } from '../time/timer';
import { arg } from '../shell/commands';
import { n_tty_write } from '../tty/n_tty_output';
import { tty_printf } from '../tty/tty';
import { register_scenario } from './registry';
import {
  scenario_barrier,
  scenario_done,
  scenario_finish,
  scenario_port,
  scenario_prepare,
  scenario_settle,
  scenario_thread,
  scenario_tty,
  scenario_verdict,
  scenario_wait_printed,
} from './scenario';

/** More than a FIFO holds. */
const OUTPUT_BYTES: u32 = 100;
const output: usize = memory.data(100, 4);

function writer(unused: usize): u32 {
  const tty = scenario_tty();
  scenario_barrier();
  pr_info('lost-thre: this takes long enough for a character to come in meanwhile\n');
  scenario_wait_printed();
  n_tty_write(tty, output, OUTPUT_BYTES);
  while (tty.ops.chars_in_buffer(tty) != 0) msleep(1);
  scenario_done();
  return 0;
}

function lost_thre(argc: u32, argv: usize): u32 {
  const up = up_to_8250(scenario_port());
  const bugs = up.bugs;
  const timer_off = bugs & UART_BUG_THRE && argc > 2 && streq(arg(argv, 2), 'bare');
  memory.fill(output, 0x2e, OUTPUT_BYTES);
  store<u8>(output + OUTPUT_BYTES - 1, 0x0a);
  if (timer_off) {
    del_timer_sync(up.timer);
    up.bugs = 0;
  }
  const timeouts = up.backup_timeouts;
  scenario_settle();
  scenario_prepare(1);
  scenario_thread(writer, 'writer', 0);
  scenario_finish();
  if (timer_off) mod_timer(up.timer, get_jiffies() + 1);
  up.bugs = bugs;
  tty_printf('lost-thre: %u backup timeouts\n', up.backup_timeouts - timeouts);
  return scenario_verdict('lost-thre', true);
}

export function register_lost_thre(): void {
  register_scenario(
    'lost-thre',
    'class 16: a transmit interrupt that is lost; or: bare',
    lost_thre,
  );
}
