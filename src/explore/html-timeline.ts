// A finding as a drawing: a band for each hart with its contexts nested as interrupts do, when it runs,
// waits and sleeps, which locks it holds meanwhile, what leaves through the UART, and the switches.
// From left to right are steps, not time: harts have no common clock (docs/explore-machine.md). A turn is
// as wide as the logarithm of its steps.

import { escapeHtml } from '../html/page.ts';
import { lanesOf } from './report.ts';
import { placeText } from './place.ts';
import type { Reasons } from './rows.ts';
import type { Story, StoryStep } from './story.ts';

const WIDTH = 1000;
const LEFT = 96;
const RIGHT = 8;
/** Behind the last step: for those who wait for ever. */
const TAIL = 60;
const LANE = 20;
const LOCK = 13;
const GAP = 14;
const TOP = 26;
/** Of the width of a turn, for a stretch with as many steps in which nothing is decided. */
const QUIET_SHARE = 0.7;
/** Width of a letter of a label. */
const LETTER = 6.2;

/** Steps of one lane in a row. */
interface Turn {
  readonly lane: string;
  readonly hart: number | undefined;
  readonly first: number;
  readonly last: number;
}

/** A bar from one step up to another. */
interface Span {
  readonly first: number;
  /** Exclusive; infinite: for ever. */
  readonly end: number;
  readonly name: string;
}

/** Where things are. */
interface Layout {
  readonly x: (step: number) => number;
  readonly y: ReadonlyMap<string, number>;
  readonly height: number;
}

/** Steps in which nothing is decided: they take little room. */
export interface QuietSteps {
  readonly first: number;
  readonly last: number;
}

/** `decisive`: names of the locks that the verdict is about. */
export function timeline(
  story: Story,
  reasons: Reasons,
  last: number,
  decisive: ReadonlySet<string>,
  quiet: readonly QuietSteps[],
): string {
  const steps = story.steps.slice(0, last + 1);
  const turns = turnsOf(steps);
  const holds = holdsOf(steps);
  const layout = layOut(story, last, turns, holds, quiet);
  const parts = [
    ...lanesOf(story, last).map((lane) => laneLine(lane, layout)),
    ...standstills(steps, layout),
    ...turns.map((turn) => turnBar(turn, steps, layout)),
    ...[...holds].flatMap(([hart, rows]) =>
      rows.flatMap((row, i) => row.map((span) => holdBar(span, hart, i, layout, decisive))),
    ),
    ...turns.slice(1).flatMap((turn, i) => {
      const isQuiet = quiet.some(({ first, last }) => first < turn.first && turn.first <= last);
      return isQuiet ? [] : [switchArrow(turns[i], turn, reasons, layout)];
    }),
  ];
  return (
    `<svg class="timeline" viewBox="0 0 ${WIDTH} ${layout.height}" role="img" ` +
    `aria-label="timeline">${ARROW}${parts.join('')}</svg>`
  );
}

const ARROW =
  '<defs><marker id="head" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="7" markerHeight="7" ' +
  'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L6 3 L0 6 z" class="arrowhead"/></marker></defs>';

function turnsOf(steps: readonly StoryStep[]): Turn[] {
  const turns: Turn[] = [];
  for (const [i, { lane, hart }] of steps.entries()) {
    const before = turns.at(-1);
    if (before?.lane === lane) turns[turns.length - 1] = { ...before, last: i };
    else turns.push({ lane, hart, first: i, last: i });
  }
  return turns;
}

/** For each hart, the times at which it holds locks, in rows that do not overlap. */
function holdsOf(steps: readonly StoryStep[]): Map<number, Span[][]> {
  const open = new Map<string, { hart: number; first: number }[]>();
  const spans = new Map<number, Span[]>();
  const close = (name: string, end: number): void => {
    const hold = open.get(name)?.pop();
    if (hold === undefined) return;
    const own = spans.get(hold.hart) ?? [];
    spans.set(hold.hart, [...own, { first: hold.first, end, name }]);
  };
  for (const [i, { hart, locks }] of steps.entries()) {
    for (const { sign, name } of locks) {
      if (sign === '-') close(name, i + 1);
      else if (hart !== undefined) open.set(name, [...(open.get(name) ?? []), { hart, first: i }]);
    }
  }
  for (const [name, holds] of open) while (holds.length > 0) close(name, Infinity);
  return new Map([...spans].map(([hart, own]) => [hart, stacked(own)]));
}

