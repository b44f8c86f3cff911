// Where QEMU 7.2 and printkit differ for a reason that was looked into: each with what the
// specification says. Anything that is not in this table is a bug of one side. docs/isa.md has the
// same list in prose; a test holds the two together.

import type { Code } from './encode.ts';
import type { Trap } from './image.ts';

/** A pair of traps that differ, and the instruction that caused them. */
export interface TrapPair {
  readonly code: Code | undefined;
  readonly qemu: Trap;
  readonly ours: Trap;
}

export interface KnownDifference {
  readonly id: string;
  readonly reason: string;
  matches(pair: TrapPair): boolean;
}

const isAmo = (code: Code | undefined): boolean => code?.text.startsWith('amo') ?? false;

/** Differences in traps. Those in CSR values are in csr-differences.ts, number by number. */
export const KNOWN_TRAP_DIFFERENCES: readonly KnownDifference[] = [
  {
    id: 'ebreak-mtval',
    reason:
      'mtval after ebreak and c.ebreak: 0 on QEMU 7.2, the address of the instruction here. ' +
      'Privileged ISA 3.1.16 allows both.',
    matches: ({ qemu, ours }) =>
      qemu.cause === 3 &&
      ours.cause === 3 &&
      qemu.epc === ours.epc &&
      qemu.tval === 0 &&
      ours.tval === ours.epc,
  },
  {
    id: 'amo-access-fault',
    reason:
      'An AMO to an address where nothing is: QEMU reports the read half as a load access fault ' +
      '(5). Privileged ISA table 3.6 has cause 7, "Store/AMO access fault", for AMOs.',
    matches: ({ code, qemu, ours }) =>
      isAmo(code) &&
      qemu.cause === 5 &&
      ours.cause === 7 &&
      qemu.epc === ours.epc &&
      qemu.tval === ours.tval,
  },
];
