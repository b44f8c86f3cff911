// The UART's whole state as one plain struct: what save() gives and restore() takes. Times are
// absolute virtual ns, so restore it into a machine whose clock stands where it was saved.
// Leaves out what the board fixes at construction: clock rate, window layout, attached line.

import type { LineSettings, ModemInputs } from './line.ts';
import type { Uart8250VariantName } from './variants.ts';

export const UART8250_STATE_VERSION = 1;

/** Programmable registers, as last written (masked to the bits that the part has). */
export interface RegisterState {
  ier: number;
  fcr: number;
  lcr: number;
  mcr: number;
  scr: number;
  dll: number;
  dlm: number;
  efr: number;
  xon1: number;
  xon2: number;
  xoff1: number;
  xoff2: number;
  /** What the baud generator runs with: the last divisor that was not 0. */
  divisor: number;
}

/** What has happened since reset. Nothing is lost without being counted here. */
export interface UartCounters {
  /** Characters that left through the line. */
  transmitted: number;
  /** Characters from the line that reached the receiver FIFO or RBR, BREAKs included. */
  received: number;
  /** Characters that went round through loopback. */
  looped: number;
  overruns: number;
  parityErrors: number;
  framingErrors: number;
  breaks: number;
  /** Lost inside the transmitter: THR written while full, FIFO reset, sent under BREAK. */
  transmitLost: number;
  /** Lost inside the receiver: overrun, FIFO reset with data in it, arrived during loopback. */
  receiveLost: number;
  /** Calls that the full input queue refused (the far end keeps the character). */
  refused: number;
  /** Rising edges of the wake output. */
  wakes: number;
}

export interface TransmitterState {
  fifo: number[];
  /** 650: Xon/Xoff characters that go out ahead of the FIFO. */
  control: number[];
  /** The character in the shift register, or -1. */
  shift: number;
  /** Whether that character goes round through loopback. */
  shiftLoops: boolean;
  /** When its last stop bit ends: ns, and the fraction of an ns that is carried along. */
  endNs: number;
  endFraction: number;
  /** Its frame has ended, and the line is not ready. */
  held: boolean;
  ready: boolean;
  /** 650: stopped by a received Xoff. */
  xoff: boolean;
  /** BREAK has been reported to the line. */
  breakSent: boolean;
  /** When the BREAK that has just begun will have lasted a frame; null when none is beginning. */
  breakNs: number | null;
}

/** A character (bits 7:0) with its LSR error bits shifted left by 8, or a BREAK with a length. */
export type InputItem = number | { beginNs: number; lengthNs: number | null };

export interface ReceiverState {
  /** Characters with their LSR error bits shifted left by 8, oldest first. */
  fifo: number[];
  /** The byte read last, which an empty RBR still shows. */
  stale: number;
  /** OE, PE, FE, BI as LSR shows them. */
  errors: number;
  /** LSR.7. */
  fifoError: boolean;
  timeout: boolean;
  timeoutNs: number | null;
  queue: InputItem[];
  /** What is on the wire now. */
  wire: InputItem | null;
  wireStartNs: number;
  /** When it ends; null for a BREAK without an end yet. */
  wireEndNs: number | null;
  wireFraction: number;
  /** The BREAK on the wire has been received, and the line has not gone back to mark. */
  breakTail: boolean;
  breakOn: boolean;
  rtsFlow: boolean;
  /** Automatic RTS has made RTS inactive. */
  rtsDropped: boolean;
  /** 650: Xoff has been sent to the far end. */
  xoffSent: boolean;
  /** A character was refused since the last receiveReady(). */
  refusing: boolean;
}

export interface Uart8250State {
  version: typeof UART8250_STATE_VERSION;
  variant: Uart8250VariantName;
  registers: RegisterState;
  deepFifo: boolean;
  transmitter: TransmitterState;
  receiver: ReceiverState;
  modem: { inputs: ModemInputs; deltas: number };
  interrupts: { threPending: boolean; xoffPending: boolean; flowPending: boolean; level: boolean };
  wake: boolean;
  /** Settings that the line has been told, and when newer ones will be (null: nothing newer). */
  settings: LineSettings;
  settleNs: number | null;
  counters: UartCounters;
}

export function zeroCounters(): UartCounters {
  return {
    transmitted: 0,
    received: 0,
    looped: 0,
    overruns: 0,
    parityErrors: 0,
    framingErrors: 0,
    breaks: 0,
    transmitLost: 0,
    receiveLost: 0,
    refused: 0,
    wakes: 0,
  };
}
