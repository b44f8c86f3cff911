// Brings a guest to where an exploration starts: a scenario of the firmware, between scenario_begin and
// scenario_end, or any two symbols of any program. Up to there a line script is played at its times; what
// is left of it then belongs to the exploration.

import { checkDesign } from '../compare/designs.ts';
import type { Uart8250Fault } from '../../devices/uart8250/index.ts';
import { type ElfFile, toMachineImage } from '../debug/elf.ts';
import { firmwareSites, lockSites, type LockSites, type LockTable } from '../debug/lock-table.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { PrintkitError } from '../errors.ts';
import { bootToPrompt } from '../lines/boot.ts';
import { followSymbols, LineScript, parseLineScript } from '../lines/line-script.ts';
import { Wire } from '../lines/wire.ts';
import type { MachineImage } from '../machine/image.ts';
import type { MachineOptions } from '../machine/machine-options.ts';
import { Machine } from '../machine/machine.ts';
import { misnamed } from './guest-scenarios.ts';
import { messageSites } from './message-check.ts';
import { LockWatch } from './lock-watch.ts';
import { type ExploreRegion, type Injection, MachineModel } from './machine-model.ts';

export interface RegionOptions {
  readonly harts: number;
  /** The kernel's command line. */
  readonly bootargs: string;
  readonly inject: readonly Injection[];
  /** Symbols at which the region begins and ends. */
  readonly from: string;
  readonly until: string;
  /** Behind `run` in the guest's shell; without one, `from` has to come by itself. */
  readonly scenario?: string;
  /** What the far ends of the lines do: the text of a line script (docs/scenarios.md). */
  readonly script?: string;
  /** A defect of the first UART. */
  readonly fault?: Uart8250Fault;
  /** Whether a reset of the machine is a good end. */
  readonly resets?: boolean;
  /** Whether messages are compared with the wire where an execution ends well. Default no. */
  readonly messages?: boolean;
  /** Whether the scenario's own verdict, which comes behind the region, counts. Default no. */
  readonly verdict?: boolean;
  /** The functions of the guest's locks. Default: those of the firmware, if it is the firmware. */
  readonly locks?: LockTable;
}

/** The start of an exploration as plain data, which may be handed to another thread. */
export interface Start {
  readonly options: MachineOptions;
  readonly image: MachineImage;
  /** `Machine.save()` at the moment when the region begins. */
  readonly saved: Uint8Array;
  readonly region: Omit<ExploreRegion, 'locks'>;
  /** Where the guest takes and gives back locks, if that is known. */
  readonly locks?: LockSites;
}

export interface Region {
  readonly machine: Machine;
  readonly model: MachineModel;
}

const SECOND_NS = 1_000_000_000;
/** Longest way from the prompt, or from power-on, to where the region begins, virtual ns. */
const SETUP_NS = 2 * SECOND_NS;
const BOOT_NS = 10 * SECOND_NS;
/** For so long a scenario does not sleep, virtual ns: it then waits for something that is lost. */
const SCENARIO_QUIET_NS = SECOND_NS;
const UNKNOWN_DESIGN = /printk: unknown (preset )?printk|invalid for parameter `printk/;
/** What a line script is called in messages. */
const SCRIPT = 'line script';

/**
 * Boots, and comes to where the region begins.
 * @throws PrintkitError for a symbol or a design of printk that does not exist, a mistake in the script, and
 * a region that never begins
 */
export function startOf(elf: ElfFile, symbolizer: Symbolizer, region: RegionOptions): Start {
  const { harts, bootargs, inject, scenario, fault, resets = false } = region;
  const from = symbolizer.address(region.from);
  const until = [symbolizer.address(region.until)];
  const locks =
    region.locks === undefined
      ? firmwareSites(symbolizer)
      : lockSites(region.locks, symbolizer, 'table of locks');
  const messages = region.messages === true ? messageSites(elf, bootargs) : undefined;
  const options = { harts, bootargs, uarts: [fault === undefined ? {} : { fault }] };
  const image = toMachineImage(elf);
  const machine = new Machine(options);
  const events = parseLineScript(region.script ?? '', SCRIPT, machine.uarts.length);
  machine.load(image);
  const wire = new Wire(machine.clock);
  machine.uarts[0].attach(wire);
  if (scenario !== undefined) {
    if (!bootToPrompt(machine, wire)) {
      throw new PrintkitError(`the guest does not get to its prompt${lastWords(machine, wire)}`);
    }
    wire.type(`run ${scenario}\r`);
  }
  const play = new LineScript(events, machine.clock, machine.uarts);
  followSymbols(play, machine, (symbol) => symbolizer.find(symbol)?.address, SCRIPT);
  const limit = machine.now + (scenario === undefined ? BOOT_NS : SETUP_NS);
  const hart = machine.runTo(new Set([from]), limit);
  // Asked for a design that it does not know, the firmware takes another one and says so.
  if (wire.lines.some(({ text }) => UNKNOWN_DESIGN.test(text))) checkDesign(bootargs);
  if (hart === undefined) {
    const what = scenario === undefined ? 'the program' : `run ${scenario}`;
    // Before the guest is asked for its scenarios, which it then has said last.
    const words = lastWords(machine, wire);
    const wrong = scenario === undefined ? undefined : misnamed(machine, wire, scenario);
    throw new PrintkitError(
      wrong ?? `${what} never comes to ${region.from}${words}: nothing to explore`,
    );
  }
  play.reached(region.from, hart.localNs);
  const [late] = play.awaited;
  if (late !== undefined) {
    throw new PrintkitError(
      `${SCRIPT}: ${late} has not come before ${region.from}: let the script count from that`,
    );
  }
  const script = play.handOver();
  const quietNs = scenario === undefined ? Infinity : SCENARIO_QUIET_NS;
  const quietTimeMax = quietNs / machine.nsPerInstruction;
  const panicking = symbolizer.find('panic_cpu')?.address;
  return {
    options,
    image,
    saved: machine.save(),
    ...(locks && { locks }),
    region: {
      ...{ until, inject, script, resets, quietTimeMax },
      ...(panicking !== undefined && { panicking }),
      ...(messages && { messages }),
      ...(region.verdict === true && { verdict: true }),
    },
  };
}

/** A machine of its own at that start, to be explored. Without symbols, its locks are not followed. */
export function regionAt(
  { options, image, saved, region, locks }: Start,
  symbolizer?: Symbolizer,
): Region {
  const machine = new Machine(options);
  machine.load(image);
  machine.restore(saved);
  const watch = locks && symbolizer && { locks: new LockWatch(machine, symbolizer, locks) };
  return { machine, model: new MachineModel(machine, { ...region, ...watch }) };
}

/** @throws PrintkitError as startOf does */
export function openRegion(elf: ElfFile, symbolizer: Symbolizer, options: RegionOptions): Region {
  return regionAt(startOf(elf, symbolizer, options), symbolizer);
}

/** What the guest has said last, or why it has stopped. */
function lastWords({ stopped }: Machine, wire: Wire): string {
  const said = [...wire.lines.map(({ text }) => text), wire.unfinished].filter(
    (text) => text.trim() !== '' && !text.startsWith('printkit#'),
  );
  const last = said.at(-1);
  const what = stopped?.kind === 'stuck' ? stopped.reason : stopped?.kind;
  const why = what === undefined ? '' : ` (it stopped: ${what})`;
  return last === undefined ? why : `${why}; its last line is "${last}"`;
}
