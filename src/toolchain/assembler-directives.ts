// Directives of the assembler as a table: GNU as, "Assembler Directives", and the RISC-V ones.

import { AssemblySyntaxError, splitOperands, type Token } from './assembler-lexer.ts';
import {
  evaluate,
  type AssemblySymbol,
  type Expression,
  type SectionBuilder,
} from './assembler-expression.ts';

/** What a directive can do to the assembly. */
export interface DirectiveContext {
  section: SectionBuilder;
  readonly sections: ReadonlyMap<string, SectionBuilder>;
  previous: SectionBuilder[];
  openSection(name: string, flags: SectionBuilder['flags']): SectionBuilder;
  emit(bytes: readonly number[]): void;
  data(size: 1 | 2 | 4, expression: Expression): void;
  constant(tokens: readonly Token[]): number;
  expression(tokens: readonly Token[]): Expression;
  define(name: string, expression: Expression): void;
  name(text: string): AssemblySymbol;
}

export type Directive = (
  context: DirectiveContext,
  operands: readonly Token[],
  directive: string,
) => void;

const CODE = { alloc: true, write: false, execute: true, nobits: false };
const DATA = { alloc: true, write: true, execute: false, nobits: false };
const CONSTANTS = { alloc: true, write: false, execute: false, nobits: false };
const ZEROS = { alloc: true, write: true, execute: false, nobits: true };
const OTHER = { alloc: false, write: false, execute: false, nobits: false };

/** Flags of sections whose name tells their kind. */
const KNOWN_SECTIONS: readonly (readonly [RegExp, SectionBuilder['flags']])[] = [
  [/^\.text(\.|$)/, CODE],
  [/^\.(s?data)(\.|$)/, DATA],
  [/^\.(s?rodata)(\.|$)/, CONSTANTS],
  [/^\.(s?bss)(\.|$)/, ZEROS],
];

const SPACE_MAX = 1 << 26;

const nameOf = (token: Token | undefined): string => {
  if (token?.kind === 'name') return token.text;
  throw new AssemblySyntaxError('expected a name');
};

const words =
  (size: 1 | 2 | 4): Directive =>
  (context, operands) => {
    for (const value of splitOperands(operands)) context.data(size, context.expression(value));
  };

const doubleWords: Directive = (context, operands) => {
  for (const value of splitOperands(operands)) {
    const { symbol, addend } = evaluate(context.expression(value));
    if (symbol) throw new AssemblySyntaxError('64-bit data must be constants');
    context.data(4, { op: 'constant', value: addend & 0xffff_ffffn });
    context.data(4, { op: 'constant', value: (addend >> 32n) & 0xffff_ffffn });
  }
};

const strings =
  (terminated: boolean): Directive =>
  (context, operands) => {
    for (const [token, extra] of splitOperands(operands)) {
      if (token?.kind !== 'string' || extra) throw new AssemblySyntaxError('expected "a string"');
      context.emit([...token.bytes, ...(terminated ? [0] : [])]);
    }
  };

const space: Directive = (context, operands) => {
  const [size = [], value] = splitOperands(operands);
  const count = context.constant(size);
  if (count < 0 || count > SPACE_MAX) throw new AssemblySyntaxError(`size ${count} out of range`);
  fill(context, count, value ? context.constant(value) : 0);
};

/** .fill repeat, size, value */
const fillDirective: Directive = (context, operands) => {
  const [repeat = [], size, value] = splitOperands(operands);
  const count = context.constant(repeat);
  const bytes = size ? context.constant(size) : 1;
  if (count < 0 || bytes < 0 || bytes > 8 || count * bytes > SPACE_MAX) {
    throw new AssemblySyntaxError(`.fill ${count}, ${bytes} out of range`);
  }
  const word = BigInt(value ? context.constant(value) : 0) & 0xffff_ffffn;
  const pattern = Array.from({ length: bytes }, (_, i) => Number((word >> BigInt(8 * i)) & 255n));
  for (let i = 0; i < count; i++) context.emit(pattern);
};

