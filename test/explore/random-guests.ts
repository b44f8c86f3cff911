// Small random RV32 guests, each as instructions for the reference (reference.ts) and as a program for
// the explorer. Tasks and handlers use registers of their own.

import type { Rng } from '../../src/explore/rng.ts';
import * as code from './guest-code.ts';
import { isByte, loading, MIE, NAMES, plain, state, type Context } from './guest-code.ts';
import {
  IRQS,
  load,
  store,
  WORDS,
  type Guest,
  type Instruction,
  type Irq,
  type Outside,
} from './reference.ts';

/** Index of the first of the bytes, among the words. */
const FIRST_BYTE = WORDS.indexOf('byte0');

/** Number of the operation that waits for several words. */
const AWAIT_SOME = 11;

/** What a guest has to do with devices. */
interface Features extends Outside {
  readonly timers: boolean;
  readonly sends: boolean;
  readonly receives: boolean;
  /** What the handlers of the UART's interrupt write to IER, if they do. */
  readonly handlerIer: number | undefined;
}

const NO_DEVICES: Features = {
  ...{ timers: false, sends: false, receives: false, characters: 0, inject: [] },
  ...{ ier: 0, enabled: [], handlerIer: undefined },
};

/** Generates one guest. */
export class GuestWriter {
  readonly #rng: Rng;
  readonly #code: Instruction[] = [];
  #label = 0;
  #features: Features = NO_DEVICES;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  guest(): Guest {
    const count = this.#rng.weighted([2, 5]) + 1;
    const isWaiting = this.#rng.below(5) === 0;
    const nmiHart = this.#rng.weighted([6, 1, 1]) - 1;
    this.#features = this.#chooseFeatures(count);
    const harts = Array.from({ length: count }, (_, hart) => {
      const task = this.#code.length;
      const isCalm = nmiHart !== hart && this.#rng.below(4) === 0;
      const shared = { hart, harts: count, isCalm };
      const context: Context = {
        ...shared,
        ...{ kind: 'task', registers: [0, 1, 2, 3], loop: [12, 13], address: 't0', value: 't1' },
      };
      if (nmiHart === hart) {
        this.#code.push(state('csrsi 0x744, 8', (_, of) => (of.nmiEnabled = true)));
      }
      if (this.#rng.below(4) > 0) this.#code.push(this.#enable(true));
      if (this.#features.timers && this.#rng.below(3) > 0)
        this.#code.push(code.timer(context, true));
      if (isWaiting && hart === 0) this.#operationOf(context, AWAIT_SOME);
      else this.#body(context, 2 + this.#rng.below(4));
      const end = this.#code.length;
      this.#code.push(plain('', () => undefined));
      const inHandler: Context = {
        ...shared,
        ...{ kind: 'handler', registers: [4, 5, 6], loop: [14, 15], address: 't5', value: 't6' },
      };
      const handlers = {
        software: this.#handler([code.ipi(inHandler, hart, false)], inHandler),
        timer: this.#handler([code.timer(inHandler, false)], inHandler),
        external: this.#externalHandler(inHandler),
      };
      const nmi = nmiHart === hart ? this.#nmi({ ...shared }) : undefined;
      const mie = IRQS.filter(() => !isCalm && this.#rng.below(5) > 0);
      return { task, end, handlers, nmi, next: this.#code.length, mie };
    });
    const ends = this.#rng.below(5) === 0 ? 'any' : 'all';
    return { code: this.#code, harts, ends, outside: this.#features };
  }

  #chooseFeatures(harts: number): Features {
    const rng = this.#rng;
    const timers = rng.below(3) === 0;
    const sends = rng.below(4) === 0;
    const receives = rng.below(4) === 0;
    const characters = receives ? rng.below(3) : 0;
    const injects = receives && characters === 0;
    const inject: Features['inject'][number][] = injects ? ['uart-rx'] : [];
    if (timers && rng.below(3) === 0) inject.push('timer');
    return {
      ...{ timers, sends, receives, characters, inject },
      ier: sends || receives ? rng.below(4) : 0,
      enabled: Array.from({ length: harts }, () => (sends || receives) && rng.below(2) === 0),
      handlerIer: rng.below(3) === 0 ? rng.below(4) : undefined,
    };
  }

  #handler(first: readonly Instruction[], c: Context): number {
    const at = this.#code.length;
    this.#code.push(...first);
    this.#body(c, 1 + this.#rng.below(2));
    this.#return();
    return at;
  }

  #return(): void {
    this.#code.push(
      state('mret', (_, of) => {
        of.pc = of.mepc;
        of.inHandler = false;
        of.enabled = of.wasEnabled;
        of.wasEnabled = true;
        of.reserved = -1;
      }),
    );
  }

