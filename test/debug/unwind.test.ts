// Call traces on the real machine, instruction by instruction, and from garbage.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf, toMachineImage } from '../../src/debug/elf.ts';
import { guestReport } from '../../src/debug/guest-report.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { Tracer } from '../../src/debug/trace.ts';
import { formatStack, unwind } from '../../src/debug/unwind.ts';
import { Machine } from '../../src/machine/machine.ts';
import { assemble, assembleFlat } from '../../src/toolchain/assembler.ts';
import { writeElf } from '../../src/toolchain/elf-writer.ts';
import { BASE, FILE, sampleElf, SOURCE } from '../toolchain/sample-program.ts';

const lineOf = (text: string) => SOURCE.split('\n').findIndex((l) => l.includes(text)) + 1;

function boot(elfBytes: Uint8Array, harts = 1) {
  const elf = readElf(elfBytes);
  const machine = new Machine({ harts, memoryBytes: 1 << 20 });
  machine.load(toMachineImage(elf));
  return { machine, symbols: new Symbolizer(elf) };
}

/** An ELF file of one .text section; names of functions get type and size from `functions`. */
function program(source: string, functions: readonly string[] = []): Uint8Array {
  const { bytes, symbols } = assembleFlat(source, BASE);
  const lines = assemble(source).lines;
  const sorted = [...symbols].sort((a, b) => a[1] - b[1]);
  return writeElf({
    entry: BASE,
    sections: [
      {
        name: '.text',
        address: BASE,
        bytes,
        size: bytes.length,
        align: 4,
        flags: { alloc: true, write: false, execute: true, nobits: false },
      },
    ],
    symbols: sorted.map(([name, address], i) => ({
      name,
      address,
      size: functions.includes(name) ? (sorted[i + 1]?.[1] ?? BASE + bytes.length) - address : 0,
      type: functions.includes(name) ? 'function' : 'none',
      global: true,
    })),
    lines: lines.map((l) => ({
      address: BASE + l.offset,
      file: 'p.S',
      line: l.line,
      column: 0,
      isStatement: true,
    })),
  });
}

