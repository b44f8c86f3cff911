// The guest's own tests, and what the shell shows of the scheduler, on machines of different size.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage, Console } from '../firmware/console.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 60_000);

const boot = (harts: number): Console => new Console(elf, { harts });

/** Results of a TAP text by name. */
function results(tap: string): Map<string, boolean> {
  const lines = [...tap.matchAll(/^(not )?ok \d+ - (.*)$/gm)];
  return new Map(lines.map(([, not, name]) => [name, not === undefined]));
}

describe('run selftest', () => {
  it.each([1, 2, 4, 8])('passes on %i harts', (harts) => {
    const tap = boot(harts).command('run selftest 1');
    const plan = /^1\.\.(\d+)$/m.exec(tap)?.[1];
    expect([...results(tap)].filter(([, ok]) => !ok)).toEqual([]);
    expect(results(tap).size).toBe(Number(plan));
    expect(tap).toMatch(/run: selftest: passed\n$/);
  });

  it('takes the same course twice', () => {
    const [first, second] = [boot(4), boot(4)].map((console) => {
      const text = console.command('run selftest 1');
      return { text, instret: console.machine.instret, now: console.machine.now };
    });
    expect(second).toEqual(first);
  });

  it('switches in under 600 instructions and wakes in under 400', () => {
    const tap = boot(2).command('run selftest 1');
    const cost = (what: string): number =>
      Number(new RegExp(`^# ${what}.*: (\\d+) instructions$`, 'm').exec(tap)?.[1]);
    expect(cost('schedule')).toBeGreaterThan(50);
    expect(cost('schedule')).toBeLessThan(600);
    expect(cost('try_to_wake_up')).toBeGreaterThan(50);
    expect(cost('try_to_wake_up')).toBeLessThan(400);
  });
});

describe('stress', () => {
  it('loses nothing, and does the same twice', () => {
    const runs = [boot(4), boot(4)].map((console) => console.command('stress 10 1'));
    expect(runs[0]).toMatch(/^stress: 10 threads, (\d+) rounds, spin \1, mutex \1, work \1\n/);
    expect(runs[0]).toMatch(/stress: ok\n$/);
    expect(runs[1]).toBe(runs[0]);
  });
});
