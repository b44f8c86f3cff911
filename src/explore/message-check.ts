// The oracle of messages: at the end of an execution the guest runs on as the machine itself would, until
// its consoles have caught up, and what went out of the first UART is compared with the log in memory. Then
// all that is undone. Leaves out what was stored before the exploration began, what the guest keeps from
// consoles by its level, and what is overwritten in a log of which the console never gets to say so.

import { readGuestLog } from '../debug/dmesg/guest-log.ts';
import type { LogRecord } from '../debug/dmesg/log-record.ts';
import type { ElfFile, ElfSymbol } from '../debug/elf.ts';
import { PrintkitError } from '../errors.ts';
import type { Machine } from '../machine/machine.ts';
import { RAM_BASE } from '../machine/memory-map.ts';
import type { LineEvent } from './line-events.ts';
import { messageFault, type MessageFault } from './message-fault.ts';
import type { Stepper } from './stepper.ts';

/** Where the guest keeps what is looked at; plain data. */
export interface MessageSites {
  /** Those that lead to the log. */
  readonly symbols: readonly ElfSymbol[];
  /** Two words: the level from which on records are kept from consoles, and whether that is ignored. */
  readonly consolePrintk: number;
  /** The counters of firmware/printk/printk-stats.ts. */
  readonly printkStats: number;
  /** Consoles on the first UART. */
  readonly copies: number;
}

const WORD = 4;
/** Fields of printk_counters, in words: messages that the store did not take. */
const DROPPED = 1;
const RECURSED = 4;
const MS = 1_000_000;
const SLICE_NS = 5 * MS;
/** Consoles have caught up if nothing came for so long, or never will. */
const QUIET_NS = 300 * MS;
const SETTLE_NS = 2000 * MS;

/** @throws PrintkitError for a guest that does not tell where its log is */
export function messageSites({ symbols }: ElfFile, bootargs: string): MessageSites {
  const find = (name: string): ElfSymbol => {
    const found = symbols.find((symbol) => symbol.name === name);
    if (found === undefined) {
      throw new PrintkitError(
        `messages cannot be checked: the guest has no symbol '${name}', which leads to its log`,
      );
    }
    const { address, size, type, global } = found;
    return { name, address, size, type, global };
  };
  return {
    symbols: [find('vmcoreinfo_data'), find('vmcoreinfo_size')],
    consolePrintk: find('console_printk').address,
    printkStats: find('printk_stats').address,
    copies: bootargs.split(/\s+/).includes('keep_bootcon') ? 2 : 1,
  };
}

const keyOf = ({ tsNsec, callerId, text }: LogRecord): string =>
  `${String(tsNsec)} ${String(callerId)} ${new TextDecoder('latin1').decode(text)}`;

export class MessageCheck {
  readonly #machine: Machine;
  readonly #stepper: Stepper;
  readonly #script: readonly LineEvent[];
  readonly #sites: MessageSites;
  /** Records in the log, and messages that the store had not taken, when the exploration began. */
  readonly #before: ReadonlySet<string>;
  readonly #refusedBefore: number;

  /**
   * @param script what the far ends of the lines are going to do
   * @throws PrintkitError when the log cannot be read
   */
  constructor(
    machine: Machine,
    stepper: Stepper,
    script: readonly LineEvent[],
    sites: MessageSites,
  ) {
    this.#machine = machine;
    this.#stepper = stepper;
    this.#script = script;
    this.#sites = sites;
    this.#before = new Set(readGuestLog(machine, sites.symbols).records.map(keyOf));
    this.#refusedBefore = this.#refused();
  }

  /** What is wrong with the messages of the execution that has come to its end here. */
  fault(): MessageFault | undefined {
    const machine = this.#machine;
    const stepper = this.#stepper;
    if (machine.stopped !== undefined) return this.#compare();
    const { board, log } = stepper;
    const sent = board.sent.map(({ length }) => length);
    const top = log.top;
    for (const event of this.#script) if (event.canHappen()) event.happen();
    const point = machine.mark();
    try {
      return this.#settle();
    } finally {
      machine.rewind(point);
      machine.release(point);
      stepper.rewind(top);
      board.sent.forEach((bytes, i) => (bytes.length = sent[i]));
    }
  }

  /** All harts go on together from the latest time that one of them is at. */
  #settle(): MessageFault | undefined {
    const machine = this.#machine;
    const { tracks, time, board } = this.#stepper;
    const times = tracks.map((track) => time.toNs(Math.max(track.time, track.pendingTime)));
    const begin = Math.max(machine.clock.now, ...times);
    machine.join(begin);
    const [sent] = board.sent;
    let fault: MessageFault | undefined;
    let [lastNs, length] = [begin, -1];
    for (let at = begin; at < begin + SETTLE_NS && at - lastNs < QUIET_NS;) {
      at += SLICE_NS;
      machine.run(at);
      if (sent.length === length && machine.stopped === undefined) continue;
      [lastNs, length] = [at, sent.length];
      fault = this.#compare();
      if (fault === undefined || machine.stopped !== undefined) break;
    }
    return fault;
  }

  #compare(): MessageFault | undefined {
    const refused = this.#refused() - this.#refusedBefore;
    if (refused > 0) return { fault: 'lost', text: `${refused} that the store did not take` };
    const { memory } = this.#machine;
    const { symbols, consolePrintk, copies } = this.#sites;
    const isIgnored = memory.read(consolePrintk + WORD - RAM_BASE, WORD) !== 0;
    const level = isIgnored ? Infinity : memory.read(consolePrintk - RAM_BASE, WORD);
    const records = this.#records(symbols);
    if (typeof records === 'string') return { fault: 'lost', text: records };
    const due = records.filter((each) => each.level < level && !this.#before.has(keyOf(each)));
    return messageFault(due, linesOf(this.#stepper.board.sent[0]), copies);
  }

  /** Why it cannot be read, if it cannot: somebody is in the middle of a change, or has never got out. */
  #records(symbols: readonly ElfSymbol[]): readonly LogRecord[] | string {
    try {
      return readGuestLog(this.#machine, symbols).records;
    } catch (error) {
      if (error instanceof PrintkitError) return error.message;
      throw error;
    }
  }

  /** Messages that the store has not taken since boot. */
  #refused(): number {
    const at = this.#sites.printkStats - RAM_BASE;
    const { memory } = this.#machine;
    return memory.read(at + DROPPED * WORD, WORD) + memory.read(at + RECURSED * WORD, WORD);
  }
}

function linesOf(bytes: readonly number[]): string[] {
  const text = bytes.map((byte) => String.fromCharCode(byte)).join('');
  return text.replaceAll('\r', '').split('\n');
}
