// Which store keeps the log: printk.store=, else that of the preset; log_buf_len=n[KM] says how much.

import { WRITE_ONCE, READ_ONCE } from '../../arch/atomic';
import { board } from '../../arch/fdt';
import { param_copy, param_is, param_present } from '../../init/params';
import { memparse, str } from '../../lib/string';
import { memblock_alloc } from '../../mm/memblock';
import { prb } from '../console';
import { pr_warn } from '../printk';
import { lockless_init } from './lockless';
import { logbuf_init } from './logbuf';
import { percpu_init } from './percpu';
import { safe_init } from './safe';
import { spill_init } from './spill';
import { printk_store } from './store';

/** Linux's CONFIG_LOG_BUF_SHIFT is 17. Where memory is short it is less. */
const LOG_BUF_LEN_DEFAULT: u32 = 1 << 17;
const LOG_BUF_LEN_MIN: u32 = 1 << 10;
/** Of memory: one part in so many may be log. */
const LOG_BUF_SHARE: u32 = 16;

@unmanaged
class Design {
  name: string;
  /** Gets a buffer of log_buf_len bytes, aligned to 8 and zeroed. */
  init: (store: printk_store, buffer: usize, size: u32) => void;
}
const DESIGNS: u32 = 5;
const designs: usize = memory.data(8 * 5, 4);

const NAME_MAX: u32 = 32;
/** What was asked for and cannot be had, for store_report(): a C string, empty if all is well. */
const unknown: usize = memory.data(32, 4);
const bad_length: usize = memory.data(32, 4);
const length: usize = memory.data(4, 4);

function design_at(i: u32): Design {
  return changetype<Design>(designs + <usize>i * offsetof<Design>());
}

function set_design(
  i: u32,
  name: string,
  init: (store: printk_store, buffer: usize, size: u32) => void,
): void {
  const d = design_at(i);
  d.name = name;
  d.init = init;
}

/** Bytes of the log's buffer. */
export function log_buf_size(): u32 {
  return READ_ONCE(length);
}

function default_length(): u32 {
  let size = LOG_BUF_LEN_DEFAULT;
  while (size > LOG_BUF_LEN_MIN && size > board.memory_size / LOG_BUF_SHARE) size >>= 1;
  return size;
}

/** A power of two; the default if what is asked for makes no sense. */
function wanted_length(): u32 {
  if (!param_present('log_buf_len')) return default_length();
  param_copy('log_buf_len', bad_length, NAME_MAX);
  const wanted = memparse(bad_length);
  if (wanted < LOG_BUF_LEN_MIN || wanted > board.memory_size / LOG_BUF_SHARE) {
    return default_length();
  }
  store<u8>(bad_length, 0);
  let size = LOG_BUF_LEN_MIN;
  while (size < wanted) size <<= 1;
  return size;
}

/** Boot CPU, before the first printk(). `preset`: name of the store to use if none is asked for. */
export function store_init(preset: string): void {
  set_design(0, 'logbuf', logbuf_init);
  set_design(1, 'safe', safe_init);
  set_design(2, 'percpu', percpu_init);
  set_design(3, 'lockless', lockless_init);
  set_design(4, 'spill', spill_init);
  WRITE_ONCE(length, wanted_length());
  const asked = param_present('printk.store');
  if (asked) param_copy('printk.store', unknown, NAME_MAX);
  let chosen: u32 = 0;
  for (let i: u32 = 0; i < DESIGNS; i++) if (design_at(i).name == preset) chosen = i;
  for (let i: u32 = 0; asked && i < DESIGNS; i++) {
    if (!param_is('printk.store', design_at(i).name)) continue;
    chosen = i;
    store<u8>(unknown, 0);
  }
  design_at(chosen).init(prb, memblock_alloc(log_buf_size(), 8), log_buf_size());
}

/** Says what was asked for in vain. Boot CPU, once printk() works. */
export function store_report(): void {
  if (load<u8>(unknown)) {
    pr_warn('printk: unknown printk.store=%S, using %s\n', unknown, str(prb.name));
  }
  if (load<u8>(bad_length)) {
    const most = board.memory_size / LOG_BUF_SHARE;
    pr_warn(
      'printk: log_buf_len=%S is not within %u to %u, using %u\n',
      bad_length,
      LOG_BUF_LEN_MIN,
      most,
      log_buf_size(),
    );
  }
}
