// Charts as inline SVG, a row per design: ranges on a logarithmic axis, and shares of a whole. Colours are
// classes, which the page's style sheet gives for light and dark; each mark says its value on hover.

import { escapeHtml } from '../html/page.ts';

const WIDTH = 860;
const LABEL_WIDTH = 150;
const VALUE_WIDTH = 70;
const ROW_HEIGHT = 22;
const AXIS_HEIGHT = 22;
const PLOT_LEFT = LABEL_WIDTH + 10;
const PLOT_WIDTH = WIDTH - PLOT_LEFT - VALUE_WIDTH;

/** A mark on a design's line: class of its colour, what it is, and where. */
export interface Mark {
  readonly kind: string;
  readonly label: string;
  readonly value: number;
}

export interface RangeRow {
  readonly name: string;
  /** Smallest first; the largest is written behind the line. Empty: nothing was measured. */
  readonly marks: readonly Mark[];
}

/** Dots on a line from the smallest to the largest, on a logarithmic axis of whole decades. */
export function rangeChart(
  title: string,
  rows: readonly RangeRow[],
  show: (value: number) => string,
): string {
  const values = rows.flatMap(({ marks }) => marks.map(({ value }) => value)).filter((v) => v > 0);
  if (values.length === 0) return '';
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const x = (value: number) =>
    PLOT_LEFT +
    (PLOT_WIDTH * (Math.log10(Math.max(value, 10 ** low)) - low)) / Math.max(1, high - low);
  const bottom = rows.length * ROW_HEIGHT;
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const grid = decades.map(
    (value) =>
      `<line class="grid" x1="${at(x(value))}" x2="${at(x(value))}" y1="0" y2="${bottom}"/>` +
      `<text class="tick" x="${at(x(value))}" y="${bottom + 16}">${show(value)}</text>`,
  );
  const lines = rows.map(({ name, marks }, i) => {
    const y = i * ROW_HEIGHT + ROW_HEIGHT / 2;
    const [first, last] = [marks.at(0), marks.at(-1)];
    if (first === undefined || last === undefined) return label(name, y);
    const dots = marks.map(
      ({ kind, label: what, value }) =>
        `<circle class="${kind}" cx="${at(x(value))}" cy="${y}" r="5">` +
        `<title>${escapeHtml(`${name}: ${what} ${show(value)}`)}</title></circle>`,
    );
    return (
      label(name, y) +
      `<line class="range" x1="${at(x(first.value))}" x2="${at(x(last.value))}" y1="${y}" y2="${y}"/>` +
      dots.join('') +
      `<text class="value" x="${at(x(last.value) + 9)}" y="${y + 4}">${show(last.value)}</text>`
    );
  });
  return svg(title, bottom + AXIS_HEIGHT, [...grid, ...lines]);
}

export interface ShareRow {
  readonly name: string;
  readonly parts: readonly Mark[];
}

/** Bars of the same length, divided as the values are. */
export function shareChart(title: string, rows: readonly ShareRow[]): string {
  const lines = rows.map(({ name, parts }, i) => {
    const y = i * ROW_HEIGHT;
    const total = parts.reduce((sum, { value }) => sum + value, 0);
    let x = PLOT_LEFT;
    const bars = parts.map(({ kind, label: what, value }) => {
      const width = total === 0 ? 0 : (PLOT_WIDTH * value) / total;
      const bar =
        `<rect class="${kind}" x="${at(x)}" y="${y + 3}" width="${at(width)}" height="${ROW_HEIGHT - 6}">` +
        `<title>${escapeHtml(`${name}: ${value} ${what}`)}</title></rect>`;
      x += width;
      return value === 0 ? '' : bar;
    });
    const count = `<text class="value" x="${PLOT_LEFT + PLOT_WIDTH + 8}" y="${y + 15}">${total}</text>`;
    return label(name, y + ROW_HEIGHT / 2) + bars.join('') + count;
  });
  return svg(title, rows.length * ROW_HEIGHT, lines);
}

const at = (value: number): string => value.toFixed(1);

function label(name: string, y: number): string {
  return `<text class="name" x="${LABEL_WIDTH}" y="${y + 4}">${escapeHtml(name)}</text>`;
}

function svg(title: string, height: number, parts: readonly string[]): string {
  return (
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `${parts.join('')}</svg>`
  );
}
