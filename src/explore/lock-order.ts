// The lock-order checker: what would deadlock in another interleaving than the one that was seen. The
// rules are those of Linux's Documentation/locking/lockdep-design.rst: a graph of lock classes, irq- and
// NMI-safety, recursion, wait contexts. Pure: fed with events, gives warnings as data. Left out:
// subclasses (nesting annotations), softirqs, freeing of held locks.

export type Mode = 'exclusive' | 'shared';
export type Level = 'task' | 'irq' | 'nmi';

/** A lock that spins, or one that sleeps while it waits. */
export type LockKind = 'spin' | 'sleep';

/** Who takes a lock, and in what state. */
export interface Context {
  /** Names the holder: a task, or an interrupt context of a hart. Same name, same held locks. */
  readonly thread: string;
  readonly level: Level;
  readonly irqsOn: boolean;
}

interface LockFields {
  /** Address of the lock. */
  readonly lock: number;
  /** Locks of one class obey one rule: the symbol of a static lock, or where a dynamic one was made. */
  readonly class: string;
  readonly context: Context;
  /** For reports: `function file:line`. */
  readonly at: string;
}

export type LockEvent =
  | (LockFields & {
      readonly kind: 'acquire';
      readonly mode: Mode;
      readonly lockKind: LockKind;
      /** Taken by a function that gives up instead of waiting: it can't be what a cycle waits for. */
      readonly isTry: boolean;
      /** It waits until somebody else gives the lock back, and does not take it. */
      readonly isWait?: boolean;
      /** A semaphore: released by whoever likes, and not an error if nobody holds it. */
      readonly hasOwner: boolean;
    })
  /** One without an owner may be given back by whoever likes, as often as they like. */
  | (LockFields & { readonly kind: 'release'; readonly hasOwner?: boolean })
  | (LockFields & { readonly kind: 'init' })
  /** Handed over to another context without being released in between. */
  | (LockFields & { readonly kind: 'transfer'; readonly to: Context })
  /** Interrupts are switched on: whatever is held is now held with interrupts on. */
  | { readonly kind: 'irqs on' | 'leave'; readonly context: Context; readonly at: string };

/** `to` was taken, or waited for, while `from` was held. */
export interface Dependency {
  readonly from: string;
  readonly to: string;
  readonly fromMode: Mode;
  readonly toMode: Mode;
  readonly thread: string;
  readonly at: string;
}

export type WarningKind =
  | 'recursion'
  | 'inversion'
  | 'taken in irq and with irqs on'
  | 'irq-safe to irq-unsafe'
  | 'waited for in NMI'
  | 'sleeping lock in atomic context'
  | 'unbalanced release'
  | 'init of a held lock'
  | 'held at the end of an interrupt';

/** Plain data. */
export interface LockWarning {
  readonly kind: WarningKind;
  /** Classes involved, the one that was just taken first. */
  readonly classes: readonly string[];
  readonly at: string;
  readonly thread: string;
  /** For orders: what leads from the lock just taken back to one that is held. */
  readonly chain: readonly Dependency[];
}

export interface Held {
  readonly lock: number;
  readonly class: string;
  readonly mode: Mode;
  readonly lockKind: LockKind;
  readonly hasOwner: boolean;
  readonly irqsOn: boolean;
  /** Only waited for: nobody waits for the thread because of it. */
  readonly isWait: boolean;
  readonly at: string;
  /** It was asked for, and its holder has it. */
  readonly isGot: boolean;
}

/** What a change of who holds what has overwritten. */
export type HoldingBefore =
  | { readonly kind: 'held'; readonly thread: string; readonly held: readonly Held[] }
  /** The lock was taken for the first time. */
  | { readonly kind: 'unknown'; readonly lock: number };

const NOTHING: readonly Held[] = [];

/** Where and how a class was used in a way that matters. */
type Usage = Map<string, { readonly mode: Mode; readonly at: string }[]>;

/**
 * What is learnt about orders only grows; changes of who holds what can be taken back, so that many
 * executions that begin alike can be gone through.
 */