function fill(context: DirectiveContext, count: number, value: number): void {
  if (context.section.flags.nobits && value === 0) context.section.size += count;
  else context.emit(new Array<number>(count).fill(value & 0xff));
}

const align =
  (power: boolean): Directive =>
  (context, operands) => {
    const [amount = [], value] = splitOperands(operands);
    const given = context.constant(amount);
    const bytes = power ? 2 ** given : Math.max(1, given);
    if (given < 0 || bytes > 1 << 16 || !Number.isInteger(Math.log2(bytes))) {
      throw new AssemblySyntaxError(`cannot align to ${power ? `2^${given}` : given}`);
    }
    const { section } = context;
    section.align = Math.max(section.align, bytes);
    const gap = (bytes - (section.size % bytes)) % bytes;
    if (value && value.length > 0) fill(context, gap, context.constant(value));
    else if (section.flags.execute) context.emit(codePadding(section.size, gap));
    else fill(context, gap, 0);
  };

/** Zeros up to an even address, c.nop up to a multiple of four, then nops. */
function codePadding(start: number, gap: number): number[] {
  const bytes: number[] = [];
  while (bytes.length < gap) {
    const left = gap - bytes.length;
    const at = start + bytes.length;
    if (at % 2 !== 0 || left < 2) bytes.push(0);
    else if (at % 4 !== 0 || left < 4) bytes.push(0x01, 0x00);
    else bytes.push(0x13, 0x00, 0x00, 0x00);
  }
  return bytes;
}

function switchTo(context: DirectiveContext, section: SectionBuilder): void {
  context.section = section;
}

const sectionDirective: Directive = (context, operands) => {
  const [nameTokens = [], flagTokens, typeTokens] = splitOperands(operands);
  const [first] = nameTokens;
  const name =
    first?.kind === 'string'
      ? first.text
      : nameTokens.map((t) => (t.kind === 'name' || t.kind === 'punct' ? t.text : '')).join('');
  if (!name) throw new AssemblySyntaxError('expected a section name');
  const known = KNOWN_SECTIONS.find(([pattern]) => pattern.test(name))?.[1] ?? OTHER;
  const [flags] = flagTokens ?? [];
  const type = typeTokens?.[1];
  const given =
    flags?.kind === 'string'
      ? {
          alloc: flags.text.includes('a'),
          write: flags.text.includes('w'),
          execute: flags.text.includes('x'),
          nobits: type?.kind === 'name' ? type.text === 'nobits' : known.nobits,
        }
      : known;
  const previous = context.sections.get(name);
  if (previous && flags && JSON.stringify(previous.flags) !== JSON.stringify(given)) {
    throw new AssemblySyntaxError(`section ${name} was opened before with other flags`);
  }
  switchTo(context, context.openSection(name, given));
};

const named =
  (name: string, flags: SectionBuilder['flags']): Directive =>
  (context, operands) => {
    if (operands.length > 0) throw new AssemblySyntaxError('subsections are not supported');
    switchTo(context, context.openSection(name, flags));
  };

const forNames =
  (change: (symbol: AssemblySymbol) => void): Directive =>
  (context, operands) => {
    for (const [token] of splitOperands(operands)) change(context.name(nameOf(token)));
  };

/** .type name, @function — also %function, and STT_FUNC as GNU as takes it. */
const type: Directive = (context, operands) => {
  const [name = [], kind = []] = splitOperands(operands);
  const last = kind[kind.length - 1];
  const text = last?.kind === 'name' || last?.kind === 'string' ? last.text.toLowerCase() : '';
  const symbol = context.name(nameOf(name[0]));
  if (text === 'function' || text === 'stt_func') symbol.type = 'function';
  else if (text === 'object' || text === 'stt_object') symbol.type = 'object';
  else if (text === 'notype' || text === 'stt_notype') symbol.type = 'none';
  else throw new AssemblySyntaxError('expected @function, @object or @notype');
};

