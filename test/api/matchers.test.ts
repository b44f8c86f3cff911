// The matchers of `printkit/vitest`, on guests of a few instructions: what passes, what fails, and what
// the failure says.

import { describe, expect, it } from 'vitest';
import { explore } from '../../src/index.ts';
import '../../src/vitest.ts';
import { scenario } from '../../src/vitest.ts';
import { exitWith, guestElf, scratchFolder } from '../cli/guest.ts';

const folder = scratchFolder();

/** Two harts add `rounds` times to a word, not atomically, and wait until the sum is that of both. */
const adders = (name: string, rounds: number, add: string) => ({
  elf: guestElf(
    folder,
    name,
    `
begin:
  la s0, sum
  la s1, ready
  li t1, 1
  amoadd.w zero, t1, (s1)
together:
  lw t0, (s1)
  li t1, 2
  bne t0, t1, together
start:
  nop
${add.repeat(rounds)}
again:
  lw t0, (s0)
  li t1, ${2 * rounds}
  bne t0, t1, again
finish:
  nop
  j .
  .balign 4
sum:
  .word 0
ready:
  .word 0
`,
    'all harts',
  ),
  from: 'start',
  until: 'finish',
});

const RACY = `
  lw t0, (s0)
  addi t0, t0, 1
  sw t0, (s0)
`;
const ATOMIC = `
  li t1, 1
  amoadd.w zero, t1, (s0)
`;

const racy = adders('racy.elf', 1, RACY);
const atomic = adders('atomic.elf', 1, ATOMIC);
const long = adders('long.elf', 20, ATOMIC);
const dies = {
  elf: guestElf(folder, 'dies.elf', `begin:\n nop\n${exitWith(3)}\nend: nop`),
  harts: 1,
};
const failing = { ...dies, from: 'begin', until: 'end' };
const FEW = { samples: 0 };

/** What an assertion that has to fail says. */
async function complaint(assertion: Promise<void>): Promise<string> {
  try {
    await assertion;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the assertion holds');
}

describe('toSurviveAllSchedules', () => {
  it('holds when all schedules within the bounds end well', async () => {
    await expect(atomic).toSurviveAllSchedules(FEW);
    await expect(racy).not.toSurviveAllSchedules(FEW);
  });

  it('shows the schedule when one does not', async () => {
    const text = await complaint(expect(racy).toSurviveAllSchedules(FEW));
    expect(text).toMatch(/^finding: /);
    expect(text).toMatch(/hart 0/);
    expect(text).toMatch(/hart 1/);
  });

  it('keeps to the bounds that it is given', async () => {
    await expect(racy).toSurviveAllSchedules({ ...FEW, preemptions: 0 });
  });

  it('does not hold when not all could be explored, unless that is allowed', async () => {
    const limits = { ...FEW, preemptions: 6, executions: 20 };
    const text = await complaint(expect(long).toSurviveAllSchedules(limits));
    expect(text).toMatch(/^not all schedules were explored: partly covered: /);
    expect(text).toMatch(/\{ partial: true \}/);
    await expect(long).toSurviveAllSchedules({ ...limits, partial: true });
    // Nor does its opposite: nothing was found.
    const opposite = expect(long).not.toSurviveAllSchedules(limits);
    expect(await complaint(opposite)).toMatch(/^not all schedules were explored/);
  });

  it('takes nothing but scenarios', async () => {
    const wrong = expect('sem-up' as unknown as typeof racy).toSurviveAllSchedules();
    expect(await complaint(wrong)).toMatch(/^expected a scenario/);
  });
});

describe('toDeadlock', () => {
  it('holds when a schedule makes harts wait for ever', async () => {
    await expect(racy).toDeadlock(FEW);
    await expect(atomic).not.toDeadlock(FEW);
  });

  it('says what was covered when there is none', async () => {
    const text = await complaint(expect(atomic).toDeadlock(FEW));
    expect(text).toMatch(/^expected a deadlock, but covered: all executions with at most 2 pree/);
  });

  it('is something else than a guest that fails', async () => {
    const text = await complaint(expect(failing).toDeadlock(FEW));
    expect(text).toMatch(/^expected a deadlock, but it fails in another way:\nfinding: /);
    await expect(failing).not.toSurviveAllSchedules(FEW);
  });
});

describe('scenario()', () => {
  it('takes line script, harts and boot parameters from the catalogue', () => {
    const options = scenario('wakeup-rq', { append: 'printk=2016' });
    expect(options).toMatchObject({ scenario: 'wakeup-rq' });
    expect(options.elf).toMatch(/printkit\.elf$/);
    expect(options.append).toBe('printk=2016 console=ttyS0,115200n8r');
    expect(options.lineScript).toContain('cts off');
    expect(scenario('soft-lockup').harts).toBe(3);
  });

  it('lets them be given, and knows scenarios that are not in there', () => {
    expect(scenario('wakeup-rq', { lineScript: '', harts: 4 })).toMatchObject({
      lineScript: '',
      harts: 4,
    });
    expect(scenario('my-own a b', { elf: 'my.elf' })).toEqual({
      elf: 'my.elf',
      scenario: 'my-own a b',
      append: '',
    });
  });

  it('is what explore takes', async () => {
    const given: Parameters<typeof explore>[0] = scenario('sem-up');
    expect(given.scenario).toBe('sem-up');
    expect(await explore({ ...atomic, ...FEW })).toMatchObject({ kind: 'covered', complete: true });
  });
});
