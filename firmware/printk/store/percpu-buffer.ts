// A ring of pages (sub-buffers) of one CPU, after Linux's kernel/trace/ring_buffer.c: only its CPU writes,
// with reservations that nest (an NMI, an exception), and nobody ever waits; one reader takes whole pages
// out, each for an empty one that it puts in their place.
//
// The pointer to the oldest page has a flag, HEAD, in its low bits. Both the reader, to take that page
// out, and the writer, to write over it, change this very word by compare-and-exchange: one wins. While
// the writer is about it the flag is UPDATE. Where the reader's page is also the one written to, the
// writer goes on there, and leaves it into the ring.
//
// What a writer has committed becomes readable when the outermost writer of the CPU commits. Different
// from Linux: while a CPU turns a page, an NMI that would have to turn it as well loses its message.

import {
  READ_ONCE,
  WRITE_ONCE,
  cmpxchg,
  cmpxchg_relaxed,
  fetch_add_relaxed,
  smp_load_acquire,
  smp_mb,
  smp_store_release,
} from '../../arch/atomic';
import { hart_pause } from '../../arch/hart';
import { DEV_INFO_SIZE, PRINTK_INFO_HEAD, printk_info } from './store';

export const PAGE_SIZE: u32 = 4096;
const HEAD: u32 = 1;
const UPDATE: u32 = 2;
const FLAGS: u32 = 3;

/** Head of a page; events follow. */
@unmanaged
export class buffer_page {
  /** The next page of the ring, with flags. */
  next: u32;
  /** Where the next event goes, and up to where events can be read. Bytes of data. */
  write: u32;
  commit: u32;
  /** Events begun here. */
  entries: u32;
}
const PAGE_DATA: u32 = PAGE_SIZE - 16;

/** Head of an event; its text follows, and at its very end its dev_info, if it has one. */
@unmanaged
export class percpu_event {
  /** With the head, a multiple of 8. */
  size: u32;
  /** Bits, EVENT_*. */
  state: u32;
}
/** It is whole. */
export const EVENT_COMMITTED: u32 = 1;
/** It has a dev_info. */
const EVENT_DEV: u32 = 2;
/** Offsets from an event: of its printk_info, up to dev_info, and of its text. */
export const EVENT_INFO: usize = 8;
export const EVENT_TEXT: usize = 8 + 24;

@unmanaged
export class percpu_buffer {
  // The writer's.
  tail_page: usize;
  /** The page in which `commit` is not final. */
  commit_page: usize;
  /** Writers under way, one inside the other. */
  nesting: u32;
  /** 1 while a page is being turned. */
  moving: u32;
  /** 1: the oldest page is written over when all are full; 0: new messages are lost. */
  overwrite: u32;
  /** Events that were written over before anybody read them, and messages that found no room. */
  overrun: u32;
  dropped: u32;

  // The reader's.
  reader_page: usize;
  /** Bytes of it that have been read. */
  read: u32;
  /** A page that is in the ring: where the search for the oldest begins. */
  ring_page: usize;
  nr_pages: u32;
  /** Losses that have been told of. */
  lost_reported: u32;
}

function page_next(page: usize): usize {
  return page + offsetof<buffer_page>('next');
}

function page_write(page: usize): usize {
  return page + offsetof<buffer_page>('write');
}

function page_commit(page: usize): usize {
  return page + offsetof<buffer_page>('commit');
}

function page_entries(page: usize): usize {
  return page + offsetof<buffer_page>('entries');
}

function tail_page(b: percpu_buffer): usize {
  return changetype<usize>(b) + offsetof<percpu_buffer>('tail_page');
}

function commit_page(b: percpu_buffer): usize {
  return changetype<usize>(b) + offsetof<percpu_buffer>('commit_page');
}

function nesting(b: percpu_buffer): usize {
  return changetype<usize>(b) + offsetof<percpu_buffer>('nesting');
}

function moving(b: percpu_buffer): usize {
  return changetype<usize>(b) + offsetof<percpu_buffer>('moving');
}

function overrun(b: percpu_buffer): usize {
  return changetype<usize>(b) + offsetof<percpu_buffer>('overrun');
}

function dropped(b: percpu_buffer): usize {
  return changetype<usize>(b) + offsetof<percpu_buffer>('dropped');
}

function clear_page(page: usize): void {
  WRITE_ONCE(page_write(page), 0);
  WRITE_ONCE(page_commit(page), 0);
  WRITE_ONCE(page_entries(page), 0);
}

/** Memory for that many pages and the reader's, zeroed, aligned to 8. */
export function percpu_buffer_bytes(pages: u32): usize {
  return <usize>(pages + 1) * <usize>PAGE_SIZE;
}