const size: Directive = (context, operands) => {
  const [name = [], value = []] = splitOperands(operands);
  context.name(nameOf(name[0])).size = context.expression(value);
};

const set: Directive = (context, operands) => {
  const [name = [], value = []] = splitOperands(operands);
  context.define(nameOf(name[0]), context.expression(value));
};

/** .comm and .lcomm name, size, alignment: zeros in .bss. */
const common =
  (global: boolean): Directive =>
  (context, operands) => {
    const [name = [], bytes = [], alignment] = splitOperands(operands);
    const symbol = context.name(nameOf(name[0]));
    const back = context.section;
    switchTo(context, context.openSection('.bss', ZEROS));
    if (alignment) align(false)(context, alignment, '.balign');
    if (symbol.section) throw new AssemblySyntaxError(`'${symbol.name}' is already defined`);
    symbol.section = context.section;
    symbol.offset = context.section.size;
    symbol.global = global;
    symbol.type = 'object';
    symbol.size = { op: 'constant', value: BigInt(context.constant(bytes)) };
    space(context, bytes, '.space');
    switchTo(context, back);
  };

const OPTIONS = ['rvc', 'norvc', 'relax', 'norelax', 'pic', 'nopic', 'push', 'pop'];

/** 16-bit code comes from c.* only and nothing is relaxed, so the options change nothing. */
const option: Directive = (_context, operands) => {
  const text = operands[0]?.kind === 'name' ? operands[0].text : '';
  if (!OPTIONS.includes(text)) throw new AssemblySyntaxError(`unknown .option '${text}'`);
};

const pushSection: Directive = (context, operands, directive) => {
  context.previous.push(context.section);
  sectionDirective(context, operands, directive);
};

const popSection: Directive = (context) => {
  const section = context.previous.pop();
  if (!section) throw new AssemblySyntaxError('.popsection without .pushsection');
  switchTo(context, section);
};

const errorDirective: Directive = (_context, operands) => {
  const [text] = operands;
  throw new AssemblySyntaxError(text?.kind === 'string' ? text.text : '.error');
};

const ignored: Directive = () => {};

export const DIRECTIVES: ReadonlyMap<string, Directive> = new Map<string, Directive>(
  Object.entries<Directive>({
    '.text': named('.text', CODE),
    '.data': named('.data', DATA),
    '.bss': named('.bss', ZEROS),
    '.rodata': named('.rodata', CONSTANTS),
    '.section': sectionDirective,
    '.pushsection': pushSection,
    '.popsection': popSection,
    '.globl': forNames((symbol) => (symbol.global = true)),
    '.global': forNames((symbol) => (symbol.global = true)),
    '.local': forNames((symbol) => (symbol.global = false)),
    '.type': type,
    '.size': size,
    '.word': words(4),
    '.long': words(4),
    '.int': words(4),
    '.4byte': words(4),
    '.half': words(2),
    '.short': words(2),
    '.hword': words(2),
    '.2byte': words(2),
    '.byte': words(1),
    '.dword': doubleWords,
    '.quad': doubleWords,
    '.8byte': doubleWords,
    '.ascii': strings(false),
    '.asciz': strings(true),
    '.string': strings(true),
    '.space': space,
    '.skip': space,
    '.zero': space,
    '.fill': fillDirective,
    '.align': align(true),
    '.p2align': align(true),
    '.balign': align(false),
    '.equ': set,
    '.set': set,
    '.equiv': set,
    '.comm': common(true),
    '.lcomm': common(false),
    '.option': option,
    '.error': errorDirective,
    '.file': ignored,
    '.ident': ignored,
    '.attribute': ignored,
    '.cfi_sections': ignored,
    '.cfi_startproc': ignored,
    '.cfi_endproc': ignored,
    '.cfi_def_cfa': ignored,
    '.cfi_def_cfa_offset': ignored,
    '.cfi_def_cfa_register': ignored,
    '.cfi_offset': ignored,
    '.cfi_restore': ignored,
    '.cfi_undefined': ignored,
  }),
);
