// Self tests of /dev/kmsg and syslog(): formats, positions, errors, blocking readers. They log at level
// debug, which consoles do not show, and read only what they logged.

import { READ_ONCE, WRITE_ONCE, fetch_add } from '../arch/atomic';
import { EAGAIN, EINTR, EINVAL, EPIPE, ESPIPE } from '../lib/errno';
import { strlen, streq } from '../lib/string';
import { snprintf } from '../lib/format';
import { prb, set_console_loglevel } from '../printk/console';
import { pr_debug, printk_deferred } from '../printk/printk';
import {
  EPOLLERR,
  EPOLLIN,
  EPOLLPRI,
  EPOLLRDNORM,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_SET,
  devkmsg_llseek,
  devkmsg_open,
  devkmsg_poll,
  devkmsg_read,
  devkmsg_read_record,
  devkmsg_release,
  devkmsg_user,
  devkmsg_write,
} from '../printk/kmsg';
import { LOG_LINE_MAX, info_level } from '../printk/store/store';
import {
  SYSLOG_ACTION_CLEAR,
  SYSLOG_ACTION_CONSOLE_LEVEL,
  SYSLOG_ACTION_READ,
  SYSLOG_ACTION_READ_ALL,
  SYSLOG_ACTION_SIZE_UNREAD,
  do_syslog,
} from '../printk/syslog';
import { send_sigint } from '../sched/core';
import { kthread_run } from '../sched/kthread';
import { msleep } from '../sched/timeout';
import { check, check_equal, register_selftest, rounds } from './tap';

const BUF_MAX: u32 = 1024;
const buf: usize = memory.data(1024, 4);

/** A reader behind everything logged so far. */
function open_at_end(): devkmsg_user {
  const user = devkmsg_open();
  devkmsg_llseek(user, 0, SEEK_END);
  return user;
}

function error(result: i32): u32 {
  return <u32>-result;
}

/** The text of the next record as read() gives it, behind the ';', is that? */
function check_next(user: devkmsg_user, wanted: string): void {
  const n = devkmsg_read(user, buf, BUF_MAX - 1, true);
  check(n > 0, 'read', error(n), 0);
  if (n <= 0) return;
  store<u8>(buf + n, 0);
  let p = buf;
  while (load<u8>(p) != 0 && load<u8>(p) != 0x3b) p++;
  check(streq(p + 1, wanted), wanted, strlen(p), 0);
}

function test_positions(): void {
  const first = open_at_end();
  pr_debug('kmsg one\n');
  const second = open_at_end();
  pr_debug('kmsg two\n');
  check_next(first, 'kmsg one\n');
  check_next(second, 'kmsg two\n');
  check_next(first, 'kmsg two\n');
  check_equal(error(devkmsg_read(first, buf, BUF_MAX, true)), error(EAGAIN), 'all read');
  check_equal(devkmsg_poll(first), 0, 'poll with nothing to read');
  check_equal(devkmsg_llseek(first, 0, SEEK_SET), 0, 'SEEK_SET');
  check(first.seq == prb.first_seq(), 'SEEK_SET goes to the oldest');
  check_equal(devkmsg_poll(first) & EPOLLIN, EPOLLIN, 'poll with something to read');
  check_equal(error(devkmsg_llseek(first, 1, SEEK_SET)), error(ESPIPE), 'offset');
  check_equal(error(devkmsg_llseek(first, 0, SEEK_CUR)), error(EINVAL), 'SEEK_CUR');
  do_syslog(SYSLOG_ACTION_CLEAR, 0, 0);
  pr_debug('kmsg three\n');
  check_equal(devkmsg_llseek(second, 0, SEEK_DATA), 0, 'SEEK_DATA');
  check_next(second, 'kmsg three\n');
  devkmsg_release(first);
  devkmsg_release(second);
}

