// Cures taken out of the firmware, one at a time: a recheck, an ordering of store and check, interrupts
// that are off, a deferral, a hand-over. Each makes something hang or get lost in some schedule.
//
// Not here: barriers, as executions are sequentially consistent; that a wakeup waits until its task is off its
// CPU (without it, all 47 executions of test=completion end well); that `safe` prints nothing from an NMI, and
// that an NMI only tries `percpu`'s lock (no finding in a thousand executions). The scenarios of the catalogue
// hang by design: their cures are other designs or arguments, and scenarios.test.ts has both sides.

export interface Mutation {
  /** The cure that is missing. */
  readonly name: string;
  readonly file: string;
  /** Occurs once in the file, and is replaced. */
  readonly from: string;
  readonly to: string;
  /** Kernel command line: which test of firmware/selftest/primitives.ts, which printk. */
  readonly append: string;
  /** Most preemptions, interrupts and NMIs that it takes. */
  readonly bounds: readonly [number, number, number];
  /** With the cure there are more executions within the bounds than a test has time for. */
  readonly partly?: true;
}

/** One of either: what most take. */
const ONE_EACH = [1, 1, 0] as const;

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a waiter looks again after it has announced itself',
    file: 'firmware/locking/completion.ts',
    from: `    if (READ_ONCE(changetype<usize>(x) + offsetof<completion>('done')) == 0) {
      left = schedule_timeout(left);
    }`,
    to: '    left = schedule_timeout(left);',
    append: 'test=completion',
    bounds: ONE_EACH,
  },
  {
    name: 'a sleeper sets its state before it lets go of the lock',
    file: 'firmware/locking/semaphore.ts',
    from: `    set_current_state(state);
    spin_unlock_irqrestore(sem, flags);`,
    to: `    spin_unlock_irqrestore(sem, flags);
    set_current_state(state);`,
    append: 'test=semaphore',
    bounds: ONE_EACH,
  },
  {
    name: 'who waits for a mutex marks it',
    file: 'firmware/locking/mutex.ts',
    from: '    if (cmpxchg(holder_of(lock), old, old | WAITERS) != old) continue;\n',
    to: '',
    append: 'test=mutex',
    bounds: ONE_EACH,
  },
  {
    name: 'interrupts are off before the lock is taken',
    file: 'firmware/locking/spinlock.ts',
    from: `  const flags = local_irq_save();
  spin_lock(lock);`,
    to: `  spin_lock(lock);
  const flags = local_irq_save();`,
    append: 'test=interrupt',
    bounds: ONE_EACH,
  },
  {
    name: 'interrupts come back after the lock is free',
    file: 'firmware/locking/spinlock.ts',
    from: `  do_raw_unlock(lock);
  local_irq_restore(flags);`,
    to: `  local_irq_restore(flags);
  do_raw_unlock(lock);`,
    append: 'test=interrupt',
    bounds: ONE_EACH,
  },
  {
    name: 'the idle task sleeps with interrupts off',
    file: 'firmware/sched/idle.ts',
    from: '  hart_wfi();\n',
    to: '  local_irq_enable();\n  hart_wfi();\n',
    append: 'test=completion',
    bounds: ONE_EACH,
  },
  {
    name: 'work can be queued again before its function runs',
    file: 'firmware/kernel/irq_work.ts',
    from: `    const flags = fetch_and(flags_of(work), ~IRQ_WORK_PENDING) & ~IRQ_WORK_PENDING;
    smp_mb();
    work.fn(work);`,
    to: `    work.fn(work);
    const flags = fetch_and(flags_of(work), ~IRQ_WORK_PENDING) & ~IRQ_WORK_PENDING;`,
    append: 'test=irq-work',
    bounds: [2, 1, 0],
    partly: true,
  },
  {
    name: 'who gives console_sem back looks for new records',
    file: 'firmware/printk/emit/legacy.ts',
    from: '  } while (console_has_pending() && console_trylock());',
    to: '  } while (false);',
    append: 'test=printk printk.emit=direct',
    bounds: ONE_EACH,
  },
  {
    name: 'an owner of the console looks for who waits',
    file: 'firmware/printk/emit/legacy.ts',
    from: '        if (console_lock_spinning_disable_and_check()) result = HANDED_OVER;',
    to: '',
    append: 'test=printk printk.emit=handover',
    bounds: ONE_EACH,
  },
  {
    name: 'the printing thread looks again after it has announced itself',
    file: 'firmware/printk/emit/kthread.ts',
    from: '    if (!offload() || !console_has_pending()) schedule();',
    to: '    schedule();',
    append: 'test=printk printk.store=lockless printk.emit=kthread',
    bounds: ONE_EACH,
    partly: true,
  },
  {
    name: 'only for an owner does one wait',
    file: 'firmware/printk/emit/handover.ts',
    from: '  const spin = READ_ONCE(console_waiter) == 0 && owner != 0 && owner != self;',
    to: '  const spin = READ_ONCE(console_waiter) == 0 && owner != self;',
    append: 'test=printk printk.emit=handover',
    bounds: ONE_EACH,
  },
  {
    name: 'a reader of the log looks again after it is on log_wait',
    file: 'firmware/printk/kmsg.ts',
    from: `    prepare_to_wait(log_wait, TASK_INTERRUPTIBLE);
    // LMM(devkmsg_read:A): our entry is on log_wait before we look for a record; pairs with the
    // barrier between storing a record and looking for an entry (LMM(__wake_up_klogd:A)).
    smp_mb();
    if (prb.read(user.seq, user.record)) break;`,
    to: `    if (prb.read(user.seq, user.record)) break;
    prepare_to_wait(log_wait, TASK_INTERRUPTIBLE);
    smp_mb();`,
    append: 'test=kmsg printk.store=lockless printk.emit=direct',
    bounds: ONE_EACH,
  },
  {
    name: 'printk_deferred() leaves the printing to an interrupt',
    file: 'firmware/printk/emit/direct.ts',
    from: `  e.stored = direct_stored;
  e.stored_deferred = defer_console_output;`,
    to: `  e.stored = direct_stored;
  e.stored_deferred = direct_stored;`,
    append: 'test=deferred printk.emit=direct',
    bounds: [0, 0, 0],
  },
  {
    name: 'an NMI keeps its message aside',
    file: 'firmware/printk/store/safe.ts',
    from: '  return nmi ? READ_ONCE(nmi_in_log_here()) == 0 : in_printk_safe();',
    to: '  return in_printk_safe();',
    append: 'test=nmi printk.store=safe printk.emit=handover',
    bounds: [1, 0, 1],
    partly: true,
  },
];
