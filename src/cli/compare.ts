// `printkit compare`: boots every design of printk, runs the same workload on each, and shows what it
// costs, what it loses and where it hangs.

import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import type { Design } from '../compare/designs.ts';
import type { Job, JobResult } from '../compare/job.ts';
import { PrintkitError } from '../errors.ts';
import { addOptions, type OptionEntry } from './help.ts';
import { parseCount } from './options.ts';
import { firmwareElf } from './paths.ts';
import { print } from './print.ts';

interface CompareOptions {
  readonly pair?: readonly string[];
  readonly preset?: readonly string[];
  readonly scenarios?: boolean;
  readonly scenario?: readonly string[];
  readonly explore?: boolean;
  readonly seconds: number;
  readonly preemptions: number;
  readonly irqs: number;
  readonly nmis: number;
  readonly json?: boolean;
  readonly html?: string;
  readonly jobs: number;
  readonly elf: string;
}

const JOBS_MAX = 64;
const SECONDS_MAX = 1e6;
const BOUND_MAX = 20;
/** What explorations take besides: boot, making a finding smaller. */
const OVERHEAD_SECONDS = 12;

const OPTIONS: readonly OptionEntry[] = [
  {
    flags: '--pair <store+emit>',
    help: 'only this pair (may be given several times)',
    repeats: true,
  },
  {
    flags: '--preset <name>',
    help: 'only this preset (may be given several times)',
    repeats: true,
  },
  {
    flags: '--scenarios',
    help: 'run the deadlock scenarios on each in place of the workload',
    conflicts: 'html',
  },
  {
    flags: '--scenario <name>',
    help: 'only this scenario (may be given several times)',
    repeats: true,
  },
  {
    flags: '--explore',
    help: 'explore the schedules of the scenarios on each (see `explore`)',
    conflicts: 'scenarios',
  },
  {
    flags: '--seconds <n>',
    help: 'with --explore: for each design in each scenario',
    parse: (option, text) => parseCount(option, text, 1, SECONDS_MAX),
    default: 5,
  },
  ...(
    [
      ['preemptions', 2],
      ['irqs', 1],
      ['nmis', 1],
    ] as const
  ).map(([what, most]) => ({
    flags: `--${what} <n>`,
    help: `with --explore: most ${what} of a schedule`,
    parse: (option: string, text: string) => parseCount(option, text, 0, BOUND_MAX),
    default: most,
  })),
  { flags: '--json', help: 'print JSON in place of the table' },
  { flags: '--html <file>', help: 'also write a page with charts' },
  {
    flags: '-j, --jobs <n>',
    help: 'how many designs are run at the same time; the results are the same',
    parse: (option, text) => parseCount(option, text, 1, JOBS_MAX),
    default: Math.min(availableParallelism(), JOBS_MAX),
    shown: 'one per processor',
  },
  { flags: '--elf <file>', help: 'another firmware', default: firmwareElf() },
];

export function compareCommand(): Command {
  const command = new Command('compare').description(
    'measure every design of printk under the same workload',
  );
  return addOptions(command, OPTIONS).action(async (options: CompareOptions) => {
    const designs = await wantedDesigns(options);
    if (options.explore === true) await compareSchedules(options, designs);
    else if (onScenarios(options)) await compareScenarios(options, designs);
    else await compareWorkload(options, designs);
  });
}

const onScenarios = ({ scenarios, scenario, explore }: CompareOptions): boolean =>
  scenarios === true || scenario !== undefined || explore === true;

/** What --pair and --preset name; without them, all there are. */
async function wantedDesigns(options: CompareOptions): Promise<Design[]> {
  const { PAIRS, PRESET_DESIGNS, pairNamed, presetNamed } = await import('../compare/designs.ts');
  const wanted = [
    ...(options.pair ?? []).map(pairNamed),
    ...(options.preset ?? []).map(presetNamed),
  ];
  if (wanted.length > 0) return wanted;
  const { PROPOSAL } = await import('../compare/expectations.ts');
  // The other presets do in a scenario what their pairs do.
  return onScenarios(options) ? [...PAIRS, presetNamed(PROPOSAL)] : [...PAIRS, ...PRESET_DESIGNS];
}

