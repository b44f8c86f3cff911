// Results of `printkit compare --explore`: a table for a terminal, and a page of its own.

import { escapeHtml, htmlPage } from '../html/page.ts';
import type { ExploreResult } from './explore-run.ts';
import { scenarioGrid } from './grid.ts';

const MEANING = [
  'hangs 2p 1i: harts wait for ever, in a schedule with 2 preemptions and 1 interrupt; fails: the guest says so;',
  'loses: a message is not on the wire, or not once, whole and in its place;',
  'clean: all schedules within the bounds end well; partial: none was found, but not all were explored;',
  'partial 1: all with one preemption or interrupt were.',
];

/** "hangs 2p 1i", "clean". */
export function exploredText(result: ExploreResult): string {
  const { outcome, preemptions, interrupts, upTo } = result;
  if (outcome === 'clean') return outcome;
  if (outcome === 'partial') return upTo === undefined ? outcome : `${outcome} ${upTo}`;
  const spent = [`${preemptions}p`, `${interrupts}i`].filter((text) => !text.startsWith('0'));
  return [outcome, ...spent].join(' ');
}

/**
 * Lines, without line ends.
 * @param width of the terminal, in columns
 */
export function exploreTable(results: readonly ExploreResult[], width?: number): string[] {
  const { designs, scenarios, find } = axesOf(results);
  const grid = scenarioGrid(
    designs,
    scenarios,
    (design, scenario) => {
      const result = find(design, scenario);
      return result === undefined ? '' : exploredText(result);
    },
    width,
  );
  return [...grid, '', ...MEANING, ...results.flatMap(detail)];
}

const isFinding = ({ outcome }: ExploreResult): boolean =>
  outcome !== 'clean' && outcome !== 'partial';

function detail(result: ExploreResult): string[] {
  const { design, scenario, text, executions, seconds } = result;
  const effort = `${executions} executions, ${seconds.toFixed(1)} s`;
  return isFinding(result) ? ['', `${design} in ${scenario} (${effort}):`, `  ${text}`] : [];
}

function axesOf(results: readonly ExploreResult[]) {
  const find = (design: string, scenario: string) =>
    results.find((each) => each.design === design && each.scenario === scenario);
  const designs = [...new Set(results.map(({ design }) => design))];
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))];
  return { designs, scenarios, find };
}

const STYLE = `
td, th { padding: 0.2rem 0.6rem; text-align: left; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } .hangs, .fails, .loses { color: var(--lost); font-weight: 600; }
.clean { color: var(--ok); } .partial { color: var(--soft); }
`;

/** A whole HTML document. A cell's title says more. */
export function explorePage(results: readonly ExploreResult[]): string {
  const { designs, scenarios, find } = axesOf(results);
  const cell = (result: ExploreResult | undefined): string =>
    result === undefined
      ? '<td></td>'
      : `<td class="${result.outcome}" title="${escapeHtml(result.text)}">${escapeHtml(exploredText(result))}</td>`;
  const row = (design: string): string =>
    `<tr><th>${escapeHtml(design)}</th>${scenarios.map((scenario) => cell(find(design, scenario))).join('')}</tr>`;
  const title = 'printk, every schedule';
  const head = ['design', ...scenarios].map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  return htmlPage(title, STYLE, [
    `<h1>${title}</h1>`,
    ...MEANING.map((line) => `<p>${escapeHtml(line)}</p>`),
    `<div class="wide"><table><tr>${head}</tr>${designs.map(row).join('\n')}</table></div>`,
    ...results.filter(isFinding).map(findingHtml),
  ]);
}

function findingHtml({ design, scenario, text, executions, seconds }: ExploreResult): string {
  const what = `${design} in ${scenario}: ${text}`;
  return `<p>${escapeHtml(`${what} (${executions} executions, ${seconds.toFixed(1)} s)`)}</p>`;
}
