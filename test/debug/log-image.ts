// Memory images with a kernel log in them, of any word size and byte order, and core files around them:
// what Linux would have left. The rings are written here anew, from the description of their layout.

export interface Shape {
  readonly longBytes: 4 | 8;
  readonly little: boolean;
}

export interface Message {
  readonly text: string;
  readonly tsNsec?: bigint;
  readonly level?: number;
  readonly facility?: number;
  readonly callerId?: number;
  /** State that the descriptor is left in. Default finalized. */
  readonly state?: 0 | 1 | 2;
}

export interface LogImage extends Shape {
  readonly base: bigint;
  readonly memory: Uint8Array;
  readonly vmcoreinfo: string;
}

export const RV32: Shape = { longBytes: 4, little: true };
const BASE_32 = 0x8000_0000n;
const BASE_64 = 0xffff_ffff_8000_0000n;
const IMAGE_BYTES = 0x8000;
const HEADER = 'OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=1000\n';

/** Writes numbers of a shape into memory at offsets. */
function writer(memory: Uint8Array, { longBytes, little }: Shape) {
  const view = new DataView(memory.buffer);
  return {
    view,
    u32: (at: number, value: number) => view.setUint32(at, value, little),
    u64: (at: number, value: bigint) => view.setBigUint64(at, value, little),
    long: (at: number, value: bigint) => {
      if (longBytes === 8) view.setBigUint64(at, BigInt.asUintN(64, value), little);
      else view.setUint32(at, Number(BigInt.asUintN(32, value)), little);
    },
    /** struct printk_info's or printk_log's: u16 text_len…, u8 facility, u8 flags:5 level:3. */
    packed: (level: number) => (little ? level << 5 : level),
  };
}

