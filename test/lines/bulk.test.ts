// Bytes by the megabyte through each kind of end, with nothing missing, added or changed.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../cli/guest.ts';
import { CLI, ensureBuilt } from '../cli/printkit.ts';
import { echoElf, pumped, pumpElf } from './guests.ts';
import { present, Program, until } from './peers.ts';

ensureBuilt();
const folder = scratchFolder();
const MIB = 1024 * 1024;
const ECHO_BYTES = MIB / 4;
const FAST = ['run', '--smp', '1', '--unpaced', '--no-baud'];

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const printkitWith = (...args: string[]) => new Program(process.execPath, [CLI, ...FAST, ...args]);

/** A TCP client that keeps what it gets. */
class Client {
  readonly #pieces: Buffer[] = [];
  readonly socket: net.Socket;
  readonly ended: Promise<void>;

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('data', (bytes: Buffer) => this.#pieces.push(bytes));
    this.ended = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  get output(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

async function tcpServer(...args: string[]): Promise<{ program: Program; port: number }> {
  const program = printkitWith('--serial', 'tcp:127.0.0.1:0,server', ...args);
  await program.reports(/listening on 127\.0\.0\.1:\d+\n/);
  return { program, port: Number(/:(\d+)\n/.exec(program.errors)?.[1]) };
}

describe.runIf(present('socat'))('10 MB', () => {
  it('through a pty', async () => {
    const link = path.join(folder, 'bulk');
    const program = printkitWith('--serial', `pty:${link}`, pumpElf(folder, 10 * MIB, 'ask'));
    await program.reports(/serial0: \/dev/);
    const peer = new Program('socat', ['-b', '65536', '-', `${link},raw,echo=0`]);
    peer.send('x');
    expect(await program.ended).toBe(0);
    await until(() => peer.bytes === 10 * MIB, '10 MB');
    expect(hash(peer.output)).toBe(hash(pumped(10 * MIB)));
    await peer.kill();
  });

  it('through TCP', async () => {
    const { program, port } = await tcpServer(pumpElf(folder, 10 * MIB, 'ask'));
    const client = new Client(port);
    client.socket.write('x');
    await client.ended;
    expect(await program.ended).toBe(0);
    expect(hash(client.output)).toBe(hash(pumped(10 * MIB)));
  });
});

describe('fewer bytes', () => {
  it('into a file', async () => {
    const file = path.join(folder, 'bulk.out');
    const program = printkitWith('--serial', `file:${file}`, pumpElf(folder, MIB));
    expect(await program.ended).toBe(0);
    expect(hash(fs.readFileSync(file))).toBe(hash(pumped(MIB)));
  });

  it('there and back through TCP', async () => {
    const { program, port } = await tcpServer(echoElf(folder, ECHO_BYTES));
    const client = new Client(port);
    client.socket.write(pumped(ECHO_BYTES));
    await client.ended;
    expect(await program.ended).toBe(0);
    expect(hash(client.output)).toBe(hash(pumped(ECHO_BYTES)));
  });

  it('there and back through standard input and output', async () => {
    const program = printkitWith('--serial', 'stdio', echoElf(folder, MIB / 16));
    program.send(pumped(MIB / 16));
    expect(await program.ended).toBe(0);
    expect(hash(program.output)).toBe(hash(pumped(MIB / 16)));
  });
});

describe.runIf(present('socat'))('there and back through a pty', () => {
  it('256 KB', async () => {
    const link = path.join(folder, 'both');
    const program = printkitWith('--serial', `pty:${link}`, echoElf(folder, ECHO_BYTES));
    await program.reports(/serial0: \/dev/);
    // Two of them, as one that waits for its write to end would not read meanwhile.
    const reader = new Program('socat', ['-u', '-b', '65536', `${link},raw,echo=0`, '-']);
    const writer = new Program('socat', ['-u', '-b', '65536', '-', `${link},raw,echo=0`]);
    await program.reports(/attached/);
    writer.send(pumped(ECHO_BYTES));
    expect(await program.ended).toBe(0);
    await until(() => reader.bytes === ECHO_BYTES, 'the echo');
    expect(hash(reader.output)).toBe(hash(pumped(ECHO_BYTES)));
    await Promise.all([reader.kill(), writer.kill()]);
  });
});
