// Scenarios that need a choice of printk: what becomes of each under designs that fail and under designs
// that are said to cure it, as src/compare/expectations.ts has it. Of all designs that should do the same,
// a case tries one; a few cases in a row try the same ones, as they can share a boot, the next few others.
// `printkit compare --scenarios` tries all. That those of class 1 to 15 which the far end provokes hang is for test/kernel/scenarios.test.ts.

import { beforeAll, describe, expect, it } from 'vitest';
import { type Design, PAIRS, pairNamed, presetNamed } from '../../src/compare/designs.ts';
import {
  type Outcome,
  PROPOSAL,
  SCENARIO_CASES,
  type ScenarioCase,
} from '../../src/compare/expectations.ts';
import { Guests } from '../../src/compare/guests.ts';
import { runCase, type ScenarioResult } from '../../src/compare/scenario-case.ts';
import { runScenario } from '../../src/compare/scenario-run.ts';
import { expectationOf } from '../../src/compare/scenario-table.ts';
import { readElf } from '../../src/debug/elf.ts';
import { buildImage } from '../firmware/console.ts';
import { expectWaits, type Wait } from '../kernel/waits.ts';

/** Each of them holds the memory of its machine. */
const KEPT_GUESTS = 24;

let guests: Guests;
beforeAll(async () => {
  guests = new Guests(readElf(await buildImage()), KEPT_GUESTS);
}, 120_000);

const results = new Map<string, ScenarioResult>();
/** Runs each combination once. */
function run(name: string, design: Design): ScenarioResult {
  const key = `${name} ${design.name}`;
  const result = results.get(key) ?? runCase(guests, design, name);
  results.set(key, result);
  return result;
}

const NMI = ['nmi_entry', 'do_nmi', 'nmi_message', 'vprintk_emit'];

/** CPU 0 shows a backtrace in an NMI; CPU 1 was printing, and is to show one as well. */
const BACKTRACES: readonly Wait[] = [
  {
    hart: 0,
    lock: 'logbuf_lock',
    owner: 1,
    chain: ['nmi_backtraced', 'nmi_entry', 'do_nmi', 'vprintk_emit', 'logbuf_begin', 'spin_lock'],
  },
  {
    hart: 1,
    lock: 'printk_cpu_sync',
    owner: 0,
    chain: ['writer_backtraced', 'nmi_entry', 'do_nmi', 'printk_cpu_sync_wait'],
  },
];

