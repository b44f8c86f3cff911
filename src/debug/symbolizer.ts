// Names for addresses and addresses for names: the symbol table and the line table of an ELF file.

import { PrintkitError } from '../errors.ts';
import { readLineTable, LineTable, type LineEntry } from './dwarf-line.ts';
import type { ElfFile, ElfSymbol } from './elf.ts';

/** An address as a name. */
export interface SymbolPlace {
  readonly name: string;
  readonly address: number;
  /** Distance from the symbol's address. */
  readonly offset: number;
  /** Size of the symbol; 0 if the symbol table does not tell. */
  readonly size: number;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

interface Range {
  readonly symbol: ElfSymbol;
  readonly end: number;
}

/** How well a name describes an address: functions before data before bare labels. */
const rank = ({ type, global, name }: ElfSymbol): number =>
  (type === 'function' ? 8 : type === 'object' ? 4 : 0) +
  (global ? 2 : 0) +
  (name.startsWith('.L') ? 0 : 1);

/** How many symbols before an address may enclose it (nested ones are rare and shallow). */
const NESTING_MAX = 16;

export class Symbolizer {
  /** Why there are no source lines although the file seems to have some. */
  readonly warning: string | undefined;
  readonly lines: LineTable;
  /** Where harts start: nobody called what stands there. */
  readonly entry: number;
  private readonly byName = new Map<string, ElfSymbol>();
  /** Symbols with a size, by address. */
  private readonly sized: readonly Range[];
  /** Labels without a size: each reaches up to the next one or to the end of its section. */
  private readonly labels: readonly Range[];
  private readonly codeSections: readonly { start: number; end: number }[];

  constructor(elf: ElfFile) {
    const found = loadLines(elf);
    this.entry = elf.entry;
    this.lines = found.lines;
    this.warning = found.warning;
    for (const symbol of elf.symbols) {
      const other = this.byName.get(symbol.name);
      if (!other || rank(symbol) > rank(other)) this.byName.set(symbol.name, symbol);
    }
    const sorted = [...elf.symbols].sort((a, b) => a.address - b.address || rank(a) - rank(b));
    this.sized = sorted
      .filter((symbol) => symbol.size > 0)
      .map((symbol) => ({ symbol, end: symbol.address + symbol.size }));
    const labels = sorted.filter((symbol) => symbol.size === 0 && symbol.section);
    this.labels = labels.map((symbol) => ({
      symbol,
      end: symbol.section ? symbol.section.address + symbol.section.size : symbol.address,
    }));
    this.codeSections = elf.sections
      .filter((section) => section.alloc && section.executable)
      .map(({ address, size }) => ({ start: address, end: address + size }));
    if (this.codeSections.length === 0) {
      this.codeSections = elf.segments
        .filter((segment) => segment.executable)
        .map((s) => ({ start: s.virtualAddress, end: s.virtualAddress + s.memoryBytes }));
    }
  }

  /** The symbol that an address lies in. */
  lookup(address: number): SymbolPlace | undefined {
    const symbol = enclosing(this.sized, address) ?? enclosing(this.labels, address);
    if (!symbol) return undefined;
    return {
      name: symbol.name,
      address: symbol.address,
      offset: address - symbol.address,
      size: symbol.size,
    };
  }

  /** `printk`, `printk+0x10`, or undefined. */
  name(address: number): string | undefined {
    const place = this.lookup(address >>> 0);
    if (!place) return undefined;
    return place.offset === 0 ? place.name : `${place.name}+${hex(place.offset)}`;
  }

  /** The source line of an instruction. */
  line(address: number): LineEntry | undefined {
    return this.lines.find(address >>> 0);
  }

  /** `firmware/serial/8250.ts:123`, or undefined. */
  source(address: number): string | undefined {
    const entry = this.line(address);
    return entry ? `${entry.file}:${entry.line}` : undefined;
  }

  /** Whether the file tells where its code is. */
  get hasCode(): boolean {
    return this.codeSections.length > 0;
  }

  /** Whether there is code of the program at an address. */
  isCode(address: number): boolean {
    return this.codeSections.some(({ start, end }) => address >= start && address < end);
  }

  /** The symbol of this name. */
  find(name: string): ElfSymbol | undefined {
    return this.byName.get(name);
  }

  /**
   * The address of a symbol.
   * @throws PrintkitError that offers similar names
   */
  address(name: string): number {
    const symbol = this.byName.get(name);
    if (symbol) return symbol.address;
    const near = this.nearest(name);
    const hint = near.length > 0 ? `; did you mean ${near.join(', ')}?` : '';
    throw new PrintkitError(`no symbol '${name}'${hint}`);
  }

  /** Up to `count` names that a wrong one may have been meant to be, best first. */
  nearest(name: string, count = 3): string[] {
    return nearestNames(
      name,
      [...this.byName.keys()].filter((other) => !other.startsWith('.L')),
      count,
    );
  }
}

/** Up to `count` of these names that a wrong one may have been meant to be, best first. */
export function nearestNames(name: string, names: readonly string[], count = 3): string[] {
  const wanted = name.toLowerCase();
  const limit = Math.max(2, Math.floor(name.length / 3));
  const scored: { other: string; score: number }[] = [];
  for (const other of names) {
    const lower = other.toLowerCase();
    const contains = wanted.length >= 3 && lower.includes(wanted);
    // Containing the whole name counts like one typing error.
    const score = contains ? 1 : distance(wanted, lower, limit);
    if (score <= limit) scored.push({ other, score });
  }
  scored.sort((a, b) => a.score - b.score || (a.other < b.other ? -1 : 1));
  return scored.slice(0, count).map(({ other }) => other);
}

/** Damaged line information must not keep a program from running: it costs the lines only. */
function loadLines(elf: ElfFile): { lines: LineTable; warning: string | undefined } {
  try {
    return { lines: readLineTable(elf), warning: undefined };
  } catch (error) {
    if (!(error instanceof PrintkitError)) throw error;
    return { lines: new LineTable([]), warning: error.message };
  }
}

/** The last range that starts at or before the address and encloses it. */
function enclosing(ranges: readonly Range[], address: number): ElfSymbol | undefined {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.symbol.address ?? 0) <= address) low = middle + 1;
    else high = middle;
  }
  for (let i = low - 1; i >= 0 && i >= low - NESTING_MAX; i--) {
    const range = ranges[i];
    if (range && address < range.end) return range.symbol;
  }
  return undefined;
}

/** Number of edits between two words, or more than `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a.charAt(i - 1) === b.charAt(j - 1);
      const swap = (row[j - 1] ?? 0) + (same ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap));
    }
    if (Math.min(...next) > limit) return limit + 1;
    row = next;
  }
  return row[b.length] ?? limit + 1;
}
