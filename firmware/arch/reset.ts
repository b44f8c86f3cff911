// Ending the machine: the SiFive test finisher.

import { writel } from './mmio';
import { hart_off } from './entry';
import { local_irq_disable } from './irqflags';
import { board } from './fdt';

const FINISHER_FAIL: u32 = 0x3333;
const FINISHER_PASS: u32 = 0x5555;
const FINISHER_RESET: u32 = 0x7777;

function finish(value: u32): void {
  local_irq_disable();
  if (board.finisher_base != 0) writel(board.finisher_base, value);
  hart_off();
}

/** Off, with an exit code for whoever started the machine. Does not return. */
export function machine_power_off(code: u32): void {
  finish(code == 0 ? FINISHER_PASS : ((code & 0xffff) << 16) | FINISHER_FAIL);
}

/** Does not return. */
export function machine_restart(): void {
  finish(FINISHER_RESET);
}
