// Quality of the firmware compiler's code: instructions that each benchmark function retires, against
// the same algorithm in C compiled by gcc -O2. Both are called straight on a bare machine, without a
// boot, so the counts are exact and the same every time.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readElfFile, toMachineImage, type ElfFile } from '../src/debug/elf.ts';
import { Machine } from '../src/machine/machine.ts';
import { encode } from '../test/differential/encode.ts';
import { FIRMWARE, GCC, present } from './processes.ts';
import { skipped, type Row } from './row.ts';

const FUNCTIONS = ['bench_sieve', 'bench_crc', 'bench_matrix', 'bench_sort', 'bench_run'];
/** Twice what gcc needs is the limit. */
const RATIO_MAX = 2;

const MEMORY_BYTES = 64 << 20;
const STUB = 0x8300_0000;
const STACK = 0x8310_0000;
const WORKSPACE = 0x8320_0000;
const FINISHER = 0x0010_0000;
const RA = 1;
const SP = 2;
const T0 = 5;
const T1 = 6;
const A0 = 10;
const A1 = 11;

/** Compiles bench/gcc/guest.c into an ELF that is only ever called into. */
function compileWithGcc(folder: string): ElfFile {
  const output = join(folder, 'guest.elf');
  const source = fileURLToPath(new URL('gcc/guest.c', import.meta.url));
  const child = spawnSync(
    GCC,
    [
      ...['-march=rv32imac_zicsr', '-mabi=ilp32', '-O2', '-ffreestanding', '-nostdlib'],
      ...['-fno-tree-loop-distribute-patterns', '-Wl,-N,-Ttext=0x80000000', '-Wl,-e,bench_run'],
      ...['-o', output, source, '-lgcc'],
    ],
    { timeout: 60_000, encoding: 'utf8' },
  );
  if (child.status !== 0) throw new Error(`${GCC}: ${child.stderr}`);
  return readElfFile(output);
}

/** Address of a function, or undefined if it was inlined away. */
function addressOf(elf: ElfFile, name: string): number | undefined {
  return elf.symbols.find((symbol) => symbol.name === name)?.address;
}

interface Call {
  readonly instructions: number;
  readonly result: number;
}

/** Calls functions one after the other on one hart; what the last one retired and returned. */
function call(elf: ElfFile, functions: readonly number[]): Call {
  const code: number[] = [];
  const li = (rd: number, value: number): void => {
    code.push(encode('lui', { rd, imm: (value + 0x800) >>> 12 }).word);
    code.push(encode('addi', { rd, rs1: rd, imm: (value << 20) >> 20 }).word);
  };
  li(SP, STACK);
  for (const target of functions) {
    li(A0, WORKSPACE);
    li(A1, 1);
    li(T0, target);
    code.push(encode('csrrs', { rd: 8, csr: 0xb02 }).word); // s0 = minstret before
    code.push(encode('jalr', { rd: RA, rs1: T0 }).word);
    code.push(encode('csrrs', { rd: 9, csr: 0xb02 }).word); // s1 = minstret after
  }
  li(T0, FINISHER);
  li(T1, 0x5555);
  code.push(encode('sw', { rs1: T0, rs2: T1 }).word);
  const bytes = new Uint8Array(Uint32Array.from(code).buffer);
  const { segments } = toMachineImage(elf);
  const machine = new Machine({ harts: 1, memoryBytes: MEMORY_BYTES });
  machine.load({
    entry: STUB,
    segments: [...segments, { address: STUB, bytes, memoryBytes: bytes.length }],
  });
  machine.reset();
  const stop = machine.run(Number.MAX_SAFE_INTEGER, { maxInstructions: 100_000_000 });
  if (stop.kind !== 'exit') throw new Error(`a benchmark function did not return: ${stop.kind}`);
  const { x } = machine.harts[0];
  // The first csrr itself is counted by the second: the jalr, the function and that are between.
  return { instructions: x[9] - x[8] - 1, result: x[A0] };
}

/** Calls `name` after what it builds upon: the CRC is that of the sieve's flags. */
function measure(elf: ElfFile, name: string): Call | undefined {
  const target = addressOf(elf, name);
  if (target === undefined) return undefined;
  const sieve = name === 'bench_crc' ? addressOf(elf, 'bench_sieve') : undefined;
  return call(elf, sieve === undefined ? [target] : [sieve, target]);
}

/** Instruction counts of the firmware (or another ELF with these functions) and gcc. */
export function codeQuality(path = FIRMWARE): Row[] {
  if (!present(GCC)) return [skipped('instructions against gcc -O2', `${GCC} is not installed`)];
  const firmware = readElfFile(path);
  const folder = mkdtempSync(join(tmpdir(), 'printkit-bench-'));
  try {
    const peer = compileWithGcc(folder);
    return FUNCTIONS.map((name): Row => {
      const title = `instructions, ${name}`;
      const ours = measure(firmware, name);
      const theirs = measure(peer, name);
      if (!theirs) throw new Error(`${name} is missing in bench/gcc/guest.c`);
      if (!ours) return skipped(title, 'inlined into its caller; see bench_run');
      const same =
        ours.result === theirs.result || addressOf(firmware, 'bench_sieve') === undefined;
      if (!same) throw new Error(`${name}: ${ours.result} from ours, ${theirs.result} from gcc's`);
      const ratio = ours.instructions / theirs.instructions;
      return {
        name: title,
        value: ours.instructions.toLocaleString('en-US'),
        target: `≤ ${RATIO_MAX} × gcc -O2`,
        pass: ratio <= RATIO_MAX,
        peer: `${ratio.toFixed(2)} × gcc -O2 (${theirs.instructions.toLocaleString('en-US')})`,
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
