// Executed instructions as lines of text: hart, address, symbol, instruction, what it changed. Fed by
// the machine before each instruction; a line is complete once the instruction has been executed.

import { REGISTER_NAMES } from '../machine/isa.ts';
import { causeName, trapName } from './causes.ts';
import { disassemble, type Disassembly } from './disassembler.ts';
import type { Symbolizer } from './symbolizer.ts';
import type { UnwindMemory } from './unwind.ts';

/** What a trace shows of a hart. */
export interface TracedHart {
  readonly id: number;
  readonly pc: number;
  readonly x: Int32Array;
  readonly instret: number;
  /** In an NMI handler: what comes with the interrupt bit then was the NMI. */
  readonly inNmi?: boolean;
  /** The last trap taken; another object for each trap. */
  readonly lastTrap?:
    { readonly cause: number; readonly tval: number; readonly pc: number } | undefined;
}

const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
const PLACE_WIDTH = 28;
const TEXT_WIDTH = 30;
const CACHE_MAX = 100_000;

interface Decoded {
  readonly word: number;
  readonly shown: Disassembly;
  readonly place: string;
}

/**
 * Turns a machine's trace hook into lines:
 * `machine.trace = (hart) => tracer.before(hart)`, and `tracer.flush()` at the end.
 */
export class Tracer {
  private readonly memory: UnwindMemory;
  private readonly symbolizer: Symbolizer | undefined;
  private readonly write: (line: string) => void;
  private readonly cache = new Map<number, Decoded>();
  private readonly before32 = new Int32Array(32);
  private readonly traps = new Map<number, TracedHart['lastTrap']>();
  private pending:
    { hart: TracedHart; pc: number; instret: number; decoded: Decoded | undefined } | undefined;

  constructor(
    memory: UnwindMemory,
    symbolizer: Symbolizer | undefined,
    write: (line: string) => void,
  ) {
    this.memory = memory;
    this.symbolizer = symbolizer;
    this.write = write;
  }

  /** The hart is about to execute the instruction at its pc. */
  before(hart: TracedHart): void {
    this.flush();
    const trap = hart.lastTrap;
    if (trap && this.traps.get(hart.id) !== trap) {
      const cause = trapName(trap.cause, hart.inNmi ?? false);
      this.write(`hart ${hart.id} ${hex8(trap.pc)} ${cause}`);
    }
    this.traps.set(hart.id, trap);
    this.before32.set(hart.x);
    const pc = hart.pc >>> 0;
    this.pending = { hart, pc, instret: hart.instret, decoded: this.decode(pc) };
  }

  /** Writes the line of the instruction that was announced last. */
  flush(): void {
    const { pending } = this;
    if (!pending) return;
    this.pending = undefined;
    const { hart, pc, decoded } = pending;
    const text = decoded ? decoded.shown.text.replace('\t', ' ') : '(no memory)';
    const place = decoded?.place ?? '';
    const start = `hart ${hart.id} ${hex8(pc)} ${place.padEnd(PLACE_WIDTH)} `;
    const effects = this.effects(hart, pending.instret, decoded?.shown);
    this.write(effects === '' ? start + text : `${start}${text.padEnd(TEXT_WIDTH)} ${effects}`);
  }

  private effects(hart: TracedHart, instret: number, shown: Disassembly | undefined): string {
    const parts: string[] = [];
    if (shown?.memory) {
      const base = this.before32[shown.memory.base] ?? 0;
      parts.push(`[${hex8(base + shown.memory.offset)}]`);
    }
    for (let i = 1; i < 32; i++) {
      const value = hart.x[i] ?? 0;
      if (value !== this.before32[i]) parts.push(`${REGISTER_NAMES[i] ?? ''}=${hex8(value)}`);
    }
    const trap = hart.lastTrap;
    if (hart.instret === instret && trap && trap !== this.traps.get(hart.id)) {
      this.traps.set(hart.id, trap);
      parts.push(`trap: ${causeName(trap.cause)}, tval=${hex8(trap.tval)}`);
    }
    return parts.join(' ');
  }

  private decode(pc: number): Decoded | undefined {
    const word = this.fetch(pc);
    if (word === undefined) return undefined;
    const known = this.cache.get(pc);
    if (known?.word === word) return known;
    const symbol = (address: number) => this.symbolizer?.name(address);
    const decoded = { word, shown: disassemble(word, pc, { symbol }), place: symbol(pc) ?? '' };
    if (this.cache.size >= CACHE_MAX) this.cache.clear();
    this.cache.set(pc, decoded);
    return decoded;
  }

  private fetch(pc: number): number | undefined {
    for (const length of [4, 2]) {
      try {
        const bytes = this.memory.readMemory(pc, length);
        return bytes.reduceRight((word, byte) => (word << 8) | byte, 0) >>> 0;
      } catch {
        // The last 16-bit instruction of memory has nothing behind it.
      }
    }
    return undefined;
  }
}
