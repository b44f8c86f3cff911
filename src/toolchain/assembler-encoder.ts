// One instruction or pseudo-instruction → bytes and fixups, driven by the operand tables of
// encoding.ts. Sizes are known at once; values are filled in when all labels are known.

import {
  COMPRESSED_INSTRUCTIONS,
  INSTRUCTIONS,
  REGISTER_NAMES,
  type CompressedInstruction,
  type Instruction,
} from '../machine/isa.ts';
import { csrNumber } from '../machine/csr-names.ts';
import {
  COMPRESSED_OPERANDS,
  FIELDS,
  insertRegister,
  OPERANDS,
  registerFits,
  type ImmediateField,
  type Operand,
  type RegisterField,
} from '../machine/encoding.ts';
import {
  describe,
  evaluate,
  parseExpression,
  type Expression,
  type Scope,
} from './assembler-expression.ts';
import { AssemblySyntaxError, isPunct, tokenize, type Token } from './assembler-lexer.ts';
import { IMMEDIATE_TWINS, PSEUDO_INSTRUCTIONS } from '../machine/pseudo-instructions.ts';
import { high20, low12 } from './relocation.ts';
import type { RelocationKind } from './object-code.ts';

/** Something to fill into the bytes at the end: a constant field, or a relocation. */
export type Fixup =
  | {
      readonly kind: 'field';
      readonly field: ImmediateField;
      readonly expression: Expression;
      readonly nonzero: boolean;
      readonly bytes: 2 | 4;
    }
  | { readonly kind: 'upper'; readonly compressed: boolean; readonly expression: Expression }
  | { readonly kind: 'csr'; readonly expression: Expression }
  | {
      readonly kind: 'relocation';
      readonly relocation: RelocationKind;
      readonly expression: Expression;
    }
  /** %pcrel_lo(label): completes the auipc at the label. */
  | {
      readonly kind: 'pcrel_lo';
      readonly relocation: 'pcrel_lo12_i' | 'pcrel_lo12_s';
      readonly label: Expression;
    }
  /** The same for a pair that the assembler made: the auipc is `back` bytes before. */
  | {
      readonly kind: 'paired';
      readonly relocation: 'pcrel_lo12_i' | 'pcrel_lo12_s';
      readonly expression: Expression;
      readonly back: number;
    };

/** One encoded instruction. */
export interface Encoded {
  readonly word: number;
  readonly bytes: 2 | 4;
  readonly fixups: readonly Fixup[];
}

const REGISTERS = new Map<string, number>([
  ...REGISTER_NAMES.map((name, number): [string, number] => [name, number]),
  ...REGISTER_NAMES.map((_, number): [string, number] => [`x${number}`, number]),
  ['fp', 8],
]);

/** The register that a single token names. */
export const registerOf = (tokens: readonly Token[]): number | undefined => {
  const [first] = tokens;
  return tokens.length === 1 && first?.kind === 'name' ? REGISTERS.get(first.text) : undefined;
};

const instructions = new Map<string, Instruction>(INSTRUCTIONS.map((i) => [i.name, i]));
const compressed = new Map<string, CompressedInstruction>(
  COMPRESSED_INSTRUCTIONS.map((i) => [i.name, i]),
);
const pseudos = new Map<string, (typeof PSEUDO_INSTRUCTIONS)[number]>(
  PSEUDO_INSTRUCTIONS.map((p) => [`${p.name}/${p.operands}`, p]),
);
const pseudoNames = new Set(PSEUDO_INSTRUCTIONS.map((p) => p.name));

const ORDERINGS: Readonly<Record<string, number>> = {
  '.aq': 1 << 26,
  '.rl': 1 << 25,
  '.aqrl': 3 << 25,
};

type Operands = readonly (readonly Token[])[];

const literal = (text: string): Token[] => tokenize(text);

