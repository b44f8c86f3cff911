// Hashes of traces tell executions apart exactly as vector clocks do, and going back leaves nothing behind.

import { describe, expect, it } from 'vitest';
import { Execution } from '../../src/explore/happens-before.ts';
import type { Agent, Step } from '../../src/explore/model.ts';
import { SeededRng } from '../../src/explore/rng.ts';
import { Trace } from '../../src/explore/trace.ts';

/** Two harts, an interrupt of the first one, and a device. */
const AGENTS: readonly Agent[] = [
  { id: 0, kind: 'hart', hart: 0, name: 'hart 0', injected: false },
  { id: 1, kind: 'hart', hart: 1, name: 'hart 1', injected: false },
  { id: 2, kind: 'irq', hart: 0, name: 'interrupt at hart 0', injected: true },
  { id: 3, kind: 'device', hart: undefined, name: 'device', injected: false },
];
const IRQ = 2;
const STEPS = 5;
const EXECUTIONS = 4000;

/** A random execution: few bytes, so that there are conflicts, and an interrupt now and then. */
function randomSteps(rng: SeededRng): Step[] {
  let depth = 0;
  return Array.from({ length: STEPS }, (): Step => {
    let agent = rng.below(AGENTS.length);
    if (agent === IRQ && depth > 0) agent = 0;
    const isEntry = agent === IRQ;
    const leaves = agent === 0 && depth === 1 && rng.below(2) === 0;
    const before = AGENTS[agent].hart === 0 ? depth : 0;
    if (isEntry) depth = 1;
    else if (leaves) depth = 0;
    return {
      agent,
      depth: isEntry ? 1 : before,
      depthAfter: AGENTS[agent].hart === 0 ? depth : 0,
      pc: 0,
      accesses: [
        {
          address: rng.below(3),
          bytes: rng.below(2) + 1,
          kind: rng.below(2) === 0 ? 'read' : 'write',
        },
      ],
    };
  });
}

function keyOf(steps: readonly Step[]): string {
  const trace = new Trace(AGENTS);
  for (const step of steps) trace.push(step);
  return trace.key();
}

function clocksOf(steps: readonly Step[]): string {
  const execution = new Execution(AGENTS, 'whole');
  for (const step of steps) execution.push(step, []);
  return execution.traceKey();
}

describe('a trace', () => {
  it('is that of vector clocks, for executions of the same steps in another order', () => {
    const rng = new SeededRng(1);
    let equal = 0;
    for (let n = 0; n < EXECUTIONS; n++) {
      const steps = randomSteps(rng);
      // Two neighbours on different harts change places: equivalent if they do not conflict.
      const at = rng.below(STEPS - 1);
      const swapped = [...steps];
      [swapped[at], swapped[at + 1]] = [steps[at + 1], steps[at]];
      if (AGENTS[steps[at].agent].hart === AGENTS[steps[at + 1].agent].hart) continue;
      const isSame = clocksOf(steps) === clocksOf(swapped);
      expect(keyOf(steps) === keyOf(swapped)).toBe(isSame);
      if (isSame) equal++;
    }
    expect(equal).toBeGreaterThan(EXECUTIONS / 10);
    expect(equal).toBeLessThan((EXECUTIONS * 9) / 10);
  });

  it('is what it was after steps that were taken back', () => {
    const rng = new SeededRng(2);
    for (let n = 0; n < 500; n++) {
      const steps = randomSteps(rng);
      const kept = rng.below(STEPS);
      const trace = new Trace(AGENTS);
      for (const step of steps) trace.push(step);
      while (trace.length > kept) trace.pop();
      expect(trace.key()).toBe(keyOf(steps.slice(0, kept)));
      expect(trace.schedule).toEqual(steps.slice(0, kept).map(({ agent }) => agent));
      for (const step of steps.slice(kept)) trace.push(step);
      expect(trace.key()).toBe(keyOf(steps));
    }
  });
});
