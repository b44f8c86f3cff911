// From TypeScript and assembly to an ELF that boots on the machine: symbols, lines, call table,
// strings, 64-bit arithmetic, stack check.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readLineTable } from '../../src/debug/dwarf-line.ts';
import { readElf, toMachineImage } from '../../src/debug/elf.ts';
import { Machine, type StopReason } from '../../src/machine/machine.ts';
import { type BuildResult, buildFirmware, TEXT_BASE } from '../../src/toolchain/build.ts';
import { temporaryFolder, writeFiles } from './support/folder.ts';

const ENTRY = `
        .text
        .globl _start
_start: csrr    t0, mhartid
1:      bnez    t0, 1b
        la      t0, trap_entry
        csrw    mtvec, t0
        la      sp, stack_top
        la      gp, stack_bottom
        call    start_kernel
1:      wfi
        j       1b
        .balign 4
trap_entry:
        la      sp, trap_stack_top
        csrr    a0, mcause
        csrr    a1, mepc
        call    trap
        j       1b
        .globl  add_in_assembly
add_in_assembly:
        add     a0, a0, a1
        ret
        .data
        .globl  greeting
greeting: .asciz "from .data"
        .bss
        .balign 16
        .globl  stack_bottom
stack_bottom: .space 2048
stack_top: .space 1024
trap_stack_top: .space 16
`;

const MMIO = `
export declare function writel(address: usize, value: u32): void;
`;

const SYMBOLS = `
export declare function address_of_greeting(): usize;
export declare function address_of_kallsyms(): usize;
export declare function address_of__end(): usize;
export declare function add_in_assembly(a: u32, b: u32): u32;
`;

const CONSOLE = `
type Write = (c: u32) => void;

@unmanaged
export class Console {
  write: Write;
  written: u64;

  put(c: u32): void {
    this.write(c);
    this.written++;
  }
}

const storage: usize = memory.data(16, 8);
export const log: usize = memory.data(65536, 4096);
export const output: usize = memory.data(4096);
let length: u32 = 0;

function plain(c: u32): void {
  store<u8>(output + length++, c);
}

function upper(c: u32): void {
  plain(c >= 97 && c <= 122 ? c - 32 : c);
}

export function console(loud: bool): Console {
  const c = changetype<Console>(storage);
  c.write = loud ? upper : plain;
  return c;
}

export function puts(c: Console, s: string): void {
  for (let i = 0; i < s.length; i++) c.put(s.charCodeAt(i));
}

export function number(c: Console, n: u64, base: u32): void {
  if (n >= base) number(c, n / base, base);
  const digit = <u32>(n % base);
  c.put(digit < 10 ? 48 + digit : 87 + digit);
}
`;

const MAIN = `
import { Console, console, log, number, output, puts } from './console';
import { writel } from './arch/mmio';
import { add_in_assembly, address_of__end, address_of_greeting, address_of_kallsyms } from './arch/symbols';

export { output };
export const version: usize = memory.data<u32>([7, 8, 9]);

function deeper(n: u32): u32 {
  return n == 0 ? 1 : deeper(n - 1) + 1 + deeper(n >> 30);
}

export function start_kernel(): void {
  const c = console(false);
  puts(c, 'hello ');
  number(c, 0xfedcba9876543210, 10);
  c.put(32);
  number(c, 1 << 40, 16);
  c.put(10);
  const g = address_of_greeting();
  for (let i = 0; load<u8>(g + i) != 0; i++) c.put(load<u8>(g + i));
  c.put(10);
  puts(console(true), 'shouted ');
  number(c, add_in_assembly(40, 2), 10);
  c.put(32);
  number(c, load<u32>(version + 4), 10);
  c.put(10);
  number(c, load<u32>(address_of_kallsyms()), 10);
  c.put(32);
  number(c, load<u8>(log) + (address_of__end() > log ? 1 : 0), 10);
  c.put(10);
  number(c, deeper(100000), 10);
}

export function trap(cause: u32, pc: usize): void {
  const c: Console = console(false);
  puts(c, 'trap ');
  number(c, cause, 10);
  writel(0x100000, (<u32>pc << 16) | 0x3333);
}
`;

const FILES = {
  'entry.S': ENTRY,
  'main.ts': MAIN,
  'console.ts': CONSOLE,
  'arch/mmio.ts': MMIO,
  'arch/symbols.ts': SYMBOLS,
};

let result: BuildResult;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'printkit-build-'));
  writeFiles(folder, FILES);
  result = await buildFirmware({ root: folder, entry: 'main.ts', assembly: ['entry.S'] });
  rmSync(folder, { recursive: true });
});

