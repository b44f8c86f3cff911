// Machine instructions → instruction words, by the formats of src/machine/isa.ts. For the code
// generator: operands are known to fit, so there are no messages.

import { type Format, INSTRUCTIONS } from '../machine/isa.ts';

const TABLE = new Map(INSTRUCTIONS.map((i) => [i.name, i]));

const AQ = 1 << 26;
const RL = 1 << 25;
const ORDER: Readonly<Record<string, number>> = { aq: AQ, rl: RL, aqrl: AQ | RL };

/** Splits `amoadd.w.aq` into the table's name and the ordering bits. */
function lookUp(op: string): { match: number; format: Format } {
  const plain = TABLE.get(op);
  if (plain) return plain;
  const dot = op.lastIndexOf('.');
  const base = TABLE.get(op.slice(0, dot));
  const bits = ORDER[op.slice(dot + 1)];
  if (base === undefined || bits === undefined) throw new Error(`no instruction named ${op}`);
  return { match: base.match | bits, format: base.format };
}

export const encodeBranchOffset = (offset: number): number =>
  (((offset >> 12) & 1) << 31) |
  (((offset >> 5) & 0x3f) << 25) |
  (((offset >> 1) & 0xf) << 8) |
  (((offset >> 11) & 1) << 7);

export const encodeJumpOffset = (offset: number): number =>
  (((offset >> 20) & 1) << 31) |
  (((offset >> 1) & 0x3ff) << 21) |
  (((offset >> 11) & 1) << 20) |
  (((offset >> 12) & 0xff) << 12);

/**
 * One 32-bit instruction. Absent registers count as x0. `imm`: as in assembly, but the upper 20 bits
 * in place for U, the number (plus the operand at bit 12 for csr…i) for CSRs, both sets for fence.
 */
export function encode(op: string, rd: number, rs1: number, rs2: number, imm: number): number {
  const { match, format } = lookUp(op);
  const d = Math.max(rd, 0) << 7;
  const s1 = Math.max(rs1, 0) << 15;
  const s2 = Math.max(rs2, 0) << 20;
  switch (format) {
    case 'R':
    case 'amo':
      return match | d | s1 | s2;
    case 'lr':
      return match | d | s1;
    case 'I':
    case 'L':
    case 'jalr':
    case 'Ish':
    case 'csr':
      return match | d | s1 | (imm << 20);
    case 'csri':
      return match | d | ((imm >> 12) << 15) | (imm << 20);
    case 'S':
      return match | s1 | s2 | (((imm >> 5) & 0x7f) << 25) | ((imm & 31) << 7);
    case 'B':
      return match | s1 | s2 | encodeBranchOffset(imm);
    case 'U':
      return match | d | (imm & 0xfffff000);
    case 'J':
      return match | d | encodeJumpOffset(imm);
    case 'fence':
      return match | (imm << 20);
    case 'none':
      return match;
  }
}
