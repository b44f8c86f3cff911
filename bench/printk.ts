// The designs of printk: what storing a message costs, how four harts share the lockless store, and how
// long the whole comparison takes. Costs are in guest instructions and virtual time: the same every time.

import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { pairNamed, STORES } from '../src/compare/designs.ts';
import { logInMemory } from '../src/compare/memory-log.ts';
import { type Recording, recordWorkload } from '../src/compare/pair.ts';
import { PHASES, type PrintkCall } from '../src/compare/probe.ts';
import { quantiles } from '../src/compare/quantiles.ts';
import { readElfFile } from '../src/debug/elf.ts';
import { Symbolizer } from '../src/debug/symbolizer.ts';
import { CLI, FIRMWARE } from './processes.ts';
import type { Row } from './row.ts';

const LOCKLESS_INSTRUCTIONS_MAX = 1500;
const SHARE_MIN = 0.7;
const COMPARE_SECONDS_MAX = 120;

/** The rows of `npm run bench -- printk`. */
export function printk(): Row[] {
  const elf = readElfFile(FIRMWARE);
  const symbolizer = new Symbolizer(elf);
  const runs = STORES.map((store) => ({
    store,
    // Nothing is printed meanwhile, and the ring has room for everything.
    run: recordWorkload(elf, symbolizer, pairNamed(`${store}+deferred`), 'workload flat', ''),
  }));
  const rows = runs.map(({ store, run }) => storing(store, run));
  for (const { store, run } of runs) {
    if (store !== 'lockless') continue;
    rows.push(sharing(run));
    const memory = logInMemory(run.machine, elf)?.filter((text) => text.startsWith('workload '));
    const said = run.probe.calls.filter(({ message }) => message !== undefined);
    rows.push(
      check(
        'messages missing, 4 harts flat out',
        said.length - new Set(memory).size,
        0,
        `of ${said.length}`,
      ),
    );
  }
  return [...rows, comparing()];
}

const inPhase = (run: Recording, name: (typeof PHASES)[number]): PrintkCall[] =>
  run.probe.calls.filter(({ phase }) => PHASES[phase] === name);

/** 40 characters with nothing to convert; beside it, 40 with three conversions. */
function storing(store: string, run: Recording): Row {
  const cost = (numbered: boolean) => {
    const calls = inPhase(run, 'alone').filter(
      ({ message }) => (message !== undefined) === numbered,
    );
    return quantiles(calls.flatMap(({ storing: n }) => n ?? []))?.p50 ?? NaN;
  };
  const instructions = cost(false);
  const row = {
    name: `printk of 40 characters, ${store} store`,
    value: `${instructions.toLocaleString('en-US')} instr.`,
    peer: `${cost(true).toLocaleString('en-US')} with three conversions`,
  };
  if (store !== 'lockless') return row;
  const pass = instructions < LOCKLESS_INSTRUCTIONS_MAX;
  return { ...row, target: `< ${LOCKLESS_INSTRUCTIONS_MAX}`, pass };
}

/** Messages of a hart per time: all together against one alone. */
function sharing(run: Recording): Row {
  const rate = (phase: 'alone' | 'together') => {
    const calls = inPhase(run, phase).filter(({ message }) => message !== undefined);
    const harts = new Map<string, PrintkCall[]>();
    for (const call of calls) {
      const stream = call.message?.stream ?? '';
      harts.set(stream, [...(harts.get(stream) ?? []), call]);
    }
    const rates = [...harts.values()].map((own) => {
      const last = own.at(-1);
      return own.length / ((last?.returnNs ?? NaN) - own[0].enterNs);
    });
    return Math.min(...rates);
  };
  const share = rate('together') / rate('alone');
  return {
    name: 'printk, 4 harts flat out, lockless, slowest',
    value: `${share.toFixed(2)} × 1 hart`,
    target: `≥ ${SHARE_MIN}`,
    pass: share >= SHARE_MIN,
  };
}

function check(name: string, value: number, target: number, peer: string): Row {
  return { name, value: String(value), target: String(target), pass: value === target, peer };
}

/** The whole comparison as a user runs it. */
function comparing(): Row {
  const [loadBefore] = os.loadavg();
  const started = process.hrtime.bigint();
  const child = spawnSync(process.execPath, [CLI, 'compare', '--json'], {
    timeout: 4 * COMPARE_SECONDS_MAX * 1000,
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  if (child.status !== 0) {
    throw new Error(`printkit compare: ${child.error?.message ?? child.stderr}`);
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const designs = (JSON.parse(child.stdout) as unknown[]).length;
  return {
    name: `printkit compare, ${designs} designs`,
    value: `${seconds.toFixed(0)} s`,
    target: `< ${COMPARE_SECONDS_MAX} s`,
    pass: seconds < COMPARE_SECONDS_MAX,
    // On a host that is busy with something else it says little.
    peer: `${os.availableParallelism()} processors, load ${loadBefore.toFixed(1)} before`,
  };
}
