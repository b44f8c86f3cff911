// Machine code from operands, straight from the instruction table, with the text that a failing
// sequence is shown in. It shares nothing with the decoder and the assembler but the table, so that
// a wrong row shows up as a difference against QEMU. Unprivileged ISA 20240411, chapters 2 and 28.

import {
  COMPRESSED_INSTRUCTIONS,
  INSTRUCTIONS,
  type CompressedFormat,
  type Format,
} from '../../src/machine/isa.ts';

/** One instruction in memory: `size` bytes of `word`, and what it says. */
export interface Code {
  readonly size: 2 | 4;
  readonly word: number;
  readonly text: string;
}

/** Operands; which of them an instruction uses depends on its format. All default to 0. */
export interface Operands {
  rd?: number;
  rs1?: number;
  rs2?: number;
  /** Immediate, shift amount or pc-relative offset, as a signed number of its natural unit. */
  imm?: number;
  csr?: number;
  /** Bits 26 (aq) and 25 (rl) of an atomic. */
  ordering?: number;
  /** For `fence`, `fence.i`: every bit that the mask leaves free. */
  free?: number;
}

const BASE = new Map(INSTRUCTIONS.map((row) => [row.name, row]));
const COMPRESSED = new Map(COMPRESSED_INSTRUCTIONS.map((row) => [row.name, row]));

/** Bits `high`…`low` of `value`, moved to bit `to`. */
const field = (value: number, high: number, low: number, to: number): number =>
  ((value >>> low) & ((1 << (high - low + 1)) - 1)) << to;

const x = (register: number): string => `x${register}`;
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const relative = (offset: number): string => (offset < 0 ? `.${offset}` : `.+${offset}`);

function operandBits(format: Format, o: Required<Operands>): number {
  const rd = o.rd << 7;
  const rs1 = o.rs1 << 15;
  const rs2 = o.rs2 << 20;
  switch (format) {
    case 'R':
      return rd | rs1 | rs2;
    case 'I':
    case 'L':
    case 'jalr':
      return rd | rs1 | (o.imm << 20);
    case 'Ish':
      return rd | rs1 | field(o.imm, 4, 0, 20);
    case 'S':
      return rs1 | rs2 | field(o.imm, 11, 5, 25) | field(o.imm, 4, 0, 7);
    case 'B':
      return (
        rs1 |
        rs2 |
        field(o.imm, 12, 12, 31) |
        field(o.imm, 10, 5, 25) |
        field(o.imm, 4, 1, 8) |
        field(o.imm, 11, 11, 7)
      );
    case 'U':
      return rd | (o.imm << 12);
    case 'J':
      return (
        rd |
        field(o.imm, 20, 20, 31) |
        field(o.imm, 10, 1, 21) |
        field(o.imm, 11, 11, 20) |
        field(o.imm, 19, 12, 12)
      );
    case 'csr':
    case 'csri':
      return rd | rs1 | (o.csr << 20);
    case 'lr':
      return rd | rs1 | (o.ordering << 25);
    case 'amo':
      return rd | rs1 | rs2 | (o.ordering << 25);
    case 'fence':
    case 'none':
      return 0;
  }
}

function operandText(format: Format, o: Required<Operands>): string {
  switch (format) {
    case 'R':
      return ` ${x(o.rd)},${x(o.rs1)},${x(o.rs2)}`;
    case 'I':
    case 'Ish':
      return ` ${x(o.rd)},${x(o.rs1)},${o.imm}`;
    case 'L':
    case 'jalr':
      return ` ${x(o.rd)},${o.imm}(${x(o.rs1)})`;
    case 'S':
      return ` ${x(o.rs2)},${o.imm}(${x(o.rs1)})`;
    case 'B':
      return ` ${x(o.rs1)},${x(o.rs2)},${relative(o.imm)}`;
    case 'U':
      return ` ${x(o.rd)},${hex(o.imm & 0xfffff)}`;
    case 'J':
      return ` ${x(o.rd)},${relative(o.imm)}`;
    case 'csr':
      return ` ${x(o.rd)},${hex(o.csr)},${x(o.rs1)}`;
    case 'csri':
      return ` ${x(o.rd)},${hex(o.csr)},${o.rs1}`;
    case 'lr':
      return ` ${x(o.rd)},(${x(o.rs1)})`;
    case 'amo':
      return ` ${x(o.rd)},${x(o.rs2)},(${x(o.rs1)})`;
    case 'fence':
    case 'none':
      return '';
  }
}

/** The three bits that name x8…x15. */
const prime = (register: number): number => register & 7;

