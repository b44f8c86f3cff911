// What the generator hands to the image builder: a sequence of units, each a few instructions that
// belong together, with branch targets given as unit numbers so that units can be removed.

import type { Code } from './encode.ts';

/** An instruction whose code may depend on where it ends up. */
export interface Item {
  readonly size: 2 | 4;
  /**
   * @param pc address of this instruction
   * @param addressOf address of a unit; one that was removed stands for the next that is there, and
   *   one past the last for the end of the sequence
   */
  make(pc: number, addressOf: (unit: number) => number): Code;
}

/** Instructions that are kept or removed together; branches from elsewhere enter at the first. */
export interface Unit {
  /** Position in the sequence as generated: what branch targets refer to. */
  readonly id: number;
  readonly kind: string;
  readonly items: readonly Item[];
}

/** One test case. */
export interface Sequence {
  /** What reproduces or names it, e.g. `seed 7 #123` or the name of a directed test. */
  readonly name: string;
  readonly units: readonly Unit[];
  /** Initial x1…x31 (index 0 unused). */
  readonly registers: readonly number[];
  /** Seed of the memory window's initial content. */
  readonly windowSeed: number;
  /** Whether this hart's msip bit is set while the sequence runs. */
  readonly softwareInterrupt: boolean;
  /** The code starts so many bytes before the end of a page; anywhere if not given. */
  readonly bytesToPageEnd?: number;
}

/** An item that is the same everywhere. */
export const fixed = (code: Code): Item => ({ size: code.size, make: () => code });

/** A sequence that runs straight through the given instructions, for directed tests. */
export function straight(
  name: string,
  code: readonly Code[],
  registers: Readonly<Record<number, number>> = {},
  softwareInterrupt = false,
): Sequence {
  const initial = Array.from({ length: 32 }, (_, i) => registers[i] ?? 0);
  const units = code.map((c, id) => ({ id, kind: 'directed', items: [fixed(c)] }));
  return { name, units, registers: initial, windowSeed: 1, softwareInterrupt };
}
