// The disassembler: round trips through the assembler over the whole table, and GNU objdump.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleFlat } from '../../src/toolchain/assembler.ts';
import { IMMEDIATE_TWINS } from '../../src/machine/pseudo-instructions.ts';
import { disassemble, type DisassembleOptions } from '../../src/debug/disassembler.ts';
import { gnu, haveGnu, withScratch } from '../toolchain/gnu.ts';
import { ALL_NAMES, instructionText } from '../toolchain/random-instruction.ts';

const BASE = 0x80000000;

const wordOf = (bytes: Uint8Array): number =>
  bytes.reduce((word, byte, i) => (word | (byte << (8 * i))) >>> 0, 0);
const assembleOne = (source: string): Uint8Array => assembleFlat(source, BASE).bytes;
const text = (source: string, options?: DisassembleOptions): string =>
  disassemble(wordOf(assembleOne(source)), BASE, options).text.replace('\t', ' ');

/** Assembly source that stands for the disassembled text: targets get their 0x back. */
const sourceOf = (word: number, options: DisassembleOptions): string => {
  const { mnemonic, operands, target } = disassemble(word, BASE, options);
  const last = target === undefined ? [] : [`0x${target.toString(16)}`];
  return `${mnemonic} ${[...operands.slice(0, operands.length - last.length), ...last].join(',')}`;
};

describe('disassembler', () => {
  it.each([
    ['addi a0, a0, 0', 'mv a0,a0'],
    ['addi zero, zero, 0', 'nop'],
    ['addi a0, zero, -3', 'li a0,-3'],
    ['jalr zero, 0(ra)', 'ret'],
    ['jalr zero, 8(t0)', 'jr 8(t0)'],
    ['jalr ra, 0(t0)', 'jalr t0'],
    ['jalr a0, 0(t0)', 'jalr a0,t0'],
    ['csrrs a0, mhartid, zero', 'csrr a0,mhartid'],
    ['csrrs a0, time, zero', 'rdtime a0'],
    ['csrrw zero, 0x7c0, a0', 'csrw 0x7c0,a0'],
    ['amoadd.w.aqrl a0, a1, (a2)', 'amoadd.w.aqrl a0,a1,(a2)'],
    ['lw s0, -8(sp)', 'lw s0,-8(sp)'],
    ['fence rw, w', 'fence rw,w'],
    ['fence iorw, iorw', 'fence'],
    ['c.addi16sp sp, -64', 'addi sp,sp,-64'],
    ['c.lwsp ra, 4(sp)', 'lw ra,4(sp)'],
    ['c.jr ra', 'ret'],
    ['c.add a0, a1', 'add a0,a0,a1'],
    ['c.lui a0, 0xfffff', 'lui a0,0xfffff'],
  ])('shows %s as %s', (source, shown) => {
    expect(text(source)).toBe(shown);
  });

  it('names branch targets', () => {
    const symbol = (address: number) => `f+0x${(address - BASE).toString(16)}`;
    expect(text('beqz a0, . + 16', { symbol })).toBe('beqz a0,80000010 <f+0x10>');
  });

  it.each([
    [0xffffffff, '.word\t0xffffffff'],
    [0x00000007, '.word\t0x00000007'],
    [0x4002, '.half\t0x4002'], // c.lwsp zero is reserved
    [0x6101, '.half\t0x6101'], // c.addi16sp 0 is reserved
    [0x8002, '.half\t0x8002'], // c.jr zero is reserved
  ])('shows 0x%s, which is no instruction, as data', (word, shown) => {
    expect(disassemble(word, BASE)).toMatchObject({ text: shown, known: false });
  });

  it.each(ALL_NAMES)(
    'round-trips %s through the assembler, plain and with pseudo-instructions',
    (name) => {
      fc.assert(
        fc.property(instructionText(name, BASE), fc.boolean(), (source, pseudo) => {
          const bytes = assembleOne(source);
          const back = sourceOf(wordOf(bytes), { pseudo });
          // The 32-bit spelling of a 16-bit instruction does not come back as 16 bits.
          if (bytes.length === 2 && pseudo) return;
          const again = assembleOne(back);
          expect([source, back, ...again]).toEqual([source, back, ...bytes]);
        }),
        { numRuns: 60, seed: 1 },
      );
    },
  );

  it('gives some text for every word', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (word) => {
        const { text, bytes } = disassemble(word, BASE);
        expect(text).not.toMatch(/undefined|NaN/);
        expect(bytes).toBe((word & 3) === 3 ? 4 : 2);
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
});

describe.skipIf(!haveGnu('objdump'))('disassembler against GNU objdump', () => {
  /** objdump's text by address, without comments and symbols. */
  function objdump(bytes: Uint8Array): Map<number, string> {
    const output = withScratch((directory) => {
      const path = join(directory, 'bin');
      writeFileSync(path, bytes);
      return gnu('objdump', '-D', '-b', 'binary', '-m', 'riscv:rv32', `--adjust-vma=${BASE}`, path);
    });
    const lines = output.matchAll(/^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/gm);
    return new Map(
      [...lines].map(([, address = '', shown = '']) => [
        parseInt(address, 16),
        shown.replace(/\s*[<#].*$/, '').trim(),
      ]),
    );
  }

  /** objdump 2.40 shortens addi to add; and where a file has no symbols, it writes targets with 0x. */
  function likeOurs(shown: string, isJump: boolean): string {
    const [name = '', operands = ''] = shown.split('\t');
    if (isJump) return shown.replace(/0x(?=\w+$)/, '');
    const twin = IMMEDIATE_TWINS.get(name);
    return twin && /,(-?\d+|0x\w+)$/.test(operands) ? `${twin}\t${operands}` : shown;
  }

  it('gives the same text for random operands of every instruction', () => {
    // objdump 2.40 does not know mnret and Smrnmi's CSRs, and shows hints by other names.
    const unknown =
      /mnret|\bmn(scratch|epc|cause|status)|tcontrol|medelegh|pause|^c\.lui zero|^c\.s\w+ \w+,0$/;
    const sources = ALL_NAMES.flatMap((name) =>
      fc.sample(instructionText(name, BASE), { numRuns: 40, seed: 2 }),
    ).filter((source) => !unknown.test(source));
    const parts = sources.map((source) => [...assembleOne(source)]);
    const theirs = objdump(Uint8Array.from(parts.flat()));
    let address = BASE;
    const differences: string[] = [];
    parts.forEach((part, i) => {
      const { text: ours, target } = disassemble(wordOf(Uint8Array.from(part)), address);
      const wanted = likeOurs(theirs.get(address) ?? '', target !== undefined);
      if (ours !== wanted)
        differences.push(`${sources[i] ?? ''} | ours: ${ours} | objdump: ${wanted ?? ''}`);
      address += part.length;
    });
    expect(differences).toEqual([]);
  });
});
