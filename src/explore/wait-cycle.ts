// Who waits for whom at the end of a story: contexts, not only harts. A context waits for the lock that
// another one holds, or for the handler that has interrupted it to return.

import type { Story, StoryEnd, WaitedFor } from './story.ts';

/** A context that gets no further, and the one that it waits for: the next one of the cycle. */
export interface WaitLink {
  /** "hart 0 irq". */
  readonly lane: string;
  readonly hart: number;
  /** The lock or the variable; undefined: it waits for who has interrupted it. */
  readonly for: WaitedFor | undefined;
  readonly end: StoryEnd;
}

/** The cycle, from the context with the lowest number on; empty if there is none. */
export function waitCycle({ ends }: Story): WaitLink[] {
  const stuck = ends.filter(({ state }) => state === 'waits');
  for (const start of stuck) {
    const path: WaitLink[] = [];
    let next: WaitLink | undefined = topOf(start);
    while (next !== undefined && !path.some(({ lane }) => lane === next?.lane)) {
      path.push(next);
      next = following(next, stuck);
    }
    if (next === undefined) continue;
    const again = next.lane;
    return path.slice(path.findIndex(({ lane }) => lane === again));
  }
  return [];
}

function topOf(end: StoryEnd): WaitLink {
  return { lane: end.lanes.at(-1) ?? '', hart: end.hart, for: end.for, end };
}

function following(link: WaitLink, stuck: readonly StoryEnd[]): WaitLink | undefined {
  if (link.for === undefined) {
    const above = link.end.lanes[link.end.lanes.indexOf(link.lane) + 1];
    if (above === undefined) return undefined;
    return above === link.end.lanes.at(-1) ? topOf(link.end) : { ...link, lane: above };
  }
  const { holder } = link.for;
  const end = stuck.find(({ lanes }) => holder !== undefined && lanes.includes(holder));
  if (end === undefined || holder === undefined) return undefined;
  return holder === end.lanes.at(-1)
    ? topOf(end)
    : { lane: holder, hart: end.hart, for: undefined, end };
}

/** "hart 0 irq → l → hart 0 task → (interrupted) → hart 0 irq". */
export function cycleLine(cycle: readonly WaitLink[]): string {
  const links = cycle.map(
    ({ lane, for: what }) => `${lane} → ${what === undefined ? '(interrupted)' : what.name} → `,
  );
  return links.length === 0 ? '' : `cycle: ${links.join('')}${cycle[0].lane}`;
}

/** "which hart 1 task holds"; of a variable it is only known who has written it last. */
export function holderText(what: WaitedFor): string {
  if (what.holder !== undefined) return `which ${what.holder} ${holdVerb(what)}`;
  switch (what.kind) {
    case 'lock':
      return 'which nobody holds';
    case 'memory':
      return 'which nobody has written';
    case 'interrupt':
    case 'device':
      return 'which does not come';
  }
}

/** What the holder does to it: "holds". */
export function holdVerb({ kind }: WaitedFor): string {
  switch (kind) {
    case 'lock':
      return 'holds';
    case 'interrupt':
      return 'keeps off';
    case 'memory':
    case 'device':
      return 'has written last';
  }
}

/** "held by hart 1 task"; empty if nobody is known. */
export function heldBy({ kind, holder }: WaitedFor): string {
  if (holder === undefined) return '';
  switch (kind) {
    case 'lock':
      return `held by ${holder}`;
    case 'interrupt':
      return `kept off by ${holder}`;
    case 'memory':
    case 'device':
      return `last written by ${holder}`;
  }
}
