// A serial line for tests: records what a UART sends, with virtual times, and plays a script into
// it. Both ends of the wire in one object. Needs no machine, only the clock that the UART uses.

import type { Clock, Timer } from '../ports.ts';
import {
  applyLineInput,
  type LineInput,
  type LinePort,
  type LineSettings,
  type ModemInputs,
  type ModemOutputs,
  type ReceivedCharacter,
  type SerialLine,
} from './line.ts';

/** Something that the UART did, in order. */
export type MockLineEvent =
  | { readonly kind: 'transmit'; readonly atNs: number; readonly byte: number }
  | { readonly kind: 'break'; readonly atNs: number; readonly on: boolean }
  | { readonly kind: 'modem'; readonly atNs: number; readonly outputs: ModemOutputs }
  | { readonly kind: 'settings'; readonly atNs: number; readonly settings: LineSettings };

interface ScriptStep {
  readonly atNs: number;
  readonly action: () => void;
}

/**
 * ```ts
 * const line = new MockLine(clock);
 * uart.attach(line);
 * line.send('ls\n', 1_000_000);           // from 1 ms on, at the UART's baud rate
 * line.sendBreak(250_000_000, 5_000_000); // a BREAK of 250 ms, beginning at 5 ms
 * line.modem({ dcd: false }, 900_000_000);
 * // … run the machine …
 * line.text;                              // what the guest wrote
 * ```
 * Times are absolute virtual ns; without one, a call acts at once. Steps for the same time run in
 * the order in which they were given.
 */
export class MockLine implements SerialLine {
  /** Everything that the UART did since it was attached (or since {@link clear}). */
  readonly events: MockLineEvent[] = [];
  /** Called for each character as it arrives, after it was recorded. */
  onTransmit: ((byte: number) => void) | undefined;
  readonly #clock: Clock;
  readonly #timer: Timer;
  #port: LinePort | undefined;
  #script: ScriptStep[] = [];
  #unsent: ReceivedCharacter[] = [];
  #outputs: ModemOutputs = { dtr: false, rts: false, out1: false, out2: false };
  #settings: LineSettings | undefined;
  #breakOn = false;

  constructor(clock: Clock, name = 'mock-line') {
    this.#clock = clock;
    this.#timer = clock.timer(name, () => this.#play());
  }

  // ---- what the UART did ------------------------------------------------------------------------

  /** Characters with the virtual time at which their last stop bit ended. */
  get transmitted(): readonly { readonly atNs: number; readonly byte: number }[] {
    return this.events.filter((event) => event.kind === 'transmit');
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.transmitted.map((event) => event.byte));
  }

  /** The transmitted bytes as Latin-1 text: one character per byte. */
  get text(): string {
    return this.transmitted.map((event) => String.fromCharCode(event.byte)).join('');
  }

  /** Modem outputs as they are now. */
  get outputs(): ModemOutputs {
    return this.#outputs;
  }

  /** Last settings that were reported. */
  get settings(): LineSettings | undefined {
    return this.#settings;
  }

  /** Whether the UART sends a BREAK now. */
  get breakOn(): boolean {
    return this.#breakOn;
  }

  /** Characters given to {@link send} that the UART's input queue has not taken yet. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /** Forgets the recorded events. */
  clear(): void {
    this.events.length = 0;
  }

  // ---- what the far end does --------------------------------------------------------------------

  /** Sends text (one byte per character) or bytes; what the input queue refuses goes later. */
  send(data: string | Iterable<number>, atNs?: number): void {
    const bytes =
      typeof data === 'string' ? Array.from(data, (c) => c.charCodeAt(0) & 0xff) : [...data];
    this.at(atNs, () => {
      for (const byte of bytes) this.#unsent.push({ byte });
      this.#flush();
    });
  }

  /** Sends one character, with errors if it has any. */
  sendCharacter(character: ReceivedCharacter, atNs?: number): void {
    this.at(atNs, () => {
      this.#unsent.push(character);
      this.#flush();
    });
  }

  /** Sends a BREAK of a length in ns. */
  sendBreak(lengthNs: number, atNs?: number): void {
    const beginNs = atNs ?? this.#clock.now;
    this.input({ kind: 'break', on: true }, atNs);
    this.input({ kind: 'break', on: false }, beginNs + lengthNs);
  }

  modem(inputs: Partial<ModemInputs>, atNs?: number): void {
    this.input({ kind: 'modem', inputs }, atNs);
  }

  /** Back-pressure: while not ready, the UART keeps what it has to send. */
  ready(ready: boolean, atNs?: number): void {
    this.input({ kind: 'ready', ready }, atNs);
  }

  /** Any input as data, e.g. from a recording. */
  input(input: LineInput, atNs?: number): void {
    this.at(atNs, () => void applyLineInput(this.#connectedPort, input));
  }

  /** Runs an action at a virtual time; at once when that is not given. */
  at(atNs: number | undefined, action: () => void): void {
    if (atNs === undefined) {
      action();
      return;
    }
    const after = this.#script.findIndex((step) => step.atNs > atNs);
    this.#script.splice(after < 0 ? this.#script.length : after, 0, { atNs, action });
    this.#timer.set(this.#script[0].atNs);
  }

  #play(): void {
    while (this.#script.length > 0 && this.#script[0].atNs <= this.#clock.now) {
      this.#script.shift()?.action();
    }
    if (this.#script.length > 0) this.#timer.set(this.#script[0].atNs);
  }

  #flush(): void {
    const port = this.#connectedPort;
    while (this.#unsent.length > 0 && port.receive(this.#unsent[0])) this.#unsent.shift();
  }

  get #connectedPort(): LinePort {
    if (this.#port === undefined) throw new Error('MockLine: no UART attached, call uart.attach()');
    return this.#port;
  }

  // ---- SerialLine -------------------------------------------------------------------------------

  connected(port: LinePort): void {
    this.#port = port;
  }

  disconnected(): void {
    this.#port = undefined;
  }

  transmit(byte: number): void {
    this.events.push({ kind: 'transmit', atNs: this.#clock.now, byte });
    this.onTransmit?.(byte);
  }

  breakChanged(on: boolean): void {
    if (on === this.#breakOn) return;
    this.#breakOn = on;
    this.events.push({ kind: 'break', atNs: this.#clock.now, on });
  }

  modemChanged(outputs: ModemOutputs): void {
    this.#outputs = outputs;
    this.events.push({ kind: 'modem', atNs: this.#clock.now, outputs });
  }

  settingsChanged(settings: LineSettings): void {
    this.#settings = settings;
    this.events.push({ kind: 'settings', atNs: this.#clock.now, settings });
  }

  receiveReady(): void {
    this.#flush();
  }
}
