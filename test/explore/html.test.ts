// The page on a finding: self-contained, whole, safe, and with everything drawn that the text tells.

import { describe, expect, it } from 'vitest';
import { htmlReport } from '../../src/explore/html.ts';
import type { StoryStep } from '../../src/explore/story.ts';
import { lockInHandler } from './programs.ts';
import { reportOn } from './reporting.ts';
import { give, report, step, take, waits } from './stories.ts';

const T0 = 'hart 0 task';
const I0 = 'hart 0 irq';
const T1 = 'hart 1 task';

const many = (lane: string, n: number): StoryStep[] =>
  Array.from({ length: n }, (_, i) => step(lane, `place${i}`));

const page = htmlReport({
  ...report(
    {
      steps: [
        take(T0, 'printk', 'p->pi_lock'),
        ...many(T0, 12),
        take(T1, 'writer', 'port->lock'),
        give(T1, 'writer', 'port->lock'),
        take(T1, 'writer', 'port->lock'),
        step(T1, 'spins', {
          then: {
            state: 'waits',
            for: {
              name: 'p->pi_lock',
              kind: 'lock',
              value: undefined,
              holder: T0,
              since: 0,
            },
          },
        }),
        step(I0, 'uart interrupt at hart 0', { isEntry: true }),
        step('uart0', 'has sent a character', { sent: 0x3c }),
        step(I0, 'last'),
      ],
      ends: [waits([T0, I0], 'port->lock', T1, []), waits([T1], 'p->pi_lock', T0, [])],
      said: ['<script>alert(1)</script>'],
    },
    [[17, { text: 'hart 0 is interrupted', isCause: true, flip: 'without this: it ends well' }]],
  ),
  again: 'npx printkit explore --append "a&b"',
});

/** Elements with this class, up to their end. */
const elements = (tag: string, name: string): string[] =>
  [...page.matchAll(new RegExp(`<${tag}[^>]* class="${name}"[^]*?</g>`, 'g'))].map(
    ([text]) => text,
  );

describe('the page', () => {
  it('loads nothing and runs nothing', () => {
    expect(page).not.toMatch(/https?:|src=|@import|<link|<script|url\((?!#)/);
  });

  it('is well-formed', () => {
    const open: string[] = [];
    for (const [, close, tag, empty] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
      if (tag === 'meta' || empty === '/') continue;
      if (close === '/') expect(open.pop()).toBe(tag);
      else open.push(tag);
    }
    expect(open).toEqual([]);
  });

  it('shows what the guest said as text', () => {
    expect(page).toContain('&#60;script&#62;alert(1)&#60;/script&#62;');
    expect(page).toContain('npx printkit explore --append &#34;a&#38;b&#34;');
  });

  it('has a lane for each context, handlers above what they interrupt', () => {
    const lanes = [...page.matchAll(/<text class="lane" x="\d+" y="(\d+)">([^<]*)</g)];
    const y = new Map(lanes.map(([, at, lane]) => [lane, Number(at)]));
    expect([...y.keys()].sort()).toEqual([I0, T0, T1, 'uart0']);
    expect(y.get(I0)).toBeLessThan(y.get(T0) ?? 0);
    expect(y.get(T0)).toBeLessThan(y.get(T1) ?? 0);
    expect(y.get(T1)).toBeLessThan(y.get('uart0') ?? 0);
  });

  it('draws who holds what from when to when', () => {
    const holds = elements('rect', 'decisive').map((text) => /<title>([^<]*)/.exec(text)?.[1]);
    expect(holds.sort()).toEqual([
      'hart 0 holds p-&#62;pi_lock: step 1 to the end',
      'hart 1 holds port-&#62;lock: step 14 to 15',
      'hart 1 holds port-&#62;lock: step 16 to the end',
    ]);
  });

  it('draws the wait from the step after which the hart stood still to the end', () => {
    const [wait, ...others] = elements('rect', 'waits');
    expect(others).toEqual([]);
    expect(wait).toContain('<title>hart 1 task waits for p-&#62;pi_lock (hart 0 task)</title>');
    const [x, width] = [/ x="([\d.]+)"/, / width="([\d.]+)"/].map((at) =>
      Number(at.exec(wait)?.[1]),
    );
    expect(x + width).toBeCloseTo(992, 0);
    const runs = elements('rect', 'task').filter((text) => text.includes('hart 1 task: step'));
    expect(runs).toHaveLength(1);
    const [start, length] = [/ x="([\d.]+)"/, / width="([\d.]+)"/].map((at) =>
      Number(at.exec(runs[0])?.[1]),
    );
    expect(x).toBeCloseTo(start + length, -0.5);
  });

  it('marks the switch without which it does not happen, and says what would have been', () => {
    const causes = elements('line', 'switch is-cause');
    expect(causes).toHaveLength(1);
    expect(causes[0]).toContain('<title>hart 0 is interrupted\nwithout this: it ends well</title>');
    expect(page).toContain('✗ without this: it ends well');
  });

  it('draws the cycle by contexts', () => {
    const nodes = [...page.matchAll(/class="who"[^>]*>([^<]*)</g)].map(([, who]) => who);
    expect(nodes).toEqual([I0, T1, T0]);
    const edges = [...page.matchAll(/class="edge"[^>]*>([^<]*)</g)].map(([, what]) => what);
    expect(edges).toEqual([
      'waits for port-&#62;lock',
      'waits for p-&#62;pi_lock',
      'waits for its handler',
    ]);
  });

  it('folds places that say little, and has them all', () => {
    const [, folded] =
      /<details><summary>… 11 more places<\/summary>(.*?)<\/details>/.exec(page) ?? [];
    expect(folded?.match(/place\d+/g)).toHaveLength(11);
    expect(page).toContain('has sent &#34;&#60;&#34;');
  });
});

it('draws stretches in which nothing is decided narrower, without their switches', () => {
  const turns = Array.from({ length: 50 }, () => [step(T0, 'f'), step(T1, 'g')]).flat();
  const steps = [take(T0, 'early', 'a'), ...turns, step(T1, 'last')];
  const drawn = htmlReport(report({ steps, ends: [waits([T0], 'a', T0, ['a'])] }));
  expect(drawn.match(/class="switch"/g)?.length).toBeLessThan(5);
  const bars = [...drawn.matchAll(/class="task" x="[\d.]+" y="\d+" width="([\d.]+)"/g)];
  const widths = bars.map(([, width]) => Number(width));
  expect(widths).toHaveLength(99);
  expect(widths[50] * 10).toBeLessThan(widths[0]);
});

it('shows a real finding', () => {
  const found = htmlReport(reportOn(lockInHandler()));
  expect(found).toContain('<h1>self-deadlock through an interrupt: hart 0 irq waits for lock');
  expect(found).toMatch(/hart 0 irq: step \d+ to \d+, [\d.]+ to [\d.]+ µs/);
  expect(found).not.toMatch(/undefined|NaN|\[object/);
});
