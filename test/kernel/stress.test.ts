// Everything at once on four harts: ten threads that lock, sleep, wake, migrate and queue works. Fifteen
// seconds of virtual time here; a whole minute is in `npm run bench -- kernel`.

import { beforeAll, expect, it } from 'vitest';
import { buildImage } from '../firmware/console.ts';
import { stress, type StressRun } from './costs.ts';

const SECONDS = 15;

let runs: StressRun[];
beforeAll(async () => {
  const elf = await buildImage();
  runs = [stress(elf, SECONDS), stress(elf, SECONDS)];
}, 300_000);

it('ends with every round counted under every lock: no update and no wakeup is lost', () => {
  const { output } = runs[0];
  expect(output).toMatch(/^stress: 10 threads, (\d+) rounds, spin \1, mutex \1, work \1\n/);
  expect(output).toMatch(/stress: ok\n$/);
  expect(Number(/(\d+) rounds/.exec(output)?.[1])).toBeGreaterThan(1000 * SECONDS);
});

it('gives no watchdog a reason to bark', () => {
  expect(runs[0].bytes).not.toMatch(/watchdog: |INFO: task|BUG|WARN/);
});

it('uses all harts', () => {
  for (const instret of runs[0].instret) expect(instret).toBeGreaterThan(1_000_000 * SECONDS);
});

it('does the same twice, to the byte and to the instruction of each hart', () => {
  expect(runs[1]).toEqual(runs[0]);
});
