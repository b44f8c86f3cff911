// What the searches on the machine are measured against: a few RV32 instructions interpreted in the
// plainest way, on one or two harts with the devices of reference-board.ts and injected NMIs, interleaved at
// every instruction. Shares nothing with the machine or the explorer. An interrupt may be late, but it comes
// before its hart can disable it, and at once if it was pending when it was enabled.

import type { Bounds } from '../../src/explore/search.ts';
import * as devices from './reference-board.ts';
import type { Board, BoardHart } from './reference-board.ts';

/** Cells of memory and registers that instructions name by their index. The last two are bytes of a word. */
export const WORDS = [
  ...(['x', 'y', 'z', 'own0', 'own1', 'other0', 'other1'] as const),
  ...(['byte0', 'byte1'] as const),
] as const;
export const REGISTERS = 16;
/** Registers from here on are for loops, and no part of an outcome. */
export const TEMPORARY = 12;

/** By falling priority. */
export const IRQS = ['external', 'software', 'timer'] as const;
export type Irq = (typeof IRQS)[number];

export interface HartState extends BoardHart {
  pc: number;
  enabled: boolean; // mstatus.MIE
  wasEnabled: boolean; // mstatus.MPIE
  mie: readonly Irq[];
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
  /** When each was stored to last, in ns. */
  stamps: number[];
  failed: boolean;
  board: Board;
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
    readonly handlers: Readonly<Record<Irq, number>>;
    readonly nmi: number | undefined;
    /** Where the code of the hart ends. */
    readonly next: number;
    readonly mie: readonly Irq[];
  }[];
  readonly ends: 'any' | 'all';
  /** What comes from outside beside NMIs, and what is there from the start. */
  readonly outside: Outside;
}

export interface Outside {
  /** Characters that come in their order. */
  readonly characters: number;
  /** What may be injected: characters, timers of harts. */
  readonly inject: readonly ('uart-rx' | 'timer')[];
  /** What IER of the UART is at first, and which harts it interrupts. */
  readonly ier: number;
  readonly enabled: readonly boolean[];
}

export function store(state: State, hart: HartState, word: number, value: number): void {
  let changes = state.words[word] !== value;
  state.words[word] = value;
  for (const other of state.harts)
    if (other !== hart && other.reserved === word) {
      other.reserved = -1;
      changes = true;
    }
  if (changes) state.stamps[word] = hart.time;
}

/** A read: it comes after whoever has stored there. */
export function load(state: State, hart: HartState, word: number): number {
  hart.time = Math.max(hart.time, state.stamps[word]);
  return state.words[word];
}

function startOf({ harts, outside }: Guest): State {
  const state: State = {
    words: WORDS.map(() => 0),
    stamps: WORDS.map(() => 0),
    failed: false,
    board: devices.boardOf(outside.ier, [...outside.enabled]),
    harts: harts.map(({ task, mie }) => ({
      ...{ time: 0, software: false, timer: false, external: false, timerNs: Infinity },
      ...{ pendingTime: 0, pc: task, enabled: false, wasEnabled: false, mie, mepc: 0, scratch: 0 },
      ...{ nmiEnabled: false, inNmi: false, inHandler: false, mnepc: 0, owes: false },
      ...{ reserved: -1, ended: false, registers: new Array<number>(REGISTERS).fill(0) },
    })),
  };
  devices.updateUart(state, 0);
  return state;
}

const copyOf = (state: State): State => ({
  words: [...state.words],
  stamps: [...state.stamps],
  failed: state.failed,
  board: devices.copyOfBoard(state.board),
  harts: state.harts.map((hart) => ({ ...hart, registers: [...hart.registers] })),
});

const keyOf = ({ words, stamps, failed, board, harts }: State): string =>
  words.join() +
  stamps.join() +
  failed +
  JSON.stringify(board) +
  harts.map((hart) => Object.values(hart).join()).join(';');

/** All but times: where a loop that waits comes back to. */
const untimedKeyOf = (state: State): string => {
  const untimed = copyOf(state);
  untimed.stamps = [];
  untimed.board.uart.time = untimed.board.plic.time = 0;
  untimed.board.aclint = { msip: [], timers: [] };
  for (const hart of untimed.harts) hart.time = 0;
  return keyOf(untimed);
};

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
 * @param wire all that has been sent, and is going to be
 */
export function outcomeOf(
  kind: string,
  words: readonly number[],
  wire: readonly number[],
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
  return [kind, words.join(), ...seen, `wire ${wire.join()}`].join(' ');
}

