// Addresses of symbols that assembly code or the linker defines: an import named `address_of_X`
// becomes `la rd, X`. Declare one here for each symbol that firmware code needs.

/** First byte of the image (where every hart starts). */
export declare function address_of__start(): usize;
/** First byte after the image's data and bss. */
export declare function address_of__end(): usize;
/** The table of function symbols: u32 count, then count × { u32 address, u32 size, u32 name }, ascending; names are NUL-terminated ASCII. */
export declare function address_of_kallsyms(): usize;
