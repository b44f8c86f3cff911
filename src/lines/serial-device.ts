// A real serial port as an end, through the `serialport` package: the guest's rate, format, DTR, RTS
// and BREAK go to the port, its CTS, DSR and DCD come back (polled: no operating system interface
// of the package reports changes; RI is not available). A port that is unplugged is opened again
// when it returns. A received BREAK shows as a bare 0x00, as the package sets the port up.

import type { LineSettings, ModemInputs, ModemOutputs } from '../../devices/uart8250/line.ts';
import { PrintkitError } from '../errors.ts';
import { CONNECTED } from './attachment.ts';
import { ByteQueue } from './byte-queue.ts';
import { type End, type EndListener, HIGH_WATER_BYTES, LOW_WATER_BYTES } from './end.ts';

const MODEM_POLL_MS = 50;
const REOPEN_MS = 1000;

export interface SerialDeviceOptions {
  path: string;
  /** What the port starts with, until the guest programs its UART anew. */
  settings: LineSettings;
  /** The port keeps these settings whatever the guest programs. */
  fixed: boolean;
  rtscts: boolean;
}

/** The part of a SerialPort (Stream API) that is used here. */
interface Port {
  readonly isOpen: boolean;
  open(done: (error: Error | null) => void): void;
  close(done: (error: Error | null) => void): void;
  write(bytes: Uint8Array, done: (error: Error | null | undefined) => void): boolean;
  drain(done: (error: Error | null) => void): void;
  update(options: { baudRate: number }, done: (error: Error | null) => void): void;
  set(
    flags: { dtr: boolean; rts: boolean; brk: boolean },
    done: (error: Error | null) => void,
  ): void;
  get(
    done: (error: Error | null, status?: { cts: boolean; dsr: boolean; dcd: boolean }) => void,
  ): void;
  on(event: 'data', listener: (bytes: Buffer) => void): void;
  on(event: 'close' | 'error', listener: (error?: Error) => void): void;
  pause(): void;
  resume(): void;
}

export interface PortOptions {
  path: string;
  autoOpen: false;
  baudRate: number;
  dataBits: 5 | 6 | 7 | 8;
  parity: LineSettings['parity'];
  stopBits: 1 | 1.5 | 2;
  rtscts: boolean;
}

export type PortFactory = (options: PortOptions) => Port;

async function loadSerialPort(): Promise<PortFactory> {
  try {
    const { SerialPort } = await import('serialport');
    return (options) => new SerialPort(options);
  } catch {
    throw new PrintkitError(
      'a serial port needs the optional package serialport: npm install serialport',
    );
  }
}

function explain(error: Error): string {
  const text = error.message;
  if (/No such file|ENOENT|cannot open.*file not found/i.test(text)) return 'there is no such port';
  if (/Permission denied|EACCES/i.test(text)) {
    return 'permission denied (on Linux, your user usually has to be in the group dialout)';
  }
  if (/lock/i.test(text)) return 'another program is using it';
  return text.replace(/^Error: /, '');
}

export class SerialDeviceEnd implements End {
  readonly name: string;
  readonly #options: SerialDeviceOptions;
  readonly #queue = new ByteQueue();
  #factory: PortFactory | undefined;
  #listener: EndListener | undefined;
  #port: Port | undefined;
  #settings: LineSettings;
  #outputs: ModemOutputs = { dtr: true, rts: true, out1: false, out2: false };
  #breakOn = false;
  #attached = false;
  #writing = false;
  #wasFull = false;
  #paused = false;
  #closed = false;
  #reopening = false;
  #hasModemLines = true;
  #signals = '';
  #poll: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #drained: (() => void)[] = [];

  /** @param factory for tests; default is the SerialPort class of the package */
  constructor(options: SerialDeviceOptions, factory?: PortFactory) {
    this.name = `port ${options.path}`;
    this.#options = options;
    this.#settings = options.settings;
    this.#factory = factory;
  }

  async open(listener: EndListener): Promise<void> {
    this.#listener = listener;
    this.#factory ??= await loadSerialPort();
    const error = await this.#openPort();
    if (error !== null) {
      throw new PrintkitError(`cannot open ${this.#options.path}: ${explain(error)}`);
    }
    listener.notice(`${this.#options.path}, ${formatSettings(this.#settings)}`);
  }