/** At least two pages. */
export function percpu_buffer_init(
  b: percpu_buffer,
  memory_at: usize,
  pages: u32,
  overwrite: bool,
): void {
  for (let i: u32 = 0; i < pages; i++) {
    const page = memory_at + <usize>(i * PAGE_SIZE);
    WRITE_ONCE(page_next(page), i + 1 < pages ? <u32>page + PAGE_SIZE : (<u32>memory_at) | HEAD);
  }
  b.tail_page = memory_at;
  b.commit_page = memory_at;
  b.ring_page = memory_at;
  b.nr_pages = pages;
  b.overwrite = overwrite ? 1 : 0;
  b.reader_page = memory_at + <usize>(pages * PAGE_SIZE);
  WRITE_ONCE(page_next(b.reader_page), <u32>memory_at);
}

// Writing: on the buffer's CPU, interrupts off.

/** Takes the oldest page from the reader, with all that is in it. `page` is the one before. */
function overwrite_head(b: percpu_buffer, page: usize, head: u32): void {
  const flagged = head | HEAD;
  if (cmpxchg(page_next(page), flagged, head | UPDATE) != flagged) return;
  fetch_add_relaxed(overrun(b), READ_ONCE(page_entries(head)));
  move_head(page, head);
}

/** The page after `head` is the oldest now. */
function move_head(page: usize, head: u32): void {
  WRITE_ONCE(page_next(head), READ_ONCE(page_next(head)) | HEAD);
  smp_mb();
  WRITE_ONCE(page_next(page), head);
}

/**
 * May the oldest page be written over? Not if that was a whole turn of the ring inside one write: nobody
 * writes over what he interrupted, nor over what comes after that.
 */
function may_overwrite(b: percpu_buffer, page: usize, head: u32): bool {
  const committed = <usize>READ_ONCE(commit_page(b));
  if (committed == <usize>head) return false;
  return b.overwrite != 0 && (committed == page || committed != b.reader_page);
}

/** Goes from a full page to the next one. False if that is not possible. */
function turn_page(b: percpu_buffer, page: usize): bool {
  if (READ_ONCE(moving(b))) return false;
  WRITE_ONCE(moving(b), 1);
  let turned = true;
  // Else an NMI has done it.
  if (<usize>READ_ONCE(tail_page(b)) == page) {
    const next = READ_ONCE(page_next(page));
    if (next & HEAD && may_overwrite(b, page, next & ~FLAGS)) {
      overwrite_head(b, page, next & ~FLAGS);
    }
    // If the reader was quicker, it has put an empty page there.
    const to = READ_ONCE(page_next(page));
    turned = !(to & HEAD);
    if (turned) {
      clear_page(to);
      smp_store_release(tail_page(b), to);
    }
  }
  WRITE_ONCE(moving(b), 0);
  return turned;
}

/** Is the page that is written to the last one that is free? */
export function percpu_is_tight(b: percpu_buffer): bool {
  return (READ_ONCE(page_next(READ_ONCE(tail_page(b)))) & HEAD) != 0;
}

/**
 * Room for an event with that much text, and with a copy of the DEV_INFO_SIZE bytes at `dev`, if that is
 * not 0. 0 if there is none. Ends with percpu_commit() only if there is.
 */
export function percpu_reserve(b: percpu_buffer, text_size: u32, dev: usize): usize {
  const dev_size: u32 = dev != 0 ? <u32>DEV_INFO_SIZE : 0;
  const size = (<u32>EVENT_TEXT + text_size + dev_size + 7) & ~7;
  WRITE_ONCE(nesting(b), READ_ONCE(nesting(b)) + 1);
  while (size <= PAGE_DATA) {
    const page = <usize>READ_ONCE(tail_page(b));
    const at = READ_ONCE(page_write(page));
    if (at + size > PAGE_DATA) {
      if (turn_page(b, page)) continue;
      break;
    }
    if (cmpxchg_relaxed(page_write(page), at, at + size) != at) continue;
    fetch_add_relaxed(page_entries(page), 1);
    const event = page + offsetof<buffer_page>() + <usize>at;
    WRITE_ONCE(event + offsetof<percpu_event>('size'), size);
    WRITE_ONCE(event + offsetof<percpu_event>('state'), dev != 0 ? EVENT_DEV : 0);
    if (dev != 0) memory.copy(event + <usize>(size - dev_size), dev, DEV_INFO_SIZE);
    memory.fill(event + EVENT_INFO, 0, PRINTK_INFO_HEAD);
    return event;
  }
  fetch_add_relaxed(dropped(b), 1);
  leave(b, false);
  return 0;
}

