// The verdict that a scenario gives itself behind the end of the region, as `--check verdict` looks for it.

import { describe, expect, it } from 'vitest';
import { explore, type ExploreOptions } from '../../src/explore/explore.ts';
import { guestElf, scratchFolder } from '../cli/guest.ts';

const folder = scratchFolder();

/** Two harts add one to a count; behind the region hart 0 says whether it is two. */
const guest = (name: string, adds: string, says = true): string =>
  guestElf(
    folder,
    name,
    `
  csrr s0, mhartid
  la s1, count
  la s2, ended
begin:
  ${adds}
  li t0, 1
  amoadd.w x0, t0, (s2)
  bnez s0, sleep
  li t1, 2
2: lw t0, (s2)
  bne t0, t1, 2b
finish:
  la a0, fail
  lw t0, (s1)
  bne t0, t1, 3f
  la a0, pass
3: ${says ? 'jal ra, puts' : ''}
sleep:
  wfi
  j sleep
puts:
  li s3, 0x10000000
  li t0, 3
  sb t0, 3(s3)
4: lbu t0, (a0)
  beqz t0, 6f
  sb t0, (s3)
5: lbu t1, 5(s3)
  andi t1, t1, 0x40
  beqz t1, 5b
  addi a0, a0, 1
  j 4b
6: ret
pass: .asciz "scenario count: PASS\\n"
fail: .asciz "scenario count: FAIL\\n"
  .balign 4
count: .word 0
ended: .word 0
`,
    'all harts',
  );

const RACES = 'lw t0, (s1)\n addi t0, t0, 1\n sw t0, (s1)';
const ATOMIC = 'li t0, 1\n amoadd.w x0, t0, (s1)';

const options = (elf: string): ExploreOptions => ({
  ...{ elf, from: 'begin', until: 'finish', harts: 2, strategies: ['systematic'], seconds: 30 },
  bounds: { preemptions: 1, irqs: 0, nmis: 0 },
  verdict: true,
});

describe('the verdict of a scenario', () => {
  it('that is FAIL in some schedule is a finding, which can be repeated', async () => {
    const result = await explore(options(guest('races.elf', RACES)));
    if (result.kind !== 'finding') throw new Error(result.sentence);
    expect(result.verdict).toContain('scenario count: FAIL');
    expect(JSON.parse(result.file)).toMatchObject({ region: { verdict: true } });
  });

  it('that is PASS in all of them is covered, and the sentence says that it was checked', async () => {
    const result = await explore(options(guest('atomic.elf', ATOMIC)));
    if (result.kind !== 'covered') throw new Error(result.verdict);
    expect(result.complete).toBe(true);
    expect(result.sentence).toMatch(/; verdict of the scenario: checked where an execution came/);
  });

  it('that never comes is a finding', async () => {
    const result = await explore(options(guest('silent.elf', ATOMIC, false)));
    if (result.kind !== 'finding') throw new Error(result.sentence);
    expect(result.verdict).toContain('the scenario says neither PASS nor FAIL');
  });

  it('does not count if nobody asks for it', async () => {
    const result = await explore({ ...options(guest('races.elf', RACES)), verdict: false });
    expect(result.kind).toBe('covered');
  });
});
