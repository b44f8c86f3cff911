// A UART of the 8250 family, from the 8250 to the 16750: the bus interface and what ties the parts
// together. After PC16550D, TL16C550C, TL16C750 and 16C650; docs/uart.md has the design, and
// docs/uart-capabilities.md says register by register what is modelled. No DMA handshake pins.

import type { AccessBytes, BusDevice, InterruptLine, Stateful } from '../ports.ts';
import { Chip } from './chip.ts';
import { inspect, type UartInspection } from './inspect.ts';
import { Interrupts } from './interrupts.ts';
import type { LinePort, ModemInputs, ReceivedCharacter, SerialLine } from './line.ts';
import { Modem, modemOutputs } from './modem.ts';
import type { Uart8250Options } from './options.ts';
import { Receiver } from './receiver.ts';
import {
  EFR,
  EFR_RX_FLOW_MASK,
  FCR_64BYTE,
  FCR_CLEAR_RCVR,
  FCR_CLEAR_XMIT,
  FCR_DMA,
  FCR_ENABLE,
  FCR_TX_TRIGGER_SHIFT,
  FCR_RX_TRIGGER_SHIFT,
  IER,
  IER_ERBFI,
  IER_ETBEI,
  IIR,
  LCR,
  LCR_DLAB,
  LSR,
  LSR_ERRORS,
  LSR_FIFO_ERROR,
  LSR_TEMT,
  LSR_THRE,
  MCR,
  MCR_AFE,
  MCR_OUT2,
  MCR_RTS,
  MSR,
  MSR_CTS,
  MSR_DCTS,
  REGISTER_COUNT,
  SCR,
  THR,
} from './registers.ts';
import { Settings } from './settings.ts';
import { UART8250_STATE_VERSION, type Uart8250State, type UartCounters } from './state.ts';
import { interceptFlow, updateFlow } from './software-flow.ts';
import { Transmitter } from './transmitter.ts';
import { UART8250_VARIANTS, type Uart8250Variant } from './variants.ts';

/** What a register that the part does not have reads as: nothing drives the bus. */
const ABSENT = 0xff;
const BASIC_MCR = 0x1f;

export class Uart8250 implements BusDevice, LinePort, Stateful<Uart8250State> {
  readonly name: string;
  readonly variant: Uart8250Variant;
  readonly clockHz: number;
  readonly #chip: Chip;
  readonly #transmitter: Transmitter;
  readonly #receiver: Receiver;
  readonly #modem: Modem;
  readonly #interrupts: Interrupts;
  readonly #settings: Settings;
  readonly #shift: number;
  readonly #registerBytes: AccessBytes;
  readonly #out2GatesIrq: boolean;
  readonly #wakeOutput: InterruptLine | undefined;
  readonly #wakeOn: 'asleep' | 'always';
  readonly #losesThre: boolean;
  #line: SerialLine | undefined;
  /** Output pins that the line knows, as MCR 3:0. */
  #outputBits = 0;
  #wake = false;

