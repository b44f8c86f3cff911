// Runs one scenario of the guest (docs/scenarios.md) under one design of printk, with a line script as the
// far end, and tells where it got to and, if it hangs, where each hart is.

import type { Uart8250Fault } from '../../devices/uart8250/index.ts';
import { followSymbols, parseLineScript } from '../lines/line-script.ts';
import { PROMPT } from '../lines/boot.ts';
import type { Design } from './designs.ts';
import type { BootOptions, Guests } from './guests.ts';
import { type StuckHart, stuckHarts } from './stuck.ts';
import { Wire } from '../lines/wire.ts';

const MS = 1_000_000;
/** Longer than any scenario takes to set up, and than most take for their interesting part. */
const SETUP_MS = 300;
const REGION_MS = 70;
/** For what a scenario has left in the terminal's buffers; then for what is printed later than it was said. */
const VERDICT_MS = 3000;
const AFTER_MS = 60;

export interface ScenarioOptions {
  /** The far end: the text of a line script. */
  readonly script?: string;
  /** What the kernel command line says besides the design. */
  readonly bootargs?: string;
  readonly harts?: number;
  /** A defect of the UART. */
  readonly fault?: Uart8250Fault;
  /** What comes behind the name in the run command. */
  readonly args?: string;
  /** Longer than its interesting part takes if it does not hang, virtual ms. */
  readonly regionMs?: number;
}

export interface ScenarioRun {
  /** Whether the interesting part was reached, and left; for one that ends in a reset, by that. */
  readonly begun: boolean;
  readonly ended: boolean;
  /** The console from the run command on, without time stamps. */
  readonly text: string;
  /** If it did not end: harts that run in circles. */
  readonly stuck: readonly StuckHart[];
}

/** What a scenario's guest is booted with. */
export function scenarioBoot(
  design: Design,
  { bootargs = '', harts = 2, fault }: ScenarioOptions,
): BootOptions {
  return { harts, bootargs: `${design.bootargs} ${bootargs}`.trim(), fault };
}

/** @throws PrintkitError for a mistake in the script */
export function runScenario(
  guests: Guests,
  design: Design,
  name: string,
  options: ScenarioOptions = {},
): ScenarioRun {
  const { script = '', args = '', regionMs = REGION_MS } = options;
  const { symbolizer } = guests;
  const guest = guests.boot(scenarioBoot(design, options));
  const { machine, wire } = guest;
  if (!guest.prompted) {
    const stuck = stuckHarts(machine, symbolizer);
    return { begun: false, ended: false, text: textOf(wire, 0), stuck };
  }
  guest.script.play(parseLineScript(script, 'script', machine.uarts.length));
  const seen = new Set<string>();
  for (const mark of ['scenario_begin', 'scenario_end']) {
    guest.watch(symbolizer.address(mark), () => seen.add(mark));
  }
  followSymbols(guest.script, guest, (symbol) => symbolizer.find(symbol)?.address, 'script');
  const from = wire.lines.length;
  let reset = false;
  wire.type(`run ${name}${args === '' ? '' : ` ${args}`}\r`);
  const runUntil = (ms: number, over: () => boolean) => {
    const end = machine.now + ms * MS;
    while (machine.now < end && !over()) {
      const { kind } = machine.run(machine.now + MS);
      reset ||= kind === 'reboot';
      if (kind !== 'time') return;
    }
  };
  runUntil(SETUP_MS, () => seen.has('scenario_begin') || wire.unfinished === PROMPT);
  runUntil(regionMs, () => seen.has('scenario_end'));
  const ended = reset || seen.has('scenario_end');
  const stuck = ended ? [] : stuckHarts(machine, symbolizer);
  if (ended && !reset) {
    runUntil(VERDICT_MS, () => textOf(wire, from).includes(`run: ${name}: `));
    runUntil(AFTER_MS, () => false);
  }
  return { begun: seen.has('scenario_begin'), ended, text: textOf(wire, from), stuck };
}

/** Console output from a line on, without time stamps. */
function textOf(wire: Wire, from: number): string {
  const lines = [...wire.lines.slice(from).map(({ text }) => text), wire.unfinished];
  return lines.map((line) => line.replace(/^\[ *\d+\.\d{6}\] /, '')).join('\n');
}
