// The buffers of all CPUs (percpu-buffer.ts) as one queue: merged by time stamp, one event at a time, by
// whoever is the one reader. Order is by time among what is there to be merged; an event that is committed
// later comes later.

import { board } from '../../arch/fdt';
import { param_bool, param_u32 } from '../../init/params';
import { memblock_alloc } from '../../mm/memblock';
import {
  vmcoreinfo_number,
  vmcoreinfo_offset,
  vmcoreinfo_struct_size,
  vmcoreinfo_symbol,
} from '../vmcoreinfo';
import {
  EVENT_COMMITTED,
  EVENT_INFO,
  EVENT_TEXT,
  PAGE_SIZE,
  buffer_page,
  event_info,
  percpu_buffer,
  percpu_buffer_bytes,
  percpu_buffer_init,
  percpu_event,
  percpu_force_commit,
  percpu_peek,
} from './percpu-buffer';

/** How many pages a buffer has at least, unless asked for. */
export const PAGES_DEFAULT: u32 = 8;
const PAGES_MIN: u32 = 2;
const PAGES_MAX: u32 = 256;

/** Pointer to nr_harts percpu_buffers. For crash tools. */
const percpu_buffers: usize = memory.data(4, 4);

/**
 * Boot CPU. `pages` of each buffer, and whether a full one is written over, unless printk.percpu_pages= and
 * printk.percpu_overwrite= say.
 */
export function percpu_set_init(pages: u32, overwrite: bool): void {
  pages = param_u32('printk.percpu_pages', pages);
  if (pages < PAGES_MIN) pages = PAGES_MIN;
  if (pages > PAGES_MAX) pages = PAGES_MAX;
  if (!param_bool('printk.percpu_overwrite', true)) overwrite = false;
  const harts = board.nr_harts;
  store<usize>(percpu_buffers, memblock_alloc(<usize>harts * offsetof<percpu_buffer>(), 8));
  for (let cpu: u32 = 0; cpu < harts; cpu++) {
    const at = memblock_alloc(percpu_buffer_bytes(pages), 8);
    percpu_buffer_init(percpu_buffer_of(cpu), at, pages, overwrite);
  }
}

export function percpu_buffer_of(cpu: u32): percpu_buffer {
  return changetype<percpu_buffer>(
    load<usize>(percpu_buffers) + <usize>cpu * offsetof<percpu_buffer>(),
  );
}

/** The CPU whose next event is the oldest of all, plus one; 0 if there is none. By the reader. */
export function percpu_oldest(): u32 {
  let oldest: usize = 0;
  let from: u32 = 0;
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) {
    const event = percpu_peek(percpu_buffer_of(cpu));
    if (event == 0) continue;
    if (oldest != 0 && event_info(event).ts_nsec >= event_info(oldest).ts_nsec) continue;
    oldest = event;
    from = cpu + 1;
  }
  return from;
}

/** In a panic: makes readable what stopped CPUs had written. */
export function percpu_force_all(): void {
  for (let cpu: u32 = 0; cpu < board.nr_harts; cpu++) percpu_force_commit(percpu_buffer_of(cpu));
}

/**
 * For a tool that wants what was not merged: for each CPU the events of reader_page from `read` to that
 * page's commit; then, unless that is commit_page, from the page that a `next` with bit 0 set points to
 * (walk from ring_page), by `next` without its two low bits, up to commit_page. Events follow each other
 * by size; those whose state lacks the bit EVENT_COMMITTED are to be skipped. Boot CPU.
 */
export function percpu_set_vmcoreinfo(): void {
  vmcoreinfo_symbol('percpu_buffers', percpu_buffers);
  vmcoreinfo_number('nr_cpu_ids', board.nr_harts);
  vmcoreinfo_struct_size('percpu_buffer', offsetof<percpu_buffer>());
  vmcoreinfo_offset('percpu_buffer.commit_page', offsetof<percpu_buffer>('commit_page'));
  vmcoreinfo_offset('percpu_buffer.overrun', offsetof<percpu_buffer>('overrun'));
  vmcoreinfo_offset('percpu_buffer.dropped', offsetof<percpu_buffer>('dropped'));
  vmcoreinfo_offset('percpu_buffer.lost_reported', offsetof<percpu_buffer>('lost_reported'));
  vmcoreinfo_offset('percpu_buffer.reader_page', offsetof<percpu_buffer>('reader_page'));
  vmcoreinfo_offset('percpu_buffer.read', offsetof<percpu_buffer>('read'));
  vmcoreinfo_offset('percpu_buffer.ring_page', offsetof<percpu_buffer>('ring_page'));
  vmcoreinfo_offset('percpu_buffer.nr_pages', offsetof<percpu_buffer>('nr_pages'));
  vmcoreinfo_struct_size('buffer_page', PAGE_SIZE);
  vmcoreinfo_offset('buffer_page.next', offsetof<buffer_page>('next'));
  vmcoreinfo_offset('buffer_page.commit', offsetof<buffer_page>('commit'));
  vmcoreinfo_offset('buffer_page.data', offsetof<buffer_page>());
  vmcoreinfo_offset('percpu_event.size', offsetof<percpu_event>('size'));
  vmcoreinfo_offset('percpu_event.state', offsetof<percpu_event>('state'));
  vmcoreinfo_offset('percpu_event.info', EVENT_INFO);
  vmcoreinfo_offset('percpu_event.text', EVENT_TEXT);
  vmcoreinfo_number('EVENT_COMMITTED', EVENT_COMMITTED);
}
