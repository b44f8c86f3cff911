// Instructions and registers of the hart that have no spelling in TypeScript.

/** wfi: waits until an interrupt is pending in mip & mie, whether or not it is enabled globally. */
export declare function hart_wfi(): void;
/** pause (Zihintpause): cpu_relax() in a spin loop. */
export declare function hart_pause(): void;
/** fence.i: makes this hart's instruction fetches see earlier stores. */
export declare function hart_fence_i(): void;
/** ebreak. */
export declare function hart_ebreak(): void;
/** Reads tp, which holds the address of this hart's per-CPU area. */
export declare function hart_tp(): usize;
/** Writes tp. */
export declare function hart_set_tp(value: usize): void;
/** Reads sp. */
export declare function hart_sp(): usize;
/** Reads s0, the frame pointer of the calling function: *(fp - 4) is ra, *(fp - 8) the caller's fp. */
export declare function hart_fp(): usize;
/** The address that the calling function returns to. */
export declare function hart_ra(): usize;
