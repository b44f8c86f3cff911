// The table of a finding before it is text or a page: one row for what a context did in a row at one
// place, one for each switch with its reason. What matters less is folded until the table is short
// enough: locks that decide, switches that decide, and where everybody stands at the end stay.

import { type Place, placeText } from './place.ts';
import { byteText } from './story.ts';
import { heldBy } from './wait-cycle.ts';
import type { LockChange, Standstill, Story, StoryAccess, StoryStep } from './story.ts';

/** Why the execution goes on elsewhere. */
export interface Reason {
  /** "hart 0 is preempted". */
  readonly text: string;
  /** Without this switch the finding is gone. */
  readonly isCause: boolean;
  /** "hart 0 first goes on with spin_unlock locking/spinlock.ts:134: ends well"; absent if not tried. */
  readonly flip: string | undefined;
}

/** By the number of the step that a switch leads to. */
export type Reasons = ReadonlyMap<number, Reason>;

export interface StepRow {
  readonly kind: 'step';
  readonly lane: string;
  readonly mark: 'lock' | 'value' | 'wait' | 'entry' | 'place';
  readonly text: string;
  readonly locks: readonly LockChange[];
  /** Numbers of its steps. */
  readonly first: number;
  readonly last: number;
  /** It must not be folded. */
  readonly isKept: boolean;
}

/** Numbers of the first and the last step of a row. */
export function extentOf(row: Row): { readonly first: number; readonly last: number } {
  if (row.kind === 'step') return row;
  if (row.kind === 'switch') return { first: row.at, last: row.at };
  const inner = row.rows.map(extentOf);
  return {
    first: Math.min(...inner.map(({ first }) => first)),
    last: Math.max(...inner.map(({ last }) => last)),
  };
}

/** While it is being made. */
type Changeable<T> = { -readonly [K in keyof T]: T[K] };

/** Rows that are not shown one by one. */
export interface FoldRow {
  readonly kind: 'fold';
  /** Undefined: of several lanes. */
  readonly lane: string | undefined;
  readonly text: string;
  readonly rows: readonly Row[];
}

export interface SwitchRow {
  readonly kind: 'switch';
  /** Number of the step that it leads to. */
  readonly at: number;
  readonly reason: Reason;
}

export type Row = StepRow | FoldRow | SwitchRow;

/** Rows of a turn in which nothing has to be folded. */
const TURN_ROWS = 6;
/** Longer repetitions are folded like everything else. */
const REPEATS_KEPT = 24;
/** Values of a turn that are never folded. */
const VALUES_KEPT = 2;

/** What a table is made of. */
export interface TableSource {
  readonly story: Story;
  readonly reasons: Reasons;
  /** Turns from this step on are never folded with others. */
  readonly repeatsFrom: number;
}

/** Up to step `last`; at most `rowsMax` rows where that is possible. */
export function tableRows(
  { story, reasons, repeatsFrom }: TableSource,
  last: number,
  rowsMax: number,
): Row[] {
  const steps = story.steps.slice(0, last + 1);
  const decisive = new Set(story.ends.flatMap(({ holds, for: what }) => [...holds, what?.name]));
  const isShort = steps.length <= rowsMax;
  const turns = turnsOf(steps, reasons).map((indices): Turn => ({
    rows: rowsOf(indices, steps, decisive, isShort),
    reason: reasons.get(indices[0]),
    at: indices[0],
    isKept: indices[0] >= repeatsFrom && steps.length - repeatsFrom <= REPEATS_KEPT,
  }));
  let rows: Row[] = [];
  for (const detail of [3, 2, 1, 0]) {
    rows = assemble(turns, detail);
    if (rows.length <= rowsMax) break;
  }
  return rows;
}

interface Turn {
  readonly rows: readonly StepRow[];
  readonly reason: Reason | undefined;
  readonly at: number;
  /** It must not be folded with others. */
  readonly isKept: boolean;
}

/** Indices of the steps of each turn. */
function turnsOf(steps: readonly StoryStep[], reasons: Reasons): number[][] {
  const turns: number[][] = [];
  for (const [i, { lane }] of steps.entries()) {
    const turn = turns.at(-1);
    if (turn === undefined || reasons.has(i) || lane !== steps[i - 1].lane) turns.push([i]);
    else turn.push(i);
  }
  return turns;
}

