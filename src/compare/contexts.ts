// Which context runs on each hart: a task, an interrupt or an NMI, followed from outside through traps
// and context switches. Each context has a clock that counts the instructions which it executed itself,
// on whatever hart: neither interrupts that came in between nor other tasks count.
//
// A context that is interrupted or switched away from is known by its stack pointer, which nobody else
// can have meanwhile. An exception's handler is part of the context that raised it.

import type { Hart } from '../machine/hart.ts';

/** A call that is under way. */
export interface Frame<Tag> {
  /** Stack pointer at the function's first instruction. */
  readonly sp: number;
  readonly tag: Tag;
}

export class Context<Tag> {
  readonly kind: 'task' | 'irq' | 'nmi';
  /** Watched functions that it is in, outermost first. */
  readonly frames: Frame<Tag>[] = [];
  /** Instructions executed up to when it last got a hart. */
  #executed = 0;
  /** instret of its hart at that moment. */
  #since: number;

  constructor(kind: 'task' | 'irq' | 'nmi', hart: Hart) {
    this.kind = kind;
    this.#since = hart.instret;
  }

  /** Instructions that it has executed, while it runs on that hart. */
  clock(hart: Hart): number {
    return this.#executed + hart.instret - this.#since;
  }

  leave(hart: Hart): void {
    this.#executed = this.clock(hart);
  }

  /** The instruction that the hart is about to execute is still the other context's. */
  enter(hart: Hart): void {
    this.#since = hart.instret + 1;
  }

  /** A function is entered, at its first instruction. */
  push(sp: number, tag: Tag): void {
    while ((this.frames.at(-1)?.sp ?? Infinity) <= sp) this.frames.pop();
    this.frames.push({ sp, tag });
  }

  /** A function returns: what it was pushed with. Forgets calls inside of it that were left otherwise. */
  pop(sp: number): Tag | undefined {
    while ((this.frames.at(-1)?.sp ?? Infinity) < sp) this.frames.pop();
    return this.frames.at(-1)?.sp === sp ? this.frames.pop()?.tag : undefined;
  }
}

const SP = 2;

export class Contexts<Tag> {
  readonly #running: Context<Tag>[];
  /** Those that do not run, by stack pointer. */
  readonly #waiting = new Map<number, Context<Tag>>();
  /** Stack pointers of those that handle an exception of their own. */
  readonly #excepted = new Set<number>();

  constructor(harts: readonly Hart[]) {
    this.#running = harts.map((hart) => new Context<Tag>('task', hart));
  }

  /** The context that runs on a hart. */
  of(hart: Hart): Context<Tag> {
    return this.#running[hart.id];
  }

  /** At the first instruction of the handler of an interrupt or NMI. */
  interrupted(hart: Hart, kind: 'irq' | 'nmi'): void {
    this.#suspend(hart);
    this.#running[hart.id] = new Context<Tag>(kind, hart);
  }

  /** At the first instruction of the handler of an exception. */
  excepted(hart: Hart): void {
    this.#excepted.add(hart.x[SP]);
  }

  /** At the first instruction of the function that switches tasks. */
  switching(hart: Hart): void {
    this.#suspend(hart);
  }

  /**
   * At the last instruction of a handler, or of the function that switches tasks: who is known by the
   * stack pointer goes on, or a task that has not been seen before.
   */
  resumed(hart: Hart): void {
    const sp = hart.x[SP];
    if (this.#excepted.delete(sp)) return;
    const context = this.#waiting.get(sp);
    this.#waiting.delete(sp);
    context?.enter(hart);
    this.#running[hart.id] = context ?? new Context<Tag>('task', hart);
  }

  #suspend(hart: Hart): void {
    const context = this.of(hart);
    context.leave(hart);
    this.#waiting.set(hart.x[SP], context);
  }
}
