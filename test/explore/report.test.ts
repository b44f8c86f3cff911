// The report on a finding: the table with its lanes and folding, values, reasons and what would have
// helped, who waits for whom by context, and what each verdict is called.

import { describe, expect, it } from 'vitest';
import {
  endLines,
  lanesOf,
  reportText,
  storyTable,
  type Report,
} from '../../src/explore/report.ts';
import { tableRows } from '../../src/explore/rows.ts';
import type { StoryEnd, StoryStep } from '../../src/explore/story.ts';
import { cycleLine, waitCycle } from '../../src/explore/wait-cycle.ts';
import { abba, lockInHandler, lostWakeup } from './programs.ts';
import { give, report, step, take, waits } from './stories.ts';
import {
  deadlockThroughInterrupt,
  lastWords,
  neverSignalled,
  politeHarts,
  reportAlong,
  reportOn,
  waitsForHandler,
} from './reporting.ts';

const T0 = 'hart 0 task';
const T1 = 'hart 1 task';

const AB_BA = report(
  {
    steps: [
      step(T0, 'first'),
      take(T0, 'takes_a', 'a'),
      take(T1, 'takes_b', 'b'),
      step(T1, 'wants_a'),
      step(T0, 'wants_b'),
      step('time', 'timer of hart 2'),
    ],
    ends: [waits([T0], 'b', T1, ['a']), waits([T1], 'a', T0, ['b'])],
  },
  [[2, { text: 'hart 0 is preempted', isCause: true, flip: 'without this switch: it ends well' }]],
);

describe('a table', () => {
  it('has a column for each lane, locks by their takers, reasons, and ends where it is stuck', () => {
    expect(storyTable(AB_BA, 80)).toEqual([
      'hart 0 task │ hart 1 task',
      '────────────┼────────────',
      'first       │',
      '+a  takes_a │',
      '  ── hart 0 is preempted',
      '     ✗ without this switch: it ends well',
      '            │ +b  takes_b',
      '            │ wants_a',
      'wants_b     │',
      '  ── 1 more step of others, which change nothing for it',
    ]);
  });

  it.each([60, 80, 100, 160])('keeps to its columns and leaves nothing out, %d wide', (columns) => {
    const places = ['serial8250_console_write serial/8250-console.ts:182', 'f'.repeat(70), 'g'];
    const lanes = [T0, 'hart 0 irq', T1, 'uart0'];
    const steps = places.flatMap((place) => lanes.map((lane) => step(lane, `${place}_${lane}`)));
    const [head, rule, ...lines] = storyTable(report({ steps }), columns);
    const bars = [...rule].flatMap((char, at) => (char === '┼' ? [at] : []));
    for (const line of [head, ...lines]) {
      expect(line.length).toBeLessThanOrEqual(columns);
      const inLine = [...line].flatMap((char, at) => (char === '│' ? [at] : []));
      expect(inLine).toEqual(bars.slice(0, inLine.length));
    }
    const shown = lines.join('').replaceAll(/[│ ]/g, '');
    for (const { calls } of steps) expect(shown).toContain(calls[0].name.replaceAll(' ', ''));
  });

  it('puts contexts of a hart behind one another, then UARTs, then time', () => {
    const lanes = ['time', 'uart0', T1, 'hart 0 irq', T0];
    const { story } = report({ steps: lanes.map((lane) => step(lane, 'f')) });
    expect(lanesOf(story, 4)).toEqual([T0, 'hart 0 irq', T1, 'uart0', 'time']);
  });

  it('folds long turns, but never a lock that decides', () => {
    const places = Array.from({ length: 9 }, (_, i) => step(T0, `f${i}`));
    const steps = [...places, take(T0, 'f', 'a'), ...places];
    const ends = [waits([T0], 'a', T0, ['a'])];
    const rows = storyTable(report({ steps, ends })).slice(2);
    expect(rows).toEqual(['f0', '… 8 more places', '+a  f', '… 8 more places', 'f8']);
  });

  it('shows steps of one place in a row once, and what a UART sends as one text', () => {
    const byte = (sent: number): StoryStep => step('uart0', 'has sent a character', { sent });
    const steps = [step(T0, 'f'), step(T0, 'f'), byte(0x68), byte(0x69), byte(0x0a)];
    expect(storyTable(report({ steps })).slice(2)).toEqual([
      'f           │',
      `            │ has sent "hi\\n"`,
    ]);
  });

  it('shows values that crossed over from another context, in short stories all', () => {
    const access = { name: 'flag', address: 1, isLock: false, pointsTo: undefined };
    const write = { ...access, writes: true, before: 0, after: 1, from: undefined };
    const read = { ...access, writes: false, before: 1, after: 1, from: 0 };
    const own = { ...read, name: 'own', from: 2 };
    const start = [
      step(T0, 'f', { access: write }),
      step(T1, 'g', { access: read }),
      step(T1, 'h', { access: own }),
    ];
    expect(storyTable(report({ steps: start })).slice(2)).toEqual([
      'f  flag 0→1 │',
      '            │ g  flag = 1',
      '            │ h  own = 1',
    ]);
    const rest = Array.from({ length: 80 }, (_, i) => step(T0, `f${i}`));
    const long = storyTable(report({ steps: [...start, ...rest] })).slice(2, 5);
    expect(long.map((line) => line.replace(/[│ ]+/g, ' ').trim())).toEqual([
      'f',
      'g flag = 1',
      'h',
    ]);
  });

  it('keeps the first values that crossed over in what decides, however much is folded', () => {
    const access = { address: 1, isLock: false, pointsTo: undefined, before: 1, after: 1 };
    const read = (name: string): StoryStep =>
      step(T1, `reads_${name}`, { access: { ...access, name, writes: false, from: 0 } });
    const places = Array.from({ length: 80 }, (_, i) => step(T1, `f${i}`));
    const reads = ['a+0x18', 'a+0x1c', 'a+0x20', 'other'].map(read);
    const steps = [step(T0, 'writes'), ...places, ...reads, ...places];
    const source = report({ steps, ends: [waits([T1], 'a', T0, [])] });
    const texts = tableRows(source, steps.length - 1, 4).map((row) => 'text' in row && row.text);
    expect(texts).toContain('reads_a+0x18  a+0x18 = 1');
    expect(texts).toContain('reads_a+0x1c  a+0x1c = 1');
    expect(texts.join()).not.toMatch(/reads_a\+0x20|reads_other/);
  });

  it('is folded until it is short enough; what decides and where it ends stay', () => {
    const quiet = Array.from({ length: 40 }, (_, i) => [
      take(T0, `f${i}`, 'other'),
      give(T0, `f${i}`, 'other'),
      step(T1, `g${i}`),
    ]).flat();
    const steps = [take(T0, 'early', 'a'), ...quiet, step(T0, 'last')];
    const { story, reasons, repeatsFrom } = report({ steps, ends: [waits([T0], 'a', T0, ['a'])] });
    const rows = tableRows({ story, reasons, repeatsFrom }, steps.length - 1, 10);
    const texts = rows.map((row) => (row.kind === 'switch' ? '' : row.text));
    expect(texts.length).toBeLessThanOrEqual(10);
    expect(texts[0]).toBe('+a  early');
    expect(texts.at(-1)).toBe('last');
    expect(texts.some((text) => /^\d+ turns of hart 0 task, hart 1 task/.test(text))).toBe(true);
  });
});

