// Harts that wait for the handler of an interrupt that a hart does not take.

import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/explore/bounded.ts';
import type { Explored } from '../../src/explore/search.ts';
import { settled } from '../../src/explore/settle.ts';
import { judge, type Verdict } from '../../src/explore/verdict.ts';
import { program, type Program } from './programs.ts';

const STEPS = 200;
const HANDLER = `
    .balign 4
  handler:
    csrr s8, mhartid
    slli s8, s8, 2
    li s9, MSIP
    add s9, s9, s8
    sw zero, (s9)
    la s10, ack
    li s11, 1
    sw s11, (s10)
    mret
    .data
  lock: .word 0
  ack: .word 0`;
const SETUP =
  'la t0, handler\n csrw mtvec, t0\n li t0, MSIE\n csrw mie, t0\n la s0, lock\n la s1, ack';
const ask = (hart: number): string => `
  li t0, 1
  li t2, MSIP + ${4 * hart}
  sw t0, (t2)
1: lw t1, (s1)
  beqz t1, 1b`;

function verdictOn({ model }: Program): Verdict | undefined {
  const bounds = { preemptions: 1, irqs: 1, nmis: 0 };
  const options = { stepsMax: STEPS, prefixesMax: 1e5, total: 2 };
  let found: Explored[] = [];
  const search = settled(
    model,
    () => bounded(model, bounds, options),
    () => (found = []),
  );
  for (const explored of search) found.push(explored);
  model.frozen = true;
  const deadlock = found.find(({ ending }) => ending.kind === 'deadlock');
  return deadlock && judge(model, deadlock.schedule, { stepsMax: STEPS });
}

describe('a hart that waits for a handler', () => {
  it('at a hart with interrupts off that waits for its lock: a deadlock of both', () => {
    const asks = `${SETUP}\n spin_lock s0\n ${ask(1)}\n spin_unlock s0`;
    const isOff = `${SETUP}\n spin_lock s0\n spin_unlock s0\n csrsi mstatus, MIE`;
    const guest = program([asks, isOff], { rest: HANDLER });
    const verdict = verdictOn(guest);
    expect(verdict).toMatchObject({ kind: 'deadlock' });
    const names = verdict?.cycle.map(({ hart, heldOff }) => [
      hart,
      heldOff === undefined ? undefined : guest.model.agents[heldOff].name,
    ]);
    expect(names).toEqual([
      [0, 'software interrupt at hart 1'],
      [1, undefined],
    ]);
  });

  it('of its own, with interrupts off: for itself', () => {
    const verdict = verdictOn(program([`${SETUP}\n ${ask(0)}`], { rest: HANDLER }));
    expect(verdict).toMatchObject({ kind: 'self-deadlock', cycle: [{ hart: 0 }] });
    expect(verdict?.cycle[0].heldOff).toBeDefined();
  });

  it('that would not help: not for that', () => {
    const useless = HANDLER.replace('sw s11, (s10)', 'nop');
    const verdict = verdictOn(program([`${SETUP}\n ${ask(0)}`], { rest: useless }));
    expect(verdict?.waiting.map(({ heldOff }) => heldOff)).toEqual([undefined]);
  });

  it('which nothing has made pending: nobody signals it', () => {
    const verdict = verdictOn(
      program([`${SETUP}\n 1: lw t1, (s1)\n beqz t1, 1b`, `${SETUP}\n sw zero, (s1)`], {
        rest: HANDLER,
      }),
    );
    expect(verdict).toMatchObject({ kind: 'never signalled', cycle: [] });
  });
});
