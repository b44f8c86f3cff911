// The explorer: executions per second on a short region of the kernel, what going back costs, and, beside
// spin (Debian) on the same problem, states per second. CPU time of one core.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readElf } from '../src/debug/elf.ts';
import { Symbolizer } from '../src/debug/symbolizer.ts';
import { bounded } from '../src/explore/bounded.ts';
import { dpor } from '../src/explore/dpor.ts';
import { type MachineModel, VisibilityGrown } from '../src/explore/machine-model.ts';
import { runWith } from '../src/explore/random.ts';
import { openRegion } from '../src/explore/region.ts';
import { SeededRng } from '../src/explore/rng.ts';
import type { Coverage, Explored } from '../src/explore/search.ts';
import { settled } from '../src/explore/settle.ts';
import { randomWalk } from '../src/explore/strategies.ts';
import { Trace } from '../src/explore/trace.ts';
import { Machine } from '../src/machine/machine.ts';
import { assembleFlat } from '../src/toolchain/assembler.ts';
import { buildFirmware } from '../src/toolchain/build.ts';
import { abbaWithHandlers } from './abba.ts';
import { runToEnd } from './processes.ts';
import { type Row, skipped } from './row.ts';

const EXECUTIONS_MIN = 5000;
const RESTORE_US_MAX = 50;
const RESTORED_PAGES = 16;
const RESTORES = 20_000;
/** Rounds of AB-BA; spin's model has the same. */
const ROUNDS = 2;
/** Rounds with which spin takes a second or two. */
const SPIN_ROUNDS = 40;
const BOUNDS_NEVER_REACHED = { preemptions: 100, irqs: 2, nmis: 0 };
/** Random walks of one of five turns, and every how many of them is looked at for what it has changed. */
const WALKS = 5000;
const PAGES_EVERY = 100;
const STEPS_MAX = 10_000;
const NOTHING_MEASURED = { steps: 0, stepsOf: [] };

/** The rows of `npm run bench -- explore`. */
export async function explore(): Promise<Row[]> {
  return [await executions(), restoring(), ...besideSpin()];
}

/** CPU seconds that a piece of work takes. */
function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/**
 * Executions of a short region of the kernel, walked at random: two threads and a semaphore
 * (firmware/selftest/primitives.ts).
 */
async function executions(): Promise<Row> {
  const elf = readElf(await primitives(), 'primitives.elf');
  const region = { bootargs: 'test=semaphore', from: 'scenario_begin', until: 'scenario_end' };
  const options = { harts: 2, inject: [], ...region };
  const { model } = openRegion(elf, new Symbolizer(elf), options);
  walkAll(model, WALKS / 10); // what is visible is known from here on, and the code is warm
  let walked = { instructions: 0, pages: 0 };
  // The best of five: other load on the host shares caches and cores.
  const seconds = Math.min(
    ...Array.from({ length: 5 }, () => cpuSeconds(() => (walked = walkAll(model, WALKS)))),
  );
  const rate = WALKS / seconds;
  const mean = (sum: number): string => Math.round(sum / WALKS).toLocaleString('en-US');
  return {
    name: `executions of ${mean(walked.instructions)} instructions, ${mean(walked.pages)} pages`,
    value: `${Math.round(rate).toLocaleString('en-US')} /CPU-s`,
    target: `≥ ${EXECUTIONS_MIN.toLocaleString('en-US')}`,
    pass: rate >= EXECUTIONS_MIN,
  };
}

async function primitives(): Promise<Uint8Array> {
  const file = 'firmware/main.ts';
  const main = fs.readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8');
  const overlay = { [file]: main.replace('./init/main', './selftest/primitives') };
  return (await buildFirmware({ overlay })).elf;
}

/** Sums over random walks, each from the model's start to its ending. */
function walkAll(model: MachineModel, count: number): { instructions: number; pages: number } {
  const sum = { instructions: 0, pages: 0 };
  const start = model.mark();
  const trace = new Trace(model.agents); // one for all, as randomSearch has it
  for (let number = 0; number < count; number++) {
    const strategy = randomWalk(model.agents, new SeededRng(number), NOTHING_MEASURED, () => []);
    const { ending } = runWith(model, strategy, STEPS_MAX, undefined, undefined, trace);
    if (ending.kind !== 'done') throw new Error(`an execution ended with ${ending.kind}`);
    for (const { executed } of model.stepper.tracks) sum.instructions += executed;
    if (number % PAGES_EVERY === 0) sum.pages += PAGES_EVERY * pagesChanged(model, start);
    try {
      model.rewind(start);
    } catch (error) {
      if (!(error instanceof VisibilityGrown)) throw error;
      model.restart();
    }
  }
  return sum;
}

/** Pages of memory that are not what they were. */
function pagesChanged({ stepper }: MachineModel, since: number): number {
  const words = stepper.memorySince(since).split(' ');
  return new Set(words.map((word) => parseInt(word, 10) >>> 10)).size;
}

