// Instructions that the benchmark functions retire, against what riscv64-unknown-elf-gcc 12.2 -O2
// makes of the same algorithms (bench/gcc/guest.c). The project's promise is twice gcc's count; what
// is reached is far below, and is held here so that it is not lost unnoticed.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Machine } from '../../src/machine/machine.ts';
import { assembleFlat } from '../../src/toolchain/assembler.ts';
import { type BuildResult, buildFirmware } from '../../src/toolchain/build.ts';
import { temporaryFolder } from './support/folder.ts';

const GCC = {
  bench_sieve: 132_673,
  bench_crc: 102_928,
  bench_matrix: 245_017,
  bench_sort: 246_929,
};
const RATIO_MAX = 1.25;
const WORKSPACE = 0x81000000;
const STACK = 0x81100000;
const CALLER = 0x81200000;

/** Calls the functions one after the other; instructions of the last call. */
function count({ program }: BuildResult, names: readonly string[]): number {
  const calls = names.map((name) => {
    const address = program.symbols.find((s) => s.name === name)?.address;
    if (address === undefined) throw new Error(`no symbol ${name}`);
    return `
        li      a0, ${WORKSPACE}
        li      t0, ${address}
        csrr    s1, minstret
        jalr    t0
        csrr    s2, minstret`;
  });
  const finish = 'li t0, 0x100000\nli t1, 0x5555\nsw t1, 0(t0)\n';
  const code = `li sp, ${STACK}\n${calls.join('\n')}\n${finish}`;
  const { bytes } = assembleFlat(code, CALLER);
  const machine = new Machine({ harts: 1 });
  machine.load({
    entry: CALLER,
    segments: [
      ...program.sections.map((s) => ({ ...s, memoryBytes: s.size })),
      { address: CALLER, bytes, memoryBytes: bytes.length },
    ],
  });
  machine.reset();
  const stop = machine.run(Infinity, { maxInstructions: 5_000_000 });
  expect(stop).toMatchObject({ kind: 'exit', code: 0 });
  const { x } = machine.harts[0];
  return x[18] - x[9] - 1;
}

it('the benchmark functions take little more instructions than gcc makes of them', async () => {
  const source = new URL('../../firmware/bench/bench.ts', import.meta.url);
  const names = Object.keys(GCC).join(', ');
  const root = temporaryFolder({
    'bench.ts': readFileSync(fileURLToPath(source), 'utf8'),
    'main.ts': `import { ${names} } from './bench';\nexport { ${names} };\n`,
    'entry.S': '.globl _start\n_start: j _start\n',
  });
  const options = { root, entry: 'main.ts', assembly: ['entry.S'], stackCheck: false };
  const built = await buildFirmware(options);
  for (const [name, theirs] of Object.entries(GCC)) {
    // The CRC is that of the sieve's flags.
    const ours = count(built, name === 'bench_crc' ? ['bench_sieve', name] : [name]);
    expect(ours / theirs, name).toBeLessThan(RATIO_MAX);
    expect(ours / theirs, name).toBeGreaterThan(0.5);
  }
});