  /** @throws RangeError for a clock rate that is not a positive integer. */
  constructor(options: Uart8250Options) {
    const { name, clock, clockHz } = options;
    if (!Number.isSafeInteger(clockHz) || clockHz <= 0) {
      throw new RangeError(`${name}: clockHz must be a positive integer, got ${clockHz}`);
    }
    this.name = name;
    this.variant = UART8250_VARIANTS[options.variant];
    this.clockHz = clockHz;
    this.#shift = options.registerShift ?? 0;
    this.#registerBytes = options.registerBytes ?? 1;
    this.#out2GatesIrq = options.out2GatesIrq ?? false;
    this.#wakeOutput = options.wake;
    this.#wakeOn = options.wakeOn ?? 'asleep';
    this.#losesThre = options.fault === 'lost-thre';
    const chip = new Chip(this.variant, clockHz, options.noBaud ?? false);
    this.#chip = chip;
    this.#modem = new Modem(chip);
    this.#settings = new Settings(chip, clock, name, (settings) =>
      this.#line?.settingsChanged?.(settings),
    );
    this.#transmitter = new Transmitter(chip, clock, name, {
      sent: (byte) => this.#line?.transmit(byte),
      looped: (byte) => this.#receiver.shiftIn(byte, 0),
      starting: () => this.#settings.settle(),
      drained: () => {
        this.#interrupts.raiseThre();
        this.#interrupts.update();
      },
      breakChanged: (on) => this.#line?.breakChanged?.(on),
      cts: () => this.#modem.cts,
    });
    this.#receiver = new Receiver(chip, clock, name, {
      rts: () => (this.#outputBits & MCR_RTS) !== 0 && !this.#receiver.rtsDropped,
      starting: () => this.#wakeEvent(),
      changed: () => this.#update(),
      intercept: (byte) => interceptFlow(byte, chip, this.#transmitter, this.#interrupts),
      room: (room) => this.#line?.receiveReady?.(room),
    });
    this.#interrupts = new Interrupts(
      chip,
      {
        lineErrors: () => this.#receiver.hasErrors,
        dataAtTrigger: () => this.#receiver.atTrigger,
        timeout: () => this.#receiver.timedOut,
        modemChanged: () => this.#modemDeltas() !== 0,
        gateOpen: () => !this.#out2GatesIrq || (this.#outputBits & MCR_OUT2) !== 0,
      },
      options.irq,
    );
  }

  /** Size of the register window in bytes. */
  get windowBytes(): number {
    return REGISTER_COUNT << this.#shift;
  }

  // ---- bus --------------------------------------------------------------------------------------

  /**
   * A read of the register window. One bus access reaches one register, whose value is in its low
   * byte; bytes between registers read 0. Accesses wider than the bus are made in ascending order.
   */
  read(offset: number, bytes: AccessBytes): number {
    const step = Math.min(bytes, this.#registerBytes);
    let value = 0;
    for (let at = 0; at < bytes; at += step) {
      const register = this.#decode(offset + at);
      if (register !== undefined) value |= this.#readRegister(register) << (8 * at);
    }
    return value >>> 0;
  }

  write(offset: number, bytes: AccessBytes, value: number): void {
    const step = Math.min(bytes, this.#registerBytes);
    for (let at = 0; at < bytes; at += step) {
      const register = this.#decode(offset + at);
      if (register !== undefined) this.#writeRegister(register, (value >>> (8 * at)) & 0xff);
    }
  }

  #decode(offset: number): number | undefined {
    const register = offset >> this.#shift;
    return register << this.#shift === offset && register < REGISTER_COUNT ? register : undefined;
  }

  #readRegister(register: number): number {
    this.#accessed();
    const { registers } = this.#chip;
    if (this.#chip.efrAccess) {
      if (register === EFR) return registers.efr;
      if (register === MCR) return registers.xon1;
      if (register === LSR) return registers.xon2;
      if (register === MSR) return registers.xoff1;
      if (register === SCR) return registers.xoff2;
    }
    const divisorAccess = (registers.lcr & LCR_DLAB) !== 0;
    switch (register) {
      case THR:
        return divisorAccess ? registers.dll : this.#readRbr();
      case IER:
        return divisorAccess ? registers.dlm : registers.ier;
      case IIR:
        return this.#interrupts.readIir();
      case LCR:
        return registers.lcr;
      case MCR:
        return registers.mcr;
      case LSR:
        return this.#readLsr();
      case MSR:
        return this.#readMsr();
      default:
        return this.variant.scratch ? registers.scr : ABSENT;
    }
  }

  #writeRegister(register: number, value: number): void {
    this.#accessed();
    const { registers } = this.#chip;
    if (this.#chip.efrAccess && this.#writeEnhanced(register, value)) return;
    const divisorAccess = (registers.lcr & LCR_DLAB) !== 0;
    switch (register) {
      case THR:
        if (divisorAccess) this.#writeDivisor(value, registers.dlm);
        else this.#writeThr(value);
        return;
      case IER:
        if (divisorAccess) this.#writeDivisor(registers.dll, value);
        else this.#writeIer(value);
        return;
      case IIR:
        this.#writeFcr(value);
        return;
      case LCR:
        this.#writeLcr(value);
        return;
      case MCR:
        this.#writeMcr(value);
        return;
      case LSR: // factory test only, PC16550D 8.4 note
      case MSR:
        return;
      default:
        if (this.variant.scratch) registers.scr = value;
    }
  }

  // ---- registers --------------------------------------------------------------------------------

  #readRbr(): number {
    const byte = this.#receiver.read();
    this.#update();
    return byte;
  }

  #writeThr(value: number): void {
    // The line drops before the shift register takes the character and THRE rises again: an
    // edge-triggered interrupt controller needs to see both edges.
    this.#interrupts.dropThre();
    this.#interrupts.update();
    this.#transmitter.write(value);
  }

  #writeDivisor(dll: number, dlm: number): void {
    const { registers } = this.#chip;
    registers.dll = dll;
    registers.dlm = dlm;
    // Divisor 0 is outside of the datasheet's 1 to 65535, and drivers write it while they probe:
    // the baud generator goes on as before.
    registers.divisor = dll | (dlm << 8) || registers.divisor;
    this.#settings.changed();
  }

  #writeIer(value: number): void {
    const { registers } = this.#chip;
    const before = registers.ier;
    const mask = this.#chip.enhanced ? 0xff : this.variant.ierMask;
    // 650: without EFR.4, IER 7:4 keep what they were set to.
    const kept = this.variant.enhanced ? before & ~mask : 0;
    registers.ier = (value & mask) | kept;
    if (!this.#losesThre) this.#enableThre((before & IER_ETBEI) !== 0);
    this.#update();
  }

  /** IER.1 has been written: off takes the THRE interrupt back, off to on raises it if THR is empty. */
  #enableThre(before: boolean): void {
    if ((this.#chip.registers.ier & IER_ETBEI) === 0) this.#interrupts.dropThre();
    else if (!before && this.#transmitter.thre) this.#interrupts.raiseThre();
  }

  #writeFcr(value: number): void {
    if (this.variant.fifo === 'none') return;
    const { registers } = this.#chip;
    const enable = value & FCR_ENABLE;
    const toggles = enable !== (registers.fcr & FCR_ENABLE);
    const deep = this.#deepFifoAfter(value);
    const resize = this.variant.fifo === 'working' && (toggles || deep !== this.#chip.deepFifo);
    // FCR.0 must be 1 in the same write, or the other bits are not programmed.
    if (resize || (enable && value & FCR_CLEAR_RCVR)) this.#receiver.clearFifo();
    if (resize || (enable && value & FCR_CLEAR_XMIT)) this.#transmitter.clearFifo();
    registers.fcr = enable ? this.#fcrAfter(value) : registers.fcr & ~FCR_ENABLE;
    this.#chip.deepFifo = deep;
    this.#receiver.updateFlow();
    this.#transmitter.kick();
    this.#update();
  }

  #fcrAfter(value: number): number {
    const triggers = 3 << FCR_RX_TRIGGER_SHIFT;
    const txTriggers = 3 << FCR_TX_TRIGGER_SHIFT;
    const fcr = value & (FCR_ENABLE | FCR_DMA | triggers);
    if (!this.variant.enhanced) return fcr;
    // 650: without EFR.4, FCR 5:4 keep what they were set to.
    return fcr | ((this.#chip.enhanced ? value : this.#chip.registers.fcr) & txTriggers);
  }

  /** TL16C750: FCR.5 is taken while DLAB = 1, and falls with any FCR write while DLAB = 0. */
  #deepFifoAfter(value: number): boolean {
    if (this.variant.deepFifo === undefined || (value & FCR_ENABLE) === 0) return false;
    return (value & FCR_64BYTE) !== 0 && (this.#chip.registers.lcr & LCR_DLAB) !== 0;
  }

  #writeLcr(value: number): void {
    this.#chip.registers.lcr = value;
    this.#transmitter.updateBreak();
    this.#settings.changed();
  }

  #writeMcr(value: number): void {
    const { registers } = this.#chip;
    const mask =
      BASIC_MCR | (this.variant.autoFlow ? MCR_AFE : 0) | (this.#chip.enhanced ? 0xe0 : 0);
    const kept = this.variant.enhanced ? registers.mcr & ~mask : 0;
    registers.mcr = (value & mask) | kept;
    this.#transmitter.updateBreak();
    this.#receiver.updateFlow();
    this.#modemInputsChanged();
    this.#settings.changed();
  }

  #readLsr(): number {
    const value = this.#lsr;
    if (value & (LSR_ERRORS | LSR_FIFO_ERROR)) {
      this.#receiver.acknowledgeErrors();
      this.#update();
    }
    return value;
  }

  get #lsr(): number {
    const thre = this.#transmitter.thre ? LSR_THRE : 0;
    const temt = this.#transmitter.temt ? LSR_TEMT : 0;
    return this.#receiver.lineStatus | thre | temt;
  }

  #readMsr(): number {
    const value = this.#modem.status | this.#modem.deltas;
    this.#modem.acknowledge();
    this.#update();
    return value;
  }

  /** 650: writes behind LCR = 0xBF. @returns false for the registers that stay where they are. */
  #writeEnhanced(register: number, value: number): boolean {
    const { registers } = this.#chip;
    switch (register) {
      case EFR:
        registers.efr = value;
        if ((value & EFR_RX_FLOW_MASK) === 0) this.#transmitter.setXoff(false);
        this.#receiver.updateFlow();
        this.#transmitter.kick();
        this.#update();
        return true;
      case MCR:
        registers.xon1 = value;
        return true;
      case LSR:
        registers.xon2 = value;
        return true;
      case MSR:
        registers.xoff1 = value;
        return true;
      case SCR:
        registers.xoff2 = value;
        return true;
      default:
        return false; // DLL, DLM, LCR
    }
  }

  // ---- consequences -----------------------------------------------------------------------------

  /** Brings every output into line with the registers. */
  #update(): void {
    updateFlow(this.#chip, this.#receiver, this.#transmitter);
    this.#updateOutputs();
    this.#interrupts.update();
  }

  #updateOutputs(): void {
    const before = this.#outputBits;
    const after = this.#modem.outputBits(this.#receiver.rtsDropped);
    if (before === after) return;
    this.#outputBits = after;
    if (before & ~after & MCR_RTS) this.#interrupts.raiseFlow('rts');
    this.#line?.modemChanged?.(modemOutputs(after));
    if (after & ~before & MCR_RTS) this.#receiver.kick();
  }

  /** MSR 3:0 that may interrupt: with automatic CTS, a change of CTS does not. */
  #modemDeltas(): number {
    return this.#modem.deltas & ~(this.#chip.autoCts ? MSR_DCTS : 0);
  }

  #modemInputsChanged(): void {
    const changed = this.#modem.detect();
    if (changed & MSR_CTS) {
      if (this.#modem.cts) this.#transmitter.kick();
      else if (this.#chip.autoCts) this.#interrupts.raiseFlow('cts');
    }
    this.#update();
  }

  // ---- sleep and wake ---------------------------------------------------------------------------

  /** The guest allows sleep, and nothing is going on: the part has stopped its oscillator. */
  get asleep(): boolean {
    return (
      (this.#chip.registers.ier & this.variant.sleepMask) !== 0 &&
      this.#transmitter.temt &&
      this.#receiver.idle &&
      !this.#interrupts.level
    );
  }

  /** Level of the wake output. */
  get waking(): boolean {
    return this.#wake;
  }

  /** Something begins on the pins; to be called before it shows in any state. */
  #wakeEvent(): void {
    if (this.#wake || (this.#wakeOn === 'asleep' && !this.asleep)) return;
    this.#wake = true;
    this.#chip.counters.wakes++;
    this.#wakeOutput?.(true);
  }

  #accessed(): void {
    if (!this.#wake) return;
    this.#wake = false;
    this.#wakeOutput?.(false);
  }

  // ---- line -------------------------------------------------------------------------------------

  /** Attaches a line, or with `undefined` leaves the pins open (output is then counted and gone). */
  attach(line: SerialLine | undefined): void {
    this.#line?.disconnected?.();
    this.#line = line;
    line?.connected?.(this);
    this.#tellLine();
  }

  #tellLine(): void {
    this.#line?.settingsChanged?.(this.#settings.reported);
    this.#line?.modemChanged?.(modemOutputs(this.#outputBits));
    this.#line?.breakChanged?.(this.#transmitter.inspect().breakSent);
  }

  get receiveRoom(): number {
    return this.#receiver.room;
  }

  /** Characters between the far end and the guest: queued, on the wire, in the FIFO. */
  get receivePending(): number {
    return this.#receiver.pending;
  }

  /** Characters that the receiver holds at most, with its FIFO as it is set now. */
  get receiveCapacity(): number {
    return this.#chip.fifoBytes;
  }

  /** IER.0: the guest wants to be interrupted when a character comes. */
  get receiveInterruptEnabled(): boolean {
    return (this.#chip.registers.ier & IER_ERBFI) !== 0;
  }

  /** LSR.6, without side effect: nothing is left to send. */
  get transmitterEmpty(): boolean {
    return this.#transmitter.temt;
  }

  receive(character: ReceivedCharacter): boolean {
    return this.#receiver.receive(character);
  }

  setBreak(on: boolean): void {
    this.#receiver.setBreak(on);
  }

  setModemInputs(inputs: Partial<ModemInputs>): void {
    if (!this.#modem.wouldChange(inputs)) return;
    this.#wakeEvent();
    this.#modem.setInputs(inputs);
    this.#modemInputsChanged();
  }

  setReady(ready: boolean): void {
    this.#transmitter.setReady(ready);
  }

  setRtsFlow(on: boolean): void {
    this.#receiver.setRtsFlow(on);
  }

  injectOverrun(): void {
    this.#receiver.injectOverrun();
  }

  // ---- board ------------------------------------------------------------------------------------

  /** Master reset (the MR pin). The line stays attached, and keeps what it has queued. */
  reset(): void {
    this.#chip.reset();
    this.#transmitter.reset();
    this.#receiver.reset();
    this.#modem.reset();
    this.#interrupts.reset();
    this.#accessed();
    this.#settings.changed();
    this.#update();
  }

  /** Present level of the interrupt line. */
  get interruptLevel(): boolean {
    return this.#interrupts.level;
  }

  get counters(): Readonly<UartCounters> {
    return this.#chip.counters;
  }

  /** Every register, FIFO, line signal and counter, decoded, without any side effect. */
  inspect(): UartInspection {
    return inspect({
      name: this.name,
      chip: this.#chip,
      iir: this.#interrupts.iir,
      lsr: this.#lsr,
      msr: this.#modem.status | this.#modem.deltas,
      transmitter: this.#transmitter.inspect(),
      receiver: this.#receiver.inspect(),
      inputs: this.#modem.inputs,
      outputs: modemOutputs(this.#outputBits),
      settings: this.#settings.current,
      interrupt: this.#interrupts.level,
      threPending: this.#interrupts.threPending,
      asleep: this.asleep,
      waking: this.#wake,
      attached: this.#line !== undefined,
    });
  }

  save(): Uart8250State {
    return {
      version: UART8250_STATE_VERSION,
      variant: this.variant.name,
      registers: { ...this.#chip.registers },
      deepFifo: this.#chip.deepFifo,
      transmitter: this.#transmitter.save(),
      receiver: this.#receiver.save(),
      modem: this.#modem.save(),
      interrupts: this.#interrupts.save(),
      wake: this.#wake,
      ...this.#settings.save(),
      counters: { ...this.#chip.counters },
    };
  }

  /**
   * Continues where {@link save} was called; the clock must stand at that time. The interrupt and
   * wake outputs are not driven: their levels are part of the board's state. The line is told the
   * settings and signals anew.
   */
  restore(state: Uart8250State): void {
    if (state.version !== UART8250_STATE_VERSION) {
      throw new RangeError(`${this.name}: unknown UART state version ${String(state.version)}`);
    }
    if (state.variant !== this.variant.name) {
      throw new RangeError(`${this.name}: state of a ${state.variant}, not a ${this.variant.name}`);
    }
    this.#chip.registers = { ...state.registers };
    this.#chip.deepFifo = state.deepFifo;
    this.#chip.counters = { ...state.counters };
    this.#chip.timingChanged();
    this.#transmitter.restore(state.transmitter);
    this.#receiver.restore(state.receiver);
    this.#modem.restore(state.modem);
    this.#interrupts.restore(state.interrupts);
    this.#wake = state.wake;
    this.#settings.restore(state);
    this.#outputBits = this.#modem.outputBits(this.#receiver.rtsDropped);
    this.#tellLine();
  }
}
