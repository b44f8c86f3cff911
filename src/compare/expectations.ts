// Which design survives which scenario: one table, for `printkit compare --scenarios` and for the tests.
// A scenario's entry says what brings it about, which lines must reach the wire, and what is expected,
// from the general to the particular.

import type { Uart8250Fault } from '../../devices/uart8250/index.ts';
import { EMITTERS, STORES } from './designs.ts';

/**
 * `hangs`: harts run in circles for ever. `stalls`: it goes on, but some CPU or task did not for far too
 * long. `loses`: it goes on, but a line that must be on the wire is not.
 */
export type Outcome = 'hangs' | 'stalls' | 'loses' | 'survives';

export type Store = (typeof STORES)[number];
export type Emitter = (typeof EMITTERS)[number];

/** The most particular entry counts: pair, then emitter, then store, then default. */
export interface Expectation {
  readonly default: Outcome;
  readonly store?: Readonly<Partial<Record<Store, Outcome>>>;
  readonly emit?: Readonly<Partial<Record<Emitter, Outcome>>>;
  readonly pair?: Readonly<Partial<Record<`${Store}+${Emitter}`, Outcome>>>;
  /** The preset that is proposed, if it does not survive. */
  readonly proposal?: Outcome;
}

export interface ScenarioCase {
  /** As it is called in tables; the guest's name of it, unless `run` says another. */
  readonly name: string;
  readonly run?: string;
  /** Arguments of the run command. */
  readonly args?: string;
  /** Classes of failure, by the numbers that the files in firmware/scenarios/ give. */
  readonly classes: readonly number[];
  readonly harts?: number;
  /** What the kernel command line says besides the design. */
  readonly bootargs?: string;
  /** A defect of the UART that it takes. */
  readonly fault?: Uart8250Fault;
  /** What the far end does: a line script. */
  readonly script?: string;
  /** Longer than it takes if it does not hang, virtual ms. */
  readonly regionMs?: number;
  /** It ends when the machine is reset, and has no verdict of its own. */
  readonly resets?: boolean;
  /** A CPU in it cannot be stopped: that it goes on, and that the panic says so, is no failure. */
  readonly unstoppable?: boolean;
  /** Texts that must be on the wire when it has ended. */
  readonly says?: readonly string[];
  /** On so many consoles, which share the wire: each text must be there so often, no more, no less. */
  readonly consoles?: number;
  readonly expected: Expectation;
}

/** The console's flow control, which makes console->write() look at the modem lines. */
const FLOW = 'console=ttyS0,115200n8r';
const CTS_RETURNS = 'uart0 scenario_ready cts off\nuart0 scenario_begin+1ms cts on';
const DSR_FALLS = 'uart0 scenario_begin+1ms dsr off';
/** Printing takes 8 ms; it may begin as late as the next tick, 10 ms. */
const X_COMES = [2, 6, 10, 14].map((ms) => `uart0 scenario_begin+${ms}ms send "x"`).join('\n');
const SYSRQ_H = 'uart0 scenario_begin+1ms break 2ms\nuart0 scenario_begin+5ms send "h"';

/** Who prints in the caller's context meets the caller's locks again. */
const DIRECT_HANGS: Expectation = {
  default: 'survives',
  emit: { direct: 'hangs', handover: 'hangs' },
};

/** In an NMI too, except where the store keeps the message aside. */
const NMI_DIRECT_HANGS: Expectation = {
  default: 'survives',
  emit: { direct: 'hangs' },
  pair: { 'safe+direct': 'survives' },
};

/** Whatever the design: its cure is in all of them, or they never had the failure. */
const SURVIVES: Expectation = { default: 'survives' };

const PANIC_RESETS = 'panic=-1';
const panicEnds = (scenario: string) =>
  `---[ end Kernel panic - not syncing: scenario ${scenario} ]---`;

