// What kinds of instructions there are for an exploration: which access memory and how wide, and which
// CSR accesses other contexts may notice.

import type { AccessBytes } from '../../devices/ports.ts';
import { csrEntry, MSTATUS_MIE } from '../machine/csr.ts';
import type { Decoded } from '../machine/decoder.ts';
import type { Hart } from '../machine/hart.ts';

const BYTES: ReadonlyMap<string, AccessBytes> = new Map([
  ...(['lb', 'lbu', 'sb'] as const).map((name) => [name, 1] as const),
  ...(['lh', 'lhu', 'sh'] as const).map((name) => [name, 2] as const),
  ...(['lw', 'sw', 'lr.w', 'sc.w'] as const).map((name) => [name, 4] as const),
]);

const CSR_MSTATUS = 0x300;
const CSR_MIE = 0x304;
const CSR_MSCRATCH = 0x340;
const CSR_MNSTATUS = 0x744;
export const CSR_MIP = 0x344;
export const CSR_TIME = 0xc01;
export const CSR_TIMEH = 0xc81;
/** cycle, instret, their upper halves, and those of machine mode. */
export const COUNTERS: ReadonlySet<number> = new Set([
  ...[0xc00, 0xc02, 0xc80, 0xc82],
  ...[0xb00, 0xb02, 0xb80, 0xb82],
]);

/** Width of a load, a store or an atomic; undefined for other instructions. */
export function accessBytes({ name }: Decoded): AccessBytes | undefined {
  return BYTES.get(name) ?? (isAtomic(name) ? 4 : undefined);
}

/** An AMO. LR and SC are none. */
export function isAtomic(name: string): boolean {
  return name.startsWith('amo');
}

export function isStore(name: string): boolean {
  return name === 'sb' || name === 'sh' || name === 'sw';
}

/** What an instruction does with mscratch, which a handler has in common with what it interrupts. */
export function scratchAccess({ name, imm, rs1 }: Decoded): 'read' | 'write' | undefined {
  if (imm !== CSR_MSCRATCH || !name.startsWith('csr')) return undefined;
  return name.startsWith('csrrw') || rs1 !== 0 ? 'write' : 'read';
}

/** A CSR access that other contexts may notice: what enables interrupts, and what is pending. */
export function isVisibleCsr(hart: Hart, d: Decoded): boolean {
  if (d.imm === CSR_MIP) return true;
  const swaps = d.name.startsWith('csrrw');
  if (!swaps && d.rs1 === 0) return false;
  if (d.imm === CSR_MIE || d.imm === CSR_MNSTATUS) return true;
  if (d.imm !== CSR_MSTATUS) return false;
  const old = csrEntry(d.imm)?.read(hart) ?? 0;
  const operand = d.name.endsWith('i') ? d.rs1 : hart.x[d.rs1];
  const next = swaps ? operand : d.name.startsWith('csrrs') ? old | operand : old & ~operand;
  return ((next ^ old) & MSTATUS_MIE) !== 0;
}