/** Which lock, who has it, by which calls; the class of each is in docs/scenarios.md. */
const CHAINS: readonly (readonly [string, string, readonly Wait[]])[] = [
  [
    'nmi-reader',
    'logbuf+direct',
    [
      { hart: 0, chain: ['nmi_sender'] },
      { hart: 1, lock: 'logbuf_lock', owner: 1, chain: [...NMI, 'vprintk_store', 'spin_lock'] },
    ],
  ],
  [
    'nmi-sem-lock',
    'lockless+direct',
    [
      {
        hart: 1,
        lock: 'console_sem.lock',
        owner: 1,
        chain: ['sem_lock_holder', ...NMI, 'console_trylock', 'down_trylock', 'spin_lock'],
      },
    ],
  ],
  [
    'nmi-port-lock',
    'percpu+direct',
    [
      {
        hart: 1,
        lock: 'port_lock',
        owner: 1,
        chain: ['port_lock_holder', ...NMI, 'serial8250_console_write', 'spin_lock'],
      },
    ],
  ],
  ['nmi-backtrace', 'logbuf+kthread', BACKTRACES],
  ['nmi-logbuf', 'safe+nbcon', BACKTRACES],
  [
    'nmi-cpu-sync',
    'safe+direct',
    [
      {
        hart: 0,
        lock: 'port_lock',
        owner: 1,
        chain: [
          'stack_dumper',
          'dump_stack',
          'vprintk_emit',
          'serial8250_console_write',
          'spin_lock',
        ],
      },
      {
        hart: 1,
        lock: 'printk_cpu_sync',
        owner: 0,
        chain: ['port_lock_backtraced', 'nmi_entry', 'do_nmi', 'printk_cpu_sync_wait'],
      },
    ],
  ],
  [
    'tk-seq',
    'lockless+handover',
    [
      // The idle task wants to know how long it slept.
      { hart: 0, chain: ['cpu_startup_entry', 'ktime_get_ns'] },
      {
        hart: 1,
        chain: [
          'timekeeping_adjust',
          'vprintk_emit',
          'console_unlock',
          'up',
          'try_to_wake_up',
          'ktime_get_ns',
        ],
      },
    ],
  ],
  [
    'tty-port-owner',
    'lockless+handover',
    [
      {
        hart: 0,
        lock: 'tty_port_lock',
        owner: 1,
        chain: ['serial8250_interrupt', 'uart_write_wakeup', 'tty_port_tty_get', 'spin_lock'],
      },
      // Not for a lock: for console_waiter.
      { hart: 1, chain: ['failing_allocation', 'vprintk_emit', 'handover_stored'] },
      {
        hart: 2,
        lock: 'port_lock',
        owner: 0,
        chain: ['becomes_owner', 'vprintk_emit', 'serial8250_console_write', 'spin_lock'],
      },
    ],
  ],
  [
    'slab-lock',
    'logbuf+direct',
    [
      {
        hart: 0,
        lock: 'slab_lock',
        owner: 1,
        chain: ['serial8250_interrupt', 'start_tx_with_descriptor', 'kmalloc', 'spin_lock'],
      },
      {
        hart: 1,
        lock: 'port_lock',
        owner: 0,
        chain: ['slab_check', 'vprintk_emit', 'serial8250_console_write', 'spin_lock'],
      },
    ],
  ],
  [
    'panic-sem-lock',
    'lockless+kthread',
    [
      {
        hart: 0,
        lock: 'console_sem.lock',
        owner: 1,
        chain: ['panic', 'kthread_flush_on_panic', 'console_trylock', 'down_trylock', 'spin_lock'],
      },
    ],
  ],
  [
    'panic-writer',
    'safe+nbcon',
    [
      {
        hart: 0,
        lock: 'logbuf_lock',
        owner: 1,
        chain: ['survivor', 'vprintk_emit', 'safe_begin', 'logbuf_begin', 'spin_lock'],
      },
    ],
  ],
];

/** So many cases in a row prefer the same pairs. */
const CASES_A_TURN = 6;

/** One pair for each outcome that the table has for a case; of those that hang, one of CHAINS. */
function representatives(scenario: ScenarioCase, index: number): Design[] {
  const first = (Math.floor(index / CASES_A_TURN) * 7) % PAIRS.length;
  const chosen = new Map<Outcome, Design>();
  for (const pair of [...PAIRS.slice(first), ...PAIRS.slice(0, first)]) {
    const outcome = expectationOf({ design: pair.name, scenario: scenario.name });
    if (outcome === undefined) throw new Error(`${pair.name} is not in the table`);
    if (!chosen.has(outcome)) chosen.set(outcome, pair);
  }
  const documented = CHAINS.find(([name]) => name === scenario.name);
  if (documented === undefined) chosen.delete('hangs');
  else chosen.set('hangs', pairNamed(documented[1]));
  return [...chosen.values()];
}

describe('the table', () => {
  const rows = SCENARIO_CASES.flatMap((scenario, index) =>
    representatives(scenario, index).map((design) => ({ name: scenario.name, design })),
  );
  it.each(rows)('$name under $design.name', ({ name, design }) => {
    const result = run(name, design);
    expect({ ...result, stuck: [], text: '' }).toMatchObject({
      outcome: expectationOf(result),
    });
  });
});

