// What each verdict means, in words: a headline that says who and what, and a sentence on how such a thing
// comes about and how sure it is. Leaves out how it happened: that is the table's.

import type { Fault } from './message-fault.ts';
import type { Ending } from './model.ts';
import type { Story, StoryEnd } from './story.ts';
import type { VerdictKind } from './verdict.ts';
import { holdVerb, waitCycle, type WaitLink } from './wait-cycle.ts';

export interface VerdictText {
  /** One line: "self-deadlock: hart 1 waits for rq->lock, which it holds itself". */
  readonly headline: string;
  /** One or two sentences. */
  readonly explanation: string;
  /** The guest has given up, said so, and hangs for that reason. */
  readonly gaveUp?: true;
}

/** `kind`: what `judge` says about a deadlock or an execution that was cut. */
export function verdictText(ending: Ending, kind: VerdictKind, story: Story): VerdictText {
  const cycle = waitCycle(story);
  const circle = cycle.length === 0 ? undefined : cycleText(cycle);
  switch (ending.kind) {
    case 'done':
      return { headline: 'no finding', explanation: 'The execution ends well.' };
    case 'deadlock':
      return circle === undefined
        ? unlessGivenUp(deadlockText(kind, story), story)
        : { ...circle, explanation: `${circle.explanation} ${EXACT}` };
    case 'failed':
      if (!isLockup(ending.reason)) return failedText(ending.reason, story);
      return circle === undefined
        ? unlessGivenUp(lockupText(ending.reason, story), story)
        : { ...circle, explanation: `${circle.explanation} ${BOUND}` };
    case 'messages':
      return {
        headline: `message ${ending.fault}: ${ending.text}`,
        explanation: `${MESSAGES[ending.fault]} ${SETTLED}`,
      };
    case 'livelock':
    case 'cut':
      return kind === 'livelock' || ending.kind === 'livelock'
        ? LIVELOCK
        : { headline: `undecided: ${ending.reason}`, explanation: CUT };
  }
}

const MESSAGES: Readonly<Record<Fault, string>> = {
  lost: 'It was said, and is not on the wire.',
  torn: 'Only a part of it is on the wire, or it has other output in it.',
  duplicated: 'It is on the wire more often than consoles had to print it.',
  reordered: 'It is on the wire behind one that was stored later.',
};
const SETTLED =
  'The table ends where the region does; from there the guest ran on by itself until its console had nothing more to print, unless it was reset.';
const EXACT = 'No hart, timer or device can change that any more: this is exact, not a time-out.';
const BOUND =
  'Timers of harts still expire, and change nothing. This verdict is by a bound on how many of them.';
const CUT = 'The execution was cut at a bound; whether it would have ended well is not known.';
const LIVELOCK: VerdictText = {
  headline: 'livelock: the same state comes back while every hart takes its turns',
  explanation:
    'Everybody runs, nobody gets anywhere, and with the same turns that goes on for ever.',
};

/** Harts that wait for each other, or for themselves. */
function cycleText(cycle: readonly WaitLink[]): VerdictText {
  const harts = [...new Set(cycle.map(({ hart }) => hart))];
  const waits = cycle.filter((link) => link.for !== undefined);
  const interrupted = cycle.find((link) => link.for === undefined);
  const through = interrupted === undefined ? '' : ` through ${intrusionOf(interrupted)}`;
  const [first] = waits;
  const has = first.for === undefined ? '' : holdVerb(first.for);
  if (harts.length === 1 && interrupted === undefined) {
    return {
      headline: `self-deadlock: ${first.lane} waits for ${first.for?.name ?? ''}, which it ${has} itself`,
      explanation: 'It can only go on when it has gone on.',
    };
  }
  if (harts.length === 1) {
    const by = `${interrupted?.lane ?? ''} ${has}, the context that it has interrupted`;
    return {
      headline: `self-deadlock${through}: ${first.lane} waits for ${first.for?.name ?? ''}, which ${by}`,
      explanation:
        'The handler cannot return before the interrupted context has gone on, and that not before the handler has returned.',
    };
  }
  const each = waits
    .map((link) => `${link.lane} waits for ${link.for?.name ?? '?'} of ${link.for?.holder ?? '?'}`)
    .join(', ');
  const headline = `deadlock${through}: ${each}`;
  const explanation =
    interrupted === undefined
      ? `Each of ${list(harts.map((hart) => `hart ${hart}`))} waits for what another one of them holds.`
      : `${interrupted.lane} holds what is waited for, but cannot go on before its handler returns, which waits, too.`;
  return { headline, explanation };
}

/** What has come over a context. */
function intrusionOf({ end, lane }: WaitLink): string {
  const above = end.lanes[end.lanes.indexOf(lane) + 1] ?? '';
  return above.includes(' nmi') ? 'an NMI' : above.includes(' trap') ? 'a trap' : 'an interrupt';
}

