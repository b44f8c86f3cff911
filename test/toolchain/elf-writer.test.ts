// ELF and DWARF as written, seen through GNU binutils and gdb.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PrintkitError } from '../../src/errors.ts';
import { frameRows } from '../../src/debug/frame-layout.ts';
import { assembleFlat } from '../../src/toolchain/assembler.ts';
import { writeElf } from '../../src/toolchain/elf-writer.ts';
import { gnu, hasTool, haveGnu, withScratch } from './gnu.ts';
import { BASE, sampleElf, sampleProgram, SOURCE } from './sample-program.ts';

const lineOf = (text: string) => SOURCE.split('\n').findIndex((l) => l.includes(text)) + 1;

describe('elf writer', () => {
  it('writes the same bytes for the same program', () => {
    expect(sampleElf()).toEqual(sampleElf());
  });

  it('places segments in the file congruent to their addresses', () => {
    const program = sampleProgram();
    const sections = program.sections.map((section) => ({ ...section, align: 64 }));
    const bytes = writeElf({ ...program, sections });
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < view.getUint16(44, true); i++) {
      const [, offset, address, , , , , align] = Array.from({ length: 8 }, (_, word) =>
        view.getUint32(52 + 32 * i + 4 * word, true),
      );
      expect(align).toBe(64);
      expect(offset % align).toBe(address % align);
    }
  });

  it('refuses overlapping sections by name', () => {
    const program = sampleProgram();
    const moved = program.sections.map((s) => ({ ...s, address: BASE }));
    expect(() => writeElf({ ...program, sections: moved })).toThrow(PrintkitError);
    expect(() => writeElf({ ...program, sections: moved })).toThrow(
      'sections .text and .data overlap at 0x80000000',
    );
  });
});

describe('frame rows', () => {
  const rows = (source: string) =>
    frameRows(assembleFlat(source, BASE).bytes).map((r) => [
      r.offset,
      r.cfaRegister,
      r.cfaOffset,
      ...r.changed.map(([register, slot]) => `x${register}:${slot ?? 'here'}`),
    ]);

  it('follows prologue and epilogue, and takes up the body after an early return', () => {
    const source = `
      addi sp,sp,-16; sw ra,12(sp); sw s0,8(sp); addi s0,sp,16
      beqz a0, 1f
      lw ra,12(sp); lw s0,8(sp); addi sp,sp,16; ret
      1: nop; lw ra,12(sp); lw s0,8(sp); addi sp,sp,16; ret`;
    expect(rows(source)).toEqual([
      [4, 2, 16],
      [8, 2, 16, 'x1:-4'],
      [12, 2, 16, 'x8:-8'],
      [16, 8, 0],
      [24, 8, 0, 'x1:here'],
      [28, 2, 16, 'x8:here'],
      [32, 2, 0],
      [36, 8, 0, 'x1:-4', 'x8:-8'],
      [44, 8, 0, 'x1:here'],
      [48, 2, 16, 'x8:here'],
      [52, 2, 0],
    ]);
  });

  it('reads 16-bit instructions too', () => {
    const source = `
      c.addi16sp sp,-32; c.swsp ra,28(sp); c.swsp s0,24(sp); c.addi4spn s0,sp,32; c.swsp s1,20(sp)
      c.lwsp s1,20(sp); c.lwsp ra,28(sp); c.lwsp s0,24(sp); c.addi16sp sp,32; c.jr ra
      c.nop`;
    expect(rows(source)).toEqual([
      [2, 2, 32],
      [4, 2, 32, 'x1:-4'],
      [6, 2, 32, 'x8:-8'],
      [8, 8, 0],
      [10, 8, 0, 'x9:-12'],
      [12, 8, 0, 'x9:here'],
      [14, 8, 0, 'x1:here'],
      [16, 2, 32, 'x8:here'],
      [18, 2, 0],
      [20, 8, 0, 'x1:-4', 'x8:-8', 'x9:-12'],
    ]);
  });

  it('knows the frame again where a large one is undone by way of s0', () => {
    const source = `
      addi sp,sp,-16; sw ra,12(sp); sw s0,8(sp); addi s0,sp,16; li t0,-4096; add sp,sp,t0
      addi sp,s0,-16; lw ra,12(sp); lw s0,8(sp); addi sp,sp,16; ret; nop`;
    expect(rows(source).slice(4)).toEqual([
      [32, 8, 0, 'x1:here'],
      [36, 2, 16, 'x8:here'],
      [40, 2, 0],
      [44, 8, 0, 'x1:-4', 'x8:-8'],
    ]);
  });

  it('trusts the frame pointer of a frame too large for addi', () => {
    expect(rows('li t0,-8192; add sp,sp,t0; li t0,8192; add s0,sp,t0; nop')).toEqual([
      [16, 8, 0, 'x1:-4', 'x8:-8'],
    ]);
  });
});

