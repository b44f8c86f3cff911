// Guests at the prompt of their shells, ready to be used again: a boot is most of what a short scenario
// takes. Going back to the prompt costs the pages that were written since, and compiled code is kept.
// Leaves out which boots are worth keeping: it keeps the latest ones.

import type { Uart8250Fault } from '../../devices/uart8250/index.ts';
import { type ElfFile, toMachineImage } from '../debug/elf.ts';
import { Symbolizer } from '../debug/symbolizer.ts';
import { LineScript } from '../lines/line-script.ts';
import type { Hart } from '../machine/hart.ts';
import { Machine } from '../machine/machine.ts';
import { bootToPrompt } from '../lines/boot.ts';
import { Wire, type WireMark } from '../lines/wire.ts';

/** What a guest is booted with. */
export interface BootOptions {
  readonly harts: number;
  readonly bootargs: string;
  /** A defect of the UART. */
  readonly fault?: Uart8250Fault | undefined;
}

/** Says which boots are alike. */
export function bootKey({ harts, bootargs, fault }: BootOptions): string {
  return JSON.stringify([harts, bootargs, fault]);
}

export class Guest {
  readonly machine: Machine;
  readonly wire: Wire;
  /** What the far end does; nothing until it is told. */
  readonly script: LineScript;
  /** Whether the shell has come to its prompt. */
  readonly prompted: boolean;
  readonly #machineMark: number;
  readonly #wireMark: WireMark;
  readonly #watches: (() => void)[] = [];

  constructor(elf: ElfFile, { harts, bootargs, fault }: BootOptions) {
    this.machine = new Machine({ harts, bootargs, uarts: [fault ? { fault } : {}] });
    this.machine.load(toMachineImage(elf));
    this.wire = new Wire(this.machine.clock);
    this.machine.uarts[0].attach(this.wire);
    this.script = new LineScript([], this.machine.clock, this.machine.uarts);
    this.prompted = bootToPrompt(this.machine, this.wire);
    this.#machineMark = this.machine.mark();
    this.#wireMark = this.wire.mark();
  }

  /** As Machine.watch(), until the guest goes back to its prompt. */
  watch(address: number, reached: (hart: Hart) => void): () => void {
    const end = this.machine.watch(address, reached);
    this.#watches.push(end);
    return end;
  }

  /** Back to the prompt, as if nothing had happened since. */
  rewind(): void {
    this.#watches.splice(0).forEach((end) => end());
    this.machine.rewind(this.#machineMark);
    this.wire.rewind(this.#wireMark);
    this.script.play([]);
  }
}

/** A program, and guests that have booted it. */
export class Guests {
  readonly elf: ElfFile;
  readonly symbolizer: Symbolizer;
  readonly #kept = new Map<string, Guest>();
  readonly #keep: number;

  /** @param keep how many guests at most are kept */
  constructor(elf: ElfFile, keep = 1) {
    this.elf = elf;
    this.symbolizer = new Symbolizer(elf);
    this.#keep = keep;
  }

  /** A guest at its prompt, to be used until the next one is asked for. */
  boot(options: BootOptions): Guest {
    const key = bootKey(options);
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      kept.rewind();
      return kept;
    }
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= this.#keep) this.#kept.delete(oldest);
    const guest = new Guest(this.elf, options);
    this.#kept.set(key, guest);
    return guest;
  }
}
