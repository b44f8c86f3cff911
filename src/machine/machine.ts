// The machine: harts, memory and devices of one board, driven in virtual time.
//
// Harts run side by side in rounds. A round is a stretch of virtual time that ends with the next
// timer or after `roundNs`; in it every hart, in order, executes the instructions that fit. Where a
// round ends depends on the guest alone, never on how the host slices its calls of `run`: `run` stops
// only between rounds (and, at an instruction limit, remembers where in the round it stopped).

import { Aclint, ACLINT_BYTES } from '../../devices/aclint/index.ts';
import { NMI_BYTES, NmiController } from '../../devices/nmi/index.ts';
import { Plic, PLIC_BYTES } from '../../devices/plic/index.ts';
import { FINISHER_BYTES, TestFinisher } from '../../devices/test-finisher/index.ts';
import { Uart8250 } from '../../devices/uart8250/index.ts';
import { PrintkitError } from '../errors.ts';
import { Bus } from './bus.ts';
import { IRQ_EXTERNAL, IRQ_SOFTWARE, IRQ_TIMER } from './csr.ts';
import type { Decoded } from './decoder.ts';
import { boardDeviceTree, flattenDeviceTree } from './device-tree.ts';
import { EventQueue } from './event-queue.ts';
import { Executor } from './executor.ts';
import { Hart } from './hart.ts';
import type { HartPorts } from './hart.ts';
import { checkImage } from './image.ts';
import type { MachineImage } from './image.ts';
import { completeOptions } from './machine-options.ts';
import type { MachineOptions, RunOptions, StopReason, UartOptions } from './machine-options.ts';
import { Memory, PAGE_CODE, PAGE_HTIF } from './memory.ts';
import {
  ACLINT_BASE,
  FINISHER_BASE,
  NMI_BASE,
  PAGE_BYTES,
  PAGE_SHIFT,
  PLIC_BASE,
  PLIC_SOURCES,
  RAM_BASE,
  TIMEBASE_HZ,
  UART_BASE,
  UART_CLOCK_HZ,
  UART_IRQS,
  UART_STRIDE,
  UART_WAKE_IRQS,
} from './memory-map.ts';
import { RestorePoints } from './restore-points.ts';
import type { BoardState } from './restore-points.ts';
import { decodeMachine, digestOf, encodeMachine } from './saved-machine.ts';
import type { SavedIdentity } from './saved-machine.ts';
import { takeInterrupt } from './trap.ts';

export type { MachineImage } from './image.ts';
export type { MachineOptions, RunOptions, StopReason, UartOptions } from './machine-options.ts';

const NS_PER_TICK = 1e9 / TIMEBASE_HZ;
/** A hart that is alone awake runs this many rounds at a time. */
const SOLO_ROUNDS = 10;
/** Samples after which a loop is compiled, see executor.ts. */
const HOT_SAMPLES = { hot: 64, always: 1, never: Infinity } as const;
/** The device tree lies at the end of RAM, as on QEMU. */
const DEVICE_TREE_ALIGN = PAGE_BYTES;

export class Machine {
  readonly harts: readonly Hart[];
  readonly clock = new EventQueue();
  readonly memory: Memory;
  readonly bus = new Bus();
  readonly uarts: readonly Uart8250[];
  readonly plic: Plic;
  readonly aclint: Aclint;
  readonly nmi: NmiController;
  readonly nsPerInstruction: number;
  readonly roundNs: number;
  readonly bootargs: string;
  /** Called before each instruction while set; slow. The hart's `x` and `pc` are up to date. */
  trace: ((hart: Hart) => void) | undefined;

