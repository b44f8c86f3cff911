// Addresses of symbols that assembly code or the linker defines: an import named `address_of_X`
// becomes `la rd, X`. Declare one here for each symbol that firmware code needs.

/** First byte of the image (where every hart starts). */
export declare function address_of__start(): usize;
/** First byte after the image's data and bss. */
export declare function address_of__end(): usize;
/** The table of function symbols: u32 count, then count × { u32 address, u32 size, u32 name }, ascending; names are NUL-terminated ASCII. */
export declare function address_of_kallsyms(): usize;

// In arch/entry.S:

/** NR_CPUS areas of PERCPU_SIZE bytes. */
export declare function address_of___per_cpu_start(): usize;
/** The boot hart's stacks (arch/stacks.ts). */
export declare function address_of_boot_stacks(): usize;
/** Where the handlers that entry.S calls return to: a frame with this return address is a pt_regs' neighbour. */
export declare function address_of_ret_from_exception(): usize;
export declare function address_of_ret_from_interrupt(): usize;
export declare function address_of_ret_from_preemption(): usize;
export declare function address_of_ret_from_overflow(): usize;
export declare function address_of_ret_from_nmi(): usize;
/** Where a new task starts. */
export declare function address_of_ret_from_fork(): usize;
/** Where a non-maskable interrupt enters. */
export declare function address_of_nmi_entry(): usize;
