// The figures in the docs, which bench/figures.mjs writes, against what can be measured: a row for each design, a
// column for each scenario, and nothing in it that was not expected. Leaves out the values.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PAIRS, PRESET_DESIGNS } from '../../src/compare/designs.ts';
import { PROPOSAL, SCENARIO_CASES } from '../../src/compare/expectations.ts';
import { expectationOf } from '../../src/compare/scenario-table.ts';

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
  const scenarios = groups.flatMap(([heads = '']) => heads.split(/ +/).slice(1));

  it('are those of the table', () => {
    expect(scenarios).toEqual(SCENARIO_CASES.map(({ name }) => name));
  });

  it('come out as expected, for every pair and the proposal', () => {
    for (const [heads = '', ...rows] of groups) {
      const names = heads.split(/ +/).slice(1);
      const designs = [...PAIRS.map(({ name }) => name), PROPOSAL];
      expect(rows.map((row) => row.split(' ')[0])).toEqual(designs);
      for (const row of rows) {
        const [design = '', ...outcomes] = row.split(/ +/);
        expect(outcomes).toEqual(names.map((scenario) => expectationOf({ design, scenario })));
      }
    }
  });
});
