// What is still in the CPUs' buffers of the stores `percpu` and `spill`, merged by time as the guest's
// reader would have done it. The keys are printkit's own; the structures are described in
// firmware/printk/store/percpu-set.ts and percpu-buffer.ts.

import { PrintkitError } from '../../errors.ts';
import type { CoreFile } from '../core-file.ts';
import type { LogRecord } from './log-record.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

const CPUS_MAX = 4096;
// Low bits of a page's `next`: it points to the oldest page; that page is just being written over.
const HEAD = 1n;
const UPDATE = 2n;
const FLAGS = 3n;

type Event = Omit<LogRecord, 'seq'> & { readonly tsNsec: bigint };

/** What one CPU's buffer holds, or all of them. */
interface Buffer {
  readonly events: readonly Event[];
  /** Being written. */
  readonly incomplete: number;
  /** Lost for want of room, and not told of yet. */
  readonly lost: number;
}

/** @throws PrintkitError when a key is missing, memory is not in the file, or a buffer is damaged. */
export function readPercpuEvents(core: CoreFile, info: Vmcoreinfo): Buffer {
  const cpus = info.number('nr_cpu_ids');
  if (cpus > CPUS_MAX) throw new PrintkitError(`${core.name}: nr_cpu_ids is ${cpus}`);
  const buffers = Array.from({ length: cpus }, (_, cpu) => readBuffer(core, info, cpu));
  const sum = (of: (buffer: Buffer) => number) => buffers.reduce((n, buffer) => n + of(buffer), 0);
  return {
    events: [...mergeByTime(buffers.map(({ events }) => events))],
    incomplete: sum(({ incomplete }) => incomplete),
    lost: sum(({ lost }) => lost),
  };
}

/** As the guest's reader does it: always the oldest of those that come first in their buffers. */
function* mergeByTime(queues: readonly (readonly Event[])[]): Generator<Event> {
  const next = queues.map(() => 0);
  for (;;) {
    let from = -1;
    queues.forEach((queue, cpu) => {
      const event = queue[next[cpu] ?? 0];
      const oldest = queues[from]?.[next[from] ?? 0];
      if (event !== undefined && (oldest === undefined || event.tsNsec < oldest.tsNsec)) from = cpu;
    });
    const event = queues[from]?.[next[from] ?? 0];
    if (event === undefined) return;
    next[from] = (next[from] ?? 0) + 1;
    yield event;
  }
}

function readBuffer(core: CoreFile, info: Vmcoreinfo, cpu: number): Buffer {
  const damaged = (what: string) =>
    new PrintkitError(`${core.name}: the percpu_buffer of CPU ${cpu} is damaged: ${what}`);
  const size = info.size('percpu_buffer');
  const buffer = core.long(info.symbol('percpu_buffers')) + BigInt(cpu * size);
  const field = (name: string) => buffer + BigInt(info.offset(`percpu_buffer.${name}`));
  const pageNext = (page: bigint) => core.long(page + BigInt(info.offset('buffer_page.next')));
  const commitPage = core.long(field('commit_page'));
  const readerPage = core.long(field('reader_page'));
  const pages = core.u32(field('nr_pages'));
  const lost =
    core.u32(field('overrun')) + core.u32(field('dropped')) - core.u32(field('lost_reported'));

  const events: Event[] = [];
  let incomplete = 0;
  const take = (page: bigint, from: number) => {
    const found = readPage(core, info, page, from);
    if (found === undefined) throw damaged(`page 0x${page.toString(16)}`);
    events.push(...found.events);
    incomplete += found.incomplete;
  };
  take(readerPage, core.u32(field('read')));
  if (readerPage === commitPage) return { events, incomplete, lost };

  let page = oldestPage(pageNext, core.long(field('ring_page')), pages);
  if (page === undefined) throw damaged('no oldest page');
  for (let i = 0; i <= pages; i++) {
    take(page, 0);
    if (page === commitPage) return { events, incomplete, lost };
    page = pageNext(page) & ~FLAGS;
  }
  throw damaged('commit_page is not in the ring');
}

/** The page that a `next` with HEAD points to; one with UPDATE if that is being changed. */
function oldestPage(
  pageNext: (page: bigint) => bigint,
  start: bigint,
  pages: number,
): bigint | undefined {
  for (const flag of [HEAD, UPDATE]) {
    let page = start;
    for (let i = 0; i <= pages; i++) {
      const next = pageNext(page);
      page = next & ~FLAGS;
      if ((next & flag) !== 0n) return page;
    }
  }
  return undefined;
}

/** The events of a page from a position on; undefined if that makes no sense. */
function readPage(
  core: CoreFile,
  info: Vmcoreinfo,
  page: bigint,
  from: number,
): Pick<Buffer, 'events' | 'incomplete'> | undefined {
  const pageBytes = info.size('buffer_page');
  const dataAt = info.offset('buffer_page.data');
  const [sizeAt, stateAt, infoAt, textAt] = ['size', 'state', 'info', 'text'].map((name) =>
    info.offset(`percpu_event.${name}`),
  ) as [number, number, number, number];
  const committed = info.number('EVENT_COMMITTED');
  const data = core.view(page + BigInt(dataAt), pageBytes - dataAt);
  const commit = core.u32(page + BigInt(info.offset('buffer_page.commit')));
  if (commit > data.byteLength) return undefined;
  const little = core.littleEndian;
  const events: Event[] = [];
  let incomplete = 0;
  for (let at = from; at < commit;) {
    const size = data.getUint32(at + sizeAt, little);
    if (size < textAt || at + size > commit) return undefined;
    if ((data.getUint32(at + stateAt, little) & committed) === 0) incomplete++;
    else {
      // struct printk_info without dev_info, as on a 32-bit machine.
      const head = at + infoAt;
      const textLen = data.getUint16(head + 16, little);
      if (textAt + textLen > size) return undefined;
      const packed = data.getUint8(head + 19);
      events.push({
        tsNsec: data.getBigUint64(head + 8, little),
        facility: data.getUint8(head + 18),
        level: little ? packed >> 5 : packed & 7,
        callerId: data.getUint32(head + 20, little),
        text: new Uint8Array(data.buffer, data.byteOffset + at + textAt, textLen).slice(),
      });
    }
    at += size;
  }
  return { events, incomplete };
}
