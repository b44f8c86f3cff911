// Standard input and output as an end: a terminal in raw mode, or pipes and files. Output never
// blocks the event loop (fd-writer.ts); input is read only as fast as it is taken.

import tty from 'node:tty';
import { CONNECTED } from './attachment.ts';
import type { End, EndListener } from './end.ts';
import { FdWriter, reopenNonblocking } from './fd-writer.ts';

/** One FdWriter for everything that goes to standard output. */
export class StdoutWriter extends FdWriter {
  constructor(failed: (code: string) => void, writable: () => void) {
    super(reopenNonblocking(1), { failed, writable });
  }
}

/**
 * Standard input of this process. In raw mode when it is a terminal: each key comes at once,
 * without echo and without signals. `restore()` must run before the process ends, however it ends.
 */
export class Stdin {
  readonly isTerminal: boolean;
  readonly #stream: NodeJS.ReadStream;
  #raw = false;

  constructor() {
    this.#stream = process.stdin;
    this.isTerminal = tty.isatty(0);
  }

  start(received: (bytes: Uint8Array) => void, ended: () => void): void {
    if (this.isTerminal) this.makeRaw();
    this.#stream.on('data', (bytes: Buffer) => received(bytes));
    this.#stream.on('end', ended);
    // A terminal that is gone, or a directory as input: nothing more will come.
    this.#stream.on('error', ended);
  }

  makeRaw(): void {
    this.#raw = true;
    this.#stream.setRawMode(true);
  }

  /** Gives the terminal back as it was. May be called at any time, and more than once. */
  restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    try {
      this.#stream.setRawMode(false);
    } catch {
      // The terminal has gone away.
    }
  }

  pause(paused: boolean): void {
    if (paused) this.#stream.pause();
    else this.#stream.resume();
  }

  stop(): void {
    this.restore();
    this.#stream.removeAllListeners('data');
    this.#stream.pause();
  }
}

/** Pipes or files on both sides: bytes go through as they are, no key has a meaning. */
export class PlainStdio implements End {
  readonly name = 'stdio';
  readonly #stdin: Stdin;
  readonly #stdout: StdoutWriter;

  constructor(stdin: Stdin, stdout: StdoutWriter) {
    this.#stdin = stdin;
    this.#stdout = stdout;
  }

  open(listener: EndListener): Promise<void> {
    this.#stdin.start(
      (bytes) => listener.received(bytes),
      () => listener.inputEnded(),
    );
    listener.modemChanged(CONNECTED);
    return Promise.resolve();
  }

  write(bytes: Uint8Array): void {
    this.#stdout.write(bytes);
  }

  get full(): boolean {
    return this.#stdout.full;
  }

  get queuedBytes(): number {
    return this.#stdout.queuedBytes;
  }

  get lostBytes(): number {
    return this.#stdout.lostBytes;
  }

  pauseInput(paused: boolean): void {
    this.#stdin.pause(paused);
  }

  async close(ms: number): Promise<number> {
    this.#stdin.stop();
    return this.#stdout.drain(ms);
  }
}