export class LockOrder {
  readonly warnings: LockWarning[] = [];
  /** What threads hold, oldest first. */
  readonly #held = new Map<string, readonly Held[]>();
  /** Locks that have been taken so far: one that has not may have been held all the time. */
  readonly #known = new Set<number>();
  readonly #changed: (before: HoldingBefore) => void;
  /** Chains of held locks and one more that have been checked, as lockdep's chain cache: hashes. */
  readonly #chains = new Set<number>();
  /** Edges by class held. */
  readonly #after = new Map<string, Dependency[]>();
  readonly #inIrq: Usage = new Map();
  readonly #withIrqsOn: Usage = new Map();
  readonly #inNmi: Usage = new Map();
  readonly #outsideNmi: Usage = new Map();
  readonly #reported = new Set<string>();

  /** @param changed gets what `takeBack` needs, the latest first, to take changes back */
  constructor(changed: (before: HoldingBefore) => void = () => undefined) {
    this.#changed = changed;
  }

  /** What a thread holds, oldest first. */
  heldBy(thread: string): readonly Held[] {
    return this.#held.get(thread) ?? NOTHING;
  }

  /** All that anybody holds, by thread. */
  get holders(): ReadonlyMap<string, readonly Held[]> {
    return this.#held;
  }

  /** Takes back the last change of who holds what that has not been taken back. */
  takeBack(before: HoldingBefore): void {
    switch (before.kind) {
      case 'held':
        this.#put(before.thread, before.held);
        break;
      case 'unknown':
        this.#known.delete(before.lock);
        break;
    }
  }

