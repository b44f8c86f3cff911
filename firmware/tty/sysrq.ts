// Sysrq: a BREAK on the console and a key within five seconds ask the kernel itself for something.
// Linux's drivers/tty/sysrq.c. The table of keys is the help text as well; other parts of the kernel
// add keys with register_sysrq_key().
//
// handle_sysrq() is called by the UART's interrupt handler, after port->lock was given back (or under
// it, as before Linux 4.20, see serial_core.ts), so a handler neither sleeps nor waits for a task.

import { READ_ONCE } from '../arch/atomic';
import { machine_restart } from '../arch/reset';
import { NR_CPUS, smp_processor_id } from '../arch/percpu';
import { dump_stack, show_task_stack } from '../arch/backtrace';
import { NMI_REASON_BACKTRACE, send_nmi } from '../arch/nmi';
import { cpu_online } from '../arch/smp';
import { panic } from '../kernel/panic';
import { orderly_poweroff, poweroff_init } from '../kernel/reboot';
import { first_lock, next_lock, spin_is_locked, spinlock_t } from '../locking/spinlock';
import { snprintf } from '../lib/format';
import { str } from '../lib/string';
import { memory_free, memory_total, memory_used } from '../mm/memblock';
import { console_device } from '../printk/console-options';
import { console_loglevel, console_replay_all, set_console_loglevel } from '../printk/console';
import { LOGLEVEL_INFO } from '../printk/levels';
import { pr_info } from '../printk/printk';
import {
  NR_TASKS,
  TASK_IDLE,
  TASK_UNINTERRUPTIBLE,
  current,
  task_at,
  task_comm,
  task_state,
  task_state_char,
  task_struct,
} from '../sched/task';
import { serial8250_tty } from '../serial/8250';
import { ISIG, ONLCR, OPOST } from './termios';
import { start_tty } from './tty_io';

@unmanaged
class SysrqKey {
  key: u32;
  /** As the help line shows it, the key in brackets. */
  help: string;
  /** Said before it is done. */
  action: string;
  handler: (key: u32) => void;
}

const KEYS_MAX: u32 = 24;
const HELP_MAX: u32 = 512;
const table: usize = memory.data(16 * 24, 4);
const count: usize = memory.data(4, 4);
const help: usize = memory.data(512, 4);

function key_at(i: u32): SysrqKey {
  return changetype<SysrqKey>(table + <usize>i * offsetof<SysrqKey>());
}

/** Adds a key, or replaces what it does. Boot. */
export function register_sysrq_key(
  key: u32,
  text: string,
  action: string,
  handler: (key: u32) => void,
): void {
  const n = load<u32>(count);
  let at: u32 = 0;
  while (at < n && key_at(at).key != key) at++;
  if (at == KEYS_MAX) return;
  const entry = key_at(at);
  entry.key = key;
  entry.help = text;
  entry.action = action;
  entry.handler = handler;
  if (at == n) store<u32>(count, n + 1);
}

function show_help(): void {
  let n: u32 = snprintf(help, HELP_MAX, 'sysrq: HELP : loglevel(0-9)');
  for (let i: u32 = 0; i < load<u32>(count) && n < HELP_MAX; i++) {
    n += snprintf(help + n, HELP_MAX - n, ' %s', str(key_at(i).help));
  }
  store<u8>(help + (n < HELP_MAX ? n : HELP_MAX - 1), 0);
  pr_info('%S\n', help);
}

/** Does what a key asks for. Hardirq or task context. */
export function handle_sysrq(key: u32): void {
  // What it says must be seen, whatever the log level.
  const level = console_loglevel();
  set_console_loglevel(LOGLEVEL_INFO + 1);
  if (key - 0x30 < 10) {
    pr_info('sysrq: Changing Loglevel\n');
    pr_info('sysrq: Loglevel set to %u\n', key - 0x30);
    set_console_loglevel(key - 0x30);
    return;
  }
  for (let i: u32 = 0; i < load<u32>(count); i++) {
    const entry = key_at(i);
    if (entry.key != key) continue;
    pr_info('sysrq: %s\n', str(entry.action));
    set_console_loglevel(level);
    entry.handler(key);
    return;
  }
  show_help();
  set_console_loglevel(level);
}

function sysrq_help(key: u32): void {
  const level = console_loglevel();
  set_console_loglevel(LOGLEVEL_INFO + 1);
  show_help();
  set_console_loglevel(level);
}

