// Named pipes as an end: `PATH.in` and `PATH.out` when they exist (as QEMU has it), else PATH for
// output only. Both are opened without waiting for the other side.

import fs from 'node:fs';
import net from 'node:net';
import { PrintkitError } from '../errors.ts';
import { CONNECTED } from './attachment.ts';
import type { End, EndListener } from './end.ts';
import { FdWriter } from './fd-writer.ts';

export class PipeEnd implements End {
  readonly name: string;
  readonly #path: string;
  #writer: FdWriter | undefined;
  #input: net.Socket | undefined;

  constructor(path: string) {
    this.name = `pipe ${path}`;
    this.#path = path;
  }

  open(listener: EndListener): Promise<void> {
    return new Promise((resolve) => {
      this.#open(listener);
      resolve();
    });
  }

  #open(listener: EndListener): void {
    const both = fs.existsSync(`${this.#path}.out`);
    const fd = openFifo(both ? `${this.#path}.out` : this.#path);
    this.#writer = new FdWriter(
      { fd, nonblocking: true, owned: true },
      {
        writable: () => listener.writable(),
        failed: (code) => listener.failed(`${this.name}: ${code}`, false),
      },
    );
    listener.modemChanged(CONNECTED);
    if (!both || !fs.existsSync(`${this.#path}.in`)) {
      listener.inputEnded();
      return;
    }
    this.#input = new net.Socket({ fd: openFifo(`${this.#path}.in`), writable: false });
    this.#input.on('data', (bytes: Buffer) => listener.received(bytes));
    this.#input.on('error', () => undefined);
  }

  write(bytes: Uint8Array): void {
    this.#writer?.write(bytes);
  }

  get full(): boolean {
    return this.#writer?.full === true;
  }

  get queuedBytes(): number {
    return this.#writer?.queuedBytes ?? 0;
  }

  get lostBytes(): number {
    return this.#writer?.lostBytes ?? 0;
  }

  pauseInput(paused: boolean): void {
    if (paused) this.#input?.pause();
    else this.#input?.resume();
  }

  async close(ms: number): Promise<number> {
    await this.#writer?.drain(ms);
    this.#input?.destroy();
    return this.#writer?.close() ?? 0;
  }
}

/** Opened for both directions, a FIFO needs no peer and sees no end when one leaves (Linux, BSD). */
function openFifo(path: string): number {
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const hint = code === 'ENOENT' ? `; make it with: mkfifo ${path}` : '';
    throw new PrintkitError(`cannot open the pipe ${path}: ${code}${hint}`);
  }
  if (fs.fstatSync(fd).isFIFO()) return fd;
  fs.closeSync(fd);
  throw new PrintkitError(`cannot use ${path} as a pipe: it is not one`);
}
