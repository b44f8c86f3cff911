// Runs an image on QEMU's virt board. RAM is a shared file: the image is in it before QEMU starts
// and the results are in it after QEMU has powered off, so no protocol is needed in between.

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RAM_BASE, RAM_BYTES, readOutcomes, type Image, type Outcome } from './image.ts';

/** The oracle's program. */
export const QEMU = 'qemu-system-riscv32';

/** RV32IMAC with M-mode only: what both sides implement. */
export const QEMU_CPU = [
  'rv32',
  ...['f', 'd', 's', 'u', 'h', 'sstc', 'zba', 'zbb', 'zbc', 'zbs'].map(
    (extension) => `${extension}=off`,
  ),
].join(',');

/** True if QEMU is installed. */
export function qemuPresent(): boolean {
  return spawnSync(QEMU, ['--version'], { timeout: 10_000 }).status === 0;
}

/** True for the release that docs/isa.md describes: later ones have fewer differences. */
export function isQemu72(): boolean {
  const { stdout } = spawnSync(QEMU, ['--version'], { timeout: 10_000, encoding: 'utf8' });
  return stdout.includes('version 7.2');
}

/** Runs all of an image's sequences. @throws Error when QEMU did not reach the end. */
export function runQemu(image: Image, timeoutMs = 120_000): Outcome[] {
  const folder = mkdtempSync(join(tmpdir(), 'printkit-fuzz-'));
  try {
    const path = join(folder, 'ram');
    const file = openSync(path, 'w+');
    try {
      writeSync(file, image.bytes);
      ftruncateSync(file, RAM_BYTES);
      const child = spawnSync(
        QEMU,
        [
          '-machine',
          'virt,memory-backend=ram',
          '-object',
          `memory-backend-file,id=ram,size=${RAM_BYTES},mem-path=${path},share=on`,
          ...['-m', `${RAM_BYTES >> 20}M`, '-cpu', QEMU_CPU, '-bios', 'none'],
          // With a second hart (asleep) QEMU makes atomics from host atomics, as it does for real guests.
          ...['-smp', '2'],
          ...['-display', 'none', '-serial', 'none', '-monitor', 'none', '-nodefaults'],
        ],
        { timeout: timeoutMs, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'] },
      );
      if (child.status !== 0 && child.signal === null) {
        throw new Error(`${QEMU} ended with ${String(child.status)}: ${child.stderr.toString()}`);
      }
      const results = new Uint8Array(image.resultBytes);
      readSync(file, results, 0, image.resultBytes, image.resultAddress - RAM_BASE);
      const outcomes = readOutcomes(image, results);
      const stopped = outcomes.findIndex((outcome) => !outcome.complete);
      if (stopped >= 0) {
        const name = image.sequences[stopped].sequence.name;
        throw new Error(
          `${QEMU} (${child.signal ?? 'exited'}) never finished "${name}": ${child.stderr.toString()}`,
        );
      }
      return outcomes;
    } finally {
      closeSync(file);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
