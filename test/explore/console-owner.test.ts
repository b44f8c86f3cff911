// The console's owner under `handover`, in scenario tty-port-owner (class 12): an interrupt waits for
// tty_port->lock, who has that waits for the console's owner, and the owner for port->lock, which the
// interrupt's handler has. The owner is a duty that no lock word tells of: functions that take it, give it
// back and wait for it do.

import { beforeAll, describe, expect, it } from 'vitest';
import { pairNamed } from '../../src/compare/designs.ts';
import { exploreCase } from '../../src/compare/explore-case.ts';
import { scenarioCase } from '../../src/compare/scenario-case.ts';
import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import type { AgentId } from '../../src/explore/model.ts';
import { warningReports } from '../../src/explore/lock-warning.ts';
import { reportOf } from '../../src/explore/present.ts';
import { PORTFOLIO, randomSearch } from '../../src/explore/random.ts';
import { type Region, regionAt, startOf } from '../../src/explore/region.ts';
import { replay, turnsOf } from '../../src/explore/replay.ts';
import type { Report } from '../../src/explore/report.ts';
import { isFine } from '../../src/explore/search.ts';
import { settled } from '../../src/explore/settle.ts';
import { cycleLine, waitCycle } from '../../src/explore/wait-cycle.ts';
import { buildImage } from '../firmware/console.ts';

const EXECUTIONS = 20;
const STEPS_MAX = 20_000;

let open: (design: string) => Region;
let symbolizer: Symbolizer;
beforeAll(async () => {
  const elf = readElf(await buildImage());
  symbolizer = new Symbolizer(elf);
  open = (design) => {
    const {
      append = '',
      lineScript,
      ...rest
    } = exploreCase(scenarioCase('tty-port-owner'), pairNamed(design).bootargs);
    const options = { harts: 3, inject: [], from: 'scenario_begin', until: 'scenario_end' };
    const script = lineScript === undefined ? {} : { script: lineScript };
    const region = { ...options, ...rest, ...script, bootargs: append };
    return regionAt(startOf(elf, symbolizer, region), symbolizer);
  };
}, 120_000);

/** Reports on random executions that end badly. */
function findings(region: Region): Report[] {
  const { model } = region;
  const bounds = { irqs: 1, nmis: 1 };
  const options = { seed: 1, executions: EXECUTIONS, strategies: PORTFOLIO, stepsMax: STEPS_MAX };
  const schedules: (readonly AgentId[])[] = [];
  const all = settled(
    model,
    () => randomSearch(model, { ...options, bounds }),
    () => (schedules.length = 0),
  );
  for (const { ending, schedule } of all) if (!isFine(ending)) schedules.push(schedule);
  model.frozen = true;
  return schedules.map((schedule) => {
    const found = replay(model, turnsOf(schedule), STEPS_MAX);
    return reportOf(region, symbolizer, found, STEPS_MAX, '');
  });
}

const cycleOf = ({ story }: Report): string => cycleLine(waitCycle(story));
const CYCLE =
  'cycle: hart 0 irq → tty_port_lock → hart 1 task → console_owner → hart 2 task → port_lock → hart 0 irq';

describe('tty-port-owner under handover', () => {
  it('deadlocks with the owner of the console, as the lock-order checker has warned', () => {
    const region = open('logbuf+handover');
    const reports = findings(region);
    const found = reports.find((report) => cycleOf(report) === CYCLE);
    if (found === undefined) throw new Error(reports.map(cycleOf).join('\n'));

    expect(found.verdict.headline).toBe(
      'deadlock: hart 0 irq waits for tty_port_lock of hart 1 task, ' +
        'hart 1 task waits for console_owner of hart 2 task, hart 2 task waits for port_lock of hart 0 irq',
    );
    const [, waiter, owner] = found.story.ends;
    expect(waiter).toMatchObject({
      for: { name: 'console_owner', kind: 'lock', holder: 'hart 2 task' },
      holds: ['tty_port_lock'],
    });
    expect(waiter.calls[0].name).toBe('console_trylock_spinning');
    expect(owner).toMatchObject({ for: { name: 'port_lock' }, holds: ['console_owner'] });

    const seen = region.model.locks?.order.warnings ?? [];
    const told = warningReports(seen, 'not reached before this finding', waitCycle(found.story));
    const ofOwner = told.filter(({ warning }) => warning.classes.includes('console_owner'));
    expect(ofOwner.map(({ status, warning }) => [warning.kind, status])).toEqual([
      ['inversion', 'confirmed by schedule'],
    ]);
    expect(ofOwner[0].places.join('\n')).toMatch(/tty_port_lock → console_owner: hart 1 task/);

    // Without a third party, who has tty_port->lock becomes the owner himself: not what that warning is of.
    const short = reports.find((report) => !cycleOf(report).includes('console_owner'));
    if (short === undefined) throw new Error('only the long cycle');
    const other = warningReports(seen, 'not reached before this finding', waitCycle(short.story));
    expect(other.map(({ warning, status }) => [[...warning.classes].sort(), status])).toEqual([
      [['port_lock', 'tty_port_lock'], 'confirmed by schedule'],
      [['console_owner', 'port_lock'], 'not reached before this finding'],
    ]);
  }, 120_000);

  it('has no owner of the console where nobody waits for one', () => {
    const region = open('logbuf+direct');
    const reports = findings(region);
    expect(reports.length).toBeGreaterThan(0);
    const classes = region.model.locks?.order.warnings.flatMap((warning) => warning.classes);
    expect(classes).not.toContain('console_owner');
    expect(reports.map(cycleOf).join('\n')).not.toContain('console_owner');
  }, 120_000);
});