/** Rows of spans, each span in the first row that is free then. */
function stacked(spans: readonly Span[]): Span[][] {
  const rows: Span[][] = [];
  for (const span of [...spans].sort((a, b) => a.first - b.first)) {
    const free = rows.find((row) => (row.at(-1)?.end ?? 0) <= span.first);
    if (free === undefined) rows.push([span]);
    else free.push(span);
  }
  return rows;
}

function layOut(
  story: Story,
  last: number,
  turns: readonly Turn[],
  holds: ReadonlyMap<number, readonly Span[][]>,
  quiet: readonly QuietSteps[],
): Layout {
  const y = new Map<string, number>();
  let top = TOP;
  const lanes = lanesOf(story, last);
  const hartOf = (lane: string): number | undefined =>
    turns.find((turn) => turn.lane === lane)?.hart;
  const harts = [...new Set(lanes.flatMap((lane) => hartOf(lane) ?? []))];
  for (const hart of harts) {
    // Contexts that interrupt stand above what they interrupt.
    for (const lane of lanes.filter((each) => hartOf(each) === hart).reverse()) {
      y.set(lane, top);
      top += LANE;
    }
    y.set(locksKey(hart), top + 1);
    top += LOCK * (holds.get(hart)?.length ?? 0) + GAP;
  }
  for (const lane of lanes.filter((each) => hartOf(each) === undefined)) {
    y.set(lane, top);
    top += LANE + 4;
  }
  return { x: scale(segmentsOf(turns, quiet)), y, height: top + 4 };
}

const locksKey = (hart: number): string => `locks of ${hart}`;

/** Steps with a scale of their own: a turn, or all turns of a quiet stretch. */
interface Segment {
  readonly first: number;
  readonly last: number;
  readonly weight: number;
}

function segmentsOf(turns: readonly Turn[], quiet: readonly QuietSteps[]): Segment[] {
  const segments: Segment[] = [];
  for (const { first, last } of turns) {
    const stretch = quiet.find((each) => each.first <= first && first <= each.last);
    const steps = stretch === undefined ? last - first : stretch.last - stretch.first;
    const weight = (1 + Math.log2(2 + steps)) * (stretch === undefined ? 1 : QUIET_SHARE);
    if (stretch === undefined) segments.push({ first, last, weight });
    else if (stretch.first === first) segments.push({ ...stretch, weight });
  }
  return segments;
}

/** Where a step begins: piecewise linear, segment by segment. */
function scale(segments: readonly Segment[]): (step: number) => number {
  const total = segments.reduce((sum, { weight }) => sum + weight, 0);
  const unit = (WIDTH - LEFT - RIGHT - TAIL) / total;
  const starts: number[] = [];
  let x = LEFT;
  for (const { weight } of segments) {
    starts.push(x);
    x += weight * unit;
  }
  return (step) => {
    if (step === Infinity) return WIDTH - RIGHT;
    const at = segments.findLastIndex(({ first }) => first <= step);
    const { first, last, weight } = segments[at];
    const share = Math.min(1, (step - first) / (last - first + 1));
    return starts[at] + share * weight * unit;
  };
}

function laneLine(lane: string, { y }: Layout): string {
  const middle = (y.get(lane) ?? 0) + LANE / 2;
  return (
    `<text class="lane" x="${LEFT - 8}" y="${middle + 4}">${escapeHtml(lane)}</text>` +
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${middle}" y2="${middle}"/>`
  );
}

