// The listing of `printkit objdump`: code beside the source lines that it came from.

import { describe, expect, it } from 'vitest';
import { PrintkitError } from '../../src/errors.ts';
import { listing } from '../../src/toolchain/listing.ts';
import { FILE, sampleElf, SOURCE } from './sample-program.ts';

const readSource = (file: string) => (file === FILE ? SOURCE : undefined);
const list = (symbol?: string) => [
  ...listing(sampleElf(), { readSource, ...(symbol === undefined ? {} : { symbol }) }),
];

describe('listing', () => {
  it('shows one function with its source lines', () => {
    const lines = list('outer');
    const line = SOURCE.split('\n').indexOf('  addi sp, sp, -32') + 1;
    expect(lines.slice(0, 4)).toEqual([
      '8000001c <outer>:',
      `; ${FILE}:${line}`,
      ';     addi sp, sp, -32',
      '8000001c:  fe010113  addi     sp,sp,-32',
    ]);
    expect(lines.filter((l) => /^80/.test(l) && !l.includes('<outer>:'))).toHaveLength(22);
    const places = lines.filter((l) => l.startsWith('; ' + FILE));
    expect(new Set(places).size).toBe(20);
    expect(lines.join('\n')).toMatch(/jalr +\d+\(ra\)/);
    expect(lines.join('\n')).not.toContain('<inner>:');
  });

  it('names branch targets', () => {
    expect(list('outer').find((l) => /^8.*beqz/.test(l))).toMatch(
      /beqz +a0,80000054 <outer\+0x38>$/,
    );
  });

  it('shows all code without a symbol', () => {
    const lines = list();
    const heads = lines.filter((l) => l.endsWith('>:'));
    expect(heads.map((l) => l.slice(9))).toEqual(['<_start>:', '<outer>:', '<inner>:']);
  });

  it('names the places where the source is not to be had', () => {
    const lines = [...listing(sampleElf(), { symbol: 'inner' })];
    expect(lines.some((l) => l.startsWith(`; ${FILE}:`))).toBe(true);
    expect(lines.some((l) => l.startsWith(';  '))).toBe(false);
  });

  it('says what is wrong with a symbol', () => {
    expect(() => list('iner')).toThrow(new PrintkitError("no symbol 'iner'; did you mean inner?"));
    expect(() => list('counter')).toThrow(/^ELF file: 'counter' is not code \(0x80000/);
  });
});
