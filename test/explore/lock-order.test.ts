// The list of cases is that of Linux's lib/locking-selftest.c: which of them have to be reported and
// which must not.

import { describe, expect, it } from 'vitest';
import {
  LockOrder,
  type Context,
  type LockEvent,
  type Mode,
} from '../../src/explore/lock-order.ts';

const TASK: Context = { thread: 'task', level: 'task', irqsOn: true };
const OFF: Context = { ...TASK, irqsOn: false };
const IRQ: Context = { thread: 'irq', level: 'irq', irqsOn: false };
const NMI: Context = { thread: 'nmi', level: 'nmi', irqsOn: false };

interface Options {
  readonly mode?: Mode;
  readonly isTry?: boolean;
  readonly isWait?: boolean;
  readonly lockKind?: 'spin' | 'sleep';
  readonly hasOwner?: boolean;
}

const fields = (name: string, context: Context) => ({
  lock: name.charCodeAt(0),
  class: name,
  context,
  at: `${name} here`,
});

function take(name: string, context: Context = OFF, options: Options = {}): LockEvent {
  const defaults = { mode: 'exclusive', isTry: false, lockKind: 'spin', hasOwner: true } as const;
  return { kind: 'acquire', ...fields(name, context), ...defaults, ...options };
}

const give = (name: string, context: Context = OFF): LockEvent => ({
  kind: 'release',
  ...fields(name, context),
});

/** Takes the locks in this order and gives them back. */
const nest = (names: string, context: Context = OFF, options: Options = {}): LockEvent[] => [
  ...[...names].map((name) => take(name, context, options)),
  ...[...names].reverse().map((name) => give(name, context)),
];

function kinds(...events: (LockEvent | LockEvent[])[]): string[] {
  const order = new LockOrder();
  for (const event of events.flat()) order.feed(event);
  return order.warnings.map((warning) => warning.kind);
}

const shared = { mode: 'shared' } as const;
const tried = { isTry: true } as const;
const awaited = { isWait: true } as const;

describe('orders that deadlock', () => {
  it.each([
    ['A-B, B-A', 'AB BA'],
    ['A-B, B-C, C-A', 'AB BC CA'],
    ['A-B, C-A, B-C', 'AB CA BC'],
    ['A-B, B-C, C-D, D-A', 'AB BC CD DA'],
    ['A-B, C-D, B-D, D-A', 'AB CD BD DA'],
    ['A-B, C-D, B-C, D-A', 'AB CD BC DA'],
  ])('%s', (_, orders) => {
    expect(kinds(...orders.split(' ').map((names) => nest(names)))).toEqual(['inversion']);
  });

  it('A-A', () => expect(kinds(nest('AA'))).toEqual(['recursion']));

  it('says over which locks: the chain leads back to the one that is held', () => {
    const order = new LockOrder();
    for (const event of [...nest('AB'), ...nest('BC'), ...nest('CA')]) order.feed(event);
    const [warning] = order.warnings;
    expect(warning.chain.map(({ from, to }) => from + to)).toEqual(['CA', 'AB', 'BC']);
    expect(warning).toMatchObject({ classes: ['A', 'C'], thread: 'task', at: 'A here' });
  });

  it('each once', () => {
    expect(kinds(nest('AB'), nest('BA'), nest('BA'), nest('AB'))).toHaveLength(1);
  });
});

describe('orders that do not', () => {
  it.each([
    ['the same order twice', 'AB AB'],
    ['a tree', 'AB AC BD'],
    ['a diamond', 'AB AC BD CD'],
  ])('%s', (_, orders) => {
    expect(kinds(...orders.split(' ').map((names) => nest(names)))).toEqual([]);
  });

  it('the second lock only tried', () => {
    expect(kinds(nest('AB'), take('B'), take('A', OFF, tried))).toEqual([]);
  });

  it('but a lock that was got by trying counts as held', () => {
    expect(kinds(nest('AB'), take('B', OFF, tried), take('A'))).toEqual(['inversion']);
  });

  it('different threads hold different locks', () => {
    const other = { ...OFF, thread: 'other' };
    expect(kinds(take('A'), take('B', other), give('A'), give('B', other))).toEqual([]);
  });
});