function test_format(): void {
  const user = open_at_end();
  const seq = <u32>user.seq;
  pr_debug('a\tb\\c\x01\x7f\xe9 d\ne\n');
  const n = devkmsg_read(user, buf, BUF_MAX - 1, true);
  store<u8>(buf + (n > 0 ? n : 0), 0);
  const head = snprintf(buf + 256, 64, '7,%u,', seq);
  store<u8>(buf + 256 + head, 0);
  for (let i: u32 = 0; i < head; i++) {
    check_equal(load<u8>(buf + i), load<u8>(buf + 256 + i), 'priority and number');
  }
  let p = buf;
  while (load<u8>(p) != 0 && load<u8>(p) != 0x3b) p++;
  check(streq(p - 2, ',-;a\\x09b\\x5cc\\x01\\x7f\\xe9 d\\x0ae\n'), 'escapes', strlen(p), 0);

  // A record that does not fit is skipped.
  pr_debug('too long\n');
  pr_debug('next\n');
  check_equal(error(devkmsg_read(user, buf, 8, true)), error(EINVAL), 'small buffer');
  check_next(user, 'next\n');
  devkmsg_release(user);
}

function test_overrun(): void {
  const user = open_at_end();
  const start = user.seq;
  while (prb.first_seq() <= start) pr_debug('kmsg overrun: filling the log with text\n');
  check_equal(devkmsg_poll(user), EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLPRI, 'poll');
  check_equal(error(devkmsg_read(user, buf, BUF_MAX, true)), error(EPIPE), 'first read');
  check(user.seq > start, 'goes on with the oldest');
  check_next(user, 'kmsg overrun: filling the log with text\n');
  devkmsg_release(user);
}

/** Writes a text, reads the record, returns its priority. */
function written_priority(user: devkmsg_user, text: string): u32 {
  const n = snprintf(buf, BUF_MAX, text);
  check_equal(devkmsg_write(user, buf, n), n, text);
  const result = devkmsg_read_record(user, true);
  check_equal(error(result), 0, 'read what was written');
  return ((<u32>user.record.info.facility) << 3) | info_level(user.record.info);
}

function test_write(): void {
  const level = do_syslog(SYSLOG_ACTION_CONSOLE_LEVEL, 0, 1);
  check_equal(error(level), 0, 'console level');
  const user = open_at_end();
  check_equal(written_priority(user, 'plain\n'), (1 << 3) | 4, 'default priority');
  check_equal(written_priority(user, '<6>text\n'), (1 << 3) | 6, 'facility is user');
  check_equal(written_priority(user, '<30>daemon\n'), 30, 'facility of its own');
  check_equal(written_priority(user, '<6text\n'), (1 << 3) | 4, 'no priority');
  check_equal(<u32>load<u8>(user.record.text), 0x3c, 'and nothing taken away');
  set_console_loglevel(0);
  check_equal(written_priority(user, '<>text\n'), 1 << 3, 'an empty priority is 0');
  set_console_loglevel(1);
  check_equal(written_priority(user, '<2054>text\n'), (1 << 3) | 6, 'facility 256 is not 0');
  for (let i: u32 = 0; i < LOG_LINE_MAX; i++) store<u8>(buf + i, 0x78);
  check_equal(error(devkmsg_write(user, buf, LOG_LINE_MAX + 1)), error(EINVAL), 'too long');
  store<u8>(buf + LOG_LINE_MAX - 1, 0x0a);
  check_equal(devkmsg_write(user, buf, LOG_LINE_MAX), LOG_LINE_MAX, 'as long as may be');
  check_equal(devkmsg_read_record(user, true), 0, 'read it');
  check_equal(<u32>user.record.info.text_len, LOG_LINE_MAX - 1, 'and all of it');
  snprintf(buf, BUF_MAX, 'x\n');
  for (let i: u32 = 0; i < 10; i++) check_equal(devkmsg_write(user, buf, 2), 2, 'limited write');
  let records: u32 = 0;
  while (devkmsg_read_record(user, true) == 0) records++;
  check_equal(records, 3, 'records until the limit of 10');
  // When the interval is over nothing is said of those left out: release() does that.
  msleep(5_100);
  check_equal(written_priority(user, 'later\n'), (1 << 3) | 4, 'the next interval');
  check_equal(<u32>load<u8>(user.record.text), 0x6c, 'and no other record');
  devkmsg_release(user);
  do_syslog(SYSLOG_ACTION_CONSOLE_LEVEL, 0, 7);
}