/** Encodes one statement. */
export function encodeInstruction(mnemonic: string, operands: Operands, scope: Scope): Encoded[] {
  const name = mnemonic.toLowerCase();
  const special = SPECIAL.get(name)?.(operands, scope);
  if (special) return special;
  const twin = IMMEDIATE_TWINS.get(name);
  const last = operands[operands.length - 1];
  if (twin && last && operands.length > 1 && registerOf(last) === undefined) {
    return encodeInstruction(twin, operands, scope);
  }
  const pseudo = pseudos.get(`${name}/${operands.length}`);
  if (pseudo) {
    const parts = pseudo.expansion.map((part) =>
      part.startsWith('$') ? (operands[Number(part.slice(1))] ?? []) : literal(part),
    );
    return encodeInstruction(pseudo.base, parts, scope);
  }
  return [encodeBase(name, operands, scope)];
}

function encodeBase(name: string, operands: Operands, scope: Scope): Encoded {
  const short = compressed.get(name);
  if (short) {
    checkCount(name, COMPRESSED_OPERANDS[short.format].length, operands.length);
    return assembleWord(short.match, 2, COMPRESSED_OPERANDS[short.format], operands, scope);
  }
  const suffix = /\.(aq|rl|aqrl)$/.exec(name)?.[0] ?? '';
  const long = instructions.get(name.slice(0, name.length - suffix.length));
  const ordered = long?.format === 'amo' || long?.format === 'lr';
  if (!long || (suffix !== '' && !ordered)) {
    if (pseudoNames.has(name))
      throw new AssemblySyntaxError(`wrong number of operands for ${name}`);
    throw new AssemblySyntaxError(`unknown instruction '${name}'`);
  }
  checkCount(name, OPERANDS[long.format].length, operands.length);
  const match = (long.match | (ORDERINGS[suffix] ?? 0)) >>> 0;
  return assembleWord(match, 4, OPERANDS[long.format], operands, scope);
}

function checkCount(name: string, wanted: number, found: number): void {
  if (wanted === found) return;
  throw new AssemblySyntaxError(
    `${name} takes ${wanted === 0 ? 'no operands' : `${wanted} operand${wanted === 1 ? '' : 's'}`}, not ${found}`,
  );
}

function assembleWord(
  match: number,
  bytes: 2 | 4,
  layout: readonly Operand[],
  operands: Operands,
  scope: Scope,
): Encoded {
  let word = match;
  const fixups: Fixup[] = [];
  layout.forEach((operand, index) => {
    word |= encodeOperand(operand, operands[index] ?? [], bytes, scope, fixups);
  });
  return { word: word >>> 0, bytes, fixups };
}

/** Returns the bits that are known now and adds fixups for the others. */
function encodeOperand(
  operand: Operand,
  tokens: readonly Token[],
  bytes: 2 | 4,
  scope: Scope,
  fixups: Fixup[],
): number {
  switch (operand.kind) {
    case 'register':
      return insertRegister(operand.register, takeRegister(tokens, operand.register));
    case 'fixed':
      if (registerOf(tokens) !== operand.number) {
        throw new AssemblySyntaxError(`expected ${REGISTER_NAMES[operand.number]}`);
      }
      return 0;
    case 'immediate':
      fixups.push(immediateFixup(operand.field, tokens, operand.nonzero, bytes, scope));
      return 0;
    case 'upper':
      fixups.push(upperFixup(operand.compressed, tokens, scope));
      return 0;
    case 'csr': {
      const [first] = tokens;
      const number = first?.kind === 'name' ? csrNumber(first.text.toLowerCase()) : undefined;
      if (tokens.length === 1 && number !== undefined) return (number << 20) >>> 0;
      fixups.push({ kind: 'csr', expression: parseExpression(tokens, scope) });
      return 0;
    }
    case 'target':
      fixups.push({
        kind: 'relocation',
        relocation: TARGET_RELOCATIONS.get(operand.field) ?? 'jal',
        expression: parseExpression(tokens, scope),
      });
      return 0;
    case 'memory':
      return encodeMemory(operand, tokens, bytes, scope, fixups);
    case 'fence':
      return fenceSet(tokens) * 2 ** (operand.field === FIELDS.predecessor ? 24 : 20);
  }
}

const TARGET_RELOCATIONS = new Map<ImmediateField, RelocationKind>([
  [FIELDS.B, 'branch'],
  [FIELDS.J, 'jal'],
  [FIELDS.CB, 'rvc_branch'],
  [FIELDS.CJ, 'rvc_jump'],
]);