function turnBar(
  { lane, hart, first, last }: Turn,
  steps: readonly StoryStep[],
  at: Layout,
): string {
  const kind = hart === undefined ? 'device' : (lane.split(' ')[2] ?? 'task');
  const [from, to] = [steps[first], steps[last]];
  const locks = steps
    .slice(first, last + 1)
    .flatMap((step) => step.locks.map(({ sign, name }) => sign + name));
  const title = [
    `${lane}: step ${first + 1}${last > first ? ` to ${last + 1}` : ''}${timeText(from, to)}`,
    placeText(from.calls[0]),
    ...(last > first ? [`… ${placeText(to.calls[0])}`] : []),
    ...(locks.length > 0 ? [locks.slice(0, 16).join(' ')] : []),
  ].join('\n');
  const x = at.x(first);
  const width = Math.max(0.4, at.x(last + 1) - x - 0.5);
  const y = (at.y.get(lane) ?? 0) + 3;
  const label = hart === undefined ? '' : barLabel(from.calls[0].name, x, y + 11, width);
  return (
    `<g><rect class="${kind}" x="${px(x)}" y="${y}" width="${px(width)}" height="${LANE - 6}" rx="2"/>` +
    `${label}<title>${escapeHtml(title)}</title></g>`
  );
}

function timeText(from: StoryStep, to: StoryStep): string {
  if (from.ns === undefined || to.ns === undefined) return '';
  return `, ${(from.ns / 1000).toFixed(1)} to ${(to.ns / 1000).toFixed(1)} µs`;
}

/** Waits and sleeps: from the step after which the hart stood still to its next one. */
function standstills(steps: readonly StoryStep[], at: Layout): string[] {
  return steps.flatMap(({ then, hart, lane }, i) => {
    if (then === undefined) return [];
    const next = steps.findIndex((step, j) => j > i && step.hart === hart);
    const end = at.x(next < 0 ? Infinity : next);
    const x = at.x(i + 1);
    const isWait = then.state === 'waits';
    const y = (at.y.get(lane) ?? 0) + (isWait ? 3 : 8);
    const what = then.for === undefined ? then.state : `${then.state} for ${then.for.name}`;
    const holder = then.for?.holder === undefined ? '' : ` (${then.for.holder})`;
    const label = isWait ? barLabel(next < 0 ? 'waits' : what, x, y + 11, end - x) : '';
    return [
      `<g><rect class="${isWait ? 'waits' : 'sleeps'}" x="${px(x)}" y="${y}" ` +
        `width="${px(Math.max(2, end - x))}" height="${isWait ? LANE - 6 : 4}" rx="2"/>${label}` +
        `<title>${escapeHtml(`${lane} ${what}${holder}`)}</title></g>`,
    ];
  });
}

function holdBar(
  { first, end, name }: Span,
  hart: number,
  row: number,
  at: Layout,
  decisive: ReadonlySet<string>,
): string {
  const x = at.x(first);
  const width = Math.max(1.5, at.x(end) - x);
  const y = (at.y.get(locksKey(hart)) ?? 0) + row * LOCK;
  const title = `hart ${hart} holds ${name}: step ${first + 1} to ${end === Infinity ? 'the end' : end}`;
  return (
    `<g><rect class="${decisive.has(name) ? 'decisive' : 'hold'}" x="${px(x)}" y="${y}" ` +
    `width="${px(width)}" height="${LOCK - 2}" rx="1"/>${barLabel(name, x, y + 9.5, width)}` +
    `<title>${escapeHtml(title)}</title></g>`
  );
}

function switchArrow(from: Turn, to: Turn, reasons: Reasons, at: Layout): string {
  const reason = reasons.get(to.first);
  const x = px(at.x(to.first));
  const [y1, y2] = [from.lane, to.lane].map((lane) => (at.y.get(lane) ?? 0) + LANE / 2);
  const title = [reason?.text, reason?.flip].filter((text) => text !== undefined).join('\n');
  const cause = reason?.isCause === true;
  const flag = cause ? `<text class="cause" x="${x}" y="14">✗</text>` : '';
  return (
    `<g><line class="${cause ? 'switch is-cause' : 'switch'}" x1="${x}" x2="${x}" y1="${y1}" ` +
    `y2="${y2}" marker-end="url(#head)"/>${flag}` +
    `<title>${escapeHtml(title === '' ? `${from.lane} → ${to.lane}` : title)}</title></g>`
  );
}

/** A text in a bar, if it fits. */
function barLabel(text: string, x: number, y: number, width: number): string {
  if (text.length * LETTER > width - 4) return '';
  return `<text class="label" x="${px(x + 3)}" y="${px(y)}">${escapeHtml(text)}</text>`;
}

const px = (value: number): string => value.toFixed(1);
