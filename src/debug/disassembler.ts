// One instruction → text in the style of GNU objdump, from the tables of isa.ts, encoding.ts and
// pseudo-instructions.ts. Left out: what isa.ts leaves out; such words are shown as data.

import {
  COMPRESSED_INSTRUCTIONS,
  INSTRUCTIONS,
  REGISTER_NAMES,
  type CompressedInstruction,
  type Instruction,
} from '../machine/isa.ts';
import { csrName } from '../machine/csr-names.ts';
import { PSEUDO_INSTRUCTIONS, type PseudoInstruction } from '../machine/pseudo-instructions.ts';
import {
  COMPRESSED_OPERANDS,
  extractField,
  extractRegister,
  FIELDS,
  OPERANDS,
  type Operand,
} from '../machine/encoding.ts';

export interface DisassembleOptions {
  /** Pseudo-instructions (`ret`, `li`) in place of what they stand for; default true. */
  readonly pseudo?: boolean;
  /** Name of an address, e.g. `printk+0x10`; shown as `<…>` behind branch targets. */
  readonly symbol?: (address: number) => string | undefined;
}

export interface Disassembly {
  /** Mnemonic, a tab, operands: `addi\ta0,a0,1`. */
  readonly text: string;
  readonly bytes: 2 | 4;
  readonly mnemonic: string;
  readonly operands: readonly string[];
  /** Address that a branch or jump names. */
  readonly target?: number;
  /** Register and offset of a load's or store's address. */
  readonly memory?: { readonly base: number; readonly offset: number };
  /** False for a word that is no instruction (`.word`). */
  readonly known: boolean;
}

/** Length of the instruction whose first 16 bits these are. */
export const instructionBytes = (low: number): 2 | 4 => ((low & 3) === 3 ? 4 : 2);

/**
 * Disassembles the instruction at `address`.
 * @param word its 32 bits; for a 16-bit instruction the upper half is ignored
 */
export function disassemble(
  word: number,
  address: number,
  options: DisassembleOptions = {},
): Disassembly {
  return instructionBytes(word) === 4
    ? disassembleLong(word >>> 0, address, options)
    : disassembleShort(word & 0xffff, address, options);
}

/** Candidates by the bits that all entries of one group share: opcode and funct3. */
const longByOpcode = new Map<number, Instruction[]>();
for (const entry of INSTRUCTIONS) {
  const group = longByOpcode.get(entry.match & 0x7f);
  if (group) group.push(entry);
  else longByOpcode.set(entry.match & 0x7f, [entry]);
}

function disassembleLong(word: number, address: number, options: DisassembleOptions): Disassembly {
  const entry = longByOpcode.get(word & 0x7f)?.find((i) => (word & i.mask) >>> 0 === i.match);
  if (!entry) return data(word, 4);
  const ordered = entry.format === 'amo' || entry.format === 'lr';
  const suffix = ordered ? (['', '.rl', '.aq', '.aqrl'][(word >>> 25) & 3] ?? '') : '';
  return show(entry.name, suffix, OPERANDS[entry.format], word, 4, address, options);
}

/** What objdump calls a 16-bit instruction by default: its 32-bit twin, with the operands of that. */
function disassembleShort(word: number, address: number, options: DisassembleOptions): Disassembly {
  if (word === 0) {
    const name = options.pseudo === false ? 'c.unimp' : 'unimp';
    return { text: name, bytes: 2, mnemonic: name, operands: [], known: true };
  }
  const entry = COMPRESSED_INSTRUCTIONS.find((i) => (word & i.mask) === i.match);
  if (!entry || isReserved(entry, word)) return data(word, 2);
  const layout = COMPRESSED_OPERANDS[entry.format];
  if (options.pseudo === false) return show(entry.name, '', layout, word, 2, address, options);
  const shown = show(entry.name, '', layout, word, 2, address, { ...options, pseudo: false });
  const [mnemonic, operands] = expandShort(entry, shown.operands);
  return { ...shown, mnemonic, operands, text: join(mnemonic, operands) };
}

/** Encodings that the C chapter reserves: register x0 or an immediate of 0 where neither may be. */
function isReserved(entry: CompressedInstruction, word: number): boolean {
  return COMPRESSED_OPERANDS[entry.format].some((operand) => {
    if (operand.kind === 'immediate')
      return operand.nonzero && extractField(operand.field, word) === 0;
    if (operand.kind === 'upper') return extractField(FIELDS.CI, word) === 0;
    // c.mv and c.add with x0 as source are other instructions; those stand before them.
    return (
      operand.kind === 'register' &&
      operand.register.except.includes(0) &&
      extractRegister(operand.register, word) === 0
    );
  });
}

const REPEATS = new Set(['CI', 'CIsh', 'CBsh', 'CBi', 'CA', 'CIsp']);

