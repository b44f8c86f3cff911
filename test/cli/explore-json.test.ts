// `printkit explore --json`: what a script gets, whatever the outcome, with the exit code of the text.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { guestElf, LOCK_TABLE, ORDERED_LOCKS, scratchFolder } from './guest.ts';
import { ensureBuilt, printkit } from './printkit.ts';

const folder = scratchFolder();

const VERDICT = 'never signalled: hart 0 task waits for flag and hart 1 task sleeps';

ensureBuilt();

/** Hart 0 waits for what hart 1 writes, if it does. */
const waits = (written: number): string => `
  csrr a0, mhartid
  la s0, flag
  li t1, ${written}
begin:
  bnez a0, other
again:
  lw t0, (s0)
  beqz t0, again
  j finish
other:
  sw t1, (s0)
sleeps:
  wfi
  j sleeps
finish:
  nop
  j .
  .balign 4
flag: .word 0
`;

const bad = guestElf(folder, 'bad.elf', waits(0), 'all harts');
const good = guestElf(folder, 'good.elf', waits(1), 'all harts');
const locks = path.join(folder, 'locks.json');
fs.writeFileSync(locks, JSON.stringify(LOCK_TABLE));
const ordered = guestElf(folder, 'ordered.elf', ORDERED_LOCKS, 'all harts');
const finding = path.join(folder, 'finding.json');

async function json(...args: string[]) {
  const { stdout, stderr, code } = await printkit(['explore', '--json', ...args]);
  expect(stderr).toBe('');
  const data = JSON.parse(Buffer.from(stdout, 'latin1').toString('utf8')) as Record<
    string,
    unknown
  >;
  expect(data['exit']).toBe(code);
  return data;
}

const explore = (guest: string, ...more: string[]) =>
  json('--kernel', guest, '--from', 'begin', '--until', 'finish', '--seed', '7', ...more);

const asked = (elf: string) => ({
  seconds: expect.any(Number) as number,
  guest: { elf, append: '', harts: 2, from: 'begin', until: 'finish' },
  seed: 7,
  bounds: { preemptions: 2, irqs: 1, nmis: 1 },
  messages: false,
  verdict: false,
});

describe('printkit explore --json', () => {
  it('has a finding: the verdict, where all stand, and how to have it again', async () => {
    const args = ['--samples', '0', '--out', finding, '--inject', 'uart-rx'];
    expect(await explore(bad, ...args)).toEqual({
      result: 'finding',
      exit: 1,
      text: VERDICT,
      ...asked(bad),
      inject: ['uart-rx'],
      executions: 1,
      finding: {
        verdict: VERDICT,
        explanation: expect.stringMatching(/this is exact, not a time-out\.$/) as string,
        ...{ steps: 1, preemptions: 0, interrupts: 0, cycle: [], said: [] },
        harts: [
          {
            ...{ hart: 0, lane: 'hart 0 task', state: 'waits', waitsFor: 'flag', holds: [] },
            calls: [{ name: 'again' }],
          },
          {
            ...{ hart: 1, lane: 'hart 1 task', state: 'sleeps', holds: [] },
            calls: [{ name: 'sleeps' }],
          },
        ],
        phase: 'systematic',
        again: `npx printkit explore --replay ${finding} --kernel ${bad}`,
      },
      warnings: [],
    });
  });

  it('has what was covered, and warnings', async () => {
    expect(await explore(ordered, '--samples', '10', '--locks', locks)).toEqual({
      result: 'covered',
      exit: 0,
      text: expect.stringMatching(/^covered: all executions with at most 2 preemptions/) as string,
      ...asked(ordered),
      inject: [],
      executions: expect.any(Number) as number,
      coverage: {
        complete: true,
        upTo: 4,
        executions: expect.any(Number) as number,
        traces: expect.any(Number) as number,
        steps: expect.any(Number) as number,
        cut: 0,
      },
      warnings: [
        {
          kind: 'inversion',
          status: 'not reached within the bound',
          text: 'first is taken under second, and second under first',
          locks: ['first', 'second'],
          places: [
            expect.stringMatching(/^second → first: hart 1 task, other/) as string,
            expect.stringMatching(/^first → second: hart 0 task, begin/) as string,
          ],
        },
      ],
    });
  });

  it('has what was only sampled', async () => {
    const data = await explore(good, '--strategy', 'pos', '--samples', '5');
    expect(data).toMatchObject({ result: 'partial', exit: 124, executions: 5 });
    expect(data).not.toHaveProperty('coverage');
    expect(data).not.toHaveProperty('finding');
  });

  it('has a replay, exact or not', async () => {
    expect(await json('--replay', finding, '--kernel', bad)).toMatchObject({
      result: 'finding',
      exit: 1,
      text: VERDICT,
      exact: true,
      deviations: [],
      finding: { steps: 1, harts: [{ waitsFor: 'flag' }, {}] },
    });
    expect(await json('--replay', finding, '--kernel', good)).toEqual({
      result: 'fine',
      exit: 0,
      text: 'no finding',
      exact: false,
      deviations: ['the program is not the one that was recorded'],
    });
  });
});
