// PLIC: external interrupts. RISC-V PLIC specification 1.0. Context 2n is hart n's machine mode.
// All sources have priority 1 and every hart's threshold is 0.

import { readl, writel } from './mmio';
import { board } from './fdt';

const PLIC_PRIORITY: usize = 0x000000;
const PLIC_ENABLE: usize = 0x002000;
const PLIC_ENABLE_STRIDE: usize = 0x80;
const PLIC_THRESHOLD: usize = 0x200000;
const PLIC_CLAIM: usize = 0x200004;
const PLIC_CONTEXT_STRIDE: usize = 0x1000;

function context(hart: u32): usize {
  return (<usize>hart) << 1;
}

/** Every hart, once. */
export function plic_init_hart(hart: u32): void {
  writel(board.plic_base + PLIC_THRESHOLD + context(hart) * PLIC_CONTEXT_STRIDE, 0);
}

/** Lets a source interrupt a hart. The caller holds the lock of the interrupt's descriptor. */
export function plic_enable(hart: u32, source: u32): void {
  const word =
    board.plic_base + PLIC_ENABLE + context(hart) * PLIC_ENABLE_STRIDE + ((source >> 5) << 2);
  writel(board.plic_base + PLIC_PRIORITY + ((<usize>source) << 2), 1);
  writel(word, readl(word) | (1 << (source & 31)));
}

/** The highest pending source for a hart, now claimed; 0 if there is none. Interrupt context. */
export function plic_claim(hart: u32): u32 {
  return readl(board.plic_base + PLIC_CLAIM + context(hart) * PLIC_CONTEXT_STRIDE);
}

export function plic_complete(hart: u32, source: u32): void {
  writel(board.plic_base + PLIC_CLAIM + context(hart) * PLIC_CONTEXT_STRIDE, source);
}
