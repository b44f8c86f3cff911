// Loops in which harts wait: finding where they begin, parking the harts that are in one, waking them when
// what they look at is written, and telling a lockup. A loop that has been found stays known over all
// executions, and a hart that comes to its head is asked each time what it would do (spin.ts).

import type { HartTrack } from './hart-track.ts';
import type { Access } from './model.ts';
import { TIME_MAX } from './local-time.ts';
import { changes } from './reservations.ts';
import { lookAhead } from './spin.ts';
import type { Lookahead } from './spin.ts';
import type { Stepper } from './stepper.ts';

const KIND_PROSPECT = -20;
const NOTHING_AHEAD: Lookahead = { prospect: 'goes on', reads: [] };
/** So many timers in a row while a hart spins and nobody can do anything are a soft lockup. */
const LOCKUP_TIMERS = 32;
/** And so is this much time, in instructions: 2.7 s at 10 ns. */
const LOCKUP_TIME = 1 << 28;
/** How often a waiting loop is gone round before its limit is taken for far away. */
const TURNS_MAX = 100_000;
/** Most that time passes, in instructions, in one turn of it: 1 ms at 10 ns. */
const WAIT_STEP_MAX = 100_000;
/** Accesses in one turn of it. */
const READS_MAX = 64;

/** What was known about a hart's prospects before a change. */
interface Before extends Lookahead {
  readonly track: HartTrack;
  readonly lapLeft: number;
  readonly lapHead: number;
  readonly timersOutwaited: number;
}

export class WaitingLoops {
  readonly #stepper: Stepper;
  readonly #isPanicking: () => boolean;
  /** Addresses, signed. */
  readonly #heads = new Set<number>();
  /** When the limit of each hart's loop runs out, where that is known. */
  readonly #limits: (number | undefined)[] = [];

  /** @param isPanicking whether a hart panics, and waits for the others with limits of its own */
  constructor(stepper: Stepper, isPanicking: () => boolean) {
    this.#stepper = stepper;
    this.#isPanicking = isPanicking;
  }

  get heads(): readonly number[] {
    return [...this.#heads];
  }

  learn(heads: readonly number[]): void {
    for (const pc of heads) this.#heads.add(pc | 0);
  }

  /** A hart that spins while only time goes on, and has for long. */
  get locked(): HartTrack | undefined {
    for (const track of this.#stepper.tracks) {
      if (track.timersOutwaited >= LOCKUP_TIMERS) return track;
    }
    return undefined;
  }

  /** After a hart's step: finds out whether it has come to the head of a loop that was not known. */
  find(track: HartTrack, accesses: readonly Access[]): void {
    const { ownership } = this.#stepper;
    const { pc32 } = track.hart;
    const isNew = accesses.length === 0 || accesses.some(changes);
    if (isNew || track.standing !== 'access') {
      [track.headPc, track.headAge, track.headPatience] = [pc32, 0, 1];
    } else if (ownership.frozen) {
      return;
    } else if (pc32 === track.headPc && !this.#heads.has(pc32)) {
      if (lookAhead(this.#stepper, track).prospect === 'goes on') return;
      this.#heads.add(pc32);
      ownership.grown = true;
    } else if (++track.headAge >= track.headPatience) {
      [track.headPc, track.headAge, track.headPatience] = [pc32, 0, track.headPatience * 2];
    }
  }

  /**
   * After any step: decides anew about the hart that took it, and those who look at what it wrote.
   * `isOwn`: the hart has gone on by itself.
   */
  follow(hart: number | undefined, accesses: readonly Access[], isOwn: boolean): void {
    for (const track of this.#stepper.tracks) {
      if (track.hart.id === hart) {
        if (!isOwn || !this.#goRound(track)) this.#look(track);
      } else if (track.reads.length > 0 && concerns(accesses, track.reads)) this.#look(track);
    }
  }

  /** A step of the one lap in a waiting loop. @returns false if it was none */
  #goRound(track: HartTrack): boolean {
    if (track.lapLeft === 0) return false;
    this.#save(track);
    track.lapLeft--;
    return track.standing === 'access' && (track.lapLeft > 0 || track.hart.pc32 === track.lapHead);
  }

  #look(track: HartTrack): void {
    const isHead = track.standing === 'access' && this.#heads.has(track.hart.pc32);
    if (!isHead && track.prospect === 'goes on' && track.reads.length === 0) return;
    this.#save(track);
    const ahead = isHead ? lookAhead(this.#stepper, track) : NOTHING_AHEAD;
    track.prospect = ahead.prospect;
    track.reads = ahead.reads;
    track.lapLeft = ahead.prospect !== 'goes on' && ahead.reads.length > 1 ? ahead.reads.length : 0;
    track.lapHead = track.hart.pc32;
    track.timersOutwaited = 0;
  }

  /** Nobody else can do anything: goes round a waiting loop until its limit runs out. */
  waitOut(track: HartTrack): readonly Access[] {
    const stepper = this.#stepper;
    const head = track.hart.pc32;
    const accesses: Access[] = [];
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      accesses.length = 0;
      stepper.time.pass(track, Math.min(WAIT_STEP_MAX, 2 ** turns));
      do accesses.push(...stepper.step(track));
      while (
        stepper.standsBeforeAccess(track) &&
        accesses.length < READS_MAX &&
        track.hart.pc32 !== head
      );
      if (track.hart.pc32 !== head || stepper.log.isFull || track.time >= TIME_MAX) break;
    }
    return accesses;
  }

  /** The time at which the limit of a waiting loop runs out if nobody does anything, in instructions. */
  limitOf(track: HartTrack): number {
    const known = this.#limits[track.hart.id];
    if (known !== undefined) return known;
    const stepper = this.#stepper;
    const mark = stepper.log.top;
    stepper.saveHart(track);
    this.waitOut(track);
    const { time } = track;
    stepper.rewind(mark);
    this.#limits[track.hart.id] = time;
    return time;
  }

  /** Nobody could do anything but let time go on to the next timer, which is due at `time`. */
  outwait(time: number): void {
    for (const track of this.#stepper.tracks) {
      if (track.prospect !== 'spins') continue;
      this.#save(track);
      if (time - track.time > LOCKUP_TIME) track.timersOutwaited = LOCKUP_TIMERS;
      else if (!this.#isPanicking()) track.timersOutwaited++;
    }
  }

  #save(track: HartTrack): void {
    const { prospect, reads, lapLeft, lapHead, timersOutwaited } = track;
    const before: Before = { track, prospect, reads, lapLeft, lapHead, timersOutwaited };
    this.#stepper.log.pushObject(KIND_PROSPECT, before);
  }

  /** Undoes a record of this class. @returns false for those of others. */
  undo(kind: number): boolean {
    if (kind !== KIND_PROSPECT) return false;
    const before = this.#stepper.log.popObject() as Before;
    const { track } = before;
    track.prospect = before.prospect;
    track.reads = before.reads;
    track.lapLeft = before.lapLeft;
    track.lapHead = before.lapHead;
    track.timersOutwaited = before.timersOutwaited;
    this.#limits[track.hart.id] = undefined;
    return true;
  }
}

/** Do these accesses change something that was looked at? */
function concerns(accesses: readonly Access[], reads: readonly Access[]): boolean {
  return reads.some((seen) =>
    accesses.some(
      ({ address, bytes, kind }) =>
        kind === 'write' && address < seen.address + seen.bytes && seen.address < address + bytes,
    ),
  );
}
