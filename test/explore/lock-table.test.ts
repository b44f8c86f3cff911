// Tables of lock functions: what is read, and what an exploration makes of them in a guest that is not
// the firmware. The guest takes locks by functions, as a table for it says.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LockTable, parseLockTable } from '../../src/debug/lock-table.ts';
import { explore, type ExploreOptions } from '../../src/explore/explore.ts';
import { guestElf, scratchFolder } from '../cli/guest.ts';

const folder = scratchFolder();

/**
 * Two harts, each with a body; `enter` and `leave` take and give back the lock in a1, `own` and `disown` a duty
 * that `await` waits for and, with it, for what the owner then hands over.
 */
const guest = (name: string, zero: string, one: string, rest = ''): string =>
  guestElf(
    folder,
    name,
    `
  csrr s0, mhartid
  la sp, stacks
  slli t0, s0, 8
  add sp, sp, t0
begin:
  bnez s0, other
  ${zero}
  j finish
other:
  ${one}
finish:
  nop
  j .
enter:
  li t0, 1
1: amoswap.w t1, t0, (a1)
  bnez t1, 1b
  ret
attempt:
  li t0, 1
  amoswap.w a0, t0, (a1)
  ret
leave:
  sw zero, (a1)
  ret
own:
  la t0, duty
  li t1, 1
  sw t1, (t0)
  ret
disown:
  la t0, duty
  sw zero, (t0)
  la t0, waiter
  lw a0, (t0)
  sw zero, (t0)
  ret
await:
  la t2, waiter
  li t1, 1
  sw t1, (t2)
  addi sp, sp, -4
  sw ra, (sp)
  la a1, inner
  jal ra, enter
  jal ra, leave
  lw ra, (sp)
  addi sp, sp, 4
1: lw t1, (t2)
  bnez t1, 1b
  li a0, 1
  ret
  ${rest}
  .balign 4
first: .word 0
second: .word 0
inner: .word 0
duty: .word 0
never: .word 0
waiter: .word 0
count: .word 0
  .zero 256
stacks: .zero 256
`,
    'all harts',
  );

const call = (name: string, lock: string): string => `la a1, ${lock}\n jal ra, ${name}`;
const both = (a: string, b: string): string =>
  [call('enter', a), call('enter', b), call('leave', b), call('leave', a)].join('\n');

const text = JSON.stringify({
  format: 'printkit locks',
  version: 1,
  functions: [
    { name: 'enter', does: 'acquire', kind: 'spin', lock: 'a1' },
    { name: 'attempt', does: 'try', kind: 'spin', lock: 'a1', succeeds: 'zero' },
    { name: 'leave', does: 'release', kind: 'spin', lock: 'a1' },
    { name: 'own', does: 'try', kind: 'handover', lock: 'duty', succeeds: 'always' },
    { name: 'disown', does: 'release', kind: 'handover', lock: 'duty' },
    { name: 'disown', does: 'release', kind: 'semaphore', lock: 'count', succeeds: 'nonzero' },
    { name: 'await', does: 'wait', kind: 'handover', lock: 'duty' },
    { name: 'await', does: 'try', kind: 'semaphore', lock: 'count' },
  ],
});
const locks: LockTable = parseLockTable(text, 'locks.json');

const options = (elf: string): ExploreOptions => ({
  ...{ elf, from: 'begin', until: 'finish', harts: 2, locks, samples: 0, seconds: 30 },
});