/** Boots on one hart; what stood in `output` at the end. */
function boot(elf: Uint8Array): { text: string; stop: StopReason } {
  const file = readElf(elf);
  const machine = new Machine({ harts: 1 });
  machine.load(toMachineImage(file));
  machine.reset();
  const stop = machine.run(1e9, { maxInstructions: 5_000_000 });
  const output = file.symbols.find((s) => s.name === 'output');
  const bytes = machine.readMemory(output?.address ?? 0, 4096);
  return { text: new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0))), stop };
}

describe('a firmware in TypeScript and assembly', () => {
  it('boots and computes', () => {
    const { text } = boot(result.elf);
    const [hello, data, shouted, tables, ...rest] = text.split('\n');
    expect(hello).toBe('hello 18364758544493064720 10000000000');
    expect(data).toBe('from .data');
    expect(shouted).toBe('SHOUTED 42 8');
    const symbols = readElf(result.elf).symbols;
    expect(tables).toBe(`${countCode(symbols)} 1`);
    expect(rest).toEqual(['trap 3']);
  });

  it('stops with an ebreak when sp falls below gp', () => {
    const { stop } = boot(result.elf);
    expect(stop.kind).toBe('exit');
    const file = readElf(result.elf);
    const deeper = file.symbols.find((s) => s.name.startsWith('deeper'));
    if (stop.kind !== 'exit' || deeper === undefined) throw new Error('no exit, or no symbol');
    const offset = stop.code - (deeper.address & 0xffff);
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThan(deeper.size);
  });

  it('has symbols by their TypeScript names, sized, in the right sections', () => {
    const { symbols } = readElf(result.elf);
    const find = (name: string) => symbols.find((s) => s.name === name);
    expect(find('start_kernel')).toMatchObject({ type: 'function', global: true });
    expect(find('start_kernel')?.size).toBeGreaterThan(50);
    expect(find('_start')).toMatchObject({ address: TEXT_BASE, global: true });
    expect(find('upper')).toMatchObject({ type: 'function', global: false });
    expect(find('version')).toMatchObject({ type: 'object', section: { name: '.data' } });
    expect(find('stack_bottom')).toMatchObject({ section: { name: '.bss' } });
  });

  it('tells the source line of every compiled instruction', () => {
    const file = readElf(result.elf);
    const table = readLineTable(file);
    const functions = file.symbols.filter((s) => s.type === 'function');
    const places = functions.flatMap((f) => {
      const list: string[] = [];
      for (let a = f.address; a < f.address + f.size; a += 2) {
        const at = table.find(a);
        if (at) list.push(at.file);
      }
      expect(list.length).toBe(Math.ceil(f.size / 2));
      return list;
    });
    expect(new Set(places)).toContain('main.ts');
    expect(new Set(places)).toContain('console.ts');
    const upper = file.symbols.find((s) => s.name === 'upper');
    const lines = new Set<number>();
    for (let a = upper?.address ?? 0; a < (upper?.address ?? 0) + (upper?.size ?? 0); a += 2) {
      lines.add(table.find(a)?.line ?? 0);
    }
    const wanted = CONSOLE.split('\n').findIndex((l) => l.includes('c >= 97')) + 1;
    expect(lines).toContain(wanted);
  });

  it('keeps writable data and zeros in one segment with bytes in the file', () => {
    const writable = readElf(result.elf).segments.filter((s) => !s.executable);
    const last = writable.at(-1);
    expect(last?.bytes.length).toBeGreaterThan(0);
    expect(last?.memoryBytes).toBeGreaterThan(last?.bytes.length ?? Infinity);
  });

  it('grows the room for text when it does not suffice', async () => {
    const entry = `${ENTRY}\n        .text\n        .space 600000\n`;
    const folder = temporaryFolder({ ...FILES, 'entry.S': entry });
    const big = await buildFirmware({ root: folder, entry: 'main.ts', assembly: ['entry.S'] });
    expect(boot(big.elf).text).toMatch(/^hello 18364758544493064720 /);
  });

  it('is the same for the same source, byte for byte', async () => {
    const folder = temporaryFolder(FILES);
    const again = await buildFirmware({ root: folder, entry: 'main.ts', assembly: ['entry.S'] });
    expect(Buffer.compare(again.elf, result.elf)).toBe(0);
  });

  it('does without the stack check and 16-bit instructions when told to', async () => {
    const folder = temporaryFolder(FILES);
    const options = { root: folder, entry: 'main.ts', assembly: ['entry.S'] };
    const plain = await buildFirmware({ ...options, stackCheck: false, compressed: false });
    const size = (r: BuildResult) => r.module.functions.reduce((n, f) => n + f.bytes.length, 0);
    expect(size(plain)).toBeGreaterThan(size(result));
    for (const f of plain.module.functions) expect(f.bytes.length % 4).toBe(0);
  });
});

/** Symbols of code, as kallsyms counts them. */
function countCode(symbols: ReturnType<typeof readElf>['symbols']): number {
  return symbols.filter((s) => s.section?.name === '.text').length;
}
