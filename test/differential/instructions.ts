// Random single instructions with operands that keep a sequence harmless: writes go to registers that
// nobody relies on, memory accesses to the window.

import {
  COMPRESSED_INSTRUCTIONS,
  INSTRUCTIONS,
  type CompressedInstruction,
  type Instruction,
} from '../../src/machine/isa.ts';
import { encode, type Code } from './encode.ts';
import { WINDOW_WORDS } from './image.ts';
import { Random } from './random.ts';

const WINDOW_BYTES = 4 * WINDOW_WORDS;

/** Rows of the 32-bit table. */
export const ofFormat = (...formats: string[]): readonly Instruction[] =>
  INSTRUCTIONS.filter((row) => formats.includes(row.format));
export const LOADS = ofFormat('L');
export const STORES = ofFormat('S');
export const BRANCHES = ofFormat('B');
/** All but sc.w. */
export const AMOS = ofFormat('amo').filter((row) => row.name !== 'sc.w');
const ACCESS_BYTES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4 };
/** Bytes that a load or store moves. */
export const accessBytes = (name: string): number => ACCESS_BYTES[name[1]];

/** Compressed instructions that compute: neither memory nor control flow. */
const COMPRESSED_COMPUTING = COMPRESSED_INSTRUCTIONS.filter((row) =>
  ['CIW', 'CI', 'CIlui', 'CIsp', 'CIsh', 'CR', 'CBsh', 'CBi', 'CA'].includes(row.format),
);

/** Values at the edges of something. */
const INTERESTING: readonly number[] = [
  0, 1, 2, 3, 4, 5, 31, 32, 33, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000,
  0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff, 0xffff_fffe, 0xffff_8000, 0xffff_ff80,
  0x5555_5555, 0xaaaa_aaaa, 0xffff_0000,
];

/** Computing 32-bit instructions. */
const ALU = ofFormat('R', 'I', 'Ish', 'U');

/** Draws instructions; knows which registers are pointers into the window and which are taken. */
export class InstructionSource {
  protected readonly random: Random;
  /** Pointer registers and the window offset that each holds. */
  protected readonly pointers = new Map<number, number>();
  /** Registers that nothing may write: pointers, and the counters of open loops. */
  protected readonly reserved = new Set<number>();

  constructor(random: Random) {
    this.random = random;
  }

  protected value(): number {
    const random = this.random;
    switch (random.below(4)) {
      case 0:
        return random.pick(INTERESTING);
      case 1:
        return (1 << random.below(32)) >>> 0;
      case 2:
        return (random.word() >> random.below(32)) >>> 0;
      default:
        return random.word();
    }
  }

  /** Any register, to be read. */
  protected source(): number {
    return this.random.below(32);
  }

  /** A register to be written, x0 included. */
  protected destination(low = 0, high = 31): number {
    for (;;) {
      const register = this.random.range(low, high);
      if (!this.reserved.has(register)) return register;
    }
  }

  /** A register to be written whose value is used: not x0. */
  protected scratch(): number {
    return this.destination(1);
  }

  protected imm12(): number {
    const random = this.random;
    return random.oneIn(3) ? random.pick([0, 1, -1, 2047, -2048, 4]) : random.below(4096) - 2048;
  }

  protected alu(): Code {
    const random = this.random;
    const row = random.pick(ALU);
    const rd = this.destination();
    const rs1 = this.source();
    switch (row.format) {
      case 'Ish':
        return encode(row.name, { rd, rs1, imm: random.below(32) });
      case 'U':
        return encode(row.name, { rd, imm: random.oneIn(4) ? 0x80000 : random.word() & 0xfffff });
      case 'I':
        return encode(row.name, { rd, rs1, imm: this.imm12() });
      default:
        return encode(row.name, { rd, rs1, rs2: this.source() });
    }
  }

