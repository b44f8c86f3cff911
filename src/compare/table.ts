// The comparison as a table for a terminal of 120 columns, and below it why messages were lost and where
// designs hang.

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

function row(cells: readonly string[]): string {
  return COLUMNS.map(({ title, width }, i) =>
    LEFT.has(title) ? `${i > 0 ? ' ' : ''}${cells[i].padEnd(width)}` : cells[i].padStart(width),
  )
    .join('')
    .trimEnd();
}

/** Names of groups, each over the middle of its columns. */
function groupLine(): string {
  let line = '';
  for (let i = 0; i < COLUMNS.length;) {
    const { group } = COLUMNS[i];
    let width = 0;
    do width += COLUMNS[i++].width;
    while (i < COLUMNS.length && group !== '' && COLUMNS[i].group === group);
    line += group.padStart(width);
  }
  return line.trimEnd();
}

/** Lines, without line ends. */
export function comparisonTable(results: readonly DesignResult[]): string[] {
  return [
    groupLine(),
    row(COLUMNS.map(({ title }) => title)),
    ...results.map((result) => row(COLUMNS.map(({ text }) => text(result)))),
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
