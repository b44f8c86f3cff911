// Attaches host ends to one UART: the UART's side of a serial line on one hand, any number of ends
// on the other (all of them show the output, input comes from any). Collects what a slice of virtual
// time produces and lets input in between slices, so nothing of the host happens inside a run.

import type {
  LinePort,
  LineSettings,
  ModemInputs,
  ModemOutputs,
  SerialLine,
} from '../../devices/uart8250/line.ts';
import { ByteQueue } from './byte-queue.ts';
import { type End, type EndListener, HIGH_WATER_BYTES, LOW_WATER_BYTES } from './end.ts';

/** What the attachment asks the UART before it lets input in. */
export interface ReceiverProbe {
  /** Characters between the line and the guest: waiting, on the wire, in the FIFO. */
  pending(): number;
  /** How many of them the receiver can hold without losing one. */
  capacity(): number;
}

export interface AttachmentEvents {
  /** Something came in, or an end takes bytes again: the machine should look. */
  wake(): void;
  notice(text: string): void;
  /** An end is gone. */
  failed(end: End, reason: string, quiet: boolean): void;
}

const NO_SIGNALS: ModemInputs = { cts: false, dsr: false, ri: false, dcd: false };

/** What an end that has no modem lines of its own is taken to hold active. */
export const CONNECTED: Partial<ModemInputs> = { cts: true, dsr: true, dcd: true };

interface Member {
  readonly end: End;
  signals: Partial<ModemInputs>;
  ended: boolean;
}

export class LineAttachment implements SerialLine {
  /** `serial0`, as in messages. */
  readonly name: string;
  readonly #events: AttachmentEvents;
  readonly #members: Member[] = [];
  readonly #input = new ByteQueue();
  /** Position of each BREAK in the input: bytes that are let in before it. */
  #breaks: number[] = [];
  #taken = 0;
  #last: number | undefined;
  #paused = false;
  #port: LinePort | undefined;
  #probe: ReceiverProbe | undefined;
  #out = new Uint8Array(4096);
  #outLength = 0;
  #ready = true;
  #override: Partial<ModemInputs> = {};
  #settings: LineSettings | undefined;
  #outputs: ModemOutputs | undefined;
  /** Bytes in each direction, for statistics. */
  readonly count = { sent: 0, received: 0 };

  constructor(name: string, events: AttachmentEvents) {
    this.name = name;
    this.#events = events;
  }

  get ends(): readonly End[] {
    return this.#members.map((member) => member.end);
  }

