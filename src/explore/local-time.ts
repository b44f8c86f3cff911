// Time under exploration: every hart has its own, in instructions since the start, and it moves by what
// the hart executes and by what it learns from others. So it depends on what happens before alone, and
// never runs backwards along what a guest can observe. docs/explore-machine.md, "Time".

import type { Machine } from '../machine/machine.ts';
import type { HartTrack } from './hart-track.ts';
import type { UndoLog } from './undo-log.ts';

const KIND_STAMP = -2;

/** Reads of the time at one place, so many instructions apart at most, are a loop that waits. */
const LOOP_INSTRUCTIONS = 200;
/** Longest step of such a loop: 1.3 ms at 10 ns for an instruction. */
const JUMP_MAX = 1 << 17;
/** Time goes no further than this in one execution: 10.7 s at 10 ns. */
export const TIME_MAX = 1 << 30;

export class LocalTime {
  readonly #log: UndoLog;
  readonly #startNs: number;
  readonly #nsPerInstruction: number;
  /** Time of the last visible store to each word. */
  readonly #stamps: Int32Array;
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

  /** Reading what another hart wrote brings a hart's time at least to when that happened. */
  observe(track: HartTrack, word: number): void {
    const stamp = this.#stamps[word];
    if (stamp > track.time) track.time = stamp;
  }

  /** A hart has stored to a word, visibly. */
  stored(track: HartTrack, word: number): void {
    const { words } = this.#log;
    words[this.#log.top++] = word;
    words[this.#log.top++] = this.#stamps[word];
    words[this.#log.top++] = KIND_STAMP;
    this.#stamps[word] = track.time;
  }

  /** Undoes a record of this class. @returns false for those of others. */
  undo(kind: number): boolean {
    if (kind !== KIND_STAMP) return false;
    const log = this.#log;
    log.top -= 2;
    this.#stamps[log.words[log.top]] = log.words[log.top + 1];
    return true;
  }

  /** Words of a record before its kind. */
  payloadOf(kind: number): number {
    return kind === KIND_STAMP ? 2 : 0;
  }

  /** A hart begins to run up to its next visible operation. */
  begin(): void {
    this.#pc = 0;
  }

  /** A hart is about to read the time: in a loop that does nothing else, it waits in steps that double. */
  noteRead(track: HartTrack): void {
    const { hart } = track;
    const again = this.#pc === hart.pc32 && hart.steps - this.#steps <= LOOP_INSTRUCTIONS;
    this.#jump = again ? Math.min(JUMP_MAX, Math.max(1, this.#jump * 2)) : 0;
    this.pass(track, this.#jump);
    this.#pc = hart.pc32;
    this.#steps = hart.steps;
  }
}
