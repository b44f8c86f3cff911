// Measures a guest's printk() from outside, by watching where its harts go: nothing in the guest is
// changed, and nothing that it does costs it more. What is watched is found by symbol:
//
//   vprintk_emit                       a call of printk(): from its first instruction to its return
//   firmware/printk/, console->write() the inside of printk and console: interrupts off there count
//   workload_message, workload_phase   which message it is, and how far the workload has come
//   trap_entry, nmi_entry, __switch_to which context a hart is in (contexts.ts)
//
// Calls of the same context, one inside the other, each count in full; what interrupts and other tasks do
// meanwhile does not count as instructions of a call, but as time.

import type { ElfFile } from '../debug/elf.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { PrintkitError } from '../errors.ts';
import type { Hart } from '../machine/hart.ts';
import type { Machine } from '../machine/machine.ts';
import { interruptSites, nextMstatus, returnSites } from './code-sites.ts';
import { type Context, Contexts } from './contexts.ts';

/** Phases of a run, by number: those of the workload, after the boot; then those of `workload flat`. */
export const PHASES = [
  ...(['boot', 'leisure', 'burst', 'recursion', 'NMI', 'panic', 'end'] as const),
  ...(['alone', 'together'] as const),
];
export const PHASE_END = PHASES.indexOf('end');

/** A message of the workload: letter of the context, CPU and number. */
export interface MessageId {
  readonly stream: string;
  readonly number: number;
}

/** A call of printk(). */
export interface PrintkCall {
  /** What it says, if it is one of the workload's messages. */
  readonly message: MessageId | undefined;
  readonly phase: number;
  readonly context: 'task' | 'irq' | 'nmi';
  /** Another printk() was under way on this CPU. */
  readonly nested: boolean;
  readonly enterNs: number;
  /** Undefined until it returns. */
  returnNs: number | undefined;
  /** Instructions of the caller between entry and return. */
  instructions: number | undefined;
  /** Of these, between entry and return of vprintk_store(): formatting and storing. */
  storing: number | undefined;
  /** Whether the store took it; undefined if it never got that far. */
  stored: boolean | undefined;
}

/** An uninterrupted time with interrupts off, inside of printk or of the console. */
export interface IrqOff {
  readonly endNs: number;
  readonly ns: number;
}

/** A watched function that a context is in. */
interface Doing {
  /** The context's clock when it was entered. */
  readonly clock: number;
  /** Told when it returns, how many instructions that took. */
  readonly ended: ((instructions: number, hart: Hart) => void) | undefined;
  /** Of vprintk_emit(). */
  readonly call: PrintkCall | undefined;
}

const MIE = 1 << 3;
const MPIE = 1 << 7;
const SP = 2;
const A0 = 10;
const CAUSE_INTERRUPT = 0x8000_0000;
/** Sources whose functions are the inside of printk. */
const PRINTK_SOURCES = 'firmware/printk/';
/** console->write() and its like, in a driver. */
const CONSOLE_WRITE = /_(console_write|serial8250_write|write_atomic|write_thread)$/;

interface HartProbe {
  interruptsOff: boolean;
  inNmi: boolean;
  /** When the stretch began that goes on now. */
  offSinceNs: number | undefined;
}

export class Probe {
  readonly calls: PrintkCall[] = [];
  readonly irqOff: IrqOff[] = [];
  /** The workload's phase, 0 before the first. */
  phase = 0;
  /** When panic() was called first. */
  panicNs: number | undefined;
  /** Whether anything that is watched has happened since this was last set to false. */
  active = false;
  readonly #machine: Machine;
  readonly #elf: ElfFile;
  readonly #symbolizer: Symbolizer;
  readonly #contexts: Contexts<Doing>;
  readonly #harts: HartProbe[];
  /** What the next call of vprintk_emit in a context says. */
  readonly #announced = new Map<Context<Doing>, MessageId>();
  /** Interrupts and NMIs that came in the middle of a printk(). */
  readonly #nested = new WeakSet<Context<Doing>>();
  /** NMIs that came while interrupts were off for printk anyway. */
  readonly #withinOff = new WeakSet<Context<Doing>>();

