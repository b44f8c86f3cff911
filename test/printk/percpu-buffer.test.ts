// The buffer of one CPU that the stores `percpu` and `spill` have, where its CPU is stopped for good in the middle of
// a write, as a panic does it: what was written before can be read, and the CPU that panics may go on there.

import { beforeEach, expect, it } from 'vitest';
import { guest, type Guest } from '../firmware/harness.ts';

const SOURCE = `
  import { percpu_buffer, percpu_buffer_init, percpu_commit, percpu_consume, percpu_force_commit, percpu_peek,
    percpu_reserve, EVENT_TEXT } from './printk/store/percpu-buffer';
  const b: percpu_buffer = changetype<percpu_buffer>(memory.data(offsetof<percpu_buffer>(), 8));
  const pages: usize = memory.data(4 * 4096, 8);
  export function init(): void { percpu_buffer_init(b, pages, 3, true); }
  export function overrun(): usize { return changetype<usize>(b) + offsetof<percpu_buffer>('overrun'); }
  export function write(n: u32, forced: u32): u32 {
    const event = percpu_reserve(b, 1000, 0);
    if (event == 0) return 0;
    store<u32>(event + EVENT_TEXT, n);
    percpu_commit(b, event, forced != 0);
    return 1;
  }
  export function stop(): void { percpu_force_commit(b); }
  export function read(): u32 {
    const event = percpu_peek(b);
    if (event == 0) return 0;
    percpu_consume(b, event);
    return load<u32>(event + EVENT_TEXT);
  }
`;

let buffer: Guest;
/** Called at each fetch_add_relaxed() of the guest with the address. */
let atCount: (address: number) => void;
beforeEach(async () => {
  atCount = () => undefined;
  const hooks = {
    fetch_add_relaxed: (address: number, n: number): number => {
      atCount(address);
      const old = buffer.view.getInt32(address, true);
      buffer.view.setInt32(address, old + n, true);
      return old;
    },
  };
  buffer = await guest(SOURCE, hooks);
  buffer.call('init');
});

function readAll(): number[] {
  const read: number[] = [];
  for (let n = buffer.call('read'); n !== 0; n = buffer.call('read')) read.push(n);
  return read;
}

it('can be read after its CPU was stopped while it wrote over the oldest page, and be written to', () => {
  const overrun = buffer.call('overrun');
  atCount = (address) => {
    if (address === overrun) throw new Error('stopped');
  };
  let n = 1;
  expect(() => {
    for (; n < 20; n++) expect(buffer.call('write', n, 0)).toBe(1);
  }).toThrow('stopped');
  // Three pages are full, of three each.
  expect(n).toBe(10);
  atCount = () => undefined;
  buffer.call('stop');
  expect(buffer.call('write', 11, 1)).toBe(1);
  expect(readAll()).toEqual([4, 5, 6, 7, 8, 9, 11]);
  for (n = 12; n < 40; n++) expect(buffer.call('write', n, 1)).toBe(1);
  expect(readAll().at(-1)).toBe(39);
});
