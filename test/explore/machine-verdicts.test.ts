// What endings of machine code are called: of each kind a program that has it in some schedule, and the
// same program, cured, that has no bad ending in any.

import { describe, expect, it } from 'vitest';
import { investigate } from '../../src/explore/investigate.ts';
import { judge } from '../../src/explore/verdict.ts';
import type { ExploreRegion } from '../../src/explore/machine-model.ts';
import { program, type Program } from './programs.ts';

const STEPS = 2000;

/** What the first bad ending is called; 'covered' if there is none within the bounds, 'partly' if some were cut. */
function verdictOn({ model }: Program): string {
  const result = investigate(model, {
    ...{ bounds: { preemptions: 2, irqs: 1, nmis: 0 }, seed: 1, samples: 0, strategies: [] },
    ...{ isSystematic: true, stepsMax: STEPS, prefixesMax: 1e5 },
    stop: () => false,
    stopMinimising: () => false,
  });
  if (result.kind === 'covered') return result.coverage?.complete === true ? 'covered' : 'partly';
  const schedule = result.small.events.map(({ step }) => step.agent);
  const { kind, reason } = judge(model, schedule, { stepsMax: STEPS });
  return reason === undefined ? kind : `${kind}: ${reason}`;
}

const words = (...names: string[]): string =>
  `.data\n${names.map((name) => `${name}: .word 0`).join('\n')}`;

/** Takes two locks and gives them back. */
const both = (first: string, second: string): string =>
  `la s0, ${first}\n la s1, ${second}\n spin_lock s0\n spin_lock s1\n spin_unlock s1\n spin_unlock s0`;

/** Looks for a flag with interrupts off or on, and sleeps; a wakeup is an interrupt that does nothing more. */
const sleeper = (off: boolean): string => `
    la t0, handler
    csrw mtvec, t0
    li t0, MSIE
    csrw mie, t0
    la s0, flag
    ${off ? '' : 'csrsi mstatus, MIE'}
  again:
    lw t1, (s0)
    bnez t1, awake
    wfi
    ${off ? 'csrsi mstatus, MIE\n csrci mstatus, MIE' : ''}
    j again
  awake:`;
const WAKES = `
    .balign 4
  handler:
    li t3, MSIP
    sw zero, (t3)
    mret
    ${words('flag')}`;
const waker = (sets: boolean): string =>
  `la s0, flag\n li t0, 1\n ${sets ? 'sw t0, (s0)' : ''}\n li t1, MSIP\n sw t0, (t1)`;

/** Behind the program: not 0 once it ticks. */
const PANICKING = 0x8000_8000;

/**
 * Hart 0 waits for a word while only the timer of a hart ticks, its own or that of hart 1, which sleeps
 * between ticks. The handler sets the word at a tick, or never.
 */
function ticking(hart: 0 | 1, tick: number, region: Partial<ExploreRegion> = {}): Program {
  const ticks = `
    la t0, handler
    csrw mtvec, t0
    li s1, 0
    li t0, ${PANICKING}
    sw t0, (t0)
    li t0, MTIE
    csrw mie, t0
    li t0, MTIMECMP + ${8 * hart}
    sw zero, 4(t0)
    li t1, 1000
    sw t1, (t0)
    csrsi mstatus, MIE`;
  const waits = (label: string, asleep: string): string =>
    `la s0, flag\n ${label}: ${asleep}\n lw t1, (s0)\n beqz t1, ${label}`;
  const bodies =
    hart === 0
      ? [`${ticks}\n ${waits('again0', '')}`]
      : [waits('again0', ''), `${ticks}\n ${waits('again1', 'wfi')}`];
  const rest = `
    .balign 4
  handler:
    li t3, MTIMECMP + ${8 * hart}
    lw t4, (t3)
    addi t4, t4, 1000
    sw t4, (t3)
    addi s1, s1, 1
    li t4, ${tick}
    bne s1, t4, 2f
    la t3, flag
    sw t4, (t3)
  2: mret
    ${words('flag')}`;
  return program(bodies, { rest, region });
}

/** Looks for a flag, with a little delay each time. */
const DELAYED = `
    la s0, flag
    li s1, MTIME
  1: lw t0, (s0)
    bnez t0, done
    lw t1, (s1)
  2: lw t2, (s1)
    sub t2, t2, t1
    li t3, 10
    bltu t2, t3, 2b
    j 1b`;

