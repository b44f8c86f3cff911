// `printkit explore` as a user runs it: a small guest that waits for ever, found, written down, repeated
// and, once cured, covered; and what users get wrong.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitWith, guestElf, LOCK_TABLE, ORDERED_LOCKS, scratchFolder } from './guest.ts';
import { ensureBuilt, finish, printkit, start, waitFor } from './printkit.ts';

const folder = scratchFolder();

ensureBuilt();

/** Waits for a word that nobody else writes. */
const waitOn = (flag: number): string => `
begin:
  nop
  la s0, flag
  sw s0, 4(s0)
again:
  lw t0, (s0)
  beqz t0, again
finish:
  nop
  j .
  .balign 4
flag:
  .word ${flag}, 0
`;

/** Two harts take two locks, hart 1 in the order that `order` gives. */
const twoLocks = (order: 'ab' | 'ba'): string => {
  const [first, second] = order === 'ab' ? ['s0', 's1'] : ['s1', 's0'];
  const lock = (address: string) => `
  1: li t0, 1
  amoswap.w t1, t0, (${address})
  bnez t1, 1b`;
  const pair = (one: string, other: string) => `
  ${lock(one)}
  ${lock(other)}
  sw zero, (${other})
  sw zero, (${one})`;
  return `
  la s0, a
  la s1, b
  csrr a0, mhartid
begin:
  bnez a0, other
  ${pair('s0', 's1')}
  j finish
other:
  ${pair(first, second)}
finish:
  nop
  j .
  .balign 4
a: .word 0
b: .word 0
`;
};

/**
 * Each hart announces itself, and steps back if the other one is there, too. Cured, hart 1 does not step back,
 * and hart 0 waits for it.
 */
const polite = (cured: boolean): string => `
  la s0, a
  la s1, b
  csrr a0, mhartid
begin:
  li t0, 1
  bnez a0, other
1: sw t0, (s0)
  lw t1, (s1)
  beqz t1, finish
  sw zero, (s0)
  ${cured ? '2: lw t1, (s1)\n bnez t1, 2b' : ''}
  j 1b
other:
  sw t0, (s1)
  lw t1, (s0)
  ${cured ? 'bnez t1, other' : 'beqz t1, finish'}
  sw zero, (s1)
  ${cured ? '' : 'j other'}
finish:
  nop
  j .
  .balign 4
a: .word 0
b: .word 0
`;

const bad = guestElf(folder, 'bad.elf', waitOn(0));
const good = guestElf(folder, 'good.elf', waitOn(1));
const off = guestElf(folder, 'off.elf', `${exitWith(0)}\nnever:\n nop`);
const crash = guestElf(folder, 'crash.elf', 'csrw mtvec, zero\n .word 0\nnever:\n nop');
const endless = guestElf(folder, 'endless.elf', 'begin:\n nop\n j .\nfinish:\n nop');
const livelock = guestElf(folder, 'livelock.elf', polite(false), 'all harts');
const impolite = guestElf(folder, 'impolite.elf', polite(true), 'all harts');
const ab = guestElf(folder, 'ab.elf', twoLocks('ab'), 'all harts');
const abba = guestElf(folder, 'abba.elf', twoLocks('ba'), 'all harts');
const locks = path.join(folder, 'locks.json');
fs.writeFileSync(locks, JSON.stringify(LOCK_TABLE));
/** Hart 1 takes the locks in the other order, once hart 0 is through. */
const ordered = guestElf(folder, 'ordered.elf', ORDERED_LOCKS, 'all harts');
const region = '--from begin --until finish --smp 1'.split(' ');
const explore = (guest: string, ...more: string[]) =>
  inUtf8(printkit(['explore', '--kernel', guest, ...region, ...more]));

async function inUtf8(result: ReturnType<typeof printkit>) {
  const { stdout, ...rest } = await result;
  return { stdout: Buffer.from(stdout, 'latin1').toString('utf8'), ...rest };
}

/** Without times, and the command that is shown. */
const timeless = (text: string): string =>
  text
    .replace(/found after .*/, '')
    .replace(/^again: .*/m, '')
    .replace(/\([\d.]+ s\)/, '');

