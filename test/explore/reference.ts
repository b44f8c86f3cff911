// What the searches on the machine are measured against: a few RV32 instructions interpreted in the
// plainest way, on one or two harts with software interrupts and injected NMIs, interleaved at every
// instruction. Shares nothing with the machine or the explorer. An interrupt may be late, but it comes
// before its hart can disable it, and at once if it was pending when it was enabled.

import type { Bounds } from '../../src/explore/search.ts';

/** Words of memory and registers that instructions name by their index. */
export const WORDS = ['x', 'y', 'z', 'own0', 'own1', 'other0', 'other1'] as const;
export const REGISTERS = 16;
/** Registers from here on are for loops, and no part of an outcome. */
export const TEMPORARY = 12;

export interface HartState {
  pc: number;
  enabled: boolean; // mstatus.MIE
  wasEnabled: boolean; // mstatus.MPIE
  softwareEnabled: boolean; // mie.MSIE
  pending: boolean; // mip.MSIP
  mepc: number;
  scratch: number;
  nmiEnabled: boolean;
  inNmi: boolean;
  inHandler: boolean;
  mnepc: number;
  owes: boolean;
  reserved: number;
  ended: boolean;
  registers: number[];
}

export interface State {
  words: number[];
  failed: boolean;
  harts: HartState[];
}

/** An instruction, in assembly with what it takes to load addresses and constants, and what it does. */
export interface Instruction {
  readonly text: string;
  /** 'state': looks at or changes the hart's interrupt state. 'sleep': wfi. */
  readonly kind: 'plain' | 'state' | 'sleep';
  /** Where it leaves the interrupt state as it is; it is plain there. */
  readonly isIdle?: (hart: HartState) => boolean;
  /** Does it: pc is already that of the next instruction. */
  readonly run: (state: State, hart: HartState) => void;
}

export interface Guest {
  readonly code: readonly Instruction[];
  /** For each hart, where its task begins, where it ends, and where its handlers are. */
  readonly harts: readonly {
    readonly task: number;
    readonly end: number;
    readonly handler: number;
    readonly nmi: number | undefined;
  }[];
  readonly ends: 'any' | 'all';
}

export function store(state: State, hart: HartState, word: number, value: number): void {
  state.words[word] = value;
  for (const other of state.harts)
    if (other !== hart && other.reserved === word) other.reserved = -1;
}

const startOf = (guest: Guest): State => ({
  words: WORDS.map(() => 0),
  failed: false,
  harts: guest.harts.map(({ task }) => ({
    ...{ pc: task, enabled: false, wasEnabled: false, softwareEnabled: true, pending: false },
    ...{
      mepc: 0,
      scratch: 0,
      nmiEnabled: false,
      inNmi: false,
      inHandler: false,
      mnepc: 0,
      owes: false,
    },
    ...{ reserved: -1, ended: false, registers: new Array<number>(REGISTERS).fill(0) },
  })),
});

const copyOf = (state: State): State => ({
  words: [...state.words],
  failed: state.failed,
  harts: state.harts.map((hart) => ({ ...hart, registers: [...hart.registers] })),
});

const keyOf = ({ words, failed, harts }: State): string =>
  words.join() + failed + harts.map((hart) => Object.values(hart).join()).join(';');

/** The context that a hart is in, and all its registers. */
export interface HartOutcome {
  readonly context: 'task' | 'handler' | 'nmi';
  readonly registers: readonly number[];
}

/** Registers of each context, by their index: from, and up to but not including. */
export const REGISTERS_OF = { task: [0, 4], handler: [4, 7], nmi: [7, 9] } as const;

/**
 * What an ending is compared by. Of a deadlock only what the contexts that are stuck have seen: how far
 * those got that they interrupted makes no difference if nobody looks.
 */
export function outcomeOf(
  kind: string,
  words: readonly number[],
  harts: readonly HartOutcome[],
): string {
  if (kind === 'failed') return kind;
  if (kind === 'deadlock') {
    const stuck = harts.map(({ context, registers }) => [
      context,
      ...registers.slice(...REGISTERS_OF[context]),
    ]);
    return `${kind} ${stuck.map((each) => each.join()).join(' ')}`;
  }
  const seen = harts.map(({ registers }) => registers.slice(0, TEMPORARY).join());
  return [kind, words.join(), ...seen].join(' ');
}

