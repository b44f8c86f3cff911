// A finding as text: what it is, the table with one column for each context of each hart and for the
// UART, where everybody stands, who waits for whom, and what would have helped.

import { isFine } from './search.ts';
import type { Ending } from './model.ts';
import { type Reason, type Reasons, type Row, shortSource, tableRows } from './rows.ts';
import type { Story, StoryEnd } from './story.ts';
import type { VerdictText } from './verdict-text.ts';
import { cycleLine, holderText, waitCycle } from './wait-cycle.ts';

/** All there is to show of an execution. */
export interface Report {
  readonly verdict: VerdictText;
  readonly ending: Ending;
  /** How it came about: "2 executions, found by: pct 2; 5188 steps". */
  readonly origin: string;
  /** What does not fit of a replay, one line each. */
  readonly notes?: readonly string[];
  readonly story: Story;
  readonly reasons: Reasons;
  /** Number of the first step of those that come again and again; beyond the last one otherwise. */
  readonly repeatsFrom: number;
  /** The command that repeats it, if there is one. */
  readonly again?: string;
}

export interface TextOptions {
  /** Width of the text; default 100. Too little for a table becomes 60. */
  readonly columns?: number;
  /** Rows of the table where folding can do that; default 60. */
  readonly rows?: number;
}

const COLUMNS = 100;
const COLUMNS_MIN = 60;
const COLUMNS_MAX = 160;
const ROWS = 60;
const GAP = ' │ ';
/** Columns get no wider for a text that is longer than this. */
const CELL_MAX = 64;
/** Names of lanes take up no more than this of the width, or are shortened. */
const NAMES_SHARE = 0.8;
/** Last lines on the wire that are shown. */
const SAID_LINES = 4;

