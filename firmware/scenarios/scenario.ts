// What scenarios have in common: threads on given CPUs that start together, the marks for the host,
// waiting until all is over, and the terminal whose settings a scenario borrows.
//
// A scenario's threads wait at a barrier. The first one through calls scenario_begin(); the task that
// runs the command calls scenario_end() when all threads have finished. If they hang, it never does.

import { READ_ONCE, WRITE_ONCE, fetch_add, smp_mb } from '../arch/atomic';
import { scenario_begin, scenario_end, scenario_ready } from '../arch/entry';
import { hart_pause } from '../arch/hart';
import { board } from '../arch/fdt';
import { num_online_cpus } from '../arch/smp';
import { str } from '../lib/string';
import { prb } from '../printk/console';
import { printed_up_to } from '../printk/suspend';
import { kthread_run } from '../sched/kthread';
import { TASK_NORMAL, task_state, task_struct } from '../sched/task';
import { msleep } from '../sched/timeout';
import { serial8250_port_at, serial8250_tty } from '../serial/8250';
import { UPF_CONS_FLOW, uart_port, uart_state } from '../serial/uart_port';
import { tty_set_termios, uart_state_of } from '../serial/uart_tty';
import { get_jiffies } from '../time/jiffies';
import { CRTSCTS, copy_termios, ktermios } from '../tty/termios';
import { tty_printf } from '../tty/tty';
import { tty_struct } from '../tty/tty_io';

/** How long something that the far end does may take to arrive, ms. */
const PATIENCE_MS: u32 = 100;
/** The longest that a verdict waits for consoles to catch up, and what is on its way then, ms. */
const CATCH_UP_MS: u32 = 2000;
const QUIET_MS: u32 = 50;

/** Threads that have not come to the barrier yet, and those that have not finished. */
const awaited: usize = memory.data(4, 4);
const running: usize = memory.data(4, 4);
/** 1 once scenario_begin() has been called. */
const begun: usize = memory.data(4, 4);
const new_termios: ktermios = changetype<ktermios>(memory.data(offsetof<ktermios>(), 4));
const saved_termios: ktermios = changetype<ktermios>(memory.data(offsetof<ktermios>(), 4));

/** True if there are that many CPUs; says so if not. */
export function scenario_needs_cpus(n: u32): bool {
  if (num_online_cpus() >= n) return true;
  tty_printf('scenario: needs %u CPUs\n', n);
  return false;
}

/** True if there are NMIs; says so if not. */
export function scenario_needs_nmi(): bool {
  if (board.has_smrnmi && board.nmi_base != 0) return true;
  tty_printf('scenario: needs NMIs\n');
  return false;
}

/** True if console->write() waits for CTS; says what it takes if not. */
export function scenario_has_flow_control(): bool {
  if (scenario_port().flags & UPF_CONS_FLOW) return true;
  tty_printf('scenario: needs console=ttyS0,115200n8r\n');
  return false;
}

/** The console's port; scenarios are about this one. */
export function scenario_port(): uart_port {
  return serial8250_port_at(0);
}

export function scenario_tty(): tty_struct {
  return changetype<tty_struct>(serial8250_tty(0));
}

export function scenario_uart_state(): uart_state {
  return uart_state_of(scenario_tty());
}

/** stty crtscts, until scenario_restore_tty(). Task context. */
export function scenario_use_crtscts(): void {
  const tty = scenario_tty();
  copy_termios(saved_termios, tty.termios);
  const t = new_termios;
  copy_termios(t, saved_termios);
  t.c_cflag |= CRTSCTS;
  tty_set_termios(tty, t);
}

export function scenario_restore_tty(): void {
  tty_set_termios(scenario_tty(), saved_termios);
}

/** Tells the host that the far end may set its signals, and gives them time to arrive. */
export function scenario_settle(): void {
  scenario_ready();
  msleep(5);
}

/** Waits until a task sleeps. False if it does not within a while. Task context. */
export function scenario_wait_asleep(p: task_struct): bool {
  for (let ms: u32 = 0; ms < PATIENCE_MS; ms++) {
    smp_mb();
    const on_cpu = READ_ONCE(changetype<usize>(p) + offsetof<task_struct>('on_cpu'));
    if (task_state(p) & TASK_NORMAL && on_cpu == 0) return true;
    msleep(1);
  }
  tty_printf('scenario: a task that should sleep does not\n');
  return false;
}

/** A wait that was far too long, for the verdict to tell: of what, and ms; 0 if there was none. */
const slow_what: usize = memory.data(4, 4);
const slow_ms: usize = memory.data(4, 4);

/** So long something took. If that is longer than it may take, the verdict says so. Any context. */
export function scenario_took(what: string, ns: u64, limit_ns: u64): void {
  if (ns <= limit_ns) return;
  WRITE_ONCE(slow_what, <u32>changetype<usize>(what));
  WRITE_ONCE(slow_ms, <u32>(ns / 1_000_000));
}

/** Before scenario_run(): so many threads take part. */
export function scenario_prepare(threads: u32): void {
  WRITE_ONCE(slow_ms, 0);
  WRITE_ONCE(awaited, threads);
  WRITE_ONCE(running, threads);
  WRITE_ONCE(begun, 0);
}

/** A thread on one CPU. It calls scenario_barrier(), does its work, and calls scenario_done(). */
export function scenario_thread(fn: (data: usize) => u32, name: string, cpu: i32): task_struct {
  return kthread_run(fn, 0, name, cpu);
}

/** In each thread: all go on together. */
export function scenario_barrier(): void {
  if (fetch_add(awaited, 0xffffffff) == 1) {
    scenario_begin();
    WRITE_ONCE(begun, 1);
  }
  while (READ_ONCE(begun) == 0) hart_pause();
}

/** Until just after a tick: the next one is ten milliseconds away. */
export function scenario_wait_for_tick(): void {
  const now = get_jiffies();
  while (get_jiffies() == now) hart_pause();
}

/** In each thread, last. */
export function scenario_done(): void {
  fetch_add(running, 0xffffffff);
}

/** Waits for all threads, however long that takes. Task context. */
export function scenario_finish(): void {
  while (READ_ONCE(running) != 0) msleep(1);
  scenario_end();
}

/** Waits until consoles have printed the log, if anybody prints it. Task context. */
export function scenario_wait_printed(): void {
  for (let ms: u32 = 0; ms < CATCH_UP_MS && !printed_up_to(prb.next_seq()); ms += 10) msleep(10);
  msleep(QUIET_MS);
}

/** The verdict, on a line of its own: behind what is still to be printed. Returns what run() returns. */
export function scenario_verdict(name: string, ok: bool): u32 {
  scenario_wait_printed();
  const ms = READ_ONCE(slow_ms);
  if (ms != 0) tty_printf('scenario: %s took %u ms\n', <usize>READ_ONCE(slow_what), ms);
  tty_printf('scenario %s: %s\n', str(name), str(ok ? 'PASS' : 'FAIL'));
  return ok ? 0 : 1;
}
