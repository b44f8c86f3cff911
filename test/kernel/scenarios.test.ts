// The deadlock scenarios: with the far end's event each hangs in the documented locks by the documented
// chain of calls, and without it each passes.

import { beforeAll, describe, expect, it } from 'vitest';
import { pairNamed } from '../../src/compare/designs.ts';
import { Guests } from '../../src/compare/guests.ts';
import {
  runScenario,
  type ScenarioOptions,
  type ScenarioRun,
} from '../../src/compare/scenario-run.ts';
import { readElf } from '../../src/debug/elf.ts';
import { buildImage, Console, PROMPT } from '../firmware/console.ts';
import { expectWaits, type Wait } from './waits.ts';

/** Who prints, prints in the caller's context: the designs that the scenarios are about. */
const DESIGN = pairNamed('logbuf+direct');
const HANDOVER = pairNamed('lockless+handover');

/** Without flow control, with it, and with a defective UART; the first two for each design. */
const KEPT_GUESTS = 5;

let image: Uint8Array;
let guests: Guests;
beforeAll(async () => {
  image = await buildImage();
  guests = new Guests(readElf(image), KEPT_GUESTS);
}, 120_000);

const run = (name: string, options?: ScenarioOptions, design = DESIGN): ScenarioRun =>
  runScenario(guests, design, name, options);

interface Case {
  name: string;
  options: ScenarioOptions;
  /** The same without what provokes the deadlock; by default, without the line script. */
  without?: ScenarioOptions;
  /** `handover` cures it. */
  directOnly?: true;
  waits: Wait[];
}

const FLOW = 'console=ttyS0,115200n8r';
const CTS_RETURNS = 'uart0 scenario_ready cts off\nuart0 scenario_begin+1ms cts on';
const DSR_FALLS = 'uart0 scenario_begin+1ms dsr off';
const SYSRQ_H = 'uart0 scenario_begin+1ms break 2ms\nuart0 scenario_begin+5ms send "h"';

const X_COMES = 'uart0 scenario_begin+2ms send "x"';

const PRINTS = ['vprintk_emit', 'console_unlock', 'serial8250_console_write'];
const WAKES = ['wake_up_interruptible', 'try_to_wake_up', 'ttwu_queue', 'spin_lock'];
const IRQ = ['serial8250_interrupt', 'serial8250_handle_irq'];

const cases: Case[] = [
  {
    name: 'wakeup-rq',
    options: { bootargs: FLOW, script: CTS_RETURNS },
    waits: [
      // The interrupt for the transmitter that goes on.
      { hart: 0, lock: 'port_lock', owner: 1, chain: [...IRQ, 'spin_lock'] },
      {
        hart: 1,
        lock: 'rq->lock',
        owner: 1,
        chain: [
          'warn_under_rq_lock',
          ...PRINTS,
          'serial8250_modem_status',
          'uart_write_wakeup',
          'tty_wakeup',
          ...WAKES,
        ],
      },
    ],
  },
  {
    name: 'wakeup-miwait',
    options: { bootargs: FLOW, script: DSR_FALLS },
    waits: [
      {
        hart: 1,
        lock: 'rq->lock',
        owner: 1,
        chain: ['warn_under_rq_lock', ...PRINTS, 'serial8250_modem_status', ...WAKES],
      },
    ],
  },
  {
    name: 'wakeup-rq-abba',
    options: { script: DSR_FALLS },
    waits: [
      { hart: 0, lock: 'rq->lock', owner: 1, chain: [...IRQ, 'serial8250_modem_status', ...WAKES] },
      {
        hart: 1,
        lock: 'port_lock',
        owner: 0,
        chain: ['warn_under_rq_lock', ...PRINTS, 'spin_lock'],
      },
    ],
  },
  {
    name: 'sem-up',
    options: {},
    without: { args: 'alone' },
    waits: [
      {
        hart: 1,
        lock: 'p->pi_lock',
        owner: 1,
        chain: [
          'affinity_message',
          'vprintk_emit',
          'console_unlock',
          'up',
          'try_to_wake_up',
          'spin_lock',
        ],
      },
    ],
  },
  {
    name: 'sem-recursion',
    options: {},
    without: { args: 'affine' },
    directOnly: true,
    waits: [
      {
        hart: 0,
        lock: 'console_sem.lock',
        owner: 0,
        chain: [
          'console_unlock',
          'up',
          'try_to_wake_up',
          'select_task_rq',
          'vprintk_emit',
          'down_trylock',
          'spin_lock',
        ],
      },
    ],
  },
  {
    name: 'pool-lock',
    options: { script: 'uart0 scenario_begin+1ms send "x"' },
    waits: [
      {
        hart: 0,
        lock: 'pool->lock',
        owner: 1,
        chain: [...IRQ, 'schedule_work', 'queue_work_on', 'insert_work', 'spin_lock'],
      },
      {
        hart: 1,
        lock: 'port_lock',
        owner: 0,
        chain: ['show_workqueue_state', ...PRINTS, 'spin_lock'],
      },
    ],
  },
  {
    name: 'tty-port-lock',
    options: { script: CTS_RETURNS },
    waits: [
      {
        hart: 0,
        lock: 'tty_port_lock',
        owner: 1,
        chain: [...IRQ, 'uart_write_wakeup', 'tty_port_tty_get', 'spin_lock'],
      },
      {
        hart: 1,
        lock: 'port_lock',
        owner: 0,
        chain: ['failing_allocation', ...PRINTS, 'spin_lock'],
      },
    ],
  },
  {
    name: 'sysrq-irq',
    options: { script: SYSRQ_H },
    waits: [
      {
        hart: 0,
        lock: 'port_lock',
        owner: 0,
        chain: [...IRQ, 'serial8250_read_char', 'handle_sysrq', ...PRINTS, 'spin_lock'],
      },
    ],
  },
  {
    name: 'driver-warns',
    options: { script: CTS_RETURNS },
    waits: [
      {
        hart: 0,
        lock: 'port_lock',
        owner: 0,
        chain: [...IRQ, 'serial8250_modem_status', 'start_tx_with_warning', ...PRINTS, 'spin_lock'],
      },
    ],
  },
];

