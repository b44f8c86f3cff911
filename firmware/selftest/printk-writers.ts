// Self tests of the store in use under many writers, after the idea of KUnit's printk-ringbuffer test:
// every CPU writes records whose text can be checked, one reads; NMIs come in between. And what storing
// costs.

import { READ_ONCE, WRITE_ONCE, fetch_add, smp_load_acquire } from '../arch/atomic';
import { csr_read } from '../arch/csr';
import { board } from '../arch/fdt';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { NMI_REASON_WORKLOAD, register_nmi_handler, send_nmi } from '../arch/nmi';
import { smp_processor_id } from '../arch/percpu';
import { num_online_cpus } from '../arch/smp';
import { param_is } from '../init/params';
import { str } from '../lib/string';
import { prb } from '../printk/console';
import { emitter } from '../printk/emit/emit';
import { pr_info, printk_store_only } from '../printk/printk';
import { printk_counters } from '../printk/printk-stats';
import { log_buf_size } from '../printk/store/stores';
import { msleep } from '../sched/timeout';
import { ktime_get_ns } from '../time/timekeeping';
import {
  found,
  log_begin,
  log_end,
  log_next,
  log_position,
  printk_count,
  set_log_position,
  text_starts,
} from './printk-log';
import { check, check_equal, note, register_selftest } from './tap';
import { on_all_cpus } from './threads';

const MINSTRET: u32 = 0xb02;
const CPUS_MAX: u32 = 32;
/** Streams of a CPU: tasks' messages and NMIs'. */
const TASK: u32 = 0x77; // w
const NMI: u32 = 0x6e; // n
const FILL_MAX: u32 = 128;
const LETTERS: u32 = 26;

/** FILL_MAX bytes of each letter. */
const fill: usize = memory.data(128 * 26, 4);
/** Per stream: messages written, and the number that a reader expects at least. */
const written: usize = memory.data(4 * 64, 4);
const expected: usize = memory.data(4 * 64, 4);
/** CPUs that have written all. */
const finished: usize = memory.data(4, 4);
/** How many a writer writes. */
const quota: usize = memory.data(4, 4);
/** 1: a writer also sends NMIs. */
const with_nmi: usize = memory.data(4, 4);
/** What the reader has seen: good records, numbers left out, losses that the log itself tells of. */
const seen: usize = memory.data(4, 4);
const gaps: usize = memory.data(4, 4);
const told: usize = memory.data(4, 4);
/** Of the slowest CPU, ns. */
const slowest: usize = memory.data(4, 4);

function stream_of(kind: u32, cpu: u32): usize {
  return (<usize>((kind == TASK ? 0 : CPUS_MAX) + cpu)) << 2;
}

function fill_length(n: u32): u32 {
  return 2 + ((n * 37) % (FILL_MAX - 2));
}

function fill_letter(cpu: u32, n: u32): u32 {
  return (cpu * 7 + n) % LETTERS;
}

/** The next message of a stream. Any context. */
function write_one(kind: u32): void {
  const cpu = smp_processor_id();
  const n = fetch_add(written + stream_of(kind, cpu), 1);
  const text = fill + <usize>(fill_letter(cpu, n) * FILL_MAX);
  pr_info('%c%u %u %.*S\n', kind, cpu, n, fill_length(n), text);
}

function nmi_writer(): void {
  write_one(NMI);
}

function writer(cpu: u32): void {
  for (let i = READ_ONCE(quota); i > 0; i--) {
    write_one(TASK);
    if (READ_ONCE(with_nmi) && i % 4 == 0) {
      send_nmi((cpu + 1) % num_online_cpus(), NMI_REASON_WORKLOAD);
    }
  }
  fetch_add(finished, 1);
}

/** The number at a place in the record. */
function number_at(p: usize): u32 {
  let n: u32 = 0;
  for (; <u32>load<u8>(p) - 0x30 < 10; p++) n = n * 10 + <u32>load<u8>(p) - 0x30;
  return n;
}

function behind_blank(p: usize): usize {
  while (load<u8>(p) != 0x20) p++;
  return p + 1;
}