/** A task, and how it got to where it sleeps. */
function show_task(p: task_struct): void {
  pr_info(
    'task:%S state:%s pid:%u cpu:%u flags:0x%x\n',
    task_comm(p),
    str(task_state_char(p)),
    p.pid,
    p.cpu,
    p.flags,
  );
  if (p != current() && !READ_ONCE(changetype<usize>(p) + offsetof<task_struct>('on_cpu'))) {
    show_task_stack(p);
  }
}

function show_tasks(blocked_only: bool): void {
  for (let slot: u32 = 0; slot < NR_TASKS; slot++) {
    const at = task_at(slot);
    if (at == 0) continue;
    const p = changetype<task_struct>(at);
    // Idle workers are TASK_UNINTERRUPTIBLE too, but nobody calls them blocked.
    if (!blocked_only || (task_state(p) & TASK_IDLE) == TASK_UNINTERRUPTIBLE) show_task(p);
  }
}

function sysrq_tasks(key: u32): void {
  show_tasks(false);
}

function sysrq_blocked(key: u32): void {
  show_tasks(true);
}

function sysrq_backtrace_all(key: u32): void {
  const self = smp_processor_id();
  pr_info('CPU%u:\n', self);
  dump_stack();
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    if (cpu == self || !cpu_online(cpu)) continue;
    if (!send_nmi(cpu, NMI_REASON_BACKTRACE)) {
      pr_info('sysrq: no NMIs on this board\n');
      return;
    }
  }
}

function sysrq_locks(key: u32): void {
  let held: u32 = 0;
  for (let at = first_lock(); at != 0; at = next_lock(at)) {
    const lock = changetype<spinlock_t>(at);
    if (!spin_is_locked(lock)) continue;
    held++;
    pr_info('lock %p %s held by CPU%d\n', at, str(lock.name), lock.owner - 1);
  }
  pr_info('%u spinlocks held\n', held);
}

function sysrq_memory(key: u32): void {
  pr_info(
    'Mem-Info: total %uK, used %uK, free %uK\n',
    memory_total() >> 10,
    memory_used() >> 10,
    memory_free() >> 10,
  );
}

/** Linux's emergency_restart(): at once. What nobody has printed yet is lost. */
function sysrq_reboot(key: u32): void {
  machine_restart();
}

function sysrq_crash(key: u32): void {
  panic('sysrq triggered crash');
}

/** In order, by a worker thread: the log is printed first. */
function sysrq_power_off(key: u32): void {
  orderly_poweroff();
}

/** Makes the console's tty usable again: output goes on, ^C works, lines end as they should. */
function sysrq_unraw(key: u32): void {
  const tty = serial8250_tty(console_device());
  if (tty == null) return;
  start_tty(tty);
  tty.termios.c_oflag |= OPOST | ONLCR;
  tty.termios.c_lflag |= ISIG;
}

function sysrq_replay(key: u32): void {
  console_replay_all();
}

/** Boot, before the first BREAK can come in. */
export function sysrq_init(): void {
  poweroff_init();
  register_sysrq_key(0x62, 'reboot(b)', 'Resetting', sysrq_reboot);
  register_sysrq_key(0x63, 'crash(c)', 'Trigger a crash', sysrq_crash);
  register_sysrq_key(0x64, 'show-all-locks(d)', 'Show Locks Held', sysrq_locks);
  register_sysrq_key(0x68, 'help(h)', 'This help', sysrq_help);
  register_sysrq_key(
    0x6c,
    'show-backtrace-all-active-cpus(l)',
    'Show backtrace of all active CPUs',
    sysrq_backtrace_all,
  );
  register_sysrq_key(0x6d, 'show-memory-usage(m)', 'Show Memory', sysrq_memory);
  register_sysrq_key(0x6f, 'poweroff(o)', 'Power Off', sysrq_power_off);
  register_sysrq_key(0x72, 'unraw(r)', 'Terminal set to system default', sysrq_unraw);
  register_sysrq_key(0x74, 'show-task-states(t)', 'Show State', sysrq_tasks);
  register_sysrq_key(0x77, 'show-blocked-tasks(w)', 'Show Blocked State', sysrq_blocked);
  register_sysrq_key(0x52, 'replay-kernel-logs(R)', 'Replay kernel logs on consoles', sysrq_replay);
}
