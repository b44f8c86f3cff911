// Quantiles of measured values, by nearest rank: every figure is one that has occurred.

export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Undefined if there are no values. */
export function quantiles(values: readonly number[]): Quantiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1];
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
