// GNU binutils for RISC-V as the reference of toolchain tests; tests skip with a reason without it.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'riscv64-unknown-elf-';

/** Whether a program can be started. */
export const hasTool = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;

/** Whether `riscv64-unknown-elf-<tool>` exists; prints why tests skip when it does not. */
export function haveGnu(...tools: string[]): boolean {
  const missing = tools.map((tool) => PREFIX + tool).filter((tool) => !hasTool(tool));
  if (missing.length > 0) console.log(`skipped: ${missing.join(', ')} not installed`);
  return missing.length === 0;
}

/** Runs a program of the toolchain and returns its standard output. */
export const gnu = (tool: string, ...args: string[]): string =>
  execFileSync(PREFIX + tool, args, { encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 26 });

/** Runs `body` with a scratch directory that is gone afterwards. */
export function withScratch<T>(body: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'printkit-test-'));
  try {
    return body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Assembles and links .text at `base` with GNU as and ld, without compression and relaxation. */
export function gnuAssemble(source: string, base: number): Uint8Array {
  return withScratch((directory) => {
    const path = (name: string) => join(directory, name);
    const text = `.option norelax\n.option norvc\n.globl _start\n${source}\n`;
    writeFileSync(
      path('in.s'),
      text.replaceAll(/^(.*\bc\..*)$/gm, '.option rvc\n$1\n.option norvc'),
    );
    gnu(
      'as',
      '-march=rv32imac_zicsr_zifencei_zihintpause',
      '-mabi=ilp32',
      '-o',
      path('o'),
      path('in.s'),
    );
    const place = `-Ttext=0x${base.toString(16)}`;
    gnu('ld', '-m', 'elf32lriscv', '--no-relax', '-e', '0', place, '-o', path('elf'), path('o'));
    gnu('objcopy', '-O', 'binary', '-j', '.text', path('elf'), path('bin'));
    return new Uint8Array(readFileSync(path('bin')));
  });
}
