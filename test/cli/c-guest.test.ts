// `printkit explore --locks` on a guest in C, as a user runs it: the example of the docs, built with gcc.
// Two harts, two spin locks, a semaphore and a receive interrupt; BUG=1 and BUG=2 deadlock, without it is cured.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { gnu, haveGnu } from '../toolchain/gnu.ts';
import { scratchFolder } from './guest.ts';
import { ensureBuilt, printkit } from './printkit.ts';

const folder = scratchFolder();
const examples = path.join(import.meta.dirname, '../../docs/examples');
const source = path.join(examples, 'two-locks.c');
const locks = path.join(examples, 'two-locks.json');

/** As the example's head says. */
const FLAGS =
  '-march=rv32imac_zicsr -mabi=ilp32 -O2 -g -Wall -Werror -fno-omit-frame-pointer -ffreestanding ' +
  '-fno-toplevel-reorder -nostdlib -Wl,-Ttext=0x80000000';

function compile(name: string, bug: number, file = source): string {
  const elf = path.join(folder, name);
  gnu('gcc', ...FLAGS.split(' '), `-DBUG=${bug}`, '-o', elf, file);
  return elf;
}

type Change = (text: string) => string;

/** The example, changed. */
function changed(name: string, change: Change): string {
  const file = path.join(folder, name);
  const text = fs.readFileSync(source, 'utf8');
  fs.writeFileSync(file, change(text));
  return file;
}

ensureBuilt();

const region = ['--from', 'begin', '--until', 'finish', '--smp', '2', '--inject', 'uart-rx'];
async function explore(...args: string[]) {
  const { stdout, ...rest } = await printkit(['explore', ...args]);
  return { stdout: Buffer.from(stdout, 'latin1').toString('utf8'), ...rest };
}

