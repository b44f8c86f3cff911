// How results are shown: figures in three digits, a table of 120 columns, a page of its own.

import { describe, expect, it } from 'vitest';
import { comparisonPage } from '../../src/compare/html.ts';
import { quantiles } from '../../src/compare/quantiles.ts';
import type { DesignResult } from '../../src/compare/result.ts';
import { comparisonTable } from '../../src/compare/table.ts';
import { compact, duration } from '../../src/compare/text.ts';

const q = (p50: number, p99: number, max: number) => ({ count: 9, p50, p99, max });
const whereabouts = { said: 12, onWire: 7, inMemory: 4, nowhere: 1 };

const GOOD: DesignResult = {
  name: 'lockless+handover',
  bootargs: 'printk.store=lockless printk.emit=handover',
  ending: 'done',
  phase: undefined,
  stuck: [],
  virtualUs: 1e7,
  cost: { all: q(1234, 99_999, 11_600_000), task: q(1, 2, 3), irq: undefined, nmi: undefined },
  callUs: q(26, 18_475, 1_372_233),
  irqOffUs: q(1, 4645.53, 26_800),
  wireUs: q(374_762, 1_363_856, 1_392_359),
  leisureUs: q(4910, 5000, 6000),
  said: 12,
  lost: {
    memory: 4,
    'no room': 0,
    recursion: 2,
    suppressed: 0,
    overwritten: 57,
    unfinished: 0,
    garbled: 1,
  },
  repeated: 0,
  outOfStream: 0,
  outOfOrder: 0,
  recordsInMemory: 4,
  atCrash: whereabouts,
  atReset: whereabouts,
};

const HUNG: DesignResult = {
  ...GOOD,
  name: 'logbuf+direct',
  ending: 'hang',
  phase: 'NMI',
  stuck: [
    {
      hart: 2,
      lock: 'port_lock',
      owner: 2,
      trace: ['spin_lock', 'serial8250_console_write', 'console_unlock', 'a', 'b', 'c', 'd'],
    },
    { hart: 3, lock: undefined, owner: undefined, trace: ['<spin & wait>'] },
  ],
  cost: { all: undefined, task: undefined, irq: undefined, nmi: undefined },
  wireUs: undefined,
  outOfStream: 2,
  outOfOrder: 3,
  repeated: 5,
};

describe('figures', () => {
  it.each([
    [0, '0'],
    [954.4, '954'],
    [1000, '1.00k'],
    [9999, '10.0k'],
    [99_960, '100k'],
    [999_600, '1.00M'],
    [11_600_000, '11.6M'],
  ])('%d is %s', (value, text) => {
    expect(compact(value)).toBe(text);
  });

  it.each([
    [0.01, '0.01µs'],
    [26.04, '26.0µs'],
    [999.6, '1.00ms'],
    [18_475, '18.5ms'],
    [1_372_233, '1.37s'],
  ])('%d µs is %s', (value, text) => {
    expect(duration(value)).toBe(text);
  });

  it('quantiles are values that have occurred', () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect(quantiles(values)).toEqual({ count: 200, p50: 100, p99: 198, max: 200 });
    expect(quantiles([5])).toEqual({ count: 1, p50: 5, p99: 5, max: 5 });
    expect(quantiles([])).toBeUndefined();
  });
});

describe('the table', () => {
  const lines = comparisonTable([GOOD, HUNG]);

  it('has a row for each design, under its heads', () => {
    expect(lines.slice(0, 4)).toMatchInlineSnapshot(`
      [
        "                       instructions   call      irqs off   calm    until on the wire            at crash end",
        "design              p50   p99   max    max    p99    max    p50    p50    p99    max lost order wire mem mem result",
        "lockless+handover 1.23k  100k 11.6M  1.37s 4.65ms 26.8ms 4.91ms  375ms  1.36s  1.39s   60  kept    7   4   4 survives",
        "logbuf+direct         –     –     –  1.37s 4.65ms 26.8ms 4.91ms      –      –      –   60     3    7   4   4 HANGS",
      ]
    `);
  });

  it('fits 120 columns', () => {
    const [, heads, ...rows] = lines.slice(0, 4);
    expect(Math.max(heads.length, ...rows.map((row) => row.length))).toBeLessThanOrEqual(120);
  });

  it('comes in parts in a narrower terminal, each with the designs', () => {
    const [first, second, ...notes] = comparisonTable([GOOD, HUNG], 80).join('\n').split('\n\n');
    expect(first.split('\n')).toMatchInlineSnapshot(`
      [
        "                       instructions   call      irqs off   calm",
        "design              p50   p99   max    max    p99    max    p50",
        "lockless+handover 1.23k  100k 11.6M  1.37s 4.65ms 26.8ms 4.91ms",
        "logbuf+direct         –     –     –  1.37s 4.65ms 26.8ms 4.91ms",
      ]
    `);
    expect(second.split('\n')).toMatchInlineSnapshot(`
      [
        "                     until on the wire            at crash end",
        "design               p50    p99    max lost order wire mem mem result",
        "lockless+handover  375ms  1.36s  1.39s   60  kept    7   4   4 survives",
        "logbuf+direct          –      –      –   60     3    7   4   4 HANGS",
      ]
    `);
    expect(notes.join('\n')).toBe(lines.slice(5).join('\n').replaceAll('\n\n', '\n'));
  });

  it('says why messages are lost, and where a design hangs', () => {
    const notes = lines.slice(4);
    expect(notes).toContain('  lockless+handover: recursion 2, overwritten 57, garbled 1');
    expect(notes).toContain('  logbuf+direct: 5');
    expect(notes).toContain(
      '  logbuf+direct: 3 behind one that was said later, 2 of them of the same CPU and context',
    );
    expect(notes).toContain(
      '  logbuf+direct: hangs in phase NMI: hart 2 waiting for port_lock, held by hart 2: ' +
        'spin_lock ← serial8250_console_write ← console_unlock ← a ← b ← c ← …',
    );
    expect(notes).toContain('  logbuf+direct: hangs in phase NMI: hart 3 spinning: <spin & wait>');
  });
});

describe('the page', () => {
  const page = comparisonPage([GOOD, HUNG]);

  it('loads nothing from anywhere', () => {
    expect(page).not.toMatch(/(src|href)=|url\(|@import|<script|https?:/);
  });

  it('is well-formed: each element that is opened is closed', () => {
    const open: string[] = [];
    const alone = new Set(['meta', '!doctype']);
    for (const [, slash, name, rest] of page.matchAll(/<(\/?)([!a-z][a-z0-9]*)([^>]*)>/g)) {
      if (alone.has(name) || rest.endsWith('/')) continue;
      if (slash === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  it('shows every design in every chart that has its figures, and escapes names', () => {
    const charts = [...page.matchAll(/<svg.*?<\/svg>/gs)].map(([svg]) => svg);
    expect(charts).toHaveLength(7);
    for (const chart of charts) {
      expect(chart).toContain('lockless+handover');
      expect(chart).toContain('logbuf+direct');
    }
    expect(page).toContain('&#60;spin &#38; wait&#62;');
  });

  it('scrolls what is wide in a part of its own, so that it stays legible where there is little room', () => {
    const parts = [...page.matchAll(/(?:<div class="wide">)?<(?:svg|table)/g)];
    expect(parts).toHaveLength(8);
    for (const [part] of parts) expect(part).toContain('<div class="wide">');
  });

  it('can do without any figures', () => {
    expect(comparisonPage([])).toContain('</html>');
  });
});
