// Small assembly guests for the machine's tests: assembled to the start of RAM, run, looked at.

import { Machine } from '../../src/machine/machine.ts';
import type { MachineOptions, StopReason } from '../../src/machine/machine.ts';
import { assembleFlat } from '../../src/toolchain/assembler.ts';

export const RAM = 0x8000_0000;

/** Board addresses and CSR bits as the tests know them, independent of the code under test. */
const DEFINES = {
  FINISHER: 0x10_0000,
  NMI: 0x11_0000,
  CLINT: 0x200_0000,
  MTIMECMP: 0x200_4000,
  MTIME: 0x200_bff8,
  PLIC: 0xc00_0000,
  UART: 0x1000_0000,
  MSIE: 0x8,
  MTIE: 0x80,
  MEIE: 0x800,
  MIE: 0x8,
  NMIE: 0x8,
};

/** Ends the guest with the code in a0 (`exit`) or with a constant (`exit N`). */
const PROLOGUE = `
  .macro exit code
    li a0, \\code
    exit_a0
  .endm
  .macro exit_a0
    slli a0, a0, 16
    li t6, 0x3333
    or a0, a0, t6
    li t6, FINISHER
    sw a0, 0(t6)
    j .
  .endm
`;

export interface Guest {
  readonly machine: Machine;
  readonly symbols: ReadonlyMap<string, number>;
  /** Address of a symbol. */
  at(symbol: string): number;
  /** Word in memory, unsigned. */
  word(symbol: string, index?: number): number;
  /** Runs until the machine stops, at most 20 virtual ms on. */
  run(): StopReason;
}

/** Assembles and loads a guest. Its code starts at the first instruction, for every hart. */
export function guest(source: string, options: MachineOptions = {}): Guest {
  const { bytes, symbols } = assembleFlat(PROLOGUE + source, RAM, { defines: DEFINES });
  const machine = new Machine({ harts: 1, memoryBytes: 1 << 20, ...options });
  const tohost = symbols.get('tohost');
  machine.load({
    entry: RAM,
    segments: [{ address: RAM, bytes, memoryBytes: bytes.length }],
    ...(tohost === undefined ? {} : { tohost }),
  });
  const at = (symbol: string): number => {
    const address = symbols.get(symbol);
    if (address === undefined) throw new Error(`no symbol ${symbol}`);
    return address;
  };
  return {
    machine,
    symbols,
    at,
    word: (symbol, index = 0) => {
      const view = machine.readMemory(at(symbol) + 4 * index, 4);
      return new DataView(view.buffer).getUint32(0, true);
    },
    run: () => machine.run(machine.now + 20_000_000, { maxInstructions: 5_000_000 }),
  };
}
