// Kernel logs in core files: what the readers of src/debug/dmesg find in what Linux of several ages and
// machines would have left, what kexec-tools' vmcore-dmesg finds there, and what is said of bad files.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { CoreFile, openCoreFile } from '../../src/debug/core-file.ts';
import { formatJson, formatRecord } from '../../src/debug/dmesg/format.ts';
import type { KernelLog } from '../../src/debug/dmesg/log-record.ts';
import { readKernelLog } from '../../src/debug/dmesg/read-log.ts';
import { PrintkitError } from '../../src/errors.ts';
import {
  coreFile,
  lockless,
  logbuf,
  RV32,
  type LogImage,
  type Message,
  type Shape,
} from './log-image.ts';
import { vmcoreDmesg } from './peers.ts';

const folder = mkdtempSync(join(tmpdir(), 'printkit-core-'));
afterAll(() => rmSync(folder, { recursive: true }));

function open(bytes: Uint8Array): CoreFile {
  const read = (offset: number, length: number) => bytes.slice(offset, offset + length);
  return new CoreFile({ size: bytes.length, read }, 'x.core');
}

const logOf = (image: LogImage): KernelLog => readKernelLog(open(coreFile(image)));
const textOf = (text: Uint8Array) => new TextDecoder().decode(text);
const texts = (log: KernelLog) => log.records.map(({ text }) => textOf(text));

function messageOf(bytes: Uint8Array): string {
  try {
    readKernelLog(open(bytes));
  } catch (error) {
    if (error instanceof PrintkitError) return error.message;
    throw error;
  }
  return 'no error';
}

const SHAPES: readonly [string, Shape][] = [
  ['RV32', RV32],
  ['64 bits', { longBytes: 8, little: true }],
  ['32 bits, big-endian', { longBytes: 4, little: false }],
  ['64 bits, big-endian', { longBytes: 8, little: false }],
];

const numbered = (count: number, length = 12): Message[] =>
  Array.from({ length: count }, (_, i) => ({
    text: `m${i} `.padEnd(length, 'x'),
    tsNsec: BigInt(i) * 1_000_000n + 123n,
    level: i % 8,
    facility: i % 3,
    callerId: i % 2 === 0 ? i : 0x8000_0000 + i,
  }));

describe.each(SHAPES)('the log in a core file of %s', (_name, shape) => {
  it('is read from the lockless ring with all that is known of a record', () => {
    const messages = numbered(5);
    const { store, records, incomplete } = logOf(lockless(messages, shape));
    expect(store).toBe('lockless');
    expect(incomplete).toBe(0);
    expect(records.map(({ text, ...rest }) => ({ ...rest, text: textOf(text) }))).toEqual(
      messages.map((message, i) => ({ ...message, seq: BigInt(i) })),
    );
  });

  it('is read from the buffer of older kernels, with and without CONFIG_PRINTK_CALLER', () => {
    const messages = numbered(5);
    for (const caller of [true, false]) {
      const { store, records } = logOf(logbuf(messages, shape, { caller }));
      expect(store).toBe('logbuf');
      expect(records.map(({ text, ...rest }) => ({ ...rest, text: textOf(text) }))).toEqual(
        messages.map(({ callerId, ...message }, i) => ({
          ...message,
          callerId: caller ? callerId : undefined,
          seq: BigInt(i),
        })),
      );
    }
  });

  it('keeps the newest records when it has gone round, wherever the ring wraps', () => {
    for (const rule of ['6.1', '7.2'] as const) {
      for (let length = 1; length <= 60; length++) {
        const messages = numbered(40, length);
        const ring = texts(logOf(lockless(messages, shape, { sizeBits: 9, rule })));
        expect(ring.length).toBeGreaterThan(4);
        expect(ring).toEqual(messages.slice(-ring.length).map(({ text }) => text));
        const buffer = texts(logOf(logbuf(messages, shape, { bytes: 512 })));
        expect(buffer.length).toBeGreaterThan(4);
        expect(buffer).toEqual(messages.slice(-buffer.length).map(({ text }) => text));
      }
    }
  });
});

describe('the lockless ring', () => {
  it('shows committed records, leaves out reserved ones and counts them', () => {
    const states = [2, 1, 0, 2, 0] as const;
    const messages = states.map((state, i) => ({ text: `m${i}`, state }));
    const log = logOf(lockless(messages));
    expect(texts(log)).toEqual(['m0', 'm1', 'm3']);
    expect(log.incomplete).toBe(2);
  });

  it('shows an empty line for a record without text', () => {
    expect(texts(logOf(lockless([{ text: 'a' }, { text: '' }, { text: 'b' }])))).toEqual([
      'a',
      '',
      'b',
    ]);
  });
});

