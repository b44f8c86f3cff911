// The firmware on the machine, with a terminal in the test's hands: type, wait for text.

import { MockLine } from '../../devices/uart8250/index.ts';
import { readElf, toMachineImage } from '../../src/debug/elf.ts';
import { Machine, type MachineOptions, type StopReason } from '../../src/machine/machine.ts';

export { buildImage } from './image.ts';

const SLICE_NS = 500_000;
const LIMIT_NS = 20_000_000_000;

/** Console output without time stamps and carriage returns. */
export function withoutStamps(text: string): string {
  return text.replaceAll('\r', '').replaceAll(/^\[ *\d+\.\d{6}\] /gm, '');
}

export class Console {
  readonly machine: Machine;
  readonly line: MockLine;
  #seen: { events: number; last: MockLine['events'][number] | undefined; text: string } = {
    events: 0,
    last: undefined,
    text: '',
  };
  /** How the machine ended, once it has. */
  stop: StopReason | undefined;

  readonly #limitNs: number;

  /** @param limitNs virtual time after which nothing is waited for any more */
  constructor(elf: Uint8Array, options: MachineOptions = {}, limitNs = LIMIT_NS) {
    this.#limitNs = limitNs;
    this.machine = new Machine(options);
    this.machine.load(toMachineImage(readElf(elf)));
    this.line = new MockLine(this.machine.clock);
    this.machine.uarts[0].attach(this.line);
  }

  /** What has been printed, as withoutStamps() has it. */
  get text(): string {
    const { events } = this.line;
    // Asked for over and over while there is nothing new.
    if (events.length !== this.#seen.events || events.at(-1) !== this.#seen.last) {
      const text = withoutStamps(this.line.text);
      this.#seen = { events: events.length, last: events.at(-1), text };
    }
    return this.#seen.text;
  }

  /** Sends text at the speed of the line, from now on. */
  type(text: string): void {
    this.line.send(text);
  }

  /** Runs until the output contains `text` behind position `from`; returns the position after it. */
  waitFor(text: string, from = 0): number {
    for (;;) {
      const at = this.text.indexOf(text, from);
      if (at >= 0) return at + text.length;
      if (!this.#slice()) {
        throw new Error(`${JSON.stringify(text)} not in: ${this.text.slice(from)}`);
      }
    }
  }

  /** Types a command at the prompt and returns what it prints. The shell must be at its prompt. */
  command(command: string): string {
    const from = this.waitFor(`${PROMPT}${command}\n`, this.#prompt(command));
    const to = this.waitFor(PROMPT, from) - PROMPT.length;
    return this.text.slice(from, to);
  }

  /** Runs to the end of the machine. */
  finish(): StopReason {
    while (this.#slice());
    if (!this.stop) throw new Error(`still running: ${this.text}`);
    return this.stop;
  }

  runFor(ns: number): void {
    const end = this.machine.now + ns;
    while (this.machine.now < end && this.#slice());
  }

  #prompt(command: string): number {
    this.waitFor(PROMPT);
    const from = this.text.lastIndexOf(PROMPT);
    this.type(`${command}\r`);
    return from;
  }

  /** False at the end of the machine or of the time limit. */
  #slice(): boolean {
    if (this.stop || this.machine.now > this.#limitNs) return false;
    const stop = this.machine.run(this.machine.now + SLICE_NS);
    if (stop.kind === 'time') return true;
    this.stop = stop;
    return false;
  }
}

export const PROMPT = 'printkit# ';