/** Is it a message of ours, whole and in its stream's order? Others' are let pass. */
function check_record(): void {
  store<u8>(found.text + <usize>found.info.text_len, 0x20);
  if (text_starts('** CPU ')) {
    const lost = behind_blank(behind_blank(behind_blank(behind_blank(found.text))));
    WRITE_ONCE(told, READ_ONCE(told) + number_at(lost));
    return;
  }
  const kind = <u32>load<u8>(found.text);
  if ((kind != TASK && kind != NMI) || <u32>load<u8>(found.text + 1) - 0x30 > 9) return;
  const cpu = number_at(found.text + 1);
  const n_at = behind_blank(found.text);
  const n = number_at(n_at);
  const text = behind_blank(n_at);
  const length = <u32>found.info.text_len - <u32>(text - found.text);
  check_equal(length, fill_length(n), 'length of a record');
  const letter = <u32>load<u8>(fill + <usize>(fill_letter(cpu, n) * FILL_MAX));
  for (let i: u32 = 0; i < length; i++) {
    if (<u32>load<u8>(text + i) == letter) continue;
    check(false, 'text of a record', load<u8>(text + i), letter);
    break;
  }
  const next = expected + stream_of(kind, cpu);
  check(n >= READ_ONCE(next), 'order within a stream', n, READ_ONCE(next));
  WRITE_ONCE(next, n + 1);
  WRITE_ONCE(seen, READ_ONCE(seen) + 1);
}

/** Reads all there is. */
function read_all(): void {
  while (true) {
    const from = log_position();
    if (!log_next()) return;
    WRITE_ONCE(gaps, READ_ONCE(gaps) + <u32>(found.info.seq - from));
    check_record();
  }
}

/** Each CPU writes; if there are several, the last one only reads, all the while. */
function writer_or_reader(cpu: u32): void {
  const cpus = num_online_cpus();
  if (cpus == 1 || cpu != cpus - 1) {
    writer(cpu);
    return;
  }
  while (smp_load_acquire(finished) < cpus - 1) read_all();
}

function begin(messages: u32, nmis: bool): void {
  log_begin();
  for (let i: u32 = 0; i < LETTERS; i++) {
    memory.fill(fill + <usize>(i * FILL_MAX), <u8>(0x41 + i), FILL_MAX);
  }
  memory.fill(written, 0, 4 * 64);
  memory.fill(expected, 0, 4 * 64);
  WRITE_ONCE(finished, 0);
  WRITE_ONCE(quota, messages);
  WRITE_ONCE(with_nmi, nmis ? 1 : 0);
  WRITE_ONCE(seen, 0);
  WRITE_ONCE(gaps, 0);
  WRITE_ONCE(told, 0);
}

function total_written(): u32 {
  let n: u32 = 0;
  for (let i: usize = 0; i < 64; i++) n += READ_ONCE(written + (i << 2));
  return n;
}

/** After the last message: every one is there, or is accounted for. `before`: messages lost then. */
function check_account(before: u32): void {
  // What was kept aside comes by an interrupt.
  msleep(30);
  read_all();
  const dropped = printk_count(offsetof<printk_counters>('dropped')) - before;
  const total = total_written();
  const lost = prb.name == 'percpu' ? READ_ONCE(told) : dropped;
  check_equal(READ_ONCE(seen) + READ_ONCE(gaps) + lost, total, 'written are read or accounted for');
  note('%u written, %u read', total, READ_ONCE(seen));
}

function test_writers(): void {
  begin(400, false);
  const before = printk_count(offsetof<printk_counters>('dropped'));
  on_all_cpus(writer_or_reader);
  check_account(before);
  log_end();
}

/** As long as there is room, nothing is lost. */
function test_room(): void {
  begin(log_buf_size() / 256 / num_online_cpus(), false);
  const before = printk_count(offsetof<printk_counters>('dropped'));
  on_all_cpus(writer);
  check_account(before);
  check_equal(READ_ONCE(seen), total_written(), 'all');
  log_end();
}

/** More than there is room for: the oldest go, and a reader that comes late begins with what is left. */
function test_overrun(): void {
  begin(log_buf_size() / 32, false);
  const start = log_position();
  writer(smp_processor_id());
  const next = prb.next_seq();
  const first = prb.first_seq();
  check(first > start, 'the oldest are gone');
  check(log_next(), 'a record');
  check(found.info.seq == first, 'the first that is left', <u32>found.info.seq, <u32>first);
  set_log_position(0);
  let n: u32 = 0;
  let in_row = true;
  let at = first;
  while (log_next()) {
    if (found.info.seq != at) in_row = false;
    at = found.info.seq + 1;
    n++;
  }
  check(in_row && at >= next, 'the rest in a row');
  check(n > log_buf_size() / 256, 'most of the buffer is used', n, log_buf_size() / 256);
  log_end();
}

