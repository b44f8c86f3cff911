// A small linked program with symbols and lines, made by our own assembler, for ELF and DWARF tests.

import { assemble, assembleFlat } from '../../src/toolchain/assembler.ts';
import { writeElf, type LinkedProgram } from '../../src/toolchain/elf-writer.ts';

export const BASE = 0x80000000;
export const FILE = 'firmware/arch/sample.S';

/** inner() is called by outer(), which has a large frame, which is called by _start. */
export const SOURCE = `.globl _start
.type _start, @function
_start:
  la sp, stack_top
  li s0, 0
  call outer
1: wfi
  j 1b
.size _start, .-_start
.globl outer
.type outer, @function
outer:
  addi sp, sp, -32
  sw ra, 28(sp)
  sw s0, 24(sp)
  sw s1, 20(sp)
  addi s0, sp, 32
  li s1, 7
  call inner
  beqz a0, 1f
  lw s1, 20(sp)
  lw ra, 28(sp)
  lw s0, 24(sp)
  addi sp, sp, 32
  ret
1:
  call inner
  lw s1, -12(s0)
  lw ra, -4(s0)
  addi sp, s0, -32
  lw s0, 24(sp)
  addi sp, sp, 32
  ret
.size outer, .-outer
.type inner, @function
inner:
  addi sp, sp, -16
  sw ra, 12(sp)
  sw s0, 8(sp)
  addi s0, sp, 16
  lw a0, counter
  lw ra, 12(sp)
  lw s0, 8(sp)
  addi sp, sp, 16
  ret
.size inner, .-inner
.data
.globl counter
.type counter, @object
.size counter, 4
.balign 16
counter: .word 42
.bss
.balign 16
.space 256
stack_top:
_end:
`;

export function sampleProgram(): LinkedProgram {
  const object = assemble(SOURCE, { file: FILE });
  const { bytes, symbols } = assembleFlat(SOURCE, BASE, { file: FILE });
  let at = BASE;
  const placed = object.sections.map((s) => {
    at = Math.ceil(at / s.align) * s.align;
    const address = at;
    at += s.size;
    const content = s.flags.nobits ? new Uint8Array(0) : bytes.slice(address - BASE, at - BASE);
    return { ...s, address, bytes: content };
  });
  return {
    entry: BASE,
    sections: placed,
    symbols: object.symbols.map((s) => ({
      name: s.name,
      address: symbols.get(s.name) ?? 0,
      size: s.size,
      type: s.type,
      global: s.global,
    })),
    lines: object.lines.map((l) => ({
      address: BASE + l.offset,
      file: FILE,
      line: l.line,
      column: 3,
      isStatement: true,
    })),
    unitName: 'firmware/main.ts',
    producer: 'printkit test',
  };
}

export const sampleElf = (): Uint8Array => writeElf(sampleProgram());