describe.skipIf(!haveGnu('readelf', 'objdump', 'addr2line', 'nm'))('elf writer through GNU', () => {
  const withElf = (...command: [string, ...string[]]) =>
    withScratch((directory) => {
      const path = join(directory, 'sample.elf');
      writeFileSync(path, sampleElf());
      const [tool, ...args] = command;
      return gnu(tool, ...args.map((a) => (a === '@' ? path : a)));
    });

  it('is accepted by readelf without a warning', () => {
    withScratch((directory) => {
      const path = join(directory, 'sample.elf');
      writeFileSync(path, sampleElf());
      const result = spawnSync('riscv64-unknown-elf-readelf', ['-a', '--debug-dump', '-W', path], {
        encoding: 'utf8',
      });
      expect(result.stderr).toBe('');
      expect(result.stdout).toMatch(/LOAD +0x\w+ 0x80000000 0x80000000 \S+ \S+ R E/);
      expect(result.stdout).toMatch(/Tag_RISCV_arch: "rv32i2p1_m2p0_a2p1_c2p0/);
      expect(result.stdout).toMatch(/80000\w+ +4 OBJECT +GLOBAL DEFAULT +2 counter/);
    });
  });

  it('shows source lines in objdump', () => {
    const text = withElf('objdump', '-dl', '@');
    expect(text).toContain('<outer>:');
    expect(text).toContain(`firmware/arch/sample.S:${lineOf('li s1, 7')}`);
    expect(text).toContain('auipc');
  });

  it('lets addr2line find function and line', () => {
    const { symbols } = assembleFlat(SOURCE, BASE);
    const address = (symbols.get('inner') ?? 0) + 16;
    const text = withElf('addr2line', '-f', '-e', '@', `0x${address.toString(16)}`);
    expect(text.trim().split('\n')).toEqual([
      'inner',
      `firmware/arch/sample.S:${lineOf('lw a0, counter')}`,
    ]);
  });
});

const haveGdb = hasTool('gdb-multiarch') && hasTool('qemu-system-riscv32');
if (!haveGdb) console.log('skipped: gdb-multiarch or qemu-system-riscv32 not installed');

describe.skipIf(!haveGdb)('elf writer through gdb', () => {
  it('gives lines, functions and a call trace from every instruction of two functions', () => {
    withScratch((directory) => {
      const elf = join(directory, 'sample.elf');
      writeFileSync(elf, sampleElf());
      const commands = join(directory, 'commands');
      const qemu = `qemu-system-riscv32 -M virt -smp 1 -bios none -display none -serial none -monitor none -S -gdb stdio -kernel ${elf}`;
      const steps = 22; // from the entry of outer() until it has returned
      const script = [
        'set pagination off',
        `target remote | exec ${qemu}`,
        'break *outer',
        'continue',
        ...Array.from({ length: steps }, () => ['bt', 'echo ---\\n', 'stepi']).flat(),
        'kill',
      ];
      writeFileSync(commands, script.join('\n'));
      const { stdout } = spawnSync(
        'timeout',
        ['30', 'gdb-multiarch', '-q', '-batch', '-nx', '-x', commands, elf],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      );
      const caller = `in _start () at firmware/arch/sample.S:${lineOf('call outer')}`;
      const traces = stdout.split('---\n').map((part) => part.match(/^#\d.*$/gm) ?? []);
      expect(traces.filter((frames) => frames.length > 0)).toHaveLength(steps);
      for (const frames of traces.slice(0, steps)) {
        expect(frames[frames.length - 1]).toContain(caller);
        expect(frames).toHaveLength(frames[0]?.includes('inner') ? 3 : 2);
      }
    });
  });
});