function deadlockText(kind: VerdictKind, { ends }: Story): VerdictText {
  const stuck = ends.filter(({ state }) => state === 'waits' || state === 'sleeps');
  if (kind === 'lost wakeup') {
    const missed = stuck.filter((end) => end.missed === true);
    const who = list(missed.map((end) => end.lanes.at(-1) ?? `hart ${end.hart}`));
    const be = missed.length === 1 ? 's' : '';
    return {
      headline: `lost wakeup: ${who} sleep${be} although what is waited for has happened`,
      explanation:
        'It would go on if it looked again, but nobody is left who wakes it: the wakeup came between its look and its sleep, or was never sent.',
    };
  }
  if (kind === 'deadlock' || kind === 'self-deadlock') {
    return {
      headline: `${kind}: ${list(stuck.map(waitText))}`,
      explanation: `Each waits for whoever wrote last what it looks at. ${EXACT}`,
    };
  }
  return {
    headline: `never signalled: ${list(stuck.map(waitText))}`,
    explanation: `What is waited for has not happened, and nobody is left who could make it happen. ${EXACT}`,
  };
}

function waitText(end: StoryEnd): string {
  const who = end.lanes.at(-1) ?? `hart ${end.hart}`;
  const what = end.for === undefined ? '' : ` for ${end.for.name}`;
  return end.state === 'sleeps' ? `${who} sleeps` : `${who} waits${what}`;
}

/** Harts wait for ever, though their timers expire; the guest has not said so itself. */
const isLockup = (reason: string): boolean => /^(soft lockup|stall)/.test(reason);

interface FailedKind {
  /** What the ending or a line on the console says. */
  readonly pattern: RegExp;
  readonly name: string;
  readonly explanation: string;
}

/** What a guest's last words mean, the most specific first. */
const FAILED: readonly FailedKind[] = [
  {
    pattern: /\bBUG\b|kernel BUG/,
    name: 'BUG',
    explanation: 'The guest has found itself in a state that it holds to be impossible.',
  },
  {
    pattern: /panic/i,
    name: 'panic',
    explanation: 'The guest has given up by itself.',
  },
  {
    pattern: /\bOops\b/,
    name: 'oops',
    explanation: 'The guest ran into a CPU exception that nobody expected.',
  },
  {
    pattern: /(lost|duplicate|reorder|torn)/i,
    name: 'message lost',
    explanation: 'What came out of the wire is not what was stored.',
  },
  {
    pattern: /\bFAIL\b|check failed/i,
    name: 'check failed',
    explanation: "The scenario's own check says no.",
  },
];

function lockupText(reason: string, { ends }: Story): VerdictText {
  const spins = ends.filter(({ state }) => state === 'waits').map(waitText);
  return {
    headline: spins.length === 0 ? reason : `${reason.replace(/:.*/, '')}: ${list(spins)}`,
    explanation: `Who could end that is idle or gone. ${BOUND}`,
  };
}

function failedText(reason: string, { said }: Story): VerdictText {
  return (
    lastWords([reason, ...said.toReversed()]) ?? {
      headline: `failed: ${reason}`,
      explanation: 'The guest ended by itself, and not well.',
    }
  );
}

/** What the guest means by the lines, the latest first. */
function lastWords(lines: readonly string[]): VerdictText | undefined {
  for (const { pattern, name, explanation } of FAILED) {
    const line = lines.find((text) => pattern.test(text));
    if (line !== undefined) return { headline: `${name}: ${withoutName(name, line)}`, explanation };
  }
  return undefined;
}

/**
 * A kernel that has come to the end of a panic, or one of whose tasks has died of a BUG, hangs as well; but
 * that is not what is wrong with it.
 */
function unlessGivenUp(hang: VerdictText, { said }: Story): VerdictText {
  const words = lastWords(said.filter((line) => GIVEN_UP.test(line)).toReversed());
  if (words === undefined) return hang;
  const explanation = `${words.explanation} What is left of it since: ${hang.headline}.`;
  return { headline: words.headline, explanation, gaveUp: true };
}

const GIVEN_UP = /---\[ end Kernel panic|kernel BUG at/;

/** Harts hang, and the guest has not said itself that it has given up. */
export function isHang(ending: Ending, { gaveUp }: VerdictText): boolean {
  if (gaveUp === true) return false;
  return ending.kind === 'failed' ? isLockup(ending.reason) : ending.kind === 'deadlock';
}

/** "BUG: kernel BUG at…" says it twice; a log's time stamp and the frame of a panic say nothing here. */
function withoutName(name: string, line: string): string {
  const text = line
    .replace(/^(<\d+>)?\[ *\d+\.\d+\](\[[^\]]*\])? */, '')
    .replace(/^---\[ end (.*?)( \]---)?$/, '$1')
    .trim();
  const prefix = `${name}: `;
  return text.toLowerCase().startsWith(prefix.toLowerCase()) ? text.slice(prefix.length) : text;
}

/** "a, b and c". */
function list(texts: readonly string[]): string {
  if (texts.length < 2) return texts.join('');
  return `${texts.slice(0, -1).join(', ')} and ${texts[texts.length - 1]}`;
}
