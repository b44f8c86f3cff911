// An idle CPU stops its tick, which lazy irq_work waits for. An NMI may queue some at any instruction on the
// way to sleep: it has to be done soon, and not at the tick that does not come any more.

import { beforeAll, expect, it } from 'vitest';
import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { buildImage } from '../firmware/console.ts';
import { boot } from '../printk/guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const MS = 1_000_000;
/** More than the idle loop has from its look for work to wfi. */
const LAST = 300;
/** Two ticks, and the time of some characters. */
const SOON_NS = 25 * MS;

it('what an NMI leaves to an interrupt is done soon, wherever it came on the way to sleep', () => {
  // `handover` prints in no NMI: it queues lazy irq_work.
  const console = boot(elf, 'printk.store=lockless printk.emit=handover nowatchdog', 1);
  const { machine } = console;
  const [hart] = machine.harts;
  console.type('x');
  const interrupt = new Symbolizer(readElf(elf)).address('serial8250_interrupt');
  machine.runTo(new Set([interrupt]), machine.now + 10 * MS);
  const awake = machine.mark();
  let steps = 0;
  while (machine.step(hart)) steps++;
  expect(steps).toBeGreaterThan(LAST);

  machine.rewind(awake);
  for (let left = steps; left > LAST; left--) machine.step(hart);
  const late: string[] = [];
  for (let left = LAST; left >= 0; left--) {
    const mark = machine.mark();
    machine.raiseNmi(0, 7);
    const before = console.line.transmitted.length;
    machine.run(machine.now + SOON_NS);
    const sent = console.line.transmitted.slice(before).map(({ byte }) => byte);
    const text = String.fromCharCode(...sent);
    if (!text.includes('NMI received')) late.push(`${left} instructions before it sleeps: ${text}`);
    machine.rewind(mark);
    machine.release(mark);
    machine.step(hart);
  }
  expect(late).toEqual([]);
});
