// Stories that were made up, for testing how they are shown.

import type { Report } from '../../src/explore/report.ts';
import type { Reason } from '../../src/explore/rows.ts';
import type { Story, StoryEnd, StoryStep } from '../../src/explore/story.ts';

export const step = (lane: string, name: string, more: Partial<StoryStep> = {}): StoryStep => ({
  agent: 0,
  lane,
  hart: lane.startsWith('hart') ? Number(lane.split(' ')[1]) : undefined,
  depth: lane.endsWith('irq') ? 1 : 0,
  isEntry: false,
  calls: [{ name, source: undefined }],
  locks: [],
  access: undefined,
  masks: undefined,
  sent: undefined,
  ns: undefined,
  then: undefined,
  ...more,
});

export const take = (lane: string, name: string, lock: string): StoryStep =>
  step(lane, name, { locks: [{ sign: '+', name: lock }] });
export const give = (lane: string, name: string, lock: string): StoryStep =>
  step(lane, name, { locks: [{ sign: '-', name: lock }] });

export const waits = (
  lanes: string[],
  lock: string,
  holder: string,
  holds: string[],
): StoryEnd => ({
  hart: Number(lanes[0].split(' ')[1]),
  lanes,
  state: 'waits',
  for: { name: lock, kind: 'lock', value: undefined, holder, since: 0 },
  calls: [{ name: 'spin_lock', source: 'firmware/locking/spinlock.ts:81' }],
  holds,
});

export const report = (story: Partial<Story>, reasons: [number, Reason][] = []): Report => ({
  verdict: { headline: 'a headline', explanation: 'an explanation' },
  ending: { kind: 'deadlock', waiting: [] },
  origin: 'found',
  story: { steps: [], ends: [], said: [], ...story },
  reasons: new Map(reasons),
  repeatsFrom: Infinity,
});
