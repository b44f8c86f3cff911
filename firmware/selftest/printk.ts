// Self tests of printk()'s front end, on the store in use: what becomes of a message.

import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { smp_processor_id } from '../arch/percpu';
import { init_irq_work, irq_work, irq_work_queue } from '../kernel/irq_work';
import { literal_at, literal_length, str } from '../lib/string';
import { prb } from '../printk/console';
import { LOGLEVEL_CRIT, LOGLEVEL_ERR, LOGLEVEL_INFO, LOGLEVEL_WARNING } from '../printk/levels';
import { emitter } from '../printk/emit/emit';
import { pr_cont, pr_err, pr_info, printk, printk_store_only } from '../printk/printk';
import { printk_enter, printk_exit } from '../printk/printk-entry';
import { printk_counters } from '../printk/printk-stats';
import {
  DEFAULT_RATELIMIT_BURST,
  __ratelimit,
  pr_info_ratelimited,
  pr_warn_once,
  pr_warn_ratelimited,
  printk_ratelimit,
  ratelimit_state,
  ratelimit_state_init,
} from '../printk/ratelimit';
import {
  CALLER_CPU,
  LOG_CONT,
  LOG_LINE_MAX,
  LOG_NEWLINE,
  info_flags,
  info_level,
} from '../printk/store/store';
import { log_buf_size } from '../printk/store/stores';
import { current } from '../sched/task';
import { msleep } from '../sched/timeout';
import {
  found,
  log_begin,
  log_end,
  log_find,
  log_next,
  printk_count,
  text_is,
  text_starts,
} from './printk-log';
import { check, check_equal, register_selftest } from './tap';

/** Messages that do not fit into 1 KiB. */
const FILLERS: u32 = 64;
/** A C string without an end in sight. */
const long_text: usize = memory.data(2048, 4);
const once_word: usize = memory.data(4, 4);
const rs: ratelimit_state = changetype<ratelimit_state>(
  memory.data(offsetof<ratelimit_state>(), 4),
);
const work: irq_work = changetype<irq_work>(memory.data(offsetof<irq_work>(), 4));

/** Text, level, caller, time and flags. */
function test_record(): void {
  log_begin();
  pr_info('selftest %s %u\n', str('record'), 1);
  printk('\x013selftest record 2\n');
  printk('\x013\x015selftest record 3\n');
  printk('selftest record 4\n');
  check(log_find('selftest record 1'), 'record 1');
  const before = found.info.ts_nsec;
  check_equal(info_level(found.info), LOGLEVEL_INFO, 'level of pr_info()');
  check_equal(info_flags(found.info), LOG_NEWLINE, 'flags');
  check_equal(found.info.caller_id, current().pid, 'caller');
  check_equal(found.info.facility, 0, 'facility');
  check(log_find('selftest record 2'), 'record 2');
  check_equal(info_level(found.info), LOGLEVEL_ERR, 'level by prefix');
  check(found.info.ts_nsec >= before, 'time goes on');
  check(log_find('selftest record 3'), 'record 3');
  check_equal(info_level(found.info), LOGLEVEL_ERR, 'level by the first prefix');
  check(log_find('selftest record 4'), 'record 4');
  check_equal(info_level(found.info), LOGLEVEL_WARNING, 'default level');
  log_end();
}

function test_cont(): void {
  log_begin();
  const flags = local_irq_save();
  pr_info('selftest cont');
  pr_cont(' and');
  pr_cont(' end\n');
  local_irq_restore(flags);
  check(log_find('selftest cont and end'), 'one record');
  check_equal(info_level(found.info), LOGLEVEL_INFO, 'level of the beginning');
  log_end();
}

/** What follows more than a small log holds may be kept elsewhere at first: it is put together all the same. */
function test_cont_full(): void {
  log_begin();
  const flags = local_irq_save();
  for (let i: u32 = 0; i < FILLERS; i++) printk_store_only('selftest filler %u\n', i, 0);
  pr_info('selftest full');
  pr_cont(' and');
  pr_cont(' end\n');
  local_irq_restore(flags);
  emitter.stored();
  msleep(20);
  check(log_find('selftest full and end'), 'one record');
  log_end();
}

function interrupting_printk(unused: irq_work): void {
  pr_cont('selftest interrupt\n');
}

/** What is open belongs to its caller, and only until somebody else prints. */
function test_cont_caller(): void {
  log_begin();
  init_irq_work(work, interrupting_printk);
  pr_info('selftest task');
  const flags = local_irq_save();
  const cpu = smp_processor_id();
  irq_work_queue(work);
  local_irq_restore(flags);
  msleep(20);
  pr_cont(' too late\n');
  check(log_find('selftest task'), 'closed by another caller');
  check(log_find('selftest interrupt'), 'record of the interrupt');
  check_equal(found.info.caller_id, CALLER_CPU + cpu, 'caller');
  check_equal(info_flags(found.info) & LOG_CONT, LOG_CONT, 'flag');
  check(log_find(' too late'), 'record of the rest');
  check_equal(found.info.caller_id, current().pid, 'caller of the rest');
  log_end();
}

function test_empty(): void {
  log_begin();
  pr_err('');
  pr_err('\n');
  pr_err('selftest after nothing\n');
  check(log_next(), 'record without text');
  check_equal(found.info.text_len, 0, 'its length');
  check_equal(info_level(found.info), LOGLEVEL_ERR, 'its level');
  check(log_next(), 'another');
  check_equal(found.info.text_len, 0, 'its length');
  check(log_find('selftest after nothing'), 'the next one');
  log_end();
}

