// Symbols of entry.S that TypeScript code needs the address of, or calls.

/** Sleeps for good with all interrupts off. Never returns. */
export declare function hart_off(): void;

/** Goes to an address, as a call through a bad pointer would. */
export declare function jump_to(address: usize): void;
/** Executes an instruction that does not exist. */
export declare function illegal_instruction(): void;

/** Saves the running context in `prev` and continues in `next`; returns `prev` as seen there. Interrupts off. */
export declare function __switch_to(prev: usize, next: usize): usize;
/** Of sched/core.ts: reached by symbol, so that locks do not depend on the scheduler. */
export declare function preempt_schedule(): void;

/** Everything is set up; the far end of the line may set its signals. Only for the host to see. */
export declare function scenario_ready(): void;
/** The interesting part begins here and ends with scenario_end(). */
export declare function scenario_begin(): void;
export declare function scenario_end(): void;
