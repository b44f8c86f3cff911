// One line of the benchmark's table, and how lines are printed.

/** A measured value against its target, or the reason why it was not measured. */
export interface Row {
  readonly name: string;
  /** With its unit. */
  readonly value: string;
  readonly target?: string;
  readonly pass?: boolean;
  /** The same thing measured on a peer in this run, and the ratio of the two. */
  readonly peer?: string;
  readonly skipped?: string;
}

/** A row that could not be measured. */
export const skipped = (name: string, reason: string): Row => ({
  name,
  value: '–',
  skipped: reason,
});

/** Prints rows as they come; columns are as wide as what usually stands in them. */
export function print(row: Row): void {
  const verdict = row.skipped ? 'skip' : row.pass === undefined ? '' : row.pass ? 'pass' : 'FAIL';
  const columns = [
    row.name.padEnd(44),
    row.value.padStart(16),
    (row.target ?? '').padEnd(14),
    verdict.padEnd(4),
    row.skipped ?? row.peer ?? '',
  ];
  console.log(columns.join('  ').trimEnd());
}
