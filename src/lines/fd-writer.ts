// Writes a queue of bytes to a file descriptor without ever blocking the event loop and without
// losing a byte. Node's own streams do neither for terminals: process.stdout.write blocks on a
// stalled one. For sockets see socket.ts.

import fs from 'node:fs';
import net from 'node:net';
import { ByteQueue } from './byte-queue.ts';
import { HIGH_WATER_BYTES, LOW_WATER_BYTES } from './end.ts';

/** Pause before a stalled descriptor is tried again: short at first, then cheap. */
const RETRY_FIRST_MS = 2;
const RETRY_LAST_MS = 50;

export interface FdWriterEvents {
  /** Was full, takes bytes again. */
  writable(): void;
  /** The descriptor is dead; what was queued is counted as lost. */
  failed(code: string): void;
}

export interface WritableFd {
  fd: number;
  /** Writes return at once, with EAGAIN when there is no room. */
  nonblocking: boolean;
  /** The descriptor is ours to close. */
  owned: boolean;
}

/**
 * A descriptor for standard output whose writes do not block. O_NONBLOCK belongs to the open file,
 * which we share with the shell and others, so terminals and pipes are opened once more. What cannot
 * be opened again is written to by Node's thread pool: files, where a new one would start at offset
 * 0. (Not for anything that can stall: Node cannot exit while a thread of its pool hangs.)
 */
export function reopenNonblocking(fd: number): WritableFd {
  const stat = fs.fstatSync(fd);
  if (stat.isFIFO() || stat.isCharacterDevice()) {
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;
    try {
      const again = fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
      return { fd: again, nonblocking: true, owned: true };
    } catch {
      // Not Linux, or a terminal that belongs to somebody else.
    }
  }
  if (stat.isSocket()) {
    // Cannot be opened again. A stream around it sets O_NONBLOCK, and is good for nothing else here.
    new net.Socket({ fd, readable: false, writable: true }).unref();
    return { fd, nonblocking: true, owned: false };
  }
  return { fd, nonblocking: false, owned: false };
}

export class FdWriter {
  readonly #target: WritableFd;
  readonly #events: FdWriterEvents;
  readonly #queue = new ByteQueue();
  #lost = 0;
  #full = false;
  #dead = false;
  #writing = false;
  #retryMs = RETRY_FIRST_MS;
  #retry: NodeJS.Timeout | undefined;
  #drained: (() => void)[] = [];

  constructor(target: WritableFd, events: FdWriterEvents) {
    this.#target = target;
    this.#events = events;
  }

  get queuedBytes(): number {
    return this.#queue.length;
  }

  get lostBytes(): number {
    return this.#lost;
  }

  get full(): boolean {
    return this.#full;
  }

  write(bytes: Uint8Array): void {
    if (this.#dead) {
      this.#lost += bytes.length;
      return;
    }
    this.#queue.push(bytes);
    if (this.#retry === undefined && !this.#writing) this.#pump();
    if (this.#queue.length >= HIGH_WATER_BYTES) this.#full = true;
  }

  /** Takes back what is queued, for a descriptor whose reader has left. */
  takeQueued(): Uint8Array {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#full = false;
    const queued = this.#queue.takeAll();
    this.#checkDrained();
    return queued;
  }

  /** Resolves when the queue is empty, the descriptor is dead or `ms` have passed. */
  async drain(ms: number): Promise<number> {
    if (this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
        this.#drained.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.#queue.length;
  }

  /** Stops trying, closes the descriptor if it is ours. Returns the bytes that were left. */
  close(): number {
    this.#dead = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#target.owned && !this.#writing) fs.closeSync(this.#target.fd);
    return this.#queue.length;
  }

  #pump(): void {
    if (this.#target.nonblocking) this.#pumpSync();
    else this.#pumpAsync();
  }

  #pumpSync(): void {
    while (this.#queue.length > 0) {
      let count: number;
      try {
        count = fs.writeSync(this.#target.fd, this.#queue.peek());
      } catch (error) {
        this.#writeFailed(error as NodeJS.ErrnoException);
        return;
      }
      this.#wrote(count);
    }
    this.#checkDrained();
  }

  #pumpAsync(): void {
    if (this.#dead) return;
    if (this.#queue.length === 0) {
      this.#checkDrained();
      return;
    }
    this.#writing = true;
    fs.write(this.#target.fd, this.#queue.peek(), (error, count) => {
      this.#writing = false;
      if (this.#dead) {
        if (this.#target.owned) fs.closeSync(this.#target.fd);
        return;
      }
      if (error) {
        this.#writeFailed(error);
        return;
      }
      this.#wrote(count);
      this.#pumpAsync();
    });
  }

  #wrote(count: number): void {
    this.#queue.skip(count);
    this.#retryMs = RETRY_FIRST_MS;
    if (!this.#full || this.#queue.length > LOW_WATER_BYTES) return;
    this.#full = false;
    // Not from inside write(): its caller is in the middle of something.
    setImmediate(() => this.#events.writable());
  }

  #writeFailed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EINTR') {
      setImmediate(() => this.#pump());
      return;
    }
    if (error.code === 'EAGAIN') {
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#pump();
      }, this.#retryMs);
      this.#retryMs = Math.min(RETRY_LAST_MS, this.#retryMs * 2);
      return;
    }
    this.#dead = true;
    this.#lost += this.#queue.length;
    this.#queue.clear();
    this.#checkDrained();
    setImmediate(() => this.#events.failed(error.code ?? error.message));
  }

  #checkDrained(): void {
    if (this.#queue.length > 0) return;
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }
}