function test_syslog(): void {
  do_syslog(SYSLOG_ACTION_CLEAR, 0, 0);
  let unread = do_syslog(SYSLOG_ACTION_SIZE_UNREAD, 0, 0);
  while (unread > 0) unread -= do_syslog(SYSLOG_ACTION_READ, buf, BUF_MAX);
  pr_debug('syslog one\n');
  pr_debug('syslog two\n');
  const line = do_syslog(SYSLOG_ACTION_READ_ALL, buf, BUF_MAX) / 2;
  check_equal(do_syslog(SYSLOG_ACTION_SIZE_UNREAD, 0, 0), 2 * line, 'size unread');
  // READ may stop within a record, and goes on from there.
  check_equal(do_syslog(SYSLOG_ACTION_READ, buf, line + 1), line + 1, 'read');
  check_equal(do_syslog(SYSLOG_ACTION_SIZE_UNREAD, 0, 0), line - 1, 'size unread after it');
  check_equal(do_syslog(SYSLOG_ACTION_READ, buf, BUF_MAX), line - 1, 'read the rest');
  // What fits, and that is the newest.
  check_equal(
    do_syslog(SYSLOG_ACTION_READ_ALL, buf, line + 1),
    line,
    'read all into a small buffer',
  );
  store<u8>(buf + line, 0);
  check(streq(buf + line - 11, 'syslog two\n'), 'the newest');
  check_equal(error(do_syslog(SYSLOG_ACTION_CONSOLE_LEVEL, 0, 9)), error(EINVAL), 'level 9');
  check_equal(error(do_syslog(11, 0, 0)), error(EINVAL), 'action 11');
}

const received: usize = memory.data(4, 4);
const ended: usize = memory.data(4, 4);

/** Reads until it is interrupted. */
function reader_thread(data: usize): u32 {
  const user = changetype<devkmsg_user>(data);
  let result: i32;
  while (true) {
    result = devkmsg_read_record(user, false);
    if (result == 0) fetch_add(received, 1);
    else if (result != EPIPE) break;
  }
  WRITE_ONCE(ended, <u32>-result);
  return 0;
}

/** A record that is stored just when the reader goes to sleep must wake it, whoever is to print it. */
function test_blocking(): void {
  WRITE_ONCE(received, 0);
  WRITE_ONCE(ended, 0);
  const user = open_at_end();
  const task = kthread_run(reader_thread, changetype<usize>(user), 'kmsg-reader');
  const total = rounds() / 20;
  for (let i: u32 = 1; i <= total; i++) {
    if (i & 1) pr_debug('kmsg blocking %u\n', i);
    else printk_deferred('\x017kmsg blocking %u\n', i);
    // Not later than the next tick: klogd's irq_work is a lazy one.
    for (let ms: u32 = 0; ms < 40 && READ_ONCE(received) < i; ms++) msleep(1);
    check_equal(READ_ONCE(received), i, 'records that the reader got');
    if (READ_ONCE(received) != i) break;
  }
  send_sigint(task);
  for (let ms: u32 = 0; ms < 100 && READ_ONCE(ended) == 0; ms++) msleep(1);
  check_equal(READ_ONCE(ended), error(EINTR), 'how the reader ended');
  devkmsg_release(user);
}

export function register_kmsg_selftests(): void {
  register_selftest('kmsg: readers have positions of their own', test_positions);
  register_selftest('kmsg: format', test_format);
  register_selftest('kmsg: overrun', test_overrun);
  register_selftest('kmsg: write', test_write);
  register_selftest('kmsg: blocking readers', test_blocking);
  register_selftest('syslog: actions', test_syslog);
}
