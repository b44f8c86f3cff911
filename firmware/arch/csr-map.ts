// CSR numbers and bits that the kernel uses. RISC-V privileged specification, machine mode, and
// Smrnmi for the mn* registers.

export const MSTATUS: u32 = 0x300;
/** mstatus.MIE: interrupts enabled on this hart. */
export const MSTATUS_MIE: u32 = 1 << 3;

export const MIE: u32 = 0x304;
/** Software interrupt (ACLINT msip). */
export const MIE_MSIE: u32 = 1 << 3;
/** Timer interrupt (mtime ≥ mtimecmp). */
export const MIE_MTIE: u32 = 1 << 7;
/** External interrupt (PLIC). */
export const MIE_MEIE: u32 = 1 << 11;

export const MHARTID: u32 = 0xf14;

/** mcause: set for an interrupt, clear for an exception. */
export const CAUSE_INTERRUPT: u32 = 0x80000000;
export const IRQ_M_SOFT: u32 = 3;
export const IRQ_M_TIMER: u32 = 7;
export const IRQ_M_EXT: u32 = 11;

export const EXC_BREAKPOINT: u32 = 3;

/** Scratch register for the NMI handler. */
export const MNSCRATCH: u32 = 0x740;
export const MNSTATUS: u32 = 0x744;
/** mnstatus.NMIE: 0 while an NMI is being handled; software can only set it. */
export const MNSTATUS_NMIE: u32 = 1 << 3;
