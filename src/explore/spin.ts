// Loops that wait, decided and not guessed. A hart spins if the code ahead of it comes back to where it
// stands, having changed nothing, with every register that it will read as it was: what it does next is
// then a function of what it reads from shared memory alone, so it is parked until some of that is
// written. If registers differ (a counter, a time), but it reads the same places the next time round, or
// if it would not come back at a much later time, it waits with a limit: parked likewise, but the limit may
// run out. The code is tried and taken back.

import type { HartTrack } from './hart-track.ts';
import type { Access } from './model.ts';
import { changes } from './reservations.ts';
import type { Stepper } from './stepper.ts';

/** A waiting loop looks at this many things at most. */
const READS_MAX = 16;

/** What the code ahead of a hart does. */
export type Prospect =
  /** Comes back to where it is, for ever, until something that it reads changes. */
  | 'spins'
  /** The same, until a limit runs out. */
  | 'waits'
  | 'goes on';

export interface Lookahead {
  readonly prospect: Prospect;
  /** What was looked at, up to where it turned out not to wait. */
  readonly reads: readonly Access[];
}

/** Later than any limit: 73 minutes, in ns. */
const MUCH_LATER_NS = 2 ** 42;

/** Tries what a hart would do from where it stands, and takes it back. */
export function lookAhead(stepper: Stepper, track: HartTrack): Lookahead {
  const taken = stepper.lockTaken(track);
  if (taken !== undefined) return { prospect: 'goes on', reads: [taken] };
  const { x } = track.hart;
  const { time } = stepper;
  const { clockReads, counterReads } = time;
  const mark = stepper.log.top;
  stepper.saveHart(track);
  before.set(x);
  stepper.trackRegisters(true);
  const first = turn(stepper, track);
  const same = first.returned && isSame(before, x, stepper.liveRegisters);
  let second: Turn | undefined;
  let willSpin = false;
  let isLimited = same && time.counterReads !== counterReads;
  if (same && !isLimited && time.clockReads !== clockReads)
    isLimited = !returnsLater(stepper, track);
  if (first.returned && !same) {
    between.set(x);
    const live = stepper.liveRegisters;
    second = turn(stepper, track);
    // What it has read before is still in its registers: once round, and it spins.
    willSpin = second.returned && isSame(between, x, live);
  }
  stepper.trackRegisters(false);
  const { reads } = first;
  if (!first.returned) {
    stepper.rewind(mark);
    return { prospect: 'goes on', reads };
  }
  if (!stepper.rewindUnchanged(mark)) return { prospect: 'goes on', reads };
  if (second === undefined) return { prospect: isLimited ? 'waits' : 'spins', reads };
  if (willSpin) return { prospect: 'goes on', reads };
  return { prospect: second.returned && alike(reads, second.reads) ? 'waits' : 'goes on', reads };
}

/** Whether a hart that has come back to its head, and looked at the time, would come back much later, too. */
function returnsLater(stepper: Stepper, track: HartTrack): boolean {
  const mark = stepper.log.top;
  stepper.saveHart(track);
  stepper.time.aheadNs = MUCH_LATER_NS;
  const { returned } = turn(stepper, track);
  stepper.time.aheadNs = 0;
  const isAlike = returned && isSame(before, track.hart.x, stepper.liveRegisters);
  stepper.rewind(mark);
  return isAlike;
}

/** Registers at the beginning of the first turn, and of the second. */
const before = new Int32Array(32);
const between = new Int32Array(32);

/** Whether registers are as they were; bit n of `live` says that xn matters. */
function isSame(were: Int32Array, are: Int32Array, live: number): boolean {
  for (let r = 0; r < 32; r++) {
    if (((live >>> r) & 1) !== 0 && were[r] !== are[r]) return false;
  }
  return true;
}

interface Turn {
  readonly returned: boolean;
  readonly reads: readonly Access[];
}

/** Steps until the hart is back where it was, or does something. */
function turn(stepper: Stepper, track: HartTrack): Turn {
  const { hart, depth } = track;
  const head = hart.pc32;
  const reads: Access[] = [];
  while (reads.length < READS_MAX && stepper.standsBeforeAccess(track)) {
    const accesses = stepper.step(track);
    reads.push(...accesses);
    if (accesses.some(changes) || track.depth !== depth) break;
    if (hart.pc32 === head) return { returned: true, reads };
  }
  return { returned: false, reads };
}

function alike(a: readonly Access[], b: readonly Access[]): boolean {
  return (
    a.length === b.length &&
    a.every((access, i) => access.address === b[i].address && access.bytes === b[i].bytes)
  );
}

/** A hart in wfi gets so many steps to come back to it. */
const SLEEP_STEPS = 2000;

/** Whether a hart in wfi would go on if it were woken for nothing: it then has missed its wakeup. */
export function wouldProceed(stepper: Stepper, track: HartTrack): boolean {
  const { hart } = track;
  const wfi = stepper.instructionOf(track);
  if (wfi?.name !== 'wfi') return false;
  const mark = stepper.log.top;
  const head = hart.pc32;
  stepper.saveHart(track);
  hart.pc32 = (hart.pc32 + wfi.length) | 0;
  stepper.settle(track);
  for (let steps = 0; steps < SLEEP_STEPS && track.standing === 'access'; steps++) {
    stepper.saveHart(track);
    stepper.step(track);
  }
  const sleepsAgain = track.standing === 'wfi' && hart.pc32 === head;
  stepper.rewind(mark);
  return !sleepsAgain;
}