function takeRegister(tokens: readonly Token[], field?: RegisterField): number {
  const number = registerOf(tokens);
  if (number === undefined) {
    throw new AssemblySyntaxError(
      tokens.length === 1 || tokens.length === 0
        ? `expected a register, found ${describe(tokens[0])}`
        : 'expected a register',
    );
  }
  if (field && !registerFits(field, number)) {
    throw new AssemblySyntaxError(
      `register ${REGISTER_NAMES[number]} cannot be used here${field.narrow ? ' (s0, s1, a0…a5 only)' : ''}`,
    );
  }
  return number;
}

function encodeMemory(
  operand: Extract<Operand, { kind: 'memory' }>,
  tokens: readonly Token[],
  bytes: 2 | 4,
  scope: Scope,
  fixups: Fixup[],
): number {
  const { offset, base } = splitMemory(tokens);
  let bits = 0;
  if (typeof operand.base === 'number') {
    if (base !== operand.base) {
      throw new AssemblySyntaxError(`the base must be ${REGISTER_NAMES[operand.base]}`);
    }
  } else {
    if (!registerFits(operand.base, base)) {
      throw new AssemblySyntaxError(`base ${REGISTER_NAMES[base]} cannot be used here`);
    }
    bits = insertRegister(operand.base, base);
  }
  const value = offset.length === 0 ? literal('0') : offset;
  if (operand.field) {
    fixups.push(immediateFixup(operand.field, value, false, bytes, scope));
  } else {
    const zero = evaluate(parseExpression(value, scope));
    if (zero.symbol ?? zero.addend !== 0n) {
      throw new AssemblySyntaxError('atomic instructions take an address without an offset');
    }
  }
  return bits;
}

/** Whether an operand has the shape `…(register)`. */
const isMemory = (tokens: readonly Token[]): boolean =>
  isPunct(tokens[tokens.length - 1], ')') &&
  isPunct(tokens[tokens.length - 3], '(') &&
  registerOf(tokens.slice(-2, -1)) !== undefined;

function splitMemory(tokens: readonly Token[]): { offset: readonly Token[]; base: number } {
  if (!isMemory(tokens)) throw new AssemblySyntaxError('expected offset(register)');
  return { offset: tokens.slice(0, -3), base: takeRegister(tokens.slice(-2, -1)) };
}

const MODIFIERS = ['hi', 'lo', 'pcrel_hi', 'pcrel_lo'] as const;

/** `%hi(expression)` → its parts. */
function modifier(
  tokens: readonly Token[],
): { name: (typeof MODIFIERS)[number]; inside: readonly Token[] } | undefined {
  const [percent, word] = tokens;
  if (!isPunct(percent, '%') || word?.kind !== 'name') return undefined;
  const name = MODIFIERS.find((m) => m === word.text);
  if (!name) throw new AssemblySyntaxError(`unknown relocation %${word.text}`);
  if (!isPunct(tokens[2], '(') || !isPunct(tokens[tokens.length - 1], ')')) {
    throw new AssemblySyntaxError(`expected %${name}(…)`);
  }
  return { name, inside: tokens.slice(3, -1) };
}

function immediateFixup(
  field: ImmediateField,
  tokens: readonly Token[],
  nonzero: boolean,
  bytes: 2 | 4,
  scope: Scope,
): Fixup {
  const modified = modifier(tokens);
  if (!modified) {
    return { kind: 'field', field, expression: parseExpression(tokens, scope), nonzero, bytes };
  }
  const expression = parseExpression(modified.inside, scope);
  const letter = field === FIELDS.I ? 'i' : field === FIELDS.S ? 's' : undefined;
  if (letter && modified.name === 'lo') {
    return { kind: 'relocation', relocation: `lo12_${letter}`, expression };
  }
  if (letter && modified.name === 'pcrel_lo') {
    return { kind: 'pcrel_lo', relocation: `pcrel_lo12_${letter}`, label: expression };
  }
  throw new AssemblySyntaxError(`%${modified.name} cannot be used here`);
}

