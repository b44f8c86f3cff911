// The workload's NMI phase under the store with a lock (class 5): a CPU that waits for logbuf_lock has its
// place in the queue; an NMI that prints there queues behind it, and neither will ever have the lock.
// Which emitters it happens to is a matter of how much CPUs wait for each other; that it does not depend on
// the host makes it the same in every run.

import { beforeAll, describe, expect, it } from 'vitest';
import { EMITTERS, pairNamed } from '../../src/compare/designs.ts';
import { measureDesign } from '../../src/compare/measure.ts';
import type { DesignResult } from '../../src/compare/result.ts';
import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { buildImage } from '../firmware/console.ts';

const WAITS = ['spin_lock', 'logbuf_begin', 'vprintk_store', 'vprintk_emit'];
const SAYS = ['workload_message', 'workload_say'];

let measure: (pair: string) => DesignResult;
beforeAll(async () => {
  const elf = readElf(await buildImage());
  const symbolizer = new Symbolizer(elf);
  measure = (pair) => measureDesign(elf, symbolizer, pairNamed(pair));
});

describe('logbuf, while NMIs print', () => {
  it.each(EMITTERS.filter((emit) => emit !== 'direct'))('hangs with %s', (emit) => {
    const { ending, phase, stuck } = measure(`logbuf+${emit}`);
    expect({ ending, phase }).toEqual({ ending: 'hang', phase: 'NMI' });
    // Nobody has the lock: it is the turn of one that has been interrupted.
    for (const hart of stuck) expect(hart).toMatchObject({ lock: 'logbuf_lock', owner: undefined });
    // An NMI may also wait where it has interrupted something else, for that one.
    const behindThemselves = stuck.map(({ trace }) => trace.slice(0, 14));
    expect(behindThemselves).toContainEqual([
      ...[...WAITS, ...SAYS, 'nmi_message', 'do_nmi', 'nmi_entry'],
      ...[...WAITS, 'workload_message'],
    ]);
  });

  it('gets through with direct, where CPUs hardly meet at the lock: it loses what NMIs say inside printk()', () => {
    const { ending, lost } = measure('logbuf+direct');
    expect(ending).toBe('done');
    expect(lost.recursion).toBeGreaterThan(0);
  });
});

it('safe, the cure, gets through and takes nothing for recursion', () => {
  const { ending, lost } = measure('safe+handover');
  expect({ ending, recursion: lost.recursion }).toEqual({ ending: 'done', recursion: 0 });
});