describe('printkit explore', () => {
  it('finds a hart that waits for ever, writes it down, and repeats it exactly', async () => {
    const file = path.join(folder, 'finding.json');
    const page = path.join(folder, 'finding.html');
    const found = await explore(bad, '--samples', '0', '--out', file, '--html', page);
    expect(found.stderr).toBe('');
    expect(found.stdout).toMatch(/^finding: never signalled: hart 0 task waits for flag\n/);
    expect(found.stdout).toContain(`again: npx printkit explore --replay ${file} --kernel ${bad}`);
    expect(found.code).toBe(1);
    expect(fs.readFileSync(page, 'utf8')).toMatch(/^<!doctype html>[^]*never signalled/i);

    const again = await inUtf8(printkit(['explore', '--kernel', bad, '--replay', file]));
    expect(again.stdout).toMatch(/^finding: never signalled/);
    expect(again.stdout).toContain('replayed exactly');
    expect(again.code).toBe(1);

    const cured = await inUtf8(printkit(['explore', '--kernel', good, '--replay', file]));
    expect(cured.stdout).toContain('the program is not the one that was recorded');
  });

  it('finds harts that make way for each other for ever, and the way into that', async () => {
    const file = path.join(folder, 'livelock.json');
    const options = ['--smp', '2', '--steps', '300', '--kernel'];
    const two = ['explore', ...region.slice(0, 4), ...options];
    const found = await inUtf8(printkit([...two, livelock, '--out', file]));
    expect(found.stdout).toMatch(/^finding: livelock: the same state comes back/);
    expect(found.stdout).toContain('── what follows comes again and again');
    expect(found.stdout.split('\n').length).toBeLessThan(50);
    expect(found.code).toBe(1);
    const again = await inUtf8(printkit(['explore', '--kernel', livelock, '--replay', file]));
    expect(again.stdout).toMatch(/^finding: livelock/);
    expect(again.stdout).toContain('replayed exactly');
    expect(again.code).toBe(1);
    const cured = await inUtf8(printkit([...two, impolite]));
    expect(cured.stdout).not.toContain('livelock');
    expect(cured.code).not.toBe(1);
  });

  it('finds it in random executions too, by the seed that it is given', async () => {
    const random = ['--strategy', 'random-walk', '--samples', '100', '--seed', '7'];
    const [a, b] = [await explore(bad, ...random), await explore(bad, ...random)];
    expect(a.stdout).toMatch(/found by random walk/);
    expect(timeless(b.stdout)).toBe(timeless(a.stdout));
  });

  it('says what was covered when nothing hangs', async () => {
    const { stdout, code } = await explore(good, '--samples', '0');
    expect(stdout).toMatch(
      /^covered: all executions with at most 2 preemptions, 1 interrupt and 1 NMI, under seq/,
    );
    expect(code).toBe(0);
  });

  it('says that nothing was covered when it has only sampled', async () => {
    const { stdout, code } = await explore(good, '--strategy', 'pos', '--samples', '5');
    expect(stdout).toMatch(/^no finding in 5 random executions; nothing was covered system/);
    expect(code).toBe(124);
  });

  it('says when no execution comes to the end of the region', async () => {
    const { stdout } = await explore(endless, '--strategy', 'pos', '--samples', '3');
    expect(stdout).toMatch(/never signalled|none of them came to finish/);
  });

  it('leaves an older finding alone when there is no new one', async () => {
    const file = path.join(folder, 'older.json');
    const none = path.join(folder, 'none.json');
    fs.writeFileSync(file, 'older');
    await explore(good, '--samples', '0', '--out', file);
    await explore(good, '--samples', '0', '--out', none);
    expect(fs.readFileSync(file, 'utf8')).toBe('older');
    expect(fs.existsSync(none)).toBe(false);
  });

  it('says how far it is where that is asked for', async () => {
    const { stderr } = await explore(
      ...[ab, '--smp', '2', '--preemptions', '20', '--samples', '100000000'],
      ...['--strategy', 'pos', '--time', '3', '--progress'],
    );
    expect(stderr).toMatch(/^(printkit: \d+ s; pos; \d+ executions, \d+ traces, \d+\/s\n)+$/);
  });

  it('ends at an interrupt with what it has', async () => {
    const running = start([
      ...['explore', '--kernel', ab, ...region, '--smp', '2', '--progress', '--jobs', '2'],
      ...['--strategy', 'pos', '--samples', '100000000', '--time', '1000'],
    ]);
    const result = finish(running);
    await waitFor(running.stderr, /executions/);
    running.kill('SIGINT');
    const { stdout, code, signal } = await result;
    expect(stdout).toMatch(
      /^no finding in \d+ random executions; .* \(interrupted after [\d.]+ s\)/,
    );
    expect([code, signal]).toEqual([124, null]);
  });
});

