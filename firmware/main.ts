// What entry.S calls. Everything else is reached from here.

export { start_kernel } from './init/main';
export { secondary_start_kernel } from './arch/smp';
export { do_stack_overflow, do_trap_exception, do_trap_interrupt } from './arch/trap';
export { do_nmi } from './arch/nmi';
