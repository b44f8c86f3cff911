// What the guest's kernel costs, in instructions as the machine counts them (test/kernel/costs.ts says
// from where to where): a switch of tasks, a wakeup, the tty path at 115200 baud in both directions;
// and a minute of stress on four harts, twice. The same on every host.

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import {
  BUSY_MIN,
  receiveCost,
  SHARE_MAX,
  stress,
  SWITCH_MAX,
  switchCosts,
  transmitCost,
  wakeupCosts,
  WAKEUP_MAX,
  type WireCost,
} from '../test/kernel/costs.ts';
import { FIRMWARE } from './processes.ts';
import type { Row } from './row.ts';

const STRESS_SECONDS = 60;

const percent = (share: number, digits: number): string => `${(share * 100).toFixed(digits)} %`;

function instructions(name: string, costs: readonly number[], limit: number): Row {
  const most = Math.max(...costs);
  return {
    name,
    value: `${most} instr.`,
    target: `< ${limit}`,
    pass: costs.length > 0 && most < limit,
    peer: `least ${Math.min(...costs)}, of ${costs.length}`,
  };
}

function wire(direction: string, { busy, share, characters }: WireCost): Row[] {
  return [
    {
      name: `115200 baud ${direction}: wire busy`,
      value: percent(busy, 2),
      target: `≥ ${percent(BUSY_MIN, 0)}`,
      pass: busy >= BUSY_MIN,
      peer: `${characters.toLocaleString('en-US')} characters`,
    },
    {
      name: `115200 baud ${direction}: share of a hart`,
      value: percent(share, 2),
      target: `< ${percent(SHARE_MAX, 0)}`,
      pass: share < SHARE_MAX,
      peer: 'at 100 million instructions a second',
    },
  ];
}

/** The highest count stands in a row: there is no noise in these. */
export function kernel(path = FIRMWARE): Row[] {
  const elf = readFileSync(path);
  const [first, second] = [stress(elf, STRESS_SECONDS), stress(elf, STRESS_SECONDS)];
  const quiet = first.output.endsWith('stress: ok\n') && !/watchdog: |INFO: task/.test(first.bytes);
  const same = isDeepStrictEqual(first, second);
  return [
    instructions('schedule(), thread to thread', switchCosts(elf), SWITCH_MAX),
    instructions('try_to_wake_up(), same CPU', wakeupCosts(elf), WAKEUP_MAX),
    ...wire('out', transmitCost(elf)),
    ...wire('in', receiveCost(elf)),
    {
      name: `stress, 4 harts, ${STRESS_SECONDS} s of virtual time`,
      value: quiet ? 'nothing lost' : 'FAILED',
      target: 'no watchdog',
      pass: quiet,
      peer: /\d+ rounds/.exec(first.output)?.[0] ?? first.output,
    },
    {
      name: 'stress, the same a second time',
      value: same ? 'identical' : 'different',
      target: 'identical',
      pass: same,
      peer: `${first.instret.reduce((sum, n) => sum + n).toLocaleString('en-US')} instructions`,
    },
  ];
}
