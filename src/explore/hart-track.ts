// What the explorer knows about a hart beside its architectural state: where it stands, in which
// context, and by which clock; and how all of it is saved in, and taken back from, the undo log.
// Times are in units of one instruction since the start of the exploration (see docs/explore-machine.md).

import { MSTATUS_MIE } from '../machine/csr.ts';
import type { Hart } from '../machine/hart.ts';
import type { Access } from './model.ts';
import { CONTEXTS } from './ownership.ts';
import type { Prospect } from './spin.ts';
import type { UndoLog } from './undo-log.ts';

/** Where a hart stands. It has executed everything before that no other context can notice. */
export type Standing =
  /** Right before a visible operation. */
  | 'access'
  /** Right before a wfi; the hart can go on when an enabled interrupt is pending. */
  | 'wfi'
  /** Right before the end of the region, where others can still do something to it. */
  | 'leaving'
  /** At the end of the region. */
  | 'end'
  /** In a loop that does nothing and looks at nothing; only an interrupt leads out. */
  | 'endless';

const STANDINGS: readonly Standing[] = ['access', 'wfi', 'leaving', 'end', 'endless'];

/**
 * So many bytes below the stack pointer of an interrupted context are nobody's: the calling convention
 * has no red zone. A handler's frame there belongs to the stack's owner.
 */
const DEAD_STACK_BYTES = 512;
/** Traps in each other whose stacks are told apart. */
const DEPTHS = 4;

export class HartTrack {
  readonly hart: Hart;
  standing: Standing = 'access';
  /** How many traps the hart is in. */
  depth = 0;
  /** Its own time, in instructions. */
  time = 0;
  /** Time of what last changed its pending interrupts. */
  pendingTime = 0;
  /** An interrupt was pending when the hart enabled it: it comes before anything else. */
  owesInterrupt = false;
  /** What it would do, if it stands at the head of a loop that is known to wait. */
  prospect: Prospect = 'goes on';
  /**
   * How many more steps it may take in that loop. A turn that changes nothing is none, but another hart
   * can come between two of its reads; so a loop with several is gone round once before the hart parks.
   */
  lapLeft = 0;
  /** Where the lap begins and ends. */
  lapHead = 0;
  /** How often time has gone on to the next timer since it spins. */
  timersOutwaited = 0;
  /** What the hart's next operations look at, if it stands at the head of a spin loop. */
  reads: readonly Access[] = [];
  /** Candidate for the head of a spin loop, how many visible steps ago, and when to take another. */
  headPc = 0;
  headAge = 0;
  headPatience = 1;
  /** Stack pointer of the context below each depth, and which one it is. */
  readonly #interruptedSp = new Int32Array(DEPTHS);
  readonly #interrupted = new Int32Array(DEPTHS);
  /** Where something was last noted, and how many instructions had been executed; the same, by depth. */
  #notedPc = 0;
  #notedAt = -1;
  readonly #notedBelow = new Int32Array(DEPTHS);
  readonly #stepsBase: number;

  constructor(hart: Hart) {
    this.hart = hart;
    this.#stepsBase = hart.steps;
  }

  /** Instructions executed since the exploration began; the end of the region counts as one. */
  get executed(): number {
    return this.hart.steps - this.#stepsBase + (this.standing === 'end' ? 1 : 0);
  }

  /** It waits, and does nothing until what it looks at is written. */
  get isParked(): boolean {
    return this.prospect !== 'goes on' && this.lapLeft === 0;
  }

  /**
   * Number of the running context among all harts', from 1. Two that can interrupt each other have
   * different ones, however deep they come: the task, handlers where interrupts are off, handlers where
   * they are on, and NMIs.
   */
  get context(): number {
    return 1 + this.hart.id * CONTEXTS + this.#contextOfHart();
  }