describe('who waits for whom', () => {
  it('is a cycle of contexts', () => {
    expect(endLines(AB_BA.story)).toEqual([
      'hart 0 task waits for b, which hart 1 task holds (holds a) at locking/spinlock.ts:81: spin_lock',
      'hart 1 task waits for a, which hart 0 task holds (holds b) at locking/spinlock.ts:81: spin_lock',
      'cycle: hart 0 task → b → hart 1 task → a → hart 0 task',
    ]);
  });

  it('goes through what a handler has interrupted', () => {
    const lanes = [T0, 'hart 0 irq', 'hart 0 nmi'];
    const { story } = report({ ends: [waits(lanes, 'a', T0, [])] });
    expect(cycleLine(waitCycle(story))).toBe(
      'cycle: hart 0 nmi → a → hart 0 task → (interrupted) → hart 0 irq → (interrupted) → hart 0 nmi',
    );
  });

  it('is no cycle when somebody in it can go on', () => {
    const free: StoryEnd = { ...waits([T1], 'a', T0, []), state: 'can go on', for: undefined };
    const { story } = report({ ends: [waits([T0], 'b', T1, []), free] });
    expect(waitCycle(story)).toEqual([]);
  });
});

/** Lines of the report on a guest's first bad execution. */
const linesOn = (found: Report): string[] => reportText(found, { columns: 160 }).split('\n');

