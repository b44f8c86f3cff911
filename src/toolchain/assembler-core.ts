// The assembler at work: goes through the lines, keeps sections and symbols, and fills in values when
// all labels are known. Its parts: lexer, expression, macro, directives, encoder.

import { PrintkitError } from '../errors.ts';
import {
  evaluate,
  parseExpression,
  type AssemblySymbol,
  type Expression,
  type Scope,
  type SectionBuilder,
} from './assembler-expression.ts';
import { encodeInstruction, toWord, type Fixup } from './assembler-encoder.ts';
import { DIRECTIVES, type DirectiveContext } from './assembler-directives.ts';
import {
  AssemblySyntaxError,
  isPunct,
  splitLines,
  splitOperands,
  tokenize,
  type SourceLine,
  type Token,
} from './assembler-lexer.ts';
import {
  afterFirstWord,
  collectBlock,
  expandMacro,
  firstWord,
  parseMacroHead,
  splitArguments,
  substitute,
  type Macro,
} from './assembler-macro.ts';
import { fits, insertField, FIELDS } from '../machine/encoding.ts';
import { applyRelocation } from './relocation.ts';
import type {
  ObjectCode,
  ObjectLine,
  ObjectSymbol,
  Relocation,
  RelocationKind,
} from './object-code.ts';

/** An optional label, the mnemonic, the rest. */
const STATEMENT = /^\s*(?:([\w.$]+):)?\s*([\w.$]+)(.*)$/;
const LINES_MAX = 1_000_000;
const DEPTH_MAX = 64;

interface PlacedFixup {
  readonly fixup:
    Fixup | { readonly kind: 'data'; readonly size: 1 | 2 | 4; readonly expression: Expression };
  readonly section: SectionBuilder;
  readonly offset: number;
  readonly source: SourceLine;
}