  async add(end: End): Promise<void> {
    const member: Member = { end, signals: {}, ended: false };
    await end.open(this.#listener(member));
    this.#members.push(member);
    if (this.#settings !== undefined) end.settingsChanged?.(this.#settings);
    if (this.#outputs !== undefined) end.outputsChanged?.(this.#outputs);
    this.#applySignals();
  }

  setProbe(probe: ReceiverProbe): void {
    this.#probe = probe;
  }

  // ---- the UART's side ----------------------------------------------------------------------------

  connected(port: LinePort): void {
    this.#port = port;
    this.#applySignals();
  }

  disconnected(): void {
    this.#port = undefined;
  }

  transmit(byte: number): void {
    if (this.#outLength === this.#out.length) {
      const larger = new Uint8Array(2 * this.#out.length);
      larger.set(this.#out);
      this.#out = larger;
    }
    this.#out[this.#outLength++] = byte;
  }

  breakChanged(on: boolean): void {
    this.flush();
    for (const { end } of this.#members) end.breakChanged?.(on);
  }

  modemChanged(outputs: ModemOutputs): void {
    this.flush();
    this.#outputs = outputs;
    for (const { end } of this.#members) end.outputsChanged?.(outputs);
  }

  settingsChanged(settings: LineSettings): void {
    this.flush();
    this.#settings = settings;
    for (const { end } of this.#members) end.settingsChanged?.(settings);
  }

  // ---- the machine's owner, between two slices ------------------------------------------------------

  /** Hands what the guest has sent to the ends. */
  flush(): void {
    if (this.#outLength === 0) return;
    this.count.sent += this.#outLength;
    const bytes = this.#out.slice(0, this.#outLength);
    this.#outLength = 0;
    for (const { end } of this.#members) end.write(bytes);
  }

  /** What {@link flush} would hand on. */
  get unflushedBytes(): number {
    return this.#outLength;
  }

  /** An end has as much as it can hold. */
  get full(): boolean {
    return this.#members.some(({ end }) => end.full);
  }

  /** Back-pressure into the UART: while an end is full, the shift register holds. */
  holdWhileFull(): void {
    const ready = !this.full;
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#port?.setReady(ready);
  }

  /** Ends back-pressure for good: what still comes is queued, however much it is. */
  release(): void {
    this.#ready = true;
    this.#port?.setReady(true);
  }

  /** Input that waits outside. */
  get inputBytes(): number {
    return this.#input.length + this.#breaks.length;
  }

  /** No input will ever come again. */
  get inputEnded(): boolean {
    return this.inputBytes === 0 && this.#members.every((member) => member.ended);
  }

  /** The receiver holds nothing that the guest has not read. */
  get receiverEmpty(): boolean {
    return this.#probe === undefined || this.#probe.pending() === 0;
  }

  /**
   * Lets in as many characters (at most `limit`) as the receiver can hold: what is pasted in one
   * piece waits out here instead of overrunning the guest. Returns how many were let in.
   */
  feed(limit = Infinity): number {
    const port = this.#port;
    if (port === undefined || this.inputBytes === 0) return 0;
    const room = this.#probe === undefined ? 1 : this.#probe.capacity() - this.#probe.pending();
    const most = Math.min(room, limit);
    let fed = 0;
    while (fed < most) {
      const before = fed;
      if (this.#breaks[0] === this.#taken) {
        if (!port.receive({ byte: 0, breakCondition: true })) break;
        this.#breaks.shift();
        fed++;
        continue;
      }
      // Up to the next BREAK, in one go.
      const piece = this.#input.peek();
      const end = Math.min(piece.length, most - fed, (this.#breaks[0] ?? Infinity) - this.#taken);
      let count = 0;
      while (count < end && port.receive({ byte: piece[count] })) count++;
      if (count > 0) this.#last = piece[count - 1];
      this.#input.skip(count);
      this.#taken += count;
      fed += count;
      if (fed === before) break;
    }
    this.count.received += fed;
    if (this.#paused && this.#input.length <= LOW_WATER_BYTES) this.#pause(false);
    return fed;
  }

  /** The byte let in last. */
  get lastByte(): number | undefined {
    return this.#last;
  }

  /** Takes the byte let in last back: it is in the receiver, and will be lost there. */
  takeBack(): void {
    if (this.#last === undefined) return;
    this.#input.unshift(Uint8Array.of(this.#last));
    this.#taken--;
    this.#last = undefined;
  }

  // ---- the user's hand on the line ------------------------------------------------------------------

  /** Queues input as if an end had sent it. */
  input(bytes: Uint8Array): void {
    this.#input.push(bytes);
    if (!this.#paused && this.#input.length >= HIGH_WATER_BYTES) this.#pause(true);
    this.#events.wake();
  }

  /** Queues a BREAK behind the input so far. */
  inputBreak(): void {
    this.#breaks.push(this.#taken + this.#input.length);
    this.#events.wake();
  }

  /** Sets modem inputs by hand, whatever the ends say. */
  setSignals(inputs: Partial<ModemInputs>): void {
    this.#override = { ...this.#override, ...inputs };
    this.#applySignals();
  }

  /** The way into the UART, for injected errors. */
  get port(): LinePort | undefined {
    return this.#port;
  }

  /** Closes all ends after delivering what is queued, within `ms`. Returns the bytes that were left. */
  async close(ms: number): Promise<number> {
    this.flush();
    const left = await Promise.all(this.#members.map(({ end }) => end.close(ms)));
    return left.reduce((sum, bytes) => sum + bytes, 0);
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    for (const { end } of this.#members) end.pauseInput(paused);
  }

  #applySignals(): void {
    const inputs: { -readonly [K in keyof ModemInputs]: boolean } = { ...NO_SIGNALS };
    for (const name of ['cts', 'dsr', 'ri', 'dcd'] as const) {
      inputs[name] = this.#members.some(({ signals }) => signals[name] === true);
    }
    this.#port?.setModemInputs({ ...inputs, ...this.#override });
  }

  #listener(member: Member): EndListener {
    return {
      received: (bytes) => this.input(bytes),
      inputEnded: () => {
        member.ended = true;
        this.#events.wake();
      },
      breakReceived: () => this.inputBreak(),
      modemChanged: (inputs) => {
        member.signals = { ...member.signals, ...inputs };
        this.#applySignals();
        this.#events.wake();
      },
      writable: () => this.#events.wake(),
      notice: (text) => this.#events.notice(`${this.name}: ${text}`),
      failed: (reason, quiet) => {
        member.ended = true;
        this.#events.failed(member.end, reason, quiet);
      },
    };
  }
}
