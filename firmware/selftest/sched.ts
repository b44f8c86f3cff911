// Self tests of the scheduler: wakeups without loss, affinity, preemption, threads; and what a switch
// and a wakeup cost.

import { READ_ONCE, WRITE_ONCE, fetch_add, smp_mb } from '../arch/atomic';
import { csr_read } from '../arch/csr';
import { hart_pause } from '../arch/hart';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { preempt_disable, preempt_enable, smp_processor_id } from '../arch/percpu';
import { num_online_cpus } from '../arch/smp';
import { set_cpus_allowed, stop_machine } from '../kernel/stop-machine';
import {
  __set_current_state,
  schedule,
  send_sigint,
  set_current_state,
  set_user_nice,
  signal_pending,
  try_to_wake_up,
  clear_sigint,
} from '../sched/core';
import { get_task_struct, put_task_struct } from '../sched/fork';
import {
  kthread_park,
  kthread_parkme,
  kthread_run,
  kthread_should_park,
  kthread_should_stop,
  kthread_stop,
  kthread_unpark,
} from '../sched/kthread';
import {
  CPUS_ALL,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  current,
  task_state,
  task_struct,
} from '../sched/task';
import { msleep } from '../sched/timeout';
import {
  finish_wait,
  init_waitqueue_head,
  prepare_to_wait,
  wait_queue_head,
  waitqueue_active,
  wake_up,
} from '../sched/wait';
import { check, check_equal, note, register_selftest, rounds } from './tap';
import { PHASES, hesitate } from './threads';

const MINSTRET: u32 = 0xb02;

const wq: wait_queue_head = changetype<wait_queue_head>(
  memory.data(offsetof<wait_queue_head>(), 4),
);
const wq2: wait_queue_head = changetype<wait_queue_head>(
  memory.data(offsetof<wait_queue_head>(), 4),
);
/** Whose turn it is, and rounds done. */
const turn: usize = memory.data(4, 4);
const done: usize = memory.data(4, 4);
const counter: usize = memory.data(4, 4);
/** The two of a ping-pong are on different CPUs: their phases vary. */
const sweep: usize = memory.data(4, 4);

function wait_for_turn(q: wait_queue_head, t: u32): void {
  while (READ_ONCE(turn) != t) {
    prepare_to_wait(q, TASK_UNINTERRUPTIBLE);
    if (READ_ONCE(turn) != t) schedule();
    finish_wait(q);
  }
}

/** Waker's side with the look at the queue that needs the barrier. */
function pass_turn(q: wait_queue_head, t: u32): void {
  WRITE_ONCE(turn, t);
  smp_mb();
  if (waitqueue_active(q)) wake_up(q);
}

function second(n: usize): u32 {
  for (let i: usize = 0; i < n; i++) {
    wait_for_turn(wq2, 1);
    WRITE_ONCE(done, READ_ONCE(done) + 1);
    if (READ_ONCE(sweep)) hesitate(<u32>i % PHASES);
    pass_turn(wq, 0);
  }
  return 0;
}

function ping_pong(cpu: u32, n: u32): void {
  init_waitqueue_head(wq, 'selftest wq');
  init_waitqueue_head(wq2, 'selftest wq');
  WRITE_ONCE(turn, 0);
  WRITE_ONCE(done, 0);
  WRITE_ONCE(sweep, cpu != smp_processor_id() ? 1 : 0);
  kthread_run(second, n, 'second', <i32>cpu);
  for (let i: u32 = 0; i < n; i++) {
    pass_turn(wq2, 1);
    if (READ_ONCE(sweep)) hesitate((i * 7) % PHASES);
    wait_for_turn(wq, 0);
  }
  check_equal(READ_ONCE(done), n, 'rounds');
}

/** A lost wakeup hangs it. */
function test_wait_local(): void {
  ping_pong(smp_processor_id(), rounds());
}

