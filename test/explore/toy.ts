// A model in memory to test searches with: threads of abstract operations over words, interrupts with
// handlers, devices. Each operation is one visible step.

import type { Access, Agent, AgentId, Ending, Mark, Model, Step } from '../../src/explore/model.ts';

/** An operation. Registers belong to the context that runs it. */
export interface Op {
  readonly accesses: readonly { readonly word: string; readonly kind: 'read' | 'write' }[];
  readonly run: (words: Map<string, number>, registers: Map<string, number>) => void;
  /** What `canRun` would say if somebody woke the hart; absent: no. */
  readonly isTrue?: (words: Map<string, number>) => boolean;
  /** Absent: always. */
  readonly canRun?: (words: Map<string, number>) => boolean;
  /** The thread ends after this operation if it holds. */
  readonly endsIf?: (registers: Map<string, number>) => boolean;
  /** The thread goes on with this operation of its list if `endsIf` (or its absence) does not end it. */
  readonly goesTo?: number;
  /** What it does to the hart's interrupt enable. */
  readonly mie?: boolean;
  /** The execution fails after this operation if it holds. */
  readonly failsIf?: (registers: Map<string, number>) => boolean;
}

type Value = number | ((registers: Map<string, number>) => number);

export const get = (map: Map<string, number>, name: string): number => map.get(name) ?? 0;

export function write(word: string, value: Value = 1): Op {
  return {
    accesses: [{ word, kind: 'write' }],
    run: (words, registers) =>
      words.set(word, typeof value === 'number' ? value : value(registers)),
  };
}

export function read(word: string, register = word, more: Partial<Op> = {}): Op {
  return {
    accesses: [{ word, kind: 'read' }],
    run: (words, registers) => registers.set(register, get(words, word)),
    ...more,
  };
}

export function add(word: string): Op {
  return {
    accesses: [
      { word, kind: 'read' },
      { word, kind: 'write' },
    ],
    run: (words) => words.set(word, get(words, word) + 1),
  };
}

/** Takes a lock; waits until it is free. */
export function lock(word: string): Op {
  return { ...write(word, 1), canRun: (words) => get(words, word) === 0 };
}

export const unlock = (word: string): Op => write(word, 0);

/** Waits until a word has a value. */
export function wait(word: string, value = 1): Op {
  return { ...read(word), canRun: (words) => get(words, word) === value };
}

/** A step that nobody else can see. */
export const local: Op = { accesses: [], run: () => undefined };
export const mask: Op = { ...local, mie: false };
export const unmask: Op = { ...local, mie: true };

const sleepWord = (hart: number): string => `sleeping${String(hart)}`;

/** wfi of a hart: falls asleep, then waits for an interrupt to be taken or to be pending on `line`. */
export function wfi(hart: number, line?: string): Op[] {
  const asleep = sleepWord(hart);
  const wake: Op = {
    accesses: [asleep, ...(line === undefined ? [] : [line])].map((word) => ({
      word,
      kind: 'read',
    })),
    run: () => undefined,
    canRun: (words) => get(words, asleep) === 0 || (line !== undefined && get(words, line) !== 0),
  };
  return [write(asleep, 1), wake];
}

export interface Interrupt {
  readonly hart: number;
  readonly kind?: 'irq' | 'nmi';
  readonly injected?: boolean;
  readonly handler: readonly Op[];
  /** Pending while this word is not zero; absent: at any time. */
  readonly line?: string;
  /** How often it comes at most. */
  readonly times?: number;
}

export interface Program {
  readonly threads: readonly (readonly Op[])[];
  readonly interrupts?: readonly Interrupt[];
  readonly devices?: readonly (readonly Op[])[];
  readonly words?: Readonly<Record<string, number>>;
  /** Checked when all threads are at their end: a text if something is wrong. */
  readonly check?: (words: Map<string, number>) => string | undefined;
}

interface Frame {
  readonly ops: readonly Op[];
  readonly pc: number;
  readonly registers: ReadonlyMap<string, number>;
  /** Interrupt enable to go back to when the frame ends, and the interrupt that made the frame. */
  readonly mie: boolean;
  readonly interrupt: number;
}

interface State {
  readonly words: ReadonlyMap<string, number>;
  readonly harts: readonly { readonly frames: readonly Frame[]; readonly mie: boolean }[];
  readonly devices: readonly Frame[];
  readonly came: readonly number[];
  readonly failure: string | undefined;
  /** What each context has read, in its order: equal for equivalent executions. */
  readonly observed: ReadonlyMap<string, string>;
}

const frameOf = (ops: readonly Op[], mie = true, interrupt = -1): Frame => ({
  ops,
  pc: 0,
  registers: new Map(),
  mie,
  interrupt,
});

