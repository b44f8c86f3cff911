// A script of what the far end of serial lines does, in virtual time: modem signals, BREAK, characters.
// Times count from power-on or from the first time that a hart reaches a symbol. Pure: the text, the
// clock and the ports are given; who follows the harts calls reached().
//
//   # comment
//   uart0 1.5ms cts off
//   uart0 scenario_begin+2ms break 20ms
//   uart0 scenario_begin+30ms send "x\r"

import type { Clock, Timer } from '../../devices/ports.ts';
import {
  applyLineInput,
  type LineInput,
  type LinePort,
  type ModemInputs,
} from '../../devices/uart8250/line.ts';
import { PrintkitError } from '../errors.ts';

export type LineAction =
  | { readonly kind: 'modem'; readonly inputs: Partial<ModemInputs> }
  | { readonly kind: 'break'; readonly durationNs: number }
  | { readonly kind: 'send'; readonly bytes: readonly number[] }
  | { readonly kind: 'overrun' };

export interface LineEvent {
  /** Line of the script, from 1. */
  readonly line: number;
  /** Number of the UART. */
  readonly uart: number;
  /** Where the time counts from; undefined: power-on. */
  readonly symbol: string | undefined;
  readonly afterNs: number;
  readonly action: LineAction;
}

const UNIT_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
const EVENT = /^uart(\d+)\s+(\S+)\s+(\S+)\s*(.*)$/;
const WHEN = /^(?:([A-Za-z_][\w.$]*)(?:\+|$))?(\S*)$/;
const DURATION = /^(\d+(?:\.\d+)?)(ns|us|ms|s)$/;
const SYNTAX = 'uartN [SYMBOL+]TIME cts|dsr|dcd|ri on|off, break TIME, send "text" or overrun';

function duration(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match === null ? undefined : Math.round(Number(match[1]) * UNIT_NS[match[2]]);
}

/**
 * @param name of the file, for messages
 * @param uarts how many there are
 * @throws PrintkitError with file, line and what is wrong
 */
export function parseLineScript(text: string, name: string, uarts: number): LineEvent[] {
  const events: LineEvent[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const words = raw.trim();
    if (words === '' || words.startsWith('#')) continue;
    const bad = (why: string) => new PrintkitError(`${name}:${index + 1}: ${why}`);
    const match = EVENT.exec(words);
    if (match === null) throw bad(`"${words}" is not an event (${SYNTAX})`);
    const [, number, when, verb, rest] = match;
    const uart = Number(number);
    if (uart >= uarts) throw bad(`there is no uart${number}, only ${uarts} of them`);
    const [, symbol, time] = WHEN.exec(when) ?? ['', undefined, when];
    const afterNs = symbol !== undefined && time === '' ? 0 : duration(time);
    if (afterNs === undefined) throw bad(`"${when}" is not a time such as 1.5ms or symbol+20us`);
    const action = parseAction(verb, rest);
    if (action === undefined) {
      throw bad(`"${`${verb} ${rest}`.trimEnd()}" is not something that a line does (${SYNTAX})`);
    }
    events.push({ line: index + 1, uart, symbol, afterNs, action });
  }
  return events;
}

function parseAction(verb: string, rest: string): LineAction | undefined {
  switch (verb) {
    case 'cts':
    case 'dsr':
    case 'dcd':
    case 'ri':
      if (rest !== 'on' && rest !== 'off') return undefined;
      return { kind: 'modem', inputs: { [verb]: rest === 'on' } };
    case 'break': {
      const durationNs = duration(rest);
      return durationNs === undefined ? undefined : { kind: 'break', durationNs };
    }
    case 'send': {
      const bytes = stringBytes(rest);
      return bytes === undefined ? undefined : { kind: 'send', bytes };
    }
    case 'overrun':
      return rest === '' ? { kind: 'overrun' } : undefined;
    default:
      return undefined;
  }
}

/** A string as JSON has it, in UTF-8. */
function stringBytes(text: string): number[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return typeof value === 'string' ? [...new TextEncoder().encode(value)] : undefined;
}

/** One thing that the far end of a UART does at a time. */
export interface ScriptedInput {
  readonly atNs: number;
  /** Number of the UART. */
  readonly uart: number;
  readonly input: LineInput;
}

