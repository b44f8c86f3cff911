// Symbols of entry.S that TypeScript code needs the address of, or calls.

/** Sleeps for good with all interrupts off. Never returns. */
export declare function hart_off(): void;

/** Goes to an address, as a call through a bad pointer would. */
export declare function jump_to(address: usize): void;
/** Executes an instruction that does not exist. */
export declare function illegal_instruction(): void;