describe('a guest with a table of its locks', () => {
  it('has names, owners and a cycle, and the warning is confirmed by the schedule', async () => {
    const elf = guest('abba.elf', both('first', 'second'), both('second', 'first'));
    const result = await explore(options(elf));
    if (result.kind !== 'finding') throw new Error(result.sentence);
    expect(result.verdict).toBe(
      'deadlock: hart 0 task waits for second of hart 1 task, hart 1 task waits for first of hart 0 task',
    );
    const shown = result.text(100);
    expect(shown).toContain('cycle: hart 0 task → second → hart 1 task → first → hart 0 task');
    expect(shown).toMatch(/\+first {2}/);
    expect(shown).toContain('hart 0 task waits for second, which hart 1 task holds (holds first)');
    expect(result.warnings.map(({ status, warning }) => [warning.kind, status])).toEqual([
      ['inversion', 'confirmed by schedule'],
    ]);
    expect(JSON.parse(result.file)).toMatchObject({ region: { locks: { version: 1 } } });
  });

  /** Warnings of a guest whose hart 1 begins when hart 0 is through; all of it is explored. */
  async function warningsOf(name: string, zero: string, one: string) {
    const told = `${zero}\n la t0, count\n li t1, 1\n sw t1, (t0)`;
    const waits = `la t0, count\n 2: lw t1, (t0)\n beqz t1, 2b\n ${one}`;
    const result = await explore({ ...options(guest(name, told, waits)), samples: 20 });
    if (result.kind !== 'covered') throw new Error(result.verdict);
    expect(result.complete).toBe(true);
    expect(result.text()).toMatch(/^covered: [^\n]+\n/);
    return result.warnings;
  }

  it('is warned of an order that cannot deadlock, and told that it was not reached', async () => {
    const orders = [both('first', 'second'), both('second', 'first')] as const;
    const warnings = await warningsOf('ordered.elf', ...orders);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({
      status: 'not reached within the bound',
      headline: 'first is taken under second, and second under first',
      places: [
        expect.stringMatching(/^second → first: hart 1 task, other/),
        expect.stringMatching(/^first → second: hart 0 task, begin/),
      ],
    });
  });

  it('gives a lock back once, though an interrupt comes between the call and its first step', async () => {
    const zero = `la t0, handler
      csrw mtvec, t0
      csrwi mie, 8
      csrsi mstatus, 8
      ${call('enter', 'first')}
      ${call('leave', 'first')}
      csrci mstatus, 8
      la t0, count
      li t1, 1
      sw t1, (t0)`;
    const one = `la t0, first
      lw t0, (t0)
      li t0, 0x2000000
      li t1, 1
      sw t1, (t0)
      la t0, count
      2: lw t1, (t0)
      beqz t1, 2b`;
    const handler = `.balign 4
      handler: li s1, 0x2000000
      sw zero, (s1)
      mret`;
    const elf = guest('interrupted.elf', zero, one, handler);
    const result = await explore({ ...options(elf), bounds: { preemptions: 1, irqs: 1, nmis: 0 } });
    if (result.kind !== 'covered') throw new Error(result.verdict);
    expect(result.complete).toBe(true);
    expect(result.warnings.map(({ warning }) => warning.kind)).not.toContain('unbalanced release');
  });

  it('holds what a try got', async () => {
    const tried = [call('attempt', 'first'), call('enter', 'second'), call('leave', 'second')];
    const zero = [...tried, call('leave', 'first')].join('\n');
    const warnings = await warningsOf('got.elf', zero, both('second', 'first'));
    expect(warnings.map(({ warning }) => warning.kind)).toEqual(['inversion']);
  });

  it('does not hold what a try did not get', async () => {
    const missed = [call('enter', 'first'), call('attempt', 'first'), call('leave', 'first')];
    const zero = [...missed, call('enter', 'second'), call('leave', 'second')].join('\n');
    expect(await warningsOf('missed.elf', zero, both('second', 'first'))).toEqual([]);
  });
});

