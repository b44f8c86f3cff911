// Compares the final states that two machines reached on the same image.

import {
  TRAPS_MAX,
  WINDOW,
  WINDOW_WORDS,
  type Image,
  type Outcome,
  type PlacedSequence,
  type Trap,
} from './image.ts';
import { KNOWN_TRAP_DIFFERENCES } from './known-differences.ts';

/** One point in which two outcomes differ. */
export interface Difference {
  /** What kind of state it is in: a shrunk sequence must differ in the same kind. */
  readonly kind: 'end' | 'register' | 'memory' | 'trap' | 'csr';
  readonly text: string;
}

/** Differences of all sequences of an image, by index, and how often a known one occurred. */
export interface Comparison {
  readonly differing: ReadonlyMap<number, readonly Difference[]>;
  readonly known: ReadonlyMap<string, number>;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

/** One line: what a trap was. */
export const trapText = (trap: Trap): string =>
  `cause ${hex(trap.cause)} epc ${hex(trap.epc)} tval ${hex(trap.tval)}`;

function compareTraps(
  placed: PlacedSequence,
  qemu: Outcome,
  ours: Outcome,
  known: Map<string, number>,
): Difference[] {
  const differences: Difference[] = [];
  const count = Math.max(qemu.traps.length, ours.traps.length);
  for (let i = 0; i < count; i++) {
    const left = qemu.traps.at(i);
    const right = ours.traps.at(i);
    if (left && right) {
      const same = left.cause === right.cause && left.epc === right.epc && left.tval === right.tval;
      if (same) continue;
      const code = placed.code.find((entry) => entry.address === left.epc)?.code;
      const pair = { code, qemu: left, ours: right };
      const reason = KNOWN_TRAP_DIFFERENCES.find((entry) => entry.matches(pair));
      if (reason) {
        known.set(reason.id, (known.get(reason.id) ?? 0) + 1);
        continue;
      }
    }
    const text = (trap: Trap | undefined): string => (trap ? trapText(trap) : 'none');
    differences.push({
      kind: 'trap',
      text: `trap ${i + 1} of at most ${TRAPS_MAX}: QEMU ${text(left)}, printkit ${text(right)}`,
    });
    break; // what follows a first wrong trap says nothing
  }
  return differences;
}

function compareOne(
  placed: PlacedSequence,
  qemu: Outcome,
  ours: Outcome,
  known: Map<string, number>,
): Difference[] {
  if (!ours.complete) return [{ kind: 'end', text: 'printkit never finished this sequence' }];
  const differences = compareTraps(placed, qemu, ours, known);
  const check = (kind: Difference['kind'], what: string, left: number, right: number): void => {
    if (left === right) return;
    differences.push({ kind, text: `${what}: QEMU ${hex(left)}, printkit ${hex(right)}` });
  };
  for (let r = 1; r < 32; r++) check('register', `x${r}`, qemu.registers[r], ours.registers[r]);
  for (let w = 0; w < WINDOW_WORDS; w++) {
    check('memory', `memory at ${hex(WINDOW + 4 * w)}`, qemu.window[w], ours.window[w]);
  }
  check('csr', 'mstatus', qemu.mstatus, ours.mstatus);
  check('csr', 'mie', qemu.mie, ours.mie);
  check('csr', 'mscratch', qemu.mscratch, ours.mscratch);
  return differences;
}

/** Compares all outcomes; sequences after one that our machine never finished are left out. */
export function compare(
  image: Image,
  qemu: readonly Outcome[],
  ours: readonly Outcome[],
): Comparison {
  const differing = new Map<number, readonly Difference[]>();
  const known = new Map<string, number>();
  for (const [index, placed] of image.sequences.entries()) {
    const differences = compareOne(placed, qemu[index], ours[index], known);
    if (differences.length > 0) differing.set(index, differences);
    if (!ours[index].complete) break;
  }
  return { differing, known };
}
