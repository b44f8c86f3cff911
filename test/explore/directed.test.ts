// The strategy that goes for what a warning about locks predicts: whom it holds up, and whom it lets in.

import { describe, expect, it } from 'vitest';
import type { LockWarning } from '../../src/explore/lock-order.ts';
import type { Agent, LockHints } from '../../src/explore/model.ts';
import { SeededRng } from '../../src/explore/rng.ts';
import { directed } from '../../src/explore/strategies.ts';

const AGENTS: readonly Agent[] = [
  { id: 0, kind: 'hart', hart: 0, name: 'hart 0', injected: false },
  { id: 1, kind: 'hart', hart: 1, name: 'hart 1', injected: false },
  { id: 2, kind: 'nmi', hart: 0, name: 'NMI at hart 0', injected: true },
  { id: 3, kind: 'nmi', hart: 1, name: 'NMI at hart 1', injected: true },
];
const WARNING: LockWarning = {
  ...{ kind: 'inversion', classes: ['a', 'b'], at: 'f', thread: 'hart 0 task', chain: [] },
};

/** Hart 0 has lock a, hart 1 another one. */
function chosen(agents: readonly number[], warning: LockWarning = WARNING): number {
  const locks: LockHints = {
    order: { warnings: [warning] },
    classesOf: (hart) => (hart === 0 ? ['a'] : ['other']),
  };
  const measured = { steps: 10, stepsOf: [5, 5, 0, 0] };
  const dueTime = (agent: number): number => (agent === 0 ? 0 : 1e6);
  return directed(AGENTS, new SeededRng(1), measured, () => [], dueTime, locks).choose(agents);
}

describe('directed', () => {
  it('holds up who has a lock of the warning, as long as somebody else can act', () => {
    expect(chosen([0, 1])).toBe(1);
    expect(chosen([0])).toBe(0);
  });

  it('lets an NMI in where the lock is, and only there', () => {
    expect(chosen([0, 1, 2, 3])).toBe(2);
    expect(chosen([0, 1, 3])).toBe(1);
  });

  it('looks at warnings that predict something', () => {
    const seen = { ...WARNING, kind: 'unbalanced release' } as const;
    const counts = Array.from({ length: 5 }, () => chosen([0, 1], seen));
    expect(counts).toContain(0);
  });
});
