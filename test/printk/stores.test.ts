// The stores, each under the guest's own tests (firmware/selftest/printk*.ts): what becomes of messages
// in all contexts, with one CPU and with several writing at once, in a large and in a tiny buffer.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage, type Console } from '../firmware/console.ts';
import { pairNamed } from '../../src/compare/designs.ts';
import { Guests } from '../../src/compare/guests.ts';
import { runScenario } from '../../src/compare/scenario-run.ts';
import { readElf } from '../../src/debug/elf.ts';
import { STORES, boot, dmesg, pairArguments } from './guest.ts';

let elf: Uint8Array;
let guests: Guests;
beforeAll(async () => {
  elf = await buildImage();
  guests = new Guests(readElf(elf));
}, 120_000);

/** Runs the self tests whose names begin so. Returns those that failed, with their remarks. */
function failures(console: Console, tests = 'printk:'): string[] {
  const tap = console.command(`run selftest 1 ${tests}`);
  expect(tap).toMatch(/^ok \d+ - printk: /m);
  return tap.match(/^(#.*found.*|not ok .*)$/gm) ?? [];
}

const remark = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1]);

describe.each([...STORES, 'spill'])('%s', (store) => {
  it.each([1, 4])('keeps what it promises on %i harts', (harts) => {
    // An emitter that is safe in NMIs, so that they are part of the tests.
    expect(failures(boot(elf, pairArguments(store, 'deferred'), harts))).toEqual([]);
  });

  it('does so when whoever prints writes it out himself', () => {
    expect(failures(boot(elf, pairArguments(store, 'direct'), 2))).toEqual([]);
  });

  it('does so in a buffer of 1 KiB', () => {
    expect(failures(boot(elf, `${pairArguments(store, 'kthread')} log_buf_len=1K`))).toEqual([]);
  });
});

describe('an NMI that prints while its CPU reads the log', () => {
  // Class 5 of docs/scenarios.md: logbuf_lock AA. The emitter has no part in it.
  const nmiReader = (store: string) => {
    const run = runScenario(guests, pairNamed(`${store}+deferred`), 'nmi-reader');
    return { ended: run.ended, said: run.text.includes('nmi: message 12'), stuck: run.stuck };
  };

  it('hangs with logbuf, on the lock that its own CPU has', () => {
    const { ended, stuck } = nmiReader('logbuf');
    expect(ended).toBe(false);
    const waits = stuck.find(({ hart }) => hart === 1);
    expect(waits).toMatchObject({ lock: 'logbuf_lock', owner: 1 });
  });

  it.each(['safe', 'percpu', 'lockless', 'spill'])('is heard with %s', (store) => {
    expect(nmiReader(store)).toEqual({ ended: true, said: true, stuck: [] });
  });
});

describe('lockless', () => {
  it('stores 40 characters in under 1500 instructions', () => {
    const tap = boot(elf, 'printk.store=lockless', 1).command('run selftest 1 printk: cost');
    const cost = remark(tap, /^# storing 40 characters: (\d+) instructions$/m);
    expect(cost).toBeGreaterThan(300);
    expect(cost).toBeLessThan(1500);
  });

  it('gives each of four harts at least 0.7 of what one gets alone', () => {
    const tap = boot(elf, 'printk.store=lockless').command('run selftest 1 printk: throughput');
    expect(remark(tap, /^# throughput of a CPU when all 4 store: (\d+)%$/m)).toBeGreaterThan(70);
  });
});

describe('percpu', () => {
  it('keeps the oldest if it must not write over them', () => {
    const bootargs = `${pairArguments('percpu', 'deferred')} printk.percpu_overwrite=0`;
    expect(failures(boot(elf, bootargs), 'printk: a full')).toEqual([]);
  });

  it('makes do with two pages', () => {
    const bootargs = `${pairArguments('percpu', 'deferred')} printk.percpu_pages=2`;
    expect(failures(boot(elf, bootargs), 'printk: writers')).toEqual([]);
  });
});

describe('the choice of a store', () => {
  it('names what does not exist, and goes on with the preset', () => {
    const log = dmesg(boot(elf, 'printk.store=nosuch log_buf_len=3G', 1)).join('\n');
    expect(log).toContain('printk: unknown printk.store=nosuch, using logbuf');
    expect(log).toMatch(/log_buf_len=3G is not within 1024 to \d+, using 131072$/m);
  });

  it('takes that of the preset unless told otherwise', () => {
    const store = (bootargs: string): string =>
      /^store (\w+)/m.exec(boot(elf, bootargs, 1).command('printk'))?.[1] ?? '';
    expect(store('printk=nbcon')).toBe('lockless');
    expect(store('printk=nbcon printk.store=percpu')).toBe('percpu');
    expect(store('printk=safe-v3')).toBe('safe');
  });
});

describe('printk_delay=', () => {
  it('waits that long for each message', () => {
    const log = dmesg(boot(elf, 'printk_delay=5', 1));
    const stamps = log.map((line) => Number(/\[ *([\d.]+)\]/.exec(line)?.[1]));
    const apart = stamps.slice(4).map((stamp, i) => stamp - (stamps[i + 3] ?? 0));
    expect(Math.min(...apart)).toBeGreaterThan(0.005);
  });
});
