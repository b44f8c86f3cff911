// CLINT, as SiFive's (and the ACLINT's MSWI and MTIMER in one): software interrupts and the timer.
// RISC-V ACLINT specification 1.0; offsets as in the FU540-C000 manual, chapter 9.

import { readl, writel } from './mmio';
import { board } from './fdt';

const CLINT_MSIP: usize = 0x0000;
const CLINT_MTIMECMP: usize = 0x4000;
const CLINT_MTIME: usize = 0xbff8;

/** Raises a hart's machine software interrupt. Any context. */
export function clint_send_ipi(hart: u32): void {
  writel(board.clint_base + CLINT_MSIP + ((<usize>hart) << 2), 1);
}

/** Ends a hart's machine software interrupt. */
export function clint_clear_ipi(hart: u32): void {
  writel(board.clint_base + CLINT_MSIP + ((<usize>hart) << 2), 0);
}

/** The time in ticks of board.timebase; 0 as long as the CLINT is unknown. Any context. */
export function clint_mtime(): u64 {
  const mtime = board.clint_base + CLINT_MTIME;
  if (board.clint_base == 0) return 0;
  let low: u32;
  let high: u32;
  do {
    high = readl(mtime + 4);
    low = readl(mtime);
  } while (readl(mtime + 4) != high);
  return ((<u64>high) << 32) | (<u64>low);
}

/** Low word of mtime: for differences. Any context. */
export function clint_mtime_low(): u32 {
  return readl(board.clint_base + CLINT_MTIME);
}

/** Next timer interrupt of a hart. In between, the high word keeps it from firing early. */
export function clint_set_timer(hart: u32, mtime: u64): void {
  const mtimecmp = board.clint_base + CLINT_MTIMECMP + ((<usize>hart) << 3);
  writel(mtimecmp + 4, 0xffffffff);
  writel(mtimecmp, <u32>mtime);
  writel(mtimecmp + 4, <u32>(mtime >> 32));
}
