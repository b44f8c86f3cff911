// The program that runs: its image for the machine, and on demand its symbols for people.

import { guestVmcoreinfo, writeCoreFile } from '../debug/core-writer.ts';
import { type ElfFile, readElfFile, toMachineImage } from '../debug/elf.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import type { Tracer } from '../debug/trace.ts';
import type { Machine, MachineImage } from '../machine/machine.ts';

export interface Guest {
  readonly image: MachineImage;
  /** Symbols and lines, read when they are first asked for. */
  symbols(): Promise<Symbolizer>;
  /** Registers and call traces of all harts, for a guest that has died. */
  report(machine: Machine, stop: { reason: string; hart: number }): Promise<string>;
  /** Writes memory and registers as an ELF core file; `hart` is shown first. */
  writeCore(path: string, machine: Machine, hart?: number): void;
  /** Writes the lines of `--trace`: `before` goes into the machine's trace hook, `flush` ends it. */
  tracer(machine: Machine, write: (line: string) => void): Promise<Tracer>;
}

/** @throws PrintkitError when the file is not a program that the machine can run. */
export function loadGuest(path: string): Guest {
  const elf: ElfFile = readElfFile(path);
  let symbolizer: Symbolizer | undefined;
  const symbols = async () => {
    const { Symbolizer: Class } = await import('../debug/symbolizer.ts');
    symbolizer ??= new Class(elf);
    return symbolizer;
  };
  return {
    image: toMachineImage(elf),
    symbols,
    async report(machine, stop) {
      const { guestReport } = await import('../debug/guest-report.ts');
      return `${guestReport(machine, await symbols(), stop)}\n`;
    },
    writeCore(path, machine, hart) {
      const vmcoreinfo = guestVmcoreinfo(elf.symbols, machine.memory);
      writeCoreFile(path, machine, { vmcoreinfo, hart });
    },
    async tracer(machine, write) {
      const { Tracer: Class } = await import('../debug/trace.ts');
      return new Class(machine, await symbols(), write);
    },
  };
}
