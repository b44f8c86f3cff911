// Kinds of findings as a user sees them, each from a guest that has it in some schedule only: first line,
// table, and how it ends. Deadlocks, livelocks and what nobody signals are in explore.test.ts.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { guestElf, scratchFolder } from './guest.ts';
import { ensureBuilt, printkit } from './printkit.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const folder = scratchFolder();

ensureBuilt();

/** What is on the screen after a finding. */
async function finding(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await printkit(['explore', '--samples', '20', ...args]);
  expect(stderr).toBe('');
  expect(code).toBe(1);
  return Buffer.from(stdout, 'latin1').toString('utf8');
}

/** Two harts that run this from `begin` on; the first one at `finish` ends it. */
const two = (name: string, source: string): string[] => {
  const elf = guestElf(folder, name, `csrr a0, mhartid\n ${source}`, 'all harts');
  return ['--kernel', elf, '--from', 'begin', '--until', 'finish', '--smp', '2'];
};

/** Hart 0 looks, and sleeps; hart 1 wakes it only if it sees that it is going to. */
const FORGETFUL = `
  li t0, 8
  csrw mie, t0
  la s0, flag
  la s1, sleeping
  li t0, 1
begin:
  bnez a0, other
  lw t1, (s0)
  bnez t1, finish
  sw t0, (s1)
  wfi
  j finish
other:
  sw t0, (s0)
  lw t1, (s1)
  beqz t1, idle
  li t2, CLINT
  sw t0, (t2)
idle:
  wfi
  j idle
finish:
  nop
  j .
  .balign 4
flag: .word 0
sleeping: .word 0`;

/** Hart 0 waits for hart 1, which does not come if it sees the flag too early; hart 1 has a tick. */
const TICKING = `
  la t0, tick
  csrw mtvec, t0
  la s0, flag
  la s1, seen
  li t0, 1
begin:
  bnez a0, other
  sw t0, (s0)
1: lw t1, (s1)
  beqz t1, 1b
  j finish
other:
  lw t1, (s0)
  bnez t1, asleep
  sw t0, (s1)
  j finish
asleep:
  li t2, CLINT + 0x4008
  sw zero, 4(t2)
  li t1, 1000
  sw t1, (t2)
  li t1, 0x80
  csrw mie, t1
  csrsi mstatus, 8
2: wfi
  j 2b
  .balign 4
tick:
  lw t3, (t2)
  addi t3, t3, 1000
  sw t3, (t2)
  mret
finish:
  nop
  j .
  .balign 4
flag: .word 0
seen: .word 0`;

/** Two harts count without a lock, and the last one says what is wrong with the sum. */
const countsWrong = (says: string): string => `
  la s0, counter
  la s1, through
  li t0, 1
begin:
  lw t1, (s0)
  addi t1, t1, 1
  sw t1, (s0)
  amoadd.w t1, t0, (s1)
  beqz t1, idle
  lw t1, (s0)
  li t2, 2
  beq t1, t2, finish
  li s2, UART
  ${[...says, '\n'].map((char) => `li t1, ${char.charCodeAt(0)}\n jal ra, putc`).join('\n ')}
  li t0, FINISHER
  li t1, 0x13333
  sw t1, (t0)
putc:
  sb t1, (s2)
3: lbu t3, 5(s2)
  andi t3, t3, 0x40
  beqz t3, 3b
  ret
idle:
  wfi
  j idle
finish:
  nop
  j .
  .balign 4
counter: .word 0
through: .word 0`;

describe('a small guest', () => {
  it('that loses a wakeup', async () => {
    const text = await finding(...two('wakeup.elf', FORGETFUL));
    expect(text).toMatch(/^finding: lost wakeup: hart 0 task sleeps although what is waited for/);
    expect(text).toMatch(/── hart [01] is preempted\n +✗ without this switch: .* it ends well/);
    expect(text).toMatch(/■ sleeps/);
    expect(text).toMatch(/\nhart 0 task sleeps: begin\+/);
  });

  it('of which a hart spins while another one only ticks', async () => {
    const text = await finding(...two('ticking.elf', TICKING));
    expect(text).toMatch(/^finding: soft lockup: hart 0 task waits for seen\n/);
    expect(text).toContain('This verdict\n  is by a bound');
    expect(text).toMatch(/■ waits for seen/);
  });

  it.each([
    ['scenario count: FAIL', 'check failed: scenario count: FAIL'],
    ['BUG: the sum is wrong', 'BUG: the sum is wrong'],
    ['Kernel panic - not syncing: no', 'panic: Kernel panic - not syncing: no'],
  ])('that says "%s"', async (says, headline) => {
    // In five bits there are no letters.
    const source = `li s2, UART\n li t0, 3\n sb t0, 3(s2)\n ${countsWrong(says)}`;
    const text = await finding(...two('counts.elf', source));
    expect(text.split('\n')[0]).toBe(`finding: ${headline}`);
    expect(text).toMatch(/without this switch: .* it ends well/);
    expect(text).toContain(`last on the wire:\n  ${says}\n`);
  });
});

