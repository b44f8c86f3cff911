// The assembler: bytes against the encodings of the ISA manual, and against GNU as where installed.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrintkitError } from '../../src/errors.ts';
import { assemble, assembleFlat } from '../../src/toolchain/assembler.ts';
import { gnuAssemble, haveGnu } from './gnu.ts';
import { ALL_NAMES, instructionText } from './random-instruction.ts';

const BASE = 0x80000000;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const words = (source: string): number[] => {
  const { bytes } = assembleFlat(source, BASE);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
};
const error = (source: string): string => {
  try {
    assembleFlat(source, BASE, { file: 'x.S' });
  } catch (e) {
    if (e instanceof PrintkitError) return e.message;
    throw e;
  }
  return 'no error';
};

const PROGRAM = `
  .equ STACK, 0x1000
_start:
  li a0, 0; li a1, -1; li a2, 2047; li a3, 2048; li a4, 0x12345678; li a5, 0xfffff000
  li a6, 0x80000000 # comment
  li a7, ~0x7ff     /* comment */
  la sp, stack+STACK
  lla t0, data
  lw t1, data
  sw t1, data+4, t2
  lui a0, %hi(data)
  addi a0, a0, %lo(data)
  lw a0, %lo(data+4)(a0)
  sb a0, %lo(data)(a1)
1: auipc a0, %pcrel_hi(data)
  lw a1, %pcrel_lo(1b)(a0)
  sw a1, %pcrel_lo(1b)(a0)
  call function
  call t0, function
  tail function
  jump function, t2
  beqz a0, 1b; bnez a0, 1f; blez a0, 1f; bgez a0, 1f; bltz a0, 1f; bgtz a0, 1f
1: bgt a0, a1, 1b; ble a0, a1, 1b; bgtu a0, a1, 2f; bleu a0, a1, 2f
2: j 1b; jal function; jal t0, function; jr a0; jr 4(a0); jalr a0; jalr 8(a0); jalr a1, a0; jalr a1, a0, 12
  jalr a1, 16(a0); ret
  mv a0, a1; not a0, a1; neg a0, a1; seqz a0, a1; snez a0, a1; sltz a0, a1; sgtz a0, a1; nop
  sgt a0, a1, a2; sgtu a0, a1, a2; zext.b a0, a1; sext.b a0, a1; sext.h a0, a1; zext.h a0, a1
  add a0, a1, 5; and a0, a1, -5; sll a0, a1, 3; or a0,a0,0xffffffff
  csrr a0, mstatus; csrw mtvec, a0; csrs mie, a0; csrc mip, a0; csrwi mstatus, 8; csrsi mie, 31; csrci mie, 0
  csrw mscratch, 3; csrrw a0, mscratch, a1; csrrw a0, 0x7c0, a1; csrr a0, 0xf14; rdcycle a0; rdtimeh a1; unimp
  fence; fence rw, w; fence r, rw; fence.tso; fence.i; ecall; ebreak; mret; wfi; .insn_free = 5
  lr.w a0, (a1); lr.w.aq a0, (a1); sc.w.rl a0, a2, (a1); amoadd.w.aqrl a0, a1, 0(a2); amoswap.w zero, a1, (a2)
  lw a0, (a1); sw a0, (a1); lw a0, 4*2+1-1(sp); addi a0, a0, (3<<2)|1; addi a0,a0, 'A'; li a0, 10 % 4 + -(2)
.macro save reg, slot=4
  sw \\reg, \\slot*4(sp)
.endm
  save ra
  save s0, 5
.rept 3
  addi a0, a0, 1
.endr
.irp r, t0, t1, t2
  mv \\r, zero
.endr
.if STACK == 0x1000
  addi a0, zero, 1
.else
  addi a0, zero, 2
.endif
  .balign 16
function: ret
  .size function, . - function
  .type function, @function
data: .word 1, data, function - _start, -1
  .half 0xffff, 0x1234
  .byte 1, 'a', '\\n'
  .ascii "ab\\tc\\\\\\"", "d"
  .asciz "# no comment"
  .p2align 3
  .zero 3
  .byte 0xff
stack:
  .space 8, 0xaa
  .dword 0x1122334455667788
`.replace('; .insn_free = 5', '');

