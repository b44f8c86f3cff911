// `import 'printkit/vitest'`: matchers for vitest that explore a guest. What fails shows the schedule.
//
//   await expect(scenario('sem-up', { append: 'printk=nbcon' })).toSurviveAllSchedules({ preemptions: 2 });
//   await expect(scenario('sem-up', { append: 'printk=2016' })).toDeadlock();
//
// An exploration takes longer than vitest's five seconds: give the test a timeout above `seconds`.

import { expect } from 'vitest';
import { type Exploration, explore, type ExploreOptions } from './explore/explore.ts';
import type { Bounds } from './explore/search.ts';
import { isHang } from './explore/verdict-text.ts';

export { scenario, type ScenarioOptions } from './scenario.ts';

/** How far to go; what is not given is the scenario's own, or `explore`'s default. */
export interface ScheduleLimits extends Partial<Bounds> {
  /** To look for a finding, seconds. */
  readonly seconds?: number;
  /** Of the search within the bounds. */
  readonly executions?: number;
  /** Random executions before it. */
  readonly samples?: number;
  readonly seed?: number;
  /** Worker threads. */
  readonly jobs?: number;
}

export interface SurvivalLimits extends ScheduleLimits {
  /** Whether it is enough that nothing was found when `seconds` or `executions` have run out. Default no. */
  readonly partial?: boolean;
}

interface Result {
  readonly pass: boolean;
  readonly message: () => string;
}

expect.extend({
  async toSurviveAllSchedules(received: unknown, limits: SurvivalLimits = {}): Promise<Result> {
    const result = await exploreWithin(received, limits);
    if (result.kind === 'finding') return { pass: false, message: () => findingText(result) };
    if (result.complete || limits.partial === true) {
      return { pass: true, message: () => `expected a finding, but ${result.sentence}` };
    }
    return { pass: this.isNot, message: () => notCovered(result.sentence) };
  },

  async toDeadlock(received: unknown, limits: ScheduleLimits = {}): Promise<Result> {
    const result = await exploreWithin(received, limits);
    if (result.kind === 'finding') {
      if (isDeadlock(result)) return { pass: true, message: () => findingText(result) };
      const but = 'expected a deadlock, but it fails in another way';
      return { pass: this.isNot, message: () => `${but}:\n${findingText(result)}` };
    }
    if (!this.isNot || result.complete) {
      return { pass: false, message: () => `expected a deadlock, but ${result.sentence}` };
    }
    return { pass: true, message: () => notCovered(result.sentence) };
  },
});

async function exploreWithin(received: unknown, limits: SurvivalLimits): Promise<Exploration> {
  if (!isExplorable(received)) {
    throw new TypeError(
      "expected a scenario: expect(scenario('sem-up', { append: 'printk=nbcon' }))",
    );
  }
  const bounds = { ...received.bounds, ...given(limits, ['preemptions', 'irqs', 'nmis']) };
  const others = given(limits, ['seconds', 'executions', 'samples', 'seed', 'jobs']);
  return explore({ ...received, ...others, bounds });
}

/** Those of the limits that are there. */
function given<Name extends keyof ScheduleLimits>(
  limits: ScheduleLimits,
  names: readonly Name[],
): Partial<Record<Name, number>> {
  const values = names.map((name) => [name, limits[name]] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Partial<
    Record<Name, number>
  >;
}

const isExplorable = (value: unknown): value is ExploreOptions =>
  typeof value === 'object' && value !== null && 'elf' in value;

type Finding = Extract<Exploration, { kind: 'finding' }>;

/** Harts that wait for ever, asleep or in a loop; the guest saying so itself is something else. */
const isDeadlock = ({ report: { ending, verdict } }: Finding): boolean => isHang(ending, verdict);

const findingText = ({ text }: Finding): string => text();

const notCovered = (sentence: string): string =>
  `not all schedules were explored: ${sentence}\n` +
  'Give it more seconds, lower bounds, or { partial: true } if finding nothing in that time is enough.';

declare module 'vitest' {
  interface Matchers<T> {
    /** No schedule within the bounds hangs or fails. Fails, too, if not all could be explored. */
    toSurviveAllSchedules: T extends ExploreOptions
      ? (limits?: SurvivalLimits) => Promise<void>
      : never;
    /** There is a schedule in which harts wait for ever. */
    toDeadlock: T extends ExploreOptions ? (limits?: ScheduleLimits) => Promise<void> : never;
  }
}
