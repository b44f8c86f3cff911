// A finding as one self-contained page: the verdict, who waits for whom, the timeline, the table with
// its folded steps, and where everybody stands. Nothing is loaded from anywhere.

import { escapeHtml, htmlPage, legend } from '../html/page.ts';
import { cycleGraph } from './html-cycle.ts';
import { timeline } from './html-timeline.ts';
import { endLines, lanesOf, lastShown, plural, type Report } from './report.ts';
import type { WarningReport } from './lock-warning.ts';
import { placeText } from './place.ts';
import { extentOf, type Reason, type Row, tableRows } from './rows.ts';
import type { Story } from './story.ts';
import { waitCycle } from './wait-cycle.ts';

const STYLE = `
body { max-width: 76rem; } svg.timeline { min-width: 52rem; }
.verdict { border-left: 4px solid var(--c); padding: 0.1rem 0 0.1rem 0.9rem; }
h1 { margin: 0.2rem 0; } pre { background: var(--shade); padding: 0.6rem 0.8rem; overflow-x: auto;
  font-size: 13px; border-radius: 4px; }
.lane { text-anchor: end; fill: var(--ink); } .grid { stroke: var(--line); }
.task { fill: var(--a); background: var(--a); } .irq { fill: var(--b); background: var(--b); }
.nmi { fill: #8d5bb5; background: #8d5bb5; } .trap { fill: var(--soft); }
.device { fill: var(--soft); background: var(--soft); }
.waits { fill: var(--c); background: var(--c); } .sleeps { fill: var(--line); background: var(--line); }
.hold { fill: var(--ok); opacity: 0.45; background: var(--ok); }
.decisive { fill: var(--mem); background: var(--mem); }
.label { fill: var(--paper); font-size: 10.5px; pointer-events: none; }
.hold ~ .label, .decisive ~ .label { fill: #14181c; font-size: 9.5px; }
.hold ~ .label { fill: var(--ink); }
.switch { stroke: var(--soft); stroke-width: 1; opacity: 0.7; }
.switch.is-cause { stroke: var(--c); stroke-width: 2; opacity: 1; }
.arrowhead { fill: var(--soft); } .cause { fill: var(--c); text-anchor: middle; font-weight: 700; }
.node { fill: var(--shade); stroke: var(--soft); } .who { text-anchor: middle; font-weight: 600;
  fill: var(--ink); } .where { text-anchor: middle; fill: var(--soft); font-size: 11px; }
.wait { stroke: var(--c); stroke-width: 1.6; fill: none; } .waithead { fill: var(--c); }
.edge { text-anchor: middle; fill: var(--c); font-size: 11px; }
table { font: 12px/1.45 ui-monospace, monospace; width: 100%; white-space: normal; }
th { white-space: nowrap; }
td, th { padding: 0.1rem 0.7rem; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid var(--line); position: sticky; top: 0; background: var(--paper); }
td { border-right: 1px solid var(--line); } td:last-child { border-right: 0; }
tr.switch-row td { color: var(--soft); border: 0; padding-top: 0.35rem; }
tr.is-cause td { color: var(--c); font-weight: 600; } .flip { font-weight: 400; display: block; }
.is-lock { color: var(--ok); } .is-kept { color: var(--b); font-weight: 600; }
.is-wait { color: var(--c); font-weight: 600; } .is-entry { color: var(--b); }
.is-value b { font-weight: 600; } .is-fold summary { color: var(--soft); cursor: pointer; }
`;

const LEGEND = [
  ['task', 'task'],
  ['irq', 'interrupt'],
  ['nmi', 'NMI'],
  ['waits', 'waits'],
  ['sleeps', 'sleeps'],
  ['hold', 'lock held'],
  ['decisive', 'lock that decides'],
  ['device', 'device'],
] as const;

/** Most rows of the table that are not folded. */
const ROWS = 60;

/** A whole HTML document. */
export function htmlReport(report: Report): string {
  const { verdict, origin, story, reasons, again } = report;
  const last = lastShown(story, report.repeatsFrom);
  const rest = story.steps.length - 1 - last;
  const decisive = new Set(
    story.ends.flatMap(({ holds, for: what }) => [...holds, ...(what ? [what.name] : [])]),
  );
  const cycle = waitCycle(story);
  const rows = tableRows(report, last, ROWS);
  const quiet = rows.filter((row) => row.kind === 'fold' && row.lane === undefined).map(extentOf);
  const drawing = timeline(story, reasons, last, decisive, quiet);
  return htmlPage(verdict.headline, STYLE, [
    `<div class="verdict"><h1>${escapeHtml(verdict.headline)}</h1>`,
    `<p>${escapeHtml(verdict.explanation)}</p><p>${escapeHtml(origin)}</p>`,
    ...(report.notes ?? []).map((note) => `<p>${escapeHtml(note)}</p>`),
    '</div>',
    again === undefined ? '' : `<pre>${escapeHtml(again)}</pre>`,
    cycle.length === 0 ? '' : section('Who waits for whom', '', cycleGraph(cycle)),
    section(
      'Timeline',
      'From left to right are steps in the order in which they were taken, not time: a turn is as wide as ' +
        'the logarithm of its steps; stretches in which nothing is decided are narrower. ✗ marks a switch without which this does not happen.',
      legend(LEGEND.filter(([kind]) => drawing.includes(`class="${kind}"`))),
      `<div class="wide">${drawing}</div>`,
    ),
    section('Step by step', TABLE_TEXT, table(report, rows, last)),
    rest > 0 ? `<p>${plural(rest, 'more step')} of others, which change nothing for it.</p>` : '',
    section('Where everybody stands', '', stands(story)),
    said(story),
    warningsHtml(report.warnings ?? []),
  ]);
}

