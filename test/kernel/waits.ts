// What the tests of scenarios say about harts that wait for ever: for which lock, who has it, by which calls.

import { expect } from 'vitest';
import type { StuckHart } from '../../src/compare/stuck.ts';

export interface Wait {
  readonly hart: number;
  /** Class of the lock that it spins for, and the hart that has it; nothing if it is no lock. */
  readonly lock?: string;
  readonly owner?: number;
  /** Calls, outermost first, that must stand in the trace in this order. */
  readonly chain: readonly string[];
}

/** These harts hang, in this way, and no others. */
export function expectWaits(stuck: readonly StuckHart[], waits: readonly Wait[]): void {
  expect(stuck.map(({ hart }) => hart)).toEqual(waits.map(({ hart }) => hart));
  for (const { hart, lock, owner, chain } of waits) {
    const spinning = stuck.find((each) => each.hart === hart);
    expect({ lock: spinning?.lock, owner: spinning?.owner }).toEqual({ lock, owner });
    const outermostFirst = [...(spinning?.trace ?? [])].reverse();
    expect(outermostFirst.filter((name) => chain.includes(name))).toEqual(chain);
  }
}