  /** What a thread holds is another one's, or only what others sleep for: a task goes or comes back. */
  move(from: string, to: string, which: LockKind | 'all' = 'all'): void {
    const held = this.heldBy(from);
    const isMoved = ({ lockKind }: Held): boolean => which === 'all' || which === lockKind;
    const moved = held.filter(isMoved);
    if (moved.length === 0 || from === to) return;
    this.#set(to, [...moved, ...this.heldBy(to)]);
    this.#set(
      from,
      held.filter((each) => !isMoved(each)),
    );
  }

  /** It has got the lock that it had asked for. */
  got(lock: number, thread: string): void {
    const list = this.heldBy(thread);
    const at = list.findLastIndex((held) => held.lock === lock);
    if (at >= 0) this.#set(thread, list.with(at, { ...list[at], isGot: true }));
  }

  /** It did not get the lock that it had asked for. */
  giveUp(lock: number, thread: string): void {
    this.#remove(lock, thread);
  }

  /** All orders seen so far. */
  dependencies(): readonly Dependency[] {
    return [...this.#after.values()].flat();
  }

  feed(event: LockEvent): void {
    switch (event.kind) {
      case 'acquire':
        this.#acquire(event);
        break;
      case 'release':
        this.#release(event);
        break;
      case 'transfer': {
        const held = this.#remove(event.lock, event.context.thread);
        if (held === undefined) this.#warn('unbalanced release', [event.class], event);
        else this.#push(event.to.thread, held);
        break;
      }
      case 'init':
        for (const held of [...this.#held.values()].flat()) {
          if (held.lock === event.lock) this.#warn('init of a held lock', [event.class], event);
        }
        break;
      case 'irqs on':
        for (const held of this.heldBy(event.context.thread)) {
          if (held.isWait) continue;
          if (this.#use(this.#withIrqsOn, held.class, held.mode, event.at)) this.#checkIrqs(event);
        }
        break;
      case 'leave': {
        const left = this.heldBy(event.context.thread).map((held) => held.class);
        if (left.length === 0) break;
        this.#warn('held at the end of an interrupt', left, event);
        this.#set(event.context.thread, NOTHING);
        break;
      }
    }
  }

  #acquire(event: LockEvent & { readonly kind: 'acquire' }): void {
    const { context, mode, isTry, isWait = false, lockKind, lock, hasOwner, at } = event;
    const all = this.heldBy(context.thread);
    const held = all.some((each) => each.isWait) ? all.filter((each) => !each.isWait) : all;
    const chain = hashOf(event, held);
    if (!this.#chains.has(chain)) {
      this.#chains.add(chain);
      if (!isTry) {
        this.#checkRecursion(event, held);
        this.#checkWaitContext(event, held);
        for (const other of held) {
          if (other.class !== event.class) this.#depend(other, event);
        }
      }
      this.#checkUsage(event);
    }
    const { irqsOn } = context;
    const taken: Held = {
      lock,
      class: event.class,
      mode,
      lockKind,
      hasOwner,
      irqsOn,
      isWait,
      at,
      isGot: isTry,
    };
    this.#push(context.thread, taken);
    if (isWait || this.#known.has(lock)) return;
    this.#known.add(lock);
    this.#changed({ kind: 'unknown', lock });
  }

  #checkRecursion(event: LockEvent & { readonly kind: 'acquire' }, held: readonly Held[]): void {
    const again = held.find(
      (other) => other.class === event.class && collide(other.mode, event.mode),
    );
    if (again !== undefined) this.#warn('recursion', [event.class], event);
  }

  #checkWaitContext(event: LockEvent & { readonly kind: 'acquire' }, held: readonly Held[]): void {
    if (event.lockKind !== 'sleep') return;
    const { level, irqsOn } = event.context;
    const spin = held.filter((other) => other.lockKind === 'spin').map((other) => other.class);
    if (level !== 'task' || !irqsOn || spin.length > 0) {
      this.#warn('sleeping lock in atomic context', [event.class, ...spin], event);
    }
  }

  #depend(from: Held, event: LockEvent & { readonly kind: 'acquire' }): void {
    const edges = this.#after.get(from.class) ?? [];
    const isKnown = edges.some(
      (edge) =>
        edge.to === event.class && edge.fromMode === from.mode && edge.toMode === event.mode,
    );
    if (isKnown) return;
    const edge: Dependency = {
      from: from.class,
      to: event.class,
      fromMode: from.mode,
      toMode: event.mode,
      thread: event.context.thread,
      at: event.at,
    };
    this.#after.set(from.class, [...edges, edge]);
    const back = this.#path(
      edge,
      (last) => last.to === edge.from && collide(last.toMode, edge.fromMode),
    );
    if (back !== undefined) this.#warn('inversion', [event.class, from.class], event, back);
    this.#checkIrqs(event);
  }

  #checkUsage(event: LockEvent & { readonly kind: 'acquire' }): void {
    const { context, mode, isTry, isWait = false, at } = event;
    const uses: Usage[] = [];
    if (!isTry && context.level === 'nmi') uses.push(this.#inNmi);
    if (!isTry && context.level === 'irq') uses.push(this.#inIrq);
    if (!isWait && context.level !== 'nmi') {
      uses.push(this.#outsideNmi);
      if (context.irqsOn) uses.push(this.#withIrqsOn);
    }
    let isNew = false;
    for (const usage of uses) isNew = this.#use(usage, event.class, mode, at) || isNew;
    if (isNew) this.#checkIrqs(event);
  }

  /** Notes a use; true if that class has not been used so in that mode. */
  #use(usage: Usage, name: string, mode: Mode, at: string): boolean {
    const uses = usage.get(name) ?? [];
    if (uses.some((use) => use.mode === mode)) return false;
    usage.set(name, [...uses, { mode, at }]);
    return true;
  }

  /** An interrupt that waits for what it may have interrupted, at once or over other locks. */
  #checkIrqs(event: { readonly context: Context; readonly at: string }): void {
    for (const [name, uses] of this.#inNmi) {
      for (const other of this.#outsideNmi.get(name) ?? []) {
        if (uses.some((use) => collide(use.mode, other.mode))) {
          this.#warn('waited for in NMI', [name], event);
        }
      }
    }
    for (const [safe, uses] of this.#inIrq) {
      for (const use of uses) this.#checkIrqSafe(safe, use.mode, event);
    }
  }

  #checkIrqSafe(
    safe: string,
    mode: Mode,
    event: { readonly context: Context; readonly at: string },
  ) {
    const isUnsafe = (name: string, waited: Mode): boolean =>
      (this.#withIrqsOn.get(name) ?? []).some((use) => collide(use.mode, waited));
    if (isUnsafe(safe, mode)) this.#warn('taken in irq and with irqs on', [safe], event);
    for (const first of this.#after.get(safe) ?? []) {
      if (!collide(first.fromMode, mode)) continue;
      const chain = isUnsafe(first.to, first.toMode)
        ? [first]
        : this.#path(first, (last) => isUnsafe(last.to, last.toMode));
      const last = chain?.at(-1);
      if (chain !== undefined && last !== undefined) {
        this.#warn('irq-safe to irq-unsafe', [safe, last.to], event, chain);
      }
    }
  }

  /** The shortest chain of dependencies that `first` begins and an accepted one ends. */
  #path(first: Dependency, accepts: (last: Dependency) => boolean): Dependency[] | undefined {
    const queue: Dependency[][] = [[first]];
    const seen = new Set<Dependency>([first]);
    for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
      const last = chain[chain.length - 1];
      for (const edge of this.#after.get(last.to) ?? []) {
        if (seen.has(edge) || !collide(last.toMode, edge.fromMode)) continue;
        if (accepts(edge)) return [...chain, edge];
        seen.add(edge);
        queue.push([...chain, edge]);
      }
    }
    return undefined;
  }

  #release(event: LockEvent & { readonly kind: 'release' }): void {
    if (this.#remove(event.lock, event.context.thread) !== undefined) return;
    // A semaphore may be released by another than who took it.
    for (const [thread, list] of this.#held) {
      if (list.some((held) => held.lock === event.lock && !held.hasOwner)) {
        this.#remove(event.lock, thread);
        return;
      }
    }
    if (event.hasOwner === false || !this.#known.has(event.lock)) return;
    this.#warn('unbalanced release', [event.class], event);
  }

  #remove(lock: number, thread: string): Held | undefined {
    const list = this.heldBy(thread);
    const at = list.findLastIndex((held) => held.lock === lock);
    if (at < 0) return undefined;
    this.#set(thread, list.toSpliced(at, 1));
    return list[at];
  }

  #push(thread: string, held: Held): void {
    this.#set(thread, [...this.heldBy(thread), held]);
  }

  #set(thread: string, list: readonly Held[]): void {
    const before: HoldingBefore = { kind: 'held', thread, held: this.heldBy(thread) };
    this.#put(thread, list);
    this.#changed(before);
  }

  #put(thread: string, list: readonly Held[]): void {
    if (list.length === 0) this.#held.delete(thread);
    else this.#held.set(thread, list);
  }

  /** Each kind of warning once for the same classes. */
  #warn(
    kind: WarningKind,
    classes: readonly string[],
    event: { readonly context: Context; readonly at: string },
    chain: readonly Dependency[] = [],
  ): void {
    const key = [kind, ...[...classes].sort()].join('\0');
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.warnings.push({ kind, classes, at: event.at, thread: event.context.thread, chain });
  }
}

