// From an instruction's bits to its operation and operands, driven by the tables of isa.ts.
// Compressed instructions come out as the base instruction that they stand for (unprivileged ISA,
// chapter 28), so that nothing behind the decoder knows about them except by `length`.

import { COMPRESSED_INSTRUCTIONS, INSTRUCTIONS } from './isa.ts';
import type { CompressedFormat, CompressedInstruction, Format, Instruction } from './isa.ts';

/** A decoded instruction. Operands that the format does not have are 0. */
export interface Decoded {
  /** Name of the base instruction (`addi` for `c.addi`), or `illegal`. */
  readonly name: string;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  /** Sign-extended immediate; the offset of branches and jumps; the CSR number; fence bits. */
  readonly imm: number;
  /** 2 or 4 bytes. */
  readonly length: 2 | 4;
  /** The bits as fetched, unsigned: what mtval holds after an illegal instruction. */
  readonly bits: number;
}

const byOpcode = new Map<number, Instruction[]>();
for (const entry of INSTRUCTIONS) {
  const key = entry.match & 0x7f;
  byOpcode.set(key, [...(byOpcode.get(key) ?? []), entry]);
}
const byQuadrant = new Map<number, CompressedInstruction[]>();
for (const entry of COMPRESSED_INSTRUCTIONS) {
  const key = entry.match & 0xe003;
  byQuadrant.set(key, [...(byQuadrant.get(key) ?? []), entry]);
}

/** Decodes the instruction at the low end of a 32-bit word. */
export function decode(word: number): Decoded {
  return (word & 3) === 3 ? decodeFull(word >>> 0) : decodeCompressed(word & 0xffff);
}

const illegal = (bits: number, length: 2 | 4): Decoded => ({
  name: 'illegal',
  rd: 0,
  rs1: 0,
  rs2: 0,
  imm: 0,
  length,
  bits,
});

function decodeFull(word: number): Decoded {
  const found = byOpcode
    .get(word & 0x7f)
    ?.find((entry) => (word & entry.mask) >>> 0 === entry.match);
  if (found === undefined) return illegal(word, 4);
  return {
    name: found.name,
    rd: hasRd(found.format) ? (word >>> 7) & 31 : 0,
    rs1: (word >>> 15) & 31,
    rs2: (word >>> 20) & 31,
    imm: immediate(found.format, word | 0),
    length: 4,
    bits: word,
  };
}

function hasRd(format: Format): boolean {
  return format !== 'S' && format !== 'B' && format !== 'none' && format !== 'fence';
}

/** Immediates of the base formats (unprivileged ISA, 2.3). */
function immediate(format: Format, word: number): number {
  switch (format) {
    case 'I':
    case 'L':
    case 'jalr':
    case 'fence':
      return word >> 20;
    case 'Ish':
      return (word >>> 20) & 31;
    case 'S':
      return ((word >> 25) << 5) | ((word >>> 7) & 31);
    case 'B':
      return (
        ((word >> 31) << 12) |
        (((word >>> 7) & 1) << 11) |
        (((word >>> 25) & 63) << 5) |
        (((word >>> 8) & 15) << 1)
      );
    case 'U':
      return word & 0xfffff000;
    case 'J':
      return (
        ((word >> 31) << 20) |
        (word & 0xff000) |
        (((word >>> 20) & 1) << 11) |
        (((word >>> 21) & 1023) << 1)
      );
    case 'csr':
    case 'csri':
      return word >>> 20;
    case 'R':
    case 'none':
    case 'lr':
    case 'amo':
      return 0;
  }
}

function decodeCompressed(half: number): Decoded {
  const found = byQuadrant.get(half & 0xe003)?.find((entry) => (half & entry.mask) === entry.match);
  if (found === undefined) return illegal(half, 2);
  const operands = OPERANDS[found.format](half);
  const name = EXPANSION[found.name] ?? found.name.slice(2);
  const decoded = { name, rd: 0, rs1: 0, rs2: 0, ...operands, length: 2 as const, bits: half };
  const reserved = RESERVED[found.name]?.(decoded) ?? false;
  return reserved ? illegal(half, 2) : { ...decoded, ...FIXED[found.name] };
}

type Operands = Partial<Pick<Decoded, 'rd' | 'rs1' | 'rs2'>> & { imm: number };

const bit = (half: number, n: number) => (half >>> n) & 1;
const full = (half: number) => (half >>> 7) & 31;
const second = (half: number) => (half >>> 2) & 31;
const primeHigh = (half: number) => ((half >>> 7) & 7) + 8;
const primeLow = (half: number) => ((half >>> 2) & 7) + 8;
const imm6 = (half: number) => (bit(half, 12) ? -32 : 0) | second(half);
const wordOffset = (half: number) =>
  (((half >>> 10) & 7) << 3) | (bit(half, 6) << 2) | (bit(half, 5) << 6);
