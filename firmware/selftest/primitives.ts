// A kernel with tasks, locks and printk, but without serial ports, ttys and a shell, for whoever explores
// those: regions are short, and it compiles fast. It is built in place of init/main.ts.
//
// Boot parameter test=NAME: two threads, one on each CPU, meet at a barrier and do their parts. The region
// ends when both are through and all messages are on the console; if that never is, a wakeup, an event or
// a message was lost.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { hart_off, scenario_begin, scenario_end } from '../arch/entry';
import { fdt_scan } from '../arch/fdt';
import { hart_pause } from '../arch/hart';
import { local_irq_enable } from '../arch/irqflags';
import { NMI_REASON_WORKLOAD, nmi_init, register_nmi_handler, send_nmi } from '../arch/nmi';
import { smp_init, smp_prepare_boot_cpu, smp_setup_boot_task } from '../arch/smp';
import { param_is } from '../init/params';
import { init_irq_work, irq_work, irq_work_queue_on } from '../kernel/irq_work';
import { TIMER_SOFTIRQ, open_softirq } from '../kernel/softirq';
import { complete, completion, init_completion, wait_for_completion } from '../locking/completion';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from '../locking/mutex';
import { down, sema_init, semaphore, up } from '../locking/semaphore';
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from '../locking/spinlock';
import { memblock_init } from '../mm/memblock';
import { slab_init } from '../mm/slab';
import { Console, register_console } from '../printk/console';
import { emitter } from '../printk/emit/emit';
import { set_printk_percpu_data_ready } from '../printk/klogd';
import {
  SEEK_END,
  devkmsg_llseek,
  devkmsg_open,
  devkmsg_read_record,
  devkmsg_user,
} from '../printk/kmsg';
import { pr_info, printk_deferred, printk_init } from '../printk/printk';
import { fork_init } from '../sched/fork';
import { cpu_startup_entry } from '../sched/idle';
import { kthread_run } from '../sched/kthread';
import { jiffies_init } from '../time/jiffies';
import { timekeeping_init } from '../time/timekeeping';
import { run_timer_softirq } from '../time/timer';

/** Threads that have not come to the barrier yet; 1 once all have. */
const awaited: usize = memory.data(4, 4);
const begun: usize = memory.data(4, 4);
/** What is still to happen: ends of threads, and messages on the console or events that were seen. */
const left: usize = memory.data(4, 4);

const done: completion = changetype<completion>(memory.data(offsetof<completion>(), 4));
const sem: semaphore = changetype<semaphore>(memory.data(offsetof<semaphore>(), 4));
const guard: mutex = changetype<mutex>(memory.data(offsetof<mutex>(), 4));
/** What the console's write() takes, as a driver takes the locks that a wakeup needs. */
const device_lock: spinlock_t = changetype<spinlock_t>(memory.data(offsetof<spinlock_t>(), 4));
const work: irq_work = changetype<irq_work>(memory.data(offsetof<irq_work>(), 4));
/** What the work is to see. */
const posted: usize = memory.data(4, 4);
/** A pointer to the devkmsg_user that reads what is logged from here on. */
const reader: usize = memory.data(4, 4);
const console: Console = changetype<Console>(memory.data(offsetof<Console>(), 8));

/** One thing less is still to happen. Any context. */
function happened(): void {
  if (fetch_add(left, 0xffffffff) == 1) scenario_end();
}

/** CPU 0 waits for what CPU 1 completes. */
function test_completion(cpu: usize): void {
  if (cpu == 0) wait_for_completion(done);
  else complete(done);
}

/** CPU 0 waits, and is interrupted by what completes it. */
function test_interrupt(cpu: usize): void {
  if (cpu == 0) wait_for_completion(done);
  else irq_work_queue_on(work, 0);
}

function test_semaphore(cpu: usize): void {
  if (cpu == 0) down(sem);
  else up(sem);
}

function test_mutex(cpu: usize): void {
  mutex_lock(guard);
  mutex_unlock(guard);
}

/** CPU 1 announces two things to CPU 0; the second one must be seen whatever happens to the first. */
function test_irq_work(cpu: usize): void {
  if (cpu == 0) return;
  for (let n: u32 = 1; n <= 2; n++) {
    WRITE_ONCE(posted, n);
    irq_work_queue_on(work, 0);
  }
}