describe.each(cases)('$name', ({ name, options, without, directOnly, waits }) => {
  it.each(directOnly ? [DESIGN] : [DESIGN, HANDOVER])('hangs in its locks: $name', (design) => {
    const result = run(name, options, design);
    expect(result.begun).toBe(true);
    expect(result.ended).toBe(false);
    expectWaits(result.stuck, waits);
  });

  it('passes without what provokes it', () => {
    const { begun, ended, text } = run(name, without ?? { ...options, script: '' });
    expect({ begun, ended }).toEqual({ begun: true, ended: true });
    expect(text).toContain(`scenario ${name}: PASS\nrun: ${name}: passed\n`);
  });
});

describe('lost-thre', () => {
  /** Virtual ms: long enough for the backup timer, and for much more. */
  const regionMs = 10_000;

  it('nothing is ever sent again, though no hart hangs', () => {
    const options = { fault: 'lost-thre', script: X_COMES, args: 'bare', regionMs } as const;
    const { begun, stuck, text } = run('lost-thre', options);
    expect({ begun, stuck }).toEqual({ begun: true, stuck: [] });
    expect(text).not.toContain('scenario lost-thre:');
  });

  it('passes without the character', () => {
    const options = { fault: 'lost-thre', args: 'bare', regionMs } as const;
    expect(run('lost-thre', options).text).toContain('scenario lost-thre: PASS\n');
  });

  it('passes on a UART without the fault', () => {
    const { text } = run('lost-thre', { script: X_COMES, args: 'bare', regionMs });
    expect(text).toContain('lost-thre: 0 backup timeouts\nscenario lost-thre: PASS\n');
  });

  it('passes with the backup timer, which the driver knows that it needs', () => {
    const { text } = run('lost-thre', { fault: 'lost-thre', script: X_COMES, regionMs });
    expect(text).toMatch(/lost-thre: [1-9]\d* backup timeouts\nscenario lost-thre: PASS\n/);
    const console = new Console(image, { harts: 2, uarts: [{ fault: 'lost-thre' }] });
    console.waitFor(PROMPT);
    expect(console.text).toContain('ttyS0: using backup timer for lost transmit interrupts\n');
  });
});

describe('cures', () => {
  it('sysrq-irq passes when the key is captured, with the same line script, and the key works', () => {
    const { ended, text } = run('sysrq-irq', { script: SYSRQ_H, args: 'captured' });
    expect(ended).toBe(true);
    expect(text).toContain('sysrq: HELP :');
    expect(text).toContain('scenario sysrq-irq: PASS\n');
  });
});

describe('bad input', () => {
  it.each([
    ['wakeup-rq', { harts: 1 }, 'scenario: needs 2 CPUs'],
    ['wakeup-rq', {}, 'scenario: needs console=ttyS0,115200n8r'],
    ['nothing', {}, 'usage: run NAME'],
  ] as const)('%s %o says what it needs', (name, options, message) => {
    const { begun, text } = run(name, options);
    expect(begun).toBe(false);
    expect(text).toContain(message);
  });
});