/** NMIs print while tasks do. Not where that is known to hang: see the scenarios. */
function test_nmi(): void {
  const hangs = prb.name == 'logbuf' || emitter.name == 'direct' || emitter.name == 'handover';
  if (hangs || !board.has_smrnmi) {
    note('left out with store %s, emitter %s', str(prb.name), str(emitter.name));
    return;
  }
  begin(200, true);
  const before = printk_count(offsetof<printk_counters>('dropped'));
  const nmis = printk_count(offsetof<printk_counters>('nmi'));
  register_nmi_handler(nmi_writer);
  on_all_cpus(writer_or_reader);
  check_account(before);
  check(printk_count(offsetof<printk_counters>('nmi')) - nmis > 20, 'NMIs came');
  log_end();
}

/** Numbered records of 64 bytes or so, stored while nobody reads. */
function store_numbered(count: u32): void {
  const flags = local_irq_save();
  for (let i: u32 = 0; i < count; i++) {
    printk_store_only('selftest %04u xxxxxxxxxxxxxxxxxxxxxxxx\n', i, 0);
  }
  local_irq_restore(flags);
}

/** One CPU's buffer full: the oldest go, or the newest do not come, and the log says how many. */
function test_percpu_full(): void {
  if (prb.name != 'percpu') return;
  begin(0, false);
  const total: u32 = 4000;
  store_numbered(total);
  let n: u32 = 0;
  let first: u32 = total;
  let last: u32 = 0;
  while (log_next()) {
    check_record();
    if (!text_starts('selftest ')) continue;
    last = number_at(found.text + 9);
    if (n++ == 0) first = last;
  }
  // What did not come is told of with the next message that does.
  store_numbered(1);
  while (log_next()) check_record();
  check_equal(n + READ_ONCE(told), total, 'read, or told to be lost');
  if (param_is('printk.percpu_overwrite', '0')) {
    check_equal(first, 0, 'the oldest are there');
    check(last < total - 1, 'the newest are not');
  } else {
    // Which were lost: not those on the page that the reader had already.
    check(READ_ONCE(told) > 0, 'some are gone');
    check_equal(last, total - 1, 'the newest is there');
  }
  log_end();
}

function store_one(): void {
  printk_store_only('0123456789012345678901234567890123456789\n', 0, 0);
}

/** QEMU's minstret follows the host's clock: then a cost is only told. */
function minstret_counts(): bool {
  const before = csr_read(MINSTRET);
  return csr_read(MINSTRET) - before < 4;
}

function test_cost(): void {
  log_begin();
  let least: u32 = 0xffffffff;
  for (let i: u32 = 0; i < 20; i++) {
    const before = csr_read(MINSTRET);
    store_one();
    const n = csr_read(MINSTRET) - before;
    if (n < least) least = n;
  }
  note('storing 40 characters: %u instructions', least);
  // `spill` looks first whether there is room.
  const most: u32 = prb.name == 'spill' ? 2000 : 1500;
  check(least < most || !minstret_counts(), 'cost of storing', least, most);
  log_end();
}

const FLAT_OUT: u32 = 300;

/** As fast as it goes. Keeps the time of the slowest. */
function flat_out(cpu: u32): void {
  const start = ktime_get_ns();
  for (let i: u32 = 0; i < FLAT_OUT; i++) store_one();
  const ns = <u32>(ktime_get_ns() - start);
  if (ns > READ_ONCE(slowest)) WRITE_ONCE(slowest, ns);
}

/** What a CPU gets through when all store at once, against what it does alone. */
function test_throughput(): void {
  log_begin();
  WRITE_ONCE(slowest, 0);
  flat_out(0);
  const alone = READ_ONCE(slowest);
  WRITE_ONCE(slowest, 0);
  on_all_cpus(flat_out);
  const percent = <u32>((<u64>alone * 100) / <u64>READ_ONCE(slowest));
  note('throughput of a CPU when all %u store: %u%%', num_online_cpus(), percent);
  const wanted: u32 = prb.name == 'lockless' || prb.name == 'percpu' ? 70 : 10;
  check(percent >= wanted || !minstret_counts(), 'throughput', percent, wanted);
  log_end();
}

export function register_printk_writer_selftests(): void {
  register_selftest('printk: room for all', test_room);
  register_selftest('printk: writers and a reader', test_writers);
  register_selftest('printk: overrun', test_overrun);
  register_selftest('printk: NMIs among writers', test_nmi);
  register_selftest('printk: a full buffer of a CPU', test_percpu_full);
  register_selftest('printk: cost', test_cost);
  register_selftest('printk: throughput', test_throughput);
}