/** Both log. */
function test_printk(cpu: usize): void {
  pr_info('cpu\n');
}

/** CPU 0 waits for what CPU 1 logs. */
function test_kmsg(cpu: usize): void {
  if (cpu == 0) devkmsg_read_record(changetype<devkmsg_user>(load<usize>(reader)), false);
  else pr_info('cpu\n');
}

/** CPU 0 logs with a lock held that the console needs. */
function test_deferred(cpu: usize): void {
  if (cpu != 0) return;
  const flags = spin_lock_irqsave(device_lock);
  printk_deferred('held\n');
  spin_unlock_irqrestore(device_lock, flags);
}

/** CPU 1 sends an NMI that logs, while CPU 0 logs. */
function test_nmi(cpu: usize): void {
  if (cpu == 0) pr_info('task\n');
  else send_nmi(0, NMI_REASON_WORKLOAD);
}

@unmanaged
class Test {
  fn: (cpu: usize) => void;
  /** What has to happen besides the ends of the threads. */
  events: u32;
}
const test: Test = changetype<Test>(memory.data(offsetof<Test>(), 4));

/** If this is the one that the boot parameter names. */
function offer(name: string, fn: (cpu: usize) => void, events: u32): void {
  if (!param_is('test', name)) return;
  test.fn = fn;
  test.events = events;
}

/** Both threads' function. */
function part(cpu: usize): u32 {
  if (fetch_add(awaited, 0xffffffff) == 1) {
    scenario_begin();
    WRITE_ONCE(begun, 1);
  }
  while (READ_ONCE(begun) == 0) hart_pause();
  test.fn(cpu);
  happened();
  return 0;
}

/** Hardirq context. */
function work_function(unused: irq_work): void {
  if (READ_ONCE(posted) == 2) happened();
  complete(done);
}

/** In NMI context. */
function nmi_function(): void {
  pr_info('NMI\n');
}

/** Under console_sem, interrupts off. */
function console_write(unused: Console, text: usize, length: u32): void {
  const flags = spin_lock_irqsave(device_lock);
  happened();
  spin_unlock_irqrestore(device_lock, flags);
}

function open_log(): void {
  const user = devkmsg_open();
  devkmsg_llseek(user, 0, SEEK_END);
  store<usize>(reader, changetype<usize>(user));
}

/** Pid 1. */
function init(unused: usize): u32 {
  emitter.threads_ready();
  smp_init();
  init_completion(done);
  sema_init(sem, 0, 'sem');
  mutex_init(guard, 'guard');
  spin_lock_init(device_lock, 'device_lock');
  init_irq_work(work, work_function);
  register_nmi_handler(nmi_function);
  console.name = 'counts';
  console.write = console_write;
  register_console(console);
  open_log();
  offer('completion', test_completion, 0);
  offer('interrupt', test_interrupt, 0);
  offer('semaphore', test_semaphore, 0);
  offer('mutex', test_mutex, 0);
  offer('irq-work', test_irq_work, 1);
  offer('printk', test_printk, 2);
  offer('kmsg', test_kmsg, 1);
  offer('deferred', test_deferred, 1);
  offer('nmi', test_nmi, 2);
  WRITE_ONCE(left, 2 + test.events);
  WRITE_ONCE(awaited, 2);
  kthread_run(part, 0, 'part0', 0);
  kthread_run(part, 1, 'part1', 1);
  return 0;
}

/** Called by entry.S on hart 0 with interrupts off. Never returns. */
export function start_kernel(fdt: usize): void {
  smp_setup_boot_task();
  if (!fdt_scan(fdt)) hart_off();
  memblock_init();
  printk_init();
  timekeeping_init();
  jiffies_init();
  smp_prepare_boot_cpu();
  nmi_init();
  set_printk_percpu_data_ready();
  open_softirq(TIMER_SOFTIRQ, run_timer_softirq);
  slab_init();
  fork_init();
  kthread_run(init, 0, 'init', 0);
  local_irq_enable();
  cpu_startup_entry();
}
