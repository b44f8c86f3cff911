// `printkit compare --explore`: what a design's cell says, and one exploration for real.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { pairNamed } from '../../src/compare/designs.ts';
import { exploreAll, type ExploreResult } from '../../src/compare/explore-run.ts';
import { explorePage, exploreTable } from '../../src/compare/explore-table.ts';
import { scenarioCase } from '../../src/compare/scenario-case.ts';
import { scratchFolder } from '../cli/guest.ts';
import { buildImage } from '../firmware/console.ts';

const HANGS: ExploreResult = {
  design: 'logbuf+direct',
  scenario: 'sem-up',
  outcome: 'hangs',
  text: 'self-deadlock: hart 1 waits for p->pi_lock',
  preemptions: 2,
  interrupts: 1,
  executions: 7,
  seconds: 1.23,
};
const CLEAN: ExploreResult = { ...HANGS, design: 'nbcon', outcome: 'clean', text: 'covered: all' };
const PARTIAL: ExploreResult = { ...CLEAN, scenario: 'klogd', outcome: 'partial', upTo: 1 };
const NOTHING: ExploreResult = { ...HANGS, scenario: 'klogd', outcome: 'partial' };

describe('the table', () => {
  const lines = exploreTable([HANGS, NOTHING, CLEAN, PARTIAL]);

  it('has a row for each design, a column for each scenario', () => {
    expect(lines.slice(0, 3)).toEqual([
      'design            sem-up       klogd',
      'logbuf+direct     hangs 2p 1i  partial',
      'nbcon             clean        partial 1',
    ]);
  });

  it('says below what hangs, and how', () => {
    expect(lines.join('\n')).toMatch(
      /logbuf\+direct in sem-up \(7 executions, 1\.2 s\):\n {2}self-deadlock: hart 1 waits for p->pi_lock$/,
    );
  });

  it('is a page, too, that loads nothing', () => {
    const page = explorePage([HANGS, CLEAN]);
    expect(page).toContain(
      '<td class="hangs" title="self-deadlock: hart 1 waits for p-&#62;pi_lock">',
    );
    expect(page).toContain('<td class="clean" title="covered: all">clean</td>');
    expect(page).not.toMatch(/https?:/);
  });
});

describe('an exploration', () => {
  it('of a design that hangs in a scenario says how', async () => {
    const elf = path.join(scratchFolder(), 'printkit.elf');
    fs.writeFileSync(elf, await buildImage());
    const bounds = { preemptions: 2, irqs: 1, nmis: 1 };
    const options = { elf, bounds, seconds: Infinity, jobs: 0 };
    const cases = [scenarioCase('sem-up')];
    const [result] = await exploreAll([pairNamed('logbuf+direct')], cases, options);
    expect(result).toMatchObject({ design: 'logbuf+direct', scenario: 'sem-up', outcome: 'hangs' });
    expect(result.text).toMatch(/p->pi_lock/);
  });

  it('of one that loses a message says which, and one that hangs does not lose', async () => {
    const elf = path.join(scratchFolder(), 'printkit.elf');
    fs.writeFileSync(elf, await buildImage());
    const bounds = { preemptions: 0, irqs: 0, nmis: 0 };
    const options = { elf, bounds, seconds: 10, jobs: 0 };
    const cases = [scenarioCase('reset-irqs-off')];
    const [result] = await exploreAll([pairNamed('lockless+nbcon')], cases, options);
    expect(result).toMatchObject({ outcome: 'loses', text: 'message lost: reset: last words' });
    expect(exploreTable([result])[1]).toMatch(/^lockless\+nbcon +loses$/);
  });
});
