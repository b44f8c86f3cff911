// Machine code beside the source it came from, as objdump -dS shows it: the engine of
// `printkit objdump [symbol]`.

import { PrintkitError } from '../errors.ts';
import { disassemble } from '../debug/disassembler.ts';
import type { LineEntry } from '../debug/dwarf-line.ts';
import { readElf, type ElfFile, type ElfSection, type ElfSymbol } from '../debug/elf.ts';
import { Symbolizer } from '../debug/symbolizer.ts';

export interface ListingOptions {
  /** Only this function or label; otherwise all code. */
  readonly symbol?: string;
  /** Text of a source file by its name in the line table; undefined if it is not to be had. */
  readonly readSource?: (file: string) => string | undefined;
  /** Name of the ELF file for messages. */
  readonly name?: string;
}

const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** A run of code to list. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly section: ElfSection;
}

/**
 * The listing, line by line.
 * @throws PrintkitError for a bad ELF file or a symbol that is not there or is not code
 */
export function* listing(
  elf: ElfFile | Uint8Array,
  options: ListingOptions = {},
): Generator<string> {
  const file = elf instanceof Uint8Array ? readElf(elf, options.name) : elf;
  const symbolizer = new Symbolizer(file);
  const ranges =
    options.symbol === undefined ? allCode(file) : [codeOf(file, symbolizer, options.symbol)];
  if (ranges.length === 0) throw new PrintkitError(`${file.name}: has no code sections to list`);
  if (symbolizer.warning) yield `; ${symbolizer.warning}`;
  const labels = labelsByAddress(file);
  const sources = new Sources(options.readSource);
  for (const [index, range] of ranges.entries()) {
    if (index > 0) yield '';
    yield* listRange(range, labels, symbolizer, sources);
  }
}

function allCode(file: ElfFile): Range[] {
  return file.sections
    .filter((section) => section.alloc && section.executable && section.bytes.length > 0)
    .map((section) => ({
      start: section.address,
      end: section.address + section.bytes.length,
      section,
    }));
}

function codeOf(file: ElfFile, symbolizer: Symbolizer, name: string): Range {
  const start = symbolizer.address(name);
  const range = allCode(file).find((r) => start >= r.start && start < r.end);
  if (!range) throw new PrintkitError(`${file.name}: '${name}' is not code (0x${hex8(start)})`);
  const size = symbolizer.find(name)?.size ?? 0;
  const end = size > 0 ? start + size : nextSymbol(file, start, range.end);
  return { ...range, start, end: Math.min(end, range.end) };
}

/** A label without a size reaches up to the next global or sized symbol. */
const nextSymbol = (file: ElfFile, start: number, end: number): number =>
  file.symbols.reduce(
    (next, s) =>
      s.address > start && s.address < next && (s.global || s.size > 0) ? s.address : next,
    end,
  );

function labelsByAddress(file: ElfFile): Map<number, string[]> {
  const labels = new Map<number, string[]>();
  const shown = (symbol: ElfSymbol) => symbol.type !== 'object' && !symbol.name.startsWith('.L');
  for (const { address, name } of file.symbols.filter(shown)) {
    const names = labels.get(address);
    if (names) names.push(name);
    else labels.set(address, [name]);
  }
  return labels;
}

function* listRange(
  { start, end, section }: Range,
  labels: ReadonlyMap<number, readonly string[]>,
  symbolizer: Symbolizer,
  sources: Sources,
): Generator<string> {
  const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
  const symbol = (address: number) => symbolizer.name(address);
  let last: LineEntry | undefined;
  for (let address = start; address < end;) {
    const names = labels.get(address) ?? [];
    if (names.length > 0 && address > start) yield '';
    for (const name of names) {
      yield `${hex8(address)} <${name}>:`;
      last = undefined;
    }
    const line = symbolizer.line(address);
    if (line && (line.file !== last?.file || line.line !== last.line)) {
      yield* sources.show(line, last);
      last = line;
    }
    const at = address - section.address;
    const left = end - address;
    const low = left >= 2 ? view.getUint16(at, true) : view.getUint8(at);
    const word = left >= 4 ? view.getUint32(at, true) : low;
    if (left < 2 || ((low & 3) === 3 && left < 4)) {
      yield `${hex8(address)}:  ${low.toString(16).padStart(2 * Math.min(left, 2), '0')}`;
      return;
    }
    const { text, bytes } = disassemble(word, address, { symbol });
    const raw = (bytes === 4 ? word : low).toString(16).padStart(2 * bytes, '0');
    const [mnemonic = '', operands = ''] = text.split('\t');
    yield `${hex8(address)}:  ${raw.padEnd(8)}  ${operands ? mnemonic.padEnd(9) + operands : mnemonic}`;
    address += bytes;
  }
}

/** At most so many source lines are shown before the first instruction that they led to. */
const CONTEXT_LINES_MAX = 10;

class Sources {
  private readonly read: (file: string) => string | undefined;
  private readonly files = new Map<string, string[] | undefined>();

  constructor(read: ((file: string) => string | undefined) | undefined) {
    this.read = read ?? (() => undefined);
  }

  /** The place and the text of a line; going forward in a file, also of the lines skipped. */
  *show({ file, line }: LineEntry, last: LineEntry | undefined): Generator<string> {
    yield `; ${file}:${line}`;
    const text = this.lines(file);
    if (!text) return;
    const follows =
      last?.file === file && line > last.line && line - last.line <= CONTEXT_LINES_MAX;
    for (let i = follows ? last.line + 1 : line; i <= line; i++) {
      const shown = text[i - 1];
      if (shown !== undefined && (i === line || shown.trim() !== '')) yield `;   ${shown}`;
    }
  }

  private lines(file: string): string[] | undefined {
    if (!this.files.has(file)) this.files.set(file, this.read(file)?.split(/\r?\n/));
    return this.files.get(file);
  }
}