describe('the proposal', () => {
  it('is expected to survive everything', () => {
    expect(SCENARIO_CASES.filter(({ expected }) => expected.proposal !== undefined)).toEqual([]);
  });

  const hard = SCENARIO_CASES.filter(({ expected: { emit, store } }) => emit ?? store);
  it.each(hard)('in $name', ({ name, expected }) => {
    expect(run(name, presetNamed(PROPOSAL)).outcome).toBe(expected.proposal ?? 'survives');
  });
});

describe('a hang is the documented one', () => {
  it.each(CHAINS)('%s under %s', (name, pair, waits) => {
    const { outcome, stuck } = run(name, pairNamed(pair));
    expect(outcome).toBe('hangs');
    expectWaits(stuck, waits);
  });

  it('stands in the table for each of these pairs', () => {
    for (const [name, pair] of CHAINS) {
      expect(expectationOf({ design: pair, scenario: name })).toBe('hangs');
    }
  });
});

describe('panic-cpu-sync', () => {
  it('hangs if the CPU that panics waits for a trace that another one does not end', () => {
    const { begun, ended, stuck } = runScenario(
      guests,
      pairNamed('lockless+nbcon'),
      'panic-cpu-sync',
      { bootargs: 'panic=-1 printk.panic_cpu_sync', regionMs: 1000 },
    );
    expect({ begun, ended }).toEqual({ begun: true, ended: false });
    expectWaits(stuck, [
      {
        hart: 0,
        lock: 'printk_cpu_sync',
        owner: 1,
        chain: ['survivor', 'panic', 'dump_stack', 'printk_cpu_sync_wait'],
      },
    ]);
  });
});

it('percpu prints later what an NMI could not read, as it came upon the one reader', () => {
  const { text } = run('nmi-reader', pairNamed('percpu+direct'));
  for (let n = 1; n <= 12; n++) expect(text).toContain(`nmi: message ${n}\n`);
});

describe('what a design says when it fails', () => {
  it('logbuf takes an NMI inside printk() for recursion', () => {
    const { text } = run('nmi-writer', pairNamed('logbuf+deferred'));
    expect(text).not.toContain('nmi: message 1');
  });

  it('the watchdogs see who prints what others log', () => {
    expect(run('soft-lockup', pairNamed('percpu+direct')).text).toMatch(
      /watchdog: BUG: soft lockup - CPU#1 stuck for \d+s! \[caller:/,
    );
    expect(run('soft-lockup', pairNamed('percpu+deferred')).text).toContain(
      'Watchdog detected hard LOCKUP on cpu 1',
    );
  });

  it.each([
    ['console-storm', 'safe+handover', /^scenario: console_lock\(\) took \d+ ms$/m],
    ['flow-stall', 'lockless+deferred', /^scenario: 20 ms of work with a printk\(\) took \d+ ms$/m],
  ])('%s under %s: who waited, and how long', (name, pair, line) => {
    expect(run(name, pairNamed(pair)).text).toMatch(line);
  });

  it('a panic that a CPU floods prints the flood, and does not come to its end', () => {
    const { text } = run('panic-flood', pairNamed('lockless+direct'));
    expect(text).toMatch(/flood \d+\n\*\* \d+ printk messages dropped \*\*\nflood \d+\n[^]*$/);
    expect(text).not.toContain('end Kernel panic');
  });

  it('with a thread for each console, lines are torn', () => {
    const { text } = run('two-threads', pairNamed('lockless+kthread'));
    const whole = /^two consoles: CPU \d says line \d of 4\.$/;
    const lines = text.split('\n').filter((line) => line.includes('two consoles'));
    expect(lines.filter((line) => !whole.test(line)).length).toBeGreaterThan(0);
  });

  it('a full ring tells how many messages it had no room for', () => {
    expect(run('ring-stall', pairNamed('lockless+direct')).text).toMatch(
      /\*\* \d+ printk messages lost \*\*/,
    );
  });
});
