// Memory access for shared words and atomic operations, with the names and the ordering of the Linux
// kernel memory model. Each call becomes the instruction (sequence) named beside it.
// 32-bit unless the name says otherwise. Pointers are plain addresses.

/** lw / lbu / lhu: one load, never merged with another. */
export declare function READ_ONCE(p: usize): u32;
export declare function READ_ONCE8(p: usize): u32;
export declare function READ_ONCE16(p: usize): u32;
/** sw / sb / sh: one store, never merged or dropped. */
export declare function WRITE_ONCE(p: usize, value: u32): void;
export declare function WRITE_ONCE8(p: usize, value: u32): void;
export declare function WRITE_ONCE16(p: usize, value: u32): void;

/** Keeps the compiler from moving memory accesses across; no instruction. */
export declare function barrier(): void;
/** fence rw,rw */
export declare function smp_mb(): void;
/** fence r,r */
export declare function smp_rmb(): void;
/** fence w,w */
export declare function smp_wmb(): void;
/** lw; fence r,rw */
export declare function smp_load_acquire(p: usize): u32;
/** fence rw,w; sw */
export declare function smp_store_release(p: usize, value: u32): void;

/** amoswap.w{,.aq,.rl,.aqrl}: stores `value`, returns what was there. */
export declare function xchg_relaxed(p: usize, value: u32): u32;
export declare function xchg_acquire(p: usize, value: u32): u32;
export declare function xchg_release(p: usize, value: u32): u32;
export declare function xchg(p: usize, value: u32): u32;

/** lr.w/sc.w loop: stores `value` if the word equals `expected`; returns what was there. */
export declare function cmpxchg_relaxed(p: usize, expected: u32, value: u32): u32;
export declare function cmpxchg_acquire(p: usize, expected: u32, value: u32): u32;
export declare function cmpxchg_release(p: usize, expected: u32, value: u32): u32;
/** Fully ordered, as Linux's cmpxchg(): lr.w; bne; sc.w.rl; bnez; fence rw,rw. */
export declare function cmpxchg(p: usize, expected: u32, value: u32): u32;

/** amoadd.w: adds, returns the old value. */
export declare function fetch_add_relaxed(p: usize, value: u32): u32;
export declare function fetch_add_acquire(p: usize, value: u32): u32;
export declare function fetch_add_release(p: usize, value: u32): u32;
export declare function fetch_add(p: usize, value: u32): u32;
/** amoor.w: fully ordered; returns the old value. */
export declare function fetch_or(p: usize, mask: u32): u32;
export declare function fetch_or_relaxed(p: usize, mask: u32): u32;
/** amoand.w: fully ordered; returns the old value. */
export declare function fetch_and(p: usize, mask: u32): u32;
export declare function fetch_and_relaxed(p: usize, mask: u32): u32;
