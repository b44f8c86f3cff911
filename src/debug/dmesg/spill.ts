// The log of the store `spill`: the lockless ring, and behind it what had found no room there and was
// still in the CPUs' buffers (percpu-events.ts). Those records have no numbers yet: they get the next ones.

import type { CoreFile } from '../core-file.ts';
import { readLockless } from './lockless.ts';
import type { KernelLog } from './log-record.ts';
import { readPercpuEvents } from './percpu-events.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

/** @throws PrintkitError when a key is missing, memory is not in the file, or a buffer is damaged. */
export function readSpill(core: CoreFile, info: Vmcoreinfo): KernelLog {
  const ring = readLockless(core, info);
  const { events, incomplete } = readPercpuEvents(core, info);
  const first = (ring.records.at(-1)?.seq ?? -1n) + 1n;
  const spilled = events.map((event, n) => ({ ...event, seq: first + BigInt(n) }));
  return {
    store: 'spill',
    records: [...ring.records, ...spilled],
    incomplete: ring.incomplete + incomplete,
    // The guest tells of lost messages in the log itself.
    lost: 0,
  };
}
