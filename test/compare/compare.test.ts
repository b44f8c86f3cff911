// `printkit compare` as users run it: two designs measured, the same figures however many jobs and however they
// are shown (JSON, table, page with charts), and what users get wrong.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DesignResult } from '../../src/compare/result.ts';
import type { ScenarioResult } from '../../src/compare/scenario-case.ts';
import { comparisonTable } from '../../src/compare/table.ts';
import { exitWith, guestElf } from '../cli/guest.ts';
import { ensureBuilt, printkit, type Result } from '../cli/printkit.ts';

ensureBuilt();

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'printkit-compare-'));
const file = (name: string) => path.join(folder, name);
afterAll(() => fs.rmSync(folder, { recursive: true }));

const PAIRS = ['--pair', 'lockless+direct', '--pair', 'lockless+kthread'];

const rowOfTable = (table: string, design: string): string[] =>
  (table.split('\n').find((line) => line.startsWith(`${design} `)) ?? '').split(/ +/);

/** Of the table of all figures. */
function rowOfPage(page: string, design: string): string[] {
  const row = page.split('<tr>').find((each) => each.startsWith(`<td>${design}</td>`)) ?? '';
  return [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, text]) => text);
}

describe('two designs', () => {
  let one: Result;
  let two: Result;
  let table: string;
  let results: DesignResult[];
  beforeAll(async () => {
    one = await printkit(['compare', ...PAIRS, '--json', '-j', '1', '--html', file('page.html')]);
    two = await printkit(['compare', ...PAIRS, '-j', '2']);
    table = Buffer.from(two.stdout, 'latin1').toString();
    results = JSON.parse(one.stdout) as DesignResult[];
  });

  it('give the same one after the other and at the same time: the table is that of the JSON', () => {
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(two).toMatchObject({ code: 0, stderr: '' });
    expect(table).toBe(`${comparisonTable(results).join('\n')}\n`);
  });

  it('have the same figures in the page as in the table', () => {
    const page = fs.readFileSync(file('page.html'), 'utf8');
    for (const { name } of results) {
      const [, ...inTable] = rowOfTable(table, name);
      const [, ...inPage] = rowOfPage(page, name);
      const range = (from: number) => inPage.slice(from, from + 3);
      // Instructions, call, interrupts off, on the wire; without those that only one of them has.
      const [, , callMax] = range(12);
      const [, ...irqsOff] = range(15);
      expect(inTable.slice(0, 6)).toEqual([...range(0), callMax, ...irqsOff]);
      expect(inTable.slice(7, 10)).toEqual(range(18));
      const [, inMemory, ...losses] = inPage.slice(21, -1).map(Number);
      expect(Number(inTable[10])).toBe(losses.reduce((sum, count) => sum + count, 0));
      expect(Number(inTable[14])).toBe(inMemory);
      expect(inTable.at(-1)).toBe(inPage.at(-1));
    }
  });

  it('are measured in the order in which they were named', () => {
    expect(results.map(({ name, ending }) => [name, ending])).toEqual([
      ['lockless+direct', 'done'],
      ['lockless+kthread', 'done'],
    ]);
  });

  it('have a fate for every message', () => {
    for (const { said, lost, atReset } of results) {
      const notOnWire = Object.values(lost).reduce((sum, count) => sum + count, 0);
      expect(atReset.onWire + notOnWire).toBe(said);
      expect(atReset.onWire + atReset.inMemory + atReset.nowhere).toBe(said);
      // Leisure, burst, recursion, NMIs: all of them are reached.
      expect(said).toBeGreaterThan(700);
    }
  });

  it('differ as they must: who prints for others pays for it, in time and with interrupts off', () => {
    const [direct, kthread] = results;
    expect(direct.callUs?.max).toBeGreaterThan(100_000);
    expect(kthread.callUs?.max).toBeLessThan(1000);
    expect(direct.cost.all?.max).toBeGreaterThan(100 * (kthread.cost.all?.max ?? 0));
  });

  it('cannot be faster than the line: 40 characters, the time stamp, and two for the line end', () => {
    const frameUs = 10e6 / 115_200;
    // `[    1.234567] workload t2 7: the quick brown fox runs` is the shortest, at 54.
    for (const { leisureUs } of results) {
      expect(leisureUs?.p50).toBeGreaterThan((54 + 2) * frameUs);
      expect(leisureUs?.p50).toBeLessThan((56 + 2) * frameUs + 20_000);
    }
  });

  it('come as a page', () => {
    const page = fs.readFileSync(file('page.html'), 'utf8');
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain('lockless+kthread');
    expect(page.trimEnd()).toMatch(/<\/html>$/);
  });
});

describe('scenarios', () => {
  it('hang where they are expected to, which is a result and no error', async () => {
    const pairs = ['--pair', 'logbuf+direct', '--pair', 'lockless+kthread'];
    const { code, stdout, stderr } = await printkit(['compare', '--scenario', 'sem-up', ...pairs]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'design            sem-up',
      'logbuf+direct     hangs',
      'lockless+kthread  survives',
      '',
    ]);
  });

  it('say in JSON where each hart is', async () => {
    const args = ['--scenario', 'sem-up', '--pair', 'logbuf+direct', '--json'];
    const { stdout } = await printkit(['compare', ...args]);
    const [{ outcome, stuck }] = JSON.parse(stdout) as ScenarioResult[];
    expect(outcome).toBe('hangs');
    expect(stuck).toMatchObject([{ hart: 1, lock: 'p->pi_lock', owner: 1 }]);
  });
});

describe('bad input is one line', () => {
  const page = path.join(folder, 'no', 'such', 'page.html');
  it.each([
    ['--pair lockless', /--pair: "lockless" is not STORE\+EMITTER: stores are logbuf, /],
    ['--pair lockless+printer', /--pair: "lockless\+printer" is not STORE\+EMITTER/],
    ['--preset 2038', /--preset: there is no "2038", only 2016, /],
    ['--jobs 0', /--jobs: "0" is not a whole number from 1 to 64/],
    [`--html ${page}`, /--html: cannot write .*page\.html: ENOENT/],
    ['--scenarios --html x', /'--scenarios' cannot be used with option '--html/],
    ['--scenario sem-down', /there is no scenario "sem-down", only wakeup-rq, /],
    ['--elf /no/such.elf', /\/no\/such\.elf/],
    ['everything', /too many arguments/],
  ])('%s', async (options, message) => {
    const { code, stdout, stderr } = await printkit(['compare', ...options.split(' ')]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('a program that is not the firmware', async () => {
    const elf = guestElf(folder, 'other.elf', exitWith(0));
    const { code, stderr } = await printkit(['compare', '--elf', elf, ...PAIRS, '-j', '2']);
    expect(code).toBe(125);
    expect(stderr).toMatch(/other\.elf has no function "trap_entry": compare needs the firmware/);
  });
});
