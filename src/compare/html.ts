// The comparison as one self-contained page: charts, all figures, and where designs hang. Nothing is
// loaded from anywhere.

import { escapeHtml, htmlPage, legend } from '../html/page.ts';
import { LOSSES } from './account.ts';
import { type Mark, rangeChart, shareChart } from './charts.ts';
import type { Quantiles } from './quantiles.ts';
import type { DesignResult } from './result.ts';
import {
  compact,
  disorderText,
  duration,
  endingText,
  lossText,
  lostCount,
  unendedTexts,
} from './text.ts';

const STYLE = `
.name { text-anchor: end; fill: var(--ink); } .value { fill: var(--soft); }
.tick { text-anchor: middle; fill: var(--soft); } .grid { stroke: var(--line); }
.range { stroke: var(--soft); stroke-width: 2; opacity: 0.5; }
.p50 { fill: var(--a); background: var(--a); } .p99 { fill: var(--b); background: var(--b); }
.max { fill: var(--c); background: var(--c); } .ok { fill: var(--ok); background: var(--ok); }
.mem { fill: var(--mem); background: var(--mem); }
.lost { fill: var(--lost); background: var(--lost); }
td, th { padding: 0.2rem 0.6rem; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td:first-child, th:first-child, td:last-child { text-align: left; }
.bad { color: var(--lost); font-weight: 600; }
.wide svg { min-width: 46rem; }
.wide td:first-child, .wide th:first-child { position: sticky; left: 0; background: var(--paper); }
`;

const QUANTILES = ['p50', 'p99', 'max'] as const;
const LEGEND = [
  ['p50', 'half of them'],
  ['p99', '99 %'],
  ['max', 'the worst'],
] as const;

const marks = (q: Quantiles | undefined): Mark[] =>
  q === undefined ? [] : QUANTILES.map((key) => ({ kind: key, label: key, value: q[key] }));

/** A whole HTML document. */
export function comparisonPage(results: readonly DesignResult[]): string {
  const range = (
    title: string,
    text: string,
    of: (result: DesignResult) => Quantiles | undefined,
    show: (value: number) => string,
  ) => {
    const rows = results.map((result) => ({ name: result.name, marks: marks(of(result)) }));
    return section(title, text, legend(LEGEND), wide(rangeChart(title, rows, show)));
  };
  return htmlPage('printk, design by design', STYLE, [
    '<h1>printk, design by design</h1>',
    '<p>Every way to store a record with every way to put it on the wire, each booted on the same machine of',
    'four harts with one 8250 at 115200 baud, under the same workload: messages at leisure, a burst that no',
    'ring holds, messages from inside of <code>console-&gt;write()</code>, NMIs at any moment, and a panic',
    'while all CPUs print. Everything is measured from outside, in virtual time.</p>',
    fates(results),
    crash(results),
    range(
      'What a printk() costs its caller',
      'Instructions between the call of vprintk_emit() and its return, without interrupts and other tasks. ' +
        'Waiting for the transmitter is mostly asleep, and shows in the time instead.',
      ({ cost }) => cost.all,
      compact,
    ),
    range(
      'How long the caller waits',
      'From the call to the return, with all that comes in between.',
      ({ callUs }) => callUs,
      duration,
    ),
    range(
      'Until the message is on the wire',
      'From the call of printk() to the last stop bit of its line. Most of it is the queue that the burst leaves.',
      ({ wireUs }) => wireUs,
      duration,
    ),
    range(
      'The same at leisure',
      'Only the phase in which the line has time for everything.',
      ({ leisureUs }) => leisureUs,
      duration,
    ),
    range(
      'Interrupts off',
      'Stretches with interrupts off inside of printk and of the console, before the panic.',
      ({ irqOffUs }) => irqOffUs,
      duration,
    ),
    endings(results),
    figures(results),
  ]);
}

const section = (title: string, text: string, ...parts: readonly string[]): string =>
  `<section><h2>${escapeHtml(title)}</h2><p>${escapeHtml(text)}</p>${parts.join('')}</section>`;

