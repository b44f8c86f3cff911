// The oracle of messages: on lines that were made up, and on scenarios of which the catalogue says that a
// message is lost, or is not. Looking leaves the machine as it is.

import { beforeAll, describe, expect, it } from 'vitest';
import { pairNamed } from '../../src/compare/designs.ts';
import { exploreNamed } from '../../src/compare/explore-case.ts';
import type { LogRecord } from '../../src/debug/dmesg/log-record.ts';
import { type ElfFile, readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { messageFault } from '../../src/explore/message-fault.ts';
import type { Ending } from '../../src/explore/model.ts';
import { randomSearch, type RandomlyExplored } from '../../src/explore/random.ts';
import { regionAt, type RegionOptions, type Start, startOf } from '../../src/explore/region.ts';
import { settled } from '../../src/explore/settle.ts';
import { buildImage } from '../firmware/console.ts';

const record = (usec: number, text: string): LogRecord => ({
  seq: BigInt(usec),
  tsNsec: BigInt(usec) * 1000n,
  level: 4,
  facility: 0,
  callerId: 1,
  text: new TextEncoder().encode(text),
});
const ONE = '[    0.000001] one line';
const TWO = '[    0.000002] two lines';
const MORE = '[    0.000002] of text';
const THREE = '[    0.000003] three';
const REPLAY = '** replaying previous printk message **';
const RECORDS = [record(1, 'one line'), record(2, 'two lines\nof text'), record(3, 'three')];

describe('messages against lines', () => {
  const faultOf = (lines: string[], copies = 1) => messageFault(RECORDS, lines, copies);

  it('finds nothing wrong with each once, whole and in order', () => {
    expect(faultOf([ONE, TWO, MORE, THREE])).toBeUndefined();
    expect(faultOf(['a prompt# ' + ONE, 'an echo', TWO, MORE, THREE, ''])).toBeUndefined();
  });

  it('tells a lost one', () => {
    expect(faultOf([ONE, TWO, MORE])).toEqual({ fault: 'lost', text: 'three' });
    const notice = '** 2 printk messages dropped **';
    expect(faultOf([ONE, TWO, MORE, notice, THREE])).toEqual({ fault: 'lost', text: notice });
  });

  it('tells a torn one: its beginning is there, or one of its lines', () => {
    const torn = { fault: 'torn', text: 'two lines of text' };
    expect(faultOf([ONE, '[    0.000002] two l' + THREE, 'ines', MORE])).toEqual(torn);
    expect(faultOf([ONE, TWO, THREE])).toEqual(torn);
  });

  it('tells one that comes twice, but for a replay and a second console', () => {
    expect(faultOf([ONE, ONE, TWO, MORE, THREE])?.fault).toBe('duplicated');
    expect(faultOf([ONE, REPLAY, ONE, TWO, MORE, THREE])).toBeUndefined();
    expect(faultOf([ONE, ONE, TWO, TWO, MORE, MORE, THREE, THREE], 2)).toBeUndefined();
  });

  it('tells one that comes late', () => {
    expect(faultOf([TWO, MORE, ONE, THREE])).toEqual({
      fault: 'reordered',
      text: 'two lines of text',
    });
  });

  it('knows messages without time stamps', () => {
    expect(faultOf(['one line', 'two lines', 'of text', 'three'])).toBeUndefined();
    expect(faultOf(['one line', 'two lines', 'of text'])?.fault).toBe('lost');
  });
});

/** A thread has the message, and nothing of it is on the wire. */
const BEFORE_PRINTING = 'serial8250_console_write';

describe('messages of scenarios', () => {
  let elf: ElfFile;
  let symbolizer: Symbolizer;
  beforeAll(async () => {
    elf = readElf(await buildImage());
    symbolizer = new Symbolizer(elf);
  }, 120_000);

  function begin(scenario: string, pair: string, other: Partial<RegionOptions> = {}): Start {
    const { append = '', lineScript, ...named } = exploreNamed(scenario, pairNamed(pair).bootargs);
    const options: RegionOptions = {
      harts: 2,
      inject: [],
      from: 'scenario_begin',
      until: 'scenario_end',
      bootargs: append,
      ...named,
      ...(lineScript === undefined ? {} : { script: lineScript }),
      messages: true,
      ...other,
    };
    return startOf(elf, symbolizer, options);
  }

  function natural(start: Start): RandomlyExplored {
    const { model } = regionAt(start);
    const options = { seed: 1, executions: 1, strategies: ['natural'] as const };
    const bounds = { irqs: 0, nmis: 0 };
    const search = () => randomSearch(model, { ...options, bounds, stepsMax: 20_000 });
    const [first] = settled(model, search);
    return first as RandomlyExplored;
  }

  const losing: [string, string, Ending][] = [
    ['reset-irqs-off', 'lockless+nbcon', lost('reset: last words')],
    ['reset-no-schedule', 'lockless+kthread', lost('reset: last words')],
    ['nmi-writer', 'logbuf+direct', lost('1 that the store did not take')],
  ];
  it.each(losing)('%s with %s loses one', (scenario, pair, ending) => {
    expect(natural(begin(scenario, pair)).ending).toEqual(ending);
  });

  it.each([
    ['reset-irqs-off', 'logbuf+direct'],
    ['reset-no-schedule', 'lockless+deferred'],
    ['nmi-writer', 'lockless+nbcon'],
    ['sem-up', 'lockless+kthread'],
    ['wakeup-rq-abba', 'lockless+nbcon'],
  ])('%s with %s loses none', (scenario, pair) => {
    expect(natural(begin(scenario, pair)).ending).toEqual({ kind: 'done' });
  });

  it('waits for what is printed after the end of the region', () => {
    const start = begin('sem-up', 'lockless+kthread', { until: BEFORE_PRINTING });
    expect(natural(start).ending).toEqual({ kind: 'done' });
  });

  it('leaves the machine as it was', () => {
    const [checked, plain] = [true, false].map((messages) => {
      const { machine, model } = regionAt(
        begin('sem-up', 'lockless+kthread', { messages, until: BEFORE_PRINTING }),
      );
      model.frozen = true;
      while (model.ending() === undefined) {
        const due = (agent: number) => model.dueTime(agent);
        model.step(model.enabled().reduce((a, b) => (due(b) < due(a) ? b : a)));
      }
      return { state: model.state(), machine: machine.save(), sent: model.stepper.board.sent };
    });
    expect(checked.state).toBe(plain.state);
    expect(checked.sent).toEqual(plain.sent);
    expect(Buffer.compare(checked.machine, plain.machine)).toBe(0);
  });
});

function lost(text: string): Ending {
  return { kind: 'messages', fault: 'lost', text };
}
