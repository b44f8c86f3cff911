// The exploration of a guest as one function: boots it, shares random executions and the search of
// everything within bounds out to threads, and ends with a finding or with what was covered. The command,
// the matchers and the comparison all use this. What it gives does not depend on the number of threads:
// random executions come before the search, and the finding that comes first in this order is the one.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Uart8250Fault } from '../../devices/uart8250/index.ts';
import { type ElfFile, readElf } from '../debug/elf.ts';
import type { LockTable } from '../debug/lock-table.ts';
import { Symbolizer } from '../debug/symbolizer.ts';
import { PrintkitError } from '../errors.ts';
import type { FindingFile } from './finding-file.ts';
import { htmlCoverage, htmlReport } from './html.ts';
import { type Job, type JobProgress, type JobResult, SYSTEMATIC } from './job.ts';
import { clockSeconds } from './limits.ts';
import {
  mergedWarnings,
  type WarningReport,
  warningLines,
  warningReports,
} from './lock-warning.ts';
import type { Injection } from './machine-model.ts';
import { coverageSentence, presentReplay } from './present.ts';
import { type Hand, Pool } from './pool.ts';
import { partDone, type Position } from './position.ts';
import type { RaisedCoverage } from './raising.ts';
import { PORTFOLIO, type StrategyName } from './random.ts';
import type { ReplayResult } from './recording.ts';
import { openRegion, type RegionOptions, startOf } from './region.ts';
import { type Report, reportText } from './report.ts';
import type { Bounds } from './search.ts';
import { waitCycle } from './wait-cycle.ts';

export interface ExploreOptions {
  /** Path of the guest, an ELF file. */
  readonly elf: string;
  /** Scenario of the firmware with its arguments; without one, `from` has to come by itself. */
  readonly scenario?: string;
  /** The kernel's command line. Default empty. */
  readonly append?: string;
  /** 1 to 15; default 2. */
  readonly harts?: number;
  /** Symbols at which the region begins and ends; default `scenario_begin` and `scenario_end`. */
  readonly from?: string;
  readonly until?: string;
  /** What comes from outside, at any moment. Default nothing. */
  readonly inject?: readonly Injection[];
  /** What the far ends of the serial lines do, in this order: the text of a line script. */
  readonly lineScript?: string;
  /** The functions of the guest's locks. Default: the firmware's, if it is the firmware. */
  readonly locks?: LockTable;
  /** A defect of the first UART. */
  readonly fault?: Uart8250Fault;
  /** Whether a reset of the machine is a good end. Default no. */
  readonly resets?: boolean;
  /** Whether messages are compared with the wire where an execution ends well. Default no. */
  readonly messages?: boolean;
  /** Whether the verdict that the scenario gives itself, behind `until`, counts. Default no. */
  readonly verdict?: boolean;
  /** Most preemptions, interrupts and NMIs of an execution. Default 2, 1, 1. */
  readonly bounds?: Partial<Bounds>;
  /** Seconds to look for a finding. Default 60; Infinity: no limit. */
  readonly seconds?: number;
  /** Most executions of the search within the bounds, in place of a time. Default Infinity. */
  readonly executions?: number;
  /** Random executions before that. Default 50. */
  readonly samples?: number;
  /** Of the random executions: a whole number below 2^32. Default 1. */
  readonly seed?: number;
  /** Default all: a portfolio of random strategies, and 'systematic'. */
  readonly strategies?: readonly (StrategyName | typeof SYSTEMATIC)[];
  /** Visible steps after which an execution is cut. Default 20,000. */
  readonly stepsMax?: number;
  /** Memory for what the search remembers, MiB for each thread. Default 200. */
  readonly memory?: number;
  /** Worker threads. Default 0: the calling thread does it, and lets the event loop have its turns. */
  readonly jobs?: number;
  /** The command that repeats a finding, for its report. */
  readonly again?: string;
  /** Ends the exploration with what there is. */
  readonly signal?: AbortSignal;
  /** Called several times a second. */
  readonly progress?: (progress: ExploreProgress) => void;
}