describe('unwinder', () => {
  it('gives the whole call trace at every instruction of prologue, body and epilogue', () => {
    const { machine, symbols } = boot(sampleElf());
    const [hart] = machine.harts;
    const seen = new Set<string>();
    for (let i = 0; i < 60 && hart && !hart.waiting; i++) {
      const names = unwind(hart, machine, symbols).map((f) => symbols.lookup(f.site)?.name);
      const inside = names[0] ?? '';
      const wanted = {
        _start: ['_start'],
        outer: ['outer', '_start'],
        inner: ['inner', 'outer', '_start'],
      };
      expect([hart.pc.toString(16), names]).toEqual([
        hart.pc.toString(16),
        wanted[inside as keyof typeof wanted],
      ]);
      seen.add(inside);
      machine.step(hart);
    }
    expect([...seen]).toEqual(['_start', 'outer', 'inner']);
    expect(hart?.waiting).toBe(true);
  });

  it('follows frame pointers alone where there are no symbols', () => {
    const { machine, symbols } = boot(sampleElf());
    const [hart] = machine.harts;
    if (!hart) throw new Error('no hart');
    const body = symbols.address('inner') + 16;
    while (hart.pc !== body) machine.step(hart);
    const frames = unwind(hart, machine);
    expect(frames.map((f) => symbols.lookup(f.site)?.name)).toEqual(['inner', 'outer', '_start']);
    expect(formatStack(frames, symbols)[1]).toBe(
      `#1 ${(frames[1]?.pc ?? 0).toString(16)} outer+0x20/0x58 (${FILE}:${lineOf('call inner')})`,
    );
  });

  it('unwinds code without a frame pointer by reading its prologue', () => {
    const source = `
      _start: la sp, end; addi sp, sp, 512; call f; ebreak
      f: addi sp, sp, -32; sw ra, 20(sp); nop; call g; lw ra, 20(sp); addi sp, sp, 32; ret
      g: nop; ret
      end:`;
    const { machine, symbols } = boot(program(source, ['f', 'g', '_start']));
    const [hart] = machine.harts;
    if (!hart) throw new Error('no hart');
    while (hart.pc !== symbols.address('g')) machine.step(hart);
    const names = unwind(hart, machine, symbols).map((f) => symbols.lookup(f.site)?.name);
    expect(names).toEqual(['g', 'f', '_start']);
  });

  it('finds the caller of a function that saves its frame pointer and no return address', () => {
    const source = `
      _start: la sp, end; addi sp, sp, 512; call f; ebreak
      f: addi sp, sp, -16; sw s0, 8(sp); sw ra, 12(sp); addi s0, sp, 16; call g
        lw ra, 12(sp); lw s0, 8(sp); addi sp, sp, 16; ret
      g: addi sp, sp, -16; sw s0, 12(sp); addi s0, sp, 16; nop; lw s0, 12(sp); addi sp, sp, 16; ret
      end:`;
    const { machine, symbols } = boot(program(source, ['f', 'g', '_start']));
    const [hart] = machine.harts;
    const nameAt = (at: number) => symbols.lookup(at)?.name;
    let inside = 0;
    for (; nameAt(hart.pc) !== 'g'; machine.step(hart));
    for (; nameAt(hart.pc) === 'g'; inside++, machine.step(hart)) {
      const names = unwind(hart, machine, symbols).map((f) => nameAt(f.site));
      expect(names).toEqual(['g', 'f', '_start']);
    }
    expect(inside).toBe(7);
  });

  it('finds the caller whose last instruction is the call', () => {
    const source = `
      _start: la sp, end; addi sp, sp, 512; call f; ebreak
      f: addi sp, sp, -16; sw ra, 12(sp); call g
      h: addi sp, sp, -64; sw ra, 60(sp); ebreak
      g: nop; ret
      end:`;
    const { machine, symbols } = boot(program(source, ['f', 'g', 'h', '_start']));
    const [hart] = machine.harts;
    while (hart.pc !== symbols.address('g')) machine.step(hart);
    const names = unwind(hart, machine, symbols).map((frame) => symbols.lookup(frame.site)?.name);
    expect(names).toEqual(['g', 'f', '_start']);
  });

  it('starts in assembly code without a symbol size by its return address', () => {
    const source = `
      _start: la sp, end; addi sp, sp, 512; li s0, 0; call f
      f: addi sp, sp, -16; sw ra, 12(sp); sw s0, 8(sp); addi s0, sp, 16; call off
      back: ebreak
      off: csrw mie, zero
      1: wfi; j 1b
      end:`;
    const { machine, symbols } = boot(program(source, ['f', '_start']));
    const [hart] = machine.harts;
    for (let i = 0; i < 14; i++) machine.step(hart);
    const lines = formatStack(unwind(hart, machine, symbols), symbols);
    // f's call is its last instruction, and there is a label at the return address: that names it.
    expect(lines.map((line) => line.split(' ')[2])).toEqual([
      'off+0x8',
      'back+0x0',
      '_start+0x18/0x18',
    ]);
  });

  it('ends at a chain that runs in a circle, and never goes deeper than it is told to', () => {
    const { machine, symbols } = boot(sampleElf());
    const fp = BASE + 0x1010;
    const x = new Int32Array(32);
    x[8] = fp;
    const code = symbols.address('outer') + 32;
    machine.writeMemory(
      fp - 8,
      Uint8Array.from(new Uint8Array(Uint32Array.from([fp, code]).buffer)),
    );
    expect(unwind({ pc: code, x }, machine).length).toBeLessThan(4);
    // A chain upwards through all of memory.
    for (let at = fp; at < fp + 4000; at += 16) {
      machine.writeMemory(at - 8, new Uint8Array(Uint32Array.from([at + 16, code]).buffer));
    }
    expect(unwind({ pc: code, x }, machine)).toHaveLength(64);
    expect(unwind({ pc: code, x }, machine, undefined, 5)).toHaveLength(5);
  });

  it('takes any registers over any memory', () => {
    const { machine, symbols } = boot(sampleElf());
    const address = fc.oneof(
      fc.integer(),
      fc.integer({ min: BASE, max: BASE + 0x400 }),
      fc.constantFrom(0, 1, 4, 8, -4, -8, 0x7fffffff, BASE + (1 << 20) - 4, BASE + (1 << 20)),
    );
    fc.assert(
      fc.property(
        address,
        address,
        address,
        address,
        fc.array(fc.integer(), { minLength: 64, maxLength: 64 }),
        (pc, ra, sp, s0, words) => {
          machine.writeMemory(BASE + 0x200, new Uint8Array(Int32Array.from(words).buffer));
          const x = new Int32Array(32);
          x[1] = ra;
          x[2] = sp;
          x[8] = s0;
          const frames = unwind({ pc, x }, machine, symbols);
          expect(frames.length).toBeGreaterThanOrEqual(1);
          expect(frames.length).toBeLessThanOrEqual(64);
          expect(frames[0]?.pc).toBe(pc >>> 0);
        },
      ),
      { numRuns: 1000, seed: 1 },
    );
  });
});