function expandShort(
  entry: CompressedInstruction,
  operands: readonly string[],
): [mnemonic: string, operands: readonly string[]] {
  const name = entry.name.slice(2);
  const [first = '', second = ''] = operands;
  switch (entry.name) {
    case 'c.addi4spn':
      return ['addi', operands];
    case 'c.addi16sp':
      return ['addi', ['sp', 'sp', second]];
    case 'c.lwsp':
    case 'c.swsp':
      return [name.slice(0, 2), operands];
    case 'c.li':
    case 'c.lui':
    case 'c.mv':
      return [name, operands];
    case 'c.add':
      return [name, [first, first, second]];
    case 'c.jr':
      return first === 'ra' ? ['ret', []] : [name, operands];
    default:
      return REPEATS.has(entry.format) ? [name, [first, ...operands]] : [name, operands];
  }
}

const join = (mnemonic: string, operands: readonly string[]): string =>
  operands.length === 0 ? mnemonic : `${mnemonic}\t${operands.join(',')}`;

function data(word: number, bytes: 2 | 4): Disassembly {
  const mnemonic = bytes === 4 ? '.word' : '.half';
  const operands = [`0x${word.toString(16).padStart(2 * bytes, '0')}`];
  return { text: join(mnemonic, operands), bytes, mnemonic, operands, known: false };
}

function show(
  name: string,
  suffix: string,
  layout: readonly Operand[],
  word: number,
  bytes: 2 | 4,
  address: number,
  options: DisassembleOptions,
): Disassembly {
  const operands = layout.map((operand) => operandText(operand, word, address));
  const jump = layout.find((operand) => operand.kind === 'target');
  const target = jump ? (address + extractField(jump.field, word)) >>> 0 : undefined;
  const [mnemonic, parts] = options.pseudo === false ? [name, operands] : asPseudo(name, operands);
  const memory = layout.find((operand) => operand.kind === 'memory');
  const isAccess = memory !== undefined && name !== 'jalr';
  const symbol = target === undefined ? undefined : options.symbol?.(target);
  return {
    text: join(mnemonic + suffix, parts) + (symbol === undefined ? '' : ` <${symbol}>`),
    bytes,
    mnemonic: mnemonic + suffix,
    operands: parts,
    ...(target === undefined ? {} : { target }),
    ...(isAccess ? { memory: memoryPlace(memory, word) } : {}),
    known: true,
  };
}

function memoryPlace(
  operand: Extract<Operand, { kind: 'memory' }>,
  word: number,
): { base: number; offset: number } {
  const { base, field } = operand;
  return {
    base: typeof base === 'number' ? base : extractRegister(base, word),
    offset: field ? extractField(field, word) : 0,
  };
}

function operandText(operand: Operand, word: number, address: number): string {
  switch (operand.kind) {
    case 'register':
      return registerName(extractRegister(operand.register, word));
    case 'fixed':
      return registerName(operand.number);
    case 'immediate': {
      const value = extractField(operand.field, word);
      // objdump writes shift amounts in hexadecimal, everything else in decimal.
      const isShift = operand.field === FIELDS.shamt || operand.field === FIELDS.CIsh;
      return isShift ? `0x${value.toString(16)}` : `${value}`;
    }
    case 'upper': {
      const value = operand.compressed
        ? extractField(FIELDS.CI, word) & 0xfffff
        : extractField(FIELDS.U, word);
      return `0x${value.toString(16)}`;
    }
    case 'csr': {
      const number = extractField(FIELDS.csr, word);
      return csrName(number) ?? `0x${number.toString(16)}`;
    }
    case 'target':
      return ((address + extractField(operand.field, word)) >>> 0).toString(16);
    case 'memory': {
      const base =
        typeof operand.base === 'number' ? operand.base : extractRegister(operand.base, word);
      const offset = operand.field ? `${extractField(operand.field, word)}` : '';
      return `${offset}(${registerName(base)})`;
    }
    case 'fence': {
      const set = extractField(operand.field, word);
      return [...'iorw'].filter((_, bit) => (set & (8 >> bit)) !== 0).join('') || '0';
    }
  }
}

const registerName = (number: number): string => REGISTER_NAMES[number] ?? `x${number}`;

const pseudosByBase = new Map<string, PseudoInstruction[]>();
for (const pseudo of PSEUDO_INSTRUCTIONS) {
  if (!pseudo.shown) continue;
  const group = pseudosByBase.get(pseudo.base);
  if (group) group.push(pseudo);
  else pseudosByBase.set(pseudo.base, [pseudo]);
}

/** The first pseudo-instruction whose fixed operands are these. */
function asPseudo(name: string, operands: readonly string[]): [string, readonly string[]] {
  if (name === 'jalr') return jalrText(operands);
  for (const pseudo of pseudosByBase.get(name) ?? []) {
    const fits = pseudo.expansion.every((part, i) => part.startsWith('$') || part === operands[i]);
    if (!fits) continue;
    const given = pseudo.expansion.flatMap((part, i): [string, string][] =>
      part.startsWith('$') ? [[part, operands[i] ?? '']] : [],
    );
    return [pseudo.name, given.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)];
  }
  return [name, operands];
}

/** jalr drops an offset of 0, a link register of ra and, as jr, one of zero. */
function jalrText([rd = '', address = '']: readonly string[]): [string, readonly string[]] {
  const place = address.startsWith('0(') ? address.slice(2, -1) : address;
  if (rd === 'zero') return place === 'ra' ? ['ret', []] : ['jr', [place]];
  return ['jalr', rd === 'ra' ? [place] : [rd, place]];
}
