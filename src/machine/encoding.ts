// Operand layouts of every instruction format of src/machine/isa.ts as data: which bits of the word
// hold which operand. Assembler, disassembler and linker read these (Unprivileged ISA,
// chapter 2.3 "Immediate Encoding Variants" and chapter 28 for C).

import type { CompressedFormat, Format } from './isa.ts';

/** Value bits `high`…`low` stand at instruction bit `at` and up. */
type Piece = readonly [high: number, low: number, at: number];

/** An immediate operand: where its bits go and which values it can hold. */
export interface ImmediateField {
  readonly pieces: readonly Piece[];
  readonly signed: boolean;
  /** Lowest and highest value, and the step between values. */
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

const field = (signed: boolean, ...pieces: Piece[]): ImmediateField => {
  const top = Math.max(...pieces.map(([high]) => high));
  const step = 2 ** Math.min(...pieces.map(([, low]) => low));
  return signed
    ? { pieces, signed, min: -(2 ** top), max: 2 ** top - step, step }
    : { pieces, signed, min: 0, max: 2 ** (top + 1) - step, step };
};

/** Immediate fields by the name of the format that uses them. */
export const FIELDS = {
  I: field(true, [11, 0, 20]),
  S: field(true, [11, 5, 25], [4, 0, 7]),
  B: field(true, [12, 12, 31], [11, 11, 7], [10, 5, 25], [4, 1, 8]),
  J: field(true, [20, 20, 31], [19, 12, 12], [11, 11, 20], [10, 1, 21]),
  // lui and auipc are written with the 20-bit value itself.
  U: field(false, [19, 0, 12]),
  shamt: field(false, [4, 0, 20]),
  csr: field(false, [11, 0, 20]),
  uimm: field(false, [4, 0, 15]),
  predecessor: field(false, [3, 0, 24]),
  successor: field(false, [3, 0, 20]),
  CIW: field(false, [5, 4, 11], [9, 6, 7], [2, 2, 6], [3, 3, 5]),
  CL: field(false, [5, 3, 10], [2, 2, 6], [6, 6, 5]),
  CI: field(true, [5, 5, 12], [4, 0, 2]),
  CIsp: field(true, [9, 9, 12], [4, 4, 6], [6, 6, 5], [8, 7, 3], [5, 5, 2]),
  CIsh: field(false, [4, 0, 2]),
  CIlw: field(false, [5, 5, 12], [4, 2, 4], [7, 6, 2]),
  CSS: field(false, [5, 2, 9], [7, 6, 7]),
  CB: field(true, [8, 8, 12], [4, 3, 10], [7, 6, 5], [2, 1, 3], [5, 5, 2]),
  CJ: field(
    true,
    [11, 11, 12],
    [4, 4, 11],
    [9, 8, 9],
    [10, 10, 8],
    [6, 6, 7],
    [7, 7, 6],
    [3, 1, 3],
    [5, 5, 2],
  ),
} as const satisfies Record<string, ImmediateField>;

/** Whether `value` can be put into the field. */
export const fits = (f: ImmediateField, value: number): boolean =>
  Number.isInteger(value) && value >= f.min && value <= f.max && value % f.step === 0;

/** The field's bits for `value`, to be or-ed into the word. */
export function insertField(f: ImmediateField, value: number): number {
  let word = 0;
  for (const [high, low, at] of f.pieces) {
    word |= ((value >> low) & (2 ** (high - low + 1) - 1)) << at;
  }
  return word >>> 0;
}

/** All instruction bits that belong to the field. */
export const fieldMask = (f: ImmediateField): number => insertField(f, -1);

/** Reads the field's value out of an instruction word. */
export function extractField(f: ImmediateField, word: number): number {
  let value = 0;
  let top = 0;
  for (const [high, low, at] of f.pieces) {
    value |= ((word >>> at) & (2 ** (high - low + 1) - 1)) << low;
    top = Math.max(top, high);
  }
  return f.signed ? (value << (31 - top)) >> (31 - top) : value;
}

/** A register operand: 5 bits, or 3 bits that mean x8…x15. */
export interface RegisterField {
  readonly at: number;
  readonly narrow: boolean;
  /** The instruction has no encoding for x0 here (it means another instruction), nor for these. */
  readonly except: readonly number[];
}

const register = (at: number, ...except: number[]): RegisterField => ({
  at,
  narrow: false,
  except,
});
const narrow = (at: number): RegisterField => ({ at, narrow: true, except: [] });

export const insertRegister = (r: RegisterField, number: number): number =>
  (r.narrow ? number - 8 : number) << r.at;

export const extractRegister = (r: RegisterField, word: number): number =>
  r.narrow ? ((word >>> r.at) & 7) + 8 : (word >>> r.at) & 31;

export const registerFits = (r: RegisterField, number: number): boolean =>
  (r.narrow ? number >= 8 && number <= 15 : number >= 0 && number <= 31) &&
  !r.except.includes(number);

/** One operand as it is written in assembly, and where it goes. */
export type Operand =
  | { readonly kind: 'register'; readonly register: RegisterField }
  /** A register that is written but not encoded (sp). */
  | { readonly kind: 'fixed'; readonly number: number }
  | { readonly kind: 'immediate'; readonly field: ImmediateField; readonly nonzero: boolean }
  /** lui and c.lui: the value is what goes to bits 31…12. */
  | { readonly kind: 'upper'; readonly compressed: boolean }
  | { readonly kind: 'csr' }
  | { readonly kind: 'target'; readonly field: ImmediateField }
  /** imm(base); `field` absent: only (base) or 0(base). `base` a number: that register, unencoded. */
  | {
      readonly kind: 'memory';
      readonly field?: ImmediateField;
      readonly base: RegisterField | number;
    }
  /** A subset of the letters iorw. */
  | { readonly kind: 'fence'; readonly field: ImmediateField };

const reg = (r: RegisterField): Operand => ({ kind: 'register', register: r });
const imm = (f: ImmediateField, nonzero = false): Operand => ({
  kind: 'immediate',
  field: f,
  nonzero,
});
const target = (f: ImmediateField): Operand => ({ kind: 'target', field: f });
const memory = (base: RegisterField | number, f?: ImmediateField): Operand =>
  f ? { kind: 'memory', base, field: f } : { kind: 'memory', base };

const RD = register(7);
const RS1 = register(15);
const RS2 = register(20);
const SP = 2;

/** Operands of each 32-bit format in the order in which they are written. */
export const OPERANDS: Readonly<Record<Format, readonly Operand[]>> = {
  R: [reg(RD), reg(RS1), reg(RS2)],
  I: [reg(RD), reg(RS1), imm(FIELDS.I)],
  Ish: [reg(RD), reg(RS1), imm(FIELDS.shamt)],
  L: [reg(RD), memory(RS1, FIELDS.I)],
  S: [reg(RS2), memory(RS1, FIELDS.S)],
  B: [reg(RS1), reg(RS2), target(FIELDS.B)],
  U: [reg(RD), { kind: 'upper', compressed: false }],
  J: [reg(RD), target(FIELDS.J)],
  jalr: [reg(RD), memory(RS1, FIELDS.I)],
  csr: [reg(RD), { kind: 'csr' }, reg(RS1)],
  csri: [reg(RD), { kind: 'csr' }, imm(FIELDS.uimm)],
  fence: [
    { kind: 'fence', field: FIELDS.predecessor },
    { kind: 'fence', field: FIELDS.successor },
  ],
  none: [],
  lr: [reg(RD), memory(RS1)],
  amo: [reg(RD), reg(RS2), memory(RS1)],
};

/** Operands of each 16-bit format; RS2' stands at bit 2, RD'/RS1' at bit 7. */
export const COMPRESSED_OPERANDS: Readonly<Record<CompressedFormat, readonly Operand[]>> = {
  CIW: [reg(narrow(2)), { kind: 'fixed', number: SP }, imm(FIELDS.CIW, true)],
  CL: [reg(narrow(2)), memory(narrow(7), FIELDS.CL)],
  CS: [reg(narrow(2)), memory(narrow(7), FIELDS.CL)],
  CI: [reg(register(7)), imm(FIELDS.CI)],
  CIlui: [reg(register(7, 2)), { kind: 'upper', compressed: true }],
  CIsp: [{ kind: 'fixed', number: SP }, imm(FIELDS.CIsp, true)],
  CIsh: [reg(register(7)), imm(FIELDS.CIsh)],
  CIlw: [reg(register(7, 0)), memory(SP, FIELDS.CIlw)],
  CSS: [reg(register(2)), memory(SP, FIELDS.CSS)],
  CR: [reg(register(7)), reg(register(2, 0))],
  CRj: [reg(register(7, 0))],
  CBsh: [reg(narrow(7)), imm(FIELDS.CIsh)],
  CBi: [reg(narrow(7)), imm(FIELDS.CI)],
  CA: [reg(narrow(7)), reg(narrow(2))],
  CB: [reg(narrow(7)), target(FIELDS.CB)],
  CJ: [target(FIELDS.CJ)],
  Cnone: [],
};