function test_wait_remote(): void {
  ping_pong(num_online_cpus() - 1, rounds());
}

function stoppable(unused: usize): u32 {
  while (true) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (kthread_should_stop()) break;
    if (kthread_should_park()) {
      __set_current_state(TASK_RUNNING);
      kthread_parkme();
      fetch_add(counter, 1);
      continue;
    }
    schedule();
  }
  __set_current_state(TASK_RUNNING);
  return 42;
}

function test_kthread(): void {
  WRITE_ONCE(counter, 0);
  const p = kthread_run(stoppable, 0, 'stoppable');
  kthread_park(p);
  check(READ_ONCE(counter) == 0, 'parked');
  kthread_unpark(p);
  msleep(20);
  check_equal(READ_ONCE(counter), 1, 'unparked');
  check_equal(kthread_stop(p), 42, 'exit code');
}

function interruptible(unused: usize): u32 {
  set_current_state(TASK_INTERRUPTIBLE);
  while (!signal_pending(current())) {
    schedule();
    set_current_state(TASK_INTERRUPTIBLE);
  }
  __set_current_state(TASK_RUNNING);
  clear_sigint(current());
  WRITE_ONCE(done, 1);
  return 0;
}

function test_sigint(): void {
  WRITE_ONCE(done, 0);
  const p = kthread_run(interruptible, 0, 'interruptible');
  get_task_struct(p);
  msleep(20);
  check_equal(READ_ONCE(done), 0, 'woken by nobody');
  send_sigint(p);
  msleep(20);
  check_equal(READ_ONCE(done), 1, 'woken by ^C');
  put_task_struct(p);
}

function wanderer(unused: usize): u32 {
  while (!kthread_should_stop()) WRITE_ONCE(counter, smp_processor_id() + 1);
  return 0;
}

function test_affinity(): void {
  const p = kthread_run(wanderer, 0, 'wanderer');
  for (let cpu: u32 = 0; cpu < num_online_cpus(); cpu++) {
    set_cpus_allowed(p, 1 << cpu);
    msleep(30);
    check_equal(READ_ONCE(counter), cpu + 1, 'runs where it may');
  }
  set_cpus_allowed(p, CPUS_ALL);
  kthread_stop(p);
}

function spinner(unused: usize): u32 {
  while (!kthread_should_stop()) hart_pause();
  return 0;
}

/** Two busy threads on one CPU: each gets a share by its weight, and the shell still gets its turn. */
function test_nice(): void {
  const cpu = <i32>num_online_cpus() - 1;
  const nice0 = kthread_run(spinner, 0, 'nice0', cpu);
  const nice5 = kthread_run(spinner, 0, 'nice5', cpu);
  set_user_nice(nice5, 5);
  msleep(600);
  get_task_struct(nice0);
  get_task_struct(nice5);
  kthread_stop(nice0);
  kthread_stop(nice5);
  const a = <u32>(nice0.sum_exec / 10_000);
  const b = <u32>(nice5.sum_exec / 10_000);
  put_task_struct(nice0);
  put_task_struct(nice5);
  note('nice 0 ran %u ms, nice 5 ran %u ms', a, b);
  check(a > 2 * b && b > 0 && a < 6 * b, 'shares by weight', a, b);
}

function alone(unused: usize): void {
  WRITE_ONCE(done, READ_ONCE(counter));
  for (let i: u32 = 0; i < 1000; i++)
    if (READ_ONCE(counter) != READ_ONCE(done)) WRITE_ONCE(turn, 1);
}

/** Takes its time over an interrupt: who stops this CPU has to wait. */
function counting(unused: usize): u32 {
  while (!kthread_should_stop()) {
    const flags = local_irq_save();
    for (let i: u32 = 0; i < 1000; i++) WRITE_ONCE(counter, READ_ONCE(counter) + 1);
    local_irq_restore(flags);
  }
  return 0;
}