describe('a duty', () => {
  const find = async (name: string, zero: string, one: string) => {
    const result = await explore(options(guest(name, zero, one)));
    if (result.kind !== 'finding') throw new Error(result.sentence);
    return result;
  };
  const told = 'la t0, count\n li t1, 1\n sw t1, (t0)';
  const untilTold = 'la t0, count\n 2: lw t1, (t0)\n beqz t1, 2b';

  it('has an owner, whom others wait for', async () => {
    const zero = ['call own', told, call('enter', 'first'), 'call disown'].join('\n');
    const one = [untilTold, call('enter', 'first'), 'call await', call('leave', 'first')].join(
      '\n',
    );
    const result = await find('duty.elf', zero, one);
    const shown = result.text();
    expect(shown).toContain('cycle: hart 0 task → first → hart 1 task → duty → hart 0 task');
    expect(shown).toContain('hart 1 task waits for duty, which hart 0 task holds (holds first)');
    expect(shown).toMatch(/\+duty {2}/);
    expect(result.warnings.map(({ status, headline }) => [headline, status])).toEqual([
      ['duty is taken under first, and first under duty', 'confirmed by schedule'],
    ]);
  });

  it('is handed over, and with it what its owner has', async () => {
    const zero = [
      ...['call own', told, 'la t0, waiter', '3: lw t1, (t0)', 'beqz t1, 3b', 'call disown'],
      ...[call('enter', 'first'), 'la t0, never', '4: lw t1, (t0)', 'beqz t1, 4b'],
    ].join('\n');
    const one = [untilTold, 'call await', call('enter', 'second'), call('enter', 'first')].join(
      '\n',
    );
    const result = await find('handed.elf', zero, one);
    expect(result.text()).toMatch(/hart 1 task waits for first, .* \(holds count, second\)/s);
    expect(result.text()).not.toMatch(/holds duty/);
    expect(result.warnings).toEqual([]);
  });
});

describe('a table', () => {
  it('of the examples is one', () => {
    const file = path.join(import.meta.dirname, '../../docs/examples/locks-linux.json');
    const table = parseLockTable(fs.readFileSync(file, 'utf8'), file);
    expect(table.functions.length).toBeGreaterThan(10);
  });

  const broken: readonly (readonly [string, (table: Record<string, unknown>) => void, RegExp])[] = [
    [
      'of another format',
      (table) => (table['format'] = 'x'),
      /"format" has to be "printkit locks"/,
    ],
    ['of another version', (table) => (table['version'] = 2), /"version" is 2, this is version 1/],
    ['without functions', (table) => (table['functions'] = []), /at least one function/],
    ['with an unknown field', (table) => (table['locks'] = []), /unknown field "locks"; there are/],
    [
      'with a function that does nothing known',
      (table) => (table['functions'] = [{ name: 'f', does: 'take', kind: 'spin' }]),
      /function 1 \("f"\): "does" has to be one of acquire, try, wait, release/,
    ],
    [
      'that has a function twice for one lock',
      (table) => (table['functions'] as unknown[]).push({ ...locks.functions[2], does: 'try' }),
      /function 9 \("leave"\): is there already, as function 3, for the same lock$/,
    ],
    [
      'with a register that is no argument',
      (table) => (table['switch'] = { name: 'f', prev: 's0', next: 'a1' }),
      /"switch": "s0" is none of a0 to a7/,
    ],
  ];
  it.each(broken)('%s is refused', (_, breaks, message) => {
    const table = JSON.parse(text) as Record<string, unknown>;
    breaks(table);
    expect(() => parseLockTable(JSON.stringify(table), 'locks.json')).toThrow(message);
  });

  it('that is no JSON is refused in one line', () => {
    expect(() => parseLockTable('{\n"a": }', 'locks.json')).toThrow(/^locks\.json: no JSON: .*$/);
  });

  it('with a function that the guest does not have says so, with similar names', async () => {
    const elf = guest('names.elf', 'nop', 'nop');
    const table = parseLockTable(text.replace('"leave"', '"leaves"'), 'locks.json');
    await expect(explore({ ...options(elf), locks: table })).rejects.toThrow(
      /no symbol 'leaves'; did you mean leave\?/,
    );
  });
});
