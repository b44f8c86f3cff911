// `printkit explore`: looks for a schedule of harts, interrupts and devices in which a guest hangs or
// fails, and shows the smallest one found, or says what was covered without one. This is the wiring of
// options, files, signals and the terminal; the work is in src/explore/explore.ts.

import { Command } from 'commander';
import { parseLockTable } from '../debug/lock-table.ts';
import { PrintkitError } from '../errors.ts';
import { explorationData, replayData } from '../explore/exploration-data.ts';
import type { Exploration, ExploreOptions } from '../explore/explore.ts';
import { EXIT_LIMIT } from './exit-codes.ts';
import { type CommandOptions, OPTIONS, REPLAYED } from './explore-options.ts';
import { progressLine } from './explore-progress.ts';
import { addOptions } from './help.ts';
import { OutputFile, readInput } from './output-file.ts';
import { print } from './print.ts';

/** Exit code for a finding. */
const EXIT_FINDING = 1;

export function exploreCommand(): Command {
  const command = new Command('explore')
    .description('look for a schedule in which a guest hangs, or say what was covered without one')
    .argument(
      '[scenario...]',
      'scenario of the firmware, with its arguments; none: --from has to come',
    );
  return addOptions(command, OPTIONS)
    .addHelpText(
      'after',
      '\nExit codes: 0 covered, 1 finding, 124 only partly covered, 125 bad input.',
    )
    .action(async (words: readonly string[], options: CommandOptions) => {
      const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
      process.exitCode =
        options.replay === undefined
          ? await look(words.join(' '), options, given)
          : await repeat(words, options, options.replay, given);
    });
}

async function look(
  scenario: string,
  options: CommandOptions,
  given: (name: string) => boolean,
): Promise<number> {
  if (scenario === '' && !given('from')) {
    throw new PrintkitError('explore: name a scenario (`list` in the guest shows them), or --from');
  }
  const { explore } = await import('../explore/explore.ts');
  const wanted = await optionsOf(scenario, options, given);
  const out = options.out === undefined ? undefined : new OutputFile('--out', options.out);
  const html = options.html === undefined ? undefined : new OutputFile('--html', options.html);
  const line = progressLine(process.stderr, options.progress === true);
  try {
    const result = await untilInterrupted((signal) =>
      explore({ ...wanted, signal, progress: line.show }),
    );
    line.clear();
    if (result.kind === 'finding') out?.write(result.file);
    html?.write(result.html());
    return await show(result, wanted, options);
  } catch (error) {
    line.clear();
    throw error;
  } finally {
    out?.close();
    html?.close();
  }
}

async function show(
  result: Exploration,
  wanted: ExploreOptions,
  { json }: CommandOptions,
): Promise<number> {
  const exit = result.kind === 'finding' ? EXIT_FINDING : result.complete ? 0 : EXIT_LIMIT;
  if (json === true) {
    await printJson(explorationData(result, wanted, exit));
    return exit;
  }
  const seconds = result.seconds.toFixed(1);
  if (result.kind === 'covered') {
    const why = result.stopped === 'signal' ? 'interrupted after ' : '';
    const [sentence, ...warnings] = result.text().split('\n');
    await print(`${sentence} (${why}${seconds} s)\n${warnings.join('\n')}`);
    return exit;
  }
  await print(`${result.text(process.stdout.columns)}found after ${seconds} s\n`);
  return exit;
}

const printJson = (data: unknown): Promise<void> => print(`${JSON.stringify(data, null, 2)}\n`);

async function repeat(
  words: readonly string[],
  options: CommandOptions,
  path: string,
  given: (name: string) => boolean,
): Promise<number> {
  if (words.length > 0) throw new PrintkitError('explore: --replay knows its scenario: name none');
  const known = REPLAYED.find(given);
  if (known !== undefined) {
    const option = known.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new PrintkitError(`explore: --${option} does not go with --replay: the finding has it`);
  }
  const { parseFinding } = await import('../explore/finding-file.ts');
  const { repeatFinding } = await import('../explore/explore.ts');
  const finding = parseFinding(readInput('--replay', path), path);
  const { kernel: elf, steps: stepsMax } = options;
  const html = options.html === undefined ? undefined : new OutputFile('--html', options.html);
  try {
    const repeated = repeatFinding(finding, { elf, stepsMax });
    html?.write(repeated.html());
    const { isFine, replayed } = repeated;
    const exit = !isFine ? EXIT_FINDING : replayed.fits ? 0 : EXIT_LIMIT;
    if (options.json === true) await printJson(replayData(repeated, exit));
    else await print(repeated.text);
    return exit;
  } finally {
    html?.close();
  }
}

async function optionsOf(
  scenario: string,
  options: CommandOptions,
  given: (name: string) => boolean,
): Promise<ExploreOptions> {
  const { exploreNamed } = await import('../compare/explore-case.ts');
  const { preemptions, irqs, nmis, executions, strategy, lineScript } = options;
  const { out, kernel, locks } = options;
  const again =
    out === undefined
      ? process.argv.slice(3)
      : ['--replay', out, ...(given('kernel') ? ['--kernel', kernel] : [])];
  const named =
    scenario === '' ? { append: options.append } : exploreNamed(scenario, options.append);
  return {
    elf: options.kernel,
    ...named,
    ...(given('smp') || named.harts === undefined ? { harts: options.smp } : {}),
    ...(lineScript === undefined ? {} : { lineScript: readInput('--line-script', lineScript) }),
    ...(locks === undefined ? {} : { locks: parseLockTable(readInput('--locks', locks), locks) }),
    from: options.from,
    until: options.until,
    inject: (options.inject ?? []).flat(),
    messages: (options.check ?? []).flat().includes('messages'),
    verdict: (options.check ?? []).flat().includes('verdict'),
    bounds: { preemptions, irqs, nmis },
    seconds: options.time,
    ...(executions === undefined ? {} : { executions }),
    samples: options.samples,
    seed: options.seed,
    ...(strategy === undefined ? {} : { strategies: strategy.flat() }),
    stepsMax: options.steps,
    memory: options.memory,
    jobs: options.jobs,
    again: `npx printkit explore ${again.map(quoted).join(' ')}`,
  };
}

/** The first ^C ends the work with what there is, the second one everything. */
async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt);
  try {
    return await work(interrupted.signal);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

const quoted = (word: string): string =>
  /^[\w./=,:+-]+$/.test(word) ? word : JSON.stringify(word);
