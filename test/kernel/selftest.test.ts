// The guest's own tests, and what the shell shows of the scheduler, on machines of different size.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage, Console } from '../firmware/console.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 300_000);

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

  it('passes when harts take turns after every 30 instructions', () => {
    const tap = new Console(elf, { harts: 4, roundNs: 300 }).command('run selftest 1');
    expect(tap).toMatch(/run: selftest: passed\n$/);
  });

  it('takes the same course twice', () => {
    const [first, second] = [boot(4), boot(4)].map((console) => {
      const text = console.command('run selftest 1');
      return { text, instret: console.machine.instret, now: console.machine.now };
    });
    expect(second).toEqual(first);
  });

  it('runs those whose names begin with a text, and says how many', () => {
    const tap = boot(1).command('run selftest 1 tty: l');
    expect(tap).toBe('TAP version 13\n1..1\nok 1 - tty: lines\nrun: selftest: passed\n');
  });

  it('says what is wrong with its arguments', () => {
    const console = boot(1);
    expect(console.command('run selftest x')).toContain('usage: run selftest');
    const tap = console.command('run selftest 1 nothing like this');
    expect(tap).toContain('# no test has a name that begins with nothing like this\n');
    expect(tap).toContain('run: selftest: FAILED');
  });
});

describe('wakeups', () => {
  // A lost one leaves both threads asleep for good.
  it('none is lost in a million rounds between two harts, and 100,000 on one', () => {
    const console = new Console(elf, { harts: 2 }, 60e9);
    expect(console.command('run selftest 1000 wait queue, two CPUs')).toMatch(/passed\n$/);
    expect(console.command('run selftest 100 wait queue, same CPU')).toMatch(/passed\n$/);
  }, 300_000);
});