describe('assembler', () => {
  it('encodes as the ISA manual lists it', () => {
    expect(words('addi a0, a1, -1')).toEqual([0xfff58513]);
    expect(words('sw ra, 12(sp)')).toEqual([0x00112623]);
    expect(words('lui a0, 0xfffff')).toEqual([0xfffff537]);
    expect(words('csrrw zero, mtvec, t0')).toEqual([0x30529073]);
    expect(words('amoswap.w.aqrl a0, a1, (a2)')).toEqual([0x0eb6252f]);
    expect(words('fence rw,w')).toEqual([0x0310000f]);
    expect(words('x: beq a0, a1, x')).toEqual([0x00b50063]);
    expect(words('mnret')).toEqual([0x70200073]);
    expect(hex(assembleFlat('c.addi16sp sp, -64', BASE).bytes)).toBe('3971');
    expect(hex(assembleFlat('c.lwsp ra, 28(sp)', BASE).bytes)).toBe('f240');
  });

  it('places sections behind each other and gives the addresses of all labels', () => {
    const { bytes, symbols } = assembleFlat(
      'a: ret\n.data\nb: .byte 1\n.bss\n.align 3\nc: .zero 4\n.text\nd: nop',
      BASE,
    );
    expect(Object.fromEntries(symbols)).toEqual({
      a: BASE,
      b: BASE + 8,
      c: BASE + 16,
      d: BASE + 4,
    });
    expect(bytes.length).toBe(20);
  });

  it('keeps references to other objects and to global symbols for the linker', () => {
    const object = assemble('.globl f\nf: call g\n j f\n la a0, .Lx\n.data\n.Lx: .word f+4', {});
    expect(
      object.relocations.map((r) => [r.section, r.offset, r.kind, r.symbol, r.addend]),
    ).toEqual([
      ['.text', 0, 'call', 'g', 0],
      ['.text', 12, 'pcrel_hi20', '.data', 0],
      ['.text', 16, 'pcrel_lo12_i', '.data', 0],
      ['.data', 0, 'abs32', 'f', 4],
    ]);
    expect(object.relocations[2]?.pairOffset).toBe(12);
    expect(object.symbols.find((s) => s.name === 'f')).toMatchObject({
      global: true,
      section: '.text',
    });
    expect(object.lines[0]).toEqual({ section: '.text', offset: 0, line: 2 });
  });

  it('types and sizes symbols', () => {
    const { symbols } = assemble('f: nop\nnop\n.type f,@function\n.size f, .-f', {});
    expect(symbols[0]).toMatchObject({ name: 'f', type: 'function', size: 8, offset: 0 });
  });

  it('keeps a block comment from shifting line numbers', () => {
    expect(error('/* a\n b */ nop\n bogus')).toBe("x.S:3: unknown instruction 'bogus': bogus");
  });

  it.each([
    ['addi a0, a1, 2048', 'x.S:1: immediate 2048 out of range -2048…2047: addi a0, a1, 2048'],
    ['nop\n addi a0, a9, 1', "x.S:2: expected a register, found 'a9': addi a0, a9, 1"],
    ['add a0, a1', 'x.S:1: add takes 3 operands, not 2: add a0, a1'],
    ['x: nop\nx: nop', "x.S:2: 'x' is already defined: x: nop"],
    ['j nowhere', "x.S:1: undefined symbol 'nowhere'"],
    ['addi a0, a0, nowhere', "x.S:1: undefined symbol 'nowhere': addi a0, a0, nowhere"],
    ['j 1f', 'x.S:1: no label 1: after this line'],
    ['j 1b', 'x.S:1: no label 1: before this line: j 1b'],
    [
      'x: .space 5000\n beqz a0, x',
      'x.S:2: target is -5000 bytes away, reach is -4096…4094: beqz a0, x',
    ],
    [
      '#define X 1',
      'x.S:1: C preprocessor lines are not supported (.equ, .macro and .if are): #define X 1',
    ],
    ['.frob 1', 'x.S:1: unknown directive .frob: .frob 1'],
    ['.asciz "abc', 'x.S:1: string without an end: .asciz "abc'],
    ['li a0, 0x1ffffffff', 'x.S:1: value 8589934591 does not fit 32 bits: li a0, 0x1ffffffff'],
    ['.byte 256', 'x.S:1: value 256 does not fit 1 byte: .byte 256'],
    ['c.addi a0, 32', 'x.S:1: immediate 32 out of range -32…31: c.addi a0, 32'],
    [
      'c.lw t0, 0(a0)',
      'x.S:1: register t0 cannot be used here (s0, s1, a0…a5 only): c.lw t0, 0(a0)',
    ],
    ['.macro m\nm\n.endm\nm', 'x.S:4: macros nested too deeply (recursive?): m'],
    ['.macro m\nnop', 'x.S:1: .macro without .endm: .macro m'],
    ['.if 1\nnop', 'x.S:2: .if without .endif: nop'],
    ['.data\nnop', 'x.S:2: instruction in .data, which is not for code: nop'],
    ['.bss\n.byte 1', 'x.S:2: .bss can hold zeros only: .byte 1'],
    ['addi a0, a0, 1/0', 'x.S:1: division by zero: addi a0, a0, 1/0'],
    [
      'lr.w a0, 4(a1)',
      'x.S:1: atomic instructions take an address without an offset: lr.w a0, 4(a1)',
    ],
    ['constructor a0', "x.S:1: unknown instruction 'constructor': constructor a0"],
  ])('reports %j with line and text', (source, message) => {
    expect(error(source)).toBe(message);
  });

  it('takes any text without throwing anything but a PrintkitError', () => {
    const piece = fc.constantFrom(
      ...[
        'addi',
        'a0',
        ',',
        '(',
        ')',
        '%hi',
        '%pcrel_lo',
        '1b',
        '1f',
        '1:',
        'x:',
        'x',
        '.word',
        '-',
        '"',
        "'",
        '\\',
        '=',
        '.set',
        '.macro',
        '.endm',
        '.rept',
        '.endr',
        '.if',
        '.endif',
        '\n',
        ';',
        ' ',
        '9',
        '0x',
        'lw',
        'li',
        'c.lui',
        '.size',
        '.align',
        '.section',
        '/*',
        '.',
      ],
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 30 }),
        (parts) => {
          error(parts.join(''));
        },
      ),
      { numRuns: 2000, seed: 1 },
    );
  });
});