function upperFixup(short: boolean, tokens: readonly Token[], scope: Scope): Fixup {
  const modified = modifier(tokens);
  if (!modified)
    return { kind: 'upper', compressed: short, expression: parseExpression(tokens, scope) };
  const expression = parseExpression(modified.inside, scope);
  if (!short && modified.name === 'hi')
    return { kind: 'relocation', relocation: 'hi20', expression };
  if (!short && modified.name === 'pcrel_hi') {
    return { kind: 'relocation', relocation: 'pcrel_hi20', expression };
  }
  throw new AssemblySyntaxError(`%${modified.name} cannot be used here`);
}

function fenceSet(tokens: readonly Token[]): number {
  const [first] = tokens;
  if (tokens.length === 1 && first?.kind === 'number' && first.value === 0n) return 0;
  if (tokens.length !== 1 || first?.kind !== 'name' || !/^i?o?r?w?$/.test(first.text)) {
    throw new AssemblySyntaxError('expected a subset of iorw, letters in that order');
  }
  return [...'iorw'].reduce((set, letter) => set * 2 + (first.text.includes(letter) ? 1 : 0), 0);
}

// ---- pseudo-instructions that need a decision --------------------------------------------------

/** Builds an instruction by name from operands given as text or tokens. */
function make(name: string, scope: Scope, ...operands: (string | readonly Token[])[]): Encoded {
  const parts = operands.map((o) => (typeof o === 'string' ? literal(o) : o));
  return encodeBase(name, parts, scope);
}

const registerName = (tokens: readonly Token[]): string =>
  REGISTER_NAMES[takeRegister(tokens)] ?? 'zero';

/** auipc + one instruction that adds the low part: la, lw rd,symbol, call. */
function pcRelative(
  scratch: string,
  symbol: readonly Token[],
  second: Encoded,
  scope: Scope,
): Encoded[] {
  const expression = parseExpression(symbol, scope);
  const auipc = make('auipc', scope, scratch, '0');
  const store = (second.word & 0x7f) === 0x23;
  return [
    { ...auipc, fixups: [{ kind: 'relocation', relocation: 'pcrel_hi20', expression }] },
    {
      ...second,
      fixups: [
        {
          kind: 'paired',
          relocation: store ? 'pcrel_lo12_s' : 'pcrel_lo12_i',
          expression,
          back: 4,
        },
      ],
    },
  ];
}

function loadImmediate([rd, value]: Operands, scope: Scope): Encoded[] {
  const register = registerName(rd ?? []);
  const result = evaluate(parseExpression(value ?? [], scope));
  if (result.symbol) {
    throw new AssemblySyntaxError(
      `li needs a constant known here; for the address of '${result.symbol.name}' use la`,
    );
  }
  const number = toWord(result.addend);
  if (number >= -2048 && number <= 2047) {
    return [make('addi', scope, register, 'zero', `${number}`)];
  }
  const lui = make('lui', scope, register, `${high20(number)}`);
  const low = low12(number);
  return low === 0 ? [lui] : [lui, make('addi', scope, register, register, `${low}`)];
}

/** A constant as a signed 32-bit number; accepts −2^31…2^32−1. */
export function toWord(value: bigint): number {
  if (value < -(2n ** 31n) || value >= 2n ** 32n) {
    throw new AssemblySyntaxError(`value ${value} does not fit 32 bits`);
  }
  return Number(BigInt.asIntN(32, value));
}

function loadAddress(operands: Operands, scope: Scope): Encoded[] {
  const [rd = [], symbol = []] = operands;
  checkCount('la', 2, operands.length);
  const register = registerName(rd);
  if (!evaluate(parseExpression(symbol, scope)).symbol) return loadImmediate(operands, scope);
  return pcRelative(register, symbol, make('addi', scope, register, register, '0'), scope);
}

