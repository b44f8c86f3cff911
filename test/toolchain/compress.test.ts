// 16-bit encodings stand for the same instruction, and exist wherever the C chapter has one for the
// forms that the code generator emits.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disassemble } from '../../src/debug/disassembler.ts';
import { compress } from '../../src/toolchain/compress.ts';
import { encode } from '../../src/toolchain/encode.ts';

const register = fc.oneof(fc.nat({ max: 31 }), fc.integer({ min: 8, max: 15 }), fc.constant(2));
const immediate = fc.oneof(
  fc.integer({ min: -2048, max: 2047 }),
  fc.integer({ min: -40, max: 40 }),
  fc.integer({ min: 0, max: 80 }).map((n) => n * 4),
  fc.integer({ min: -32, max: 31 }).map((n) => n * 16),
);
const shown = (word: number): string => disassemble(word, 0x80000000).text;

/** What an instruction may be shown as: `add a0, a1, a0` as `add a0, a0, a1` too. */
function equals(word: number, text: string): boolean {
  if (shown(word) === text) return true;
  const { mnemonic, operands } = disassemble(word, 0x80000000);
  const [rd, rs1, rs2] = operands;
  const commutes = ['add', 'and', 'or', 'xor'].includes(mnemonic);
  return commutes && `${mnemonic}\t${[rd, rs2, rs1].join()}` === text;
}

const OPERATIONS = [
  ...['addi', 'andi', 'xori', 'slti', 'lw', 'sw', 'lb', 'sb', 'lhu', 'jalr'],
  ...['add', 'sub', 'xor', 'or', 'and', 'sll', 'mul', 'slt'],
];

describe('compressed encodings', () => {
  it('mean what the long ones mean', () => {
    let found = 0;
    const property = fc.property(
      fc.constantFrom(...OPERATIONS),
      register,
      fc.oneof(register, fc.constant(-1)),
      register,
      immediate,
      (op, rd, rs1, rs2, imm) => {
        const word = encode(op, rd, rs1 < 0 ? rd : rs1, rs2, imm);
        const short = compress(word);
        if (short === 0) return;
        found++;
        expect(equals(word, shown(short))).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 20_000, seed: 3 });
    expect(found).toBeGreaterThan(1000);
  });

  it('of shifts and lui mean the same too', () => {
    for (let rd = 0; rd < 32; rd++) {
      for (let n = 0; n < 32; n++) {
        for (const op of ['slli', 'srli', 'srai']) {
          const word = encode(op, rd, rd, -1, n);
          const short = compress(word);
          if (short !== 0) expect(shown(short)).toBe(shown(word));
        }
        const word = encode('lui', rd, -1, -1, (n - 16) << 14);
        const short = compress(word);
        if (short !== 0) expect(shown(short)).toBe(shown(word));
      }
    }
  });

  for (const [op, rd, rs1, rs2, imm] of [
    ['addi', 2, 2, -1, -16], // c.addi16sp, c.addi
    ['addi', 2, 2, -1, -496], // c.addi16sp
    ['addi', 8, 2, -1, 64], // c.addi4spn
    ['addi', 10, 0, -1, -32], // c.li
    ['addi', 11, 10, -1, 0], // c.mv
    ['addi', 30, 30, -1, 31], // c.addi
    ['add', 20, 21, 20, 0], // c.add, operands either way round
    ['sub', 8, 8, 15, 0], // c.sub
    ['and', 9, 10, 9, 0], // c.and
    ['andi', 15, 15, -1, -1], // c.andi
    ['slli', 31, 31, -1, 31], // c.slli
    ['srai', 12, 12, -1, 1], // c.srai
    ['lui', 5, -1, -1, 0x1f000], // c.lui
    ['lui', 5, -1, -1, -0x20000], // c.lui
    ['lw', 1, 2, -1, 252], // c.lwsp
    ['sw', -1, 2, 1, 252], // c.swsp
    ['lw', 8, 15, -1, 124], // c.lw
    ['sw', -1, 15, 8, 124], // c.sw
    ['jalr', 0, 1, -1, 0], // c.jr
    ['jalr', 1, 5, -1, 0], // c.jalr
    ['ebreak', -1, -1, -1, 0],
  ] as const) {
    it(`exists for ${shown(encode(op, rd, rs1, rs2, imm)).replace('\t', ' ')}`, () => {
      const word = encode(op, rd, rs1, rs2, imm);
      expect(equals(word, shown(compress(word)))).toBe(true);
      expect(compress(word)).toBeGreaterThan(0);
    });
  }

  it('does not exist where registers or values do not fit', () => {
    for (const word of [
      encode('addi', 0, 0, -1, 5),
      encode('addi', 5, 5, -1, 32),
      encode('addi', 5, 6, -1, 1),
      encode('lw', 0, 2, -1, 0),
      encode('lw', 8, 9, -1, 126),
      encode('lw', 8, 9, -1, 128),
      encode('sub', 8, 9, 8, 0),
      encode('srli', 5, 5, -1, 1),
      encode('lui', 2, -1, -1, 0x1000),
      encode('lui', 5, -1, -1, 0x20000),
      encode('jalr', 0, 1, -1, 4),
    ]) {
      expect(compress(word)).toBe(0);
    }
  });
});