/** A lockless ring of 2^countBits descriptors that has got these messages, one after the other. */
export function lockless(
  messages: readonly Message[],
  shape: Shape = RV32,
  { countBits = 4, sizeBits = 10, rule = '6.1' } = {},
): LogImage {
  const W = shape.longBytes;
  const base = W === 8 ? BASE_64 : BASE_32;
  const memory = new Uint8Array(IMAGE_BYTES);
  const out = writer(memory, shape);
  const count = 1 << countBits;
  const size = 1 << sizeBits;
  const at = { pointer: 0x100, ring: 0x200, descs: 0x400, infos: 0x1000, text: 0x4000 };
  const idMask = (1n << BigInt(W * 8 - 2)) - 1n;
  const stateVar = (id: bigint, state: number) => (BigInt(state) << BigInt(W * 8 - 2)) | id;
  const slot = (id: bigint) => Number(id % BigInt(count));
  const desc = (id: bigint) => at.descs + slot(id) * 3 * W;

  const first = -BigInt(count + 1) & idMask;
  for (let i = 0n; i < BigInt(count); i++)
    out.long(desc((first - i) & idMask), stateVar(first - i, 3));
  const kept: { id: bigint; begin: number }[] = [];
  let id = first;
  // Positions start a wrap before 0, as Linux's do; here as plain numbers.
  let head = size * 8 - size;
  let tail = head;
  messages.forEach((message, seq) => {
    id = (id + 1n) & idMask;
    const bytes = new TextEncoder().encode(message.text);
    const block = Math.ceil((W + bytes.length) / W) * W;
    const last = rule === '6.1' ? head + block : head + block - 1;
    const wraps = bytes.length > 0 && Math.floor(head / size) !== Math.floor(last / size);
    const begin = head;
    if (wraps) head = Math.ceil((head + 1) / size) * size + block;
    else if (bytes.length > 0) head += block;
    while (head - tail > size || kept.length >= count - 1) {
      const gone = kept.shift();
      if (!gone) throw new Error('message too long');
      out.long(desc(gone.id), stateVar(gone.id, 3));
      tail = kept[0]?.begin ?? begin;
    }
    const blockAt = at.text + (wraps ? 0 : begin % size);
    if (bytes.length > 0) {
      out.long(at.text + (begin % size), id);
      out.long(blockAt, id);
      memory.set(bytes, blockAt + W);
      kept.push({ id, begin });
    } else kept.push({ id, begin: head });
    out.long(desc(id), stateVar(id, message.state ?? 2));
    out.long(desc(id) + W, bytes.length > 0 ? BigInt(begin) : 3n);
    out.long(desc(id) + 2 * W, bytes.length > 0 ? BigInt(head) : 3n);
    const info = at.infos + slot(id) * 88;
    out.u64(info, BigInt(seq));
    out.u64(info + 8, message.tsNsec ?? 0n);
    out.view.setUint16(info + 16, bytes.length, shape.little);
    memory[info + 18] = message.facility ?? 0;
    memory[info + 19] = out.packed(message.level ?? 6);
    out.u32(info + 20, message.callerId ?? 0);
  });

  out.long(at.pointer, base + BigInt(at.ring));
  out.u32(at.ring, countBits);
  out.long(at.ring + W, base + BigInt(at.descs));
  out.long(at.ring + 2 * W, base + BigInt(at.infos));
  out.long(at.ring + 3 * W, id);
  out.long(at.ring + 4 * W, kept[0] ? kept[0].id : first);
  out.u32(at.ring + 6 * W, sizeBits);
  out.long(at.ring + 7 * W, base + BigInt(at.text));
  out.long(at.ring + 8 * W, BigInt(head));
  out.long(at.ring + 9 * W, BigInt(tail));
  const address = (offset: number) => (base + BigInt(offset)).toString(16);
  const offsets = {
    'printk_ringbuffer.desc_ring': 0,
    'printk_ringbuffer.text_data_ring': 6 * W,
    'printk_ringbuffer.fail': 10 * W,
    'prb_desc_ring.count_bits': 0,
    'prb_desc_ring.descs': W,
    'prb_desc_ring.infos': 2 * W,
    'prb_desc_ring.head_id': 3 * W,
    'prb_desc_ring.tail_id': 4 * W,
    'prb_desc.state_var': 0,
    'prb_desc.text_blk_lpos': W,
    'prb_data_blk_lpos.begin': 0,
    'prb_data_blk_lpos.next': W,
    'printk_info.seq': 0,
    'printk_info.ts_nsec': 8,
    'printk_info.text_len': 16,
    'printk_info.caller_id': 20,
    'printk_info.dev_info': 24,
    'dev_printk_info.subsystem': 0,
    'dev_printk_info.device': 16,
    'prb_data_ring.size_bits': 0,
    'prb_data_ring.data': W,
    'prb_data_ring.head_lpos': 2 * W,
    'prb_data_ring.tail_lpos': 3 * W,
    'atomic_long_t.counter': 0,
    'latched_seq.val': 0,
  };
  const sizes = {
    printk_ringbuffer: 11 * W,
    prb_desc_ring: 6 * W,
    prb_desc: 3 * W,
    prb_data_blk_lpos: 2 * W,
    printk_info: 88,
    dev_printk_info: 64,
    prb_data_ring: 4 * W,
    atomic_long_t: W,
    latched_seq: 16,
  };
  const vmcoreinfo = [
    `SYMBOL(prb)=${address(at.pointer)}`,
    `SYMBOL(printk_rb_static)=${address(at.ring)}`,
    `SYMBOL(clear_seq)=${address(0)}`,
    ...Object.entries(sizes).map(([name, value]) => `SIZE(${name})=${value}`),
    ...Object.entries(offsets).map(([name, value]) => `OFFSET(${name})=${value}`),
    'LENGTH(printk_info_subsystem)=16',
    'LENGTH(printk_info_device)=48',
  ];
  return { ...shape, base, memory, vmcoreinfo: `${HEADER}${vmcoreinfo.join('\n')}\n` };
}

