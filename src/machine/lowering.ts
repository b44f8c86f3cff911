// Which operation performs a decoded instruction, with what constants: shared by the two that turn
// instructions into something that runs, the block cache and the region compiler.

import type { Decoded } from './decoder.ts';
import { operationNumber, OP_SLOW } from './operations.ts';
import { RAM_BASE } from './memory-map.ts';

/** An instruction as an operation. `rd`, `rs1` and `rs2` are those of the instruction. */
export interface Lowered {
  /** Name in the operations table. */
  readonly operation: string;
  readonly imm: number;
}

const MEMORY = new Set(['lb', 'lh', 'lw', 'lbu', 'lhu', 'sb', 'sh', 'sw']);
const BRANCHES = new Set(['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu']);
const NOPS = new Set(['fence', 'fence.tso', 'pause']);

/** A conditional branch: two ways out. */
export function isBranch(name: string): boolean {
  return BRANCHES.has(name);
}

export function lower(decoded: Decoded, address: number): Lowered {
  const { name, imm } = decoded;
  if (name === 'lui') return { operation: 'li', imm };
  if (name === 'auipc') return { operation: 'li', imm: (address + imm) | 0 };
  // One hart at a time runs, in order: there is nothing to fence.
  if (NOPS.has(name)) return { operation: 'nop', imm: 0 };
  // RAM's base address is taken off here, once.
  if (MEMORY.has(name) || name.startsWith('amo')) {
    return { operation: name, imm: (imm - RAM_BASE) | 0 };
  }
  return operationNumber(name) === operationNumber(OP_SLOW)
    ? { operation: OP_SLOW, imm: 0 }
    : { operation: name, imm };
}

/** The instruction is the last of its block: it may jump, or only the slow path performs it. */
export function endsBlock(decoded: Decoded): boolean {
  const { name } = decoded;
  if (isBranch(name) || name === 'jal' || name === 'jalr') return true;
  return lower(decoded, 0).operation === OP_SLOW;
}
