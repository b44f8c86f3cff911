// A finding as text: what it is, the table with one column for each context of each hart and for the
// UART, where everybody stands, who waits for whom, and what would have helped.

import { isFine } from './search.ts';
import type { Ending } from './model.ts';
import { type WarningReport, warningLines } from './lock-warning.ts';
import { shortSource } from './place.ts';
import { type Reason, type Reasons, tableRows } from './rows.ts';
import type { Story, StoryEnd } from './story.ts';
import { type TableLine, textTable } from './text-table.ts';
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
  /** Warnings about the order of locks. */
  readonly warnings?: readonly WarningReport[];
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
/** Between columns. */
const GAP_COLUMNS = 3;
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
    ...after(warningLines(report.warnings ?? []).flatMap(wrap)),
    ...(again === undefined ? [] : ['', `again: ${again}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Behind an empty line, if there are any. */
const after = (lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', ...lines];

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
  const lanes = lanesOf(story, last);
  const rows = tableRows(report, last, rowsMax).map((row): TableLine => {
    if (row.kind === 'switch') return { across: switchLines(row.reason, columns) };
    if (row.lane === undefined) return { across: wrapped(`  ── ${row.text}`, columns) };
    return { column: lanes.indexOf(row.lane), text: row.text };
  });
  const rest = story.steps.length - 1 - last;
  const others = `  ── ${plural(rest, 'more step')} of others, which change nothing for it`;
  return [
    ...textTable(shortened(lanes, columns), rows, columns),
    ...(rest > 0 ? wrapped(others, columns) : []),
  ];
}

function switchLines({ text, isCause, flip }: Reason, columns: number): string[] {
  const head = wrapped(`  ── ${text}`, columns);
  if (!isCause || flip === undefined) return head;
  return [...head, ...wrapped(`     ✗ ${flip}`, columns)];
}

/** Names of many lanes in few columns: "h0 irq". */
function shortened(lanes: readonly string[], columns: number): readonly string[] {
  const width = sum(lanes.map(({ length }) => length + GAP_COLUMNS));
  return width <= columns * NAMES_SHARE ? lanes : lanes.map((lane) => lane.replace('hart ', 'h'));
}

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

/** Broken between words; lines after the first are indented, by two more than the first. */
function wrapped(text: string, columns: number): string[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = indent;
  for (const word of text.trimStart().split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `${indent}  ${word}`;
    } else line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
