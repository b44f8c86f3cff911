// TCP, telnet and unix sockets as ends, as server (one peer at a time, the next one gets what was
// missed) or as client (connects again when the peer goes away). Carrier follows the connection.

import fs from 'node:fs';
import net from 'node:net';
import type { LineSettings, ModemOutputs } from '../../devices/uart8250/line.ts';
import { PrintkitError } from '../errors.ts';
import { CONNECTED } from './attachment.ts';
import { Backlog } from './byte-queue.ts';
import { type End, type EndListener, HIGH_WATER_BYTES, LOW_WATER_BYTES } from './end.ts';
import { TelnetCodec } from './telnet.ts';

const RECONNECT_MS = 1000;

export type SocketAddress = { host: string; port: number } | { path: string };

export interface SocketEndOptions {
  address: SocketAddress;
  server: boolean;
  telnet: boolean;
  backlogBytes: number;
}

export function formatAddress(address: SocketAddress): string {
  return 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the address is in use';
    case 'EADDRNOTAVAIL':
      return 'this host has no such address';
    case 'EACCES':
      return 'permission denied';
    case 'ENOENT':
      return 'no such file or folder';
    case 'ENOTFOUND':
      return 'no such host';
    case 'ECONNREFUSED':
      return 'connection refused';
    default:
      return error.code ?? error.message;
  }
}

export class SocketEnd implements End {
  readonly name: string;
  readonly #options: SocketEndOptions;
  readonly #backlog: Backlog;
  #listener: EndListener | undefined;
  #server: net.Server | undefined;
  #socket: net.Socket | undefined;
  #codec: TelnetCodec | undefined;
  #settings: LineSettings | undefined;
  #outputs: ModemOutputs | undefined;
  #wasFull = false;
  #paused = false;
  #closed = false;
  #lost = 0;
  #retry: NodeJS.Timeout | undefined;
  #complained = false;

