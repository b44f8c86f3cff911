// What the parts of one UART share: its part number, clock, registers and counters, and the
// questions that several of them ask of the registers. Holds no behaviour over time.

import {
  POWER_ON_DIVISOR,
  EFR_AUTO_CTS,
  EFR_AUTO_RTS,
  EFR_ENHANCED,
  FCR_ENABLE,
  FCR_RX_TRIGGER_SHIFT,
  FCR_TX_TRIGGER_SHIFT,
  LCR_EFR_ACCESS,
  MCR_AFE,
  MCR_CLOCK_DIV4,
  MCR_LOOP,
  MCR_RTS,
} from './registers.ts';
import { zeroCounters, type RegisterState, type UartCounters } from './state.ts';
import { frameTime, type FrameTime } from './timing.ts';
import type { TriggerLevels, Uart8250Variant } from './variants.ts';

const PRESCALER = 4;

function powerOnRegisters(): RegisterState {
  return {
    ier: 0,
    fcr: 0,
    lcr: 0,
    mcr: 0,
    scr: 0,
    dll: POWER_ON_DIVISOR & 0xff,
    dlm: POWER_ON_DIVISOR >> 8,
    efr: 0,
    xon1: 0,
    xon2: 0,
    xoff1: 0,
    xoff2: 0,
    divisor: POWER_ON_DIVISOR,
  };
}

export class Chip {
  readonly variant: Uart8250Variant;
  readonly clockHz: number;
  readonly noBaud: boolean;
  registers: RegisterState = powerOnRegisters();
  deepFifo = false;
  counters: UartCounters = zeroCounters();
  #frame: FrameTime | undefined;

  constructor(variant: Uart8250Variant, clockHz: number, noBaud: boolean) {
    this.variant = variant;
    this.clockHz = clockHz;
    this.noBaud = noBaud;
  }

  /** Master reset: what the MR pin clears. SCR and the divisor latch keep their contents. */
  reset(): void {
    const { scr, dll, dlm, divisor } = this.registers;
    this.registers = { ...powerOnRegisters(), scr, dll, dlm, divisor };
    this.deepFifo = false;
    this.timingChanged();
  }

  get fifoEnabled(): boolean {
    return this.variant.fifo === 'working' && (this.registers.fcr & FCR_ENABLE) !== 0;
  }

  /** Characters that the FIFO (or the single holding register) takes at present. */
  get fifoBytes(): number {
    if (!this.fifoEnabled) return 1;
    const deep = this.variant.deepFifo;
    return this.deepFifo && deep !== undefined ? deep.fifoBytes : this.variant.fifoBytes;
  }

  get #rxTriggers(): TriggerLevels {
    const deep = this.variant.deepFifo;
    return this.deepFifo && deep !== undefined ? deep.rxTriggers : this.variant.rxTriggers;
  }

  /** Received characters that raise the data interrupt; 1 without FIFO. */
  get rxTrigger(): number {
    if (!this.fifoEnabled) return 1;
    return this.#rxTriggers[this.registers.fcr >> FCR_RX_TRIGGER_SHIFT];
  }

  /** The next lower trigger level, where flow control lets the far end go on; 0 below the lowest. */
  get rxTriggerBelow(): number {
    const index = this.registers.fcr >> FCR_RX_TRIGGER_SHIFT;
    return this.fifoEnabled && index > 0 ? this.#rxTriggers[index - 1] : 0;
  }

  /** Characters left in the transmitter FIFO at which it asks for more, besides 0. */
  get txTrigger(): number {
    const triggers = this.variant.txTriggers;
    if (!this.fifoEnabled || triggers === undefined || !this.enhanced) return 0;
    return triggers[(this.registers.fcr >> FCR_TX_TRIGGER_SHIFT) & 3];
  }

  get loopback(): boolean {
    return (this.registers.mcr & MCR_LOOP) !== 0;
  }

  /** EFR.4 of an enhanced part: the additional bits may be written. */
  get enhanced(): boolean {
    return this.variant.enhanced && (this.registers.efr & EFR_ENHANCED) !== 0;
  }

  /** Offsets 2 and 4 to 7 show EFR and the Xon/Xoff registers. */
  get efrAccess(): boolean {
    return this.variant.enhanced && this.registers.lcr === LCR_EFR_ACCESS;
  }

  /** The transmitter waits for CTS. TL16C750 "auto-CTS"; 16C650 EFR.7. */
  get autoCts(): boolean {
    const { mcr, efr } = this.registers;
    if (this.variant.autoFlow) return (mcr & MCR_AFE) !== 0;
    return this.variant.enhanced && (efr & EFR_AUTO_CTS) !== 0;
  }

  /** RTS follows the fill of the receiver FIFO. TL16C750 "auto-RTS" (MCR.5 and MCR.1); EFR.6. */
  get autoRts(): boolean {
    const { mcr, efr } = this.registers;
    if ((mcr & MCR_RTS) === 0 || !this.fifoEnabled) return false;
    if (this.variant.autoFlow) return (mcr & MCR_AFE) !== 0;
    return this.variant.enhanced && (efr & EFR_AUTO_RTS) !== 0;
  }

  /** Divisor as the baud generator sees it, prescaler included. */
  get effectiveDivisor(): number {
    const divides = this.variant.enhanced && (this.registers.mcr & MCR_CLOCK_DIV4) !== 0;
    return this.registers.divisor * (divides ? PRESCALER : 1);
  }

  /** Frame time at the present settings, whatever `noBaud` says. */
  get frame(): FrameTime {
    this.#frame ??= frameTime(this.registers.lcr, this.effectiveDivisor, this.clockHz);
    return this.#frame;
  }

  /** To be called whenever LCR, the divisor or the prescaler may have changed. */
  timingChanged(): void {
    this.#frame = undefined;
  }
}
