// Small random RV32 guests, each as instructions for the reference (reference.ts) and as a program for
// the explorer. Tasks and handlers use registers of their own.

import type { Rng } from '../../src/explore/rng.ts';
import { program, type Program } from './programs.ts';
import { store, WORDS, type Guest, type HartOutcome, type Instruction } from './reference.ts';

/** Names of the registers by their index: the last ones are for loops. */
const NAMES = ['s2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11'].concat(
  ...[['a6', 'a7', 't3', 't4', 'a4', 'a5']],
);

/** Number of the operation that waits for several words. */
const AWAIT_SOME = 11;

/** What a context may use. */
interface Context {
  readonly kind: 'task' | 'handler' | 'nmi';
  readonly hart: number;
  readonly harts: number;
  readonly registers: readonly number[];
  readonly loop: readonly [number, number];
  /** Registers for addresses and constants. */
  readonly address: string;
  readonly value: string;
}

const plain = (text: string, run: Instruction['run']): Instruction => ({
  text,
  kind: 'plain',
  run,
});

const state = (text: string, run: Instruction['run']): Instruction => ({
  text,
  kind: 'state',
  run,
});

const load = (c: Context, rd: number, word: number): Instruction =>
  plain(`la ${c.address}, ${WORDS[word]}\n lw ${NAMES[rd]}, (${c.address})`, ({ words }, hart) => {
    hart.registers[rd] = words[word];
  });

/** Generates one guest. */
export class GuestWriter {
  readonly #rng: Rng;
  readonly #code: Instruction[] = [];
  #label = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  guest(): Guest {
    const count = this.#rng.weighted([2, 5]) + 1;
    const isWaiting = this.#rng.below(5) === 0;
    const nmiHart = this.#rng.weighted([6, 1, 1]) - 1;
    const harts = Array.from({ length: count }, (_, hart) => {
      const task = this.#code.length;
      const shared = { hart, harts: count };
      const context: Context = {
        ...shared,
        ...{ kind: 'task', registers: [0, 1, 2, 3], loop: [12, 13], address: 't0', value: 't1' },
      };
      if (nmiHart === hart) {
        this.#code.push(state('csrsi 0x744, 8', (_, of) => (of.nmiEnabled = true)));
      }
      if (this.#rng.below(4) > 0) this.#code.push(this.#enable(true));
      if (isWaiting && hart === 0) this.#operationOf(context, AWAIT_SOME);
      else this.#body(context, 2 + this.#rng.below(4));
      const end = this.#code.length;
      this.#code.push(plain('', () => undefined));
      const handler = this.#code.length;
      const inHandler: Context = {
        ...shared,
        ...{ kind: 'handler', registers: [4, 5, 6], loop: [14, 15], address: 't5', value: 't6' },
      };
      this.#code.push(this.#ipi(inHandler, hart, false));
      this.#body(inHandler, 1 + this.#rng.below(2));
      this.#code.push(
        state('mret', (_, of) => {
          of.pc = of.mepc;
          of.inHandler = false;
          of.enabled = of.wasEnabled;
          of.wasEnabled = true;
          of.reserved = -1;
        }),
      );
      const nmi = nmiHart === hart ? this.#nmi({ ...shared }) : undefined;
      return { task, end, handler, nmi };
    });
    return { code: this.#code, harts, ends: this.#rng.below(5) === 0 ? 'any' : 'all' };
  }

