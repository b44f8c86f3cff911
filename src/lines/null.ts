// Ends without a far end: `null` takes everything and gives nothing, `file:` keeps what it takes.

import fs from 'node:fs';
import { PrintkitError } from '../errors.ts';
import { CONNECTED } from './attachment.ts';
import type { End, EndListener } from './end.ts';
import { FdWriter } from './fd-writer.ts';
import { clockStamp, LineStamper } from './stamp.ts';

export class NullEnd implements End {
  readonly name = 'null';
  readonly full = false;
  readonly queuedBytes = 0;
  readonly lostBytes = 0;

  open(listener: EndListener): Promise<void> {
    listener.modemChanged(CONNECTED);
    listener.inputEnded();
    return Promise.resolve();
  }

  write(): void {
    // Nobody reads it, by request.
  }

  pauseInput(): void {
    // Nothing comes in.
  }

  close(): Promise<number> {
    return Promise.resolve(0);
  }
}

export interface FileEndOptions {
  /** Keep what the file holds instead of emptying it. */
  append: boolean;
  /** A host time stamp in front of each line. */
  stamps: boolean;
  /** A log listens in: it has no modem signals and never ends the input. */
  log: boolean;
}

export class FileEnd implements End {
  readonly name: string;
  readonly #path: string;
  readonly #options: FileEndOptions;
  readonly #stamper: LineStamper | undefined;
  #writer: FdWriter | undefined;
  #on = true;
  #failed = false;

  constructor(path: string, options: FileEndOptions) {
    this.name = `${options.log ? 'log' : 'file'} ${path}`;
    this.#path = path;
    this.#options = options;
    if (options.stamps) this.#stamper = new LineStamper(() => clockStamp(new Date()));
  }

  open(listener: EndListener): Promise<void> {
    let fd: number;
    try {
      fd = fs.openSync(this.#path, this.#options.append ? 'a' : 'w');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return Promise.reject(new PrintkitError(`cannot write ${this.#path}: ${code}`));
    }
    this.#writer = new FdWriter(
      { fd, nonblocking: false, owned: true },
      {
        writable: () => listener.writable(),
        failed: (code) => {
          this.#failed = true;
          listener.failed(`${this.name}: ${code}`, false);
        },
      },
    );
    if (!this.#options.log) listener.modemChanged(CONNECTED);
    listener.inputEnded();
    return Promise.resolve();
  }

  /** A log can be switched off and on again. */
  get on(): boolean {
    return this.#on;
  }

  set on(on: boolean) {
    this.#on = on;
  }

  write(bytes: Uint8Array): void {
    if (!this.#on) return;
    this.#writer?.write(this.#stamper?.push(bytes) ?? bytes);
  }

  get full(): boolean {
    return !this.#failed && this.#writer?.full === true;
  }

  get queuedBytes(): number {
    return this.#writer?.queuedBytes ?? 0;
  }

  get lostBytes(): number {
    return this.#writer?.lostBytes ?? 0;
  }

  pauseInput(): void {
    // Nothing comes in.
  }

  async close(ms: number): Promise<number> {
    await this.#writer?.drain(ms);
    return this.#writer?.close() ?? 0;
  }
}