describe('readers', () => {
  it('may recurse', () => expect(kinds(nest('AA', OFF, shared))).toEqual([]));

  it.each([
    ['read, then write', [take('A', OFF, shared), take('A')]],
    ['write, then read', [take('A'), take('A', OFF, shared)]],
  ])('%s the same lock is recursion', (_, events) => {
    expect(kinds(events)).toEqual(['recursion']);
  });

  it('of both locks in both orders wait for nobody', () => {
    expect(kinds(nest('AB', OFF, shared), nest('BA', OFF, shared))).toEqual([]);
  });

  it('of one lock in both orders wait for the other lock only', () => {
    const readA = [take('A', OFF, shared), take('B'), give('B'), give('A')];
    const readALater = [take('B'), take('A', OFF, shared), give('A'), give('B')];
    const writeALater = [take('B'), take('A'), give('A'), give('B')];
    expect(kinds(readA, readALater)).toEqual([]);
    expect(kinds(readA, writeALater)).toEqual(['inversion']);
  });
});

describe('interrupts', () => {
  const inconsistent = 'taken in irq and with irqs on';

  it.each([
    ['task first', [nest('A', TASK), nest('A', IRQ)]],
    ['interrupt first', [nest('A', IRQ), nest('A', TASK)]],
  ])('one lock, interrupts on: %s', (_, events) => {
    expect(kinds(...events)).toEqual([inconsistent]);
  });

  it('one lock, interrupts off', () => expect(kinds(nest('A', IRQ), nest('A'))).toEqual([]));

  it('interrupts switched on while the lock is held', () => {
    const on: LockEvent = { kind: 'irqs on', context: TASK, at: 'there' };
    expect(kinds(nest('A', IRQ), take('A'), on)).toEqual([inconsistent]);
    expect(kinds(take('A'), on, give('A'), nest('A', IRQ))).toEqual([inconsistent]);
  });

  it('tried only in the interrupt', () => {
    expect(kinds(nest('A', TASK), nest('A', IRQ, tried))).toEqual([]);
  });

  const irqs = nest('A', IRQ);
  const order = nest('AB');
  const unsafe = nest('B', TASK);
  it.each([
    ['123', [irqs, order, unsafe]],
    ['132', [irqs, unsafe, order]],
    ['213', [order, irqs, unsafe]],
    ['231', [order, unsafe, irqs]],
    ['312', [unsafe, irqs, order]],
    ['321', [unsafe, order, irqs]],
  ])('a safe lock held while an unsafe one is taken, in the order %s', (_, events) => {
    expect(kinds(...events)).toEqual(['irq-safe to irq-unsafe']);
  });

  it('the same over a third lock', () => {
    expect(kinds(irqs, nest('AC'), nest('CB'), unsafe)).toEqual(['irq-safe to irq-unsafe']);
  });

  it('an unsafe lock held while a safe one is taken is fine', () => {
    expect(kinds(irqs, unsafe, take('B', TASK), take('A'))).toEqual([]);
  });

  it('readers in the interrupt and with interrupts on', () => {
    expect(kinds(nest('A', IRQ, shared), nest('A', TASK, shared))).toEqual([]);
    expect(kinds(nest('A', IRQ, shared), nest('A', TASK))).toEqual([inconsistent]);
    expect(kinds(nest('A', IRQ), nest('A', TASK, shared))).toEqual([inconsistent]);
  });

  it('a lock that is still held when the handler returns', () => {
    const leave: LockEvent = { kind: 'leave', context: IRQ, at: 'there' };
    expect(kinds(take('A', IRQ), leave)).toEqual(['held at the end of an interrupt']);
    expect(kinds(nest('A', IRQ), leave)).toEqual([]);
  });
});