/** A buffer of struct printk_log that has got these messages, as Linux 4.4 or (with `caller`) 5.4 has it. */
export function logbuf(
  messages: readonly Message[],
  shape: Shape = RV32,
  { bytes = 1024, caller = false } = {},
): LogImage {
  const base = shape.longBytes === 8 ? BASE_64 : BASE_32;
  const memory = new Uint8Array(IMAGE_BYTES);
  const out = writer(memory, shape);
  const at = {
    pointer: 0x100,
    length: 0x110,
    first: 0x114,
    next: 0x118,
    clear: 0x11c,
    text: 0x4000,
  };
  const header = caller ? 20 : 16;
  const kept: { idx: number; size: number }[] = [];
  let next = 0;
  for (const message of messages) {
    const text = new TextEncoder().encode(message.text);
    const size = Math.ceil((header + text.length) / 4) * 4;
    if (next + size + header > bytes) {
      while (kept.length > 0 && kept[0].idx >= next) kept.shift();
      memory.fill(0, at.text + next, at.text + Math.min(next + header, bytes));
      next = 0;
    }
    // Room for a wrap mark behind the record, too.
    while (kept.length > 0 && kept[0].idx >= next && kept[0].idx < next + size + header)
      kept.shift();
    const record = at.text + next;
    out.u64(record, message.tsNsec ?? 0n);
    out.view.setUint16(record + 8, size, shape.little);
    out.view.setUint16(record + 10, text.length, shape.little);
    out.view.setUint16(record + 12, 0, shape.little);
    memory[record + 14] = message.facility ?? 0;
    memory[record + 15] = out.packed(message.level ?? 6);
    if (caller) out.u32(record + 16, message.callerId ?? 0);
    memory.set(text, record + header);
    kept.push({ idx: next, size });
    next += size;
  }
  out.long(at.pointer, base + BigInt(at.text));
  out.u32(at.length, bytes);
  out.u32(at.first, kept[0]?.idx ?? next);
  out.u32(at.next, next);
  const address = (offset: number) => (base + BigInt(offset)).toString(16);
  const vmcoreinfo = [
    `SYMBOL(log_buf)=${address(at.pointer)}`,
    `SYMBOL(log_buf_len)=${address(at.length)}`,
    `SYMBOL(log_first_idx)=${address(at.first)}`,
    `SYMBOL(clear_idx)=${address(at.clear)}`,
    `SYMBOL(log_next_idx)=${address(at.next)}`,
    `SIZE(printk_log)=${header}`,
    'OFFSET(printk_log.ts_nsec)=0',
    'OFFSET(printk_log.len)=8',
    'OFFSET(printk_log.text_len)=10',
    'OFFSET(printk_log.dict_len)=12',
  ];
  return { ...shape, base, memory, vmcoreinfo: `${HEADER}${vmcoreinfo.join('\n')}\n` };
}

/** A core file with that memory: one PT_LOAD, then one PT_NOTE, as kexec's kernel makes it. */
export function coreFile(image: LogImage, { type = 4, note = 'VMCOREINFO' } = {}): Uint8Array {
  const is64 = image.longBytes === 8;
  const ehdr = is64 ? 64 : 52;
  const phdr = is64 ? 56 : 32;
  const info = new TextEncoder().encode(image.vmcoreinfo);
  const notes = new Uint8Array(12 + 12 + Math.ceil(info.length / 4) * 4);
  const noteView = new DataView(notes.buffer);
  [note.length + 1, info.length, 0].forEach((v, i) => noteView.setUint32(4 * i, v, image.little));
  notes.set(new TextEncoder().encode(`${note}\0`), 12);
  notes.set(info, 24);
  const loadAt = ehdr + 2 * phdr;
  const notesAt = loadAt + image.memory.length;
  const bytes = new Uint8Array(notesAt + notes.length);
  const out = writer(bytes, image);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, image.little ? 1 : 2, 1]);
  [type, is64 ? 62 : 243].forEach((v, i) => out.view.setUint16(16 + 2 * i, v, image.little));
  out.u32(20, 1);
  out.long(is64 ? 32 : 28, BigInt(ehdr));
  [ehdr, phdr, 2].forEach((v, i) => out.view.setUint16((is64 ? 52 : 40) + 2 * i, v, image.little));
  const header = (
    at: number,
    ptype: number,
    offset: number,
    va: bigint,
    size: number,
    mem: number,
  ) => {
    out.u32(at, ptype);
    const longs = is64 ? [8, 16, 24, 32, 40, 48] : [4, 8, 12, 16, 20, 28];
    [BigInt(offset), va, va, BigInt(size), BigInt(mem), 4n].forEach((v, i) =>
      out.long(at + (longs[i] ?? 0), v),
    );
  };
  header(ehdr, 1, loadAt, image.base, image.memory.length, image.memory.length);
  header(ehdr + phdr, 4, notesAt, 0n, notes.length, 0);
  bytes.set(image.memory, loadAt);
  bytes.set(notes, notesAt);
  return bytes;
}
