// Enabling and disabling this hart's interrupts, with Linux's names.

import { csr_clear, csr_read, csr_set } from './csr';
import { MSTATUS, MSTATUS_MIE } from './csr-map';

export function local_irq_enable(): void {
  csr_set(MSTATUS, MSTATUS_MIE);
}

export function local_irq_disable(): void {
  csr_clear(MSTATUS, MSTATUS_MIE);
}

/** Disables interrupts and returns what local_irq_restore() needs. */
export function local_irq_save(): u32 {
  return csr_clear(MSTATUS, MSTATUS_MIE) & MSTATUS_MIE;
}

export function local_irq_restore(flags: u32): void {
  csr_set(MSTATUS, flags);
}

export function irqs_disabled(): bool {
  return (csr_read(MSTATUS) & MSTATUS_MIE) == 0;
}
