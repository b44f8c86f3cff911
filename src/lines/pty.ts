// A pseudo terminal as an end: other programs (picocom, screen, …) open its slave like a serial port.
// Uses the native `open` of @lydell/node-pty, and of what that returns the two descriptors only.
// What was measured about ptys is in docs/lines.md ("Pseudo terminals").

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrintkitError } from '../errors.ts';
import { Backlog } from './byte-queue.ts';
import type { End, EndListener } from './end.ts';
import { FdWriter } from './fd-writer.ts';

/** The master is polled: nothing else tells that a slave was opened or closed. */
const POLL_DETACHED_MS = 20;
const POLL_QUIET_MS = 5;
const POLL_ACTIVE_MS = 1;
/** Bytes went through this recently: the next ones are likely to come soon. */
const ACTIVE_MS = 500;
/** Many programs flush the port right after opening it; the backlog waits until they have. */
const REPLAY_DELAY_MS = 60;
const READ_BYTES = 4096;
/** A pty's buffer that reads empty this often, 1 ms apart, is empty. */
const DRAIN_TRIES = 3;
/** At the end, the reader gets the time to take what the pty still holds. */
const LINGER_FIRST_MS = 5;
const LINGER_LAST_MS = 100;
const LINGER_BLIND_MS = 300;

interface NativePty {
  open(columns: number, rows: number): { master: number; slave: number; pty: string };
}