describe('NMIs', () => {
  it('wait for a lock that they may have interrupted, interrupts off or not', () => {
    expect(kinds(nest('A'), nest('A', NMI))).toEqual(['waited for in NMI']);
    expect(kinds(nest('A', NMI), nest('A'))).toEqual(['waited for in NMI']);
  });

  it('may try it, and may wait for one of their own', () => {
    expect(kinds(nest('A'), nest('A', NMI, tried))).toEqual([]);
    expect(kinds(nest('A', NMI))).toEqual([]);
  });
});

describe('a lock that is waited for and not taken', () => {
  it('is waited for under what is held', () => {
    expect(kinds(nest('AB'), take('B'), take('A', OFF, awaited))).toEqual(['inversion']);
    expect(kinds(nest('A'), take('A', NMI, awaited))).toEqual(['waited for in NMI']);
    expect(kinds(take('A'), take('A', OFF, awaited))).toEqual(['recursion']);
    expect(kinds(nest('A', TASK), take('A', IRQ, awaited))).toEqual([
      'taken in irq and with irqs on',
    ]);
  });

  it('is not held meanwhile', () => {
    expect(kinds(nest('BA'), take('A', OFF, awaited), take('B'))).toEqual([]);
    expect(kinds(take('A', OFF, awaited), take('A'))).toEqual([]);
    expect(kinds(nest('A', NMI), take('A', OFF, awaited))).toEqual([]);
    expect(kinds(nest('A', IRQ), take('A', TASK, awaited))).toEqual([]);
    const on: LockEvent = { kind: 'irqs on', context: TASK, at: 'there' };
    expect(kinds(nest('A', IRQ), take('A', TASK, awaited), on)).toEqual([]);
  });
});

describe('holding and releasing', () => {
  const sleep = { lockKind: 'sleep' } as const;

  it('released twice', () => {
    expect(kinds(nest('A'), give('A'))).toEqual(['unbalanced release']);
  });

  it('released by another', () => {
    const other = { ...OFF, thread: 'other' };
    expect(kinds(take('A'), give('A', other))).toEqual(['unbalanced release']);
    expect(kinds(take('A', OFF, { hasOwner: false }), give('A', other))).toEqual([]);
  });

  it('in any order', () => expect(kinds(take('A'), take('B'), give('A'), give('B'))).toEqual([]));

  it('initialised while held', () => {
    const init: LockEvent = { kind: 'init', ...fields('A', OFF) };
    expect(kinds(take('A'), init)).toEqual(['init of a held lock']);
    expect(kinds(nest('A'), init)).toEqual([]);
  });

  it('handed over: the new owner holds it, orders included', () => {
    const other = { ...OFF, thread: 'other' };
    const transfer: LockEvent = { kind: 'transfer', ...fields('A', OFF), to: other };
    expect(kinds(take('A'), transfer, give('A', other))).toEqual([]);
    expect(kinds(take('A'), transfer, give('A'))).toEqual(['unbalanced release']);
    expect(kinds(nest('BA'), take('A'), transfer, take('B', other))).toEqual(['inversion']);
  });

  it.each([
    ['under a spin lock', [take('A', TASK), take('M', TASK, sleep)]],
    ['with interrupts off', [take('M', OFF, sleep)]],
    ['in an interrupt', [take('M', IRQ, sleep)]],
  ])('a sleeping lock %s', (_, events) => {
    expect(kinds(events)).toContain('sleeping lock in atomic context');
  });

  it('a sleeping lock where sleeping is allowed, or tried only', () => {
    expect(kinds(nest('M', TASK, sleep))).toEqual([]);
    expect(kinds(take('A', TASK), take('M', TASK, { ...sleep, ...tried }))).toEqual([]);
  });
});
