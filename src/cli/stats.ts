// The report of `--stats`: what was executed, in which virtual and which wall time.

export interface RunStats {
  /** Instructions retired by each hart. */
  readonly retired: readonly number[];
  readonly virtualNs: number;
  readonly wallMs: number;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Lines for stderr. All but the last say the same in every run of the same guest. */
export function formatStats(stats: RunStats): string[] {
  const total = stats.retired.reduce((sum, count) => sum + count, 0);
  const mips = total / (stats.wallMs * 1000);
  return [
    ...stats.retired.map((count, hart) => `hart ${hart}: ${grouped(count)} instructions`),
    `total: ${grouped(total)} instructions`,
    `virtual time: ${(stats.virtualNs / 1e9).toFixed(9)} s`,
    `wall time: ${(stats.wallMs / 1000).toFixed(3)} s, ${mips.toFixed(1)} MIPS`,
  ];
}
