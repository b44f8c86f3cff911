// The log of the lockless ring (Linux since 5.10, and the store of that name): struct
// printk_ringbuffer, found by the keys that Linux puts into VMCOREINFO.

import { PrintkitError } from '../../errors.ts';
import type { CoreFile } from '../core-file.ts';
import type { KernelLog, LogRecord } from './log-record.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

// The two top bits of prb_desc.state_var.
const DESC_RESERVED = 0n;
const DESC_COMMITTED = 1n;
const DESC_FINALIZED = 2n;
/** Bit 0 of a position: there is no text block. */
const LPOS_DATALESS = 1n;
/** Bounds for sizes that a damaged file may claim. */
const COUNT_BITS_MAX = 22;
const SIZE_BITS_MAX = 28;

interface Layout {
  readonly descBytes: number;
  readonly stateVar: number;
  readonly begin: number;
  readonly next: number;
  readonly infoBytes: number;
  readonly seq: number;
  readonly tsNsec: number;
  readonly textLen: number;
  readonly callerId: number;
}

/** Everything needed from the core file, read at once. */
interface Ring {
  readonly core: CoreFile;
  readonly layout: Layout;
  readonly countMask: bigint;
  readonly descs: DataView;
  readonly infos: DataView;
  readonly text: DataView;
}

/** @throws PrintkitError when a key is missing or memory is not in the file. */
export function readLockless(core: CoreFile, info: Vmcoreinfo): KernelLog {
  const prb = core.long(info.symbol('prb'));
  const descRing = prb + BigInt(info.offset('printk_ringbuffer.desc_ring'));
  const textRing = prb + BigInt(info.offset('printk_ringbuffer.text_data_ring'));
  const field = (base: bigint, name: string) => base + BigInt(info.offset(name));
  const counter = BigInt(info.offset('atomic_long_t.counter'));
  const countBits = core.u32(field(descRing, 'prb_desc_ring.count_bits'));
  const sizeBits = core.u32(field(textRing, 'prb_data_ring.size_bits'));
  if (countBits > COUNT_BITS_MAX || sizeBits > SIZE_BITS_MAX || countBits < 1 || sizeBits < 4) {
    throw new PrintkitError(
      `${core.name}: the ring at 0x${prb.toString(16)} is damaged: ` +
        `2^${countBits} records, 2^${sizeBits} bytes of text`,
    );
  }
  const count = 2 ** countBits;
  const lpos = info.offset('prb_desc.text_blk_lpos');
  const layout = {
    descBytes: info.size('prb_desc'),
    stateVar: info.offset('prb_desc.state_var') + Number(counter),
    begin: lpos + info.offset('prb_data_blk_lpos.begin'),
    next: lpos + info.offset('prb_data_blk_lpos.next'),
    infoBytes: info.size('printk_info'),
    seq: info.offset('printk_info.seq'),
    tsNsec: info.offset('printk_info.ts_nsec'),
    textLen: info.offset('printk_info.text_len'),
    callerId: info.offset('printk_info.caller_id'),
  };
  const pointer = (base: bigint, name: string) => core.long(field(base, name));
  const ring: Ring = {
    core,
    layout,
    countMask: BigInt(count - 1),
    descs: core.view(pointer(descRing, 'prb_desc_ring.descs'), count * layout.descBytes),
    infos: core.view(pointer(descRing, 'prb_desc_ring.infos'), count * layout.infoBytes),
    text: core.view(pointer(textRing, 'prb_data_ring.data'), 2 ** sizeBits),
  };
  const tail = pointer(descRing, 'prb_desc_ring.tail_id') & idMask(core);
  const head = pointer(descRing, 'prb_desc_ring.head_id') & idMask(core);
  return { store: 'lockless', ...walk(ring, tail, head), lost: 0 };
}

const idMask = (core: CoreFile): bigint => (1n << BigInt(core.longBytes * 8 - 2)) - 1n;

/** From the oldest descriptor to the newest, both included. */
function walk(ring: Ring, tail: bigint, head: bigint): Pick<KernelLog, 'records' | 'incomplete'> {
  const { core, layout, countMask } = ring;
  const records: LogRecord[] = [];
  let incomplete = 0;
  const total = ((head - tail) & idMask(core)) + 1n;
  for (let i = 0n; i < total && i <= countMask; i++) {
    const id = (tail + i) & idMask(core);
    const at = Number(id & countMask) * layout.descBytes;
    const stateVar = core.longOf(ring.descs, at + layout.stateVar);
    // A descriptor with another ID has been taken for a record that is older or newer: not this one.
    if ((stateVar & idMask(core)) !== id) continue;
    const state = stateVar >> BigInt(core.longBytes * 8 - 2);
    if (state === DESC_RESERVED) incomplete++;
    if (state !== DESC_COMMITTED && state !== DESC_FINALIZED) continue;
    records.push(record(ring, id, at));
  }
  return { records, incomplete };
}

function record(ring: Ring, id: bigint, descAt: number): LogRecord {
  const { core, layout, infos } = ring;
  const at = Number(id & ring.countMask) * layout.infoBytes;
  const little = core.littleEndian;
  const textLen = infos.getUint16(at + layout.textLen, little);
  // Two bytes follow text_len: the facility, then flags:5 and level:3 as a C compiler packs them.
  const packed = infos.getUint8(at + layout.textLen + 3);
  return {
    seq: infos.getBigUint64(at + layout.seq, little),
    tsNsec: infos.getBigUint64(at + layout.tsNsec, little),
    facility: infos.getUint8(at + layout.textLen + 2),
    level: little ? packed >> 5 : packed & 7,
    callerId: infos.getUint32(at + layout.callerId, little),
    text: text(ring, id, descAt, textLen),
  };
}

/** The text of a record; empty if it has none, or if its block has been used for another one. */
function text(ring: Ring, id: bigint, descAt: number, textLen: number): Uint8Array {
  const { core, layout } = ring;
  const size = BigInt(ring.text.byteLength);
  const begin = core.longOf(ring.descs, descAt + layout.begin);
  const next = core.longOf(ring.descs, descAt + layout.next);
  if ((begin & LPOS_DATALESS) !== 0n || (next & LPOS_DATALESS) !== 0n) return new Uint8Array(0);
  // A block that did not fit behind `begin` lies at the start of the array. One that ends with the
  // array is whole (Linux 7.x); up to 6.x there are none such.
  const wraps = begin / size !== (next - 1n) / size;
  const start = wraps ? 0 : Number(begin % size);
  const end = Number(next % size) || ring.text.byteLength;
  const from = start + core.longBytes;
  if (from > end || core.longOf(ring.text, start) !== id) return new Uint8Array(0);
  const length = Math.min(textLen, end - from);
  return new Uint8Array(ring.text.buffer, ring.text.byteOffset + from, length).slice();
}