describe('trace', () => {
  it('shows place, instruction, memory address and changed registers, in order of execution', () => {
    const { machine, symbols } = boot(sampleElf());
    const lines: string[] = [];
    const tracer = new Tracer(machine, symbols, (line) => lines.push(line));
    machine.trace = (hart) => tracer.before(hart);
    machine.run(Infinity, { maxInstructions: 8, stopWhenIdle: true });
    tracer.flush();
    const outer = symbols.address('outer');
    const top = symbols.address('stack_top');
    expect(lines).toHaveLength(8);
    const squeezed = lines.map((line) => line.replace(/ +/g, ' ').trim());
    expect(squeezed.slice(4)).toEqual([
      `hart 0 ${(outer - 12).toString(16)} _start+0x10 jalr 12(ra) ra=${(outer - 8).toString(16)}`.replace(
        '12(ra)',
        squeezed[4]?.match(/jalr (\S+)/)?.[1] ?? '',
      ),
      `hart 0 ${outer.toString(16)} outer addi sp,sp,-32 sp=${(top - 32).toString(16)}`,
      `hart 0 ${(outer + 4).toString(16)} outer+0x4 sw ra,28(sp) [${(top - 4).toString(16)}]`,
      `hart 0 ${(outer + 8).toString(16)} outer+0x8 sw s0,24(sp) [${(top - 8).toString(16)}]`,
    ]);
  });

  it('says when an instruction trapped', () => {
    const { machine, symbols } = boot(
      program(
        '_start: la t0, handler; csrw mtvec, t0; .word 0xffffffff\n.balign 4\nhandler: nop; nop',
      ),
    );
    const lines: string[] = [];
    const tracer = new Tracer(machine, symbols, (line) => lines.push(line));
    machine.trace = (hart) => tracer.before(hart);
    for (let i = 0; i < 5; i++) machine.step(machine.harts[0]);
    tracer.flush();
    expect(lines[3]).toMatch(
      /_start\+0xc +\.word 0xffffffff +trap: illegal instruction, tval=ffffffff/,
    );
    expect(lines[4]).toMatch(/handler +nop$/);
    expect(lines).toHaveLength(5);
  });

  it('calls an NMI by its name', () => {
    const source = `_start: la t0, handler; li t1, 0x110000; csrsi mnstatus, 8; nop; nop
      .balign 4
      handler: nop; j handler`;
    const { machine, symbols } = boot(program(source));
    const lines: string[] = [];
    const tracer = new Tracer(machine, symbols, (line) => lines.push(line));
    machine.trace = (hart) => tracer.before(hart);
    const [hart] = machine.harts;
    machine.nmi.write(0, 4, symbols.address('handler'));
    for (let i = 0; i < 5; i++) machine.step(hart);
    machine.raiseNmi(0, 3);
    machine.run(machine.now + 100);
    tracer.flush();
    expect(lines.some((line) => /^hart 0 [0-9a-f]{8} NMI, cause 3$/.test(line))).toBe(true);
    const report = guestReport(machine, symbols, { reason: 'test' });
    expect(report).toMatch(/in an NMI handler, interrupted at [0-9a-f]{8} _start/);
  });

  it('says when an interrupt came in between', () => {
    const source = `_start: la t0, handler; csrw mtvec, t0; csrwi mie, 8; csrwi mstatus, 8
      li t1, 0x2000000; li t2, 1; sw t2, 0(t1); nop; nop; nop
      .balign 4
      handler: nop; j handler`;
    const { machine, symbols } = boot(program(source));
    const lines: string[] = [];
    const tracer = new Tracer(machine, symbols, (line) => lines.push(line));
    machine.trace = (hart) => tracer.before(hart);
    machine.run(Infinity, { maxInstructions: 14 });
    tracer.flush();
    const at = lines.findIndex((line) => line.includes('machine software interrupt'));
    expect(lines[at - 1]).toContain('sw t2,0(t1)');
    expect(lines[at - 1]).toContain('[02000000]');
    expect(lines[at + 1]).toContain('handler');
  });
});

describe('guest report', () => {
  it('shows the dead hart first, with registers, cause in words and call trace', () => {
    const { machine, symbols } = boot(sampleElf(), 2);
    const hart = machine.harts[1];
    const body = symbols.address('inner') + 16;
    while (hart.pc !== body) machine.step(hart);
    const text = guestReport(machine, symbols, { reason: 'double trap', hart: 1 });
    const lines = text.split('\n');
    expect(lines[0]).toBe('guest died at 0.000000 s of virtual time: double trap');
    expect(lines[1]).toMatch(
      /^hart 1 running, \d+ instructions retired, pc [0-9a-f]{8} inner\+0x10\/0x28 \(firmware\/arch\/sample\.S:\d+\)$/,
    );
    expect(text).toContain(`  zero 00000000    ra ${(symbols.address('outer') + 32).toString(16)}`);
    expect(text).toMatch(/mepc 00000000 {2}mcause 00000000 \(instruction address misaligned\)/);
    expect(text).toMatch(
      /call trace:\n {4}#0 \S+ inner.*\n {4}#1 \S+ outer.*\n {4}#2 \S+ _start.*\nhart 0 /,
    );
  });

  it('works without symbols and with the pc in a hole', () => {
    const { machine } = boot(sampleElf());
    machine.harts[0].pc = 0x10;
    machine.harts[0].x.fill(-1);
    const text = guestReport(machine, undefined, { reason: 'stuck' });
    expect(text).toContain('pc 00000010');
    expect(text).toContain('    #0 00000010');
  });
});
