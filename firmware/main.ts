// What entry.S calls. Everything else is reached from here.

export { start_kernel } from './init/main';
export { secondary_start_kernel } from './arch/smp';
export { do_stack_overflow, do_trap_exception, do_trap_interrupt } from './arch/trap';
export { preempt_schedule, preempt_schedule_irq } from './sched/core';
export { task_entry } from './sched/fork';
export { do_nmi } from './arch/nmi';
// Where `throw` goes: named in the build, so it only has to be there.
export { kernel_bug } from './kernel/bug';
// For whoever looks from outside: who panics, and the list of all locks.
export { panic_cpu } from './kernel/panic-state';
export { lock_list } from './locking/spinlock';
export { console_printk, console_sem } from './printk/console';
export { console_owner, console_waiter } from './printk/emit/handover';
export { printk_stats } from './printk/printk-stats';
export { logbuf_ring } from './printk/store/logbuf';
export { prb, printk_rb_static } from './printk/store/lockless';
export { vmcoreinfo_data, vmcoreinfo_size } from './printk/vmcoreinfo';