export interface ExploreProgress {
  /** Since the guest has come to where the region begins. */
  readonly seconds: number;
  /** What is done: the name of a random strategy, 'systematic', 'made smaller'. */
  readonly phase: string;
  readonly executions: number;
  /** Distinct ones among them. */
  readonly traces: number;
  /** How far the search within the bounds is, which are raised from 0 up to `of` in sum. */
  readonly bound?: {
    readonly total: number;
    readonly of: number;
    /** Which part of the search at this bound is done, 0 to 1: an estimate. */
    readonly part: number;
  };
}

/** A schedule in which the guest hangs or fails. */
export interface ExploredFinding {
  readonly kind: 'finding';
  /** In one line. */
  readonly verdict: string;
  /** What `text` and `html` show. */
  readonly report: Report;
  /** What was seen of the order of locks, and what has become of it. */
  readonly warnings: readonly WarningReport[];
  /** The report in so many columns, 100 if it is not said. */
  readonly text: (columns?: number) => string;
  /** The report as a page of its own. */
  readonly html: () => string;
  /** What `repeatFinding` needs, as a text for a file. */
  readonly file: string;
  /** Name of the strategy that has found it. */
  readonly phase: string;
  /** Executions that come before it, and it. */
  readonly executions: number;
  /** Until it was found. */
  readonly seconds: number;
}

/** Nothing was found. */
export interface ExploredCoverage {
  readonly kind: 'covered';
  /** All executions within the bounds were explored, up to equivalence. */
  readonly complete: boolean;
  /** Random executions. */
  readonly samples: number;
  /** Of the search within the bounds; undefined if there was none, or no time for it. */
  readonly coverage: RaisedCoverage | undefined;
  readonly bounds: Bounds;
  /** What was covered, and what that leaves out. */
  readonly sentence: string;
  /** What was seen of the order of locks, and what has become of it. */
  readonly warnings: readonly WarningReport[];
  /** The sentence and the warnings, in lines. */
  readonly text: () => string;
  /** The same as a page of its own. */
  readonly html: () => string;
  readonly seconds: number;
  /** Why it is not complete, if a limit or a signal has ended it. */
  readonly stopped: 'time' | 'signal' | undefined;
}

export type Exploration = ExploredFinding | ExploredCoverage;

const DEFAULT_BOUNDS: Bounds = { preemptions: 2, irqs: 1, nmis: 1 };
const DEFAULT_UNTIL = 'scenario_end';
const DEFAULT_SECONDS = 60;
const DEFAULT_STEPS = 20_000;
const DEFAULT_MEMORY = 200;
/** Added to what was covered. */
const CHECKED =
  'checked where an execution came to the end of the region and ran on from there in one way';
/** About so many are remembered in a MiB. */
const PREFIXES_PER_MIB = 40_000;
/** Random executions of one job; each job has to find out anew what harts share. */
const CHUNK_MIN = 25;
const CHUNK_MAX = 1000;
/** Into so many jobs they are divided, whatever the number of threads. */
const CHUNKS = 16;

/** A guest that was read. */
interface Guest {
  readonly elf: ElfFile;
  readonly symbolizer: Symbolizer;
  readonly bytes: Uint8Array;
  /** Digest of the file. */
  readonly program: string;
}

/**
 * Explores a guest.
 * @throws PrintkitError for a file that is no guest, a symbol that does not exist, a guest that does not
 *   boot, a scenario or a design of printk that it does not know, and a region that never begins
 */
export async function explore(options: ExploreOptions): Promise<Exploration> {
  const { elf, symbolizer, bytes, program } = readGuest(options.elf);
  const region = regionOf(options);
  for (const symbol of [region.from, region.until]) checkCode(symbolizer, symbol);
  const start = startOf(elf, symbolizer, region);
  const jobs = jobsOf(options);
  const subject = { start, region, elf: bytes, program };
  const pool = new Pool(subject, Math.min(options.jobs ?? 0, jobs.length));
  try {
    const run = new Run(pool, options);
    const results = await run.all(jobs);
    const place = results.findIndex((result) => result?.kind === 'found');
    const found = results.at(place);
    if (place < 0 || found?.kind !== 'found') return coveredBy(results, options, run);
    const before = results.slice(0, place).reduce((sum, each) => sum + countOf(each), 0);
    const { phase, file, foundAt } = found;
    const seen = mergedWarnings(results.slice(0, place + 1).map((each) => each?.warnings ?? []));
    const warnings = warningReports(
      seen,
      'not reached before this finding',
      waitCycle(found.report.story),
    );
    const report = { ...found.report, warnings, ...(options.again && { again: options.again }) };
    return {
      kind: 'finding',
      verdict: report.verdict.headline,
      phase,
      executions: before + found.executions,
      seconds: foundAt - run.begin,
      report,
      warnings,
      text: (columns) => reportText(report, columns === undefined ? {} : { columns }),
      html: () => htmlReport(report),
      file,
    };
  } finally {
    await pool.close();
  }
}