const call = (link: string, scratch: string) => (operands: Operands, scope: Scope) => {
  const [first = [], second] = operands;
  const register = second ? registerName(first) : undefined;
  const expression = parseExpression(second ?? first, scope);
  checkCount('this jump', register ? 2 : 1, operands.length);
  // As GNU as: `call rd, symbol` links in rd and goes through t1, `tail rs, symbol` goes through rs.
  const rd = register && link !== 'zero' ? register : link;
  const rs = register ? (link === 'zero' ? register : 't1') : scratch;
  const auipc = make('auipc', scope, rs, '0');
  const fixup: Fixup = { kind: 'relocation', relocation: 'call', expression };
  return [
    { ...auipc, fixups: [fixup] },
    { ...make('jalr', scope, rd, `0(${rs})`), fixups: [] },
  ];
};

/** lw rd,symbol: through rd itself. */
const loadSymbol = (name: string) => (operands: Operands, scope: Scope) => {
  const [rd = [], address = []] = operands;
  if (operands.length !== 2 || isMemory(address) || !namesSymbol(address, scope)) return undefined;
  const register = registerName(rd);
  return pcRelative(register, address, make(name, scope, register, `0(${register})`), scope);
};

/** sw rs,symbol,scratch. */
const storeSymbol = (name: string) => (operands: Operands, scope: Scope) => {
  const [rs = [], address = [], scratch = []] = operands;
  if (operands.length !== 3) return undefined;
  const register = registerName(scratch);
  return pcRelative(
    register,
    address,
    make(name, scope, registerName(rs), `0(${register})`),
    scope,
  );
};

const namesSymbol = (tokens: readonly Token[], scope: Scope): boolean =>
  !isPunct(tokens[0], '%') && evaluate(parseExpression(tokens, scope)).symbol !== undefined;

/** Two shifts: sext.b, sext.h, zext.h. */
const extend = (bits: number, right: string) => (operands: Operands, scope: Scope) => {
  checkCount('this', 2, operands.length);
  const [rd = [], rs = []] = operands;
  return [make('slli', scope, rd, rs, `${bits}`), make(right, scope, rd, rd, `${bits}`)];
};

/** jalr and jr in the spellings that the table lacks. */
function jumpRegister(operands: Operands, scope: Scope): Encoded[] | undefined {
  const [rd = [], rs = [], offset] = operands;
  if (operands.length < 2 || isMemory(rs) || registerOf(rs) === undefined) return undefined;
  checkCount('jalr', offset ? 3 : 2, operands.length);
  const address = [...(offset ?? literal('0')), ...literal('('), ...rs, ...literal(')')];
  return [make('jalr', scope, rd, address)];
}

/** jr rs · jalr rs: the table has the form with an offset. */
const plainJump = (link: string) => (operands: Operands, scope: Scope) => {
  const [rs = [], offset] = operands;
  if (registerOf(rs) === undefined) return undefined;
  if (operands.length > 1) {
    return link === 'zero'
      ? jumpRegister([literal('zero'), ...operands], scope)
      : jumpRegister(operands, scope);
  }
  return offset
    ? undefined
    : [make('jalr', scope, link, [...literal('('), ...rs, ...literal(')')])];
};

type Special = (operands: Operands, scope: Scope) => Encoded[] | undefined;

const SPECIAL = new Map<string, Special>(
  Object.entries<Special>({
    li: (operands, scope) => {
      checkCount('li', 2, operands.length);
      return loadImmediate(operands, scope);
    },
    la: loadAddress,
    lla: loadAddress,
    call: call('ra', 'ra'),
    tail: call('zero', 't1'),
    jump: (operands, scope) => {
      checkCount('jump', 2, operands.length);
      return call('zero', 't1')([...operands].reverse(), scope);
    },
    jr: plainJump('zero'),
    jalr: plainJump('ra'),
    'sext.b': extend(24, 'srai'),
    'sext.h': extend(16, 'srai'),
    'zext.h': extend(16, 'srli'),
    'c.unimp': () => [{ word: 0, bytes: 2, fixups: [] }],
    ...Object.fromEntries(
      INSTRUCTIONS.filter((i) => i.format === 'L').map((i) => [i.name, loadSymbol(i.name)]),
    ),
    ...Object.fromEntries(
      INSTRUCTIONS.filter((i) => i.format === 'S').map((i) => [i.name, storeSymbol(i.name)]),
    ),
  }),
);