/** The whole report, ending in a line feed. */
export function reportText(report: Report, options: TextOptions = {}): string {
  const { verdict, origin, story, again } = report;
  const columns = Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, options.columns ?? COLUMNS));
  const wrap = (text: string): string[] => wrapped(text, columns);
  const lines = [
    ...wrap(`${isFine(report.ending) ? '' : 'finding: '}${verdict.headline}`),
    ...wrap(verdict.explanation),
    ...wrap(origin),
    ...(report.notes ?? []).flatMap((note) => wrap(`  ${note}`)),
    '',
    ...storyTable(report, columns, options.rows ?? ROWS),
    '',
    ...endLines(story).flatMap(wrap),
    ...saidLines(story, columns),
    ...(again === undefined ? [] : ['', `again: ${again}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** The last step of a hart that waits at the end; what the others did after that has no part in it. */
export function lastShown({ steps, ends }: Story, repeatsFrom: number): number {
  const stuck = ends.filter(({ state }) => state === 'waits').map(({ hart }) => hart);
  const last = Math.max(
    -1,
    ...stuck.map((hart) => steps.findLastIndex((step) => step.hart === hart)),
  );
  return last < 0 || repeatsFrom < steps.length ? steps.length - 1 : last;
}

/** Harts first, each with its contexts from the outermost one on, then UARTs, then time. */
export function lanesOf(story: Story, last: number): string[] {
  const steps = story.steps.slice(0, last + 1);
  const rank = (lane: string): number => {
    const step = steps.find((each) => each.lane === lane);
    if (step?.hart !== undefined) return step.hart * 100 + step.depth;
    return lane === 'time' ? 2e6 : 1e6;
  };
  return [...new Set(steps.map(({ lane }) => lane))].sort(
    (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  );
}

/** The table and what it leaves out. */
export function storyTable(report: Report, columns = COLUMNS, rowsMax = ROWS): string[] {
  const { story } = report;
  const last = lastShown(story, report.repeatsFrom);
  const rows = tableRows(report, last, rowsMax);
  const lanes = lanesOf(story, last);
  const names = shortened(lanes, columns);
  const widths = cellWidths(lanes, names, rows, columns);
  const lines = [cells(names, widths), widths.map((width) => '─'.repeat(width)).join('─┼─')];
  for (const row of rows) lines.push(...rowLines(row, lanes, widths, columns));
  const rest = story.steps.length - 1 - last;
  if (rest > 0)
    lines.push(`  ── ${plural(rest, 'more step')} of others, which change nothing for it`);
  return lines;
}

function rowLines(
  row: Row,
  lanes: readonly string[],
  widths: readonly number[],
  columns: number,
): string[] {
  if (row.kind === 'switch') return switchLines(row.reason, columns);
  if (row.lane === undefined) return [clip(`  ── ${row.text}`, columns)];
  return [cellLine(row.text, lanes.indexOf(row.lane), widths, columns)];
}

function switchLines({ text, isCause, flip }: Reason, columns: number): string[] {
  const head = `  ── ${text}`;
  if (!isCause || flip === undefined) return [clip(head, columns)];
  return [clip(head, columns), ...wrapped(flip, columns - 7).map((line) => `     ✗ ${line}`)];
}

/** Names of many lanes in few columns: "h0 irq". */
function shortened(lanes: readonly string[], columns: number): readonly string[] {
  const width = sum(lanes.map(({ length }) => length + GAP.length));
  return width <= columns * NAMES_SHARE ? lanes : lanes.map((lane) => lane.replace('hart ', 'h'));
}

/**
 * A text may run over the columns to the right of its own: no column is wider than it has to be for
 * that, as long as there is too little room.
 */
function cellWidths(
  lanes: readonly string[],
  names: readonly string[],
  rows: readonly Row[],
  columns: number,
): number[] {
  const natural = lanes.map((lane) => {
    const texts = rows.flatMap((row) => (row.kind !== 'switch' && row.lane === lane ? [row] : []));
    return Math.max(lane.length, ...texts.map(({ text }) => Math.min(CELL_MAX, text.length)));
  });
  const least = names.map(({ length }) => length);
  const widths: number[] = [];
  let right = 0;
  for (const [i, width] of [...natural.entries()].reverse()) {
    const left = sum(least.slice(0, i)) + GAP.length * i;
    widths.unshift(Math.max(least[i], Math.min(width, columns - left) - right));
    right += widths[0] + GAP.length;
  }
  let room = columns - (right - GAP.length);
  return widths.map((width, i) => {
    const more = Math.max(0, Math.min(room, natural[i] - width));
    room -= more;
    return width + more;
  });
}

/** A text in its column. It may run over those on the right of it: they are empty in this row. */
function cellLine(text: string, lane: number, widths: readonly number[], columns: number): string {
  const left = widths.slice(0, lane).map((width) => ' '.repeat(width) + GAP);
  const start = sum(left.map(({ length }) => length));
  const shown = clip(text, columns - start);
  const line = [...left.join(''), ...shown];
  // The bars of columns that the text does not reach.
  let at = start;
  for (const width of widths.slice(lane, -1)) {
    at += width + GAP.length;
    if (at - 2 > line.length) line.push(...' '.repeat(at - 2 - line.length), '│');
  }
  return line.join('').trimEnd();
}

const cells = (texts: readonly string[], widths: readonly number[]): string =>
  texts
    .map((text, i) => clip(text, widths[i]).padEnd(widths[i]))
    .join(GAP)
    .trimEnd();

/** Where each hart stands, and the cycle of who waits for whom. */
export function endLines(story: Story): string[] {
  const cycle = cycleLine(waitCycle(story));
  return [...story.ends.map(endLine), ...(cycle === '' ? [] : [cycle])];
}

function endLine(end: StoryEnd): string {
  const { lanes, state, for: what, holds, calls } = end;
  const waits = what === undefined ? '' : ` for ${what.name}, ${holderText(what)}`;
  const own = holds.length === 0 ? '' : ` (holds ${holds.join(', ')})`;
  const trace = calls.map(({ name }) => name).join(' < ');
  const [{ source }] = calls;
  const at = source === undefined ? '' : ` at ${shortSource(source)}`;
  return `${lanes.at(-1) ?? `hart ${end.hart}`} ${state}${waits}${own}${at}: ${trace}`;
}

function saidLines({ said }: Story, columns: number): string[] {
  const lines = said.filter((line) => line.trim() !== '');
  if (lines.length === 0) return [];
  const shown = lines.slice(-SAID_LINES).map((line) => clip(`  ${line}`, columns));
  return ['', 'last on the wire:', ...shown];
}

export const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** Broken between words; lines after the first are indented. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
