// The options of `printkit explore`, as a table.

import { availableParallelism } from 'node:os';
import { PrintkitError } from '../errors.ts';
import type { Injection } from '../explore/machine-model.ts';
import type { StrategyName } from '../explore/random.ts';
import type { OptionEntry } from './help.ts';
import { parseCount } from './options.ts';
import { firmwareElf } from './paths.ts';

/** What commander gives, by the table below. */
export interface CommandOptions {
  readonly append: string;
  readonly smp: number;
  readonly preemptions: number;
  readonly irqs: number;
  readonly nmis: number;
  readonly time: number;
  readonly executions?: number;
  readonly samples: number;
  readonly seed: number;
  /** Each time that it was given, a list. */
  readonly strategy?: readonly (readonly Choice[])[];
  readonly steps: number;
  readonly memory: number;
  readonly jobs: number;
  readonly inject?: readonly (readonly Injection[])[];
  readonly check?: readonly (readonly Check[])[];
  readonly locks?: string;
  readonly lineScript?: string;
  readonly from: string;
  readonly until: string;
  readonly out?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly replay?: string;
  readonly progress?: boolean;
  readonly kernel: string;
}

export type Choice = StrategyName | 'systematic';

const CHOICES: Readonly<Record<Choice, true>> = {
  natural: true,
  disturbed: true,
  directed: true,
  'random walk': true,
  'pct 2': true,
  'pct 3': true,
  pos: true,
  'uniform walk': true,
  systematic: true,
};
const INJECTIONS: Readonly<Record<Injection, true>> = {
  'uart-rx': true,
  'uart-cts': true,
  'uart-dsr': true,
  'uart-break': true,
  nmi: true,
  timer: true,
};
/** What is looked at where an execution ends well. */
export type Check = 'messages' | 'verdict';
const CHECKS: Readonly<Record<Check, true>> = { messages: true, verdict: true };
const HARTS_MAX = 15;
const BOUND_MAX = 20;
const SEED_MAX = 2 ** 32 - 1;
const JOBS_MAX = 64;
const MEMORY_MAX = 65_536;

const dashed = (choice: string): string => choice.replaceAll(' ', '-');

const count =
  (min: number, max: number) =>
  (option: string, text: string): number =>
    parseCount(option, text, min, max);

/** Names of a table, with commas between; words are joined by dashes on the command line. */
const listOf = <Name extends string>(table: Readonly<Record<Name, true>>) => {
  const names = Object.keys(table) as Name[];
  const list = names.map(dashed).join(', ');
  const parse = (option: string, text: string): readonly Name[] =>
    text.split(',').map((word) => {
      const found = names.find((name) => dashed(name) === word.trim());
      if (found !== undefined) return found;
      throw new PrintkitError(`${option}: "${word}" is not one of ${list}`);
    });
  return { list, parse };
};
const choices = listOf(CHOICES);
const injections = listOf(INJECTIONS);
const checks = listOf(CHECKS);

/** With `--replay`, these come from the finding. */
export const REPLAYED: readonly (keyof CommandOptions)[] = [
  'append',
  'smp',
  'inject',
  'check',
  'lineScript',
  'locks',
  'from',
  'until',
  'out',
];

export const OPTIONS: readonly OptionEntry[] = [
  { flags: '--append <text>', help: "the kernel's command line", default: '' },
  { flags: '--smp <harts>', help: 'number of harts', parse: count(1, HARTS_MAX), default: 2 },
  {
    flags: '--preemptions <n>',
    help: 'most switches away from a hart that could go on',
    parse: count(0, BOUND_MAX),
    default: 2,
  },
  {
    flags: '--irqs <n>',
    help: 'most interrupts let in at a chosen moment',
    parse: count(0, BOUND_MAX),
    default: 1,
  },
  { flags: '--nmis <n>', help: 'most NMIs', parse: count(0, BOUND_MAX), default: 1 },
  { flags: '--time <s>', help: 'seconds to search', parse: count(1, 1e6), default: 60 },
  {
    flags: '--executions <n>',
    help: 'most executions of the systematic search (default: no limit)',
    parse: count(1, 1e9),
  },
  {
    flags: '--samples <n>',
    help: 'random executions before the systematic search',
    parse: count(0, 1e9),
    default: 50,
  },
  { flags: '--seed <n>', help: 'of the random executions', parse: count(0, SEED_MAX), default: 1 },
  {
    flags: '--strategy <name>',
    help: `only these, with commas between: ${choices.list}`,
    parse: choices.parse,
    repeats: true,
  },
  {
    flags: '--steps <n>',
    help: 'visible steps after which an execution is cut',
    parse: count(1, 1e7),
    default: 20_000,
  },
  {
    flags: '--memory <MiB>',
    help: 'for what the systematic search remembers',
    parse: count(1, MEMORY_MAX),
    default: 200,
  },
  {
    flags: '-j, --jobs <n>',
    help: 'worker threads; the results are the same',
    parse: count(1, JOBS_MAX),
    default: Math.min(availableParallelism(), JOBS_MAX),
    shown: 'one per processor',
  },
  {
    flags: '--inject <what>',
    help: `may come at any moment, with commas between: ${injections.list}`,
    parse: injections.parse,
    repeats: true,
  },
  {
    flags: '--line-script <file>',
    help: "what the far ends of the lines do, at moments of the search's choice",
  },
  {
    flags: '--check <what>',
    help: 'messages: each that was stored is on the wire once, whole and in order; verdict: the scenario says PASS of itself',
    parse: checks.parse,
    repeats: true,
  },
  { flags: '--from <symbol>', help: 'where the region begins', default: 'scenario_begin' },
  { flags: '--until <symbol>', help: 'where it ends', default: 'scenario_end' },
  {
    flags: '--locks <file>',
    help: "the guest's lock functions, as JSON: names and orders of locks",
  },
  { flags: '--out <file>', help: 'write the finding, for --replay' },
  {
    flags: '--html <file>',
    help: 'write the finding as a page with a timeline, or what was covered',
  },
  { flags: '--json', help: 'print JSON in place of the report' },
  { flags: '--replay <file>', help: 'repeat a finding; scenario, --append and so on come from it' },
  { flags: '--progress', help: 'say every second how far it is, even if nobody watches' },
  { flags: '--kernel <file>', help: 'another guest, an ELF file', default: firmwareElf() },
];