  /** A computing 16-bit instruction, its hints and reserved encodings included. */
  protected compressed(): Code {
    const random = this.random;
    for (;;) {
      const code = this.compressedOf(random.pick(COMPRESSED_COMPUTING));
      // A jump may own the drawn operands (c.mv with rs2 0 is c.jr …): then draw again.
      const owner = COMPRESSED_INSTRUCTIONS.find((row) => (code.word & row.mask) === row.match);
      if (owner && (owner.name === 'c.nop' || COMPRESSED_COMPUTING.includes(owner))) return code;
    }
  }

  protected compressedOf(row: CompressedInstruction): Code {
    const random = this.random;
    const imm6 = random.below(64) - 32;
    switch (row.format) {
      case 'CIW': {
        const imm = random.oneIn(16) ? 0 : 4 * random.below(256);
        return encode(row.name, { rd: this.destination(8, 15), imm });
      }
      case 'CIsp':
        // Writes sp: where sp is a pointer, only the reserved encoding (immediate 0) is possible.
        if (this.reserved.has(2)) return encode(row.name, { imm: 0 });
        return encode(row.name, { imm: 16 * (random.below(64) - 32) });
      case 'CI':
        return encode(row.name, { rd: this.destination(), imm: imm6 });
      case 'CIlui': {
        // With rd 2 it would be c.addi16sp.
        let rd = this.destination();
        while (rd === 2) rd = this.destination();
        return encode(row.name, { rd, imm: imm6 });
      }
      case 'CIsh':
        return encode(row.name, { rd: this.destination(), imm: random.below(32) });
      case 'CR':
        return encode(row.name, { rd: this.destination(), rs2: this.source() });
      case 'CBsh':
        return encode(row.name, { rd: this.destination(8, 15), imm: random.below(32) });
      case 'CBi':
        return encode(row.name, { rd: this.destination(8, 15), imm: imm6 });
      default:
        return encode(row.name, { rd: this.destination(8, 15), rs2: random.range(8, 15) });
    }
  }

  /** A pointer register and an offset to it so that `bytes` there lie in the window. */
  protected place(bytes: number): { rs1: number; imm: number } {
    const random = this.random;
    const [rs1, offset] = random.pick([...this.pointers]);
    const slot = bytes * random.below(Math.floor(WINDOW_BYTES / bytes));
    const at = random.oneIn(8) ? random.below(WINDOW_BYTES - bytes + 1) : slot;
    return { rs1, imm: at - offset };
  }

  protected memory(): Code {
    const random = this.random;
    if (random.oneIn(2)) {
      const { name } = random.pick(LOADS);
      return encode(name, { rd: this.destination(), ...this.place(accessBytes(name)) });
    }
    const { name } = random.pick(STORES);
    return encode(name, { rs2: this.source(), ...this.place(accessBytes(name)) });
  }

  protected compressedMemory(): Code {
    const random = this.random;
    const usable = [...this.pointers].filter(([r]) => r === 2 || (r >= 8 && r <= 15));
    const [pointer, offset] = random.pick(usable);
    const words = Math.floor((WINDOW_BYTES - offset) / 4) - 1;
    const load = random.oneIn(2);
    if (pointer === 2) {
      const imm = 4 * random.below(Math.max(1, Math.min(64, words)));
      // c.lwsp with rd 0 is reserved: the draw of x0 is a trap.
      if (load) return encode('c.lwsp', { rd: this.destination(), imm });
      return encode('c.swsp', { rs2: this.source(), imm });
    }
    const imm = 4 * random.below(Math.max(1, Math.min(32, words)));
    if (load) return encode('c.lw', { rd: this.destination(8, 15), rs1: pointer, imm });
    return encode('c.sw', { rs2: random.range(8, 15), rs1: pointer, imm });
  }

  /** An address computed into a fresh register: what atomics need, having no offset. */
  protected address(at: number): { code: Code; register: number } {
    const [rs1, offset] = this.random.pick([...this.pointers]);
    const register = this.scratch();
    return { code: encode('addi', { rd: register, rs1, imm: at - offset }), register };
  }
}
