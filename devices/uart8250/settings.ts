// Rate and word format as the line is told them: once nothing has changed for a frame, or when a
// character begins. Drivers write the divisor in halves and try odd LCR values while they probe;
// a real port at the other end must not follow each of these.

import type { Clock, Timer } from '../ports.ts';
import type { Chip } from './chip.ts';
import type { LineSettings } from './line.ts';
import { framesNs, lineSettings } from './timing.ts';

export class Settings {
  readonly #chip: Chip;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #report: (settings: LineSettings) => void;
  #reported: LineSettings;
  #unsettled = false;

  constructor(chip: Chip, clock: Clock, name: string, report: (settings: LineSettings) => void) {
    this.#chip = chip;
    this.#clock = clock;
    this.#report = report;
    this.#timer = clock.timer(`${name}.settle`, () => this.settle());
    this.#reported = this.current;
  }

  /** As the registers are now. */
  get current(): LineSettings {
    const { registers, effectiveDivisor, clockHz } = this.#chip;
    return lineSettings(registers.lcr, effectiveDivisor, clockHz);
  }

  /** As the line knows them. */
  get reported(): LineSettings {
    return this.#reported;
  }

  /** To be called when LCR, the divisor or the prescaler may have changed. */
  changed(): void {
    this.#chip.timingChanged();
    this.#unsettled = this.#differ();
    if (this.#unsettled) this.#timer.set(this.#clock.now + framesNs(this.#chip.frame, 1));
    else this.#timer.cancel();
  }

  /** Reports what has not been reported yet. */
  settle(): void {
    if (!this.#unsettled) return;
    this.#unsettled = false;
    this.#timer.cancel();
    this.#reported = this.current;
    this.#report(this.#reported);
  }

  #differ(): boolean {
    const next = this.current;
    const last = this.#reported;
    return (
      next.baud !== last.baud ||
      next.dataBits !== last.dataBits ||
      next.parity !== last.parity ||
      next.stopBits !== last.stopBits
    );
  }

  save(): { settings: LineSettings; settleNs: number | null } {
    const settleNs = this.#timer.deadline === Infinity ? null : this.#timer.deadline;
    return { settings: { ...this.#reported }, settleNs };
  }

  /** The chip's registers must have been restored before. */
  restore(state: { settings: LineSettings; settleNs: number | null }): void {
    this.#reported = { ...state.settings };
    this.#unsettled = this.#differ();
    if (state.settleNs === null) this.#timer.cancel();
    else this.#timer.set(state.settleNs);
  }
}
