// What comes of a guest behind the end of the region: it runs on as the machine itself would, all harts
// together, with what is left of the line script; and all of it is undone.

import type { Machine } from '../machine/machine.ts';
import type { LineEvent } from './line-events.ts';
import type { Stepper } from './stepper.ts';

const SLICE_NS = 5_000_000;

/** How long it may take, in virtual ns. */
export interface Patience {
  readonly longestNs: number;
  /** It is over if nothing came out of the first UART for so long. */
  readonly quietNs: number;
}

export class RunOn {
  readonly #machine: Machine;
  readonly #stepper: Stepper;
  readonly #script: readonly LineEvent[];

  /** @param script what the far ends of the lines are going to do */
  constructor(machine: Machine, stepper: Stepper, script: readonly LineEvent[]) {
    this.#machine = machine;
    this.#stepper = stepper;
    this.#script = script;
  }

  /** Asks again and again, whenever something has come out of the first UART, until it is enough. */
  until(isEnough: () => boolean, patience: Patience): void {
    const machine = this.#machine;
    const stepper = this.#stepper;
    const { board, log } = stepper;
    const sent = board.sent.map(({ length }) => length);
    const { top } = log;
    for (const event of this.#script) if (event.canHappen()) event.happen();
    const point = machine.mark();
    try {
      this.#run(isEnough, patience);
    } finally {
      machine.rewind(point);
      machine.release(point);
      stepper.rewind(top);
      board.sent.forEach((bytes, i) => (bytes.length = sent[i]));
    }
  }

  /** All harts go on together from the latest time that one of them is at. */
  #run(isEnough: () => boolean, { longestNs, quietNs }: Patience): void {
    const machine = this.#machine;
    const { tracks, time, board } = this.#stepper;
    const times = tracks.map((track) => time.toNs(Math.max(track.time, track.pendingTime)));
    const begin = Math.max(machine.clock.now, ...times);
    machine.join(begin);
    const [sent] = board.sent;
    let [lastNs, length] = [begin, -1];
    for (let at = begin; at < begin + longestNs && at - lastNs < quietNs;) {
      at += SLICE_NS;
      machine.run(at);
      if (sent.length === length && machine.stopped === undefined) continue;
      [lastNs, length] = [at, sent.length];
      if (isEnough() || machine.stopped !== undefined) break;
    }
  }
}
