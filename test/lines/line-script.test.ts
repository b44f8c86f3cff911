// The script of line events: its syntax, its errors, and what a UART's far end does at which time.

import { describe, expect, it } from 'vitest';
import type { LinePort, ReceivedCharacter } from '../../devices/uart8250/line.ts';
import { PrintkitError } from '../../src/errors.ts';
import { followSymbols, LineScript, parseLineScript } from '../../src/lines/line-script.ts';
import { EventQueue } from '../../src/machine/event-queue.ts';

const MS = 1_000_000;

/** A port that writes down what is done to it, and when. */
class Recorder implements LinePort {
  readonly log: string[] = [];
  room = Infinity;
  readonly #clock: EventQueue;
  constructor(clock: EventQueue) {
    this.#clock = clock;
  }
  get receiveRoom(): number {
    return this.room;
  }
  receive({ byte }: ReceivedCharacter): boolean {
    if (this.room <= 0) return false;
    this.room--;
    this.#note(`receive ${byte}`);
    return true;
  }
  setBreak(on: boolean): void {
    this.#note(`break ${on}`);
  }
  setModemInputs(inputs: object): void {
    this.#note(JSON.stringify(inputs));
  }
  setReady(): void {}
  setRtsFlow(): void {}
  injectOverrun(): void {
    this.#note('overrun');
  }
  #note(text: string): void {
    this.log.push(`${this.#clock.now / MS} ${text}`);
  }
}

function play(text: string, ports = 1) {
  const clock = new EventQueue();
  const recorders = Array.from({ length: ports }, () => new Recorder(clock));
  const script = new LineScript(parseLineScript(text, 'file', ports), clock, recorders);
  return { clock, script, recorders, log: () => recorders.map(({ log }) => log) };
}

describe('a line script', () => {
  it('plays events at their times, in the order of time and then of the text', () => {
    const { clock, log } = play(
      '# far end\n\nuart0 3ms send "x\\r"\nuart0 1.5ms cts off\r\nuart1 2ms break 20ms\nuart0 3ms overrun\nuart0 0ns dcd on\n',
      2,
    );
    clock.fire(100 * MS);
    expect(log()).toEqual([
      ['0 {"dcd":true}', '1.5 {"cts":false}', '3 receive 120', '3 receive 13', '3 overrun'],
      ['2 break true', '22 break false'],
    ]);
  });

  it('counts from the first time that a symbol is reached', () => {
    const { clock, script, log } = play('uart0 begin+2ms ri on\nuart0 begin ri off');
    clock.fire(10 * MS);
    expect([...script.awaited]).toEqual(['begin']);
    script.reached('begin', 10 * MS);
    script.reached('begin', 11 * MS);
    clock.fire(50 * MS);
    expect(log()).toEqual([['10 {"ri":false}', '12 {"ri":true}']]);
  });

  it('gives a port later what it does not take now', () => {
    const { clock, recorders, log } = play('uart0 1ms send "abc"');
    recorders[0].room = 1;
    clock.fire(1 * MS);
    recorders[0].room = 9;
    clock.fire(5 * MS);
    expect(log()).toEqual([['1 receive 97', '2 receive 98', '2 receive 99']]);
  });

  it('hands over what is still to come, in order, and plays it no more', () => {
    const { clock, script, log } = play(
      'uart0 3ms break 2ms\nuart0 1ms cts off\nuart0 4ms send "ab"',
    );
    clock.fire(2 * MS);
    const rest = script.handOver();
    clock.fire(50 * MS);
    expect(log()).toEqual([['1 {"cts":false}']]);
    expect(rest.map(({ atNs, input }) => [atNs / MS, input])).toEqual([
      [3, { kind: 'break', on: true }],
      [4, { kind: 'receive', character: { byte: 97 } }],
      [4, { kind: 'receive', character: { byte: 98 } }],
      [5, { kind: 'break', on: false }],
    ]);
    expect(script.handOver()).toEqual([]);
  });

  it('follows harts to its symbols, and leaves the machine alone afterwards', () => {
    const { script } = play('uart0 begin+1ms cts on');
    const watched = new Map<number, (hart: { localNs: number }) => void>();
    const watch = (address: number, reached: (hart: { localNs: number }) => void) => {
      watched.set(address, reached);
      return () => watched.delete(address);
    };
    followSymbols(script, { watch }, () => 0x80000010 | 0, 'file');
    expect([...watched.keys()]).toEqual([0x80000010]);
    expect(script.awaited.size).toBe(1);
    watched.get(0x80000010)?.({ localNs: 2 });
    expect(script.awaited.size).toBe(0);
    expect(watched.size).toBe(0);
  });

  it.each([
    ['uart0 1ms', 'file:1: "uart0 1ms" is not an event'],
    ['\nserial0 1ms cts on', 'file:2: "serial0 1ms cts on" is not an event'],
    ['uart2 1ms cts on', 'file:1: there is no uart2'],
    ['uart0 1 cts on', 'file:1: "1" is not a time'],
    ['uart0 x+-1ms cts on', 'file:1: "x+-1ms" is not a time'],
    ['uart0 1ms cts maybe', 'file:1: "cts maybe" is not something that a line does'],
    ['uart0 1ms break long', 'file:1: "break long" is not something'],
    ['uart0 1ms send x', 'file:1: "send x" is not something'],
    ['uart0 1ms overrun 3', 'file:1: "overrun 3" is not something'],
    ['uart0 1ms fly', 'file:1: "fly" is not something'],
  ])('%j: %s', (text, message) => {
    const parse = () => parseLineScript(text, 'file', 1);
    expect(parse).toThrow(PrintkitError);
    expect(parse).toThrow(message);
  });

  it('names a symbol that the program does not have', () => {
    const { script } = play('uart0 nowhere+1ms cts on');
    const watch = () => () => undefined;
    const follow = () => followSymbols(script, { watch }, () => undefined, 'file');
    expect(follow).toThrow('file: the program has no symbol "nowhere"');
  });
});
