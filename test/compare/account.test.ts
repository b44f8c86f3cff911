// What became of messages, from calls and lines alone: why one is not on the wire, repetitions, order.

import { describe, expect, it } from 'vitest';
import { account } from '../../src/compare/account.ts';
import type { PrintkCall } from '../../src/compare/probe.ts';
import type { WireLine } from '../../src/lines/wire.ts';

/** `t0 3` said from 100 to 110, unless it is told otherwise. */
function call(name: string, other: Partial<PrintkCall> = {}): PrintkCall {
  const [stream, number] = name.split(' ');
  return {
    message: { stream, number: Number(number) },
    phase: 1,
    context: 'task',
    nested: false,
    enterNs: 100,
    returnNs: 110,
    instructions: 5,
    storing: 3,
    stored: true,
    ...other,
  };
}

const text = (name: string): string => `workload ${name}: the quick brown fox runs`;
const line = (name: string, endNs = 200): WireLine => ({ text: `[    0.1] ${text(name)}`, endNs });

describe('a message that is not on the wire', () => {
  it.each([
    ['memory', call('t0 1'), [text('t0 1')], []],
    ['overwritten', call('t0 1'), [text('t0 11')], []],
    ['no room', call('t0 1', { stored: false }), [], []],
    ['recursion', call('n0 1', { stored: false, nested: true }), [], []],
    ['suppressed', call('t0 1', { stored: undefined }), [], []],
    ['unfinished', call('t0 1', { stored: undefined, returnNs: undefined }), [], []],
    ['garbled', call('t0 1'), [], ['[ 0.1] workload t0 1: the qu[ 0.2] panic']],
    ['garbled', call('t0 1'), [], [`${text('t0 1')} over`]],
  ] as const)('%s', (loss, said, memory, lines) => {
    const wire = lines.map((garbled) => ({ text: garbled, endNs: 200 }));
    expect(account([said], wire, memory).fates).toMatchObject([{ loss, wireNs: undefined }]);
  });

  it('is nobody else’s: a longer number is another message', () => {
    const { fates } = account([call('t0 1'), call('t0 11')], [line('t0 11')], []);
    expect(fates.map(({ loss }) => loss)).toEqual(['overwritten', undefined]);
  });
});

describe('a message on the wire', () => {
  it('has the time of its line, whatever stands in front', () => {
    const { fates } = account([call('i3 0')], [{ text: `<6>[T1] ${text('i3 0')}`, endNs: 7 }], []);
    expect(fates).toMatchObject([{ name: 'i3 0', wireNs: 7, loss: undefined }]);
  });

  it('that comes again is counted, and keeps its first time', () => {
    const { fates, repeated } = account([call('t0 0')], [line('t0 0', 5), line('t0 0', 9)], []);
    expect(repeated).toBe(1);
    expect(fates[0].wireNs).toBe(5);
  });

  it('leaves out what others say', () => {
    expect(account([call('t0 0', { message: undefined })], [line('t0 0')], []).fates).toEqual([]);
  });
});

describe('order', () => {
  it('of calls that overlap is free', () => {
    const calls = [
      call('t0 0', { enterNs: 0, returnNs: 50 }),
      call('t1 0', { enterNs: 40, returnNs: 60 }),
    ];
    expect(account(calls, [line('t1 0'), line('t0 0')], [])).toMatchObject({
      outOfOrder: 0,
      outOfStream: 0,
    });
  });

  it('of calls one after the other counts, over all CPUs', () => {
    const calls = [
      call('t0 0', { enterNs: 0, returnNs: 30 }),
      call('t1 0', { enterNs: 40, returnNs: 60 }),
    ];
    expect(account(calls, [line('t1 0'), line('t0 0')], [])).toMatchObject({
      outOfOrder: 1,
      outOfStream: 0,
    });
  });

  it('within a CPU and context counts as both', () => {
    const calls = [0, 1, 2].map((n) => call(`t0 ${n}`, { enterNs: 10 * n, returnNs: 10 * n + 5 }));
    const lines = [line('t0 2'), line('t0 0'), line('t0 1')];
    expect(account(calls, lines, [])).toMatchObject({ outOfOrder: 2, outOfStream: 2 });
  });
});