describe('a report names', () => {
  it('a deadlock, and the switch without which it does not happen', () => {
    const lines = linesOn(reportOn(abba()));
    expect(lines[0]).toBe(
      'finding: deadlock: hart 0 task waits for b of hart 1 task, hart 1 task waits for a of hart 0 task',
    );
    expect(lines[1]).toMatch(/this is exact/);
    expect(lines).toContain('cycle: hart 0 task → b → hart 1 task → a → hart 0 task');
    const at = lines.indexOf('  ── hart 0 is preempted');
    expect(lines[at - 1]).toMatch(/ a 0→1 /);
    expect(lines[at + 1]).toMatch(/✗ .*if hart 0 first goes on with hart0\+0x\w+, it ends well$/);
  });

  it('a handler that waits for the context that it has interrupted', () => {
    const lines = linesOn(reportOn(lockInHandler()));
    expect(lines[0]).toMatch(
      /^finding: self-deadlock through an interrupt: hart 0 irq waits for lock, .* hart 0 task/,
    );
    expect(lines).toContain('cycle: hart 0 irq → lock → hart 0 task → (interrupted) → hart 0 irq');
    expect(lines.some((line) => line.includes('▼ software interrupt at hart 0'))).toBe(true);
    expect(lines).toContain('  ── hart 0 is interrupted');
  });

  it('a deadlock of two harts through an interrupt', () => {
    const found = reportOn(deadlockThroughInterrupt());
    expect(found.verdict.headline).toMatch(
      /^deadlock through an interrupt: hart 0 irq waits for inner/,
    );
    expect(linesOn(found)).toContain(
      'cycle: hart 0 irq → inner → hart 1 task → outer → hart 0 task → (interrupted) → hart 0 irq',
    );
  });

  it('a wait for a handler that another hart keeps off', () => {
    const lines = linesOn(reportOn(waitsForHandler()));
    expect(lines[0]).toMatch(
      /^finding: deadlock: hart 0 task waits for software interrupt at hart 1/,
    );
    expect(lines).toContain(
      'cycle: hart 0 task → software interrupt at hart 1 → hart 1 task → lock → hart 0 task',
    );
  });

  it('a lost wakeup, with the values that made it', () => {
    const lines = linesOn(reportOn(lostWakeup(false)));
    expect(lines[0]).toMatch(/^finding: lost wakeup: hart 0 task sleeps although/);
    const text = lines.join('\n');
    for (const access of ['flag = 0', 'flag 0→1', 'sleeping = 0', 'sleeping 0→1']) {
      expect(text).toContain(access);
    }
    expect(text).toContain('■ sleeps');
  });

  it('a wait for what nobody does', () => {
    const lines = linesOn(reportOn(neverSignalled()));
    expect(lines[0]).toBe('finding: never signalled: hart 0 task waits for flag');
    expect(lines).toContain('hart 0 task waits for flag, which nobody has written: hart0+0x8');
  });

  it('a livelock, and what comes again and again', () => {
    const schedule = Array.from({ length: 40 }, (_, i) => i % 2);
    const found = reportAlong(politeHarts(), ['a', 'b'], schedule, 40);
    const lines = linesOn(found);
    expect(lines[0]).toMatch(/^finding: livelock: the same state comes back/);
    const again = lines.slice(lines.indexOf('  ── what follows comes again and again')).join('\n');
    for (const access of ['a 0→1', 'b 0→1', 'b = 1', 'a = 1', 'a 1→0', 'b 1→0']) {
      expect(again).toContain(access);
    }
  });

  it.each([
    ['Kernel panic - not syncing: hung', 'panic: Kernel panic - not syncing: hung'],
    ['[    0.170316] BUG: sleeping in atomic', 'BUG: sleeping in atomic'],
    ['[    0.1] Oops: load fault', 'oops: load fault'],
    ['scenario x: FAIL', 'check failed: scenario x: FAIL'],
    ['message 7 was lost', 'message lost: message 7 was lost'],
    ['goodbye', 'failed: the guest ended with code 3'],
  ])('what the guest says last: %s', (said, headline) => {
    const found = reportOn(lastWords(`hello\n${said}\n`, 3));
    expect(found.verdict.headline).toBe(headline);
    expect(linesOn(found).join('\n')).toContain(`last on the wire:\n  hello\n  ${said}\n`);
  });
});

describe('a text', () => {
  it('fits its width, whatever that is', () => {
    const found = reportOn(deadlockThroughInterrupt());
    for (const columns of [60, 80, 100, 160]) {
      for (const line of reportText(found, { columns }).split('\n')) {
        expect(line.length).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('has room for the contexts of four harts', () => {
    const lanes = [0, 1, 2, 3].flatMap((hart) => [`hart ${hart} task`, `hart ${hart} irq`]);
    const steps = lanes.map((lane) => step(lane, 'some_function_of_the_kernel'));
    const lines = storyTable(report({ steps }), 100);
    expect(lines[0]).toMatch(/^h0 task +│ h0 irq +│ h1 task .* h3 irq/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('ends with how to run it again', () => {
    const again = 'npx printkit explore --replay finding.json';
    expect(reportText({ ...AB_BA, again })).toMatch(
      /\n\nagain: npx printkit explore --replay .*\n$/,
    );
  });
});