function compressedBits(format: CompressedFormat, o: Required<Operands>): number {
  const i = o.imm;
  switch (format) {
    case 'CIW':
      return (
        (prime(o.rd) << 2) |
        field(i, 5, 4, 11) |
        field(i, 9, 6, 7) |
        field(i, 2, 2, 6) |
        field(i, 3, 3, 5)
      );
    case 'CL':
    case 'CS':
      return (
        (prime(format === 'CL' ? o.rd : o.rs2) << 2) |
        (prime(o.rs1) << 7) |
        field(i, 5, 3, 10) |
        field(i, 2, 2, 6) |
        field(i, 6, 6, 5)
      );
    case 'CI':
    case 'CIlui':
      return (o.rd << 7) | field(i, 5, 5, 12) | field(i, 4, 0, 2);
    case 'CIsp':
      return (
        field(i, 9, 9, 12) |
        field(i, 4, 4, 6) |
        field(i, 6, 6, 5) |
        field(i, 8, 7, 3) |
        field(i, 5, 5, 2)
      );
    case 'CIsh':
      return (o.rd << 7) | field(i, 4, 0, 2);
    case 'CIlw':
      return (o.rd << 7) | field(i, 5, 5, 12) | field(i, 4, 2, 4) | field(i, 7, 6, 2);
    case 'CSS':
      return (o.rs2 << 2) | field(i, 5, 2, 9) | field(i, 7, 6, 7);
    case 'CR':
      return (o.rd << 7) | (o.rs2 << 2);
    case 'CRj':
      return o.rs1 << 7;
    case 'CBsh':
      return (prime(o.rd) << 7) | field(i, 4, 0, 2);
    case 'CBi':
      return (prime(o.rd) << 7) | field(i, 5, 5, 12) | field(i, 4, 0, 2);
    case 'CA':
      return (prime(o.rd) << 7) | (prime(o.rs2) << 2);
    case 'CB':
      return (
        (prime(o.rs1) << 7) |
        field(i, 8, 8, 12) |
        field(i, 4, 3, 10) |
        field(i, 7, 6, 5) |
        field(i, 2, 1, 3) |
        field(i, 5, 5, 2)
      );
    case 'CJ':
      return (
        field(i, 11, 11, 12) |
        field(i, 4, 4, 11) |
        field(i, 9, 8, 9) |
        field(i, 10, 10, 8) |
        field(i, 6, 6, 7) |
        field(i, 7, 7, 6) |
        field(i, 3, 1, 3) |
        field(i, 5, 5, 2)
      );
    case 'Cnone':
      return field(i, 5, 5, 12) | field(i, 4, 0, 2); // only c.nop has free bits: its hints
  }
}

function compressedText(format: CompressedFormat, o: Required<Operands>): string {
  switch (format) {
    case 'CIW':
      return ` ${x(8 + prime(o.rd))},sp,${o.imm}`;
    case 'CL':
      return ` ${x(8 + prime(o.rd))},${o.imm}(${x(8 + prime(o.rs1))})`;
    case 'CS':
      return ` ${x(8 + prime(o.rs2))},${o.imm}(${x(8 + prime(o.rs1))})`;
    case 'CI':
    case 'CIlui':
    case 'CIsh':
      return ` ${x(o.rd)},${o.imm}`;
    case 'CIsp':
      return ` sp,${o.imm}`;
    case 'CIlw':
      return ` ${x(o.rd)},${o.imm}(sp)`;
    case 'CSS':
      return ` ${x(o.rs2)},${o.imm}(sp)`;
    case 'CR':
      return ` ${x(o.rd)},${x(o.rs2)}`;
    case 'CRj':
      return ` ${x(o.rs1)}`;
    case 'CBsh':
    case 'CBi':
      return ` ${x(8 + prime(o.rd))},${o.imm}`;
    case 'CA':
      return ` ${x(8 + prime(o.rd))},${x(8 + prime(o.rs2))}`;
    case 'CB':
      return ` ${x(8 + prime(o.rs1))},${relative(o.imm)}`;
    case 'CJ':
      return ` ${relative(o.imm)}`;
    case 'Cnone':
      return o.imm === 0 ? '' : ` ${o.imm}`;
  }
}

/** Encodes one instruction by its name in the table. */
export function encode(name: string, operands: Operands = {}): Code {
  const o: Required<Operands> = {
    rd: 0,
    rs1: 0,
    rs2: 0,
    imm: 0,
    csr: 0,
    ordering: 0,
    free: 0,
    ...operands,
  };
  const base = BASE.get(name);
  if (base) {
    const word = (base.match | operandBits(base.format, o) | (o.free & ~base.mask)) >>> 0;
    const suffix = ['', '.rl', '.aq', '.aqrl'][o.ordering & 3];
    return { size: 4, word, text: name + suffix + operandText(base.format, o) };
  }
  const short = COMPRESSED.get(name);
  if (short) {
    const word = short.match | compressedBits(short.format, o);
    return { size: 2, word, text: name + compressedText(short.format, o) };
  }
  throw new RangeError(`no such instruction: ${name}`);
}

/** An instruction given by its bits: illegal encodings, mostly. */
export function raw(word: number): Code {
  const size = (word & 3) === 3 ? 4 : 2;
  const text = `.${size === 4 ? 'word' : 'half'} ${hex(word)}`;
  return { size, word: word >>> 0, text };
}

/** True when the table knows the encoding (32-bit when the two low bits are set). */
export function isInTable(word: number): boolean {
  if ((word & 3) !== 3) {
    return COMPRESSED_INSTRUCTIONS.some((row) => (word & row.mask) === row.match);
  }
  return INSTRUCTIONS.some((row) => (word & row.mask) >>> 0 === row.match);
}