export class Assembler implements Scope, DirectiveContext {
  readonly sections = new Map<string, SectionBuilder>();
  readonly symbols = new Map<string, AssemblySymbol>();
  section: SectionBuilder;
  previous: SectionBuilder[] = [];
  private readonly locals = new Map<number, { last?: AssemblySymbol; next?: AssemblySymbol }>();
  private readonly anonymous: AssemblySymbol[] = [];
  private readonly fixups: PlacedFixup[] = [];
  private readonly lines: ObjectLine[] = [];
  private readonly relocations: Relocation[] = [];
  private readonly macros = new Map<string, Macro>();
  private readonly conditions: { taking: boolean; taken: boolean; outer: boolean }[] = [];
  private macroSerial = 0;
  private lineCount = 0;
  private source: SourceLine = { text: '', line: 0 };
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
    this.section = this.openSection('.text', {
      alloc: true,
      write: false,
      execute: true,
      nobits: false,
    });
  }

  run(source: string): ObjectCode {
    try {
      this.process(splitLines(source), 0);
      if (this.conditions.length > 0) throw new AssemblySyntaxError('.if without .endif');
      this.checkLocals();
      for (const placed of this.fixups) this.resolve(placed);
      return this.finish();
    } catch (error) {
      if (!(error instanceof AssemblySyntaxError || error instanceof RangeError)) throw error;
      const { line, text } = this.source;
      const shown = text.trim().replace(/\s+/g, ' ').slice(0, 120);
      throw new PrintkitError(`${this.file}:${line}: ${error.message}${shown ? `: ${shown}` : ''}`);
    }
  }

  // ---- lines, blocks and conditions ----

  private process(lines: readonly SourceLine[], depth: number): void {
    if (depth > DEPTH_MAX) throw new AssemblySyntaxError('macros nested too deeply (recursive?)');
    for (let i = 0; i < lines.length; i++) {
      const source = lines[i] ?? this.source;
      this.source = source;
      if (++this.lineCount > LINES_MAX) throw new AssemblySyntaxError('macros expand too far');
      const word = firstWord(source.text);
      if (this.condition(word, source.text)) continue;
      if (this.conditions[this.conditions.length - 1]?.taking === false) continue;
      if (word === '.macro' || word === '.rept' || word === '.irp') {
        const { body, end } = collectBlock(lines, i, word);
        this.block(word, afterFirstWord(source.text), body, depth);
        i = end;
      } else {
        this.statementLine(source, depth);
      }
    }
  }

  private block(word: string, rest: string, body: SourceLine[], depth: number): void {
    if (word === '.macro') {
      const { name, parameters } = parseMacroHead(rest);
      this.macros.set(name, { parameters, body });
    } else if (word === '.rept') {
      const count = this.constant(tokenize(rest));
      if (count < 0 || count * Math.max(1, body.length) > LINES_MAX) {
        throw new AssemblySyntaxError(`.rept count ${count} out of range`);
      }
      for (let i = 0; i < count; i++) this.process(body, depth + 1);
    } else {
      const [name = '', ...values] = splitArguments(rest.replace(/^(\w+)\s*,?/, '$1,'));
      for (const value of values) {
        const known = new Map([[name, value]]);
        const text = body.map((b) => ({ ...b, text: substitute(b.text, known, this.macroSerial) }));
        this.process(text, depth + 1);
      }
    }
  }

  /** Handles .if and its relatives; true when the line was one of them. */
  private condition(word: string, text: string): boolean {
    const rest = afterFirstWord(text);
    const top = this.conditions[this.conditions.length - 1];
    const outer = top ? top.taking : true;
    const open = (decide: () => boolean) => {
      const taking = outer && decide();
      this.conditions.push({ taking, taken: taking, outer });
      return true;
    };
    const defined = () => {
      const symbol = this.symbols.get(rest);
      return symbol?.section !== undefined || symbol?.value !== undefined;
    };
    if (word === '.if') return open(() => this.constant(tokenize(rest)) !== 0);
    if (word === '.ifdef') return open(defined);
    if (word === '.ifndef') return open(() => !defined());
    if (word !== '.else' && word !== '.elseif' && word !== '.endif') return false;
    if (!top) throw new AssemblySyntaxError(`${word} without .if`);
    if (word === '.endif') {
      this.conditions.pop();
    } else {
      const wanted =
        word === '.else' || (top.outer && !top.taken && this.constant(tokenize(rest)) !== 0);
      top.taking = top.outer && !top.taken && wanted;
      top.taken ||= top.taking;
    }
    return true;
  }

  private statementLine(source: SourceLine, depth: number): void {
    if (/^\s*#/.test(source.text)) {
      throw new AssemblySyntaxError(
        'C preprocessor lines are not supported (.equ, .macro and .if are)',
      );
    }
    const [, label = '', name = '', rest = ''] = STATEMENT.exec(source.text) ?? [];
    const macro = this.macros.get(name);
    if (macro) {
      if (label) this.statement(tokenize(`${label}:`));
      const given = splitArguments(rest);
      const body = expandMacro(name, macro, given, this.macroSerial++, source.line);
      this.process(body, depth + 1);
      return;
    }
    let statement: Token[] = [];
    for (const token of tokenize(source.text)) {
      if (isPunct(token, ';')) {
        this.statement(statement);
        statement = [];
      } else {
        statement.push(token);
      }
    }
    this.statement(statement);
  }

  private statement(tokens: readonly Token[]): void {
    let rest = tokens;
    while (rest.length >= 2 && isPunct(rest[1], ':')) {
      this.label(rest[0]);
      rest = rest.slice(2);
    }
    const [first] = rest;
    if (!first) return;
    if (first.kind !== 'name')
      throw new AssemblySyntaxError('expected an instruction, a directive or a label');
    const operands = rest.slice(1);
    if (isPunct(operands[0], '=')) {
      this.define(first.text, parseExpression(operands.slice(1), this));
    } else if (first.text.startsWith('.')) {
      const directive = DIRECTIVES.get(first.text.toLowerCase());
      if (!directive) throw new AssemblySyntaxError(`unknown directive ${first.text}`);
      directive(this, operands, first.text.toLowerCase());
    } else {
      this.instruction(first.text, splitOperands(operands));
    }
  }

  private instruction(mnemonic: string, operands: Token[][]): void {
    if (this.section.flags.nobits || !this.section.flags.execute) {
      throw new AssemblySyntaxError(`instruction in ${this.section.name}, which is not for code`);
    }
    if (this.section.size % 2 !== 0) throw new AssemblySyntaxError('instruction at an odd address');
    this.section.align = Math.max(this.section.align, 2);
    for (const { word, bytes, fixups } of encodeInstruction(mnemonic, operands, this)) {
      if (bytes === 4) this.section.align = Math.max(this.section.align, 4);
      const offset = this.section.size;
      this.lines.push({ section: this.section.name, offset, line: this.source.line });
      this.emit(Array.from({ length: bytes }, (_, i) => (word >>> (8 * i)) & 0xff));
      for (const fixup of fixups) this.place(fixup, offset);
    }
  }

  // ---- what directives use ----

  openSection(name: string, flags: SectionBuilder['flags']): SectionBuilder {
    let section = this.sections.get(name);
    if (!section) {
      section = { name, bytes: [], size: 0, align: 1, flags };
      this.sections.set(name, section);
    }
    return section;
  }

  emit(bytes: readonly number[]): void {
    if (this.section.flags.nobits) {
      if (bytes.some((byte) => byte !== 0)) {
        throw new AssemblySyntaxError(`${this.section.name} can hold zeros only`);
      }
    } else {
      for (const byte of bytes) this.section.bytes.push(byte);
    }
    this.section.size += bytes.length;
  }

  data(size: 1 | 2 | 4, expression: Expression): void {
    const offset = this.section.size;
    this.emit(new Array<number>(size).fill(0));
    this.place({ kind: 'data', size, expression }, offset);
  }

  constant(tokens: readonly Token[]): number {
    const value = evaluate(parseExpression(tokens, this));
    if (value.symbol)
      throw new AssemblySyntaxError(`'${value.symbol.name}' is not a constant here`);
    if (value.addend > 2n ** 52n || value.addend < -(2n ** 52n)) {
      throw new AssemblySyntaxError(`value ${value.addend} is too large`);
    }
    return Number(value.addend);
  }

  expression(tokens: readonly Token[]): Expression {
    return parseExpression(tokens, this);
  }

  define(name: string, expression: Expression): void {
    const symbol = this.name(name);
    if (symbol.section) throw new AssemblySyntaxError(`'${name}' is already a label`);
    const value = evaluate(expression);
    symbol.value = value.symbol ? expression : { op: 'constant', value: value.addend };
  }

  private place(fixup: PlacedFixup['fixup'], offset: number): void {
    this.fixups.push({ fixup, section: this.section, offset, source: this.source });
  }

  // ---- symbols ----

  name(text: string): AssemblySymbol {
    let symbol = this.symbols.get(text);
    if (!symbol) {
      symbol = this.newSymbol(text, false);
      this.symbols.set(text, symbol);
    }
    return symbol;
  }

  private newSymbol(name: string, anonymous: boolean): AssemblySymbol {
    return { name, offset: 0, global: false, type: 'none', line: this.source.line, anonymous };
  }

  local(label: number, forward: boolean): AssemblySymbol {
    const entry = this.locals.get(label) ?? {};
    this.locals.set(label, entry);
    if (!forward) {
      if (!entry.last) throw new AssemblySyntaxError(`no label ${label}: before this line`);
      return entry.last;
    }
    if (!entry.next) {
      entry.next = this.newSymbol(`${label}f`, true);
      this.anonymous.push(entry.next);
    }
    return entry.next;
  }

  here(): AssemblySymbol {
    const symbol = this.newSymbol('.', true);
    symbol.section = this.section;
    symbol.offset = this.section.size;
    return symbol;
  }

  private label(token: Token | undefined): void {
    let symbol: AssemblySymbol;
    if (token?.kind === 'number') {
      const number = Number(token.value);
      const entry = this.locals.get(number) ?? {};
      symbol = entry.next ?? this.newSymbol(`${number}`, true);
      this.locals.set(number, { last: symbol });
    } else if (token?.kind === 'name') {
      symbol = this.name(token.text);
      if (symbol.section || symbol.value) {
        throw new AssemblySyntaxError(`'${token.text}' is already defined`);
      }
    } else {
      throw new AssemblySyntaxError('a label is a name or a number');
    }
    symbol.section = this.section;
    symbol.offset = this.section.size;
  }

  private checkLocals(): void {
    const open = this.anonymous.find((symbol) => !symbol.section);
    if (!open) return;
    this.source = { text: '', line: open.line };
    throw new AssemblySyntaxError(`no label ${open.name.slice(0, -1)}: after this line`);
  }

  // ---- the end: fill in values ----

  private resolve(placed: PlacedFixup): void {
    this.source = placed.source;
    const { fixup, section, offset } = placed;
    switch (fixup.kind) {
      case 'field': {
        const value = signedFor(fixup.field.signed, this.constantOf(fixup.expression));
        const { field } = fixup;
        if (!fits(field, value) || (fixup.nonzero && value === 0)) {
          const step = field.step > 1 ? ` in steps of ${field.step}` : '';
          throw new AssemblySyntaxError(
            `immediate ${value} out of range ${field.min}…${field.max}${step}${fixup.nonzero ? ', not 0' : ''}`,
          );
        }
        return this.or(section, offset, insertField(field, value), fixup.bytes);
      }
      case 'upper':
        return this.resolveUpper(placed, fixup.compressed, this.constantOf(fixup.expression));
      case 'csr': {
        const value = this.constantOf(fixup.expression);
        if (!fits(FIELDS.csr, value))
          throw new AssemblySyntaxError(`CSR number ${value} out of range 0…4095`);
        return this.or(section, offset, insertField(FIELDS.csr, value), 4);
      }
      case 'data':
        return this.resolveData(placed, fixup.size, fixup.expression);
      case 'relocation':
        return this.reference(placed, fixup.relocation, fixup.expression, undefined);
      case 'paired':
        return this.reference(placed, fixup.relocation, fixup.expression, offset - fixup.back);
      case 'pcrel_lo':
        return this.resolvePair(placed, fixup.relocation, fixup.label);
    }
  }

  private constantOf(expression: Expression): number {
    const { symbol, addend } = evaluate(expression);
    if (!symbol) return Number(addend);
    const defined = symbol.section !== undefined;
    throw new AssemblySyntaxError(
      defined
        ? `'${symbol.name}' is an address, a constant is needed`
        : `undefined symbol '${symbol.name}'`,
    );
  }

  private resolveUpper({ section, offset }: PlacedFixup, short: boolean, value: number): void {
    if (!short) {
      if (!fits(FIELDS.U, value))
        throw new AssemblySyntaxError(`value ${value} out of range 0…0xfffff`);
      return this.or(section, offset, insertField(FIELDS.U, value), 4);
    }
    // c.lui holds six bits, sign-extended, and is written with the resulting upper 20 bits.
    const six = value >= 0xfffe0 && value <= 0xfffff ? value - 0x100000 : value;
    if (six === 0 || !fits(FIELDS.CI, six)) {
      throw new AssemblySyntaxError(`value ${value} out of range 1…31 or 0xfffe0…0xfffff`);
    }
    return this.or(section, offset, insertField(FIELDS.CI, six), 2);
  }

  private resolveData(placed: PlacedFixup, size: 1 | 2 | 4, expression: Expression): void {
    const kind: RelocationKind = size === 4 ? 'abs32' : size === 2 ? 'abs16' : 'abs8';
    const { symbol, addend } = evaluate(expression);
    if (symbol) return this.reference(placed, kind, expression, undefined);
    if (addend >= 2n ** BigInt(8 * size) || addend < -(2n ** BigInt(8 * size - 1))) {
      throw new AssemblySyntaxError(
        `value ${addend} does not fit ${size} byte${size === 1 ? '' : 's'}`,
      );
    }
    if (placed.section.flags.nobits) {
      if (addend !== 0n)
        throw new AssemblySyntaxError(`${placed.section.name} can hold zeros only`);
      return;
    }
    this.or(placed.section, placed.offset, Number(BigInt.asUintN(32, addend)), size);
  }

  /** An address: filled in now where the distance is known, left to the linker otherwise. */
  private reference(
    { section, offset, source }: PlacedFixup,
    kind: RelocationKind,
    expression: Expression,
    pairOffset: number | undefined,
  ): void {
    const value = evaluate(expression);
    const addend = toWord(value.addend);
    const { symbol } = value;
    if (section.flags.nobits) throw new AssemblySyntaxError(`${section.name} can hold zeros only`);
    const relative = !kind.startsWith('abs') && !['hi20', 'lo12_i', 'lo12_s'].includes(kind);
    if (symbol?.section === section && relative) {
      applyRelocation(section.bytes, offset, kind, symbol.offset + addend, pairOffset ?? offset);
      return;
    }
    if (!symbol && (kind === 'hi20' || kind === 'lo12_i' || kind === 'lo12_s')) {
      applyRelocation(section.bytes, offset, kind, addend, 0);
      return;
    }
    // Names may repeat from object to object unless they are global: those go by section.
    const home = symbol && !symbol.global ? symbol.section : undefined;
    this.relocations.push({
      section: section.name,
      offset,
      kind,
      symbol: home ? home.name : (symbol?.name ?? ''),
      addend: home && symbol ? addend + symbol.offset : addend,
      line: source.line,
      ...(pairOffset === undefined ? {} : { pairOffset }),
    });
  }

  private resolvePair(
    placed: PlacedFixup,
    kind: 'pcrel_lo12_i' | 'pcrel_lo12_s',
    label: Expression,
  ): void {
    const { symbol, addend } = evaluate(label);
    const at = (symbol?.offset ?? 0) + Number(addend);
    const pair = this.fixups.find(
      (f) => f.section === symbol?.section && f.offset === at && isHigh(f.fixup),
    );
    if (pair?.section !== placed.section || pair.fixup.kind !== 'relocation') {
      throw new AssemblySyntaxError('%pcrel_lo needs the label of an auipc with %pcrel_hi');
    }
    this.reference(placed, kind, pair.fixup.expression, at);
  }

  private or(section: SectionBuilder, offset: number, bits: number, size: number): void {
    for (let i = 0; i < size; i++) {
      section.bytes[offset + i] = (section.bytes[offset + i] ?? 0) | ((bits >>> (8 * i)) & 0xff);
    }
  }

  private finish(): ObjectCode {
    const symbols: ObjectSymbol[] = [];
    for (const symbol of this.symbols.values()) {
      const value = symbol.value ? evaluate(symbol.value) : undefined;
      const base = value?.symbol ?? symbol;
      if (!symbol.value && !symbol.section) continue;
      symbols.push({
        name: symbol.name,
        ...(base.section && (!value || value.symbol) ? { section: base.section.name } : {}),
        offset: value ? Number(value.addend) + (value.symbol?.offset ?? 0) : symbol.offset,
        size: symbol.size ? this.constantOf(symbol.size) : 0,
        type: symbol.type,
        global: symbol.global,
      });
    }
    const sections = [...this.sections.values()].map(({ bytes, ...rest }) => ({
      ...rest,
      bytes: Uint8Array.from(bytes),
    }));
    return { file: this.file, sections, symbols, relocations: this.relocations, lines: this.lines };
  }
}

const isHigh = (fixup: PlacedFixup['fixup']): boolean =>
  fixup.kind === 'relocation' && fixup.relocation === 'pcrel_hi20';

/** 0xfffff800…0xffffffff written for a signed field means the negative 32-bit number. */
const signedFor = (signed: boolean, value: number): number =>
  signed && value >= 2 ** 31 && value < 2 ** 32 ? value - 2 ** 32 : value;