/** The firmware with a scenario that goes wrong in some schedules, and a console that always does. */
describe('the firmware', () => {
  const elf = path.join(folder, 'faulty.elf');
  beforeAll(async () => {
    const overlay = path.join(folder, 'overlay');
    const change = (file: string, changes: readonly (readonly [from: string, to: string])[]) => {
      let text = fs.readFileSync(path.join(ROOT, 'firmware', file), 'utf8');
      for (const [from, to] of changes) {
        expect(text).toContain(from);
        text = text.replaceAll(from, () => to);
      }
      fs.mkdirSync(path.dirname(path.join(overlay, file)), { recursive: true });
      fs.writeFileSync(path.join(overlay, file), text);
    };
    change('scenarios/sem-up.ts', [
      [
        "import { streq } from '../lib/string';",
        `import { fetch_add } from '../arch/atomic';
         import { param_is } from '../init/params';
         import { panic } from '../kernel/panic';
         import { streq } from '../lib/string';
         const counter: usize = memory.data(4, 4);
         const through: usize = memory.data(4, 4);
         function count(): void {
           WRITE_ONCE(counter, READ_ONCE(counter) + 1);
           if (fetch_add(through, 1) == 0 || READ_ONCE(counter) == 2) return;
           if (param_is('fault', 'bug')) throw new Error('the sum is wrong');
           if (param_is('fault', 'panic')) panic('the sum is wrong');
         }`,
      ],
      ['  scenario_barrier();', '  scenario_barrier();\n  count();'],
    ]);
    change('serial/8250-console.ts', [
      ['import { in_nmi }', "import { param_is } from '../init/params';\nimport { in_nmi }"],
      [
        '  write_masked(up, text, length);\n  console_unmask(up);',
        `  write_masked(up, text, param_is('fault', 'half') ? length / 2 : length);
         if (param_is('fault', 'twice')) write_masked(up, text, length);
         console_unmask(up);`,
      ],
    ]);
    const { stderr, code } = await printkit(['build', '--overlay', overlay, '-o', elf]);
    expect([stderr.split('\n').slice(1), code]).toEqual([[''], 0]);
  });

  const alone = (append: string, ...more: string[]) =>
    finding('sem-up alone', '--kernel', elf, '--append', append, ...more);

  it('that panics', async () => {
    const text = await alone('printk=nbcon fault=panic');
    expect(text).toMatch(/^finding: panic: Kernel panic - not syncing: the sum is wrong\n/);
    expect(text).toMatch(/What is left of it since: never signalled: hart/);
    expect(text).toMatch(/── hart [01] is preempted\n +✗ without this switch: .*count/);
    expect(text).toMatch(/panic < count < (affinity_message|console_user)/);
  });

  it('of which a task dies of a BUG', async () => {
    const text = await alone('printk=nbcon fault=bug');
    expect(text).toMatch(/^finding: BUG: kernel BUG at .*sem-up.ts:\d+ in count\+/);
    expect(text).toMatch(/── hart [01] is preempted\n +✗ without this switch: .*count/);
  });

  it.each([
    ['half', 'torn', /Only a part of it is on the wire/],
    ['twice', 'duplicated', /It is on the wire more often than consoles had to print it/],
  ])('whose console prints %s of a message', async (fault, name, explanation) => {
    const text = await alone(`printk=2016 fault=${fault}`, '--check', 'messages');
    expect(text).toMatch(new RegExp(`^finding: message ${name}: process \\d+ no longer affine`));
    expect(text).toMatch(explanation);
  });
});
