// Finds out from VMCOREINFO which store a kernel kept its log in, and reads it.

import { PrintkitError } from '../../errors.ts';
import type { CoreFile } from '../core-file.ts';
import { readLockless } from './lockless.ts';
import type { KernelLog } from './log-record.ts';
import { readLogbuf } from './logbuf.ts';
import { readPercpu } from './percpu.ts';
import { readSafe } from './safe.ts';
import { readSpill } from './spill.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

interface LogReader {
  /** The key that only this store has. */
  readonly key: string;
  read(core: CoreFile, info: Vmcoreinfo): KernelLog;
}

/**
 * In the order in which they are asked: `spill` has the keys of `lockless` and its own, `safe` and
 * `percpu` those of `logbuf` and their own.
 */
const READERS: readonly LogReader[] = [
  { key: 'SYMBOL(printk_spilled)', read: readSpill },
  { key: 'SYMBOL(prb)', read: readLockless },
  { key: 'SYMBOL(safe_print_seq)', read: readSafe },
  { key: 'SYMBOL(percpu_buffers)', read: readPercpu },
  { key: 'SYMBOL(log_first_idx)', read: readLogbuf },
];

/**
 * The kernel log that a core file holds.
 * @throws PrintkitError when there is no VMCOREINFO, or it tells of no log that is known
 */
export function readKernelLog(core: CoreFile): KernelLog {
  const info = Vmcoreinfo.of(core);
  const reader = READERS.find(({ key }) => info.has(key));
  if (reader !== undefined) return reader.read(core, info);
  const keys = READERS.map(({ key }) => key).join(', ');
  throw new PrintkitError(
    `${core.name}: VMCOREINFO tells of no log that is known here (none of ${keys})`,
  );
}