/** Looks for a flag until so much has gone by of what `reads` reads into t1. */
const limited = (reads: string): string => `
    la s0, flag
    li s1, MTIME
    ${reads}
    mv s2, t1
  1: lw t0, (s0)
    bnez t0, done
    ${reads}
    sub t1, t1, s2
    li t3, 5000
    bltu t1, t3, 1b`;

/** Leaves it as it was. */
const CLEARS_FLAG = 'la s0, flag\n sw zero, (s0)';
const WRITES_FLAG = 'la s0, flag\n li t0, 1\n sw t0, (s0)';
const awaited = (waits: string, other: string): Program =>
  program([waits, other], { rest: words('flag') });

/** Ticks are 1000 ticks of mtime, 10,000 instructions, apart. */
const QUIET = { quietTimeMax: 300_000 };

interface Case {
  readonly name: string;
  readonly bad: () => Program;
  readonly verdict: string;
  readonly cured: () => Program;
  /** Cured, it has executions without an end all the same: ticks come for ever while a hart has no turn. */
  readonly unfair?: true;
}

const cases: readonly Case[] = [
  {
    name: 'two locks in both orders',
    bad: () => program([both('a', 'b'), both('b', 'a')], { rest: words('a', 'b') }),
    verdict: 'deadlock',
    cured: () => program([both('a', 'b'), both('a', 'b')], { rest: words('a', 'b') }),
  },
  {
    name: 'a lock that is taken twice',
    bad: () => program(['la s0, a\n spin_lock s0\n spin_lock s0'], { rest: words('a') }),
    verdict: 'self-deadlock',
    cured: () =>
      program(['la s0, a\n spin_lock s0\n spin_unlock s0\n spin_lock s0'], { rest: words('a') }),
  },
  {
    name: 'a flag that is set between look and sleep, with interrupts on',
    bad: () => program([sleeper(false), waker(true)], { rest: WAKES }),
    verdict: 'lost wakeup',
    cured: () => program([sleeper(true), waker(true)], { rest: WAKES }),
  },
  {
    name: 'a flag that nobody sets',
    bad: () => program([sleeper(true), waker(false)], { rest: WAKES }),
    verdict: 'never signalled',
    cured: () => program([sleeper(true), waker(true)], { rest: WAKES }),
  },
  {
    name: 'a flag that nobody sets, and delays between the looks',
    bad: () => awaited(DELAYED, CLEARS_FLAG),
    verdict: 'never signalled',
    cured: () => awaited(DELAYED, WRITES_FLAG),
  },
  {
    name: 'a flag that nobody sets, with a limit by the time',
    bad: () => awaited('la s0, flag\n 1: lw t0, (s0)\n beqz t0, 1b', CLEARS_FLAG),
    verdict: 'never signalled',
    cured: () => awaited(limited('lw t1, (s1)'), CLEARS_FLAG),
  },
  {
    name: 'a flag that nobody sets, with a limit by the time in a CSR',
    bad: () => awaited('la s0, flag\n 1: lw t0, (s0)\n beqz t0, 1b', CLEARS_FLAG),
    verdict: 'never signalled',
    cured: () => awaited(limited('csrr t1, time'), CLEARS_FLAG),
  },
  {
    name: 'a flag that nobody sets, with a limit by instructions',
    bad: () => awaited('la s0, flag\n 1: lw t0, (s0)\n beqz t0, 1b', CLEARS_FLAG),
    verdict: 'never signalled',
    cured: () => awaited(limited('csrr t1, instret'), CLEARS_FLAG),
  },
  {
    name: 'a hart that spins while another one waits for forty ticks',
    bad: () => ticking(1, 40),
    verdict: 'failed: soft lockup: hart 0 spins and nothing but time goes on',
    // Who panics waits for others with limits.
    cured: () => ticking(1, 40, { panicking: PANICKING }),
    unfair: true,
  },
  {
    name: 'a hart that spins while the timer of another one comes',
    bad: () => ticking(1, -1),
    verdict: 'failed: soft lockup: hart 0 spins and nothing but time goes on',
    cured: () => ticking(1, 20),
    unfair: true,
  },
  {
    name: 'a hart that spins while its own timer comes',
    bad: () => ticking(0, -1, QUIET),
    verdict: 'failed: stall: nothing happens any more but timers of harts',
    cured: () => ticking(0, 20, QUIET),
  },
];

describe.each(cases)('$name', ({ bad, verdict, cured, unfair }) => {
  it(verdict, () => {
    expect(verdictOn(bad())).toBe(verdict);
  });

  it('cured', () => {
    expect(verdictOn(cured())).toBe(unfair === true ? 'partly' : 'covered');
  });
});
