// The line table reader against our own writer, and against GNU on what gcc emits in DWARF 2 to 5.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../src/debug/elf.ts';
import { readLineTable } from '../../src/debug/dwarf-line.ts';
import { PrintkitError } from '../../src/errors.ts';
import { writeDwarf, type LineRow } from '../../src/toolchain/dwarf-writer.ts';
import { writeElf } from '../../src/toolchain/elf-writer.ts';
import { gnu, haveGnu, withScratch } from '../toolchain/gnu.ts';
import { BASE, FILE, sampleElf, SOURCE } from '../toolchain/sample-program.ts';

const CODE = { alloc: true, write: false, execute: true, nobits: false };

function withLines(lines: readonly LineRow[], bytes: number): Uint8Array {
  return writeElf({
    entry: BASE,
    sections: [
      {
        name: '.text',
        address: BASE,
        bytes: new Uint8Array(bytes),
        size: bytes,
        align: 4,
        flags: CODE,
      },
    ],
    symbols: [],
    lines,
  });
}

describe('line table', () => {
  it('finds the line of every instruction of the sample', () => {
    const table = readLineTable(readElf(sampleElf()));
    const line = SOURCE.split('\n').indexOf('  li s1, 7') + 1;
    const entry = [...table.entries()].find((e) => e.line === line);
    expect(entry).toMatchObject({ file: FILE, column: 3, isStatement: true });
    expect(table.find((entry?.address ?? 0) + 3)).toEqual(entry);
    expect(table.find(BASE - 1)).toBeUndefined();
    expect(table.find(BASE + 0x1000)).toBeUndefined();
  });

  it('gives back any rows that the writer is given', () => {
    const rows = fc.array(
      fc.record({
        gap: fc.integer({ min: 1, max: 400 }),
        file: fc.constantFrom('firmware/a.ts', 'firmware/serial/b.ts', 'c.S'),
        line: fc.integer({ min: 1, max: 100_000 }),
        column: fc.nat(300),
        isStatement: fc.boolean(),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(rows, (given) => {
        let address = BASE;
        const lines = given.map(({ gap, ...rest }) => ({ ...rest, address: (address += 2 * gap) }));
        const end = address + 2;
        const table = readLineTable(readElf(withLines(lines, end - BASE)));
        const expected = lines.map((row, i) => ({ ...row, end: lines[i + 1]?.address ?? end }));
        expect([...table.entries()]).toEqual(expected);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('ends a sequence where the code ends', () => {
    const row = { file: 'a.ts', line: 7, column: 0, isStatement: true };
    const table = readLineTable(readElf(withLines([{ ...row, address: BASE }], 8)));
    expect(table.find(BASE + 7)?.line).toBe(7);
    expect(table.find(BASE + 8)).toBeUndefined();
  });

  it('is empty for a program without one', () => {
    const elf = readElf(withLines([], 8));
    const bare = { ...elf, sections: elf.sections.filter((s) => !s.name.startsWith('.debug')) };
    expect(readLineTable(bare).size).toBe(0);
  });

  it('survives any bytes as a line table: a result or a PrintkitError', () => {
    const elf = readElf(sampleElf());
    const good = elf.sections.find((s) => s.name === '.debug_line')?.bytes ?? new Uint8Array();
    let refused = 0;
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 8 }),
        fc.constantFrom(2, 3, 4, 5),
        fc.nat(good.length),
        (changes, version, cut) => {
          const bytes = Uint8Array.from(good);
          bytes[4] = version;
          for (const [offset, value] of changes) bytes[offset] = value;
          const line = bytes.slice(0, cut + good.length / 2);
          const sections = elf.sections.map((s) =>
            s.name === '.debug_line' ? { ...s, bytes: line } : s,
          );
          try {
            readLineTable({ ...elf, sections });
          } catch (error) {
            if (!(error instanceof PrintkitError)) throw error;
            expect(error.message).toContain('damaged line table (.debug_line)');
            refused++;
          }
        },
      ),
      { numRuns: 1500, seed: 1 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it('does not loop over a huge count of files without a format', () => {
    // No directory formats, then the count of directories as 2^35 − 1.
    const header = [1, 1, 1, 0xfb, 14, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x7f];
    const unit = [5, 0, 4, 0, header.length, 0, 0, 0, ...header];
    const elf = readElf(sampleElf());
    const bytes = Uint8Array.from([unit.length, 0, 0, 0, ...unit]);
    const sections = elf.sections.map((s) => (s.name === '.debug_line' ? { ...s, bytes } : s));
    expect(() => readLineTable({ ...elf, sections })).toThrow('too many file names');
  });
});

const C_SOURCE = `static int table[16];
static inline int square(int x) { return x * x; }
int sum(int n) {
  int total = 0;
  for (int i = 0; i < n; i++) {
    total += square(table[i & 15]);
  }
  return total;
}
void _start(void) {
  table[3] = sum(5);
  for (;;) {
  }
}
`;

describe.skipIf(!haveGnu('gcc', 'objdump'))('line table of gcc', () => {
  it.each([2, 3, 4, 5])('reads DWARF %i as objdump does', (version) => {
    withScratch((directory) => {
      const path = (name: string) => join(directory, name);
      writeFileSync(path('a.c'), C_SOURCE);
      const flags = [
        '-march=rv32imac_zicsr',
        '-mabi=ilp32',
        '-O1',
        '-nostdlib',
        '-static',
        '-ffreestanding',
      ];
      const debug = ['-g', `-gdwarf-${version}`, '-Wl,-Ttext=0x80000000'];
      gnu('gcc', ...flags, ...debug, '-o', path('a.elf'), path('a.c'));
      const table = readLineTable(readElf(new Uint8Array(readFileSync(path('a.elf')))));
      const output = gnu('objdump', '--dwarf=decodedline', path('a.elf'));
      const rows = [...output.matchAll(/^\S*a\.c\s+(\d+)\s+0x([0-9a-f]+)/gm)].map(
        ([, line, address]) => [parseInt(address ?? '', 16), Number(line)] as const,
      );
      // Where objdump shows several rows for one address, the last one counts.
      const last = new Map(rows);
      expect(last.size).toBeGreaterThan(10);
      for (const [address, line] of last) {
        expect([address, table.find(address)?.line]).toEqual([address, line]);
        expect(table.find(address)?.file).toMatch(/a\.c$/);
      }
    });
  });
});

describe('dwarf writer', () => {
  it('gives the unit its own name as the first file', () => {
    const [line] = writeDwarf({
      unitName: 'firmware/main.ts',
      producer: 'x',
      lines: [],
      functions: [],
      code: [],
    });
    expect(Buffer.from(line?.bytes ?? []).toString('latin1')).toContain('firmware/main.ts\0');
  });
});