function test_stop_machine(): void {
  WRITE_ONCE(turn, 0);
  const p = kthread_run(counting, 0, 'counting', <i32>num_online_cpus() - 1);
  for (let i: u32 = 0; i < 5; i++) {
    stop_machine(0, alone, 0);
    check_equal(READ_ONCE(turn), 0, 'others ran during stop_machine');
  }
  kthread_stop(p);
}

function sleeper(unused: usize): u32 {
  while (true) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    if (READ_ONCE(done) != 0) break;
    schedule();
  }
  __set_current_state(TASK_RUNNING);
  return 0;
}

/** QEMU's minstret follows the host's clock: then a cost is only told. */
function minstret_counts(): bool {
  for (let i: u32 = 0; i < 8; i++) {
    const before = csr_read(MINSTRET);
    if (csr_read(MINSTRET) - before > 4) return false;
  }
  return true;
}

/** Asleep for good on this CPU: gives it the CPU until it is. */
function let_sleep(p: task_struct): void {
  while (task_state(p) != TASK_UNINTERRUPTIBLE || p.on_rq) msleep(1);
}

function test_cost_of_wakeup(): void {
  WRITE_ONCE(done, 0);
  const p = kthread_run(sleeper, 0, 'sleeper', <i32>smp_processor_id());
  let least: u32 = 0xffffffff;
  for (let i: u32 = 0; i < 8; i++) {
    let_sleep(p);
    preempt_disable();
    const before = csr_read(MINSTRET);
    try_to_wake_up(p, TASK_NORMAL);
    const n = csr_read(MINSTRET) - before;
    preempt_enable();
    if (n < least) least = n;
  }
  let_sleep(p);
  WRITE_ONCE(done, 1);
  try_to_wake_up(p, TASK_NORMAL);
  note('try_to_wake_up, local, uncontended: %u instructions', least);
  check(least < 400 || !minstret_counts(), 'try_to_wake_up under 400 instructions', least, 400);
}

const switch_least: usize = memory.data(4, 4);
const running_switchers: usize = memory.data(4, 4);

/** Both call schedule() in turn; from one's call to the other's return is one switch. */
function switcher(unused: usize): u32 {
  fetch_add(running_switchers, 1);
  while (READ_ONCE(running_switchers) < 2) schedule();
  for (let i: u32 = 0; i < 64; i++) {
    const before = READ_ONCE(counter);
    const now = csr_read(MINSTRET);
    if (before != 0 && now - before < READ_ONCE(switch_least))
      WRITE_ONCE(switch_least, now - before);
    WRITE_ONCE(counter, csr_read(MINSTRET));
    schedule();
  }
  fetch_add(done, 1);
  return 0;
}

function test_cost_of_switch(): void {
  WRITE_ONCE(running_switchers, 0);
  WRITE_ONCE(counter, 0);
  WRITE_ONCE(done, 0);
  WRITE_ONCE(switch_least, 0xffffffff);
  const cpu = <i32>num_online_cpus() - 1;
  kthread_run(switcher, 0, 'switcher', cpu);
  kthread_run(switcher, 0, 'switcher', cpu);
  while (READ_ONCE(done) < 2) msleep(10);
  const n = READ_ONCE(switch_least);
  note('schedule() between two threads: %u instructions', n);
  check(n < 600 || !minstret_counts(), 'schedule under 600 instructions', n, 600);
}

export function register_sched_selftests(): void {
  register_selftest('wait queue, same CPU', test_wait_local);
  register_selftest('wait queue, two CPUs', test_wait_remote);
  register_selftest('kthread stop and park', test_kthread);
  register_selftest('signal', test_sigint);
  register_selftest('affinity', test_affinity);
  register_selftest('nice', test_nice);
  register_selftest('stop_machine', test_stop_machine);
  register_selftest('cost of a switch', test_cost_of_switch);
  register_selftest('cost of a wakeup', test_cost_of_wakeup);
}
