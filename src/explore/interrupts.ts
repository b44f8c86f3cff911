// Which interrupt a hart takes next, as an exploration sees it. Privileged ISA 1.13, 3.1.9.

import { IRQ_EXTERNAL, IRQ_SOFTWARE, IRQ_TIMER, MSTATUS_MIE } from '../machine/csr.ts';
import type { HartTrack } from './hart-track.ts';

/** By falling priority. */
export const IRQS = [
  { irq: IRQ_EXTERNAL, name: 'external' },
  { irq: IRQ_SOFTWARE, name: 'software' },
  { irq: IRQ_TIMER, name: 'timer' },
] as const;

/** The interrupt that a hart would take now, if any. An NMI comes before all. */
export function nextInterrupt({ hart, standing }: HartTrack): number | undefined {
  const ready = hart.mip & hart.mie;
  if (ready === 0 || standing === 'end' || (hart.mstatus & MSTATUS_MIE) === 0) return undefined;
  if (hart.inNmi || hart.nmiReady) return undefined;
  for (const { irq } of IRQS) if ((ready & (1 << irq)) !== 0) return irq;
  return undefined;
}

/** The interrupts that a hart would take, pending or not. */
export function maskOf({ hart, standing }: HartTrack): number {
  return standing === 'end' || (hart.mstatus & MSTATUS_MIE) === 0 ? 0 : hart.mie;
}