  constructor(options: SocketEndOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.backlogBytes);
    const kind = 'path' in options.address ? '' : options.telnet ? 'telnet ' : 'tcp ';
    this.name = `${kind}${formatAddress(options.address)}`;
  }

  async open(listener: EndListener): Promise<void> {
    this.#listener = listener;
    if (this.#options.server) await this.#listen();
    else this.#connect();
  }

  // ---- server ---------------------------------------------------------------------------------------

  async #listen(): Promise<void> {
    const { address } = this.#options;
    if ('path' in address) await removeStaleSocket(address.path);
    const server = net.createServer((socket) => this.#accepted(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(new PrintkitError(`cannot listen on ${this.name}: ${explain(error)}`));
      });
      server.listen('path' in address ? { path: address.path } : address, resolve);
    });
    const bound = server.address();
    if (bound !== null && typeof bound === 'object') {
      this.#listener?.notice(`listening on ${bound.address}:${bound.port}`);
    } else {
      this.#listener?.notice(`listening on ${this.name}`);
    }
  }

  #accepted(socket: net.Socket): void {
    if (this.#socket !== undefined) {
      socket.on('error', () => undefined);
      socket.end('printkit: this serial line is in use\r\n');
      return;
    }
    this.#attach(socket);
  }

  // ---- client ---------------------------------------------------------------------------------------

  #connect(): void {
    const { address } = this.#options;
    const socket = net.connect('path' in address ? { path: address.path } : address);
    const refused = (error: Error) => {
      if (!this.#complained) {
        this.#listener?.notice(`cannot connect to ${this.name}: ${explain(error)}; trying on`);
      }
      this.#complained = true;
      this.#reconnectLater();
    };
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      this.#complained = false;
      this.#attach(socket);
    });
  }

  #reconnectLater(): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.#connect(), RECONNECT_MS);
  }

  // ---- a connection ---------------------------------------------------------------------------------

  #attach(socket: net.Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    if (this.#options.telnet) this.#startTelnet(socket);
    socket.on('data', (bytes: Buffer) => {
      if (this.#codec === undefined) this.#listener?.received(bytes);
      else this.#codec.decode(bytes);
    });
    socket.on('drain', () => this.#checkRoom());
    socket.on('error', () => undefined); // 'close' follows
    // Node answers a FIN with ours, once what is queued has gone.
    socket.on('end', () => this.#detached(socket));
    socket.on('close', () => {
      this.#lose(socket.writableLength);
      this.#detached(socket);
    });
    if (this.#paused) socket.pause();
    this.#listener?.notice('attached');
    this.#listener?.modemChanged(CONNECTED);
    this.#replay();
  }

  #startTelnet(socket: net.Socket): void {
    const codec = new TelnetCodec({
      data: (bytes) => this.#listener?.received(bytes),
      breakReceived: () => this.#listener?.breakReceived(),
      modem: (inputs) => this.#listener?.modemChanged(inputs),
      reply: (bytes) => socket.write(bytes),
    });
    this.#codec = codec;
    if (this.#settings !== undefined) codec.settingsChanged(this.#settings);
    if (this.#outputs !== undefined) codec.outputsChanged(this.#outputs);
    if (this.#options.server) codec.greet();
  }

  #lose(bytes: number): void {
    if (bytes === 0 || this.#closed) return;
    this.#lost += bytes;
    this.#listener?.notice(`${bytes} bytes of output were lost with the connection`);
  }

  #replay(): void {
    const lost = this.#backlog.lost;
    this.#lost += lost;
    if (lost > 0) this.#listener?.notice(`${lost} bytes of older output were dropped unread`);
    this.write(this.#backlog.take());
  }

  #detached(socket: net.Socket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#codec = undefined;
    if (this.#closed) return;
    this.#listener?.notice('detached');
    this.#listener?.modemChanged({ cts: false, dsr: false, dcd: false });
    this.#checkRoom();
    if (!this.#options.server) this.#reconnectLater();
  }

  #checkRoom(): void {
    if (!this.#wasFull || this.queuedBytes > LOW_WATER_BYTES) return;
    this.#wasFull = false;
    this.#listener?.writable();
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const socket = this.#socket;
    if (socket === undefined) {
      this.#backlog.push(bytes);
      return;
    }
    socket.write(this.#codec?.encode(bytes) ?? bytes);
    if (socket.writableLength >= HIGH_WATER_BYTES) this.#wasFull = true;
  }

  get full(): boolean {
    return this.#wasFull;
  }

  get queuedBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  get lostBytes(): number {
    return this.#lost + this.#backlog.lost;
  }

  pauseInput(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#socket?.pause();
    else this.#socket?.resume();
  }

  settingsChanged(settings: LineSettings): void {
    this.#settings = settings;
    this.#codec?.settingsChanged(settings);
  }

  outputsChanged(outputs: ModemOutputs): void {
    this.#outputs = outputs;
    this.#codec?.outputsChanged(outputs);
  }

  breakChanged(on: boolean): void {
    if (on && this.#codec !== undefined) this.#socket?.write(this.#codec.encodeBreak());
  }

  async close(ms: number): Promise<number> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#server?.close();
    const socket = this.#socket;
    const unread = this.#backlog.length + this.#backlog.lost;
    if (socket === undefined) return unread;
    const left = await new Promise<number>((resolve) => {
      const timer = setTimeout(() => resolve(socket.writableLength), Math.min(ms, 2 ** 31 - 1));
      const done = () => {
        clearTimeout(timer);
        resolve(socket.writableLength);
      };
      socket.end(done);
      socket.once('close', done);
    });
    socket.destroy();
    return left;
  }
}

/** A socket file that nobody listens on any more is in the way; anything else is not ours. */
async function removeStaleSocket(path: string): Promise<void> {
  let stat: fs.Stats;
  try {
    stat = fs.lstatSync(path);
  } catch {
    return;
  }
  if (!stat.isSocket()) {
    throw new PrintkitError(`cannot listen on unix:${path}: the file exists and is not a socket`);
  }
  const used = await new Promise<boolean>((resolve) => {
    const probe = net.connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (used) throw new PrintkitError(`cannot listen on unix:${path}: the address is in use`);
  fs.unlinkSync(path);
}
