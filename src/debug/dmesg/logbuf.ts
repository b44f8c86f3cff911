// The log of variable-length records in one buffer (Linux 3.5 to 5.9, and the stores `logbuf` and
// `safe`): struct printk_log, found by the keys that Linux put into VMCOREINFO.

import { PrintkitError } from '../../errors.ts';
import type { CoreFile } from '../core-file.ts';
import type { KernelLog, LogRecord } from './log-record.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

const BUFFER_BYTES_MAX = 2 ** 28;
/** A printk_log with CONFIG_PRINTK_CALLER has a word more than the 16 bytes that it had before. */
const CALLER_OFFSET = 16;

/** @throws PrintkitError when a key is missing, memory is not in the file, or the records are damaged. */
export function readLogbuf(core: CoreFile, info: Vmcoreinfo): KernelLog {
  const damaged = (what: string) => new PrintkitError(`${core.name}: the log is damaged: ${what}`);
  const headerBytes = info.size('printk_log');
  const offsets = {
    tsNsec: info.offset('printk_log.ts_nsec'),
    len: info.offset('printk_log.len'),
    textLen: info.offset('printk_log.text_len'),
    dictLen: info.offset('printk_log.dict_len'),
  };
  const bytes = core.u32(info.symbol('log_buf_len'));
  if (bytes > BUFFER_BYTES_MAX) throw damaged(`log_buf_len is ${bytes}`);
  const buffer = core.view(core.long(info.symbol('log_buf')), bytes);
  const end = core.u32(info.symbol('log_next_idx'));
  const records: LogRecord[] = [];
  let at = core.u32(info.symbol('log_first_idx'));
  // Each step goes forward or wraps; more steps than bytes is a circle.
  for (let steps = 0; at !== end; steps++) {
    if (at + headerBytes > bytes || steps > bytes) throw damaged(`no record at ${at}`);
    const u16 = (offset: number) => buffer.getUint16(at + offset, core.littleEndian);
    const length = u16(offsets.len);
    if (length === 0) {
      at = 0; // the rest of the buffer was too short
      continue;
    }
    const textLen = u16(offsets.textLen);
    if (length < headerBytes + textLen || at + length > bytes) throw damaged(`record at ${at}`);
    // Two bytes follow dict_len: the facility, then flags:5 and level:3 as a C compiler packs them.
    const packed = buffer.getUint8(at + offsets.dictLen + 3);
    records.push({
      seq: BigInt(records.length),
      tsNsec: buffer.getBigUint64(at + offsets.tsNsec, core.littleEndian),
      facility: buffer.getUint8(at + offsets.dictLen + 2),
      level: core.littleEndian ? packed >> 5 : packed & 7,
      callerId:
        headerBytes >= CALLER_OFFSET + 4
          ? buffer.getUint32(at + CALLER_OFFSET, core.littleEndian)
          : undefined,
      text: new Uint8Array(buffer.buffer, buffer.byteOffset + at + headerBytes, textLen).slice(),
    });
    at += length;
  }
  return { store: 'logbuf', records, incomplete: 0, lost: 0 };
}