/** Makes readable what has been written. */
function set_commit_to_write(b: percpu_buffer): void {
  while (true) {
    const page = <usize>READ_ONCE(commit_page(b));
    smp_store_release(page_commit(page), READ_ONCE(page_write(page)));
    if (page == <usize>READ_ONCE(tail_page(b))) return;
    // An NMI may have used the page's last bytes before it turned it.
    smp_store_release(page_commit(page), READ_ONCE(page_write(page)));
    smp_store_release(commit_page(b), READ_ONCE(page_next(page)) & ~FLAGS);
  }
}

function all_committed(b: percpu_buffer): bool {
  const page = <usize>READ_ONCE(commit_page(b));
  return (
    page == <usize>READ_ONCE(tail_page(b)) &&
    READ_ONCE(page_commit(page)) == READ_ONCE(page_write(page))
  );
}

/** A writer is done. `forced`: the ones that it interrupted will not go on. */
function leave(b: percpu_buffer, forced: bool): void {
  while (true) {
    const depth = READ_ONCE(nesting(b));
    if (depth == 1 || forced) set_commit_to_write(b);
    WRITE_ONCE(nesting(b), depth - 1);
    // What an NMI has written between those two lines it could not make readable itself.
    if (depth != 1 || all_committed(b)) return;
    WRITE_ONCE(nesting(b), 1);
  }
}

export function percpu_commit(b: percpu_buffer, event: usize, forced: bool): void {
  const state = event + offsetof<percpu_event>('state');
  smp_store_release(state, READ_ONCE(state) | EVENT_COMMITTED);
  leave(b, forced);
}

/** In a panic: makes readable what a CPU had written that does not run any more. */
export function percpu_force_commit(b: percpu_buffer): void {
  WRITE_ONCE(moving(b), 0);
  // It may have been about to write over the oldest page: nobody would find that any more.
  const page = <usize>READ_ONCE(tail_page(b));
  const next = READ_ONCE(page_next(page));
  if (next & UPDATE) move_head(page, next & ~FLAGS);
  if (READ_ONCE(nesting(b))) set_commit_to_write(b);
}

// Reading: one at a time, on any CPU.

/** Takes the oldest page out of the ring, for the empty one that the reader has. */
function swap_page(b: percpu_buffer): bool {
  const spare = b.reader_page;
  clear_page(spare);
  let page = b.ring_page;
  // The writer may be at it on this very CPU, below an NMI: do not wait for ever.
  for (let tries = b.nr_pages * 4; tries > 0; tries--) {
    const next = READ_ONCE(page_next(page));
    if (next & UPDATE) {
      hart_pause();
    } else if (next & HEAD) {
      const head = <usize>(next & ~FLAGS);
      WRITE_ONCE(page_next(spare), (READ_ONCE(page_next(head)) & ~FLAGS) | HEAD);
      if (cmpxchg(page_next(page), next, <u32>spare) != next) continue;
      b.ring_page = spare;
      b.reader_page = head;
      b.read = 0;
      return true;
    } else page = <usize>next;
  }
  return false;
}

/** The oldest event that has not been read; 0 if there is none. */
export function percpu_peek(b: percpu_buffer): usize {
  while (true) {
    const page = b.reader_page;
    const commit = smp_load_acquire(page_commit(page));
    if (b.read < commit) {
      const event = page + offsetof<buffer_page>() + <usize>b.read;
      if (smp_load_acquire(event + offsetof<percpu_event>('state')) & EVENT_COMMITTED) return event;
      // In a panic: who wrote it has been stopped.
      b.read += READ_ONCE(event + offsetof<percpu_event>('size'));
      continue;
    }
    if (<usize>smp_load_acquire(commit_page(b)) == page) return 0;
    // Its last events may have come after the first look.
    if (READ_ONCE(page_commit(page)) != commit) continue;
    if (!swap_page(b)) return 0;
  }
}

/** Goes on to the event after one that percpu_peek() gave. */
export function percpu_consume(b: percpu_buffer, event: usize): void {
  b.read += READ_ONCE(event + offsetof<percpu_event>('size'));
}

export function event_info(event: usize): printk_info {
  return changetype<printk_info>(event + EVENT_INFO);
}

/** Its dev_info; 0 if it has none. */
export function event_dev(event: usize): usize {
  if (!(READ_ONCE(event + offsetof<percpu_event>('state')) & EVENT_DEV)) return 0;
  return event + <usize>READ_ONCE(event + offsetof<percpu_event>('size')) - DEV_INFO_SIZE;
}

/** Messages lost since the last time that this was asked. */
export function percpu_lost(b: percpu_buffer): u32 {
  const lost = READ_ONCE(overrun(b)) + READ_ONCE(dropped(b));
  const n = lost - b.lost_reported;
  b.lost_reported = lost;
  return n;
}
