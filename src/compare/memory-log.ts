// The kernel log in the memory of a machine that has stopped: what a crash dump of it would show. It is
// read as crash tools do, from a core file (src/debug/dmesg/), which here never leaves memory.

import { CoreFile } from '../debug/core-file.ts';
import { corePieces, guestVmcoreinfo } from '../debug/core-writer.ts';
import { readKernelLog } from '../debug/dmesg/read-log.ts';
import type { ElfFile } from '../debug/elf.ts';
import { PrintkitError } from '../errors.ts';
import type { Machine } from '../machine/machine.ts';

/** Texts of the records, oldest first; undefined if the log is damaged, or cannot be found. */
export function logInMemory(machine: Machine, elf: ElfFile): string[] | undefined {
  const vmcoreinfo = guestVmcoreinfo(elf.symbols, machine.memory);
  const pieces = [...corePieces(machine, { vmcoreinfo })];
  const size = pieces.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes.length), 0);
  const core = new Uint8Array(size);
  for (const { offset, bytes } of pieces) core.set(bytes, offset);
  try {
    const file = new CoreFile(
      { size, read: (offset, length) => core.subarray(offset, offset + length) },
      elf.name,
      () => undefined,
    );
    const { records } = readKernelLog(file);
    return records.map(({ text }) => new TextDecoder('latin1').decode(text));
  } catch (error) {
    if (error instanceof PrintkitError) return undefined;
    throw error;
  }
}