function loadNative(): NativePty {
  const name = `@lydell/node-pty-${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    return require(`${name}/pty.node`) as NativePty;
  } catch {
    // Installed below @lydell/node-pty by package managers that do not hoist.
  }
  try {
    const parent = createRequire(require.resolve('@lydell/node-pty/package.json'));
    return parent(`${name}/pty.node`) as NativePty;
  } catch {
    throw new PrintkitError(
      `--serial pty needs the optional package @lydell/node-pty: npm install @lydell/node-pty`,
    );
  }
}

/** Opens a pty whose slave passes all bytes through as they are. */
export function openRawPty(): { master: number; slave: number; path: string } {
  let opened: ReturnType<NativePty['open']>;
  try {
    opened = loadNative().open(80, 24);
  } catch (error) {
    if (error instanceof PrintkitError) throw error;
    throw new PrintkitError(`cannot open a pseudo terminal: ${(error as Error).message}`);
  }
  const { master, slave, pty } = opened;
  // A fresh pty is cooked: it would echo our output back to us. Node's raw mode keeps ONLCR.
  const stty = spawnSync('stty', ['raw', '-echo'], { stdio: [slave, 'ignore', 'pipe'] });
  if (stty.status !== 0) {
    fs.closeSync(slave);
    fs.closeSync(master);
    throw new PrintkitError('cannot set a pseudo terminal to raw mode: is stty installed?');
  }
  return { master, slave, path: pty };
}

export interface PtyEndOptions {
  /** A symbolic link to make. */
  link: string | undefined;
  backlogBytes: number;
}

export class PtyEnd implements End {
  #name = 'pty';
  readonly #options: PtyEndOptions;
  readonly #backlog: Backlog;
  readonly #buffer = Buffer.alloc(READ_BYTES);
  #listener: EndListener | undefined;
  #master = -1;
  #slavePath = '';
  #writer: FdWriter | undefined;
  #attached = false;
  #attachedAt = 0;
  #lastByteAt = 0;
  #paused = false;
  #lost = 0;
  #poll: NodeJS.Timeout | undefined;

  constructor(options: PtyEndOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.backlogBytes);
  }

  get name(): string {
    return this.#name;
  }

  open(listener: EndListener): Promise<void> {
    return new Promise((resolve) => {
      this.#open(listener);
      resolve();
    });
  }

  #open(listener: EndListener): void {
    const { link } = this.#options;
    if (link !== undefined) checkLink(link);
    const { master, slave, path: slavePath } = openRawPty();
    fs.closeSync(slave); // so that reads tell whether anybody else has it open
    this.#listener = listener;
    this.#master = master;
    this.#slavePath = slavePath;
    this.#name = `pty ${slavePath}`;
    this.#writer = new FdWriter(
      { fd: master, nonblocking: true, owned: false },
      { writable: () => listener.writable(), failed: (code) => listener.failed(code, false) },
    );
    if (link !== undefined) this.#makeLink(link);
    listener.notice(link === undefined ? slavePath : `${slavePath} (${link})`);
    this.#schedule();
  }

  #makeLink(link: string): void {
    try {
      fs.symlinkSync(this.#slavePath, link);
    } catch (error) {
      fs.closeSync(this.#master);
      const { code } = error as NodeJS.ErrnoException;
      throw new PrintkitError(`cannot make the link ${link}: ${code}`);
    }
  }

  #schedule(): void {
    this.#poll = setTimeout(() => this.#tick(), this.#pollMs());
  }

  #pollMs(): number {
    if (!this.#attached) return POLL_DETACHED_MS;
    return Date.now() - this.#lastByteAt < ACTIVE_MS ? POLL_ACTIVE_MS : POLL_QUIET_MS;
  }

  #tick(): void {
    this.#read();
    if (this.#attached && this.#attachedAt !== 0) this.#replayWhenDue();
    this.#schedule();
  }

  /** Reads what is there. EIO means that nobody has the slave open, EAGAIN that somebody has. */
  #read(): void {
    for (let budget = 16; budget > 0 && !this.#paused; budget--) {
      try {
        const count = fs.readSync(this.#master, this.#buffer);
        this.#setAttached(true);
        if (count === 0) return;
        this.#lastByteAt = Date.now();
        this.#listener?.received(Uint8Array.from(this.#buffer.subarray(0, count)));
        if (count < READ_BYTES) return;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') this.#setAttached(true);
        else if (code === 'EIO') this.#setAttached(false);
        return;
      }
    }
  }

  #setAttached(attached: boolean): void {
    if (attached === this.#attached) return;
    this.#attached = attached;
    this.#listener?.notice(attached ? 'attached' : 'detached');
    this.#listener?.modemChanged({ cts: attached, dsr: attached, dcd: attached });
    if (attached) this.#attachedAt = Date.now();
    else this.#takeBackUnread();
  }

  /** Output that the reader left unread goes to the next one: the pty's buffer, then our queue. */
  #takeBackUnread(): void {
    this.#attachedAt = 0;
    this.#backlog.unshift(drainSlave(this.#slavePath));
    const unread = this.#writer?.takeQueued();
    if (unread !== undefined) this.#backlog.push(unread);
    this.#listener?.writable();
  }

  #replayWhenDue(): void {
    if (Date.now() - this.#attachedAt < REPLAY_DELAY_MS) return;
    this.#attachedAt = 0;
    const lost = this.#backlog.lost;
    this.#lost += lost;
    if (lost > 0) this.#listener?.notice(`${lost} bytes of older output were dropped unread`);
    this.#writer?.write(this.#backlog.take());
  }

  write(bytes: Uint8Array): void {
    this.#lastByteAt = Date.now();
    if (this.#attached && this.#attachedAt === 0) this.#writer?.write(bytes);
    else this.#backlog.push(bytes);
  }

  get full(): boolean {
    return this.#attached && this.#writer?.full === true;
  }

  get queuedBytes(): number {
    return this.#writer?.queuedBytes ?? 0;
  }

  get lostBytes(): number {
    return this.#lost + this.#backlog.lost;
  }

  pauseInput(paused: boolean): void {
    this.#paused = paused;
  }

  async close(ms: number): Promise<number> {
    if (this.#attached) {
      if (this.#attachedAt !== 0) {
        await new Promise((resolve) => setTimeout(resolve, REPLAY_DELAY_MS));
        this.#replayWhenDue();
      }
      const startMs = Date.now();
      await this.#writer?.drain(ms);
      await this.#untilRead(ms - (Date.now() - startMs));
    }
    clearTimeout(this.#poll);
    this.#writer?.close();
    const unread = drainSlave(this.#slavePath).length;
    const left = unread + this.queuedBytes + this.#backlog.length + this.#backlog.lost;
    this.#removeLink();
    if (this.#master >= 0) fs.closeSync(this.#master);
    this.#master = -1;
    return left;
  }

  /** Waits until the reader has emptied the pty's buffer, which does not outlive the master. */
  async #untilRead(ms: number): Promise<void> {
    const endMs = Date.now() + ms;
    let waitMs = LINGER_FIRST_MS;
    while (this.#attached && Date.now() < endMs && (await slaveHasInput(this.#slavePath))) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(LINGER_LAST_MS, 2 * waitMs);
    }
  }

  #removeLink(): void {
    const { link } = this.#options;
    if (link === undefined) return;
    try {
      if (fs.readlinkSync(link) === this.#slavePath) fs.unlinkSync(link);
    } catch {
      // Somebody has moved it away.
    }
  }
}

/** Takes what nobody has read out of a pty's buffer, of which the line discipline shows 4 KiB at a time. */
function drainSlave(path: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  const buffer = Buffer.alloc(READ_BYTES);
  let fd: number;
  try {
    const { O_RDWR, O_NONBLOCK, O_NOCTTY } = fs.constants;
    fd = fs.openSync(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
  } catch {
    return new Uint8Array(0); // not allowed to, or gone
  }
  for (let tries = DRAIN_TRIES; tries > 0;) {
    try {
      pieces.push(Uint8Array.from(buffer.subarray(0, fs.readSync(fd, buffer))));
      tries = DRAIN_TRIES;
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      tries--;
    }
  }
  fs.closeSync(fd);
  return Buffer.concat(pieces);
}

/** Whether the reader of a pty has something left to read. Node cannot poll a descriptor; bash can. */
function slaveHasInput(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const shell = spawn('bash', ['-c', 'read -t 0 <>"$1"', 'bash', path], { stdio: 'ignore' });
    shell.on('error', () => setTimeout(() => resolve(false), LINGER_BLIND_MS));
    shell.on('exit', (code) => resolve(code === 0));
  });
}

/** A link of an earlier run whose pty is gone may be replaced; nothing else. */
function checkLink(link: string): void {
  const folder = path.dirname(path.resolve(link));
  if (!fs.existsSync(folder)) {
    throw new PrintkitError(`cannot make the link ${link}: there is no folder ${folder}`);
  }
  const stat = fs.lstatSync(link, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const stale =
    stat.isSymbolicLink() && fs.readlinkSync(link).startsWith('/dev/pts/') && !fs.existsSync(link);
  if (!stale) {
    throw new PrintkitError(
      `cannot make the link ${link}: it exists; remove it or use another path`,
    );
  }
  fs.unlinkSync(link);
}
