// The ring of records that the stores `logbuf`, `safe` and `percpu` share, against a model: records come
// out as they went in, oldest first, and only the oldest are ever dropped.

import fc from 'fast-check';
import { beforeEach, expect, it } from 'vitest';
import { guest, type Guest } from '../firmware/harness.ts';

const LOG_BUF_LEN = 65536;
const HEADER_SIZE = 20;

const SOURCE = `
  import { record_ring, record_ring_init, record_ring_read, record_ring_store } from './printk/store/record-ring';
  import { info_level, printk_info, printk_record, set_info_level_flags } from './printk/store/store';
  const ring: record_ring = changetype<record_ring>(memory.data(64, 8));
  const buffer: usize = memory.data(65536, 8);
  const info: printk_info = changetype<printk_info>(memory.data(88, 8));
  const record: printk_record = changetype<printk_record>(memory.data(64, 8));
  const record_info: usize = memory.data(88, 8);
  const written: usize = memory.data(2048, 8);
  const text: usize = memory.data(2048, 8);
  export function init(): void { record_ring_init(ring, buffer, 65536); }
  export function add(byte: u32, length: u32, level: u32): u32 {
    memory.fill(written, <u8>byte, length);
    info.text_len = <u16>length;
    set_info_level_flags(info, level, 2);
    info.ts_nsec = <u64>byte * 1000000007;
    return record_ring_store(ring, info, 0, written) ? 1 : 0;
  }
  export function read(seq: u32, size: u32): i32 {
    record.info = changetype<printk_info>(record_info);
    record.text = text;
    record.text_size = size;
    return record_ring_read(ring, seq, record) ? <i32>record.info.seq : -1;
  }
  export function text_at(): usize { return text; }
  export function text_len(): u32 { return record.info.text_len; }
  export function level(): u32 { return info_level(record.info); }
  export function stamp(): u32 { return <u32>(record.info.ts_nsec / 1000000007); }
  export function first(): u32 { return <u32>ring.first_seq; }
  export function next(): u32 { return <u32>ring.next_seq; }
`;

let log: Guest;
beforeEach(async () => {
  log = await guest(SOURCE);
  log.call('init');
});

interface Entry {
  byte: number;
  length: number;
  level: number;
}

function expectRecord(seq: number, { byte, length, level }: Entry): void {
  expect(log.call('read', seq, 2048)).toBe(seq);
  expect(log.call('text_len')).toBe(length);
  expect(log.call('level')).toBe(level);
  expect(log.call('stamp')).toBe(byte);
  const text = log.read(log.call('text_at'), length);
  expect(text).toBe(String.fromCharCode(byte).repeat(length));
}

it('keeps every record that must still fit, whatever the lengths', () => {
  const entry = fc.record({
    byte: fc.integer({ min: 33, max: 126 }),
    length: fc.integer({ min: 0, max: 992 }),
    level: fc.integer({ min: 0, max: 7 }),
  });
  // One log for all runs, so that wrapping happens at ever different places.
  const all: Entry[] = [];
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 60 }), (entries) => {
      for (const e of entries) {
        expect(log.call('add', e.byte, e.length, e.level)).toBe(1);
        all.push(e);
      }
      const first = log.call('first');
      expect(log.call('next')).toBe(all.length);
      for (let seq = first; seq < all.length; seq++) expectRecord(seq, all[seq]);
      // What was dropped had to go: with the last dropped record the log would be too full.
      const bytes = all
        .slice(Math.max(0, first - 1))
        .reduce((n, e) => n + HEADER_SIZE + ((e.length + 3) & ~3), 0);
      if (first > 0)
        expect(bytes).toBeGreaterThan(LOG_BUF_LEN - 2 * (HEADER_SIZE + 992 + HEADER_SIZE));
      expect(log.call('read', all.length, 2048)).toBe(-1);
    }),
    { numRuns: 60 },
  );
  expect(log.call('first')).toBeGreaterThan(0);
});

it('gives the oldest record there is to a reader that fell behind, and cuts what does not fit', () => {
  for (let i = 0; i < 200; i++) log.call('add', 65 + (i % 26), 900, 6);
  const first = log.call('first');
  expect(first).toBeGreaterThan(0);
  expect(log.call('read', 0, 100)).toBe(first);
  expect(log.call('text_len')).toBe(100);
});

it('finds records by number in any order', () => {
  for (let i = 0; i < 50; i++) log.call('add', 33 + i, i, i % 8);
  for (const seq of [49, 0, 25, 24, 26, 48, 1]) {
    expectRecord(seq, { byte: 33 + seq, length: seq, level: seq % 8 });
  }
});