export class Reference {
  readonly #guest: Guest;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** The endings of all executions within the bounds. */
  outcomes(bounds: Bounds): Set<string> {
    const found = new Set<string>();
    const seen = new Set<string>();
    const visit = (state: State, last: number, c: number, i: number, m: number): void => {
      const key = `${keyOf(state)}/${last},${c},${i},${m}`;
      if (seen.has(key)) return;
      seen.add(key);
      const kind = this.#ending(state);
      if (kind !== undefined) {
        found.add(outcomeOf(kind, state.words, state.harts.map(hartOutcome)));
        if (kind !== 'deadlock') return;
      }
      const goesOn = state.harts.map((_, h) => this.#canRun(state, h) && !this.#spins(state, h));
      state.harts.forEach((hart, h) => {
        const switched = last >= 0 && goesOn[last] && last !== h ? 1 : 0;
        const inBounds = (irqs: number, nmis: number): [number, number, number] | undefined => {
          const spent = [c + switched, i + irqs, m + nmis] as [number, number, number];
          const within = spent[0] <= bounds.preemptions && spent[1] <= bounds.irqs;
          return within && spent[2] <= bounds.nmis
            ? [
                bounds.preemptions === Infinity ? 0 : spent[0],
                bounds.irqs === Infinity ? 0 : spent[1],
                spent[2],
              ]
            : undefined;
        };
        const after = (change: (next: State, of: HartState) => void, spent?: number[]): void => {
          if (spent === undefined) return;
          const next = copyOf(state);
          change(next, next.harts[h]);
          visit(next, h, spent[0], spent[1], spent[2]);
        };
        if (this.#canRun(state, h)) after((next) => this.#execute(next, h), inBounds(0, 0));
        if (takes(hart)) after((_, of) => this.#interrupt(of, h), inBounds(goesOn[h] ? 1 : 0, 0));
        if (this.#takesNmi(state, h)) after((_, of) => this.#nmi(of, h), inBounds(0, 1));
      });
    };
    visit(startOf(this.#guest), -1, 0, 0, 0);
    return found;
  }

  #ending(state: State): string | undefined {
    if (state.failed) return 'failed';
    const ended = state.harts.filter((hart) => hart.ended).length;
    if (ended >= (this.#guest.ends === 'any' ? 1 : state.harts.length)) return 'done';
    const isStuck = state.harts.every(
      (hart, h) => !takes(hart) && (!this.#canRun(state, h) || this.#spins(state, h)),
    );
    return isStuck ? 'deadlock' : undefined;
  }

  #canRun({ harts }: State, h: number): boolean {
    const hart = harts[h];
    if (hart.ended) return false;
    const kind = this.#kindAt(hart);
    if (kind === 'sleep' && !(hart.pending && hart.softwareEnabled)) return false;
    return !takes(hart) || (!hart.owes && kind === 'plain');
  }

  #kindAt(hart: HartState): Instruction['kind'] {
    const { kind, isIdle } = this.#guest.code[hart.pc];
    return isIdle?.(hart) === true ? 'plain' : kind;
  }

  #takesNmi({ harts }: State, h: number): boolean {
    return harts[h].nmiEnabled && !harts[h].ended && this.#guest.harts[h].nmi !== undefined;
  }

  #execute(state: State, h: number): void {
    const hart = state.harts[h];
    const { end } = this.#guest.harts[h];
    if (hart.pc === end) {
      hart.ended = true;
      return;
    }
    const { run } = this.#guest.code[hart.pc];
    const kind = this.#kindAt(hart);
    hart.owes = false;
    hart.pc++;
    run(state, hart);
    if (kind !== 'plain') hart.owes = takes(hart);
    // Where no interrupt can come, the end is no place to be.
    if (hart.pc === end && this.#guest.ends === 'all' && !this.#interruptible(hart)) {
      hart.ended = true;
    }
  }

  #interruptible({ enabled, softwareEnabled, nmiEnabled }: HartState): boolean {
    return (enabled && softwareEnabled) || nmiEnabled;
  }

  #interrupt(hart: HartState, h: number): void {
    hart.mepc = hart.pc;
    hart.wasEnabled = hart.enabled;
    hart.enabled = hart.owes = false;
    hart.inHandler = true;
    hart.reserved = -1;
    hart.pc = this.#guest.harts[h].handler;
  }

  #nmi(hart: HartState, h: number): void {
    hart.mnepc = hart.pc;
    hart.nmiEnabled = hart.owes = false;
    hart.inNmi = true;
    hart.reserved = -1;
    hart.pc = this.#guest.harts[h].nmi ?? 0;
  }

  /** Left alone, the hart comes back to just this state. */
  #spins(state: State, h: number): boolean {
    const start = keyOf(state);
    const alone = copyOf(state);
    for (let steps = 0; steps < 12 && this.#canRun(alone, h); steps++) {
      this.#execute(alone, h);
      if (keyOf(alone) === start) return true;
    }
    return false;
  }
}

const hartOutcome = ({ inNmi, inHandler, registers }: HartState): HartOutcome => ({
  context: inNmi ? 'nmi' : inHandler ? 'handler' : 'task',
  registers,
});

/** An interrupt is pending, and the hart would take it. */
const takes = ({ enabled, softwareEnabled, pending, inNmi, ended }: HartState): boolean =>
  enabled && softwareEnabled && pending && !inNmi && !ended;