describe('the number of threads', () => {
  const counts = ['1', '2', '3'];
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a search that covers', ['--kernel', ab, '--samples', '60'], /^covered: /],
    ['a search that finds', ['--kernel', abba, '--samples', '0'], /^finding: deadlock/],
    [
      'warnings about locks',
      ['--kernel', ordered, '--locks', locks, '--samples', '60'],
      /^covered: [^]*first is taken under second, and second under first: not reached within/,
    ],
    ['random executions that find', ['--kernel', abba, '--samples', '200'], /^finding: deadlock/],
  ];
  it.each(cases)('makes no difference to %s', async (_name, args, expected) => {
    const results = await Promise.all(
      counts.map((jobs) =>
        inUtf8(printkit(['explore', ...region, '--smp', '2', ...args, '--jobs', jobs])),
      ),
    );
    expect(results[0].stdout).toMatch(expected);
    const [one, two, three] = results.map(({ stdout }) => timeless(stdout));
    expect(two).toBe(one);
    expect(three).toBe(one);
  });

  it('makes none to a scenario', async () => {
    const some = ['--strategy', 'natural', '--strategy', 'pos', '--samples', '30'];
    const results: string[] = [];
    for (const jobs of counts) {
      const args = ['sem-up', '--append', 'printk=nbcon', ...some, '--jobs', jobs];
      const { stdout, code } = await inUtf8(printkit(['explore', ...args]));
      expect(code).toBe(124);
      results.push(timeless(stdout));
    }
    expect(results[0]).toMatch(/^no finding in 30 random executions;/);
    expect(results[1]).toBe(results[0]);
    expect(results[2]).toBe(results[0]);
  });
});

describe('bad input', () => {
  const other = path.join(folder, 'other.json');
  const old = path.join(folder, 'old.json');
  const damaged = path.join(folder, 'damaged.json');
  fs.writeFileSync(other, '{}');
  fs.writeFileSync(old, '{"format":"printkit finding","recording":{"version":0}}');
  fs.writeFileSync(damaged, '{"format":"printkit finding","recording":{"version":1},"region":[]}');
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /name a scenario/],
    ['x --smp 16', /--smp: "16" is not a whole number from 1 to 15/],
    [
      'x --strategy luck',
      /--strategy: "luck" is not one of natural, disturbed, directed, random-walk/,
    ],
    ['x --inject rain', /--inject: "rain" is not one of uart-rx, .*, nmi, timer/],
    ['x --out /no/such/dir/f', /--out: cannot write \/no\/such\/dir\/f: ENOENT/],
    [`--kernel ${bad} --from begni --until finish`, /no symbol 'begni'; did you mean begin/],
    [`--kernel ${bad} --from begin --until finisch`, /no symbol 'finisch'; did you mean finish/],
    [
      `--kernel ${off} --smp 1 --from never --until never`,
      /never comes to never .it stopped: exit/,
    ],
    [
      `--kernel ${crash} --smp 1 --from never --until never`,
      /never comes to never .it stopped: [a-z]/,
    ],
    ['x --until lock_list', /'lock_list' is no code/],
    ['/etc/hostname --kernel /etc/hostname', /hostname: not an ELF file/],
    ['sem-upp', /the guest has no scenario 'sem-upp'; did you mean sem-up\?/],
    ['nothing-like-it', /the guest has no scenario 'nothing-like-it'; it has .*sem-up/],
    ['sem-up --smp 1', /never comes to scenario_begin; its last line is "run: sem-up: FAILED"/],
    [
      'sem-up --append printk=2017',
      /: printk: there is no "2017", only 2016, safe-v3, .*printkit\n/,
    ],
    [
      'sem-up --append printk.store=x',
      /store: there is no "x", only logbuf, .*, lockless, spill\n/,
    ],
    ['sem-up --check x', /--check: "x" is not one of messages, verdict\n/],
    ['sem-up --append printk.emit=x', /emit: there is no "x", only direct, .*, nbcon, relay\n/],
    ['sem-up --append printk.emit', /emit: there is no "", only direct/],
    ['x --locks /no/such/file', /--locks: cannot read \/no\/such\/file: ENOENT/],
    ['x --jobs 0', /--jobs: "0" is not a whole number from 1 to 64/],
    ['--replay x --append y', /--append does not go with --replay/],
    ['--replay /no/such/file', /--replay: cannot read \/no\/such\/file: ENOENT/],
    [`--replay ${other}`, /other\.json is not a finding/],
    [`--replay ${damaged}`, /damaged\.json is damaged/],
    [`--replay ${old}`, /old\.json has version 0, this is version 1/],
  ];
  it.each(cases)('explore %s', async (args, message) => {
    const words = args.split(' ').filter((word) => word !== '');
    const { stdout, stderr, code } = await printkit(['explore', ...words]);
    expect(stderr).toMatch(/^printkit: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(125);
  });
});
