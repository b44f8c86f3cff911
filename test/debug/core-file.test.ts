// Core files of the machine: what gdb sees in them, what else they hold, and that they take no more room
// on disk than the guest has used.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCoreFile } from '../../src/debug/core-file.ts';
import { corePieces, guestVmcoreinfo, writeCoreFile } from '../../src/debug/core-writer.ts';
import { readElf, toMachineImage } from '../../src/debug/elf.ts';
import { readKernelLog } from '../../src/debug/dmesg/read-log.ts';
import { PrintkitError } from '../../src/errors.ts';
import { Machine } from '../../src/machine/machine.ts';
import { sampleElf } from '../toolchain/sample-program.ts';
import { lockless } from './log-image.ts';
import { gdb, vmcoreDmesg } from './peers.ts';

const RAM_BASE = 0x8000_0000;
const folder = mkdtempSync(join(tmpdir(), 'printkit-core-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A machine that has run the sample program for a while. */
function ranMachine(harts = 2): { machine: Machine; elfPath: string } {
  const elfPath = join(folder, 'sample.elf');
  writeFileSync(elfPath, sampleElf());
  const machine = new Machine({ harts, memoryBytes: 1024 * 1024 });
  machine.load(toMachineImage(readElf(sampleElf())));
  machine.run(50_000, { maxInstructions: 5 });
  return { machine, elfPath };
}

describe('a core file of the machine', () => {
  it('shows gdb every hart with its registers, the one that died first', () => {
    const { machine, elfPath } = ranMachine(3);
    machine.harts.forEach((hart) => {
      for (let i = 1; i < 32; i++) hart.x[i] = (0x1000 * (hart.id + 1) + i) | 0;
    });
    const core = join(folder, 'registers.core');
    writeCoreFile(core, machine, { hart: 1 });
    const registers = Array.from({ length: 31 }, (_, i) => `$x${i + 1}`).join(', ');
    const text = gdb(
      elfPath,
      core,
      'info threads',
      'thread apply all -ascending p/x $pc',
      `output/x {${registers}}`,
    );
    expect(text).toMatch(/\* 1 +LWP 2 .*\n +2 +LWP 1 .*\n +3 +LWP 3 /);
    const shown = [...text.matchAll(/\$\d+ = (0x[0-9a-f]+)/g)].map(([, pc]) => Number(pc));
    expect(shown).toEqual([1, 0, 2].map((id) => machine.harts[id].pc >>> 0));
    const values = Array.from({ length: 31 }, (_, i) => `0x${(0x2000 + i + 1).toString(16)}`);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(`{${values.join(', ')}}`);
  });

  it('holds all of RAM, with holes where it is zeros', () => {
    const { machine } = ranMachine();
    const last = RAM_BASE + machine.memory.bytes - 4;
    machine.writeMemory(last, Uint8Array.of(1, 2, 3, 4));
    const path = join(folder, 'ram.core');
    writeCoreFile(path, machine);
    const core = openCoreFile(path);
    const ram = core.read(BigInt(RAM_BASE), machine.memory.bytes);
    expect(Buffer.compare(ram, machine.memory.u8)).toBe(0);
    expect(core.u32(BigInt(last))).toBe(0x04030201);
    core.close();
    const stat = statSync(path);
    expect(stat.size).toBeGreaterThan(machine.memory.bytes);
    expect(stat.blocks * 512).toBeLessThan(64 * 1024);
  });

  it('carries the VMCOREINFO that the guest has prepared, so that its log is found', () => {
    const { base, memory, vmcoreinfo } = lockless([{ text: 'hello' }, { text: 'core' }]);
    const machine = new Machine({ harts: 1, memoryBytes: 1024 * 1024 });
    machine.writeMemory(Number(base), memory);
    const info = new TextEncoder().encode(vmcoreinfo);
    const data = RAM_BASE + 0x20000;
    const size = data - 4;
    machine.writeMemory(data, info);
    machine.writeMemory(size, new Uint8Array(Uint32Array.of(info.length).buffer));
    const symbol = { size: 0, type: 'object', global: true } as const;
    const symbols = [
      { ...symbol, name: 'vmcoreinfo_data', address: data },
      { ...symbol, name: 'vmcoreinfo_size', address: size },
    ];
    const path = join(folder, 'log.core');
    writeCoreFile(path, machine, { vmcoreinfo: guestVmcoreinfo(symbols, machine.memory) });
    const { records } = readKernelLog(openCoreFile(path));
    expect(records.map(({ text }) => new TextDecoder().decode(text))).toEqual(['hello', 'core']);
    expect(vmcoreDmesg(path)).toBe('[    0.000000] hello\n[    0.000000] core\n');

    // Nothing there yet, damaged, or no such symbols: no note.
    expect(guestVmcoreinfo([], machine.memory)).toBeUndefined();
    for (const length of [0, 0x7fff_ffff]) {
      machine.writeMemory(size, new Uint8Array(Uint32Array.of(length).buffer));
      expect(guestVmcoreinfo(symbols, machine.memory)).toBeUndefined();
    }
  });

  it('consists of pieces in order that do not overlap', () => {
    const { machine } = ranMachine();
    let end = 0;
    for (const { offset, bytes } of corePieces(machine)) {
      expect(offset).toBeGreaterThanOrEqual(end);
      end = offset + bytes.length;
    }
  });

  it('that cannot be written is told of', () => {
    const { machine } = ranMachine(1);
    const write = () => writeCoreFile(join(folder, 'no/such/folder'), machine);
    expect(write).toThrow(PrintkitError);
    expect(write).toThrow(/cannot write the core file .*ENOENT/);
  });
});