  #nmi(shared: { hart: number; harts: number }): number {
    const at = this.#code.length;
    const context: Context = {
      ...shared,
      ...{ kind: 'nmi', registers: [7, 8], loop: [14, 15], address: 'a2', value: 'a3' },
    };
    this.#body(context, 1);
    this.#code.push(
      state('.word 0x70200073', (_, of) => {
        of.pc = of.mnepc;
        of.nmiEnabled = true;
        of.inNmi = false;
        of.reserved = -1;
      }),
    );
    return at;
  }

  #body(context: Context, operations: number): void {
    for (let n = 0; n < operations; n++) this.#operation(context);
  }

  #word({ hart, kind }: Context): number {
    const own = kind === 'nmi' ? 3 + hart : 3 + hart + 2 * this.#rng.below(2);
    return this.#rng.below(3) === 0 ? own : this.#rng.below(3);
  }

  #operation(c: Context): void {
    const isTask = c.kind === 'task' ? 1 : 0;
    const inTasks = (weight: number): number => weight * isTask;
    const kinds = [6, 5, 2, 2, 2, inTasks(4), inTasks(4), inTasks(1), inTasks(1), 2, 1, 1, 1, 1, 1];
    this.#operationOf(c, this.#rng.weighted(kinds));
  }

  #operationOf(c: Context, kind: number): void {
    const rng = this.#rng;
    const word = this.#word(c);
    const rd = c.registers[rng.below(c.registers.length)];
    const value = rng.below(3);
    switch (kind) {
      case 0:
        return void this.#code.push(load(c, rd, word));
      case 1:
        return void this.#code.push(this.#store(c, word, value));
      case 2:
        return void this.#code.push(this.#amo(c, 'amoswap', rd, word, value));
      case 3:
        return void this.#code.push(this.#amo(c, 'amoadd', rd, word, value));
      case 4:
        return this.#reserved(c, rd, word, value);
      case 5:
        return void this.#code.push(this.#ipi(c, rng.below(c.harts), rng.below(4) > 0));
      case 6:
        return void this.#code.push(this.#enable(rng.below(2) === 0));
      case 7:
        return void this.#code.push(this.#enableSoftware(c, rng.below(2) === 0));
      case 8:
        return void this.#code.push({ text: 'wfi', kind: 'sleep', run: () => undefined });
      case 9:
        return this.#skip(rd, () => this.#operation(c));
      case 10:
        return this.#await(c, word);
      case AWAIT_SOME:
        return this.#awaitSome(c, [rng.below(3), rng.below(3), rng.below(3)].slice(rng.below(2)));
      case 12:
        return this.#lock(c, word);
      case 13:
        return this.#skip(rd, () => this.#code.push(this.#fail(c)));
      default:
        return this.#scratch(c, rd, value);
    }
  }

  #store(c: Context, word: number, value: number): Instruction {
    const text = `li ${c.value}, ${value}\n la ${c.address}, ${WORDS[word]}\n sw ${c.value}, (${c.address})`;
    return plain(text, (all, hart) => store(all, hart, word, value));
  }

  #amo(c: Context, name: string, rd: number, word: number, value: number): Instruction {
    const text = `li ${c.value}, ${value}\n la ${c.address}, ${WORDS[word]}\n ${name}.w ${NAMES[rd]}, ${c.value}, (${c.address})`;
    return plain(text, (all, hart) => {
      const old = all.words[word];
      store(all, hart, word, name === 'amoadd' ? old + value : value);
      hart.registers[rd] = old;
    });
  }

  #reserved(c: Context, rd: number, word: number, value: number): void {
    const { address } = c;
    this.#code.push(
      plain(`la ${address}, ${WORDS[word]}\n lr.w ${NAMES[rd]}, (${address})`, (all, hart) => {
        hart.registers[rd] = all.words[word];
        hart.reserved = word;
      }),
    );
    if (this.#rng.below(3) === 0) this.#operation(c);
    const text = `li ${c.value}, ${value}\n la ${address}, ${WORDS[word]}\n sc.w ${NAMES[rd]}, ${c.value}, (${address})`;
    this.#code.push(
      plain(text, (all, hart) => {
        const succeeds = hart.reserved === word;
        hart.reserved = -1;
        if (succeeds) store(all, hart, word, value);
        hart.registers[rd] = succeeds ? 0 : 1;
      }),
    );
  }

  #ipi(c: Context, hart: number, pending: boolean): Instruction {
    const text = `li ${c.value}, ${pending ? 1 : 0}\n li ${c.address}, MSIP + ${4 * hart}\n sw ${c.value}, (${c.address})`;
    return plain(text, ({ harts }) => (harts[hart].pending = pending));
  }

  #enable(on: boolean): Instruction {
    const change = state(
      `${on ? 'csrsi' : 'csrci'} mstatus, MIE`,
      (_, hart) => (hart.enabled = on),
    );
    return { ...change, isIdle: ({ enabled }) => enabled === on };
  }

  #enableSoftware(c: Context, on: boolean): Instruction {
    return state(
      `li ${c.value}, MSIE\n ${on ? 'csrs' : 'csrc'} mie, ${c.value}`,
      (_, hart) => (hart.softwareEnabled = on),
    );
  }

  #scratch(c: Context, rd: number, value: number): void {
    if (this.#rng.below(2) === 0) {
      const text = `li ${c.value}, ${value}\n csrw mscratch, ${c.value}`;
      this.#code.push(plain(text, (_, hart) => (hart.scratch = value)));
    } else {
      const run: Instruction['run'] = (_, hart) => (hart.registers[rd] = hart.scratch);
      this.#code.push(plain(`csrr ${NAMES[rd]}, mscratch`, run));
    }
  }

  #fail(c: Context): Instruction {
    const text = `li ${c.address}, FINISHER\n li ${c.value}, 0x13333\n sw ${c.value}, (${c.address})`;
    return plain(text, (all) => (all.failed = true));
  }

  /** Skips what `inside` writes if the register is zero. */
  #skip(register: number, inside: () => void): void {
    const label = `skip${this.#label++}`;
    const at = this.#code.length;
    this.#code.push(plain('', () => undefined));
    inside();
    const to = this.#code.length;
    this.#code[at] = plain(`beqz ${NAMES[register]}, ${label}`, (_, hart) => {
      if (hart.registers[register] === 0) hart.pc = to;
    });
    this.#code.push(plain(`${label}: nop`, () => undefined));
  }

  /** Loops until a word is not zero. */
  #await(c: Context, word: number): void {
    const label = `again${this.#label++}`;
    const [r] = c.loop;
    const at = this.#code.length;
    const look = load(c, r, word);
    this.#code.push({ ...look, text: `${label}: ${look.text}` });
    this.#code.push(
      plain(`beqz ${NAMES[r]}, ${label}`, (_, hart) => {
        if (hart.registers[r] === 0) hart.pc = at;
      }),
    );
  }

  /** Loops until the words that it reads in turn are, each, zero or not, and keeps one of them. */
  #awaitSome(c: Context, words: readonly number[]): void {
    const label = `again${this.#label++}`;
    const at = this.#code.length;
    const registers = words.map((_, i) => c.loop[i % 2]);
    words.forEach((word, i) => {
      const look = load(c, registers[i], word);
      this.#code.push(i === 0 ? { ...look, text: `${label}: ${look.text}` } : look);
      // The last two registers are looked at behind all reads.
      if (i + 2 < words.length) this.#backUnless(registers[i], label, at);
    });
    for (const register of registers.slice(-2)) this.#backUnless(register, label, at);
    this.#code.push(
      plain(`mv ${NAMES[c.registers[0]]}, ${NAMES[registers[0]]}`, (_, hart) => {
        hart.registers[c.registers[0]] = hart.registers[registers[0]];
      }),
    );
  }

  #backUnless(register: number, label: string, to: number): void {
    const isBack = this.#rng.below(2) === 0;
    this.#code.push(
      plain(`${isBack ? 'bnez' : 'beqz'} ${NAMES[register]}, ${label}`, (_, hart) => {
        if ((hart.registers[register] !== 0) === isBack) hart.pc = to;
      }),
    );
  }

  /** Takes a test-and-set lock. */
  #lock(c: Context, word: number): void {
    const label = `again${this.#label++}`;
    const [r] = c.loop;
    const at = this.#code.length;
    const swap = this.#amo(c, 'amoswap', r, word, 1);
    this.#code.push({ ...swap, text: `${label}: ${swap.text}` });
    this.#code.push(
      plain(`bnez ${NAMES[r]}, ${label}`, (_, hart) => {
        if (hart.registers[r] !== 0) hart.pc = at;
      }),
    );
  }
}

