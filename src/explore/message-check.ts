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
import type { RunOn } from './run-on.ts';
import { messageFault, type MessageFault } from './message-fault.ts';
import type { Stepper } from './stepper.ts';
import { linesOf } from './wire-lines.ts';

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
/** Consoles have caught up if nothing came for 300 ms, or never will. */
const PATIENCE = { longestNs: 2_000_000_000, quietNs: 300_000_000 };

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
  readonly #runOn: RunOn;
  readonly #sites: MessageSites;
  /** Records in the log, and messages that the store had not taken, when the exploration began. */
  readonly #before: ReadonlySet<string>;
  readonly #refusedBefore: number;

  /** @throws PrintkitError when the log cannot be read */
  constructor(machine: Machine, stepper: Stepper, runOn: RunOn, sites: MessageSites) {
    this.#machine = machine;
    this.#stepper = stepper;
    this.#runOn = runOn;
    this.#sites = sites;
    this.#before = new Set(readGuestLog(machine, sites.symbols).records.map(keyOf));
    this.#refusedBefore = this.#refused();
  }

  /** What is wrong with the messages of the execution that has come to its end here. */
  fault(): MessageFault | undefined {
    if (this.#machine.stopped !== undefined) return this.#compare();
    let fault: MessageFault | undefined;
    this.#runOn.until(() => {
      fault = this.#compare();
      return fault === undefined;
    }, PATIENCE);
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