  #contextOfHart(): number {
    if (this.hart.inNmi) return 3;
    if (this.depth === 0) return 0;
    return (this.hart.mstatus & MSTATUS_MIE) === 0 ? 1 : 2;
  }

  /** A trap is about to be taken, or has just been. */
  enter(): void {
    const depth = Math.min(this.depth, DEPTHS - 1);
    this.#interruptedSp[depth] = this.hart.x[2];
    this.#interrupted[depth] = this.context;
    this.#notedBelow[depth] = this.#notedAt === this.executed ? this.#notedPc : 0;
    this.depth++;
  }

  /** mret or mnret. */
  leave(): void {
    if (this.depth > 0) this.depth--;
    const noted = this.#notedBelow[Math.min(this.depth, DEPTHS - 1)];
    if (noted === this.hart.pc32) [this.#notedPc, this.#notedAt] = [noted, this.executed];
  }

  /**
   * Whether the hart comes to an address: a hart that has stopped there, or was interrupted there, comes
   * by again, and is there for the second time.
   */
  comesTo(pc: number, executed: number): boolean {
    if (this.#notedPc === pc && this.#notedAt === executed) return false;
    [this.#notedPc, this.#notedAt] = [pc, executed];
    return true;
  }

  /** The context that an access counts for: the running one, or the owner of a dead piece of stack. */
  contextFor(address: number): number {
    for (let depth = 0; depth < Math.min(this.depth, DEPTHS); depth++) {
      const below = (this.#interruptedSp[depth] >>> 0) - address;
      if (below > 0 && below <= DEAD_STACK_BYTES) return this.#interrupted[depth];
    }
    return this.context;
  }

  /** Registers, CSRs and what is known about what comes next, as a text. */
  describe(): string {
    const { hart, standing, depth, owesInterrupt, lapLeft } = this;
    const { mip, nmie, reservation } = hart;
    const csrs = [hart.mstatus, hart.mie, hart.mtvec, hart.mscratch, hart.mepc, hart.mcause];
    const nmis = [hart.mtval, hart.mnscratch, hart.mnepc, hart.mncause];
    const rest = [hart.pc, mip, nmie, reservation, standing, depth, owesInterrupt, lapLeft];
    return [...hart.x, ...csrs, ...nmis, ...rest].join(' ');
  }

  save(log: UndoLog): void {
    const { hart } = this;
    const { words } = log;
    let top = log.top;
    words.set(hart.x, top);
    top += 32;
    words[top++] = hart.pc32;
    words[top++] = hart.mstatus;
    words[top++] = hart.mie;
    words[top++] = hart.mtvec;
    words[top++] = hart.mscratch;
    words[top++] = hart.mepc;
    words[top++] = hart.mcause;
    words[top++] = hart.mtval;
    words[top++] = hart.mnscratch;
    words[top++] = hart.mnepc;
    words[top++] = hart.mncause;
    words[top++] = (hart.nmie ? 1 : 0) | (hart.nmiAware ? 2 : 0) | (this.owesInterrupt ? 4 : 0);
    words[top++] = hart.reservation;
    words[top++] = hart.steps - this.#stepsBase;
    words[top++] = hart.trapped;
    words[top++] = hart.stepsAtTrap - this.#stepsBase;
    words[top++] = hart.stepsAtReturn - this.#stepsBase;
    words[top++] = hart.trapRepeats;
    words[top++] = STANDINGS.indexOf(this.standing);
    words[top++] = this.depth;
    words[top++] = this.time;
    words[top++] = this.headPc;
    words[top++] = this.headAge;
    words[top++] = this.headPatience;
    words[top++] = this.#notedPc;
    words[top++] = this.#notedAt;
    for (let i = 0; i < Math.min(this.depth, DEPTHS); i++) {
      words[top + 3 * i] = this.#interruptedSp[i];
      words[top + 3 * i + 1] = this.#interrupted[i];
      words[top + 3 * i + 2] = this.#notedBelow[i];
    }
    log.top = top + 3 * DEPTHS;
  }

  /** Takes back what `save` has put into the log at `start`. */
  restore({ words }: UndoLog, start: number): void {
    const { hart } = this;
    // Element by element: a view of the log for `set` would be an object each time.
    for (let i = 0; i < 32; i++) hart.x[i] = words[start + i];
    let at = start + 32;
    hart.pc32 = words[at++];
    hart.mstatus = words[at++];
    hart.mie = words[at++];
    hart.mtvec = words[at++] >>> 0;
    hart.mscratch = words[at++] >>> 0;
    hart.mepc = words[at++] >>> 0;
    hart.mcause = words[at++] >>> 0;
    hart.mtval = words[at++] >>> 0;
    hart.mnscratch = words[at++] >>> 0;
    hart.mnepc = words[at++] >>> 0;
    hart.mncause = words[at++] >>> 0;
    const flags = words[at++];
    hart.nmie = (flags & 1) !== 0;
    hart.nmiAware = (flags & 2) !== 0;
    this.owesInterrupt = (flags & 4) !== 0;
    hart.reservation = words[at++];
    hart.steps = words[at++] + this.#stepsBase;
    hart.trapped = words[at++];
    hart.stepsAtTrap = words[at++] + this.#stepsBase;
    hart.stepsAtReturn = words[at++] + this.#stepsBase;
    hart.trapRepeats = words[at++];
    this.standing = STANDINGS[words[at++]];
    this.depth = words[at++];
    this.time = words[at++];
    this.headPc = words[at++];
    this.headAge = words[at++];
    this.headPatience = words[at++];
    this.#notedPc = words[at++];
    this.#notedAt = words[at++];
    for (let i = 0; i < Math.min(this.depth, DEPTHS); i++) {
      this.#interruptedSp[i] = words[at + 3 * i];
      this.#interrupted[i] = words[at + 3 * i + 1];
      this.#notedBelow[i] = words[at + 3 * i + 2];
    }
    hart.stuck = undefined;
  }
}

/** Words of the log that `save` takes. */
export const SAVED_WORDS = 32 + 26 + 3 * DEPTHS;