/** The same guest for the explorer. */
export function assembled(guest: Guest): Program {
  const textOf = (from: number, to: number): string =>
    guest.code
      .slice(from, to)
      .map(({ text }) => text)
      .join('\n ');
  const bodies = guest.harts.map(({ task, end, nmi }, h) => {
    const vector = nmi === undefined ? '' : `la t0, nmi${h}\n li t1, NMI\n sw t0, (t1)`;
    return `la t0, handler${h}\n csrw mtvec, t0\n ${vector}\n li t0, MSIE\n csrw mie, t0
      ${textOf(task, end)}`;
  });
  const handlers = guest.harts.map(({ handler, nmi }, h) => {
    const next = guest.harts.at(h + 1)?.task ?? guest.code.length;
    const text = `.balign 4\n handler${h}: ${textOf(handler, nmi ?? next)}`;
    return nmi === undefined ? text : `${text}\n .balign 4\n nmi${h}: ${textOf(nmi, next)}`;
  });
  const hasNmi = guest.harts.some(({ nmi }) => nmi !== undefined);
  return program(bodies, {
    rest: `${handlers.join('\n')}\n .data\n ${WORDS.map((word) => `${word}: .word 0`).join('\n ')}`,
    region: { ends: guest.ends, inject: hasNmi ? ['nmi'] : [] },
  });
}

/** The harts where an execution has ended, as the reference sees them. */
export const hartOutcomes = ({ machine, model }: Program): HartOutcome[] =>
  machine.harts.map(({ x, inNmi }, h) => ({
    context: inNmi ? 'nmi' : model.stepper.tracks[h].depth > 0 ? 'handler' : 'task',
    registers: NAMES.map((name) => x[NUMBERS[name]]),
  }));

const NUMBERS: Readonly<Record<string, number>> = Object.fromEntries(
  ['zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1']
    .concat(Array.from({ length: 8 }, (_, i) => `a${i}`))
    .concat(Array.from({ length: 10 }, (_, i) => `s${i + 2}`))
    .concat(['t3', 't4', 't5', 't6'])
    .map((name, number) => [name, number]),
);