/** What was covered without a finding, as a page. */
export function htmlCoverage(sentence: string, warnings: readonly WarningReport[]): string {
  const title = sentence.replace(/:.*/, '');
  return htmlPage(title, STYLE, [
    `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(sentence)}</p>`,
    warningsHtml(warnings),
  ]);
}

const WARNINGS_TEXT =
  'Orders of locks, seen over all executions, that could deadlock in one of them. The search looks for it.';

function warningsHtml(warnings: readonly WarningReport[]): string {
  if (warnings.length === 0) return '';
  const items = warnings.map(({ status, headline, places }) => {
    const lines = places.map((place) => `<div><code>${escapeHtml(place)}</code></div>`).join('');
    return `<li>${escapeHtml(headline)}: <b>${status}</b>${lines}</li>`;
  });
  return section('Lock order', WARNINGS_TEXT, `<ul>${items.join('')}</ul>`);
}

const TABLE_TEXT =
  '+ and − are locks taken and given back, ± both in one turn. A value is what was read, or what it was ' +
  'before and after. Folded places open with a click.';

const section = (title: string, text: string, ...parts: readonly string[]): string =>
  `<section><h2>${escapeHtml(title)}</h2>${text === '' ? '' : `<p>${escapeHtml(text)}</p>`}` +
  `${parts.join('')}</section>`;

function table({ story }: Report, rows: readonly Row[], last: number): string {
  const lanes = lanesOf(story, last);
  const head = lanes.map((lane) => `<th>${escapeHtml(lane)}</th>`).join('');
  return (
    `<div class="wide"><table><tr>${head}</tr>` +
    rows.map((row) => tableRow(row, lanes)).join('') +
    '</table></div>'
  );
}

function tableRow(row: Row, lanes: readonly string[]): string {
  if (row.kind === 'switch') return switchRow(row.reason, lanes.length);
  if (row.lane === undefined) return `<tr>${cell(row, lanes.length)}</tr>`;
  return `<tr>${lanes.map((lane) => (lane === row.lane ? cell(row, 1) : '<td></td>')).join('')}</tr>`;
}

function cell(row: Exclude<Row, { kind: 'switch' }>, columns: number): string {
  const span = columns > 1 ? ` colspan="${columns}"` : '';
  if (row.kind === 'fold') return `<td${span} class="is-fold">${details(row.text, row.rows)}</td>`;
  const kept = row.isKept ? ' is-kept' : '';
  return `<td${span} class="is-${row.mark}${kept}" id="s${row.first}">${escapeHtml(row.text)}</td>`;
}

function details(text: string, rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    switch (row.kind) {
      case 'fold':
        return `<div>${details(`${row.lane ?? ''} ${row.text}`, row.rows)}</div>`;
      case 'switch':
        return `<div>── ${escapeHtml(row.reason.text)}</div>`;
      case 'step':
        return `<div class="is-${row.mark}">${escapeHtml(`${row.lane}  ${row.text}`)}</div>`;
    }
  });
  return `<details><summary>${escapeHtml(text)}</summary>${lines.join('')}</details>`;
}

function switchRow({ text, isCause, flip }: Reason, columns: number): string {
  const more =
    isCause && flip !== undefined ? `<span class="flip">✗ ${escapeHtml(flip)}</span>` : '';
  return (
    `<tr class="switch-row${isCause ? ' is-cause' : ''}"><td colspan="${columns}">` +
    `── ${escapeHtml(text)}${more}</td></tr>`
  );
}

/** Each hart with its call trace folded below. */
function stands(story: Story): string {
  const lines = endLines(story);
  return story.ends
    .map(({ calls }, i) => {
      const [head] = lines[i].split(': ');
      const trace = calls.map((place) => `<div><code>${escapeHtml(placeText(place))}</code></div>`);
      return `<details open><summary>${escapeHtml(head)}</summary>${trace.join('')}</details>`;
    })
    .join('');
}

function said({ said: lines }: Story): string {
  const shown = lines.filter((line) => line.trim() !== '');
  if (shown.length === 0) return '';
  return section(
    'On the wire since the region began',
    '',
    `<pre>${escapeHtml(shown.join('\n'))}</pre>`,
  );
}
