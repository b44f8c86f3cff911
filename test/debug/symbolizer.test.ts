// Names for addresses and addresses for names.

import { describe, expect, it } from 'vitest';
import { readElf, type ElfFile, type ElfSymbol } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { PrintkitError } from '../../src/errors.ts';
import { BASE, FILE, sampleElf, SOURCE } from '../toolchain/sample-program.ts';

const sample = readElf(sampleElf());
const lineOf = (text: string) => SOURCE.split('\n').findIndex((l) => l.includes(text)) + 1;

/** The sample's file with other symbols in .text. */
function withSymbols(...symbols: Partial<ElfSymbol>[]): Symbolizer {
  const section = sample.sections.find((s) => s.name === '.text');
  const full = symbols.map((s) => ({
    name: '?',
    address: BASE,
    size: 0,
    type: 'none' as const,
    global: false,
    ...(section ? { section } : {}),
    ...s,
  }));
  const file: ElfFile = { ...sample, symbols: full };
  return new Symbolizer(file);
}

describe('symbolizer', () => {
  const symbols = new Symbolizer(sample);
  const outer = symbols.address('outer');

  it('names addresses with symbol, offset, file and line', () => {
    expect(symbols.name(outer)).toBe('outer');
    expect(symbols.name(outer + 4)).toBe('outer+0x4');
    expect(symbols.lookup(outer + 4)).toMatchObject({ name: 'outer', offset: 4, address: outer });
    expect(symbols.source(outer + 4)).toBe(`${FILE}:${lineOf('sw ra, 28(sp)')}`);
    expect(symbols.name(symbols.address('counter') + 2)).toBe('counter+0x2');
  });

  it('takes addresses as the machine has them: signed too', () => {
    expect(symbols.name(outer | 0)).toBe('outer');
    expect(symbols.source(outer | 0)).toBe(symbols.source(outer));
  });

  it('has no name for what lies outside of the program', () => {
    expect(symbols.name(0)).toBeUndefined();
    expect(symbols.name(BASE - 4)).toBeUndefined();
    expect(symbols.name(0x90000000)).toBeUndefined();
    expect(symbols.source(0x90000000)).toBeUndefined();
  });

  it('knows code from data', () => {
    expect(symbols.isCode(outer)).toBe(true);
    expect(symbols.isCode(symbols.address('counter'))).toBe(false);
  });

  it('prefers the function that encloses an address to a label inside of it', () => {
    const found = withSymbols(
      { name: 'f', address: BASE, size: 32, type: 'function' },
      { name: 'retry', address: BASE + 8 },
    );
    expect(found.name(BASE + 12)).toBe('f+0xc');
    expect(found.name(BASE + 36)).toBe('retry+0x1c');
  });

  it('prefers a global function where names share an address', () => {
    const found = withSymbols(
      { name: '.L1', address: BASE },
      { name: 'alias', address: BASE, type: 'function', size: 8 },
      { name: 'main', address: BASE, type: 'function', size: 8, global: true },
    );
    expect(found.name(BASE)).toBe('main');
    const mixed = withSymbols(
      { name: 'f', address: BASE, type: 'function', size: 8 },
      { name: 'table', address: BASE, type: 'object', size: 8, global: true },
    );
    expect(mixed.name(BASE)).toBe('f');
  });

  it('does not let a label reach beyond its section', () => {
    expect(symbols.name(symbols.address('_end') + 4)).toBeUndefined();
  });

  it('offers similar names for a wrong one', () => {
    expect(symbols.nearest('oter')).toEqual(['outer']);
    expect(symbols.nearest('count')).toEqual(['counter']);
    expect(() => symbols.address('iner')).toThrow(
      new PrintkitError("no symbol 'iner'; did you mean inner?"),
    );
    expect(() => symbols.address('zzzzzz')).toThrow(new PrintkitError("no symbol 'zzzzzz'"));
  });

  it('keeps the names when the line table is damaged, and says so', () => {
    const sections = sample.sections.map((s) =>
      s.name === '.debug_line' ? { ...s, bytes: s.bytes.slice(0, 40) } : s,
    );
    const damaged = new Symbolizer({ ...sample, sections });
    expect(damaged.warning).toContain('damaged line table');
    expect(damaged.name(outer)).toBe('outer');
    expect(damaged.source(outer)).toBeUndefined();
    expect(symbols.warning).toBeUndefined();
  });
});