describe('vmcore-dmesg agrees', () => {
  const theirs = (image: LogImage): string => {
    const path = join(folder, 'peer.core');
    writeFileSync(path, coreFile(image));
    return vmcoreDmesg(path);
  };
  const ours = (image: LogImage): string =>
    logOf(image)
      .records.flatMap((record) => formatRecord(record))
      .map((line) => `${line}\n`)
      .join('');

  it.each(SHAPES)('%s', (_name, shape) => {
    for (const length of [3, 12, 28]) {
      const messages = numbered(40, length);
      for (const image of [lockless(messages, shape, { sizeBits: 9 }), logbuf(messages, shape)]) {
        expect(ours(image)).toBe(theirs(image));
      }
    }
  });
});

describe('records as lines', () => {
  const record = {
    seq: 0n,
    tsNsec: 12_345_678_999n,
    level: 3,
    facility: 1,
    callerId: 0x8000_0002,
    text: new TextEncoder().encode('one\n two\x1b[2J\tdrei \u00e4'),
  };

  it('have prefix, time and caller on each line, and no control characters', () => {
    expect(formatRecord(record)).toEqual([
      '[   12.345678] one',
      '[   12.345678]  two\\x1b[2J\tdrei \u00e4',
    ]);
    expect(formatRecord(record, { raw: true })[0]).toBe('<11>[   12.345678] one');
    expect(formatRecord(record, { decode: true })[0]).toBe('user  :err   : [   12.345678] one');
    expect(formatRecord(record, { notime: true, caller: true })[0]).toBe('[    C2] one');
    expect(formatRecord(record, { notime: true })[0]).toBe('one');
  });

  it('show bytes that are no UTF-8 as hex', () => {
    expect(
      formatRecord({ ...record, text: Uint8Array.of(0x61, 0xff, 0x62) }, { notime: true }),
    ).toEqual(['a\\xffb']);
  });

  it('come as JSON', () => {
    const json: unknown = JSON.parse(
      formatJson({ store: 'lockless', records: [record], incomplete: 1, lost: 0 }),
    );
    expect(json).toEqual({
      store: 'lockless',
      incomplete: 1,
      lost: 0,
      dmesg: [
        {
          seq: 0,
          fac: 'user',
          pri: 'err',
          time: 12.345678,
          caller: 'C2',
          msg: 'one\n two\\x1b[2J\tdrei \u00e4',
        },
      ],
    });
  });
});

describe('a file that is no good is told of in one line', () => {
  const good = coreFile(lockless(numbered(5)));

  it('says what is wrong', () => {
    expect(messageOf(new Uint8Array(0))).toBe('x.core: is not an ELF file');
    expect(messageOf(new TextEncoder().encode('#!/bin/sh\n'))).toBe('x.core: is not an ELF file');
    expect(messageOf(coreFile(lockless([]), { type: 2 }))).toContain('not a core dump');
    expect(messageOf(coreFile(lockless([]), { note: 'NOTHINGREA' }))).toContain(
      'has no VMCOREINFO note',
    );
    const odd = { ...lockless([]), vmcoreinfo: 'OSRELEASE=1\n' };
    expect(messageOf(coreFile(odd))).toContain('tells of no log that is known here');
    const lacking = { ...lockless([]), vmcoreinfo: 'SYMBOL(prb)=80000100\n' };
    expect(messageOf(coreFile(lacking))).toMatch(/VMCOREINFO has no OFFSET\(printk_ringbuffer/);
    const elsewhere = {
      ...lockless([]),
      vmcoreinfo: lockless([]).vmcoreinfo.replace('=80000100', '=100'),
    };
    expect(messageOf(coreFile(elsewhere))).toBe('x.core: has no memory at 0x100');
  });

  it('says that a file is cut off, wherever that is', () => {
    for (const length of [20, 60, 100, 5000, good.length - 4]) {
      expect(messageOf(good.subarray(0, length))).toMatch(
        /^x\.core: is truncated: .* ends at byte/,
      );
    }
  });

  it('says of a missing file, a folder', () => {
    expect(() => openCoreFile(join(folder, 'none'))).toThrow(/none: no such file/);
    expect(() => openCoreFile(folder)).toThrow(/is a directory|cannot be read/);
  });

  it('never fails in another way', () => {
    const images = [lockless(numbered(20), RV32, { sizeBits: 9 }), logbuf(numbered(40))].map((i) =>
      coreFile(i),
    );
    const damage = fc.record({
      file: fc.constantFrom(...images),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
      // Damage is most interesting in headers, log structures and notes.
      place: fc.constantFrom([0, 116], [0x174, 0x174 + 0x2000], [0x4074, 0x4474], [0x8074, 0x8874]),
    });
    fc.assert(
      fc.property(damage, ({ file, at, value, place: [from, to] }) => {
        const bytes = file.slice();
        bytes[Math.min(bytes.length - 1, Math.floor(from + at * (to - from)))] = value;
        messageOf(bytes);
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
});