  #openPort(): Promise<Error | null> {
    let port: Port;
    try {
      port = (this.#factory as PortFactory)({
        path: this.#options.path,
        autoOpen: false,
        baudRate: Math.round(this.#settings.baud),
        dataBits: this.#settings.dataBits,
        parity: this.#settings.parity,
        stopBits: this.#settings.stopBits,
        rtscts: this.#options.rtscts,
      });
    } catch (error) {
      return Promise.resolve(error as Error);
    }
    port.on('error', () => undefined); // every call has its own callback
    return new Promise((resolve) => {
      port.open((error) => {
        if (error === null || error === undefined) this.#opened(port);
        resolve(error ?? null);
      });
    });
  }

  #opened(port: Port): void {
    this.#port = port;
    port.on('data', (bytes) => this.#listener?.received(Uint8Array.from(bytes)));
    port.on('close', () => this.#lostPort(port));
    if (this.#paused) port.pause();
    this.#hasModemLines = true;
    this.#applyOutputs();
    this.#pollModem();
    this.#pump();
  }

  #lostPort(port: Port): void {
    if (port !== this.#port || this.#closed || this.#reopening) return;
    this.#port = undefined;
    this.#writing = false;
    this.#signals = '';
    clearTimeout(this.#poll);
    this.#listener?.notice(`${this.#options.path} is gone; waiting for it to return`);
    this.#listener?.modemChanged({ cts: false, dsr: false, dcd: false });
    this.#reopenLater();
  }

  #reopenLater(): void {
    this.#retry = setTimeout(() => {
      void this.#openPort().then((error) => {
        if (this.#closed) return;
        if (error === null) this.#listener?.notice(`${this.#options.path} is back`);
        else this.#reopenLater();
      });
    }, REOPEN_MS);
  }

  // ---- modem lines ----------------------------------------------------------------------------------

  #pollModem(): void {
    const port = this.#port;
    if (port === undefined || this.#closed) return;
    port.get((error, status) => {
      if (port !== this.#port || this.#closed) return;
      if (error !== null && error !== undefined) this.#hasModemLines = false; // e.g. a pty
      this.#tellSignals(this.#hasModemLines && status !== undefined ? status : CONNECTED);
      if (this.#hasModemLines) this.#poll = setTimeout(() => this.#pollModem(), MODEM_POLL_MS);
    });
  }

  #tellSignals({ cts = false, dsr = false, dcd = false }: Partial<ModemInputs>): void {
    const signals = `${cts} ${dsr} ${dcd}`;
    if (signals === this.#signals) return;
    this.#signals = signals;
    this.#listener?.modemChanged({ cts, dsr, dcd });
  }

  #applyOutputs(): void {
    // Flags that are left out would be set to their defaults.
    const { dtr, rts } = this.#outputs;
    this.#port?.set({ dtr, rts, brk: this.#breakOn }, () => undefined);
  }

  outputsChanged(outputs: ModemOutputs): void {
    this.#outputs = outputs;
    this.#applyOutputs();
  }

  breakChanged(on: boolean): void {
    this.#breakOn = on;
    this.#applyOutputs();
  }

  settingsChanged(settings: LineSettings): void {
    if (this.#options.fixed) return;
    // What the UART reports when it is attached is what it has after reset: 5 bits, for one thing.
    const programmed = this.#attached;
    this.#attached = true;
    if (!programmed) return;
    const before = this.#settings;
    this.#settings = settings;
    const sameFormat =
      before.dataBits === settings.dataBits &&
      before.parity === settings.parity &&
      before.stopBits === settings.stopBits;
    if (!sameFormat) void this.#reopen();
    else if (Math.round(before.baud) !== Math.round(settings.baud)) {
      this.#port?.update({ baudRate: Math.round(settings.baud) }, (error) => {
        if (error) this.#refused(error);
      });
    }
  }

  /** The package can change the rate of an open port, but not the word format. */
  async #reopen(): Promise<void> {
    const port = this.#port;
    if (port === undefined || this.#reopening) return;
    this.#reopening = true;
    await new Promise<void>((resolve) => port.close(() => resolve()));
    this.#port = undefined;
    this.#writing = false;
    const error = this.#closed ? null : await this.#openPort();
    this.#reopening = false;
    if (error === null) return;
    this.#refused(error);
    this.#reopenLater();
  }

  #refused(error: Error): void {
    this.#listener?.notice(
      `${this.#options.path} does not take ${formatSettings(this.#settings)}: ${explain(error)}`,
    );
  }

  // ---- data -----------------------------------------------------------------------------------------

  write(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    if (this.#queue.length >= HIGH_WATER_BYTES) this.#wasFull = true;
    this.#pump();
  }

  #pump(): void {
    const port = this.#port;
    if (port === undefined || this.#writing || this.#queue.length === 0) return;
    const piece = this.#queue.peek();
    this.#writing = true;
    port.write(piece, (error) => {
      if (port !== this.#port) return;
      this.#writing = false;
      if (error) return; // 'close' follows; the piece is sent again
      this.#queue.skip(piece.length);
      if (this.#wasFull && this.#queue.length <= LOW_WATER_BYTES) {
        this.#wasFull = false;
        this.#listener?.writable();
      }
      if (this.#queue.length === 0) for (const resolve of this.#drained.splice(0)) resolve();
      this.#pump();
    });
  }

  get full(): boolean {
    return this.#wasFull;
  }

  get queuedBytes(): number {
    return this.#queue.length;
  }

  get lostBytes(): number {
    return 0;
  }

  pauseInput(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#port?.pause();
    else this.#port?.resume();
  }

  async close(ms: number): Promise<number> {
    if (this.#queue.length > 0 && this.#port !== undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
        this.#drained.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    this.#closed = true;
    clearTimeout(this.#poll);
    clearTimeout(this.#retry);
    const port = this.#port;
    if (port?.isOpen === true) {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 500).unref();
        port.close(() => resolve());
      });
    }
    return this.#queue.length;
  }
}

const PARITY_LETTERS = { none: 'n', odd: 'o', even: 'e', mark: 'm', space: 's' } as const;

/** `115200n8`, with the stop bits behind it when they are not 1. */
export function formatSettings(settings: LineSettings): string {
  const { baud, parity, dataBits, stopBits } = settings;
  return `${Math.round(baud)}${PARITY_LETTERS[parity]}${dataBits}${stopBits === 1 ? '' : stopBits}`;
}