async function compareWorkload(options: CompareOptions, designs: readonly Design[]): Promise<void> {
  const { comparisonTable } = await import('../compare/table.ts');
  const page = options.html === undefined ? undefined : openPage(options.html);
  const jobs = designs.map((design) => ({ kind: 'workload', design }) as const);
  const results = await doAll(options, jobs);
  await show(options, results, comparisonTable(results, terminalWidth()));
  if (page !== undefined) {
    const { comparisonPage } = await import('../compare/html.ts');
    writePage(page, comparisonPage(results));
  }
}

async function compareSchedules(
  options: CompareOptions,
  designs: readonly Design[],
): Promise<void> {
  const { SCENARIO_CASES } = await import('../compare/expectations.ts');
  const { scenarioCase } = await import('../compare/scenario-case.ts');
  const { exploreAll, questionsOf } = await import('../compare/explore-run.ts');
  const { explorePage, exploreTable } = await import('../compare/explore-table.ts');
  const page = options.html === undefined ? undefined : openPage(options.html);
  const cases = options.scenario?.map(scenarioCase) ?? SCENARIO_CASES;
  const { elf, seconds, jobs, preemptions, irqs, nmis } = options;
  const total = designs.length * cases.length;
  const questions = cases.reduce((sum, each) => sum + questionsOf(each), 0);
  const longest = designs.length * questions * (seconds + OVERHEAD_SECONDS);
  process.stderr.write(
    `printkit: ${designs.length} designs in ${cases.length} scenarios, ${seconds} s each for hangs, ` +
      `and again for messages: ${Math.ceil(longest / 60)} min at most\n`,
  );
  const results = await exploreAll(designs, cases, {
    ...{ elf, seconds, jobs, progress: progressOf(total) },
    bounds: { preemptions, irqs, nmis },
  });
  await show(options, results, exploreTable(results, terminalWidth()));
  if (page !== undefined) writePage(page, explorePage(results));
}

async function compareScenarios(
  options: CompareOptions,
  designs: readonly Design[],
): Promise<void> {
  if (options.html !== undefined) {
    throw new PrintkitError(
      '--html: goes with the workload and with --explore, not with --scenario',
    );
  }
  const { SCENARIO_CASES } = await import('../compare/expectations.ts');
  const { scenarioCase } = await import('../compare/scenario-case.ts');
  const { scenarioTable } = await import('../compare/scenario-table.ts');
  const cases = options.scenario?.map(scenarioCase) ?? SCENARIO_CASES;
  const jobs = designs.flatMap((design) =>
    cases.map(({ name }) => ({ kind: 'scenario', design, scenario: name }) as const),
  );
  const results = await doAll(options, jobs);
  await show(options, results, scenarioTable(results, terminalWidth()));
}

async function doAll<J extends Job>(
  options: CompareOptions,
  jobs: readonly J[],
): Promise<JobResult<J>[]> {
  const { readElfFile } = await import('../debug/elf.ts');
  const { doJobs } = await import('../compare/pool.ts');
  return doJobs(readElfFile(options.elf), options.elf, jobs, {
    threads: options.jobs,
    progress: progressOf(jobs.length),
  });
}

async function show(
  { json }: CompareOptions,
  results: readonly unknown[],
  lines: readonly string[],
): Promise<void> {
  await print(json === true ? `${JSON.stringify(results, null, 2)}\n` : `${lines.join('\n')}\n`);
}

/** Of a terminal; tables that go elsewhere have the width that they have in the docs. */
function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}

/** Says on a terminal how far it is. */
function progressOf(total: number): (done: number) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (done) => {
    process.stderr.write(done < total ? `\rprintkit: ${done} of ${total}` : '\r\x1b[K');
  };
}

interface Page {
  readonly file: string;
  readonly fd: number;
}

/** Before minutes of work: a place that cannot be written to is said at once. */
function openPage(file: string): Page {
  try {
    return { file, fd: fs.openSync(file, 'w') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PrintkitError(`--html: cannot write ${file}: ${code ?? String(error)}`);
  }
}

function writePage({ fd }: Page, html: string): void {
  fs.writeFileSync(fd, html);
  fs.closeSync(fd);
}
