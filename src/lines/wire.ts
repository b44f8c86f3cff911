// What arrives at the far end of a serial line, as lines with the virtual time at which the last stop bit
// of each had left. Takes everything at once; leaves out modem signals and BREAK.

import type { Clock } from '../../devices/ports.ts';
import type { LinePort, SerialLine } from '../../devices/uart8250/line.ts';

export interface WireLine {
  /** Without the line end; one character per byte. */
  readonly text: string;
  /** End of the last stop bit of its line feed, or of its last character if the line was cut short. */
  readonly endNs: number;
}

/** How much has arrived. */
export interface WireMark {
  readonly lines: number;
  readonly count: number;
  /** Of a line that is not finished. */
  readonly text: string;
  readonly lastNs: number;
}

const LF = 0x0a;
const CR = 0x0d;

export class Wire implements SerialLine {
  readonly lines: WireLine[] = [];
  /** Characters that have arrived. */
  count = 0;
  readonly #clock: Pick<Clock, 'now'>;
  #port: LinePort | undefined;
  #text = '';
  #lastNs = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  connected(port: LinePort): void {
    this.#port = port;
  }

  transmit(byte: number): void {
    this.count++;
    this.#lastNs = this.#clock.now;
    if (byte === LF) this.#endLine();
    else if (byte !== CR) this.#text += String.fromCharCode(byte);
  }

  /** What has come since the last line end. */
  get unfinished(): string {
    return this.#text;
  }

  /** What has arrived so far, for rewind(). */
  mark(): WireMark {
    return { lines: this.lines.length, count: this.count, text: this.#text, lastNs: this.#lastNs };
  }

  /** Forgets what has arrived since. */
  rewind({ lines, count, text, lastNs }: WireMark): void {
    this.lines.length = lines;
    this.count = count;
    this.#text = text;
    this.#lastNs = lastNs;
  }

  /** Sends text, which must fit the UART's queue, at the speed of the line. */
  type(text: string): void {
    for (const char of text) this.#port?.receive({ byte: char.charCodeAt(0) });
  }

  /** Nothing more will come: what there is of a line counts as one. */
  end(): void {
    if (this.#text !== '') this.#endLine();
  }

  #endLine(): void {
    this.lines.push({ text: this.#text, endNs: this.#lastNs });
    this.#text = '';
  }
}
