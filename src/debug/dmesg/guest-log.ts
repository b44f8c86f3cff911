// The kernel log of a machine as it is now, without a file in between: for measurements and tests.

import { CoreFile, type CoreSource } from '../core-file.ts';
import { corePieces, guestVmcoreinfo, type CoreMachine } from '../core-writer.ts';
import type { ElfSymbol } from '../elf.ts';
import type { KernelLog } from './log-record.ts';
import { readKernelLog } from './read-log.ts';

/** A machine of which guestVmcoreinfo() can read the memory. */
export interface LoggingMachine extends CoreMachine {
  readonly memory: CoreMachine['memory'] & Parameters<typeof guestVmcoreinfo>[1];
}

/**
 * @param symbols of the guest's ELF: they tell where its VMCOREINFO is
 * @throws PrintkitError when the guest has prepared none, or keeps a log that is not known
 */
export function readGuestLog(machine: LoggingMachine, symbols: readonly ElfSymbol[]): KernelLog {
  const vmcoreinfo = guestVmcoreinfo(symbols, machine.memory);
  return readKernelLog(new CoreFile(coreSource(machine, vmcoreinfo), 'guest'));
}

/** The core file, of which only what is read comes into being. */
function coreSource(machine: CoreMachine, vmcoreinfo: Uint8Array | undefined): CoreSource {
  const pieces = corePieces(machine, { vmcoreinfo });
  const size = Math.max(...pieces.map(({ offset, bytes }) => offset + bytes.length));
  const read = (start: number, length: number): Uint8Array => {
    const out = new Uint8Array(Math.min(length, size - start));
    for (const { offset, bytes } of pieces) {
      const from = Math.max(start, offset);
      const to = Math.min(start + out.length, offset + bytes.length);
      if (from < to) out.set(bytes.subarray(from - offset, to - offset), from - start);
    }
    return out;
  };
  return { size, read };
}