export class Toy implements Model {
  readonly agents: readonly Agent[];
  readonly #program: Program;
  readonly #interrupts: readonly Interrupt[];
  readonly #addresses = new Map<string, number>();
  #state: State;
  readonly #marks: State[] = [];

  constructor(program: Program) {
    this.#program = program;
    this.#interrupts = program.interrupts ?? [];
    const harts = program.threads.map(
      (_, hart) => ({ kind: 'hart', hart, injected: false }) as const,
    );
    const irqs = this.#interrupts.map(({ kind = 'irq', hart, injected = true }) => ({
      kind,
      hart,
      injected,
    }));
    const devices = (program.devices ?? []).map(
      () => ({ kind: 'device', hart: undefined, injected: false }) as const,
    );
    this.agents = [...harts, ...irqs, ...devices].map((agent, id) => ({
      ...agent,
      id,
      name: `${agent.kind} ${String(agent.hart ?? id)}`,
    }));
    this.#state = {
      words: new Map(Object.entries(program.words ?? {})),
      harts: program.threads.map((ops) => ({ frames: [frameOf(ops)], mie: true })),
      devices: (program.devices ?? []).map((ops) => frameOf(ops)),
      came: this.#interrupts.map(() => 0),
      failure: undefined,
      observed: new Map(),
    };
  }

  /**
   * Everything that somebody could have seen of the execution so far. If it ended inside a handler:
   * only what that handler saw. How far the interrupted context got depends on where between steps that
   * don't matter to the handler it was interrupted, and a search need not tell these places apart.
   */
  outcome(): string {
    const { harts } = this.#state;
    const inside = harts.flatMap(({ frames }) =>
      frames
        .slice(1)
        .slice(-1)
        .map((f) => f.interrupt),
    );
    if (inside.length === 0 || this.#state.failure !== undefined) return this.observation();
    const seen = [...this.#state.observed].filter(([context]) =>
      inside.some((number) => context.endsWith(`.${String(number)}`)),
    );
    return `inside ${JSON.stringify([inside, seen.sort()])}`;
  }

  /** All that the execution has read and written so far. */
  observation(): string {
    const { words, observed, failure } = this.#state;
    return JSON.stringify([[...words].sort(), [...observed].sort(), failure]);
  }

  word(name: string): number {
    return this.#state.words.get(name) ?? 0;
  }

  enabled(): AgentId[] {
    return this.agents.filter((agent) => this.#isEnabled(agent)).map((agent) => agent.id);
  }

  waitsOn(id: AgentId): Access[] {
    const interrupt = this.#interrupts.at(id - this.#program.threads.length);
    if (interrupt !== undefined && this.agents[id].kind !== 'hart') {
      const { line } = interrupt;
      return line === undefined ? [] : this.#accesses([{ word: line, kind: 'read' }]);
    }
    const op = this.#nextOp(this.agents[id]);
    const reads = op?.accesses.map(({ word }) => ({ word, kind: 'read' }) as const);
    return this.#accesses(reads ?? []);
  }

  step(id: AgentId): Step {
    const agent = this.agents[id];
    if (!this.#isEnabled(agent)) throw new Error(`${agent.name} is not enabled`);
    switch (agent.kind) {
      case 'irq':
      case 'nmi':
        return this.#enter(agent, id - this.#program.threads.length);
      case 'hart':
      case 'device':
        return this.#run(agent);
    }
  }

  ending(): Ending | undefined {
    const { failure, harts } = this.#state;
    if (failure !== undefined) return { kind: 'failed', reason: failure };
    const isDone = harts.every(
      ({ frames }) => frames.length === 1 && frames[0].pc >= frames[0].ops.length,
    );
    if (!isDone) return undefined;
    const words = new Map(this.#state.words);
    const reason = this.#program.check?.(words);
    if (reason !== undefined) return { kind: 'failed', reason };
    return this.enabled().some((id) => !this.agents[id].injected) ? undefined : { kind: 'done' };
  }

  mark(): Mark {
    this.#marks.push(this.#state);
    return this.#marks.length - 1;
  }

  rewind(mark: Mark): void {
    this.#state = this.#marks[mark];
    this.#marks.length = mark + 1;
  }

  release(mark: Mark): void {
    this.#marks.length = mark;
  }

  wouldProceed(id: AgentId): boolean {
    return this.#nextOp(this.agents[id])?.isTrue?.(new Map(this.#state.words)) ?? false;
  }

  state(): string {
    const { words, harts, devices, came } = this.#state;
    const frames = [...harts.map((hart) => hart.frames), devices].map((list) =>
      list.map((frame) => [frame.interrupt, frame.pc, [...frame.registers]]),
    );
    return JSON.stringify([[...words].sort(), frames, came, harts.map((hart) => hart.mie)]);
  }

  #isEnabled(agent: Agent): boolean {
    if (agent.kind === 'hart' || agent.kind === 'device') {
      const op = this.#nextOp(agent);
      return op !== undefined && (op.canRun?.(new Map(this.#state.words)) ?? true);
    }
    const number = agent.id - this.#program.threads.length;
    const { hart, line, times = 1 } = this.#interrupts[number];
    const { frames, mie } = this.#state.harts[hart];
    const isAtEnd = agent.injected && frames.length === 1 && frames[0].pc >= frames[0].ops.length;
    return (
      !isAtEnd &&
      this.#state.came[number] < times &&
      (line === undefined || this.word(line) !== 0) &&
      (agent.kind === 'nmi' ? !frames.some((f) => this.#isNmi(f.interrupt)) : mie)
    );
  }

  #isNmi(interrupt: number): boolean {
    return interrupt >= 0 && this.#interrupts[interrupt].kind === 'nmi';
  }

  #frames(agent: Agent): readonly Frame[] {
    if (agent.hart !== undefined) return this.#state.harts[agent.hart].frames;
    const first = this.#program.threads.length + this.#interrupts.length;
    return [this.#state.devices[agent.id - first]];
  }

  #nextOp(agent: Agent): Op | undefined {
    const frame = this.#frames(agent).at(-1);
    return frame?.ops.at(frame.pc);
  }

  #accesses(list: Op['accesses']): Access[] {
    return list.map(({ word, kind }) => {
      const address = this.#addresses.get(word) ?? this.#addresses.size * 4;
      this.#addresses.set(word, address);
      return { address, bytes: 4, kind };
    });
  }

  #enter(agent: Agent, number: number): Step {
    const { hart, handler, line } = this.#interrupts[number];
    const words = new Map(this.#state.words);
    const asleep = sleepWord(hart);
    const wakes = get(words, asleep) !== 0;
    words.set(asleep, 0);
    const harts = [...this.#state.harts];
    const { frames, mie } = harts[hart];
    harts[hart] = { frames: [...frames, frameOf(handler, mie, number)], mie: false };
    const came = this.#state.came.map((count, n) => (n === number ? count + 1 : count));
    this.#state = { ...this.#state, words, harts, came };
    const accesses: Op['accesses'] = [
      ...(wakes ? [{ word: asleep, kind: 'write' } as const] : []),
      ...(line === undefined ? [] : [{ word: line, kind: 'read' } as const]),
    ];
    return {
      agent: agent.id,
      depth: frames.length,
      depthAfter: frames.length,
      accesses: this.#accesses(accesses),
      pc: 0,
    };
  }

  #run(agent: Agent): Step {
    const frames = this.#frames(agent);
    const frame = frames[frames.length - 1];
    const op = frame.ops[frame.pc];
    const words = new Map(this.#state.words);
    const registers = new Map(frame.registers);
    op.run(words, registers);
    const pc = op.endsIf?.(registers) === true ? frame.ops.length : (op.goesTo ?? frame.pc + 1);
    const depth = frames.length - 1;
    const returns = depth > 0 && pc >= frame.ops.length;
    const next = returns
      ? frames.slice(0, -1)
      : [...frames.slice(0, -1), { ...frame, pc, registers }];
    const failure = op.failsIf?.(registers) === true ? 'check failed' : this.#state.failure;
    const observed = new Map(this.#state.observed);
    const context = `${agent.name}.${String(frame.interrupt)}`;
    const seen = op.accesses.map(({ word }) => String(this.word(word))).join();
    observed.set(context, `${observed.get(context) ?? ''}${String(frame.pc)}:${seen} `);
    this.#state = { ...this.#state, words, failure, observed };
    if (agent.hart === undefined) this.#replaceDevice(agent, next[0]);
    else {
      const harts = [...this.#state.harts];
      const mie = returns ? frame.mie : (op.mie ?? harts[agent.hart].mie);
      harts[agent.hart] = { frames: next, mie };
      this.#state = { ...this.#state, harts };
    }
    const depthAfter = returns ? depth - 1 : depth;
    const accesses = this.#accesses(op.accesses);
    const changesInterruptEnable = op.mie !== undefined || (depth === 0 && pc >= frame.ops.length);
    return { agent: agent.id, depth, depthAfter, accesses, pc: frame.pc, changesInterruptEnable };
  }

  #replaceDevice(agent: Agent, frame: Frame): void {
    const first = this.#program.threads.length + this.#interrupts.length;
    const devices = [...this.#state.devices];
    devices[agent.id - first] = frame;
    this.#state = { ...this.#state, devices };
  }
}
