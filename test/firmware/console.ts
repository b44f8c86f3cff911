// The firmware on the machine, with a terminal in the test's hands: type, wait for text.

import { MockLine } from '../../devices/uart8250/index.ts';
import { readElf, toMachineImage } from '../../src/debug/elf.ts';
import { Machine, type MachineOptions, type StopReason } from '../../src/machine/machine.ts';
import { buildFirmware } from '../../src/toolchain/build.ts';

const SLICE_NS = 500_000;
const LIMIT_NS = 20_000_000_000;

/** Builds the firmware from its sources, as it stands. */
export async function buildImage(): Promise<Uint8Array> {
  return (await buildFirmware()).elf;
}

/** Console output without time stamps and carriage returns. */
export function withoutStamps(text: string): string {
  return text.replaceAll('\r', '').replaceAll(/^\[ *\d+\.\d{6}\] /gm, '');
}

export class Console {
  readonly machine: Machine;
  readonly line: MockLine;
  /** How the machine ended, once it has. */
  stop: StopReason | undefined;

  constructor(elf: Uint8Array, options: MachineOptions = {}) {
    this.machine = new Machine(options);
    this.machine.load(toMachineImage(readElf(elf)));
    this.line = new MockLine(this.machine.clock);
    this.machine.uarts[0].attach(this.line);
  }

  get text(): string {
    return withoutStamps(this.line.text);
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
    if (this.stop || this.machine.now > LIMIT_NS) return false;
    const stop = this.machine.run(this.machine.now + SLICE_NS);
    if (stop.kind === 'time') return true;
    this.stop = stop;
    return false;
  }
}

export const PROMPT = 'printkit# ';