/** Ends with "<truncated>"? */
function is_truncated(): bool {
  const mark = '<truncated>';
  const n = literal_length(mark);
  found.text += <usize>(<u32>found.info.text_len - n);
  let same = true;
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(found.text + i) != literal_at(mark, i)) same = false;
  }
  found.text -= <usize>(<u32>found.info.text_len - n);
  return same;
}

function test_truncation(): void {
  log_begin();
  memory.fill(long_text, 0x78, 2047);
  const before = printk_count(offsetof<printk_counters>('truncated'));
  // Records that do not fit are cut to a quarter of the buffer.
  const small = log_buf_size() < 2 * LOG_LINE_MAX;
  pr_info('%.*S\n', LOG_LINE_MAX, long_text);
  check(log_next(), 'longest record');
  if (!small) check_equal(found.info.text_len, LOG_LINE_MAX, 'its length');
  check(is_truncated() == small, 'it is whole');
  pr_info('%S\n', long_text);
  check(log_next(), 'record that was too long');
  if (!small) check_equal(found.info.text_len, LOG_LINE_MAX, 'its length');
  check(is_truncated(), 'it says so');
  const cut = printk_count(offsetof<printk_counters>('truncated')) - before;
  check_equal(cut, small ? 2 : 1, 'counted');
  log_end();
}

function test_wild(): void {
  log_begin();
  pr_info('selftest %s|%S|%s|%S|%s\n', 0, 0, 1, 0xdeadbeef, 0x80000001);
  check(log_find('selftest (null)|(null)|(efault)|(efault)|(efault)'), 'wild pointers');
  pr_info('selftest %d%% %q %\n');
  check(log_next() && text_starts('selftest 0% %q'), 'no arguments');
  pr_info('selftest \x02%c\x7f\xff\n', 0);
  check(log_next(), 'control bytes');
  check_equal(found.info.text_len, 13, 'all of them');
  check_equal(load<u8>(found.text + 10), 0, 'NUL');
  check_equal(load<u8>(found.text + 12), 0xff, 'the last one');
  pr_info('selftest two\nlines\n');
  check(log_find('selftest two\nlines'), 'a newline inside');
  log_end();
}

/** Four may be inside each other, the fifth is lost, and counted. */
function test_recursion(): void {
  log_begin();
  const recursed = printk_count(offsetof<printk_counters>('recursed'));
  const flags = local_irq_save();
  let inside: u32 = 0;
  while (printk_enter() != null) inside++;
  pr_info('selftest too deep\n');
  for (let i = inside; i > 0; i--) printk_exit();
  local_irq_restore(flags);
  check_equal(inside, 4, 'entries');
  check_equal(printk_count(offsetof<printk_counters>('recursed')) - recursed, 1, 'counted');
  pr_info('selftest not too deep\n');
  // Told of with the next message.
  check(log_find('** 1 printk messages lost **'), 'remark');
  check(log_find('selftest not too deep'), 'afterwards');
  log_end();
}

/** printk() within the section that logbuf_lock protects: logbuf loses it, and says so; safe keeps it. */
function test_recursion_locked(): void {
  if (prb.name != 'logbuf' && prb.name != 'safe') return;
  log_begin();
  const flags = local_irq_save();
  const entry = printk_enter();
  if (entry != null && prb.begin(entry)) {
    pr_info('selftest inside\n');
    prb.end(entry);
  }
  printk_exit();
  local_irq_restore(flags);
  msleep(20);
  pr_info('selftest outside\n');
  if (prb.name == 'safe') {
    check(log_find('selftest inside'), 'kept aside');
  } else {
    check(log_find('BUG: recent printk recursion!'), 'told of');
    check_equal(info_level(found.info), LOGLEVEL_CRIT, 'its level');
  }
  check(log_find('selftest outside'), 'afterwards');
  log_end();
}

function test_ratelimit(): void {
  log_begin();
  ratelimit_state_init(rs, 'selftest', 2, 3);
  for (let i: u32 = 0; i < 5; i++) pr_info_ratelimited(rs, 'selftest limited %u\n', i);
  check(log_find('selftest limited 2'), 'the last of the burst');
  check(!log_next(), 'no more');
  msleep(50);
  check(__ratelimit(rs), 'again');
  check(log_find('selftest: 2 callbacks suppressed'), 'how many were left out');
  pr_warn_ratelimited(rs, 'selftest limited, a warning\n');
  check(log_find('selftest limited, a warning'), 'its text');
  check_equal(info_level(found.info), LOGLEVEL_WARNING, 'its level');
  let shared: u32 = 0;
  while (printk_ratelimit()) shared++;
  check(shared <= DEFAULT_RATELIMIT_BURST, 'the limit that all share', shared);
  for (let i: u32 = 0; i < 3; i++) pr_warn_once(once_word, 'selftest once %u\n', i);
  if (log_next()) check(text_is('selftest once 0'), 'once');
  check(!log_next(), 'once only');
  log_end();
}

export function register_printk_selftests(): void {
  register_selftest('printk: record', test_record);
  register_selftest('printk: continuation', test_cont);
  register_selftest('printk: continuation in a full log', test_cont_full);
  register_selftest('printk: continuation by another caller', test_cont_caller);
  register_selftest('printk: empty record', test_empty);
  register_selftest('printk: truncation', test_truncation);
  register_selftest('printk: wild arguments', test_wild);
  register_selftest('printk: recursion', test_recursion);
  register_selftest('printk: recursion under logbuf_lock', test_recursion_locked);
  register_selftest('printk: rate limits', test_ratelimit);
}
