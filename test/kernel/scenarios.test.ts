// The deadlock scenarios: with the far end's event each hangs in the documented locks by the documented
// chain of calls, and without it each passes.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../firmware/console.ts';
import { runScenario, type ScenarioOptions } from './scenario-run.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

/** Calls of a chain, outermost first, that must stand in a trace in this order. */
function expectChain(trace: readonly string[] | undefined, chain: readonly string[]): void {
  const outermostFirst = [...(trace ?? [])].reverse();
  expect(outermostFirst.filter((name) => chain.includes(name))).toEqual(chain);
}

interface Wait {
  hart: number;
  /** Class of the lock that it spins for, and the hart that has it. */
  lock: string;
  owner: number;
  chain: string[];
}

interface Case {
  name: string;
  options: ScenarioOptions;
  waits: Wait[];
}

const FLOW = 'console=ttyS0,115200n8r';
const cases: Case[] = [
  {
    name: 'rq-wakeup',
    options: {
      bootargs: FLOW,
      script: 'uart0 scenario_ready cts off\nuart0 scenario_begin+1ms cts on',
    },
    waits: [
      {
        hart: 1,
        lock: 'rq->lock',
        owner: 1,
        chain: [],
      },
    ],
  },
  {
    name: 'rq-miwait',
    options: { bootargs: FLOW, script: 'uart0 scenario_begin+1ms dsr off' },
    waits: [{ hart: 1, lock: 'rq->lock', owner: 1, chain: [] }],
  },
  {
    name: 'rq-wakeup-abba',
    options: { script: 'uart0 scenario_begin+1ms dsr off' },
    waits: [],
  },
];

describe.each(cases)('$name', ({ name, options, waits }) => {
  it('hangs', () => {
    const result = runScenario(elf, name, options);
    console.log(
      JSON.stringify([...result.spinning], null, 1),
      result.text,
      result.begun,
      result.ended,
    );
    expect(result.begun).toBe(true);
    expect(result.ended).toBe(false);
    expect([...result.spinning.keys()].sort()).toEqual(waits.map(({ hart }) => hart));
    for (const { hart, lock, owner, chain } of waits) {
      const spinning = result.spinning.get(hart);
      expect(spinning).toMatchObject({ lock, owner });
      expectChain(spinning?.trace, chain);
    }
  });

  it('passes when the far end does nothing', () => {
    const { begun, ended, text } = runScenario(elf, name, { ...options, script: '' });
    console.log(text);
    expect({ begun, ended }).toEqual({ begun: true, ended: true });
    expect(text).toContain(`scenario ${name}: PASS\nrun: ${name}: passed\n`);
  });
});
