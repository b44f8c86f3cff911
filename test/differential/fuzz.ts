// The differential fuzzer: generate, run on both machines, compare, shrink what differs, report.

import { compare, trapText, type Difference } from './compare.ts';
import { generate } from './generator.ts';
import { buildImage, type Image, type Outcome } from './image.ts';
import { runMachine } from './machine-runner.ts';
import { runQemu } from './qemu.ts';
import type { Sequence } from './sequence.ts';
import { shrink, type Judge } from './shrink.ts';

/** Runs an image and tells the state in which each sequence ended. */
export type Runner = (image: Image) => Outcome[];

export interface FuzzOptions {
  readonly sequences: number;
  readonly seed: number;
  /** Index of the first sequence: `--first 123 --sequences 1` repeats one. */
  readonly first?: number;
  /** Sequences per image. */
  readonly batch?: number;
  /** Differing sequences that are shrunk and reported; further ones are counted. */
  readonly reportsMax?: number;
  readonly oracle?: Runner;
  readonly machine?: Runner;
  readonly progress?: (done: number) => void;
}

export interface FuzzResult {
  readonly sequences: number;
  /** Number of differing sequences. */
  readonly differing: number;
  /** One text for each that was shrunk. */
  readonly reports: readonly string[];
  /** Occurrences of known differences. */
  readonly known: ReadonlyMap<string, number>;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

/** The sequence as code, where it started from, and where each side ended. */
function report(
  original: Sequence,
  seen: readonly Difference[],
  sequence: Sequence,
  oracle: Runner,
  machine: Runner,
): string {
  const image = buildImage([sequence]);
  const [qemu] = oracle(image);
  const [ours] = machine(image);
  const alone = compare(image, [qemu], [ours]).differing.get(0);
  const placed = image.sequences[0];
  const initial = sequence.registers
    .map((value, r) => (r > 0 && value !== 0 ? `x${r}=${hex(value)}` : ''))
    .filter((text) => text !== '');
  const changed = [...Array(32).keys()].filter(
    (r) =>
      r > 0 &&
      (qemu.registers[r] !== sequence.registers[r] >>> 0 ||
        ours.registers[r] !== sequence.registers[r] >>> 0),
  );
  const state = (outcome: Outcome): string =>
    changed.map((r) => `x${r}=${hex(outcome.registers[r])}`).join(' ');
  const traps = (outcome: Outcome): string =>
    outcome.traps.map((trap) => `\n    trap ${trapText(trap)}`).join('');
  return [
    `${original.name}: ${original.units.length} units, shrunk to ${sequence.units.length}`,
    `  initial ${initial.join(' ') || 'all 0'}` + (sequence.softwareInterrupt ? ' msip=1' : ''),
    ...placed.code.map(({ address, code }) => {
      const digits = code.word.toString(16).padStart(2 * code.size, '0');
      return `  ${address.toString(16)}  ${digits.padEnd(8)}  ${code.text}`;
    }),
    ...(alone ? [] : ['  does not differ by itself, only after those before it in its batch:']),
    ...(alone ?? seen).map((difference) => `  ${difference.text}`),
    `  changed registers, QEMU     ${state(qemu)}${traps(qemu)}`,
    `  changed registers, printkit ${state(ours)}${traps(ours)}`,
  ].join('\n');
}

/** Runs `options.sequences` random sequences of a seed on both machines. */
export function fuzz(options: FuzzOptions): FuzzResult {
  const oracle = options.oracle ?? runQemu;
  const machine = options.machine ?? ((image: Image) => runMachine(image));
  const batch = options.batch ?? 4000;
  const reportsMax = options.reportsMax ?? 3;
  const first = options.first ?? 0;
  const end = first + options.sequences;
  const judge: Judge = (sequences) => {
    // One image each time our machine got stuck: what came after it has not been run.
    const verdicts: (readonly Difference[])[] = [];
    while (verdicts.length < sequences.length) {
      const image = buildImage(sequences.slice(verdicts.length));
      const ours = machine(image);
      const { differing } = compare(image, oracle(image), ours);
      const stuck = ours.findIndex((outcome) => !outcome.complete);
      const ran = stuck < 0 ? ours.length : stuck + 1;
      for (let index = 0; index < ran; index++) verdicts.push(differing.get(index) ?? []);
    }
    return verdicts;
  };

  const reports: string[] = [];
  const known = new Map<string, number>();
  let differing = 0;
  for (let start = first; start < end; start += batch) {
    const count = Math.min(batch, end - start);
    const sequences = Array.from({ length: count }, (_, i) => generate(options.seed, start + i));
    const image = buildImage(sequences);
    const comparison = compare(image, oracle(image), machine(image));
    for (const [id, times] of comparison.known) known.set(id, (known.get(id) ?? 0) + times);
    for (const [index, seen] of comparison.differing) {
      differing++;
      if (reports.length >= reportsMax) continue;
      const small = shrink(sequences[index], judge);
      reports.push(report(sequences[index], seen, small, oracle, machine));
    }
    options.progress?.(start + count - first);
  }
  return { sequences: options.sequences, differing, reports, known };
}
