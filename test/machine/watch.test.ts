// Watched addresses: told each time that a hart comes there, with its state up to date, however the
// code around it is executed, and without a difference to the guest.

import { describe, expect, it } from 'vitest';
import type { MachineOptions } from '../../src/machine/machine.ts';
import { guest } from './guest.ts';

/** A loop of 3000 turns with a call in it; `middle` stands inside of a straight run of instructions. */
const SOURCE = `
    la sp, stack
    li s0, 3000
    li a1, 0
  loop:
    addi a1, a1, 1
    addi a2, a2, 2
  middle:
    addi a3, a3, 3
    xor a4, a4, a3
    call leaf
    addi s0, s0, -1
    bnez s0, loop
    exit 0
  leaf:
    add a5, a5, a1
  leaf_ret:
    ret
    .space 64
  stack:
`;

const MODES: MachineOptions[] = [{ compile: 'never' }, { compile: 'hot' }, { compile: 'always' }];

function outcome(
  options: MachineOptions,
  watched: readonly string[],
  slice = Infinity,
): { registers: number[]; instret: number; now: number; seen: number[][] } {
  const run = guest(SOURCE, options);
  const seen: number[][] = watched.map(() => []);
  watched.forEach((symbol, i) =>
    run.machine.watch(run.at(symbol), (hart) => seen[i].push(hart.x[11])),
  );
  while (run.machine.run(20_000_000, { maxInstructions: slice }).kind === 'limit');
  const [hart] = run.machine.harts;
  return { registers: [...hart.x], instret: hart.instret, now: run.machine.now, seen };
}

describe.each(MODES)('compile: $compile', (options) => {
  it('tells about every time, with the registers of that moment', () => {
    const { seen } = outcome(options, ['middle', 'leaf', 'leaf_ret']);
    const turns = Array.from({ length: 3000 }, (_, i) => i + 1);
    expect(seen).toEqual([turns, turns, turns]);
  });

  it('makes no difference to the guest', () => {
    const { registers, instret, now } = outcome(options, []);
    expect(outcome(options, ['loop', 'middle', 'leaf_ret'])).toMatchObject({
      registers,
      instret,
      now,
    });
  });

  it('tells once per execution when the budget ends right there', () => {
    const { seen } = outcome(options, ['middle', 'leaf'], 1);
    expect(seen.map(({ length }) => length)).toEqual([3000, 3000]);
  });
});

describe('watching', () => {
  it('knows instret and local time to the instruction', () => {
    const run = guest(SOURCE);
    let at: { instret: number; localNs: number } | undefined;
    run.machine.watch(run.at('middle'), ({ instret, localNs }) => (at ??= { instret, localNs }));
    run.run();
    // la, two li (one or two instructions each) and two of the loop.
    const before = (run.at('middle') - run.at('loop')) / 4 + 2;
    expect(at?.localNs).toBe((at?.instret ?? 0) * 10);
    expect(at?.instret).toBeGreaterThanOrEqual(before);
    expect(at?.instret).toBeLessThanOrEqual(before + 4);
  });

  it('can begin and end while the guest runs', () => {
    const run = guest(SOURCE, { compile: 'always' });
    let leaf = 0;
    let middle = 0;
    const end = run.machine.watch(run.at('middle'), () => {
      if (++middle === 100) run.machine.watch(run.at('leaf'), () => leaf++);
      if (middle === 200) end();
    });
    run.run();
    expect({ middle, leaf }).toEqual({ middle: 200, leaf: 2901 });
  });

  it('tells all who watch the same address, until the last one ends', () => {
    const run = guest(SOURCE);
    const counts = [0, 0];
    const end = run.machine.watch(run.at('leaf'), () => counts[0]++);
    run.machine.watch(run.at('leaf'), () => {
      if (++counts[1] === 10) end();
    });
    run.run();
    expect(counts).toEqual([10, 3000]);
  });

  it('works under the trace hook', () => {
    const run = guest(SOURCE);
    let count = 0;
    run.machine.trace = () => undefined;
    run.machine.watch(run.at('leaf'), () => count++);
    run.run();
    expect(count).toBe(3000);
  });
});
