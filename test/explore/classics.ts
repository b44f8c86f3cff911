// The small programs whose numbers of traces, deadlocks and hit probabilities are known.

import {
  get,
  local,
  lock,
  mask,
  read,
  unlock,
  unmask,
  wait,
  wfi,
  write,
  type Op,
  type Program,
} from './toy.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const own = (thread: number): string => `x${String(thread)}`;

/** n threads, each writes m times to a word of its own. One trace. */
export const independentWrites = (n: number, m: number): Program => ({
  threads: range(n).map((t) => range(m).map((i) => write(own(t), i))),
});

/** n threads write once to the same word: n! traces. */
export const writers = (n: number): Program => ({
  threads: range(n).map((t) => [write('x', t)]),
});

/** One writer and n readers of a word: 2^n traces. */
export const readers = (n: number): Program => ({
  threads: [[write('x')], ...range(n).map(() => [read('x')])],
});

/** Abdulla et al.: thread i writes a[i+1] := a[i] + 1, one thread looks for the last zero. */
export const lastZero = (n: number): Program => ({
  threads: [
    range(n + 1)
      .reverse()
      .map((i) => read(own(i), 'r', { endsIf: (r) => get(r, 'r') === 0 })),
    ...range(n).map((i): Op[] => [read(own(i), 'r'), write(own(i + 1), (r) => get(r, 'r') + 1)]),
  ],
});

/** n philosophers: left fork, right fork, put both back. 2^n - 1 traces, one of them a deadlock. */
export const dining = (n: number): Program => ({
  threads: range(n).map((i) => {
    const [left, right] = [`fork${String(i)}`, `fork${String((i + 1) % n)}`];
    return [lock(left), lock(right), unlock(right), unlock(left)];
  }),
});

/** Two locks taken in both orders: 3 traces, 1 deadlock. */
export const abba: Program = dining(2);

/** Two threads increment without a lock: read, then write. */
export const racyIncrement: Program = {
  threads: range(2).map(() => [read('x'), write('x', (r) => get(r, 'x') + 1)]),
  check: (words) => (get(words, 'x') === 2 ? undefined : 'an increment is lost'),
};

/** Store buffering: under sequential consistency r0 = r1 = 0 is not to be seen. */
export const storeBuffering: Program = {
  threads: [
    [write('x'), read('y'), write('r0', (r) => get(r, 'y'))],
    [write('y'), read('x'), write('r1', (r) => get(r, 'x'))],
  ],
};

/** A waiter that tests and then sleeps; a waker that sets and then wakes who sleeps. */
export const lostWakeup: Program = {
  threads: [
    [
      read('condition', 'r', { endsIf: (r) => get(r, 'r') !== 0 }),
      write('asleep'),
      wait('asleep', 0),
    ],
    [write('condition'), write('asleep', 0)],
  ],
};

/** A task takes a lock with interrupts on; the handler takes the same lock. n task steps in all. */
export const lockWithIrqsOn = (n: number): Program => ({
  threads: [[lock('l'), ...range(n - 2).map(() => local), unlock('l')]],
  interrupts: [{ hart: 0, injected: false, handler: [lock('l'), unlock('l')] }],
});

/** `lw done; bnez; wfi` with interrupts on; the interrupt sets done, and comes once. */
export const idleRace: Program = {
  threads: [[read('done', 'r', { endsIf: (r) => get(r, 'r') !== 0 }), local, ...wfi(0)]],
  interrupts: [{ hart: 0, injected: false, handler: [write('done')] }],
};

/** The same with interrupts off around test and wfi; a device raises the line, the handler answers it. */
export const idleCured: Program = {
  threads: [
    [
      mask,
      read('done', 'r', { endsIf: (r) => get(r, 'r') !== 0 }),
      ...wfi(0, 'line'),
      unmask,
      wait('done'),
    ],
  ],
  interrupts: [
    { hart: 0, injected: false, line: 'line', handler: [write('line', 0), write('done')] },
  ],
  devices: [[write('line')]],
};
