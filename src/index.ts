// The public API: what `import … from 'printkit'` gives, grouped by task. Device models alone are
// in `printkit/devices`.

// Run a program on a machine.
export { Machine } from './machine/machine.ts';
export type {
  MachineImage,
  MachineOptions,
  RunOptions,
  StopReason,
  UartOptions,
} from './machine/machine.ts';
export { PrintkitError } from './errors.ts';

// Explore its schedules. Matchers for vitest are in `printkit/vitest`.
export { explore } from './explore/explore.ts';
export type {
  Exploration,
  ExploredCoverage,
  ExploredFinding,
  ExploreOptions,
  ExploreProgress,
} from './explore/explore.ts';
export type { WarningReport, WarningStatus } from './explore/lock-warning.ts';
export type { Bounds } from './explore/search.ts';
export { parseLockTable } from './debug/lock-table.ts';
export type { LockTable } from './debug/lock-table.ts';
export { scenario } from './scenario.ts';
export type { ScenarioOptions } from './scenario.ts';

// Load it from an ELF file, and name its addresses.
export { readElf, readElfFile, toMachineImage } from './debug/elf.ts';
export type { ElfFile, ElfSection, ElfSegment, ElfSymbol } from './debug/elf.ts';
export { Symbolizer } from './debug/symbolizer.ts';
export { guestReport } from './debug/guest-report.ts';

// Write a core file of it, and read the kernel log from one, or from the machine itself.
export { writeCoreFile } from './debug/core-writer.ts';
export { CoreFile, openCoreFile } from './debug/core-file.ts';
export { readKernelLog } from './debug/dmesg/read-log.ts';
export { readGuestLog } from './debug/dmesg/guest-log.ts';
export type { KernelLog, LogRecord } from './debug/dmesg/log-record.ts';

// Attach something to its serial ports: a scripted end for tests, or one of your own.
export { MockLine } from '../devices/uart8250/mock-line.ts';
export type { MockLineEvent } from '../devices/uart8250/mock-line.ts';
export type {
  LinePort,
  LineSettings,
  ModemInputs,
  ModemOutputs,
  SerialLine,
} from '../devices/uart8250/line.ts';
export { LineAttachment } from './lines/attachment.ts';
export type { AttachmentEvents, ReceiverProbe } from './lines/attachment.ts';
export type { End, EndListener } from './lines/end.ts';
export { END_FORMS, makeEnd, parseEndSpec } from './lines/spec.ts';
export type { EndSpec } from './lines/spec.ts';