/** Going back to a restore point of the machine, over pages that a guest has changed. */
function restoring(): Row {
  const { bytes } = assembleFlat(DIRTY, RAM);
  const machine = new Machine({ harts: 1, memoryBytes: 1 << 20 });
  machine.load({ entry: RAM, segments: [{ address: RAM, bytes, memoryBytes: bytes.length }] });
  const mark = machine.mark();
  const ns: number[] = [];
  for (let i = 0; i < RESTORES; i++) {
    machine.run(Infinity, { maxInstructions: DIRTY_INSTRUCTIONS });
    if (machine.dirtyPages !== RESTORED_PAGES) throw new Error(`${machine.dirtyPages} dirty pages`);
    const before = process.hrtime.bigint();
    machine.rewind(mark);
    ns.push(Number(process.hrtime.bigint() - before));
  }
  // The median: now and then the host lets something else run.
  const us = ns.sort((a, b) => a - b)[RESTORES / 2] / 1000;
  return {
    name: `rewind ${RESTORED_PAGES} pages`,
    value: `${us.toFixed(1)} µs`,
    target: `< ${RESTORE_US_MAX} µs`,
    pass: us < RESTORE_US_MAX,
  };
}

const RAM = 0x8000_0000;
const DIRTY_INSTRUCTIONS = 1000;
/** Writes to 16 pages, and rests. */
const DIRTY = `
    la a0, pages
    li a1, ${RESTORED_PAGES}
    li a2, 4096
  1: sw a1, (a0)
    add a0, a0, a2
    addi a1, a1, -1
    bnez a1, 1b
    j .
    .data
    .balign 4096
  pages: .zero ${RESTORED_PAGES * 4096}
`;

/**
 * All of AB-BA with two interrupt handlers, by both searches. spin stores states and visits each once; the
 * explorer stores none and visits each trace once, so beside the rates there are both sizes. spin is through
 * with so few rounds before it can be measured: its rate is that with more of them.
 */
function besideSpin(): Row[] {
  const name = 'AB-BA, two handlers';
  const few = spinStates(ROUNDS);
  const many = spinStates(SPIN_ROUNDS);
  if (few === undefined || many === undefined) {
    return [skipped(name, 'spin and cc are not installed (Debian: spin, gcc)')];
  }
  const spinRate = many.transitions / many.seconds;
  const limits = { stepsMax: STEPS_MAX };
  const searches: Readonly<Record<string, (model: MachineModel) => Search>> = {
    'all traces': (model) => dpor(model, { irqs: 2, nmis: 0 }, limits),
    'the search within bounds': (model) =>
      bounded(model, BOUNDS_NEVER_REACHED, { ...limits, total: Infinity, prefixesMax: 1e6 }),
  };
  return Object.entries(searches).map(([search, begin]) => {
    const { steps, traces, seconds } = searchAll(begin);
    const rate = Math.round(steps / seconds);
    return {
      name: `${name}, ${search}`,
      value: `${rate.toLocaleString('en-US')} steps/s`,
      peer: `${(rate / spinRate).toFixed(3)} × spin's transitions per second; ${traces} traces, spin ${few.states} states`,
    };
  });
}

type Search = Generator<Explored, Coverage>;

/** The best of three: other load on the host, and code that is not compiled yet. */
function searchAll(begin: (model: MachineModel) => Search): Pick<Coverage, 'steps' | 'traces'> & {
  readonly seconds: number;
} {
  const runs = Array.from({ length: 3 }, () => {
    const model = abbaWithHandlers(ROUNDS);
    let coverage: Coverage | undefined;
    const seconds = cpuSeconds(() => {
      const search = settled(model, () => begin(model));
      let next = search.next();
      while (next.done !== true) next = search.next();
      coverage = next.value;
    });
    if (coverage?.complete !== true) throw new Error('AB-BA was not explored whole');
    return { steps: coverage.steps, traces: coverage.traces, seconds };
  });
  return runs.reduce((best, run) => (run.seconds < best.seconds ? run : best));
}

interface SpinRun {
  readonly states: number;
  readonly transitions: number;
  readonly seconds: number;
}

function spinStates(rounds: number): SpinRun | undefined {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'printkit-spin-'));
  const run = (program: string, ...args: string[]) =>
    spawnSync(program, args, { cwd: folder, encoding: 'utf8', timeout: 120_000 });
  try {
    const model = fileURLToPath(new URL('spin/abba.pml', import.meta.url));
    if (run('spin', `-DROUNDS=${rounds}`, '-a', model).status !== 0) return undefined;
    if (run('cc', '-O2', '-DNOREDUCE', '-o', 'pan', 'pan.c').status !== 0) return undefined;
    const { stdout, cpuSeconds: seconds } = runToEnd(path.join(folder, 'pan'), ['-c0', '-m100000']);
    const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? NaN);
    return {
      states: number(/(\d+) states, stored/),
      transitions: number(/(\d+) transitions/),
      seconds,
    };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
