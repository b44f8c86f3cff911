// An end: where the bytes of a serial line go to and come from on the host (terminal, pty, socket,
// file, real port). One interface for all of them. Not here: the UART's side (attachment.ts).

import type { LineSettings, ModemInputs, ModemOutputs } from '../../devices/uart8250/line.ts';

/** What an end reports. Calls never come from inside a call to the end, but for `open`. */
export interface EndListener {
  /** Bytes from outside; the listener keeps them and pauses the end when it has enough. */
  received(bytes: Uint8Array): void;
  /** No byte will ever come again (end of a file, a closed pipe). The guest goes on. */
  inputEnded(): void;
  /** The far end sent BREAK. */
  breakReceived(): void;
  /** Modem signals as the far end drives them; carrier follows who is attached. */
  modemChanged(inputs: Partial<ModemInputs>): void;
  /** The end was full, and takes bytes again. */
  writable(): void;
  /** Something that the user wants to read: one line without the serial's name. */
  notice(text: string): void;
  /** The end is gone for good; `quiet` when that is how a user leaves (closed pipe, hang-up). */
  failed(reason: string, quiet: boolean): void;
}

/** A place outside for serial bytes. Queues are bounded: whoever writes looks at `full` first. */
export interface End {
  /** As in messages, e.g. `pty /dev/pts/7`. */
  readonly name: string;
  /** @throws PrintkitError when the place cannot be had. */
  open(listener: EndListener): Promise<void>;
  /** Queues bytes (which the end keeps). Never blocks, never refuses: see `full`. */
  write(bytes: Uint8Array): void;
  /** True from the high-water mark on until `writable()`. */
  readonly full: boolean;
  /** Bytes that are queued and not delivered. */
  readonly queuedBytes: number;
  /** Bytes that this end had to throw away, e.g. from the backlog of an unattached pty. */
  readonly lostBytes: number;
  /** Stops and restarts reading from outside. */
  pauseInput(paused: boolean): void;
  /** For ends with wires: rate and format, DTR and RTS, BREAK. */
  settingsChanged?(settings: LineSettings): void;
  outputsChanged?(outputs: ModemOutputs): void;
  breakChanged?(on: boolean): void;
  /** Closes after delivering what is queued, waiting at most `ms`. Resolves to the bytes left. */
  close(ms: number): Promise<number>;
}

/** From here on an end is full; low enough for a reader to see output that is fresh. */
export const HIGH_WATER_BYTES = 64 * 1024;
/** Here a full end becomes writable again. */
export const LOW_WATER_BYTES = 16 * 1024;
