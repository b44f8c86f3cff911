// Device register access. Each call becomes exactly one load or store of that width, in program
// order, ordered against memory as Linux's readl()/writel() are (fence before a write, after a read).

export declare function readb(address: usize): u32;
export declare function readw(address: usize): u32;
export declare function readl(address: usize): u32;
export declare function writeb(address: usize, value: u32): void;
export declare function writew(address: usize, value: u32): void;
export declare function writel(address: usize, value: u32): void;
