// dmesg: the kernel log, as util-linux shows it. Reads /dev/kmsg with a position of its own, so that
// several can run at once (dmesg -w &, dmesg -w > /dev/ttyS1 &).

import { EPIPE } from '../lib/errno';
import { snprintf } from '../lib/format';
import { kfree, kmalloc } from '../mm/slab';
import { prb } from '../printk/console';
import {
  SEEK_DATA,
  SEEK_END,
  devkmsg_llseek,
  devkmsg_open,
  devkmsg_read_record,
  devkmsg_release,
} from '../printk/kmsg';
import { info_level, printk_record } from '../printk/store/store';
import {
  SYSLOG_ACTION_CLEAR,
  SYSLOG_ACTION_CONSOLE_LEVEL,
  SYSLOG_ACTION_CONSOLE_OFF,
  SYSLOG_ACTION_CONSOLE_ON,
  do_syslog,
} from '../printk/syslog';
import { current, signal_pending } from '../sched/task';
import { tty_printf } from '../tty/tty';
import { register_detachable_command } from './commands';
import { dmesg_print, dmesg_times } from './dmesg-format';
import {
  DMESG_CLEAR,
  DMESG_CONSOLE_LEVEL,
  DMESG_CONSOLE_OFF,
  DMESG_CONSOLE_ON,
  DMESG_READ_CLEAR,
  FOLLOW_NEW,
  dmesg_options,
  parse_dmesg_options,
} from './dmesg-options';
import { run_job } from './jobs';
import { stream, stream_write } from './stream';

/** A record of 1024 bytes, each as \xNN, with prefixes. */
const OUT_MAX: u32 = 8000;
const LOST: string = 'dmesg: records were overwritten before they could be read\n';

/** One run of dmesg. */
@unmanaged
class dmesg {
  options: dmesg_options;
  times: dmesg_times;
  out: usize;
}

function dmesg_alloc(): dmesg {
  const d = changetype<dmesg>(kmalloc(offsetof<dmesg>()));
  d.options = changetype<dmesg_options>(kmalloc(offsetof<dmesg_options>()));
  d.times = changetype<dmesg_times>(kmalloc(offsetof<dmesg_times>()));
  d.out = kmalloc(OUT_MAX);
  return d;
}

function dmesg_free(d: dmesg): void {
  kfree(changetype<usize>(d.options));
  kfree(changetype<usize>(d.times));
  kfree(d.out);
  kfree(changetype<usize>(d));
}

function is_wanted(o: dmesg_options, r: printk_record): bool {
  if (!((o.levels >> info_level(r.info)) & 1)) return false;
  const facility = <u32>r.info.facility;
  if (!((o.facilities >> (facility < 31 ? facility : 31)) & 1)) return false;
  return r.info.ts_nsec >= o.since;
}

/** Prints what there is, and with -w what comes, until ^C. Any task. */
function dmesg_run(data: usize, out: stream): void {
  const d = changetype<dmesg>(data);
  const o = d.options;
  const user = devkmsg_open();
  devkmsg_llseek(user, 0, o.follow == FOLLOW_NEW ? SEEK_END : SEEK_DATA);
  // What is logged meanwhile is for the next time, unless it is to follow.
  const end = prb.next_seq();
  while (!signal_pending(current()) && (o.follow != 0 || user.seq < end)) {
    const error = devkmsg_read_record(user, o.follow == 0);
    if (error == EPIPE) {
      // The first read() may find that the log has gone on since the last clear: no loss.
      if (d.times.any && !stream_write(out, d.out, snprintf(d.out, OUT_MAX, LOST))) break;
      continue;
    }
    if (error != 0) break;
    if (!is_wanted(o, user.record)) continue;
    const n = dmesg_print(o, d.times, user.record, d.out, OUT_MAX);
    if (!stream_write(out, d.out, n)) break;
  }
  devkmsg_release(user);
  if (o.action == DMESG_READ_CLEAR) do_syslog(SYSLOG_ACTION_CLEAR, 0, 0);
  dmesg_free(d);
}

function cmd_dmesg(argc: u32, argv: usize): void {
  const d = dmesg_alloc();
  const o = d.options;
  if (!parse_dmesg_options(o, argc, argv)) {
    dmesg_free(d);
    return;
  }
  let result: i32 = 0;
  switch (o.action) {
    case DMESG_CLEAR:
      result = do_syslog(SYSLOG_ACTION_CLEAR, 0, 0);
      break;
    case DMESG_CONSOLE_OFF:
      result = do_syslog(SYSLOG_ACTION_CONSOLE_OFF, 0, 0);
      break;
    case DMESG_CONSOLE_ON:
      result = do_syslog(SYSLOG_ACTION_CONSOLE_ON, 0, 0);
      break;
    case DMESG_CONSOLE_LEVEL:
      result = do_syslog(SYSLOG_ACTION_CONSOLE_LEVEL, 0, o.console_level);
      break;
    default:
      if (!run_job('dmesg', dmesg_run, changetype<usize>(d))) dmesg_free(d);
      return;
  }
  if (result < 0) tty_printf('dmesg: klogctl failed: error %d\n', -result);
  dmesg_free(d);
}

export function register_dmesg_command(): void {
  register_detachable_command(
    'dmesg',
    '[options]',
    'print the kernel log; dmesg --help',
    cmd_dmesg,
  );
}