export interface RepeatOptions {
  /** Path of the guest, an ELF file. */
  readonly elf: string;
  /** As in an exploration. */
  readonly stepsMax?: number;
}

export interface Repeated {
  readonly report: Report;
  readonly text: string;
  readonly html: () => string;
  /** It ends well. */
  readonly isFine: boolean;
  /** Whether it is what was recorded. */
  readonly replayed: ReplayResult;
}

/**
 * Repeats a finding.
 * @throws PrintkitError as `explore` does, and for a finding that does not fit the guest at all
 */
export function repeatFinding(finding: FindingFile, options: RepeatOptions): Repeated {
  const { elf, symbolizer, program } = readGuest(options.elf);
  const opened = openRegion(elf, symbolizer, finding.region);
  const shown = presentReplay(opened, symbolizer, finding, program, stepsOf(options));
  return { ...shown, html: () => htmlReport(shown.report) };
}

function readGuest(path: string): Guest {
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PrintkitError(`cannot read ${path}: ${code ?? String(error)}`);
  }
  const elf = readElf(bytes, path);
  const program = createHash('sha256').update(bytes).digest('hex');
  return { elf, symbolizer: new Symbolizer(elf), bytes, program };
}

const stepsOf = ({ stepsMax }: Pick<ExploreOptions, 'stepsMax'>): number =>
  stepsMax ?? DEFAULT_STEPS;

function regionOf(options: ExploreOptions): RegionOptions {
  const { scenario, lineScript, fault, locks } = options;
  return {
    harts: options.harts ?? 2,
    bootargs: options.append ?? '',
    inject: options.inject ?? [],
    from: options.from ?? 'scenario_begin',
    until: options.until ?? DEFAULT_UNTIL,
    resets: options.resets ?? false,
    ...(options.messages === true ? { messages: true } : {}),
    ...(options.verdict === true ? { verdict: true } : {}),
    ...(scenario === undefined ? {} : { scenario }),
    ...(lineScript === undefined ? {} : { script: lineScript }),
    ...(fault === undefined ? {} : { fault }),
    ...(locks && { locks }),
  };
}

function checkCode(symbolizer: Symbolizer, symbol: string): void {
  if (!symbolizer.hasCode || symbolizer.isCode(symbolizer.address(symbol))) return;
  throw new PrintkitError(
    `'${symbol}' is no code: a region begins and ends at functions or labels`,
  );
}

/** In the order in which their findings count. */
function jobsOf(options: ExploreOptions): Job[] {
  const { seed = 1, samples = 50, strategies = [...PORTFOLIO, SYSTEMATIC] } = options;
  const random = strategies.filter((each) => each !== SYSTEMATIC);
  const bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
  const stepsMax = stepsOf(options);
  const jobs: Job[] = [];
  const end = random.length === 0 ? 0 : samples;
  const chunk = Math.min(CHUNK_MAX, Math.max(CHUNK_MIN, Math.ceil(end / CHUNKS)));
  for (let first = 0; first < end; first += chunk) {
    const count = Math.min(chunk, end - first);
    jobs.push({ kind: 'sample', seed, first, count, strategies: random, bounds, stepsMax });
  }
  if (strategies.includes(SYSTEMATIC)) {
    const prefixesMax = (options.memory ?? DEFAULT_MEMORY) * PREFIXES_PER_MIB;
    const executionsMax = options.executions ?? Infinity;
    jobs.push({ kind: 'search', bounds, stepsMax, prefixesMax, executionsMax, before: end });
  }
  return jobs;
}

type Results = readonly (JobResult | undefined)[];

function countOf(result: JobResult | undefined): number {
  switch (result?.kind) {
    case 'found':
    case 'sampled':
      return result.executions;
    case 'searched':
    case undefined:
      return 0;
  }
}

const hasEnded = (result: JobResult | undefined): boolean =>
  result !== undefined && result.kind !== 'found' && result.ended > 0;