/** Something that can happen next. */
interface Action {
  readonly kind: 'hart' | 'irq' | 'nmi' | 'device';
  readonly hart?: number;
  readonly injected?: boolean;
  /** When it would happen if nobody chose. */
  readonly due: number;
  readonly run: (state: State) => void;
}

/** What an execution has spent. */
type Spent = readonly [preemptions: number, irqs: number, nmis: number];

/** States of a guest beyond which it is left out. */
const STATES_MAX = 8_000;
/** It has too many of them. */
export class TooLarge extends Error {}

export class Reference {
  readonly #guest: Guest;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /**
   * The endings of all executions within the bounds. With `injected`, only what is injected counts
   * against the bounds.
   */
  outcomes(bounds: Bounds, injected = false): Set<string> {
    const found = new Set<string>();
    const seen = new Set<string>();
    const visit = (state: State, last: number, spent: Spent): void => {
      const key = `${keyOf(state)}/${last},${spent.join()}`;
      if (seen.has(key)) return;
      if (seen.add(key).size > STATES_MAX) throw new TooLarge();
      const goesOn = state.harts.map((_, h) => this.#canRun(state, h) && !this.#spins(state, h));
      const actions = this.#actions(state, goesOn);
      const kind = this.#ending(state, goesOn, actions);
      if (kind !== undefined) {
        const wire = devices.wireOf(state.board.uart);
        found.add(outcomeOf(kind, state.words, wire, state.harts.map(hartOutcome)));
        if (kind !== 'deadlock') return;
      }
      const untimely = last >= 0 && goesOn[last] ? [] : outOfTurn(actions, goesOn);
      for (const action of actions) {
        const cost = injected
          ? [0, action.injected && action.kind !== 'nmi' ? 1 : 0, action.kind === 'nmi' ? 1 : 0]
          : costOf(action, last, goesOn, untimely);
        const after = withinBounds(spent, cost, bounds);
        if (after === undefined) continue;
        const next = copyOf(state);
        action.run(next);
        visit(next, action.hart ?? last, after);
      }
    };
    visit(startOf(this.#guest), -1, [0, 0, 0]);
    return found;
  }

  #ending(
    state: State,
    goesOn: readonly boolean[],
    actions: readonly Action[],
  ): string | undefined {
    if (state.failed) return 'failed';
    const ended = state.harts.filter((hart) => hart.ended).length;
    if (ended >= (this.#guest.ends === 'any' ? 1 : state.harts.length)) return 'done';
    const isStuck = actions.every(
      ({ kind, hart = 0, injected }) => injected === true || (kind === 'hart' && !goesOn[hart]),
    );
    return isStuck ? 'deadlock' : undefined;
  }

  #actions(state: State, goesOn: readonly boolean[]): Action[] {
    const actions: Action[] = [];
    state.harts.forEach((hart, h) => {
      const { time, pendingTime } = hart;
      const pending = Math.max(time, pendingTime);
      if (this.#canRun(state, h)) {
        const due = this.#kindAt(hart) === 'sleep' ? pending : time;
        actions.push({ kind: 'hart', hart: h, due, run: (next) => this.#execute(next, h) });
      }
      const irq = taken(hart);
      if (irq !== undefined) {
        const run = (next: State): void => this.#interrupt(next.harts[h], h, irq);
        actions.push({ kind: 'irq', hart: h, due: pending, run });
      }
      if (this.#takesNmi(state, h)) {
        const run = (next: State): void => this.#nmi(next.harts[h], h);
        actions.push({ kind: 'nmi', hart: h, injected: true, due: pending, run });
      }
    });
    actions.push(...this.#deviceActions(state));
    const first = Math.min(
      ...actions
        .filter(({ kind, hart = 0, injected }) =>
          injected === true ? false : kind !== 'hart' || goesOn[hart],
        )
        .map(({ due }) => due),
    );
    return [...actions, ...this.#timers(state, first)];
  }

  #deviceActions({ board }: State): Action[] {
    const { characters, inject } = this.#guest.outside;
    const { uart } = board;
    const device = (due: number, run: Action['run'], injected = false): Action => ({
      ...{ kind: 'device', due, run, injected },
    });
    return [
      ...(uart.sentNs === Infinity ? [] : [device(uart.sentNs, (next) => devices.send(next))]),
      ...(uart.arrivesNs === Infinity
        ? []
        : [device(uart.arrivesNs, (next) => devices.arrive(next))]),
      ...(board.characters < characters
        ? [device(devices.CHARACTERS_NS[board.characters], devices.sendCharacter)]
        : []),
      ...(inject.includes('uart-rx') && devices.isWireFree(uart)
        ? [device(Infinity, devices.injectCharacter, true)]
        : []),
    ];
  }

  /** Timers of harts: at any moment if they are injected, else if nobody has anything else to do. */
  #timers({ harts }: State, first: number): Action[] {
    const injected = this.#guest.outside.inject.includes('timer');
    const next = Math.min(...harts.map(({ timerNs }) => timerNs));
    return harts.flatMap(({ timerNs: due }, h): Action[] => {
      if (due === Infinity || (!injected && (due !== next || due > first))) return [];
      const run = (state: State): void => devices.expireTimer(state, state.harts[h]);
      return [{ kind: 'device', injected, due, run }];
    });
  }

  #canRun({ harts }: State, h: number): boolean {
    const hart = harts[h];
    if (hart.ended) return false;
    const kind = this.#kindAt(hart);
    if (kind === 'sleep' && ready(hart) === undefined) return false;
    return taken(hart) === undefined || (!hart.owes && kind === 'plain');
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
    if (kind === 'sleep') hart.time = Math.max(hart.time, hart.pendingTime);
    run(state, hart);
    if (kind !== 'plain') hart.owes = taken(hart) !== undefined;
    // Where no interrupt can come, the end is no place to be.
    if (hart.pc === end && this.#guest.ends === 'all' && !this.#interruptible(hart)) {
      hart.ended = true;
    }
  }

  #interruptible({ enabled, mie, nmiEnabled }: HartState): boolean {
    return (enabled && mie.length > 0) || nmiEnabled;
  }

  #interrupt(hart: HartState, h: number, irq: Irq): void {
    hart.time = Math.max(hart.time, hart.pendingTime);
    hart.mepc = hart.pc;
    hart.wasEnabled = hart.enabled;
    hart.enabled = hart.owes = false;
    hart.inHandler = true;
    hart.reserved = -1;
    hart.pc = this.#guest.harts[h].handlers[irq];
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
    const alone = copyOf(state);
    for (let steps = 0; steps < 12 && this.#canRun(alone, h); steps++) {
      this.#execute(alone, h);
      if (alone.harts[h].pc !== state.harts[h].pc) continue;
      if (untimedKeyOf(alone) === untimedKeyOf(state)) return true;
    }
    return false;
  }
}

/** What an action costs: preemptions, interrupts, NMIs. */
function costOf(
  action: Action,
  last: number,
  goesOn: readonly boolean[],
  untimely: readonly Action[],
): number[] {
  const { kind, hart, injected = false } = action;
  const intoDevice = injected && kind === 'device';
  const preempts = (last >= 0 && goesOn[last] && last !== hart) || untimely.includes(action);
  const interrupts = injected || (hart !== undefined && goesOn[hart]);
  return [
    preempts && !intoDevice ? 1 : 0,
    intoDevice || (kind === 'irq' && interrupts) ? 1 : 0,
    kind === 'nmi' && interrupts ? 1 : 0,
  ];
}

/** Where nobody goes on: devices for which it is too early, and others for which it is too late. */
function outOfTurn(actions: readonly Action[], goesOn: readonly boolean[]): Action[] {
  const timed = actions.filter(
    ({ kind, hart = 0, injected }) => injected !== true && (kind !== 'hart' || goesOn[hart]),
  );
  const first = Math.min(...timed.map(({ due }) => due));
  const device = Math.min(...timed.filter(({ kind }) => kind === 'device').map(({ due }) => due));
  return timed.filter(({ kind, due }) => due > (kind === 'device' ? first : device));
}

/** What has been spent after that; undefined if it is too much. What has no bound is not counted. */
function withinBounds(spent: Spent, cost: readonly number[], bounds: Bounds): Spent | undefined {
  const limits = [bounds.preemptions, bounds.irqs, bounds.nmis];
  const [preemptions, irqs, nmis] = spent.map((n, i) => (limits[i] === Infinity ? 0 : n + cost[i]));
  const isWithin = preemptions <= limits[0] && irqs <= limits[1] && nmis <= limits[2];
  return isWithin ? [preemptions, irqs, nmis] : undefined;
}

const hartOutcome = ({ inNmi, inHandler, registers }: HartState): HartOutcome => ({
  context: inNmi ? 'nmi' : inHandler ? 'handler' : 'task',
  registers,
});

/** The interrupt that is pending and that the hart has not switched off. */
const ready = (hart: HartState): Irq | undefined =>
  IRQS.find((irq) => hart[irq] && hart.mie.includes(irq));

/** The interrupt that the hart would take now. */
function taken(hart: HartState): Irq | undefined {
  return hart.enabled && !hart.inNmi && !hart.ended ? ready(hart) : undefined;
}
