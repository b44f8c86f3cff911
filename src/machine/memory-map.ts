// The board's addresses and interrupt numbers: those of QEMU's riscv `virt` machine, and for what
// QEMU does not have, addresses that it leaves empty. The device tree tells them to the guest.

/** SiFive test finisher. */
export const FINISHER_BASE = 0x0010_0000;
/** NMI controller (not on QEMU). */
export const NMI_BASE = 0x0011_0000;
/** ACLINT in CLINT layout. */
export const ACLINT_BASE = 0x0200_0000;
export const PLIC_BASE = 0x0c00_0000;
/** ttyS0; the others follow every 0x100 bytes (not on QEMU). */
export const UART_BASE = 0x1000_0000;
export const UART_STRIDE = 0x100;
export const RAM_BASE = 0x8000_0000;

/** Interrupt sources of the PLIC, as on QEMU's virt board. */
export const PLIC_SOURCES = 96;
/** PLIC source of each UART. QEMU's uses 1–8 for virtio, 10 for its UART, 11 for its RTC. */
export const UART_IRQS: readonly number[] = [10, 12, 13, 14];
/** PLIC source of each UART's wake output (not on QEMU, which leaves these free). */
export const UART_WAKE_IRQS: readonly number[] = [16, 17, 18, 19];
/** Input clock of the UARTs in Hz. */
export const UART_CLOCK_HZ = 3_686_400;
/** mtime ticks per second. */
export const TIMEBASE_HZ = 10_000_000;

/** Most harts that the board can have. */
export const HARTS_MAX = 32;
/** RAM ends below the 4 GiB line. */
export const MEMORY_BYTES_MAX = 0x8000_0000;
export const PAGE_BYTES = 4096;
export const PAGE_SHIFT = 12;