describe.skipIf(!haveGnu('gcc'))('a guest in C with a table of its locks', () => {
  it('deadlocks with names, owners, callers and a confirmed warning: AB-BA', async () => {
    const { stdout, stderr, code } = await explore(
      ...['--kernel', compile('abba.elf', 1), ...region, '--locks', locks],
    );
    expect(stderr).toBe('');
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /^finding: deadlock: hart 0 task waits for right_lock of hart 1 task, hart 1 task waits for left_lock of hart 0 task /,
    );
    expect(stdout).toContain(
      'cycle: hart 0 task → right_lock → hart 1 task → left_lock → hart 0 task',
    );
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /hart 0 task waits for right_lock, which hart 1 task holds \(holds left_lock\) at [\w/-]*two-locks.c:\d+: spin_lock < move < work /,
    );
    expect(stdout).toMatch(/\+left_lock {2}/);
    expect(stdout).toMatch(
      /lock order:\n {2}(left|right)_lock is taken under (left|right)_lock, and .*: confirmed by schedule\n/,
    );
    expect(stdout).not.toMatch(/moves_sem.*(taken|given)/);
    expect(code).toBe(1);
  });

  it('deadlocks with itself through its interrupt', async () => {
    const { stdout, code } = await explore(
      ...['--kernel', compile('irq.elf', 2), ...region, '--locks', locks],
    );
    expect(stdout).toMatch(/^finding: self-deadlock through an interrupt/);
    expect(stdout).toContain(
      'cycle: hart 0 irq → right_lock → hart 0 task → (interrupted) → hart 0 irq',
    );
    expect(stdout).toContain(
      'right_lock is taken in an interrupt, and elsewhere with interrupts on: confirmed by schedule',
    );
    expect(code).toBe(1);
  });

  it('is covered when it is cured', async () => {
    const { stdout, code } = await explore(
      ...['--kernel', compile('cured.elf', 0), ...region, '--locks', locks],
    );
    expect(stdout).toMatch(/^covered: all executions with at most 2 preemptions, [^\n]+\n$/);
    expect(code).toBe(0);
  });

  it('is in no livelock where a hart that waits takes a lock again and again', async () => {
    const busy: Change = (text) => text.replace('    while (sem->count == 0)\n      ;\n', '');
    const elf = compile('busy.elf', 0, changed('busy.c', busy));
    // Another hart that waits for the lock may come too late each time, but need not.
    const { stdout, code } = await explore(
      ...['--kernel', elf, ...region, '--locks', locks, '--executions', '1', '--steps', '3000'],
    );
    expect(stdout).toMatch(/^partly covered: /);
    expect(code).toBe(124);
  });

  describe('that has been changed and compiled anew', () => {
    const finding = path.join(folder, 'finding.json');
    /** Another function in front, and more to do where both locks are held. */
    const more: Change = (text) =>
      text
        .replace('KEPT void spin_unlock', 'KEPT u32 added(u32 n) { return n * 3 + moves; }\n$&')
        .replace('  right += n;\n', '$&  received += added(n);\n');

    it('deadlocks as before, by symbols', async () => {
      const abba = compile('abba.elf', 1);
      await explore('--kernel', abba, ...region, '--locks', locks, '--out', finding);
      const other = compile('more.elf', 1, changed('more.c', more));
      const { stdout, code } = await explore('--replay', finding, '--kernel', other);
      expect(stdout).toContain(
        'cycle: hart 0 task → right_lock → hart 1 task → left_lock → hart 0 task',
      );
      expect(stdout).toMatch(
        /^replayed by symbols, and every turn fits; \d+ steps\n {2}the program is not the one that was recorded\n$/m,
      );
      expect(code).toBe(1);
    });

    it('ends well when it is cured, by other turns', async () => {
      const cured = compile('cured.elf', 0, changed('cured.c', more));
      const { stdout, code } = await explore('--replay', finding, '--kernel', cured);
      expect(stdout).toMatch(/^no finding\n/);
      // Hart 0 does not get into the second spin_lock() before hart 1 is through with both.
      expect(stdout).toMatch(
        /^ {2}turn 2, hart 0: does not get to spin_lock\+0x[0-9a-f]+ 2 times$/m,
      );
      expect(code).toBe(124);
    });

    it('says what does not fit, and that this says nothing', async () => {
      const irq = compile('irq.elf', 2);
      await explore('--kernel', irq, ...region, '--locks', locks, '--out', finding);
      // The turn ends in front of an instruction of move() that is somewhere else now.
      const shifted: Change = (text) =>
        more(text).replace('  spin_lock(inner);\n', '  received = added(n);\n$&');
      const other = compile('shifted.elf', 2, changed('shifted.c', shifted));
      const { stdout, code } = await explore('--replay', finding, '--kernel', other);
      expect(stdout).toMatch(/^no finding\n/);
      expect(stdout).toMatch(/^the replay does not fit; \d+ steps\n/m);
      expect(stdout).toMatch(/^ {2}turn \d+, hart 0: does not get to move\+0x[0-9a-f]+$/m);
      expect(stdout).toMatch(/^ {2}it ends well, but is another execution/m);
      expect(code).toBe(124);
    });

    it('is refused with one line where the region or the locks have other names', async () => {
      const renames = [
        ['begin', 'started', /no symbol 'begin'/],
        [
          'spin_lock',
          'lock_it',
          /table of locks: no symbol 'spin_lock'; did you mean spin_unlock\?/,
        ],
      ] as const;
      for (const [name, other, message] of renames) {
        const file = changed('renamed.c', (text) => text.replaceAll(`${name}(`, `${other}(`));
        const elf = compile('renamed.elf', 2, file);
        const { stdout, stderr, code } = await explore('--replay', finding, '--kernel', elf);
        expect(stderr).toMatch(/^printkit: [^\n]+\n$/);
        expect(stderr).toMatch(message);
        expect([stdout, code]).toEqual(['', 125]);
      }
    });
  });

  const spinLock = { name: 'spin_lock', does: 'acquire', kind: 'spin' };
  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['no JSON', undefined, /table.json: no JSON: /],
    ['an unknown field', { ...spinLock, lok: 'a1' }, /function 1: unknown field "lok"; there are/],
    [
      'no such kind',
      { ...spinLock, kind: 'lock' },
      /\("spin_lock"\): "kind" has to be one of spin,/,
    ],
    ['no such function', { ...spinLock, name: 'spin_lok' }, /'spin_lok'; did you mean spin_lock\?/],
    ['a variable', { ...spinLock, name: 'left_lock' }, /'left_lock' is no function/],
    [
      'a function as lock',
      { ...spinLock, lock: 'move' },
      /lock of spin_lock: 'move' is a function/,
    ],
    [
      'no such lock',
      { ...spinLock, lock: 'leftlock' },
      /lock of spin_lock: none of a0 to a7, and no symbol 'leftlock'; did you mean left_lock\?/,
    ],
    ['a function twice', [spinLock, spinLock], /function 2 \("spin_lock"\): is there already, as/],
  ];
  it.each(bad)('is refused with one line for a table with %s', async (_, functions, message) => {
    const elf = path.join(folder, 'abba.elf');
    const table = path.join(folder, 'table.json');
    const whole = { format: 'printkit locks', version: 1, functions: [functions].flat() };
    fs.writeFileSync(table, functions === undefined ? 'spin_lock' : JSON.stringify(whole));
    const { stdout, stderr, code } = await explore('--kernel', elf, ...region, '--locks', table);
    expect(stderr).toMatch(/^printkit: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(125);
  });
});