const jumpOffset = (half: number) =>
  (bit(half, 12) ? -2048 : 0) |
  (bit(half, 11) << 4) |
  (((half >>> 9) & 3) << 8) |
  (bit(half, 8) << 10) |
  (bit(half, 7) << 6) |
  (bit(half, 6) << 7) |
  (((half >>> 3) & 7) << 1) |
  (bit(half, 2) << 5);
const branchOffset = (half: number) =>
  (bit(half, 12) ? -256 : 0) |
  (((half >>> 10) & 3) << 3) |
  (((half >>> 5) & 3) << 6) |
  (((half >>> 3) & 3) << 1) |
  (bit(half, 2) << 5);

/** Operands of each 16-bit layout (unprivileged ISA, 28.2 to 28.5). */
const OPERANDS: Record<CompressedFormat, (half: number) => Operands> = {
  CIW: (h) => ({
    rd: primeLow(h),
    rs1: 2,
    imm: (((h >>> 7) & 15) << 6) | (((h >>> 11) & 3) << 4) | (bit(h, 5) << 3) | (bit(h, 6) << 2),
  }),
  CL: (h) => ({ rd: primeLow(h), rs1: primeHigh(h), imm: wordOffset(h) }),
  CS: (h) => ({ rs2: primeLow(h), rs1: primeHigh(h), imm: wordOffset(h) }),
  CI: (h) => ({ rd: full(h), rs1: full(h), imm: imm6(h) }),
  CIlui: (h) => ({ rd: full(h), imm: imm6(h) << 12 }),
  CIsp: (h) => ({
    rd: 2,
    rs1: 2,
    imm:
      (bit(h, 12) ? -512 : 0) |
      (bit(h, 6) << 4) |
      (bit(h, 5) << 6) |
      (((h >>> 3) & 3) << 7) |
      (bit(h, 2) << 5),
  }),
  CIsh: (h) => ({ rd: full(h), rs1: full(h), imm: second(h) }),
  CIlw: (h) => ({
    rd: full(h),
    rs1: 2,
    imm: (bit(h, 12) << 5) | (((h >>> 4) & 7) << 2) | (((h >>> 2) & 3) << 6),
  }),
  CSS: (h) => ({
    rs2: second(h),
    rs1: 2,
    imm: (((h >>> 9) & 15) << 2) | (((h >>> 7) & 3) << 6),
  }),
  CR: (h) => ({ rd: full(h), rs1: full(h), rs2: second(h), imm: 0 }),
  CRj: (h) => ({ rs1: full(h), imm: 0 }),
  CBsh: (h) => ({ rd: primeHigh(h), rs1: primeHigh(h), imm: second(h) }),
  CBi: (h) => ({ rd: primeHigh(h), rs1: primeHigh(h), imm: imm6(h) }),
  CA: (h) => ({ rd: primeHigh(h), rs1: primeHigh(h), rs2: primeLow(h), imm: 0 }),
  CB: (h) => ({ rs1: primeHigh(h), imm: branchOffset(h) }),
  CJ: (h) => ({ imm: jumpOffset(h) }),
  Cnone: () => ({ imm: 0 }),
};

/** Base instructions whose name is not simply the one without `c.`. */
const EXPANSION: Record<string, string | undefined> = {
  'c.addi4spn': 'addi',
  'c.addi16sp': 'addi',
  'c.nop': 'addi',
  'c.li': 'addi',
  'c.mv': 'add',
  'c.lwsp': 'lw',
  'c.swsp': 'sw',
  'c.beqz': 'beq',
  'c.bnez': 'bne',
  'c.j': 'jal',
  'c.jr': 'jalr',
};

/** Operands that an expansion fixes. */
const FIXED: Record<string, Partial<Decoded> | undefined> = {
  'c.li': { rs1: 0 },
  'c.mv': { rs1: 0 },
  'c.jal': { rd: 1 },
  'c.jalr': { rd: 1 },
};

/** Encodings that the C chapter reserves: illegal here. */
const RESERVED: Record<string, ((decoded: Decoded) => boolean) | undefined> = {
  'c.addi4spn': ({ imm }) => imm === 0,
  'c.addi16sp': ({ imm }) => imm === 0,
  'c.lui': ({ imm }) => imm === 0,
  'c.lwsp': ({ rd }) => rd === 0,
  'c.jr': ({ rs1 }) => rs1 === 0,
};