function rowsOf(
  indices: readonly number[],
  steps: readonly StoryStep[],
  decisive: ReadonlySet<string | undefined>,
  isShort: boolean,
): StepRow[] {
  const rows: StepRow[] = [];
  let values = 0;
  for (let at = 0; at < indices.length; at++) {
    const first = indices[at];
    const step = steps[first];
    const sent = sentFrom(steps, indices.slice(at));
    at += Math.max(0, sent.length - 1);
    const last = indices[at];
    const row = { ...rowOf(step, steps, decisive, isShort), first, last };
    if (sent.length > 0) row.text = `has sent ${JSON.stringify(String.fromCharCode(...sent))}`;
    if (row.mark === 'value' && row.isKept && ++values > VALUES_KEPT) row.isKept = false;
    const before = rows.at(-1);
    const isSame = before?.text === row.text && before.mark !== 'lock';
    // The words of a lock change beside its owner; a row for each would say nothing.
    const isInLock = step.access?.isLock === true && row.mark === 'place';
    const isEmpty = isInLock && (before !== undefined || step.then !== undefined);
    if (isSame) rows[rows.length - 1] = { ...before, last };
    else if (!isEmpty) rows.push(row);
    if (step.then !== undefined) rows.push({ ...row, ...waitRow(step.then) });
  }
  return rows;
}

/** Bytes that leave a UART one after the other: they are one row. */
function sentFrom(steps: readonly StoryStep[], indices: readonly number[]): number[] {
  const bytes: number[] = [];
  for (const i of indices) {
    const { sent } = steps[i];
    if (sent === undefined) break;
    bytes.push(sent);
  }
  return bytes;
}

function waitRow({ state, for: what }: Standstill) {
  const value = what?.value === undefined ? '' : ` = ${valueText(what.value)}`;
  const by = what?.holder === undefined ? '' : `, ${heldBy(what)}`;
  const text = what === undefined ? state : `${state} for ${what.name}${value}${by}`;
  return { mark: 'wait' as const, text: `■ ${text}`, locks: [], isKept: false };
}

/** The innermost function that is not a lock's own says more than the lock's. */
function rowOf(
  step: StoryStep,
  steps: readonly StoryStep[],
  decisive: ReadonlySet<string | undefined>,
  isShort: boolean,
): Omit<Changeable<StepRow>, 'first' | 'last'> {
  const { lane, calls, locks, access } = step;
  const common = { kind: 'step', lane, locks } as const;
  if (locks.length > 0) {
    const place = calls.find(({ name }) => !LOCK_FUNCTION.test(name)) ?? calls[0];
    const names = locks.map(({ sign, name }) => `${sign}${name}`).join(' ');
    const isKept = locks.some(({ name }) => decisive.has(name));
    return { ...common, mark: 'lock', text: `${names}  ${placeText(unlocked(place))}`, isKept };
  }
  if (step.isEntry) {
    return { ...common, mark: 'entry', text: `▼ ${placeText(calls[0])}`, isKept: false };
  }
  const crosses = access?.from !== undefined && steps[access.from].lane !== lane && !access.isLock;
  const isShown = access !== undefined && !access.isLock && (isShort || crosses);
  const value = isShown ? `  ${accessText(access)}` : '';
  const masks = step.masks === undefined ? '' : `  ${step.masks}`;
  const text = `${placeText(calls[0])}${value}${masks}`;
  const isKept = crosses && [...decisive].some((name) => name && access.name.startsWith(name));
  return { ...common, mark: crosses ? 'value' : 'place', text, isKept };
}

/** Functions of locks, and files that a line of a lock that was inlined is in. */
const LOCK_FUNCTION = /lock|^(down|up)_/;
const LOCK_FILE = /\/locking\//;

/** Without the line of what was inlined: it is no place of that function. */
function unlocked({ name, source }: Place): Place {
  return { name, source: source !== undefined && LOCK_FILE.test(source) ? undefined : source };
}

