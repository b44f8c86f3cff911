// The shape of the figures in the docs, which bench/figures.mjs writes: a row for each design, and nothing in it that
// the table of expectations did not expect. Leaves out the values, and scenarios that the docs do not show yet.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PAIRS, PRESET_DESIGNS } from '../../src/compare/designs.ts';
import { PROPOSAL, SCENARIO_CASES } from '../../src/compare/expectations.ts';

const DOCS = path.resolve(import.meta.dirname, '../../docs');
const PAGES = ['compare.md', 'design-space.md'];
const NAMES = [...PAIRS, ...PRESET_DESIGNS].map(({ name }) => name);

/** Lines that a command of printkit has left on a page, in paragraphs. */
function output(page: string, command: string): string[][] {
  const text = fs.readFileSync(path.join(DOCS, page), 'utf8');
  const begin = `<!-- ${command} -->\n\n\`\`\`text\n`;
  const from = text.indexOf(begin);
  if (from < 0) throw new Error(`${page} has no output of ${command}`);
  const end = text.indexOf('```\n\n<!-- end -->', from);
  const paragraphs = text
    .slice(from + begin.length, end)
    .trimEnd()
    .split('\n\n');
  return paragraphs.map((paragraph) => paragraph.split('\n'));
}

describe.each(PAGES)('the designs in %s', (page) => {
  const [[groups = '', heads = '', ...rows] = [], ...notes] = output(page, 'compare');

  it('have a row each, in their order, under the heads', () => {
    expect(groups.trim()).toMatch(/^instructions /);
    expect(heads).toMatch(/^design .* result$/);
    expect(rows.map((row) => row.split(' ')[0])).toEqual(NAMES);
    const columns = heads.trim().split(/ +/).length;
    for (const row of rows) expect(row.split(/ +/)).toHaveLength(columns);
  });

  it('hang where a note says how, and nowhere else', () => {
    const hanging = rows.filter((row) => row.endsWith(' HANGS')).map((row) => row.split(' ')[0]);
    const [, ...told] = notes.find(([title]) => title === 'does not come to its end:') ?? [];
    const tellers = told.map((note) => note.trim().split(':')[0]);
    expect([...new Set(tellers)]).toEqual(hanging);
  });
});

it('both pages tell the same', () => {
  const [one, two] = PAGES.map((page) => output(page, 'compare'));
  expect(two).toEqual(one);
});

describe('the scenarios in compare.md', () => {
  const groups = output('compare.md', 'compare --scenarios');

  it('are some that there are, each once', () => {
    const scenarios = groups.flatMap(([heads = '']) => heads.split(/ +/).slice(1));
    expect(new Set(scenarios).size).toBe(scenarios.length);
    expect(SCENARIO_CASES.map(({ name }) => name)).toEqual(expect.arrayContaining(scenarios));
  });

  it('have an outcome for every pair and the proposal, none of them unexpected', () => {
    const designs = [...PAIRS.map(({ name }) => name), PROPOSAL];
    for (const [heads = '', ...rows] of groups) {
      const columns = heads.split(/ +/).length;
      expect(rows.map((row) => row.split(' ')[0])).toEqual(designs);
      for (const row of rows) {
        const [, ...outcomes] = row.split(/ +/);
        expect(outcomes).toHaveLength(columns - 1);
        for (const outcome of outcomes) expect(outcome).toMatch(/^(hangs|stalls|loses|survives)$/);
      }
    }
  });
});