describe.skipIf(!haveGnu('as', 'ld', 'objcopy'))('assembler against GNU as', () => {
  it('gives the same bytes for every kind of statement', () => {
    const ours = assembleFlat(PROGRAM, BASE).bytes;
    // GNU as fills up the section to its alignment.
    expect(hex(ours)).toBe(hex(gnuAssemble(PROGRAM, BASE).subarray(0, ours.length)));
  });

  it('gives the same bytes for random operands of every instruction', () => {
    // GNU as 2.40 does not know mnret; it refuses or rewrites hints (rd = x0 and the like).
    const hint =
      /^c\.(addi|li|lui|slli|mv|add) zero|^c\.(addi|slli|srli|srai)\S* \w+,0$|^c\.lui zero/;
    const lines = ALL_NAMES.filter((name) => name !== 'mnret').flatMap((name) =>
      fc
        .sample(instructionText(name, BASE), { numRuns: 40, seed: 1 })
        .filter(
          (text) => !hint.test(text) && !/\bmn|mcontext|scontext|tcontrol|medelegh/.test(text),
        ),
    );
    const distance = (text: string) =>
      /^(b\w+|jal|c\.(j|jal|beqz|bnez)) /.test(text)
        ? text.replace(/0x(\w+)$/, (_, to: string) => `. + ${(parseInt(to, 16) - BASE) | 0}`)
        : text;
    const source = lines.map(distance).join('\n');
    const ours = hex(assembleFlat(source, BASE).bytes);
    const theirs = hex(gnuAssemble(source, BASE));
    expect(ours).toBe(theirs);
  });
});
