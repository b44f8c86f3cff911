// The architectural state of one hart and the ports through which it meets the board.
// What instructions do to it is in execute.ts and slow-path.ts, what CSR accesses do in csr.ts,
// how traps enter and leave in trap.ts.

import type { NmiController } from '../../devices/nmi/index.ts';
import { Counter } from './counter.ts';
import { csrEntry, MSTATUS_MIE } from './csr.ts';
import { RAM_BASE } from './memory-map.ts';
import { Pmp } from './pmp.ts';

/** What a hart needs from its board. */
export interface HartPorts {
  readonly clock: { readonly now: number };
  readonly nmi: NmiController;
  /** mtime as the `time` CSR shows it; moves the clock to the hart's local time first. */
  readonly timeLow: (hart: Hart) => number;
  readonly timeHigh: (hart: Hart) => number;
}

/** A trap that was taken, for diagnostics. */
export interface TrapRecord {
  /** mcause or mncause, unsigned. */
  readonly cause: number;
  readonly tval: number;
  /** Address of the trapping or interrupted instruction. */
  readonly pc: number;
}

export interface HartState {
  version: 1;
  x: number[];
  numbers: Record<string, number>;
  flags: Record<string, boolean>;
  cycle: [number, number, number];
  instret: [number, number, number];
  pmp: { config: number[]; address: number[] };
}

export class Hart {
  readonly id: number;
  readonly ports: HartPorts;
  /** x0…x31. Valid whenever the machine is not inside `run` or `step`. */
  readonly x = new Int32Array(32);
  /** `pc` as a signed number: a small integer to V8, which the unsigned one mostly is not. */
  pc32 = RAM_BASE | 0;

  /** Virtual time in ns up to which this hart has run. */
  localNs = 0;
  /** Instructions executed, including those that trapped. */
  steps = 0;
  /** Instructions that trapped and hence did not retire. */
  trapped = 0;
  /** In wfi. */
  waiting = false;
  /** When an interrupt ended the current wfi. */
  wakeNs = 0;
  /** Why this hart can never make progress again. */
  stuck: string | undefined;

  mstatus = 0;
  mie = 0;
  mip = 0;
  mtvec = 0;
  mscratch = 0;
  mepc = 0;
  mcause = 0;
  mtval = 0;
  mcountinhibit = 0;
  mnscratch = 0;
  mnepc = 0;
  mncause = 0;
  /** mnstatus.NMIE. */
  nmie = false;
  /**
   * Software has set NMIE since reset. Smrnmi resets NMIE to 0, which masks all interrupts; a program
   * that has never heard of Smrnmi would then get none. So until the first setting only NMIs are masked.
   */
  nmiAware = false;
  readonly cycle = new Counter();
  readonly instretCounter = new Counter();
  readonly pmp = new Pmp();

  /** RAM offset of the reserved word, or -1. */
  reservation = -1;

  /** The last trap taken, for diagnostics. */
  lastTrap: TrapRecord | undefined;
  /** Steps at the last exception and at the last mret or mnret, for recognising trap loops. */
  stepsAtTrap = -1;
  stepsAtReturn = -1;
  /** How often the last exception has repeated without anything being retired at its place. */
  trapRepeats = 0;

  constructor(id: number, ports: HartPorts) {
    this.id = id;
    this.ports = ports;
  }

  /** Address of the next instruction, unsigned. */
  get pc(): number {
    return this.pc32 >>> 0;
  }

  set pc(address: number) {
    this.pc32 = address | 0;
  }

  /** Instructions retired since reset. */
  get instret(): number {
    return this.steps - this.trapped;
  }

  /** Drives an interrupt line of mip. */
  setInterrupt(irq: number, asserted: boolean): void {
    const before = this.mip & this.mie;
    if (asserted) this.mip |= 1 << irq;
    else this.mip &= ~(1 << irq);
    if (before === 0 && (this.mip & this.mie) !== 0) this.wakeNs = this.ports.clock.now;
  }

  /** An NMI has become deliverable. */
  notifyNmi(): void {
    this.wakeNs = this.ports.clock.now;
  }

  /** Inside of an NMI handler, where nothing else interrupts and exceptions go elsewhere. */
  get inNmi(): boolean {
    return !this.nmie && this.nmiAware;
  }

  /** An NMI would be taken before the next instruction. */
  get nmiReady(): boolean {
    return this.nmie && this.ports.nmi.deliverable(this.id);
  }

  /** A hart in wfi goes on when an enabled interrupt is pending, whatever mstatus.MIE says (3.3.3). */
  get wakeable(): boolean {
    return (this.mip & this.mie) !== 0 || this.nmiReady;
  }

  /** An interrupt or NMI would be taken before the next instruction. */
  get interrupted(): boolean {
    if (this.nmiReady) return true;
    if (this.inNmi) return false;
    return (this.mip & this.mie) !== 0 && (this.mstatus & MSTATUS_MIE) !== 0;
  }

  /** Reads a CSR for a debugger. @throws RangeError when it does not exist. */
  readCsr(number: number): number {
    const entry = csrEntry(number);
    if (entry === undefined) throw new RangeError(`no CSR 0x${number.toString(16)}`);
    return entry.read(this) >>> 0;
  }

  /** Back to the state after reset, at the beginning of RAM. */
  reset(): void {
    this.x.fill(0);
    this.pc = RAM_BASE;
    this.localNs = this.ports.clock.now;
    this.steps = this.trapped = 0;
    this.waiting = false;
    this.wakeNs = 0;
    this.stuck = undefined;
    for (const name of NUMBERS) this[name] = 0;
    this.mip = 0;
    this.nmie = this.nmiAware = false;
    this.reservation = this.stepsAtTrap = this.stepsAtReturn = -1;
    this.trapRepeats = 0;
    this.lastTrap = undefined;
    this.pmp.reset();
    this.cycle.restore([0, 0, 0]);
    this.instretCounter.restore([0, 0, 0]);
  }

  save(): HartState {
    const numbers: Record<string, number> = {};
    for (const name of [...NUMBERS, ...PROGRESS]) numbers[name] = this[name];
    return {
      version: 1,
      x: [...this.x],
      numbers,
      flags: { waiting: this.waiting, nmie: this.nmie, nmiAware: this.nmiAware },
      cycle: this.cycle.save(),
      instret: this.instretCounter.save(),
      pmp: this.pmp.save(),
    };
  }

  restore(state: HartState): void {
    if (state.version !== 1) {
      throw new RangeError(`hart state: expected version 1, found ${String(state.version)}`);
    }
    this.x.set(state.x);
    for (const name of [...NUMBERS, ...PROGRESS]) this[name] = state.numbers[name];
    this.waiting = state.flags['waiting'];
    this.nmie = state.flags['nmie'];
    this.nmiAware = state.flags['nmiAware'];
    this.cycle.restore(state.cycle);
    this.instretCounter.restore(state.instret);
    this.pmp.restore(state.pmp);
    this.stuck = undefined;
    this.lastTrap = undefined;
  }
}

/** CSRs that are one number and reset to 0. */
const NUMBERS = [
  'mstatus',
  'mie',
  'mtvec',
  'mscratch',
  'mepc',
  'mcause',
  'mtval',
  'mcountinhibit',
  'mnscratch',
  'mnepc',
  'mncause',
] as const;
/** Other numbers of the saved state. */
const PROGRESS = [
  'pc',
  'mip',
  'localNs',
  'steps',
  'trapped',
  'wakeNs',
  'reservation',
  'stepsAtTrap',
  'stepsAtReturn',
  'trapRepeats',
] as const;
