// Boots the firmware with one design of printk, runs the workload on it, and takes down what happened:
// every call of printk(), every line on the wire, and how it ended.

import type { ElfFile } from '../debug/elf.ts';
import { toMachineImage } from '../debug/elf.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { Machine, type StopReason } from '../machine/machine.ts';
import { bootToPrompt } from '../lines/boot.ts';
import type { Design } from './designs.ts';
import { PHASE_END, Probe } from './probe.ts';
import { type StuckHart, stuckHarts } from './stuck.ts';
import { Wire, type WireLine } from '../lines/wire.ts';

/** How a run ended. */
export type Ending =
  /** The panic at its end went through, or the calm workload was over. */
  | { readonly kind: 'done' }
  /** Harts run in circles, in that phase. */
  | { readonly kind: 'hang'; readonly phase: number; readonly harts: readonly StuckHart[] }
  /** Nothing runs in circles, yet it does not come to its end. */
  | { readonly kind: 'late'; readonly phase: number };

export interface Recording {
  readonly ending: Ending;
  readonly probe: Probe;
  /** Lines from the start of the workload on. */
  readonly lines: readonly WireLine[];
  readonly machine: Machine;
  /** Virtual time that the workload took, ns. */
  readonly ns: number;
}

const HARTS = 4;
const SLICE_NS = 10_000_000;
/** Longest workload. */
const WORKLOAD_NS = 30_000_000_000;
/** So long without a call of printk, or a character on the wire: is it a hang? */
const SILENCE_NS = 200_000_000;
/** A ring that the burst overflows; after the panic the machine is reset at once. */
const BOOTARGS = 'log_buf_len=16K panic=-1';

/**
 * @param workload what to run: `workload` with its arguments
 * @param options what the kernel command line says besides the design
 * @throws PrintkitError when the program lacks what is to be watched
 */
export function recordWorkload(
  elf: ElfFile,
  symbolizer: Symbolizer,
  design: Design,
  workload = 'workload',
  options = BOOTARGS,
): Recording {
  const bootargs = `${options} ${design.bootargs}`.trim();
  const machine = new Machine({ harts: HARTS, bootargs });
  machine.load(toMachineImage(elf));
  const wire = new Wire(machine.clock);
  machine.uarts[0].attach(wire);
  const booted = bootToPrompt(machine, wire);
  const firstLine = wire.lines.length;
  const startNs = machine.now;
  const probe = new Probe(machine, elf, symbolizer);
  if (booted) wire.type(`run ${workload}\r`);
  const ending = booted
    ? runWorkload(machine, wire, probe, symbolizer)
    : unfinished(machine, probe, symbolizer);
  wire.end();
  const lines = wire.lines.slice(firstLine);
  return { ending, probe, lines, machine, ns: machine.now - startNs };
}

function unfinished(machine: Machine, { phase }: Probe, symbolizer: Symbolizer): Ending {
  const harts = stuckHarts(machine, symbolizer);
  return harts.length > 0 ? { kind: 'hang', phase, harts } : { kind: 'late', phase };
}

function runWorkload(machine: Machine, wire: Wire, probe: Probe, symbolizer: Symbolizer): Ending {
  const deadline = machine.now + WORKLOAD_NS;
  let characters = wire.count;
  let quietSince = machine.now;
  while (machine.now < deadline) {
    const stop = machine.run(machine.now + SLICE_NS);
    if (isOver(stop)) return { kind: 'done' };
    if (probe.phase === PHASE_END) return { kind: 'done' };
    if (probe.active || wire.count !== characters) {
      probe.active = false;
      characters = wire.count;
      quietSince = machine.now;
    } else if (machine.now - quietSince >= SILENCE_NS) {
      const ending = unfinished(machine, probe, symbolizer);
      if (ending.kind === 'hang') return ending;
      quietSince = machine.now;
    }
  }
  return unfinished(machine, probe, symbolizer);
}

/** The guest has restarted, or has turned all its harts off. */
function isOver(stop: StopReason): boolean {
  return stop.kind === 'reboot' || stop.kind === 'stuck' || stop.kind === 'exit';
}