  /** Watches from now on. @throws PrintkitError when the program lacks what is to be watched */
  constructor(machine: Machine, elf: ElfFile, symbolizer: Symbolizer) {
    this.#machine = machine;
    this.#elf = elf;
    this.#symbolizer = symbolizer;
    this.#contexts = new Contexts(machine.harts);
    this.#harts = machine.harts.map(({ mstatus }) => ({
      interruptsOff: (mstatus & MIE) === 0,
      inNmi: false,
      offSinceNs: undefined,
    }));
    this.#watchContexts();
    this.#watchInterrupts();
    this.#watchPrintk();
    this.#watchWorkload();
  }

  #function(name: string): { address: number; returns: number[] } {
    const place = this.#symbolizer.find(name);
    if (place === undefined) {
      throw new PrintkitError(
        `${this.#elf.name} has no function "${name}": compare needs the firmware of this printkit`,
      );
    }
    return { address: place.address, returns: returnSites(this.#elf, place.address, place.size) };
  }

  #watchContexts(): void {
    const contexts = this.#contexts;
    const watch = (address: number, reached: (hart: Hart) => void) =>
      this.#machine.watch(address, reached);
    watch(this.#function('trap_entry').address, (hart) => {
      if (hart.mcause >>> 0 >= CAUSE_INTERRUPT) this.#interrupted(hart, 'irq');
      else contexts.excepted(hart);
      this.#interruptsAre(hart, false, hart.localNs);
    });
    watch(this.#function('nmi_entry').address, (hart) => {
      // Interrupts that were off for printk stay off for it.
      const off = this.#harts[hart.id].offSinceNs !== undefined;
      this.#interrupted(hart, 'nmi');
      if (off) this.#withinOff.add(contexts.of(hart));
      this.#harts[hart.id].inNmi = true;
      this.#update(hart, hart.localNs);
    });
    const resumed = (hart: Hart) => {
      contexts.resumed(hart);
      this.#update(hart, hart.localNs);
    };
    const switchTo = this.#symbolizer.address('__switch_to');
    watch(switchTo, (hart) => contexts.switching(hart));
    watch(this.#endOf(switchTo), resumed);
    const { mret, mnret } = interruptSites(this.#elf);
    for (const address of mret) {
      watch(address, (hart) => {
        contexts.resumed(hart);
        this.#interruptsAre(hart, (hart.mstatus & MPIE) !== 0, hart.localNs);
      });
    }
    for (const address of mnret) {
      watch(address, (hart) => {
        this.#harts[hart.id].inNmi = false;
        resumed(hart);
      });
    }
  }

  #interrupted(hart: Hart, kind: 'irq' | 'nmi'): void {
    const nested = this.#isNested(hart);
    this.#contexts.interrupted(hart, kind);
    if (nested) this.#nested.add(this.#contexts.of(hart));
  }

  /** A printk() called now would be inside of another one. */
  #isNested(hart: Hart): boolean {
    const context = this.#contexts.of(hart);
    return context.frames.length > 0 || this.#nested.has(context);
  }

  /** The first return behind an address: the end of a function of entry.S, which has no size. */
  #endOf(address: number): number {
    const [end] = returnSites(this.#elf, address, 256);
    return end;
  }

  #watchInterrupts(): void {
    for (const { address, instruction } of interruptSites(this.#elf).mstatus) {
      this.#machine.watch(address, (hart) => {
        const next = nextMstatus(instruction, hart.mstatus, hart.x);
        this.#interruptsAre(
          hart,
          (next & MIE) !== 0,
          hart.localNs + this.#machine.nsPerInstruction,
        );
      });
    }
  }

  #interruptsAre(hart: Hart, on: boolean, atNs: number): void {
    this.#harts[hart.id].interruptsOff = !on;
    this.#update(hart, atNs);
  }

  #inPrintk(hart: Hart): boolean {
    const context = this.#contexts.of(hart);
    return context.frames.length > 0 || this.#withinOff.has(context);
  }

  /** Begins or ends the stretch with interrupts off inside of printk. */
  #update(hart: Hart, atNs: number): void {
    const state = this.#harts[hart.id];
    const off = (state.interruptsOff || state.inNmi) && this.#inPrintk(hart);
    if (off && state.offSinceNs === undefined) state.offSinceNs = atNs;
    if (off || state.offSinceNs === undefined) return;
    if (atNs > state.offSinceNs) this.irqOff.push({ endNs: atNs, ns: atNs - state.offSinceNs });
    state.offSinceNs = undefined;
  }

  #watchPrintk(): void {
    this.#watchCalls(this.#function('vprintk_emit'), (hart, context) => {
      const call: PrintkCall = {
        message: this.#announced.get(context),
        phase: this.phase,
        context: context.kind,
        nested: this.#isNested(hart),
        enterNs: hart.localNs,
        returnNs: undefined,
        instructions: undefined,
        storing: undefined,
        stored: undefined,
      };
      this.#announced.delete(context);
      this.calls.push(call);
      const ended = (instructions: number, last: Hart) => {
        call.instructions = instructions;
        call.returnNs = last.localNs + this.#machine.nsPerInstruction;
      };
      return { call, ended };
    });
    this.#watchCalls(this.#function('vprintk_store'), (_hart, { frames }) => {
      const call = frames.findLast(({ tag }) => tag.call !== undefined)?.tag.call;
      const ended = (instructions: number, hart: Hart) => {
        if (call === undefined) return;
        call.storing = instructions;
        call.stored = hart.x[A0] !== 0;
      };
      return { call: undefined, ended };
    });
    const others = this.#elf.symbols.filter(({ name, type, address }) => {
      if (type !== 'function' || name === 'vprintk_emit' || name === 'vprintk_store') return false;
      const source = this.#symbolizer.source(address) ?? '';
      return source.startsWith(PRINTK_SOURCES) || CONSOLE_WRITE.test(name);
    });
    for (const { address, size } of others) {
      const returns = returnSites(this.#elf, address, size);
      // A thread's main function never returns: being in it says nothing.
      if (returns.length === 0) continue;
      this.#watchCalls({ address, returns }, () => ({ call: undefined, ended: undefined }));
    }
  }

  #watchCalls(
    { address, returns }: { address: number; returns: readonly number[] },
    begin: (hart: Hart, context: Context<Doing>) => Omit<Doing, 'clock'>,
  ): void {
    this.#machine.watch(address, (hart) => {
      this.active = true;
      const context = this.#contexts.of(hart);
      context.push(hart.x[SP], { ...begin(hart, context), clock: context.clock(hart) });
      this.#update(hart, hart.localNs);
    });
    for (const site of returns) {
      this.#machine.watch(site, (hart) => {
        this.active = true;
        const context = this.#contexts.of(hart);
        const doing = context.pop(hart.x[SP]);
        // The return itself counts.
        doing?.ended?.(context.clock(hart) + 1 - doing.clock, hart);
        this.#update(hart, hart.localNs);
      });
    }
  }

  #watchWorkload(): void {
    this.#machine.watch(this.#function('workload_message').address, (hart) => {
      const stream = `${String.fromCharCode(hart.x[A0])}${hart.x[A0 + 1]}`;
      this.#announced.set(this.#contexts.of(hart), { stream, number: hart.x[A0 + 2] });
    });
    this.#machine.watch(this.#function('workload_phase').address, (hart) => {
      this.phase = hart.x[A0];
    });
    this.#machine.watch(this.#function('panic').address, (hart) => {
      this.panicNs ??= hart.localNs;
    });
  }
}