  /** Asks the PLIC, does away with what the UART may have, and says that it has. */
  #externalHandler(c: Context): number {
    const at = this.#code.length;
    const [claimed, first, second] = c.registers;
    this.#code.push(code.claim(c, claimed));
    this.#skip(claimed, () => {
      const { receives, handlerIer } = this.#features;
      if (receives) this.#code.push(code.readRbr(c, first));
      this.#code.push(code.readIir(c, second));
      if (handlerIer !== undefined) this.#code.push(code.writeIer(c, handlerIer));
      if (this.#rng.below(2) === 0) this.#operation(c);
      this.#code.push(code.complete(c));
    });
    this.#return();
    return at;
  }

  /** How likely each operation is that the guest's features are for; see `#deviceOperation`. */
  #deviceWeights(c: Context): number[] {
    const { timers, sends, receives } = this.#features;
    const both = sends || receives ? 1 : 0;
    return [
      sends && c.kind !== 'handler' ? 4 : 0,
      receives ? 4 : 0,
      ...[2 * both, both, both],
      timers && c.kind === 'task' ? 3 : 0,
      c.isCalm ? 4 : 0,
    ];
  }

  #deviceOperation(c: Context, rd: number): Instruction {
    switch (this.#rng.weighted(this.#deviceWeights(c))) {
      case 0:
        return code.writeThr(c, 1 + this.#rng.below(3));
      case 1:
        return code.readRbr(c, rd);
      case 2:
        return code.readLsr(c, rd);
      case 3:
        return code.readIir(c, rd);
      case 4:
        return c.kind === 'handler' ? code.readIir(c, rd) : code.writeIer(c, this.#rng.below(4));
      case 5:
        return code.timer(c, this.#rng.below(4) > 0);
      default:
        return code.readTime(c, rd);
    }
  }

  #nmi(shared: Pick<Context, 'hart' | 'harts' | 'isCalm'>): number {
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

  #anyIrq(): Irq {
    const { timers, sends, receives } = this.#features;
    const used = IRQS.filter(
      (irq) => irq === 'software' || (irq === 'timer' ? timers : sends || receives),
    );
    return used[this.#rng.below(used.length)];
  }

  #body(context: Context, operations: number): void {
    for (let n = 0; n < operations; n++) this.#operation(context);
  }

  #word({ hart, kind }: Context): number {
    const own = kind === 'nmi' ? 3 + hart : 3 + hart + 2 * this.#rng.below(2);
    if (this.#rng.below(8) === 0) return FIRST_BYTE + this.#rng.below(2);
    return this.#rng.below(3) === 0 ? own : this.#rng.below(3);
  }

  #operation(c: Context): void {
    const isTask = c.kind === 'task' ? 1 : 0;
    const inTasks = (weight: number): number => weight * isTask;
    const onDevices = this.#deviceWeights(c).reduce((sum, weight) => sum + weight, 0);
    const kinds = [
      ...[
        6,
        5,
        2,
        2,
        2,
        inTasks(4),
        inTasks(4),
        inTasks(c.isCalm ? 0 : 1),
        inTasks(1),
        2,
        1,
        1,
        1,
        1,
        1,
      ],
      onDevices,
    ];
    this.#operationOf(c, this.#rng.weighted(kinds));
  }

  #operationOf(c: Context, kind: number): void {
    const rng = this.#rng;
    const any = this.#word(c);
    const word = kind === 0 || kind === 1 || kind === 10 ? any : Math.min(any, FIRST_BYTE - 1);
    const rd = c.registers[rng.below(c.registers.length)];
    const value = rng.below(3);
    switch (kind) {
      case 0:
        return void this.#code.push(loading(c, rd, word));
      case 1:
        return void this.#code.push(this.#store(c, word, value));
      case 2:
        return void this.#code.push(this.#amo(c, 'amoswap', rd, word, value));
      case 3:
        return void this.#code.push(this.#amo(c, 'amoadd', rd, word, value));
      case 4:
        return this.#reserved(c, rd, word, value);
      case 5:
        return void this.#code.push(code.ipi(c, rng.below(c.harts), rng.below(4) > 0));
      case 6:
        return void this.#code.push(this.#enable(rng.below(2) === 0));
      case 7:
        return void this.#code.push(this.#enableIrq(c, this.#anyIrq(), rng.below(2) === 0));
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
      case 14:
        return this.#scratch(c, rd, value);
      default:
        return void this.#code.push(this.#deviceOperation(c, rd));
    }
  }

  #store(c: Context, word: number, value: number): Instruction {
    const text = `li ${c.value}, ${value}\n la ${c.address}, ${WORDS[word]}\n ${isByte(word) ? 'sb' : 'sw'} ${c.value}, (${c.address})`;
    return plain(text, (all, hart) => store(all, hart, word, value));
  }

  #amo(c: Context, name: string, rd: number, word: number, value: number): Instruction {
    const text = `li ${c.value}, ${value}\n la ${c.address}, ${WORDS[word]}\n ${name}.w ${NAMES[rd]}, ${c.value}, (${c.address})`;
    return plain(text, (all, hart) => {
      const old = load(all, hart, word);
      store(all, hart, word, name === 'amoadd' ? old + value : value);
      hart.registers[rd] = old;
    });
  }

  #reserved(c: Context, rd: number, word: number, value: number): void {
    const { address } = c;
    this.#code.push(
      plain(`la ${address}, ${WORDS[word]}\n lr.w ${NAMES[rd]}, (${address})`, (all, hart) => {
        hart.registers[rd] = load(all, hart, word);
        hart.reserved = word;
      }),
    );
    if (this.#rng.below(3) === 0) this.#operation(c);
    const text = `li ${c.value}, ${value}\n la ${address}, ${WORDS[word]}\n sc.w ${NAMES[rd]}, ${c.value}, (${address})`;
    this.#code.push(
      plain(text, (all, hart) => {
        const succeeds = hart.reserved === word;
        hart.reserved = -1;
        if (succeeds) {
          store(all, hart, word, value);
          all.stamps[word] = hart.time;
        }
        hart.registers[rd] = succeeds ? 0 : 1;
      }),
    );
  }

  #enable(on: boolean): Instruction {
    const change = state(
      `${on ? 'csrsi' : 'csrci'} mstatus, MIE`,
      (_, hart) => (hart.enabled = on),
    );
    return { ...change, isIdle: ({ enabled }) => enabled === on };
  }

  #enableIrq(c: Context, irq: Irq, on: boolean): Instruction {
    return state(
      `li ${c.value}, ${MIE[irq]}\n ${on ? 'csrs' : 'csrc'} mie, ${c.value}`,
      (_, hart) =>
        (hart.mie = IRQS.filter((each) => (each === irq ? on : hart.mie.includes(each)))),
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
    const look = loading(c, r, word);
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
      const look = loading(c, registers[i], word);
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
