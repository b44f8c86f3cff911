// Warnings about the order of locks, for people: what each says, and what has become of it. A warning
// predicts a deadlock in some other execution; the search looks for that one (`directed` in
// strategies.ts), and in the end it is confirmed by the schedule that was found, or it was not reached.

import type { Dependency, LockWarning, WarningKind } from './lock-order.ts';
import type { WaitLink } from './wait-cycle.ts';

export type WarningStatus =
  /** The schedule that was found is the deadlock that it predicts. */
  | 'confirmed by schedule'
  /** All executions within the bound were explored, and none of them is it. */
  | 'not reached within the bound'
  /** Not in those that were explored. */
  | 'not reached in what was explored'
  | 'not reached before this finding'
  /** It predicts nothing: what it says has happened. */
  | 'seen';

/** Plain data. */
export interface WarningReport {
  readonly status: WarningStatus;
  /** One line. */
  readonly headline: string;
  /** One line for each place that it is about. */
  readonly places: readonly string[];
  readonly warning: LockWarning;
}

/** Whether it is about an execution that has not been seen. */
export function isPredicted({ kind }: LockWarning): boolean {
  return PREDICTED[kind];
}

const PREDICTED: Readonly<Record<WarningKind, boolean>> = {
  recursion: true,
  inversion: true,
  'taken in irq and with irqs on': true,
  'irq-safe to irq-unsafe': true,
  'waited for in NMI': true,
  'sleeping lock in atomic context': false,
  'unbalanced release': false,
  'init of a held lock': false,
  'held at the end of an interrupt': false,
};

/** Names of all locks that a warning is about. */
export function namesIn({ classes, chain }: LockWarning): ReadonlySet<string> {
  return new Set([...classes, ...chain.flatMap(({ from, to }) => [from, to])]);
}

/** Each warning once: the first of those that say the same. */
export function mergedWarnings(lists: readonly (readonly LockWarning[])[]): LockWarning[] {
  const byKey = new Map<string, LockWarning>();
  for (const warning of lists.flat()) {
    const key = [warning.kind, ...[...warning.classes].sort()].join('\0');
    if (!byKey.has(key)) byKey.set(key, warning);
  }
  return [...byKey.values()];
}

/**
 * @param missed what has become of a warning that is not confirmed
 * @param cycle of the finding; empty if there is none
 */
export function warningReports(
  warnings: readonly LockWarning[],
  missed: WarningStatus,
  cycle: readonly WaitLink[] = [],
): WarningReport[] {
  return warnings.map((warning) => ({
    status: !isPredicted(warning)
      ? 'seen'
      : isConfirmed(warning, cycle)
        ? 'confirmed by schedule'
        : missed,
    headline: HEADLINES[warning.kind](warning.classes),
    places: placesOf(warning),
    warning,
  }));
}

function isConfirmed(warning: LockWarning, cycle: readonly WaitLink[]): boolean {
  const waitedFor = cycle.flatMap((link) => (link.for?.kind === 'lock' ? [link.for.name] : []));
  const names = namesIn(warning);
  if (!waitedFor.every((name) => names.has(name))) return false;
  if (!warning.classes.every((name) => waitedFor.includes(name))) return false;
  const isInterrupted = cycle.some((link) => link.for === undefined);
  switch (warning.kind) {
    case 'recursion':
      return waitedFor.length === 1 && !isInterrupted;
    case 'inversion':
      return waitedFor.length > 1;
    default:
      return isInterrupted;
  }
}

type Headline = (classes: readonly string[]) => string;

const HEADLINES: Readonly<Record<WarningKind, Headline>> = {
  recursion: ([name]) => `${name} is taken by who has it, or another one of that name`,
  inversion: ([name, other]) => `${name} is taken under ${other}, and ${other} under ${name}`,
  'taken in irq and with irqs on': ([name]) =>
    `${name} is taken in an interrupt, and elsewhere with interrupts on`,
  'irq-safe to irq-unsafe': ([safe, other]) =>
    `${other} is taken under ${safe}; interrupts take ${safe}, and come while ${other} is held`,
  'waited for in NMI': ([name]) => `an NMI waits for ${name}, which is taken outside of NMIs too`,
  'sleeping lock in atomic context': ([name, ...spin]) =>
    `${name} may sleep, and is taken ${spin.length > 0 ? `under ${spin.join(', ')}` : 'where nobody may'}`,
  'unbalanced release': ([name]) => `${name} is given back by who does not have it`,
  'init of a held lock': ([name]) => `${name} is initialised while somebody has it`,
  'held at the end of an interrupt': (names) => `${names.join(', ')}: not given back by a handler`,
};

function placesOf({ thread, at, chain }: LockWarning): string[] {
  const taken = ({ from, to, ...where }: Dependency): string =>
    `${from} → ${to}: ${where.thread}, ${where.at}`;
  return chain.length > 0 ? chain.map(taken) : [`${thread}, ${at}`];
}

/** Lines for a terminal, without line ends; none without warnings. */
export function warningLines(reports: readonly WarningReport[]): string[] {
  if (reports.length === 0) return [];
  const lines = reports.flatMap(({ status, headline, places }) => [
    `  ${headline}: ${status}`,
    ...places.map((place) => `    ${place}`),
  ]);
  return ['lock order:', ...lines];
}