  readonly #executor: Executor;
  /** Whom to tell about a hart's coming to an address. */
  readonly #watches = new Map<number, ((hart: Hart) => void)[]>();
  readonly #uartOptions: readonly UartOptions[];
  readonly #points: RestorePoints;
  #image: MachineImage | undefined;
  /** Nothing has been written to memory yet. */
  #fresh = true;
  #stop: StopReason | undefined;
  /** Start of the round in progress or of the next one: all harts have run up to here. */
  #time = 0;
  /** End of the round in progress. */
  #roundEnd = 0;
  /** Only one hart was awake at the start of the round in progress. */
  #solo = false;
  /** The hart whose turn it is in the round in progress, or -1 between rounds. */
  #turn = -1;
  /** Addresses that `runTo` is looking for, and the hart that has come to one. */
  #breakpoints: ReadonlySet<number> | undefined;
  #reached: Hart | undefined;

  /** @throws PrintkitError for an option that is out of range. */
  constructor(options: MachineOptions = {}) {
    const { harts, uarts, memoryBytes, ...timing } = completeOptions(options);
    this.nsPerInstruction = timing.nsPerInstruction;
    this.roundNs = timing.roundNs;
    this.bootargs = timing.bootargs;
    this.memory = new Memory(memoryBytes);
    this.#points = new RestorePoints(this.memory);
    this.nmi = new NmiController(harts, (hart) => this.harts[hart].notifyNmi());
    const ports: HartPorts = {
      clock: this.clock,
      nmi: this.nmi,
      timeLow: (hart) => this.#readTime(hart).mtimeLow,
      timeHigh: (hart) => this.#readTime(hart).mtimeHigh,
    };
    this.harts = Array.from({ length: harts }, (_, id) => new Hart(id, ports));
    this.aclint = new Aclint({
      clock: this.clock,
      nsPerTick: NS_PER_TICK,
      softwareLines: this.harts.map((hart) => (on) => hart.setInterrupt(IRQ_SOFTWARE, on)),
      timerLines: this.harts.map((hart) => (on) => hart.setInterrupt(IRQ_TIMER, on)),
    });
    this.plic = new Plic({
      sources: PLIC_SOURCES,
      // Two contexts per hart, M and S, as on virt; without S-mode the second leads nowhere.
      contextLines: this.harts.flatMap((hart) => [
        (on: boolean) => hart.setInterrupt(IRQ_EXTERNAL, on),
        () => undefined,
      ]),
    });
    this.#uartOptions = uarts;
    this.uarts = uarts.map((uart, i) => this.#createUart(uart, i));
    this.#attachDevices();
    this.#executor = new Executor({
      memory: this.memory,
      bus: this.bus,
      clock: this.clock,
      harts: this.harts,
      nsPerInstruction: this.nsPerInstruction,
      hotSamples: HOT_SAMPLES[timing.compile],
      disturbed: (hart) => this.#disturbed(hart),
      tohost: () => this.#tohost(),
      beforeWrite: (page) => this.#points.keep(page),
      watched: (hart) => this.#watches.get(hart.pc)?.forEach((reached) => reached(hart)),
    });
  }

  /** Virtual time in ns. */
  get now(): number {
    return Math.max(this.clock.now, this.#time);
  }

  /**
   * Time at which input that is let in now takes effect: all harts have run up to here. A recording
   * that repeats the input at this time repeats the run; `now` may be some ns ahead of it.
   */
  get inputNs(): number {
    return this.#time;
  }

  /** Instructions retired by all harts since reset. */
  get instret(): number {
    return this.harts.reduce((sum, hart) => sum + hart.instret, 0);
  }

  /**
   * Puts a program into RAM, with the device tree at the end of it, and resets the harts to its
   * entry with a0 = hart id and a1 = address of the device tree.
   * @throws PrintkitError when a segment lies outside of RAM, overlaps another one or the device
   * tree, or the entry is in none of them.
   */
  load(image: MachineImage): void {
    const deviceTree = this.#deviceTree();
    checkImage(image, this.memory, deviceTree);
    this.#image = image;
    this.reset();
  }

  /** Power cycle: memory cleared and the image loaded again, everything back to its reset state. */
  reset(): void {
    this.#points.clear();
    // Looking at every page would commit all of a fresh memory for nothing.
    if (!this.#fresh) this.memory.clear();
    this.#fresh = false;
    this.#executor.cache.flush();
    this.#executor.slow.reset();
    this.clock.reset();
    this.#time = this.#roundEnd = 0;
    this.#turn = -1;
    this.#stop = undefined;
    for (const hart of this.harts) hart.reset();
    this.aclint.reset();
    this.nmi.reset();
    for (const uart of this.uarts) uart.reset();
    this.plic.reset();
    if (this.#image !== undefined) this.#place(this.#image);
  }

  /**
   * Runs until virtual time reaches `untilNs` (at most one round is run beyond it) or something else
   * stops the machine. What the guest does does not depend on how time is cut into calls.
   */
  run(untilNs: number, options: RunOptions = {}): StopReason {
    let limit = options.maxInstructions ?? Infinity;
    for (;;) {
      if (this.#turn < 0) {
        this.clock.fire(this.#time);
        if (this.#stop !== undefined) return this.#stop;
        if (this.#time >= untilNs) return { kind: 'time' };
        if (this.#awakeCount() === 0) {
          const stop = this.#idle(untilNs, options.stopWhenIdle ?? false);
          if (stop !== undefined) return stop;
          continue;
        }
        this.#solo = this.#awakeCount() === 1;
        const roundNs = this.#solo ? this.roundNs * SOLO_ROUNDS : this.roundNs;
        this.#roundEnd = Math.min(this.#time + roundNs, this.clock.nextDeadline);
        this.#turn = 0;
      }
      while (this.#turn < this.harts.length) {
        const hart = this.harts[this.#turn];
        const before = hart.instret;
        this.#runHart(hart, limit);
        limit -= hart.instret - before;
        if (this.#stop !== undefined) return this.#stop;
        if (limit <= 0 || this.#reached !== undefined) return { kind: 'limit' };
        this.#turn++;
      }
      this.#turn = -1;
      this.#time = Math.max(this.#time, this.#endOfRound());
    }
  }

  /**
   * Runs, in the slower loop, until a hart is about to execute an instruction at one of the addresses.
   * @returns that hart, or undefined when virtual time has reached `untilNs` or the machine has stopped
   */
  runTo(addresses: ReadonlySet<number>, untilNs: number): Hart | undefined {
    this.#breakpoints = addresses;
    this.run(untilNs);
    const reached = this.#reached;
    this.#breakpoints = this.#reached = undefined;
    return reached;
  }

  /**
   * Executes one instruction of one hart (or lets it take a pending interrupt and execute the
   * handler's first), whatever the other harts do. For debuggers and explorers: they decide who runs.
   * @returns false when the hart waits in wfi with nothing pending, or the machine has stopped.
   */
  step(hart: Hart): boolean {
    if (this.#stop !== undefined || !this.#awake(hart)) return false;
    if (hart.interrupted) takeInterrupt(hart);
    this.trace?.(hart);
    this.#execute(hart, 1);
    return true;
  }

  /**
   * Performs one decoded instruction of a hart in the slow path, whatever the other harts do: counts
   * nothing, moves no time, takes no interrupt. For an explorer that executes the others itself.
   */
  perform(hart: Hart, instruction: Decoded): void {
    this.#executor.perform(hart, instruction);
    this.#noteStuck(hart);
  }

  /**
   * Calls `reached` each time that a hart is about to execute the instruction at an address, with the
   * hart's `x`, `pc`, `instret` and `localNs` up to date. Costs nothing elsewhere, and makes no
   * difference to the guest as long as `reached` only looks. An instruction that traps and is tried
   * again is reached again.
   * @returns a function that ends it
   */
  watch(address: number, reached: (hart: Hart) => void): () => void {
    const others = this.#watches.get(address);
    this.#watches.set(address, [...(others ?? []), reached]);
    if (others === undefined) this.#executor.cache.watch(address, true);
    return () => {
      const left = (this.#watches.get(address) ?? []).filter((each) => each !== reached);
      if (left.length > 0) this.#watches.set(address, left);
      else if (this.#watches.delete(address)) this.#executor.cache.watch(address, false);
    };
  }

  /** All harts go on together from a time, with `run`. For an explorer, where each has its own. */
  join(ns: number): void {
    this.clock.advance(ns);
    for (const hart of this.harts) hart.localNs = ns;
    this.#time = this.#roundEnd = ns;
    this.#turn = -1;
    this.#executor.slow.followReservations();
  }

  /** Why the machine has stopped for good, if it has. */
  get stopped(): StopReason | undefined {
    return this.#stop;
  }

  /** For an explorer that goes back to before the machine stopped. */
  set stopped(reason: StopReason | undefined) {
    this.#stop = reason;
  }

  /**
   * Makes a restore point, inside of those that there are. Lines get to know nothing of it: what has
   * been sent stays sent.
   */
  mark(): number {
    return this.#points.push(this.#saveBoard());
  }

  /**
   * Goes back to a restore point, which stays; those made after it are gone. The run from there on is
   * the same, to the instruction. @throws RangeError when there is no such point
   */
  rewind(mark: number): void {
    const { cache } = this.#executor;
    const board = this.#points.rewind(mark, (page) => {
      if ((this.memory.flags[page] & PAGE_CODE) !== 0) cache.invalidate(page << PAGE_SHIFT, 4);
    });
    this.#restoreBoard(board);
  }

  /** Forgets a restore point and those made after it. @throws RangeError when there is no such point */
  release(mark: number): void {
    this.#points.release(mark);
  }

  /** Pages of memory written since the latest restore point. */
  get dirtyPages(): number {
    return this.#points.dirtyPages;
  }

  /** The machine as bytes, for a file. Restore points are not part of it. */
  save(): Uint8Array {
    return encodeMachine(this.#identity(), this.#saveBoard(), this.memory);
  }

  /**
   * Continues a machine that was saved. This one must be like it and have the same program loaded.
   * Restore points are gone. @throws PrintkitError saying what does not fit; nothing has changed then
   */
  restore(bytes: Uint8Array): void {
    const { board, fill } = decodeMachine(bytes, this.#identity());
    this.reset();
    this.memory.zero();
    fill(this.memory);
    this.#restoreBoard(board);
  }

  #identity(): SavedIdentity {
    const segments = this.#image?.segments ?? [];
    return {
      harts: this.harts.length,
      memoryBytes: this.memory.bytes,
      nsPerInstruction: this.nsPerInstruction,
      roundNs: this.roundNs,
      bootargs: this.bootargs,
      uarts: JSON.stringify(this.#uartOptions),
      program: digestOf(segments.map(({ bytes }) => bytes)),
    };
  }

  #saveBoard(): BoardState {
    return {
      clock: this.clock.save(),
      harts: this.harts.map((hart) => hart.save()),
      aclint: this.aclint.save(),
      plic: this.plic.save(),
      nmi: this.nmi.save(),
      uarts: this.uarts.map((uart) => uart.save()),
      stop: this.#stop ?? null,
      time: this.#time,
      roundEnd: this.#roundEnd,
      solo: this.#solo,
      turn: this.#turn,
    };
  }

  #restoreBoard(state: BoardState): void {
    // Devices set their timers anew, which the clock's own state then settles.
    this.aclint.restore(state.aclint);
    this.plic.restore(state.plic);
    this.nmi.restore(state.nmi);
    this.uarts.forEach((uart, i) => uart.restore(state.uarts[i]));
    this.clock.restore(state.clock);
    this.harts.forEach((hart, i) => hart.restore(state.harts[i]));
    this.#executor.slow.followReservations();
    this.#stop = state.stop ?? undefined;
    this.#time = state.time;
    this.#roundEnd = state.roundEnd;
    this.#solo = state.solo;
    this.#turn = state.turn;
  }

  /**
   * Raises an NMI (Smrnmi) on a hart; it stays pending until the guest has set a handler address.
   * @throws PrintkitError when there is no such hart.
   */
  raiseNmi(hart: number, cause = 0): void {
    if (!(hart in this.harts)) {
      throw new PrintkitError(
        `no hart ${hart}: this machine has harts 0 to ${this.harts.length - 1}`,
      );
    }
    this.nmi.raise(hart, cause);
  }

  /** A copy of RAM contents. @throws PrintkitError outside of RAM. */
  readMemory(address: number, length: number): Uint8Array {
    return this.memory.view(address, length).slice();
  }

  /** Writes RAM as a foreign agent would: breaks reservations, drops decoded code. */
  writeMemory(address: number, bytes: Uint8Array): void {
    const view = this.memory.view(address, bytes.length);
    if (bytes.length === 0) return;
    this.#fresh = false;
    this.#executor.slow.noticeStore(-1, address - RAM_BASE, bytes.length);
    view.set(bytes);
  }

  #createUart(options: UartOptions, index: number): Uart8250 {
    return new Uart8250({
      name: `uart${index}`,
      variant: options.variant ?? '16550A',
      noBaud: options.noBaud ?? false,
      registerShift: options.registerShift ?? 0,
      registerBytes: options.registerBytes ?? 1,
      out2GatesIrq: options.out2GatesIrq ?? false,
      clockHz: UART_CLOCK_HZ,
      clock: this.clock,
      irq: this.plic.source(UART_IRQS[index]),
      // The board watches the pins of every part: a guest that wants it enables the PLIC source.
      wakeOn: options.wakeOn ?? 'always',
      wake: this.plic.source(UART_WAKE_IRQS[index]),
      ...(options.fault && { fault: options.fault }),
    });
  }

  #attachDevices(): void {
    const finisher = new TestFinisher({
      exit: (code) => (this.#stop = { kind: 'exit', code }),
      reboot: () => (this.#stop = { kind: 'reboot' }),
    });
    const attach = (name: string, base: number, bytes: number, device: Aclint | TestFinisher) =>
      this.bus.attach({ name, base, bytes, device });
    attach('finisher', FINISHER_BASE, FINISHER_BYTES, finisher);
    this.bus.attach({ name: 'nmi', base: NMI_BASE, bytes: NMI_BYTES, device: this.nmi });
    attach('aclint', ACLINT_BASE, ACLINT_BYTES, this.aclint);
    this.bus.attach({ name: 'plic', base: PLIC_BASE, bytes: PLIC_BYTES, device: this.plic });
    this.uarts.forEach((device, i) =>
      this.bus.attach({
        name: `uart${i}`,
        base: UART_BASE + i * UART_STRIDE,
        bytes: UART_STRIDE,
        device,
      }),
    );
  }

  #deviceTree(): { address: number; bytes: Uint8Array } {
    const bytes = flattenDeviceTree(
      boardDeviceTree({
        harts: this.harts.length,
        memoryBytes: this.memory.bytes,
        bootargs: this.bootargs,
        uarts: this.#uartOptions,
      }),
    );
    const end = RAM_BASE + this.memory.bytes;
    return {
      address: Math.floor((end - bytes.length) / DEVICE_TREE_ALIGN) * DEVICE_TREE_ALIGN,
      bytes,
    };
  }

  #place(image: MachineImage): void {
    for (const { address, bytes } of image.segments) {
      this.memory.view(address, bytes.length).set(bytes);
    }
    const deviceTree = this.#deviceTree();
    this.memory.view(deviceTree.address, deviceTree.bytes.length).set(deviceTree.bytes);
    for (const hart of this.harts) {
      hart.pc = image.entry;
      hart.x[10] = hart.id;
      hart.x[11] = deviceTree.address;
    }
    const tohost = image.tohost === undefined ? -1 : image.tohost - RAM_BASE;
    this.#executor.slow.tohostOffset = tohost;
    if (tohost >= 0) this.memory.setFlag(tohost, PAGE_HTIF);
  }

  /** HTIF as riscv-tests use it: an odd value ends with code value >> 1; there are no devices. */
  #tohost(): void {
    const value = this.memory.read(this.#executor.slow.tohostOffset, 4);
    if ((value & 1) !== 0) this.#stop = { kind: 'exit', code: value >>> 1 };
  }

  /** mtime never runs backwards from one hart to the next: the clock keeps the latest time seen. */
  #readTime(hart: Hart): Aclint {
    this.clock.advance(hart.localNs);
    return this.aclint;
  }

  /** Where the round ended: when the last hart went to sleep, if all of them do. */
  #endOfRound(): number {
    if (this.#awakeCount() > 0) return this.#roundEnd;
    const asleep = this.harts.reduce((latest, hart) => Math.max(latest, hart.localNs), 0);
    return Math.min(this.#roundEnd, asleep);
  }

  #awakeCount(): number {
    let count = 0;
    for (const hart of this.harts) if (!hart.waiting || hart.wakeable) count++;
    return count;
  }

  /** Ends a hart's wfi if something has happened that ends it. */
  #awake(hart: Hart): boolean {
    if (!hart.waiting) return true;
    if (!hart.wakeable) return false;
    hart.waiting = false;
    hart.localNs = Math.max(hart.localNs, hart.wakeNs);
    return true;
  }

  /** All harts wait: moves time to the next timer, or says why not. */
  #idle(untilNs: number, stopWhenIdle: boolean): StopReason | undefined {
    const next = this.clock.nextDeadline;
    if (next === Infinity && !this.harts.some((hart) => this.#inputCanWake(hart))) {
      return (this.#stop = {
        kind: 'stuck',
        reason: 'all harts wait in wfi with no interrupt that could ever wake them',
        hart: 0,
      });
    }
    if (stopWhenIdle || (next === Infinity && untilNs === Infinity)) {
      return { kind: 'idle', nextEventNs: next };
    }
    this.#time = Math.min(next, untilNs);
    return undefined;
  }

  /** Input from outside comes as an external interrupt: enabled in mie and in the PLIC. */
  #inputCanWake(hart: Hart): boolean {
    return (hart.mie & (1 << IRQ_EXTERNAL)) !== 0 && this.plic.canInterrupt(hart.id * 2);
  }

  /** Runs a hart up to the end of the round; the round may get shorter meanwhile. */
  #runHart(hart: Hart, limit: number): void {
    let left = limit;
    while (hart.localNs < this.#roundEnd && left > 0) {
      if (!this.#awake(hart)) return;
      // Just woken, possibly at a time that is another round's.
      if (hart.localNs >= this.#roundEnd) return;
      const before = hart.instret;
      const fits = Math.ceil((this.#roundEnd - hart.localNs) / this.nsPerInstruction);
      if (this.trace === undefined && this.#breakpoints === undefined) {
        this.#execute(hart, Math.min(fits, left));
      } else {
        if (hart.interrupted) takeInterrupt(hart);
        if (this.#breakpoints?.has(hart.pc) === true) {
          this.#reached = hart;
          return;
        }
        this.trace?.(hart);
        this.#execute(hart, 1);
      }
      left -= hart.instret - before;
      if (this.#stop !== undefined) return;
      // A device may have armed a timer that is due before the round's end.
      this.#roundEnd = Math.max(this.#time, Math.min(this.#roundEnd, this.clock.nextDeadline));
      // A long round was for one hart; with company it ends here.
      if (this.#solo && this.#awakeCount() > 1)
        this.#roundEnd = Math.min(this.#roundEnd, hart.localNs);
    }
  }

  #disturbed(hart: Hart): boolean {
    return (
      hart.interrupted ||
      this.#stop !== undefined ||
      this.clock.nextDeadline < this.#roundEnd ||
      (this.#solo && this.#awakeCount() > 1)
    );
  }

  #execute(hart: Hart, budget: number): void {
    if (hart.interrupted) takeInterrupt(hart);
    this.#executor.run(hart, budget);
    this.#noteStuck(hart);
  }

  #noteStuck(hart: Hart): void {
    if (hart.stuck !== undefined && this.#stop === undefined) {
      this.#stop = { kind: 'stuck', reason: hart.stuck, hart: hart.id };
    }
  }
}
