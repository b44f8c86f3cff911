// Random instructions as text, made from the operand tables, for round trips and cross tests.

import fc from 'fast-check';
import { COMPRESSED_INSTRUCTIONS, INSTRUCTIONS, REGISTER_NAMES } from '../../src/machine/isa.ts';
import { CSR_TABLE } from '../../src/machine/csr-names.ts';
import {
  COMPRESSED_OPERANDS,
  FIELDS,
  OPERANDS,
  registerFits,
  type ImmediateField,
  type Operand,
  type RegisterField,
} from '../../src/machine/encoding.ts';

const register = (field: RegisterField): fc.Arbitrary<string> =>
  fc.constantFrom(...REGISTER_NAMES.filter((_, number) => registerFits(field, number)));

const value = (field: ImmediateField, nonzero = false): fc.Arbitrary<number> =>
  fc
    .oneof(
      fc.integer({ min: field.min / field.step, max: field.max / field.step }),
      fc.constantFrom(field.min / field.step, field.max / field.step, nonzero ? 1 : 0),
    )
    .map((steps) => steps * field.step + 0)
    .filter((v) => !nonzero || v !== 0);

function operandText(operand: Operand, address: number): fc.Arbitrary<string> {
  switch (operand.kind) {
    case 'register':
      return register(operand.register);
    case 'fixed':
      return fc.constant(REGISTER_NAMES[operand.number] ?? '');
    case 'immediate':
      return value(operand.field, operand.nonzero).map(String);
    case 'upper':
      return operand.compressed
        ? fc
            .oneof(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 0xfffe0, max: 0xfffff }))
            .map(String)
        : value(FIELDS.U).map((v) => `0x${v.toString(16)}`);
    case 'csr':
      return fc.constantFrom(...CSR_TABLE.map(([name]) => name));
    case 'target':
      return value(operand.field).map((v) => `0x${((address + v) >>> 0).toString(16)}`);
    case 'memory': {
      const base =
        typeof operand.base === 'number'
          ? fc.constant(REGISTER_NAMES[operand.base] ?? '')
          : register(operand.base);
      const offset = operand.field ? value(operand.field).map(String) : fc.constant('');
      return fc.tuple(offset, base).map(([o, b]) => `${o}(${b})`);
    }
    case 'fence':
      return fc
        .integer({ min: 1, max: 15 })
        .map((set) => [...'iorw'].filter((_, bit) => set & (8 >> bit)).join(''));
  }
}

/** One instruction of the tables, to stand at `address`. */
export const instructionText = (name: string, address: number): fc.Arbitrary<string> => {
  const long = INSTRUCTIONS.find((i) => i.name === name);
  const short = COMPRESSED_INSTRUCTIONS.find((i) => i.name === name);
  const operands = long ? OPERANDS[long.format] : short ? COMPRESSED_OPERANDS[short.format] : [];
  const ordered = long?.format === 'amo' || long?.format === 'lr';
  const suffix = ordered ? fc.constantFrom('', '.aq', '.rl', '.aqrl') : fc.constant('');
  return (
    fc
      .tuple(suffix, fc.tuple(...operands.map((o) => operandText(o, address))))
      .map(([order, parts]) => `${name}${order} ${parts.join(',')}`.trim())
      // With rd = x0, c.addi is c.nop.
      .filter((text) => !text.startsWith('c.addi zero'))
  );
};

export const ALL_NAMES: readonly string[] = [
  ...INSTRUCTIONS.map((i) => i.name),
  ...COMPRESSED_INSTRUCTIONS.map((i) => i.name),
];
