// Runs an image on our machine, and on deliberately broken ones: the fuzzer's own test.

import { Machine } from '../../src/machine/machine.ts';
import { RAM_BASE, RAM_BYTES, readOutcomes, type Image, type Outcome } from './image.ts';

/** More than any sequence takes, harness included. */
const INSTRUCTIONS_PER_SEQUENCE = 20_000;
const NS_PER_INSTRUCTION = 10;

/**
 * A way to be wrong: the instruction words it applies to, and what it does to the destination
 * register's value.
 */
export interface Mutation {
  readonly mask: number;
  readonly match: number;
  damage(value: number): number;
}

/** Wrongs that the fuzzer has to find, by name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'sltu gives the opposite': { mask: 0xfe00707f, match: 0x00003033, damage: (value) => value ^ 1 },
  'mulhsu is off by one': { mask: 0xfe00707f, match: 0x02002033, damage: (value) => value + 1 },
  'lb does not sign-extend': {
    mask: 0x0000707f,
    match: 0x00000003,
    damage: (value) => value & 0xff,
  },
  'amomax.w returns 0': { mask: 0xf800707f, match: 0xa000202f, damage: () => 0 },
};

/** Applies a mutation from the outside: it corrects each affected result one instruction later. */
function sabotage(machine: Machine, mutation: Mutation): void {
  let damaged = 0; // destination of the affected instruction that was just executed
  let from = 0;
  machine.trace = (hart) => {
    if (damaged !== 0 && hart.pc === from + 4) hart.x[damaged] = mutation.damage(hart.x[damaged]);
    damaged = 0;
    const pc = hart.pc >>> 0;
    // The harness itself, below the descriptors, stays whole.
    if (pc < RAM_BASE + 0x10000 || pc > RAM_BASE + RAM_BYTES - 4) return;
    const bytes = machine.readMemory(pc, 4);
    const word = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24);
    if ((word & mutation.mask) >>> 0 !== mutation.match >>> 0) return;
    damaged = (word >>> 7) & 31;
    from = pc;
  };
}

/** How the machine is driven: none of these may change what a guest does. */
export interface Drive {
  /** Give the machine a time limit every few instructions, in ever-changing portions. */
  readonly sliced?: boolean;
  /** Have every instruction traced, which makes the machine execute one at a time. */
  readonly traced?: boolean;
  /** More harts on the board, which the harness puts to sleep. Default 1 in all. */
  readonly harts?: number;
  /** When loops are compiled; see MachineOptions. */
  readonly compile?: 'hot' | 'always' | 'never';
  /** Length of a round: with short ones, budgets end in the middle of everything. */
  readonly roundNs?: number;
  readonly mutation?: Mutation;
}

/** The ways to drive the machine that are compared with QEMU. */
export const DRIVES: Readonly<Record<string, Drive>> = {
  plain: {},
  interpreted: { compile: 'never' },
  compiled: { compile: 'always', roundNs: 700 },
  compiledShort: { compile: 'always', roundNs: 130 },
  traced: { traced: true },
};

/** Runs all of an image's sequences; those that were not reached are marked incomplete. */
export function runMachine(image: Image, drive: Drive = {}): Outcome[] {
  const machine = new Machine({
    harts: drive.harts ?? 1,
    memoryBytes: RAM_BYTES,
    nsPerInstruction: NS_PER_INSTRUCTION,
    ...(drive.roundNs ? { roundNs: drive.roundNs } : {}),
    ...(drive.compile ? { compile: drive.compile } : {}),
  });
  const bytes = image.bytes.subarray(0, image.resultAddress - RAM_BASE);
  machine.load({
    entry: RAM_BASE,
    segments: [{ address: RAM_BASE, bytes, memoryBytes: bytes.length }],
  });
  machine.reset();
  if (drive.mutation) sabotage(machine, drive.mutation);
  else if (drive.traced) machine.trace = () => undefined;
  const limit = INSTRUCTIONS_PER_SEQUENCE * (image.sequences.length + 1);
  if (drive.sliced) {
    const end = limit * NS_PER_INSTRUCTION;
    let portion = 1;
    while (machine.now < end) {
      portion = (portion * 7 + 3) % 61;
      const stop = machine.run(machine.now + (1 + portion) * NS_PER_INSTRUCTION);
      if (stop.kind !== 'time') break;
    }
  } else {
    machine.run(Number.MAX_SAFE_INTEGER, { maxInstructions: limit });
  }
  return readOutcomes(image, machine.readMemory(image.resultAddress, image.resultBytes));
}
