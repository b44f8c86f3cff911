// Time under exploration: every hart has its own, in instructions since the start, and it moves by what
// the hart executes and by what it learns from others. So it depends on what happens before alone, and
// never runs backwards along what a guest can observe. docs/explore-machine.md, "Time".

import type { Machine } from '../machine/machine.ts';
import type { HartTrack } from './hart-track.ts';
import type { UndoLog } from './undo-log.ts';

const KIND_STAMP = -2;
const KIND_PARTS = -3;

/** Reads of the time at one place, so many instructions apart at most, are a loop that waits. */
const LOOP_INSTRUCTIONS = 200;
/** Longest step of such a loop: 1.3 ms at 10 ns for an instruction. */
const JUMP_MAX = 1 << 17;
/** Time goes no further than this in one execution: 10.7 s at 10 ns. */
export const TIME_MAX = 1 << 30;

interface SavedParts {
  readonly word: number;
  readonly before: readonly number[] | undefined;
}

export class LocalTime {
  readonly #log: UndoLog;
  readonly #startNs: number;
  readonly #nsPerInstruction: number;
  /** Time of the last visible store to each word. */
  readonly #stamps: Int32Array;
  /** The same by byte, for words of which a part has been stored to. */
  readonly #parts = new Map<number, readonly number[]>();
  /** Last read of the time in the present run: where, when, and how far it made time jump. */
  #pc = 0;
  #steps = 0;
  #jump = 0;

  constructor(machine: Machine, log: UndoLog) {
    this.#log = log;
    this.#startNs = machine.harts.reduce((ns, hart) => Math.max(ns, hart.localNs), machine.now);
    this.#nsPerInstruction = machine.nsPerInstruction;
    this.#stamps = new Int32Array(machine.memory.i32.length);
  }

  /** Virtual time in ns at which a hart is. */
  nsOf(track: HartTrack): number {
    return this.toNs(track.time);
  }

  /** Virtual time in ns of a time in instructions. */
  toNs(time: number): number {
    return this.#startNs + time * this.#nsPerInstruction;
  }

  /** Time in instructions at which something that happens at `ns` is. */
  at(ns: number): number {
    return Math.ceil((ns - this.#startNs) / this.#nsPerInstruction);
  }

  /** Moves a hart's time on, in instructions. */
  pass(track: HartTrack, instructions: number): void {
    track.time = Math.min(TIME_MAX, track.time + instructions);
  }

  /** Reading what another hart wrote, at that RAM offset, brings a hart's time at least to when that happened. */
  observe(track: HartTrack, offset: number, bytes: number): void {
    const word = offset >>> 2;
    const parts = this.#parts.size === 0 ? undefined : this.#parts.get(word);
    const stamp = parts === undefined ? this.#stamps[word] : latest(parts, offset & 3, bytes);
    if (stamp > track.time) track.time = stamp;
    const over = (offset & 3) + bytes - 4;
    if (over > 0) this.observe(track, offset + bytes - over, over);
  }

  /** A hart has stored to a RAM offset, visibly. */
  stored(track: HartTrack, offset: number, bytes: number): void {
    const word = offset >>> 2;
    const parts = this.#parts.size === 0 ? undefined : this.#parts.get(word);
    const over = (offset & 3) + bytes - 4;
    if (over > 0) this.stored(track, offset + bytes - over, over);
    if (bytes < 4 || over > 0 || parts !== undefined)
      this.#storedPart(track, word, offset & 3, bytes, parts);
    else {
      const { words } = this.#log;
      words[this.#log.top++] = word;
      words[this.#log.top++] = this.#stamps[word];
      words[this.#log.top++] = KIND_STAMP;
      this.#stamps[word] = track.time;
    }
  }

  #storedPart(
    { time }: HartTrack,
    word: number,
    from: number,
    bytes: number,
    before: readonly number[] | undefined,
  ): void {
    const stamp = this.#stamps[word];
    const parts = before ?? [stamp, stamp, stamp, stamp];
    const saved: SavedParts = { word, before };
    this.#log.pushObject(KIND_PARTS, saved);
    this.#parts.set(
      word,
      parts.map((old, byte) => (byte >= from && byte < from + bytes ? time : old)),
    );
  }

  /** Undoes a record of this class. @returns false for those of others. */
  undo(kind: number): boolean {
    const log = this.#log;
    if (kind === KIND_PARTS) {
      const { word, before } = log.popObject() as SavedParts;
      if (before === undefined) this.#parts.delete(word);
      else this.#parts.set(word, before);
      return true;
    }
    if (kind !== KIND_STAMP) return false;
    log.top -= 2;
    this.#stamps[log.words[log.top]] = log.words[log.top + 1];
    return true;
  }

  /** Words of a record before its kind. */
  payloadOf(kind: number): number {
    return kind === KIND_STAMP ? 2 : 0;
  }

  /** How often anybody has read the time, and counters of cycles or instructions. */
  clockReads = 0;
  counterReads = 0;
  /** Harts read the time as this much later than it is, in ns: for finding out who waits for it. */
  aheadNs = 0;

  /** A hart begins to run up to its next visible operation. */
  begin(): void {
    this.#pc = 0;
  }

  /** A hart is about to read the time: in a loop that does nothing else, it waits in steps that double. */
  noteRead(track: HartTrack): void {
    const { hart } = track;
    this.clockReads++;
    const again = this.#pc === hart.pc32 && hart.steps - this.#steps <= LOOP_INSTRUCTIONS;
    this.#jump = again ? Math.min(JUMP_MAX, Math.max(1, this.#jump * 2)) : 0;
    this.pass(track, this.#jump);
    this.#pc = hart.pc32;
    this.#steps = hart.steps;
  }
}

/** The latest of the times of so many bytes. */
function latest(parts: readonly number[], from: number, bytes: number): number {
  let time = 0;
  for (let byte = from; byte < Math.min(4, from + bytes); byte++)
    time = Math.max(time, parts[byte]);
  return time;
}