interface Due {
  readonly atNs: number;
  readonly uart: number;
  readonly inputs: readonly LineInput[];
}

const RETRY_NS = 1_000_000;

/** Plays the events of a script on the ports. */
export class LineScript {
  #events: readonly LineEvent[] = [];
  readonly #ports: readonly LinePort[];
  readonly #timer: Timer;
  readonly #clock: Clock;
  #awaited = new Set<string>();
  #due: Due[] = [];

  constructor(events: readonly LineEvent[], clock: Clock, ports: readonly LinePort[]) {
    this.#ports = ports;
    this.#clock = clock;
    this.#timer = clock.timer('line-script', () => this.#fire());
    this.play(events);
  }

  /** Plays other events, and forgets what was still to come. */
  play(events: readonly LineEvent[]): void {
    this.#events = events;
    this.#awaited = new Set(events.flatMap(({ symbol }) => (symbol === undefined ? [] : [symbol])));
    this.#due = [];
    this.#timer.cancel();
    this.#start(undefined, 0);
  }

  /** Symbols that events still wait for. */
  get awaited(): ReadonlySet<string> {
    return this.#awaited;
  }

  /** Call when a hart is at a symbol; only the first time counts. */
  reached(symbol: string, atNs: number): void {
    if (this.#awaited.delete(symbol)) this.#start(symbol, atNs);
  }

  /**
   * What is still to come of the events whose time is known, in order. It is the caller's from here on:
   * the script plays it no more.
   */
  handOver(): ScriptedInput[] {
    const rest = this.#due.flatMap(({ atNs, uart, inputs }) =>
      inputs.map((input) => ({ atNs, uart, input })),
    );
    this.#due = [];
    this.#timer.cancel();
    return rest;
  }

  #start(symbol: string | undefined, originNs: number): void {
    for (const event of this.#events) {
      if (event.symbol !== symbol) continue;
      this.#schedule(originNs + event.afterNs, event);
    }
    this.#arm();
  }

  #schedule(atNs: number, { uart, action }: LineEvent): void {
    switch (action.kind) {
      case 'modem':
      case 'overrun':
        this.#add({ atNs, uart, inputs: [action] });
        break;
      case 'break':
        this.#add({ atNs, uart, inputs: [{ kind: 'break', on: true }] });
        this.#add({
          atNs: atNs + action.durationNs,
          uart,
          inputs: [{ kind: 'break', on: false }],
        });
        break;
      case 'send': {
        const characters = action.bytes.map((byte) => ({ byte }));
        const inputs = characters.map((character): LineInput => ({ kind: 'receive', character }));
        this.#add({ atNs, uart, inputs });
        break;
      }
    }
  }

  /** What the port does not take yet is tried again when some of it has arrived. */
  #perform({ uart, inputs }: Due): void {
    const taken = inputs.findIndex((input) => !applyLineInput(this.#ports[uart], input));
    if (taken < 0) return;
    this.#add({ atNs: this.#clock.now + RETRY_NS, uart, inputs: inputs.slice(taken) });
  }

  #add(due: Due): void {
    const index = this.#due.findIndex(({ atNs }) => atNs > due.atNs);
    this.#due.splice(index < 0 ? this.#due.length : index, 0, due);
  }

  #arm(): void {
    if (this.#due.length > 0) this.#timer.set(this.#due[0].atNs);
  }

  #fire(): void {
    while (this.#due.length > 0 && this.#due[0].atNs <= this.#clock.now) {
      const [due] = this.#due.splice(0, 1);
      this.#perform(due);
    }
    this.#arm();
  }
}

/** What following the harts needs of a machine. */
export interface FollowedMachine {
  watch(address: number, reached: (hart: { readonly localNs: number }) => void): () => void;
}

/**
 * Tells the script when a hart first comes to one of its symbols.
 * @throws PrintkitError for a symbol that the program does not have
 */
export function followSymbols(
  script: LineScript,
  machine: FollowedMachine,
  addressOf: (symbol: string) => number | undefined,
  name: string,
): void {
  for (const symbol of script.awaited) {
    const address = addressOf(symbol);
    if (address === undefined) {
      throw new PrintkitError(`${name}: the program has no symbol "${symbol}"`);
    }
    const end = machine.watch(address >>> 0, ({ localNs }) => {
      end();
      script.reached(symbol, localNs);
    });
  }
}