/** Of what is checked about a lock that is taken while others are held: 52 bits. */
function hashOf(
  { lock, mode, isTry, isWait = false, context }: LockEvent & { readonly kind: 'acquire' },
  held: readonly Held[],
): number {
  let [a, b] = [0x9e37, 0x79b9];
  const mix = (value: number): void => {
    a = Math.imul(a ^ value, 0x85ebca6b);
    b = Math.imul(b ^ (value >>> 7) ^ a, 0xc2b2ae35);
    a ^= b >>> 15;
  };
  for (const each of held) {
    mix(each.lock);
    mix((each.lock / 2 ** 32) * 2 + (each.mode === 'shared' ? 1 : 0));
  }
  mix(lock);
  mix((lock / 2 ** 32) * 2 + (mode === 'shared' ? 1 : 0));
  const flags = (context.irqsOn ? 4 : 0) + (isTry ? 2 : 0) + (isWait ? 1 : 0);
  mix(LEVELS.indexOf(context.level) * 8 + flags);
  return (a >>> 6) * 2 ** 26 + (b >>> 6);
}

const LEVELS: readonly Level[] = ['task', 'irq', 'nmi'];

/** Can one mode be made to wait for the other? Recursive readers never wait for readers. */
function collide(a: Mode, b: Mode): boolean {
  return a === 'exclusive' || b === 'exclusive';
}
