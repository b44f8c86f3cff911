// CSR access. Each function here becomes one Zicsr instruction; the CSR number must be a constant.
// (Calls to these imports are opaque to the optimiser: never merged, never dropped, kept in order.)

/** csrr: reads a CSR. */
export declare function csr_read(csr: u32): u32;
/** csrw: writes a CSR. */
export declare function csr_write(csr: u32, value: u32): void;
/** csrrw: writes a CSR and returns its old value. */
export declare function csr_swap(csr: u32, value: u32): u32;
/** csrrs: sets the bits of `mask` and returns the old value. */
export declare function csr_set(csr: u32, mask: u32): u32;
/** csrrc: clears the bits of `mask` and returns the old value. */
export declare function csr_clear(csr: u32, mask: u32): u32;