/** Where there is little room it keeps its size, and is scrolled. */
const wide = (html: string): string => `<div class="wide">${html}</div>`;

function fates(results: readonly DesignResult[]): string {
  const title = 'What became of the messages';
  const rows = results.map((result) => ({
    name: result.name,
    parts: [
      { kind: 'ok', label: 'on the wire', value: result.atReset.onWire },
      { kind: 'mem', label: 'only in memory', value: result.lost.memory },
      { kind: 'lost', label: `lost (${lossText(result)})`, value: lostCount(result) },
    ],
  }));
  const meaning = [
    ['ok', 'on the wire'],
    ['mem', 'only in memory: a crash dump has it'],
    ['lost', 'lost'],
  ] as const;
  return section(
    title,
    'When the machine was reset.',
    legend(meaning),
    wide(shareChart(title, rows)),
  );
}

function crash(results: readonly DesignResult[]): string {
  const title = 'At the moment of the crash';
  const rows = results.map(({ name, atCrash }) => ({
    name,
    parts: [
      { kind: 'ok', label: 'on the wire', value: atCrash.onWire },
      { kind: 'mem', label: 'not yet', value: atCrash.inMemory },
      { kind: 'lost', label: 'lost', value: atCrash.nowhere },
    ],
  }));
  const meaning = [
    ['ok', 'on the wire'],
    ['mem', 'in memory, not yet on the wire'],
    ['lost', 'lost'],
  ] as const;
  const text = 'When panic() was called or, for designs that hang before, when they hung.';
  return section(title, text, legend(meaning), wide(shareChart(title, rows)));
}

function endings(results: readonly DesignResult[]): string {
  const items = results.flatMap((result) =>
    [...unendedTexts(result), disorderText(result)]
      .filter((text) => text !== '')
      .map((text) => `<li><b>${escapeHtml(result.name)}</b> ${escapeHtml(text)}</li>`),
  );
  if (items.length === 0) return '';
  return section(
    'Hangs and order',
    'Where harts run in circles, innermost function first; and messages that came too late.',
    `<ul>${items.join('')}</ul>`,
  );
}

function figures(results: readonly DesignResult[]): string {
  const groups: readonly [string, (r: DesignResult) => Quantiles | undefined, typeof compact][] = [
    ['instructions', ({ cost }) => cost.all, compact],
    ['in a task', ({ cost }) => cost.task, compact],
    ['in an interrupt', ({ cost }) => cost.irq, compact],
    ['in an NMI', ({ cost }) => cost.nmi, compact],
    ['call', ({ callUs }) => callUs, duration],
    ['interrupts off', ({ irqOffUs }) => irqOffUs, duration],
    ['on the wire after', ({ wireUs }) => wireUs, duration],
  ];
  const head = groups.map(([title]) => `<th colspan="3">${title}</th>`).join('');
  const heads = groups.map(() => QUANTILES.map((q) => `<th>${q}</th>`).join('')).join('');
  const losses = LOSSES.map((loss) => `<th>${loss}</th>`).join('');
  const rows = results.map((result) => {
    const cells = groups.flatMap(([, of, show]) =>
      QUANTILES.map((q) => of(result)?.[q]).map((v) => (v === undefined ? '–' : show(v))),
    );
    const counts = LOSSES.map((loss) => String(result.lost[loss]));
    const bad = result.ending === 'done' ? '' : ' class="bad"';
    return (
      `<tr><td>${escapeHtml(result.name)}</td>` +
      [...cells, String(result.said), ...counts].map((cell) => `<td>${cell}</td>`).join('') +
      `<td${bad}>${endingText(result)}</td></tr>`
    );
  });
  return section(
    'All figures',
    'Quantiles are by nearest rank. Messages that are not on the wire are counted by reason.',
    wide(
      `<table><tr><th></th>${head}<th></th>` +
        `<th colspan="${LOSSES.length}">not on the wire</th><th></th></tr>` +
        `<tr><th>design</th>${heads}<th>said</th>${losses}<th>result</th></tr>${rows.join('')}</table>`,
    ),
  );
}
