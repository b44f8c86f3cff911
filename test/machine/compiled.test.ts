// The fast loop, its fused operations and compiled regions against one instruction at a time:
// random loops must leave the same registers, memory and counts however they are executed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Machine, MachineOptions } from '../../src/machine/machine.ts';
import { guest } from './guest.ts';

// Registers that bodies may use. s0: data, s1: loop counter, s2: limit for inner branches.
const REGISTERS = ['a0', 'a1', 'a2', 'a3', 'a4', 't1', 't2', 'zero'];
const register = fc.constantFrom(...REGISTERS);
const imm12 = fc.integer({ min: -2048, max: 2047 });

const R = [
  'add',
  'sub',
  'sll',
  'slt',
  'sltu',
  'xor',
  'srl',
  'sra',
  'or',
  'and',
  'mul',
  'mulh',
  'mulhsu',
  'mulhu',
  'div',
  'divu',
  'rem',
  'remu',
];
const I = ['addi', 'slti', 'sltiu', 'xori', 'ori', 'andi'];
const SHIFT = ['slli', 'srli', 'srai'];
const LOAD = ['lb', 'lh', 'lw', 'lbu', 'lhu'];
const AMO = [
  'amoswap.w',
  'amoadd.w',
  'amoxor.w',
  'amoand.w',
  'amoor.w',
  'amomin.w',
  'amomax.w',
  'amominu.w',
  'amomaxu.w',
];
const BRANCH = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'];

const instruction = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...R), register, register, register)
      .map(([op, d, a, b]) => `${op} ${d}, ${a}, ${b}`),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...I), register, register, imm12)
      .map(([op, d, a, i]) => `${op} ${d}, ${a}, ${i}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...SHIFT), register, register, fc.nat(31))
      .map(([op, d, a, i]) => `${op} ${d}, ${a}, ${i}`),
  },
  { weight: 1, arbitrary: fc.tuple(register, fc.nat(0xfffff)).map(([d, i]) => `lui ${d}, ${i}`) },
  // Aligned and misaligned, inside the data page and across its end.
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...LOAD), register, imm12)
      .map(([op, d, i]) => `${op} ${d}, ${i}(s0)`),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('sb', 'sh', 'sw'), register, imm12)
      .map(([op, d, i]) => `${op} ${d}, ${i}(s0)`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...AMO), register, register)
      .map(([op, d, a]) => `${op} ${d}, ${a}, (s0)`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'fence',
      'csrr a0, minstret',
      'lr.w a1, (s0)',
      'sc.w a2, a3, (s0)',
      'lw a1, 0(s5)',
      'ecall',
      'call leaf',
      'call outer',
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...BRANCH), register, register, fc.constantFrom('1f', '2f'))
      .map(([op, a, b, to]) => `${op} ${a}, ${b}, ${to}`),
  },
);
const program = fc
  .array(fc.array(instruction, { minLength: 0, maxLength: 12 }), { minLength: 1, maxLength: 4 })
  .map(
    (parts) => `
    la t0, trap
    csrw mtvec, t0
    la s0, data
    li s5, 0x40000000        # a hole
    li s1, 60
  again:
    ${parts.map((part) => `${part.join('\n')}\n1: addi a4, a4, 3\n2: bnez a4, 3f\n3: bltz a4, 4f\n4:`).join('\n')}
    addi s1, s1, -1
    bnez s1, again
    wfi
  leaf:
    xor a3, a3, a1
    ret
  outer:
    addi sp, sp, -16
    mv s7, ra
    beqz a0, 5f
    call leaf
  5: addi sp, sp, 16
    mv ra, s7
    ret
    .balign 4
  trap:                      # skips the instruction, counts
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    addi s6, s6, 1
    mret
    .data
    .balign 4096
    .zero 2048
  data: .zero 4096
  `,
  );

function outcome(
  source: string,
  options: MachineOptions,
  prepare: (machine: Machine) => void = () => undefined,
) {
  const g = guest(source, options);
  prepare(g.machine);
  const stop = g.run();
  const [hart] = g.machine.harts;
  return {
    stop,
    hart: hart.save(),
    memory: Buffer.from(g.machine.readMemory(g.at('data') - 2048, 8192)),
  };
}

describe('random loops', () => {
  it('give the same whether interpreted one by one, in blocks, or compiled', () => {
    fc.assert(
      fc.property(program, fc.integer({ min: 20, max: 3000 }), (source, roundNs) => {
        const reference = outcome(source, { compile: 'never', roundNs: 10_000 }, (machine) => {
          machine.trace = () => undefined;
        });
        expect(reference.stop.kind).toBe('stuck');
        expect(outcome(source, { compile: 'never', roundNs })).toEqual(reference);
        expect(outcome(source, { compile: 'always', roundNs })).toEqual(reference);
        expect(outcome(source, { compile: 'always', roundNs: 10 })).toEqual(reference);
      }),
      { numRuns: 30 },
    );
  });
});
