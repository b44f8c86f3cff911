// The log of the store `percpu`: what its reader had merged so far, and behind it the events that were
// still in the CPUs' buffers (percpu-events.ts).

import type { CoreFile } from '../core-file.ts';
import type { KernelLog } from './log-record.ts';
import { readLogbuf } from './logbuf.ts';
import { readPercpuEvents } from './percpu-events.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

/** @throws PrintkitError when a key is missing, memory is not in the file, or a buffer is damaged. */
export function readPercpu(core: CoreFile, info: Vmcoreinfo): KernelLog {
  const merged = readLogbuf(core, info).records;
  const { events, incomplete, lost } = readPercpuEvents(core, info);
  const records = [...merged, ...events].map((record, n) => ({ ...record, seq: BigInt(n) }));
  return { store: 'percpu', records, incomplete, lost };
}
