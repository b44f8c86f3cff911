// The catalogue under the explorer: what is said to hang is found in the first executions, by the
// documented chain of calls, and the finding replays; the same scenario under its cure has no finding in
// as many executions and more. What the far end does comes from the catalogue's line scripts.

import { beforeAll, describe, expect, it } from 'vitest';
import { pairNamed } from '../../src/compare/designs.ts';
import { scenarioCase } from '../../src/compare/scenario-case.ts';
import { type ElfFile, readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { unwind } from '../../src/debug/unwind.ts';
import { placesOf } from '../../src/explore/finding-file.ts';
import { isFine } from '../../src/explore/search.ts';
import type { AgentId } from '../../src/explore/model.ts';
import { PORTFOLIO, randomSearch, type RandomlyExplored } from '../../src/explore/random.ts';
import { record, replayRecording } from '../../src/explore/recording.ts';
import { type Region, regionAt, type RegionOptions, startOf } from '../../src/explore/region.ts';
import { settled } from '../../src/explore/settle.ts';
import { tell } from '../../src/explore/story.ts';
import { buildImage } from '../firmware/console.ts';

/** Executions in which a deadlock has to be found, and in which the cure must not have one. */
const FOUND_WITHIN = 3;
const CURED_FOR = 3;
const STEPS_MAX = 20_000;
const PROGRAM = 'the firmware';

let elf: ElfFile;
let symbolizer: Symbolizer;
beforeAll(async () => {
  elf = readElf(await buildImage());
  symbolizer = new Symbolizer(elf);
}, 120_000);

/** A hart that waits for ever. */
interface Stuck {
  readonly hart: number;
  /** What it waits for, if that has a name, and the context that holds it. */
  readonly lock?: string;
  readonly holder?: string;
  /** Calls, outermost first, that stand in its trace in this order. */
  readonly chain: readonly string[];
}

interface Case {
  readonly name: string;
  readonly design?: string;
  /** In place of what the catalogue has. */
  readonly options?: Partial<RegionOptions>;
  readonly ending: RegExp;
  readonly stuck: readonly Stuck[];
  /** The design, or what else is different, without which it does not hang. */
  readonly cure?: string;
  readonly cured?: Partial<RegionOptions>;
}

const PRINTS = ['vprintk_emit', 'console_unlock', 'serial8250_console_write'];
const IRQ = ['serial8250_interrupt', 'serial8250_handle_irq'];
const WAKES = ['try_to_wake_up', 'ttwu_queue', 'spin_lock'];
const LOCKUP = /soft lockup/;
const DEADLOCK = /^deadlock$/;

const cases: readonly Case[] = [
  {
    // Class 1: an event of the line lets console->write() wake a task.
    name: 'wakeup-rq',
    ending: DEADLOCK,
    stuck: [
      { hart: 0, lock: 'port_lock', holder: 'hart 1 task', chain: [...IRQ, 'spin_lock'] },
      {
        hart: 1,
        lock: 'rq->lock',
        holder: 'hart 1 task',
        chain: [...PRINTS, 'uart_write_wakeup', ...WAKES],
      },
    ],
  },
  {
    // Class 1, two harts: AB-BA with the interrupt that a change of DSR brings.
    name: 'wakeup-rq-abba',
    cure: 'lockless+nbcon',
    ending: DEADLOCK,
    stuck: [
      { hart: 0, lock: 'rq->lock', holder: 'hart 1 task', chain: [...IRQ, ...WAKES] },
      { hart: 1, lock: 'port_lock', holder: 'hart 0 irq', chain: [...PRINTS, 'spin_lock'] },
    ],
  },
  {
    name: 'sem-up',
    cure: 'lockless+nbcon',
    ending: LOCKUP,
    stuck: [
      {
        hart: 1,
        lock: 'p->pi_lock',
        holder: 'hart 1 task',
        chain: ['vprintk_emit', 'console_unlock', 'up', 'try_to_wake_up', 'spin_lock'],
      },
    ],
  },
  {
    // Class 3, one hart with itself.
    name: 'sem-recursion',
    options: { scenario: 'sem-recursion' },
    ending: LOCKUP,
    stuck: [
      {
        hart: 0,
        lock: 'console_sem.lock',
        holder: 'hart 0 task',
        chain: ['console_unlock', 'up', 'select_task_rq', 'vprintk_emit', 'down_trylock'],
      },
    ],
    cure: 'logbuf+direct',
    cured: { scenario: 'sem-recursion affine' },
  },
  {
    // Class 5: the NMI.
    name: 'nmi-port-lock',
    cure: 'lockless+nbcon',
    ending: LOCKUP,
    stuck: [
      {
        hart: 1,
        lock: 'port_lock',
        holder: 'hart 1 task',
        chain: ['do_nmi', ...PRINTS, 'spin_lock'],
      },
    ],
  },
  {
    // Class 7: no lock, a sequence count that stays odd.
    name: 'tk-seq',
    ending: DEADLOCK,
    stuck: [
      { hart: 0, chain: ['ktime_get_ns'] },
      { hart: 1, chain: ['vprintk_emit', 'up', 'try_to_wake_up', 'ktime_get_ns'] },
    ],
  },
  {
    // Class 10: AB-BA through the receive interrupt.
    name: 'pool-lock',
    cure: 'lockless+nbcon',
    ending: DEADLOCK,
    stuck: [
      { hart: 0, lock: 'pool->lock', holder: 'hart 1 task', chain: [...IRQ, 'insert_work'] },
      { hart: 1, lock: 'port_lock', holder: 'hart 0 irq', chain: [...PRINTS, 'spin_lock'] },
    ],
  },
  {
    // Class 14: BREAK and a key, one after the other.
    name: 'sysrq-irq',
    ending: LOCKUP,
    stuck: [
      { hart: 0, lock: 'port_lock', holder: 'hart 0 irq', chain: [...IRQ, ...PRINTS, 'spin_lock'] },
    ],
  },
  {
    // Class 16: output lost, and nobody spins.
    name: 'lost-thre',
    options: {
      scenario: 'lost-thre bare',
      script: 'uart0 scenario_begin+2ms send "x"',
      fault: 'lost-thre',
    },
    ending: /stall/,
    stuck: [],
    cure: 'logbuf+direct',
    cured: {
      scenario: 'lost-thre',
      script: 'uart0 scenario_begin+2ms send "x"',
      fault: 'lost-thre',
    },
  },
  {
    // Class 23: a CPU is stopped with the log's lock in its hands.
    name: 'panic-writer',
    cure: 'lockless+nbcon',
    ending: DEADLOCK,
    stuck: [
      { hart: 0, lock: 'logbuf_lock', holder: 'hart 1 task', chain: ['vprintk_emit', 'spin_lock'] },
    ],
  },
];

/** A scenario of the catalogue, or one that only `options` describe. */
function regionOf(design: string, name: string, options: Partial<RegionOptions>): RegionOptions {
  const { bootargs } = pairNamed(design);
  const base = { inject: [], from: 'scenario_begin', until: 'scenario_end', harts: 2 };
  if (options.scenario !== undefined) return { ...base, bootargs, ...options };
  const { run = name, bootargs: own = '', script = '', ...rest } = scenarioCase(name);
  const { harts = 2, resets = false } = rest;
  const region = { ...base, harts, scenario: run, script, resets };
  return { ...region, bootargs: `${bootargs} ${own}`.trim(), ...options };
}

/** The last execution that counts: the first bad one, or the last one. */
function search({ model }: Region, executions: number): RandomlyExplored | undefined {
  const options = { seed: 1, executions, strategies: PORTFOLIO, stepsMax: STEPS_MAX };
  const bounds = { irqs: 1, nmis: 1 };
  let last: RandomlyExplored | undefined;
  const all = settled(
    model,
    () =>
      randomSearch(model, {
        ...options,
        bounds,
        stop: () => last !== undefined && !isFine(last.ending),
      }),
    () => (last = undefined),
  );
  for (const explored of all) last = explored as RandomlyExplored;
  return last;
}

/** Where an execution ends: the harts that wait. The model has to be at its start, and is there afterwards. */
function stuckIn({ machine, model }: Region, schedule: readonly AgentId[]): Stuck[] {
  const { ends } = tell(machine, model, symbolizer, schedule);
  for (const agent of schedule) model.step(agent);
  const stuck = ends
    .filter(({ state }) => state === 'waits')
    .map(({ hart, for: waitedFor }) => ({
      hart,
      ...(waitedFor?.kind === 'lock'
        ? { lock: waitedFor.name, holder: waitedFor.holder ?? '' }
        : {}),
      chain: unwind(machine.harts[hart], machine, symbolizer)
        .map(({ site }) => symbolizer.lookup(site)?.name ?? '?')
        .reverse(),
    }));
  model.restart();
  return stuck;
}

describe.each(cases)('$name', ({ name, design = 'logbuf+direct', options = {}, ...expected }) => {
  it('is found in the first executions, by the documented chain, and replays', () => {
    const start = startOf(elf, symbolizer, regionOf(design, name, options));
    const region = regionAt(start);
    const found = search(region, FOUND_WITHIN);
    const { ending, schedule } = found ?? { ending: undefined, schedule: [] };
    expect(ending?.kind === 'failed' ? ending.reason : ending?.kind).toMatch(expected.ending);

    region.model.frozen = true;
    const stuck = stuckIn(region, schedule);
    expect(stuck.map(({ hart }) => hart)).toEqual(expected.stuck.map(({ hart }) => hart));
    for (const [i, { chain, ...wait }] of expected.stuck.entries()) {
      const { chain: calls, ...actual } = stuck[i];
      expect(actual).toEqual(wait);
      expect(calls.filter((call) => chain.includes(call))).toEqual(chain);
    }

    const places = placesOf(symbolizer);
    for (const agent of schedule) region.model.step(agent);
    const recording = record(region.model, PROGRAM, places);
    const { model } = regionAt(start);
    expect(replayRecording(model, recording, PROGRAM, places)).toEqual({
      exact: true,
      fits: true,
      deviations: [],
    });
    expect(model.ending() ?? { kind: 'deadlock' }).toMatchObject({ kind: ending?.kind });
  });
});

const curedCases = cases.filter(({ cure }) => cure !== undefined);
describe.each(curedCases)('$name with $cure', ({ name, cure = '', cured, options = {} }) => {
  it('ends well', () => {
    const start = startOf(elf, symbolizer, regionOf(cure, name, cured ?? options));
    const last = search(regionAt(start), CURED_FOR);
    expect(last).toMatchObject({ number: CURED_FOR - 1, ending: { kind: 'done' } });
  });
});
