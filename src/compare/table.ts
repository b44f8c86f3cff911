// The comparison as a table for a terminal of 120 columns or fewer, and below it why messages were lost and
// where designs hang.

import type { Quantiles } from './quantiles.ts';
import type { DesignResult } from './result.ts';
import {
  compact,
  duration,
  endingText,
  lossText,
  lostCount,
  orderText,
  unendedTexts,
  disorderText,
} from './text.ts';

interface Column {
  readonly group: string;
  readonly title: string;
  readonly width: number;
  readonly text: (result: DesignResult) => string;
}

const NONE = '–';
const optional = <T>(value: T | undefined, show: (value: T) => string): string =>
  value === undefined ? NONE : show(value);

const quantileColumn = (
  group: string,
  key: 'p50' | 'p99' | 'max',
  of: (result: DesignResult) => Quantiles | undefined,
  show: (value: number) => string = duration,
): Column => ({
  group,
  title: key,
  width: show === compact ? 6 : 7,
  text: (result) => optional(of(result)?.[key], show),
});

const ALL = ['p50', 'p99', 'max'] as const;
const COLUMNS: readonly Column[] = [
  { group: '', title: 'design', width: 17, text: ({ name }) => name },
  ...ALL.map((key) => quantileColumn('instructions', key, ({ cost }) => cost.all, compact)),
  quantileColumn('call', 'max', ({ callUs }) => callUs),
  quantileColumn('irqs off', 'p99', ({ irqOffUs }) => irqOffUs),
  quantileColumn('irqs off', 'max', ({ irqOffUs }) => irqOffUs),
  quantileColumn('calm', 'p50', ({ leisureUs }) => leisureUs),
  ...ALL.map((key) => quantileColumn('until on the wire', key, ({ wireUs }) => wireUs)),
  { group: '', title: 'lost', width: 5, text: (result) => String(lostCount(result)) },
  { group: '', title: 'order', width: 6, text: orderText },
  { group: 'at crash', title: 'wire', width: 5, text: ({ atCrash }) => String(atCrash.onWire) },
  { group: 'at crash', title: 'mem', width: 4, text: ({ atCrash }) => String(atCrash.inMemory) },
  { group: 'end', title: 'mem', width: 4, text: ({ atReset }) => String(atReset.inMemory) },
  { group: '', title: 'result', width: 8, text: endingText },
];

/** Text columns begin at their left. */
const LEFT = new Set(['design', 'result']);

function row(columns: readonly Column[], cells: readonly string[]): string {
  return columns
    .map(({ title, width }, i) =>
      LEFT.has(title) ? `${i > 0 ? ' ' : ''}${cells[i].padEnd(width)}` : cells[i].padStart(width),
    )
    .join('')
    .trimEnd();
}

/** Columns that have a group in common stay together; one without a group is alone. */
function inGroups(columns: readonly Column[]): Column[][] {
  const groups: Column[][] = [];
  for (const column of columns) {
    const last = groups.at(-1);
    if (column.group !== '' && last?.[0].group === column.group) last.push(column);
    else groups.push([column]);
  }
  return groups;
}

const widthOf = (columns: readonly Column[]): number =>
  columns.reduce((sum, { title, width }) => sum + width + (LEFT.has(title) ? 1 : 0), 0);

/** Tables that fit the width, one below the other; the first column stands in each. */
function inTables(width: number): Column[][] {
  const [design, ...others] = COLUMNS;
  const tables: Column[][] = [[design]];
  for (const group of inGroups(others)) {
    const last = tables[tables.length - 1];
    if (last.length > 1 && widthOf([...last, ...group]) > width) tables.push([design, ...group]);
    else last.push(...group);
  }
  return tables;
}

/** Names of groups, each over the end of its columns. */
function groupLine(columns: readonly Column[]): string {
  return inGroups(columns)
    .map((group) => group[0].group.padStart(group.reduce((sum, { width }) => sum + width, 0)))
    .join('')
    .trimEnd();
}

const WIDTH = 120;

/** Lines, without line ends. @param width of the terminal, in columns */
export function comparisonTable(results: readonly DesignResult[], width = WIDTH): string[] {
  const tables = inTables(width).map((columns) => [
    groupLine(columns),
    row(
      columns,
      columns.map(({ title }) => title),
    ),
    ...results.map((result) =>
      row(
        columns,
        columns.map(({ text }) => text(result)),
      ),
    ),
  ]);
  return [
    ...tables.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines])),
    ...notes('lost', results, (result) => [lossText(result)]),
    ...notes('said twice', results, ({ repeated }) => (repeated > 0 ? [String(repeated)] : [])),
    ...notes('out of order', results, (result) => [disorderText(result)]),
    ...notes('does not come to its end', results, (result) => unendedTexts(result)),
  ];
}

function notes(
  title: string,
  results: readonly DesignResult[],
  of: (result: DesignResult) => readonly string[],
): string[] {
  const found = results.flatMap((result) =>
    of(result)
      .filter((text) => text !== '')
      .map((text) => `  ${result.name}: ${text}`),
  );
  return found.length > 0 ? ['', `${title}:`, ...found] : [];
}