/** `flag = 0`, `flag 0→1`, `uart0 THR ← 'a'`. */
export function accessText({ name, writes, before, after, pointsTo }: StoryAccess): string {
  if (after === undefined) return name;
  const value = pointsTo === undefined ? valueText(after) : `&${pointsTo}`;
  if (before === undefined) {
    return `${name} ← ${name.endsWith('THR') ? byteText(after) : value}`;
  }
  return writes ? `${name} ${valueText(before)}→${value}` : `${name} = ${value}`;
}

const DECIMAL_MAX = 9999;
const valueText = (value: number): string => {
  const unsigned = value >>> 0;
  return unsigned <= DECIMAL_MAX ? String(unsigned) : `0x${unsigned.toString(16)}`;
};

/**
 * Detail 3: long turns without what is neither a lock nor a value that crossed over. 2: turns in a row in
 * which nothing is decided are one row. 1: locks taken and given back in one turn are one row. 0: no values.
 */
function assemble(turns: readonly Turn[], detail: number): Row[] {
  const rows: Row[] = [];
  let quiet: Row[] = [];
  let quietTurns = 0;
  const flush = (): void => {
    if (quietTurns > 2) rows.push(quietRow(quiet, quietTurns));
    else rows.push(...quiet);
    [quiet, quietTurns] = [[], 0];
  };
  const lastOf = new Map(turns.map((turn, i) => [turn.rows[0].lane, i]));
  for (const [i, turn] of turns.entries()) {
    const { lane } = turn.rows[0];
    const shown: Row[] = folded(detail <= 1 ? paired(turn.rows) : turn.rows, detail);
    if (turn.reason !== undefined)
      shown.unshift({ kind: 'switch', at: turn.at, reason: turn.reason });
    const isQuiet =
      detail <= 2 &&
      i > 0 &&
      !turn.isKept &&
      lastOf.get(lane) !== i &&
      turn.reason?.isCause !== true &&
      !turn.rows.some(({ isKept }) => isKept);
    if (isQuiet) {
      quiet.push(...shown);
      quietTurns++;
    } else {
      flush();
      rows.push(...shown);
    }
  }
  flush();
  return rows;
}

function quietRow(rows: readonly Row[], turns: number): FoldRow {
  const lanes = [...new Set(rows.flatMap((row) => ('lane' in row ? [row.lane ?? ''] : [])))];
  const text = `${turns} turns of ${lanes.sort().join(', ')}, in which nothing is decided`;
  return { kind: 'fold', lane: undefined, text, rows };
}

/** First and last rows of a turn, and all that is marked; what is between is counted. */
function folded(turn: readonly Row[], detail: number): Row[] {
  const rows: Row[] = [];
  let hidden: Row[] = [];
  const flush = (): void => {
    const [first] = hidden;
    if (hidden.length === 1) rows.push(first);
    else if (hidden.length > 1) {
      const lane = 'lane' in first ? first.lane : undefined;
      rows.push({ kind: 'fold', lane, text: `… ${hidden.length} more places`, rows: hidden });
    }
    hidden = [];
  };
  for (const [i, row] of turn.entries()) {
    const isEdge = i === 0 || i === turn.length - 1 || turn.length <= TURN_ROWS;
    if (isEdge || isShown(row, detail)) {
      flush();
      rows.push(row);
    } else hidden.push(row);
  }
  flush();
  return rows;
}

function isShown(row: Row, detail: number): boolean {
  if (row.kind === 'fold') return detail > 0;
  if (row.kind === 'switch' || row.isKept) return true;
  return row.mark === 'value' ? detail > 2 : row.mark !== 'place';
}

/** A lock that is taken and given back, with nothing but places between, becomes one row. */
function paired(turn: readonly StepRow[]): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < turn.length; i++) {
    const row = turn[i];
    const next = turn.findIndex(({ locks }, j) => j > i && locks.length > 0);
    if (next < 0 || !isPair(row, turn[next])) rows.push(row);
    else {
      const text = row.text.replace('+', '±');
      rows.push({ kind: 'fold', lane: row.lane, text, rows: turn.slice(i, next + 1) });
      i = next;
    }
  }
  return rows;
}

function isPair(a: StepRow, b: StepRow): boolean {
  const [[taken], [given]] = [a.locks, b.locks];
  const isOne = a.locks.length === 1 && b.locks.length === 1 && !a.isKept && !b.isKept;
  return isOne && taken.sign === '+' && given.sign === '-' && taken.name === given.name;
}
