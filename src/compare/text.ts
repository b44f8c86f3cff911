// How figures and endings read, in the terminal and in the page.

import type { Loss } from './account.ts';
import { LOSSES } from './account.ts';
import type { DesignResult } from './result.ts';
import type { StuckHart } from './stuck.ts';

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Three digits and a unit: `954`, `2.63k`, `155k`, `1.2M`. */
export function compact(value: number): string {
  if (value < 1000) return String(Math.round(value));
  const unit = value < 999_500 ? 'k' : 'M';
  const scaled = value / (unit === 'k' ? 1e3 : 1e6);
  return `${threeDigits(scaled)}${unit}`;
}

/** A time given in µs: `26µs`, `4.46ms`, `1.41s`. */
export function duration(us: number): string {
  const [scaled, unit] =
    us < 999.5 ? [us, 'µs'] : us < 999_500 ? [us / 1e3, 'ms'] : [us / 1e6, 's'];
  return `${threeDigits(scaled)}${unit}`;
}

/** Messages that are neither on the wire nor in the log. */
export function lostCount({ lost }: DesignResult): number {
  return LOSSES.filter((loss) => loss !== 'memory').reduce((sum, loss) => sum + lost[loss], 0);
}

/** `overwritten 57, recursion 3`. */
export function lossText({ lost }: DesignResult): string {
  const named = (loss: Loss) => (lost[loss] > 0 ? [`${loss} ${lost[loss]}`] : []);
  return LOSSES.filter((loss) => loss !== 'memory')
    .flatMap(named)
    .join(', ');
}

/** `kept`, or how many messages came behind a later one. */
export function orderText({ outOfStream, outOfOrder }: DesignResult): string {
  const worse = Math.max(outOfStream, outOfOrder);
  return worse > 0 ? String(worse) : 'kept';
}

/** What was out of order, if anything. */
export function disorderText({ outOfStream, outOfOrder }: DesignResult): string {
  const all = outOfOrder > 0 ? [`${outOfOrder} behind one that was said later`] : [];
  const own = outOfStream > 0 ? [`${outOfStream} of them of the same CPU and context`] : [];
  return [...all, ...own].join(', ');
}

export function endingText({ ending }: DesignResult): string {
  switch (ending) {
    case 'done':
      return 'survives';
    case 'hang':
      return 'HANGS';
    case 'late':
      return 'LATE';
  }
}

/** In which phase it hangs, and where each hart does. */
export function unendedTexts({ ending, phase, stuck }: DesignResult): string[] {
  switch (ending) {
    case 'done':
      return [];
    case 'hang':
      return stuckTexts(stuck).map((text) => `hangs in phase ${phase}: ${text}`);
    case 'late':
      return [`is still in phase ${phase} after the time that a workload may take`];
  }
}

const TRACE_CALLS = 6;

/** `hart 2 waiting for port_lock, held by hart 2: spin_lock ← …`; harts that do the same share a text. */
export function stuckTexts(stuck: readonly StuckHart[]): string[] {
  const same = new Map<string, number[]>();
  for (const { hart, lock, owner, trace } of stuck) {
    const holder = owner === undefined ? '' : `, held by hart ${owner}`;
    const what = lock === undefined ? 'spinning' : `waiting for ${lock}${holder}`;
    const calls = trace.slice(0, TRACE_CALLS).join(' ← ');
    const text = `${what}: ${calls}${trace.length > TRACE_CALLS ? ' ← …' : ''}`;
    same.set(text, [...(same.get(text) ?? []), hart]);
  }
  return [...same].map(
    ([text, harts]) => `${harts.length > 1 ? 'harts' : 'hart'} ${harts.join(', ')} ${text}`,
  );
}
