// The log of the store `safe`: that of `logbuf`, and what lay in the buffers that each CPU has for NMIs
// and for printk_safe sections, waiting for an irq_work to bring it into the log. Linux 4.7 to 5.14 had
// such buffers but told crash tools nothing of them; the keys are printkit's own
// (firmware/printk/store/safe.ts).

import { PrintkitError } from '../../errors.ts';
import type { CoreFile } from '../core-file.ts';
import type { KernelLog, LogRecord } from './log-record.ts';
import { readLogbuf } from './logbuf.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

const CPUS_MAX = 4096;
/** In front of a level, as in the kernel's format strings. */
const KERN_SOH = 1;
const NEWLINE = 10;
const LEVEL_DEFAULT = 4;

/** @throws PrintkitError when a key is missing, memory is not in the file, or a buffer is damaged. */
export function readSafe(core: CoreFile, info: Vmcoreinfo): KernelLog {
  const log = readLogbuf(core, info);
  const cpus = info.number('nr_cpu_ids');
  if (cpus > CPUS_MAX) throw new PrintkitError(`${core.name}: nr_cpu_ids is ${cpus}`);
  const records = [...log.records];
  let lost = 0;
  for (let cpu = 0; cpu < cpus; cpu++) {
    for (const context of ['nmi', 'safe'] as const) {
      const buffer = readBuffer(core, info, `${context}_print_seq`, cpu);
      lost += buffer.lost;
      for (const piece of pieces(buffer.text)) {
        records.push({
          ...piece,
          seq: BigInt(records.length),
          tsNsec: undefined,
          facility: 0,
          callerId: undefined,
          unflushed: { cpu, context },
        });
      }
    }
  }
  return { ...log, store: 'safe', records, lost };
}

function readBuffer(
  core: CoreFile,
  info: Vmcoreinfo,
  symbol: string,
  cpu: number,
): { text: Uint8Array; lost: number } {
  const size = info.size('printk_safe_seq_buf');
  const start = info.offset('printk_safe_seq_buf.buffer');
  const buffer = core.long(info.symbol(symbol)) + BigInt(cpu * size);
  const field = (name: string) => buffer + BigInt(info.offset(`printk_safe_seq_buf.${name}`));
  const length = core.u32(field('len'));
  if (start + length > size) {
    throw new PrintkitError(
      `${core.name}: the ${symbol} of CPU ${cpu} is damaged: len is ${length}`,
    );
  }
  return {
    text: core.read(buffer + BigInt(start), length),
    lost: core.u32(field('message_lost')),
  };
}

/** As the flush would cut the text: at newlines, and where a level says that a message begins. */
function pieces(text: Uint8Array): Pick<LogRecord, 'level' | 'text'>[] {
  const found: Pick<LogRecord, 'level' | 'text'>[] = [];
  let level = LEVEL_DEFAULT;
  let start = 0;
  const cut = (end: number) => {
    if (end > start) found.push({ level, text: text.slice(start, end) });
  };
  for (let at = 0; at < text.length; at++) {
    if (text[at] === NEWLINE) {
      cut(at);
      start = at + 1;
    } else if (text[at] === KERN_SOH) {
      cut(at);
      const digit = (text[++at] ?? 0) - 0x30;
      if (digit >= 0 && digit < 8) level = digit;
      start = at + 1;
    }
  }
  cut(text.length);
  return found;
}
