// The ELF reader: what it takes from a good file, what it says about bad ones, and that no damaged
// file gets past it with anything but a PrintkitError.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf, readElfFile, toMachineImage } from '../../src/debug/elf.ts';
import { readLineTable } from '../../src/debug/dwarf-line.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { PrintkitError } from '../../src/errors.ts';
import { listing } from '../../src/toolchain/listing.ts';
import { assembleFlat } from '../../src/toolchain/assembler.ts';
import { BASE, sampleElf, sampleProgram, SOURCE } from '../toolchain/sample-program.ts';
import { writeElf } from '../../src/toolchain/elf-writer.ts';

const { symbols: addresses } = assembleFlat(SOURCE, BASE);

/** The sample with some bytes of the file replaced. */
function patched(...patches: [offset: number, ...bytes: number[]][]): Uint8Array {
  const bytes = sampleElf();
  for (const [offset, ...values] of patches) bytes.set(values, offset);
  return bytes;
}

const message = (bytes: Uint8Array): string => {
  try {
    readElf(bytes, 'x.elf');
  } catch (error) {
    if (error instanceof PrintkitError) return error.message;
    throw error;
  }
  return 'no error';
};

const PHDR = 52;
const u32 = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);

describe('elf reader', () => {
  it('does not load the headers that GNU ld maps into the page below .text', () => {
    const text = { name: '.text', address: 0x8000_0000, size: 4, alloc: true };
    const bytes = new Uint8Array(0x1004);
    bytes.set([0x7f, 0x45, 0x4c, 0x46]);
    bytes.set([1, 2, 3, 4], 0x1000);
    const below = { address: 0x7fff_f000, virtualAddress: 0x7fff_f000, bytes, memoryBytes: 0x1004 };
    const elf = {
      entry: text.address,
      segments: [{ ...below, executable: true, writable: false }],
      sections: [{ ...text, executable: true, writable: false, bytes: bytes.subarray(0x1000) }],
      symbols: [],
    };
    const image = toMachineImage({ ...readElf(sampleElf()), ...elf });
    expect(image.segments).toEqual([
      { address: text.address, bytes: Uint8Array.of(1, 2, 3, 4), memoryBytes: 4 },
    ]);
  });

  it('gives entry, segments, sections and symbols', () => {
    const elf = readElf(sampleElf());
    expect(elf.entry).toBe(BASE);
    expect(elf.segments.map((s) => [s.address, s.executable, s.writable])).toEqual([
      [BASE, true, false],
      [addresses.get('counter'), false, true],
    ]);
    expect(elf.segments[1]?.bytes.length).toBe(4);
    expect(elf.segments[1]?.memoryBytes).toBe(16 + 256);
    const names = elf.sections.map((s) => s.name);
    expect(names).toEqual(expect.arrayContaining(['.text', '.data', '.bss', '.debug_line']));
    const outer = elf.symbols.find((s) => s.name === 'outer');
    expect(outer).toMatchObject({
      type: 'function',
      global: true,
      address: addresses.get('outer'),
    });
    expect(outer?.section?.name).toBe('.text');
  });

  it('makes an image for the machine, with tohost if there is one', () => {
    expect(toMachineImage(readElf(sampleElf()))).toMatchObject({ entry: BASE });
    expect('tohost' in toMachineImage(readElf(sampleElf()))).toBe(false);
    const program = sampleProgram();
    const tohost = {
      name: 'tohost',
      address: BASE + 8,
      size: 8,
      type: 'object',
      global: true,
    } as const;
    const elf = readElf(writeElf({ ...program, symbols: [...program.symbols, tohost] }));
    expect(toMachineImage(elf).tohost).toBe(BASE + 8);
  });

  it('starts at the physical address of the entry', () => {
    // p_vaddr of the first segment and e_entry moved up to a virtual address.
    const elf = readElf(patched([24, ...u32(0xc0000010)], [PHDR + 8, ...u32(0xc0000000)]));
    expect(elf.entry).toBe(BASE + 0x10);
  });

  it.each([
    ['an empty file', new Uint8Array(0), 'x.elf: is empty'],
    ['text', new TextEncoder().encode('#!/bin/sh\n'), 'x.elf: not an ELF file'],
    [
      'a file that ends in the header',
      sampleElf().slice(0, 20),
      'x.elf: truncated: 20 bytes are too few for an ELF file',
    ],
    [
      'a 64-bit file',
      patched([4, 2]),
      'x.elf: is a 64-bit ELF file; the machine is RV32: compile for -march=rv32imac_zicsr -mabi=ilp32',
    ],
    ['a big-endian file', patched([5, 2]), 'x.elf: is big-endian; the machine is little-endian'],
    [
      'a program for x86',
      patched([18, 3]),
      'x.elf: is for x86, not for RISC-V: compile for -march=rv32imac_zicsr -mabi=ilp32',
    ],
    ['an object file', patched([16, 1]), 'x.elf: is an object file: link it first'],
    [
      'a position-independent executable',
      patched([16, 3]),
      'x.elf: is dynamically linked or position-independent: link it with -static -no-pie',
    ],
    [
      'a dynamically linked executable',
      patched([PHDR, 3]),
      'x.elf: is dynamically linked or position-independent: link it with -static -no-pie',
    ],
    [
      'a hard-float program',
      patched([36, 5]),
      'x.elf: uses a floating-point ABI, and the machine has no FPU: compile for -march=rv32imac_zicsr -mabi=ilp32',
    ],
    ['a file without segments', patched([44, 0, 0]), 'x.elf: has nothing to load into memory'],
    [
      'overlapping segments',
      patched([PHDR + 32 + 12, ...u32(BASE + 16)]),
      `x.elf: segments at 0x80000000 (${addresses.get('inner')! + 40 - BASE} bytes) and 0x80000010 overlap`,
    ],
    [
      'a segment beyond the end of the file',
      patched([PHDR + 16, ...u32(0x100000)], [PHDR + 20, ...u32(0x100000)]),
      expect.stringMatching(
        /^x\.elf: truncated: segment at 0x80000000 needs \d+ bytes of file, there are \d+$/,
      ),
    ],
    [
      'a segment beyond 4 GiB',
      patched([PHDR + 20, ...u32(0x90000000)]),
      'x.elf: truncated or damaged ELF file: segment at 0x80000000 goes beyond 4 GiB',
    ],
    [
      'a file that lost its end',
      sampleElf().slice(0, -100),
      expect.stringMatching(
        /^x\.elf: truncated or damaged ELF file: the section table should end at byte \d+, the file has \d+$/,
      ),
    ],
  ] as [string, Uint8Array, unknown][])('says what is wrong with %s', (_what, bytes, wanted) => {
    expect(message(bytes)).toEqual(wanted);
  });

  it('says why a file cannot be read', () => {
    const directory = mkdtempSync(join(tmpdir(), 'printkit-test-'));
    try {
      const missing = join(directory, 'missing.elf');
      expect(() => readElfFile(missing)).toThrow(new PrintkitError(`${missing}: no such file`));
      expect(() => readElfFile(directory)).toThrow(
        new PrintkitError(`${directory}: is a directory`),
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('survives truncated and mutated files: a result or a PrintkitError', () => {
    const good = sampleElf();
    const mutations = fc.array(
      fc.tuple(
        fc.nat(good.length - 1),
        fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff, 0x80, 0x7f)),
      ),
      { minLength: 1, maxLength: 12 },
    );
    let refused = 0;
    let read = 0;
    fc.assert(
      fc.property(mutations, fc.option(fc.nat(good.length)), (changes, cut) => {
        const bytes = sampleElf();
        for (const [offset, value] of changes) bytes[offset] = value;
        try {
          const elf = readElf(cut === null ? bytes : bytes.slice(0, cut));
          const symbolizer = new Symbolizer(elf);
          for (let a = BASE; a < BASE + 256; a += 10) symbolizer.source(a);
          [...listing(cut === null ? bytes : bytes.slice(0, cut))].join('\n');
          readLineTable(elf);
          read++;
        } catch (error) {
          if (!(error instanceof PrintkitError)) throw error;
          refused++;
        }
      }),
      { numRuns: 500, seed: 1 },
    );
    expect(Math.min(refused, read)).toBeGreaterThan(25);
  });
});