function coveredBy(results: Results, options: ExploreOptions, run: Run): ExploredCoverage {
  const bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
  const samples = results.reduce((sum, result) => sum + countOf(result), 0);
  const last = results.at(-1);
  const coverage = last?.kind === 'searched' ? last.coverage : undefined;
  const complete = coverage?.complete === true;
  const sentence = coverageSentence(
    { kind: 'covered', samples, coverage },
    bounds,
    options.inject ?? [],
  );
  const neverEnds = samples + (coverage?.executions ?? 0) > 0 && !results.some(hasEnded);
  const until = options.until ?? DEFAULT_UNTIL;
  const hint = neverEnds ? `; none of them came to ${until}: is it where the region ends?` : '';
  const checks = [
    ...(options.messages === true ? ['messages'] : []),
    ...(options.verdict === true ? ['verdict of the scenario'] : []),
  ];
  const checked = checks.map((check) => `; ${check}: ${CHECKED}`).join('');
  const stopped = complete ? undefined : run.stopped;
  const seconds = clockSeconds() - run.begin;
  const whole = sentence + checked + hint;
  const seen = mergedWarnings(results.map((each) => each?.warnings ?? []));
  const warnings = warningReports(
    seen,
    complete ? 'not reached within the bound' : 'not reached in what was explored',
  );
  return {
    kind: 'covered',
    complete,
    samples,
    coverage,
    bounds,
    sentence: whole,
    warnings,
    text: () => [whole, ...warningLines(warnings)].map((line) => `${line}\n`).join(''),
    html: () => htmlCoverage(whole, warnings),
    seconds,
    stopped,
  };
}

/** Jobs being done, and how far they are. */
class Run {
  /** What has ended it before its time. */
  stopped: 'time' | 'signal' | undefined;
  /** Seconds on `clockSeconds`. */
  readonly begin = clockSeconds();
  readonly #pool: Pool;
  readonly #options: ExploreOptions;
  readonly #progress: (JobProgress | undefined)[] = [];

  constructor(pool: Pool, options: ExploreOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  /** Results in the order of the jobs, as far as they were done; nothing behind a finding counts. */
  async all(jobs: readonly Job[]): Promise<Results> {
    const { hands, limits } = this.#pool;
    const results: (JobResult | undefined)[] = jobs.map(() => undefined);
    const places = [...jobs.keys()];
    const last = places.at(-1);
    // What cannot be divided begins first.
    if (last !== undefined && hands.length > 1) places.unshift(last);
    const waiting = new Set(places);
    const work = async (hand: Hand): Promise<void> => {
      for (const place of waiting) {
        waiting.delete(place);
        if (limits.isOver(place)) continue;
        const result = await hand.do(jobs[place], place, (progress) => this.#tell(place, progress));
        results[place] = result;
        if (result.kind === 'found') limits.callOffBehind(place);
      }
    };
    await this.#within(this.#options.seconds ?? DEFAULT_SECONDS, () =>
      Promise.all(hands.map(work)),
    );
    if (limits.isLate) this.stopped ??= 'time';
    return results;
  }

  /** Jobs end when it takes longer, at the signal, and when one of them fails. */
  async #within<T>(seconds: number, work: () => Promise<T>): Promise<T> {
    const { signal } = this.#options;
    const { limits } = this.#pool;
    const abort = (): void => {
      this.stopped = 'signal';
      limits.callOff();
    };
    limits.begin(seconds);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    try {
      return await work();
    } catch (error) {
      limits.callOff();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #tell(place: number, progress: JobProgress): void {
    this.#progress[place] = progress;
    let executions = 0;
    let traces = 0;
    let position: Position | undefined;
    for (const each of this.#progress) {
      executions += each?.executions ?? 0;
      traces += each?.traces ?? 0;
      position = each?.position ?? position;
    }
    const { phase } = progress;
    const bound = position === undefined ? {} : { bound: this.#bound(position) };
    this.#options.progress?.({
      seconds: clockSeconds() - this.begin,
      phase,
      executions,
      traces,
      ...bound,
    });
  }

  #bound(position: Position): NonNullable<ExploreProgress['bound']> {
    const { preemptions, irqs, nmis } = { ...DEFAULT_BOUNDS, ...this.#options.bounds };
    return { total: position.total, of: preemptions + irqs + nmis, part: partDone(position) };
  }
}