/** Who prints in an NMI needs so long for two of them. */
const BACKTRACES_MS = 600;
const BACKTRACES_SAY = [0, 1].map((cpu) => `NMI backtrace for cpu ${cpu}\n`);

/** Longer than it is tried. */
const SUSPEND_MS = 500;

/** Whole lines. */
const TWO_CONSOLES_SAY = [0, 1].flatMap((cpu) =>
  [1, 2, 3, 4].map((n) => `two consoles: CPU ${cpu} says line ${n} of 4.\n`),
);

export const SCENARIO_CASES: readonly ScenarioCase[] = [
  {
    name: 'wakeup-rq',
    classes: [1],
    bootargs: FLOW,
    script: CTS_RETURNS,
    says: ['rq: warning'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'wakeup-miwait',
    classes: [1],
    bootargs: FLOW,
    script: DSR_FALLS,
    says: ['rq: warning'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'wakeup-rq-abba',
    classes: [1],
    script: DSR_FALLS,
    says: ['rq: warning'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'sem-up',
    classes: [2],
    says: ['no longer affine to cpu0'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'sem-recursion',
    classes: [3],
    says: ['no longer affine to cpu0'],
    // up(console_sem) is a printk_safe section: `handover` defers, and `safe` keeps the message aside.
    expected: {
      default: 'survives',
      emit: { direct: 'hangs' },
      pair: { 'safe+direct': 'survives' },
    },
  },
  {
    name: 'pool-lock',
    classes: [10],
    script: 'uart0 scenario_begin+1ms send "x"',
    says: ['pool 0: workers='],
    expected: DIRECT_HANGS,
  },
  {
    name: 'tty-port-lock',
    classes: [12],
    script: CTS_RETURNS,
    says: ['tty: page allocation failure'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'tty-port-owner',
    classes: [12],
    harts: 3,
    script: CTS_RETURNS,
    says: ['tty: page allocation failure', 'tty: somebody prints'],
    // Only where somebody waits for the console's owner.
    expected: { default: 'survives', emit: { handover: 'hangs' } },
  },
  {
    name: 'sysrq-irq',
    classes: [14],
    script: SYSRQ_H,
    says: ['sysrq: HELP :'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'driver-warns',
    classes: [15],
    script: CTS_RETURNS,
    says: ['ttyS0: transmitter not ready'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'lost-thre',
    args: 'bare',
    classes: [16],
    fault: 'lost-thre',
    script: X_COMES,
    regionMs: 1000,
    expected: { default: 'stalls' },
  },
  {
    name: 'nmi-writer',
    classes: [4],
    says: ['nmi: message 1'],
    expected: { default: 'survives', store: { logbuf: 'loses' } },
  },
  {
    name: 'nmi-reader',
    classes: [5],
    says: ['nmi: message 12'],
    expected: { default: 'survives', store: { logbuf: 'hangs' } },
  },
  {
    name: 'nmi-sem-lock',
    classes: [5],
    says: ['nmi: message 1'],
    expected: NMI_DIRECT_HANGS,
  },
  {
    name: 'nmi-port-lock',
    classes: [5],
    says: ['nmi: message 1'],
    expected: NMI_DIRECT_HANGS,
  },
  {
    name: 'nmi-backtrace',
    classes: [6],
    regionMs: BACKTRACES_MS,
    says: BACKTRACES_SAY,
    expected: { default: 'survives', store: { logbuf: 'hangs' } },
  },
  {
    name: 'nmi-logbuf',
    run: 'nmi-backtrace',
    classes: [6],
    bootargs: 'printk.nmi_logbuf',
    regionMs: BACKTRACES_MS,
    says: BACKTRACES_SAY,
    expected: { default: 'survives', store: { logbuf: 'hangs', safe: 'hangs' } },
  },
  {
    name: 'nmi-cpu-sync',
    classes: [22],
    regionMs: BACKTRACES_MS,
    says: ['stack_dumper', 'NMI backtrace for cpu 1'],
    // `handover` leaves what the owner of printk_cpu_sync says to an irq_work.
    expected: { default: 'survives', emit: { direct: 'hangs' } },
  },
  {
    name: 'tk-seq',
    classes: [7],
    says: ['timekeeping: adjusting mtime'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'klogd',
    classes: [8],
    regionMs: 300,
    says: ['klogd: rq warning'],
    expected: SURVIVES,
  },
  {
    name: 'slab-lock',
    classes: [13],
    script: CTS_RETURNS,
    says: ['bytes in use, free list damaged'],
    expected: DIRECT_HANGS,
  },
  {
    name: 'soft-lockup',
    classes: [17],
    harts: 3,
    bootargs: 'watchdog_thresh=1',
    regionMs: 8000,
    says: ['lockup: a long line'],
    // Who waits takes over: that is what `handover` is for.
    expected: { default: 'survives', emit: { direct: 'stalls', deferred: 'stalls' } },
  },
  {
    name: 'console-storm',
    classes: [18],
    harts: 3,
    bootargs: 'log_buf_len=4K',
    regionMs: 3000,
    expected: {
      default: 'survives',
      emit: { direct: 'stalls', handover: 'stalls', deferred: 'stalls' },
    },
  },
  {
    name: 'flow-stall',
    classes: [32],
    harts: 3,
    bootargs: FLOW,
    script: 'uart0 scenario_ready cts off\nuart0 scenario_begin+60ms cts on',
    regionMs: 200,
    says: ['flow: one line'],
    expected: {
      default: 'survives',
      emit: { direct: 'stalls', handover: 'stalls', deferred: 'stalls' },
    },
  },
  {
    name: 'panic-waiter',
    classes: [19, 28],
    harts: 3,
    bootargs: PANIC_RESETS,
    resets: true,
    regionMs: 1000,
    says: [panicEnds('panic-waiter')],
    expected: SURVIVES,
  },
  {
    name: 'panic-port-lock',
    classes: [20],
    bootargs: PANIC_RESETS,
    resets: true,
    regionMs: 1000,
    says: [panicEnds('panic-port-lock')],
    expected: SURVIVES,
  },
  {
    name: 'panic-sem-lock',
    classes: [20],
    bootargs: PANIC_RESETS,
    resets: true,
    regionMs: 1000,
    says: [panicEnds('panic-sem-lock')],
    // All that ask for console_sem, if only with a trylock.
    expected: { default: 'hangs', emit: { nbcon: 'survives' } },
  },
  {
    name: 'panic-flood',
    classes: [21],
    bootargs: `${PANIC_RESETS} log_buf_len=4K`,
    resets: true,
    regionMs: 2500,
    unstoppable: true,
    says: [panicEnds('panic-flood')],
    // As Linux before 5.18 had it. `safe` keeps the flood aside, and only so much of it.
    expected: {
      default: 'survives',
      emit: { direct: 'stalls', deferred: 'stalls' },
      pair: { 'safe+direct': 'survives', 'safe+deferred': 'loses' },
    },
  },
  {
    name: 'panic-cpu-sync',
    classes: [22],
    bootargs: PANIC_RESETS,
    resets: true,
    regionMs: 1000,
    says: ['panic: CPU 1 has gone', panicEnds('panic-cpu-sync')],
    expected: SURVIVES,
  },
  {
    name: 'panic-writer',
    classes: [23],
    bootargs: PANIC_RESETS,
    resets: true,
    regionMs: 1000,
    says: ['panic: CPU 1 has gone', panicEnds('panic-writer')],
    expected: { default: 'survives', store: { logbuf: 'hangs', safe: 'hangs' } },
  },
  {
    name: 'panic-backlog',
    classes: [23],
    bootargs: PANIC_RESETS,
    resets: true,
    regionMs: 1000,
    says: ['backlog 1 of 20', 'backlog 20 of 20', panicEnds('panic-backlog')],
    expected: SURVIVES,
  },
  {
    name: 'panic-nmi',
    classes: [23],
    bootargs: PANIC_RESETS,
    resets: true,
    regionMs: 1000,
    says: ['panic: from an NMI', panicEnds('panic-nmi')],
    expected: SURVIVES,
  },
  {
    name: 'reset-irqs-off',
    classes: [23],
    resets: true,
    says: ['reset: last words'],
    expected: { default: 'loses', emit: { direct: 'survives', handover: 'survives' } },
  },
  {
    name: 'reset-no-schedule',
    classes: [23],
    resets: true,
    says: ['reset: last words'],
    expected: { default: 'survives', emit: { kthread: 'loses', nbcon: 'loses' } },
  },
  {
    name: 'reset-nmi',
    classes: [23],
    resets: true,
    says: ['reset: last words'],
    // In an NMI: `handover` defers, and `safe` keeps the message aside.
    expected: {
      default: 'loses',
      emit: { direct: 'survives' },
      pair: { 'safe+direct': 'loses' },
    },
  },
  {
    name: 'ring-stall',
    classes: [24],
    bootargs: 'log_buf_len=2K',
    regionMs: 600,
    says: ['stall: message 24 '],
    expected: { default: 'survives', store: { lockless: 'loses' } },
  },
  {
    name: 'emergency-storm',
    classes: [25],
    harts: 3,
    regionMs: 400,
    says: ['report: line 1 of 10', 'report: line 10 of 10', 'logger: line 10 of 10'],
    expected: SURVIVES,
  },
  {
    name: 'emergency-port-lock',
    classes: [26],
    harts: 3,
    regionMs: 400,
    says: ['backlog: line 20 of 20', 'report: line 10 of 10'],
    expected: SURVIVES,
  },
  {
    name: 'emergency-owner',
    classes: [26],
    regionMs: 300,
    says: ['report: the port is taken'],
    expected: SURVIVES,
  },
  {
    name: 'emergency-irq',
    classes: [27],
    script: 'uart0 scenario_begin+1ms send "abcdefghijklmnopqrstuvwxyz"',
    regionMs: 300,
    says: ['report: line 10 of 10'],
    expected: SURVIVES,
  },
  {
    name: 'suspend',
    classes: [29],
    regionMs: SUSPEND_MS,
    says: ['PM: suspend exit'],
    expected: SURVIVES,
  },
  {
    name: 'suspend-irqwork',
    run: 'suspend',
    classes: [29],
    bootargs: 'printk.suspend_irqwork',
    regionMs: SUSPEND_MS,
    // Who prints is woken, or called, by an irq_work.
    expected: {
      default: 'survives',
      emit: { deferred: 'stalls', kthread: 'stalls', nbcon: 'stalls' },
    },
  },
  {
    name: 'two-consoles',
    classes: [31],
    bootargs: 'keep_bootcon',
    regionMs: 300,
    consoles: 2,
    says: TWO_CONSOLES_SAY,
    expected: SURVIVES,
  },
  {
    name: 'two-threads',
    run: 'two-consoles',
    classes: [31],
    bootargs: 'keep_bootcon printk.console_threads',
    regionMs: 300,
    consoles: 2,
    says: TWO_CONSOLES_SAY,
    // The only one that has threads while there is a boot console.
    expected: { default: 'survives', emit: { kthread: 'loses' } },
  },
];

/** The preset that is proposed to survive where it can be survived. */
export const PROPOSAL = 'printkit';

/** What a pair does in a scenario, as the table has it. */
export function expectedOutcome({ expected }: ScenarioCase, store: Store, emit: Emitter): Outcome {
  return (
    expected.pair?.[`${store}+${emit}`] ??
    expected.emit?.[emit] ??
    expected.store?.[store] ??
    expected.default
  );
}
