// Every scenario of the catalogue that is said to hang, under the first design that it hangs on: CPU time
// of one core until the explorer, with its defaults, has found it. Booting comes before, making the
// finding small after that. And the same scenarios under a design that cures them: up to which sum of
// preemptions, interrupts and NMIs all executions are explored in half a minute.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PAIRS } from '../src/compare/designs.ts';
import { type Emitter, expectedOutcome, type ScenarioCase } from '../src/compare/expectations.ts';
import { SCENARIO_CASES, type Store } from '../src/compare/expectations.ts';
import { exploreCase } from '../src/compare/explore-case.ts';
import { readElf } from '../src/debug/elf.ts';
import { Symbolizer } from '../src/debug/symbolizer.ts';
import { explore } from '../src/explore/explore.ts';
import { type Finding, investigate } from '../src/explore/investigate.ts';
import type { MachineModel } from '../src/explore/machine-model.ts';
import type { Ending } from '../src/explore/model.ts';
import { PORTFOLIO } from '../src/explore/random.ts';
import { openRegion } from '../src/explore/region.ts';
import { buildFirmware } from '../src/toolchain/build.ts';
import type { Row } from './row.ts';

const CPU_SECONDS_MAX = 10;
/** As `printkit explore` has it. */
const DEFAULTS = {
  bounds: { preemptions: 2, irqs: 1, nmis: 1 },
  seed: 1,
  samples: 50,
  strategies: PORTFOLIO,
  isSystematic: true,
  stepsMax: 20_000,
  prefixesMax: 2_000_000,
};

/** The design that cures them, but for those that it does not. */
const CURE = 'lockless+nbcon';
const COVER_SECONDS = 30;

/** The rows of `npm run bench -- catalogue`. */
export async function catalogue(): Promise<Row[]> {
  const { elf } = await buildFirmware();
  return [...found(elf), ...(await covered(elf))];
}

async function covered(elf: Uint8Array): Promise<Row[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'printkit-bench-'));
  try {
    const file = path.join(folder, 'printkit.elf');
    fs.writeFileSync(file, elf);
    const rows: Row[] = [];
    for (const scenario of SCENARIO_CASES) {
      if (hangs(scenario, CURE) || !PAIRS.some(({ name }) => hangs(scenario, name))) continue;
      rows.push(await cover(file, scenario));
    }
    return rows;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

async function cover(elf: string, scenario: ScenarioCase): Promise<Row> {
  const { bootargs } = PAIRS.find(({ name }) => name === CURE) ?? { bootargs: '' };
  const result = await explore({
    elf,
    ...exploreCase(scenario, bootargs),
    strategies: ['systematic'],
    seconds: COVER_SECONDS,
  });
  const name = `${scenario.name}, ${CURE}`;
  const target = 'all undisturbed executions';
  if (result.kind === 'finding') return { name, value: result.verdict, target, pass: false };
  const { completeTotal = -1, executions = 0, traces = 0, cut = 0 } = result.coverage ?? {};
  return {
    name,
    value: result.complete ? 'covered' : `complete up to ${completeTotal}`,
    target,
    pass: completeTotal >= 0,
    peer: `${executions} executions, ${traces} traces, ${cut} cut, ${result.seconds.toFixed(0)} s`,
  };
}

function found(bytes: Uint8Array): Row[] {
  const elf = readElf(bytes, 'the firmware');
  const symbolizer = new Symbolizer(elf);
  return SCENARIO_CASES.flatMap((scenario) => {
    const design = PAIRS.find(({ name }) => hangs(scenario, name));
    if (design === undefined) return [];
    const { append, harts = 2, lineScript, ...of } = exploreCase(scenario, design.bootargs);
    const { model } = openRegion(elf, symbolizer, {
      ...{ ...of, harts, bootargs: append ?? '', inject: [] },
      ...{ from: 'scenario_begin', until: 'scenario_end' },
      ...(lineScript === undefined ? {} : { script: lineScript }),
    });
    const { finding, seconds } = find(model);
    return {
      name: `${scenario.name}, ${design.name}`,
      value: `${seconds.toFixed(2)} CPU-s`,
      target: `≤ ${CPU_SECONDS_MAX} CPU-s`,
      pass: finding !== undefined && seconds <= CPU_SECONDS_MAX,
      peer: finding === undefined ? 'not found' : foundAs(finding),
    };
  });
}

function hangs(scenario: ScenarioCase, design: string): boolean {
  const [store, emit] = design.split('+') as [Store, Emitter];
  return expectedOutcome(scenario, store, emit) === 'hangs';
}

/** Searches until something is found, or time is up. */
function find(model: MachineModel): { finding: Finding | undefined; seconds: number } {
  const before = process.cpuUsage();
  let seconds = 0;
  const result = investigate(model, {
    ...DEFAULTS,
    progress: () => {
      const { user, system } = process.cpuUsage(before);
      seconds = (user + system) / 1e6;
    },
    stop: () => seconds > CPU_SECONDS_MAX,
    stopMinimising: () => true,
  });
  return { finding: result.kind === 'finding' ? result : undefined, seconds };
}

function foundAs({ phase, executions, found: { ending, schedule } }: Finding): string {
  return `${endingText(ending)}; execution ${executions} (${phase}), ${schedule.length} steps`;
}

function endingText(ending: Ending): string {
  return ending.kind === 'failed' ? ending.reason.split(':')[0] : ending.kind;
}
