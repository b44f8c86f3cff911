// Modem control and status: MCR's pins out, MSR's pins and their latched changes in, and the
// crossbar between them in loopback. PC16550D 8.8 (MCR) and 8.9 (MSR).

import type { Chip } from './chip.ts';
import type { ModemInputs, ModemOutputs } from './line.ts';
import {
  MCR_DTR,
  MCR_OUT1,
  MCR_OUT2,
  MCR_RTS,
  MSR_CTS,
  MSR_DCD,
  MSR_DCTS,
  MSR_DDCD,
  MSR_DDSR,
  MSR_DELTAS,
  MSR_DSR,
  MSR_RI,
  MSR_TERI,
} from './registers.ts';

/**
 * What the pins show while nothing drives them: a peer that is there and ready, as QEMU shows it
 * (MSR = 0xB0), so that guests with flow control get their characters out.
 */
export const UNDRIVEN_INPUTS: ModemInputs = { cts: true, dsr: true, ri: false, dcd: true };

/** The pins of {@link Modem.outputBits} by name. */
export function modemOutputs(bits: number): ModemOutputs {
  return {
    dtr: (bits & MCR_DTR) !== 0,
    rts: (bits & MCR_RTS) !== 0,
    out1: (bits & MCR_OUT1) !== 0,
    out2: (bits & MCR_OUT2) !== 0,
  };
}

export class Modem {
  readonly #chip: Chip;
  #inputs: ModemInputs = UNDRIVEN_INPUTS;
  #deltas = 0;
  /** MSR 7:4 as the change detectors have seen it last. */
  #seen: number;

  constructor(chip: Chip) {
    this.#chip = chip;
    this.#seen = this.status;
  }

  get inputs(): ModemInputs {
    return this.#inputs;
  }

  /** Latched changes: MSR 3:0. */
  get deltas(): number {
    return this.#deltas;
  }

  /** MSR 7:4: the input pins, or in loopback RTS, DTR, OUT1 and OUT2 in their place. */
  get status(): number {
    const { mcr } = this.#chip.registers;
    const from = this.#chip.loopback
      ? {
          cts: (mcr & MCR_RTS) !== 0,
          dsr: (mcr & MCR_DTR) !== 0,
          ri: (mcr & MCR_OUT1) !== 0,
          dcd: (mcr & MCR_OUT2) !== 0,
        }
      : this.#inputs;
    return (
      (from.cts ? MSR_CTS : 0) |
      (from.dsr ? MSR_DSR : 0) |
      (from.ri ? MSR_RI : 0) |
      (from.dcd ? MSR_DCD : 0)
    );
  }

  get cts(): boolean {
    return (this.status & MSR_CTS) !== 0;
  }

  /** MSR read: takes the changes. */
  acknowledge(): void {
    this.#deltas = 0;
  }

  /** True when a pin would move. */
  wouldChange(inputs: Partial<ModemInputs>): boolean {
    const { cts, dsr, ri, dcd } = { ...this.#inputs, ...inputs };
    const now = this.#inputs;
    return cts !== now.cts || dsr !== now.dsr || ri !== now.ri || dcd !== now.dcd;
  }

  setInputs(inputs: Partial<ModemInputs>): void {
    this.#inputs = { ...this.#inputs, ...inputs };
  }

  /**
   * Latches what has changed since the last call; to be called after a change of inputs or MCR.
   * @returns the MSR 7:4 bits that changed.
   */
  detect(): number {
    const status = this.status;
    const changed = status ^ this.#seen;
    this.#seen = status;
    if (changed & MSR_CTS) this.#deltas |= MSR_DCTS;
    if (changed & MSR_DSR) this.#deltas |= MSR_DDSR;
    if (changed & MSR_DCD) this.#deltas |= MSR_DDCD;
    // Only the end of a ring counts (TERI: trailing edge).
    if (changed & MSR_RI && (status & MSR_RI) === 0) this.#deltas |= MSR_TERI;
    return changed;
  }

  /** Output pins as MCR 3:0 would have them: all inactive in loopback, RTS as flow control says. */
  outputBits(rtsDropped: boolean): number {
    if (this.#chip.loopback) return 0;
    const held = rtsDropped ? MCR_RTS : 0;
    return this.#chip.registers.mcr & (MCR_DTR | MCR_RTS | MCR_OUT1 | MCR_OUT2) & ~held;
  }

  /** Master reset: the low half of MSR is cleared, the high half follows the pins. */
  reset(): void {
    this.#seen = this.status;
    this.#deltas = 0;
  }

  save(): { inputs: ModemInputs; deltas: number } {
    return { inputs: { ...this.#inputs }, deltas: this.#deltas };
  }

  /** The chip's registers must have been restored before. */
  restore(state: { inputs: ModemInputs; deltas: number }): void {
    this.#inputs = { ...state.inputs };
    this.#deltas = state.deltas & MSR_DELTAS;
    this.#seen = this.status;
  }
}
