// A guest of a few lines of assembly with the functions that the probe looks for, whose costs can be
// counted on one's fingers.

import type { ElfFile } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { Probe } from '../../src/compare/probe.ts';
import { Wire } from '../../src/lines/wire.ts';
import { Machine } from '../../src/machine/machine.ts';
import { assembleFlat } from '../../src/toolchain/assembler.ts';

const RAM = 0x8000_0000;
const DEFINES = {
  FINISHER: 0x10_0000,
  NMI: 0x11_0000,
  MTIMECMP: 0x200_4000,
  MTIME: 0x200_bff8,
  UART: 0x1000_0000,
  MTIE: 0x80,
};

/** Every function that the probe wants; a test puts its own in front, which then count. */
const DEFAULTS: Readonly<Record<string, string>> = {
  trap_entry: 'mret',
  nmi_entry: '.word 0x70200073', // mnret
  __switch_to: 'ret',
  vprintk_emit: 'ret',
  vprintk_store: 'ret',
  workload_message: 'ret',
  workload_phase: 'ret',
  panic: 'ret',
};

export interface ProbedGuest {
  readonly machine: Machine;
  readonly probe: Probe;
  readonly wire: Wire;
}

/** Assembles a program and runs it, watched, until it turns the machine off by `j off`. */
export function probedGuest(source: string, harts = 1): ProbedGuest {
  const missing = Object.entries(DEFAULTS).filter(([name]) => !source.includes(`\n${name}:`));
  const text = [
    source,
    'off: li t0, 0x5555\n li t1, FINISHER\n sw t0, 0(t1)\n j .',
    ...missing.map(([name, body]) => `.balign 4\n${name}: ${body}`),
    '.space 1024\nstack:\n',
  ].join('\n');
  const { bytes, symbols } = assembleFlat(text, RAM, { defines: DEFINES });
  const elf = elfOf(bytes, symbols);
  const machine = new Machine({ harts, memoryBytes: 1 << 20 });
  machine.load({ entry: RAM, segments: [{ address: RAM, bytes, memoryBytes: bytes.length }] });
  const wire = new Wire(machine.clock);
  machine.uarts[0].attach(wire);
  const probe = new Probe(machine, elf, new Symbolizer(elf));
  const stop = machine.run(1_000_000_000);
  if (stop.kind !== 'exit') throw new Error(`the guest has not ended: ${stop.kind}`);
  return { machine, probe, wire };
}

/** Functions are as long as it is to the next symbol. */
function elfOf(bytes: Uint8Array, symbols: ReadonlyMap<string, number>): ElfFile {
  const size = bytes.length;
  const addresses = [...symbols.values(), RAM + size].sort((a, b) => a - b);
  return {
    name: 'guest',
    entry: RAM,
    segments: [],
    sections: [
      { name: '.text', address: RAM, size, alloc: true, executable: true, writable: true, bytes },
    ],
    symbols: [...symbols].map(([name, address]) => ({
      name,
      address,
      size: (addresses.find((next) => next > address) ?? address) - address,
      type: 'function' as const,
      global: true,
    })),
  };
}
