// Who may be overwritten in the lockless ring: for a store that has somewhere else to put what finds no
// room. `lockless` itself overwrites whatever is oldest.

import { board } from '../../arch/fdt';
import { data_check_size, data_make_room, printk_ringbuffer } from './data-ring';
import {
  DESC_ID_MASK,
  NO_DESC,
  desc_head_id,
  desc_keep,
  desc_keep_id,
  desc_retire,
  desc_tail_id,
} from './desc-ring';
import { printk_rb_static } from './lockless';
import { LOG_LINE_MAX } from './store';

/** At most so much of the buffer, one part in so many, is kept free for writers who come together. */
const SLACK_SHARE_SHIFT: u32 = 3;

const rb: printk_ringbuffer = changetype<printk_ringbuffer>(printk_rb_static);

/** Records from this number on (its low half) are not to be overwritten. Any context. */
export function lockless_keep(seq: u32): void {
  // As numbered by lockless_reserve(): record 0 has the ID that is one turn before 0.
  desc_keep(rb, (seq - (1 << rb.count_bits)) & DESC_ID_MASK);
}

/** Can there be a record of that size at all? */
export function lockless_fits(size: u32): bool {
  return data_check_size(rb, size);
}

/**
 * Makes sure that there is room for so much text, and for a longest record of each other CPU: so that a
 * record that has got its number gets its text too. `press`: what is kept may go, too. False if there is
 * none. Any context.
 */
export function lockless_make_room(size: u32, press: bool): bool {
  const keep = press ? NO_DESC : desc_keep_id(rb);
  const share = ((<u32>1) << rb.size_bits) >> SLACK_SHARE_SHIFT;
  const wanted = board.nr_harts * LOG_LINE_MAX;
  return data_make_room(rb, size, wanted < share ? wanted : share, keep);
}

/** In a panic, when no other CPU runs: records whose writers were stopped are given up. */
export function lockless_retire_writers(): void {
  const head = desc_head_id(rb);
  let id = desc_tail_id(rb);
  for (; id != head; id = (id + 1) & DESC_ID_MASK) desc_retire(rb, id);
  desc_retire(rb, head);
}
