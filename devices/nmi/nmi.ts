// NMI controller: raises resumable non-maskable interrupts (Smrnmi 1.0) on chosen harts, for a host's
// "NMI button" and for the guest itself, and holds the handler addresses that Smrnmi leaves to the
// implementation. A design of this project; QEMU's virt board has nothing at this address.

import type { AccessBytes, BusDevice, Stateful } from '../ports.ts';

/** Address of the RNMI interrupt handler of all harts; 0 (reset): NMIs stay pending. Read/write. */
export const NMI_VECTOR = 0x000;
/**
 * Address of the RNMI exception handler, entered by exceptions while mnstatus.NMIE is 0;
 * 0 (reset): such exceptions go to mtvec. Read/write.
 */
export const NMI_EXCEPTION_VECTOR = 0x004;
/**
 * Trigger of hart 0; one word per hart. Writing raises an NMI with cause = bits 30:0 of the value.
 * Reading gives 1 while an NMI is pending. An NMI that finds another one pending is merged with it.
 */
export const NMI_TRIGGER = 0x100;
/** Size of the register window in bytes. */
export const NMI_BYTES = 0x1000;

export interface NmiState {
  version: 1;
  vector: number;
  exceptionVector: number;
  pending: boolean[];
  cause: number[];
  raised: number;
}

export class NmiController implements BusDevice, Stateful<NmiState> {
  readonly #notify: (hart: number) => void;
  readonly #pending: boolean[];
  readonly #cause: Uint32Array;
  #vector = 0;
  #exceptionVector = 0;
  #raised = 0;

  /** `notify` is called whenever an NMI may have become deliverable to a hart. */
  constructor(harts: number, notify: (hart: number) => void) {
    this.#notify = notify;
    this.#pending = new Array<boolean>(harts).fill(false);
    this.#cause = new Uint32Array(harts);
  }

  get vector(): number {
    return this.#vector;
  }

  get exceptionVector(): number {
    return this.#exceptionVector;
  }

  /** NMIs raised so far, merged ones included. */
  get raised(): number {
    return this.#raised;
  }

  /** Latches an NMI for a hart. @throws RangeError for a hart that does not exist. */
  raise(hart: number, cause: number): void {
    if (!(hart in this.#pending)) throw new RangeError(`no hart ${hart}`);
    this.#raised++;
    if (this.#pending[hart]) return;
    this.#pending[hart] = true;
    this.#cause[hart] = cause & 0x7fff_ffff;
    if (this.#vector !== 0) this.#notify(hart);
  }

  /** An NMI waits for the hart and there is a handler to send it to. */
  deliverable(hart: number): boolean {
    return this.#pending[hart] && this.#vector !== 0;
  }

  /** The hart takes its NMI: returns the cause and withdraws the request. */
  acknowledge(hart: number): number {
    this.#pending[hart] = false;
    return this.#cause[hart];
  }

  reset(): void {
    this.#vector = 0;
    this.#exceptionVector = 0;
    this.#pending.fill(false);
    this.#raised = 0;
  }

  read(offset: number, bytes: AccessBytes): number {
    if (bytes !== 4) return 0;
    if (offset === NMI_VECTOR) return this.#vector;
    if (offset === NMI_EXCEPTION_VECTOR) return this.#exceptionVector;
    return this.#pending[(offset - NMI_TRIGGER) >> 2] ? 1 : 0;
  }

  /** Only word writes have an effect. */
  write(offset: number, bytes: AccessBytes, value: number): void {
    if (bytes !== 4) return;
    if (offset === NMI_VECTOR) {
      this.#vector = (value & ~1) >>> 0;
      if (this.#vector === 0) return;
      this.#pending.forEach((pending, hart) => {
        if (pending) this.#notify(hart);
      });
    } else if (offset === NMI_EXCEPTION_VECTOR) {
      this.#exceptionVector = (value & ~1) >>> 0;
    } else if (offset >= NMI_TRIGGER) {
      const hart = (offset - NMI_TRIGGER) >> 2;
      if (hart < this.#pending.length) this.raise(hart, value);
    }
  }

  save(): NmiState {
    return {
      version: 1,
      vector: this.#vector,
      exceptionVector: this.#exceptionVector,
      pending: [...this.#pending],
      cause: [...this.#cause],
      raised: this.#raised,
    };
  }

  restore(state: NmiState): void {
    if (state.version !== 1) {
      throw new RangeError(`NMI state: expected version 1, found ${String(state.version)}`);
    }
    this.#vector = state.vector;
    this.#exceptionVector = state.exceptionVector;
    state.pending.forEach((pending, hart) => (this.#pending[hart] = pending));
    this.#cause.set(state.cause);
    this.#raised = state.raised;
  }
}
