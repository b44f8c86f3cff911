// Interrupt identification and the INTR output: a level, the OR of every cause that is pending and
// enabled. PC16550D 8.6 (IIR, table IV), 8.7 (IER) and 8.11.

import type { InterruptLine } from '../ports.ts';
import type { Chip } from './chip.ts';
import {
  IER_CTS,
  IER_EDSSI,
  IER_ELSI,
  IER_ERBFI,
  IER_ETBEI,
  IER_RTS,
  IER_XOFF,
  IIR_64BYTE,
  IIR_CTS_RTS,
  IIR_FIFO,
  IIR_FIFO_BROKEN,
  IIR_LINE_STATUS,
  IIR_MODEM,
  IIR_NONE,
  IIR_RDA,
  IIR_THRE,
  IIR_TIMEOUT,
  IIR_XOFF,
  FCR_ENABLE,
} from './registers.ts';

/** Conditions that are levels in other parts of the UART. */
export interface InterruptSources {
  lineErrors(): boolean;
  dataAtTrigger(): boolean;
  timeout(): boolean;
  modemChanged(): boolean;
  /** False while the board's OUT2 gate holds INTR back. */
  gateOpen(): boolean;
}

export class Interrupts {
  readonly #chip: Chip;
  readonly #sources: InterruptSources;
  readonly #output: InterruptLine;
  /** The one latched cause of the 8250: see `raiseThre` for what sets it. */
  #thre = false;
  #xoff = false;
  #flow = false;
  #level = false;

  constructor(chip: Chip, sources: InterruptSources, output: InterruptLine) {
    this.#chip = chip;
    this.#sources = sources;
    this.#output = output;
  }

  /** Present level of INTR, behind the OUT2 gate. */
  get level(): boolean {
    return this.#level;
  }

  get threPending(): boolean {
    return this.#thre;
  }

  /** THR or FIFO became empty, or IER.1 went 0 → 1 while it was. */
  raiseThre(): void {
    this.#thre = true;
  }

  /** THR write, IIR read that returned THRE, or IER.1 1 → 0. */
  dropThre(): void {
    this.#thre = false;
  }

  /** 650: Xoff or a special character was received. */
  raiseXoff(): void {
    this.#xoff = true;
  }

  /** 650: Xon takes the Xoff interrupt back. */
  dropXoff(): void {
    this.#xoff = false;
  }

  /** 650: CTS or RTS went inactive. */
  raiseFlow(pin: 'cts' | 'rts'): void {
    const enable = pin === 'cts' ? IER_CTS : IER_RTS;
    if (this.#chip.registers.ier & enable) this.#flow = true;
  }

  /** IIR 5:0 for the cause of highest priority. */
  get identification(): number {
    const { ier } = this.#chip.registers;
    if (ier & IER_ELSI && this.#sources.lineErrors()) return IIR_LINE_STATUS;
    // Both have second priority. A timeout implies unread data: reporting it first lets a driver
    // that reads only what the trigger promises see it, and is what QEMU and VirtualBox do.
    if (ier & IER_ERBFI && this.#sources.timeout()) return IIR_TIMEOUT;
    if (ier & IER_ERBFI && this.#sources.dataAtTrigger()) return IIR_RDA;
    if (ier & IER_ETBEI && this.#thre) return IIR_THRE;
    if (ier & IER_EDSSI && this.#sources.modemChanged()) return IIR_MODEM;
    if (this.#chip.variant.enhanced) {
      if (ier & IER_XOFF && this.#xoff) return IIR_XOFF;
      if (ier & (IER_CTS | IER_RTS) && this.#flow) return IIR_CTS_RTS;
    }
    return IIR_NONE;
  }

  /** IIR as it reads, without acknowledging anything. */
  get iir(): number {
    return this.identification | this.#fifoBits;
  }

  /** IIR read: acknowledges THRE only when THRE is what it returns. */
  readIir(): number {
    const identification = this.identification;
    if (identification === IIR_THRE) this.#thre = false;
    if (identification === IIR_XOFF) this.#xoff = false;
    if (identification === IIR_CTS_RTS) this.#flow = false;
    this.update();
    return identification | this.#fifoBits;
  }

  get #fifoBits(): number {
    const { variant, registers } = this.#chip;
    if ((registers.fcr & FCR_ENABLE) === 0) return 0;
    switch (variant.fifo) {
      case 'none':
        return 0;
      case 'broken':
        return IIR_FIFO_BROKEN;
      case 'working':
        return IIR_FIFO | (this.#chip.deepFifo ? IIR_64BYTE : 0);
    }
  }

  /** Re-evaluates INTR; to be called after every change of a cause, an enable or the gate. */
  update(): void {
    const level = this.identification !== IIR_NONE && this.#sources.gateOpen();
    if (level === this.#level) return;
    this.#level = level;
    this.#output(level);
  }

  reset(): void {
    this.#thre = false;
    this.#xoff = false;
    this.#flow = false;
  }

  save() {
    return {
      threPending: this.#thre,
      xoffPending: this.#xoff,
      flowPending: this.#flow,
      level: this.#level,
    };
  }

  restore(state: ReturnType<Interrupts['save']>): void {
    this.#thre = state.threPending;
    this.#xoff = state.xoffPending;
    this.#flow = state.flowPending;
    this.#level = state.level;
  }
}
