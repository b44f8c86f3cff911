// `--serial tcp:`, `telnet:`, `unix:`, `pipe:`, `file:`, `null`; several serials, mirrors and logs.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { exitWith, guestElf, scratchFolder } from '../cli/guest.ts';
import { CLI, ensureBuilt } from '../cli/printkit.ts';
import { echoElf, pumped, pumpElf } from './guests.ts';
import { present, Program, sleep, until } from './peers.ts';

ensureBuilt();
const folder = scratchFolder();
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const FAST = ['--smp', '1', '--unpaced', '--no-baud'];
const echo256 = echoElf(folder, 256);
const running: Program[] = [];
const sockets: net.Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((program) => program.kill()));
});

function printkitWith(...args: string[]): Program {
  const program = new Program(process.execPath, [CLI, 'run', ...FAST, ...args]);
  running.push(program);
  return program;
}

/** The port that the n-th server of a printkit listens on. */
async function portOf(program: Program, index = 0): Promise<number> {
  const all = () => [...program.errors.matchAll(/listening on 127\.0\.0\.1:(\d+)\n/g)];
  await until(() => all().length > index, 'the port');
  return Number(all()[index][1]);
}

/** A socket with all that has come in. */
class Wire {
  readonly socket: net.Socket;
  #input: Buffer = Buffer.alloc(0);
  closed = false;

  constructor(socket: net.Socket) {
    this.socket = socket;
    sockets.push(socket);
    socket.on('data', (bytes: Buffer) => (this.#input = Buffer.concat([this.#input, bytes])));
    socket.on('close', () => (this.closed = true));
    socket.on('error', () => undefined);
  }

  get input(): Buffer {
    return this.#input;
  }

  async gets(bytes: Uint8Array): Promise<void> {
    await until(() => this.#input.length >= bytes.length, `${bytes.length} bytes`);
    expect(this.#input.equals(bytes)).toBe(true);
  }
}

const wire = (port: number) => new Wire(net.connect(port, '127.0.0.1'));

/** Prints LSR of each received byte, then the byte: BREAK is seen as 0x10. */
const SHOW_LSR = `
  li s0, UART
  li t0, 3
  sb t0, 3(s0)        # 8N1
  li t0, 1
  sb t0, 1(s0)
look:
  lbu t0, 5(s0)
  andi t1, t0, 1
  beqz t1, look
  andi t0, t0, 0x10
  sb t0, 0(s0)
  lbu t0, 0(s0)
  sb t0, 0(s0)
  li t1, 'q'
  bne t0, t1, look
  ${exitWith(0)}
`;

describe('a TCP server', () => {
  it('passes all 256 values both ways', async () => {
    const program = printkitWith('--serial', 'tcp:127.0.0.1:0,server', echo256);
    const peer = wire(await portOf(program));
    peer.socket.write(ALL_BYTES);
    expect(await program.ended).toBe(0);
    await peer.gets(ALL_BYTES);
  });

  it('gives the next peer what was missed, and says how much was dropped', async () => {
    const pump = pumpElf(folder, 4096, 'stay');
    const program = printkitWith('--backlog', '1000', '--serial', 'tcp:127.0.0.1:0,server', pump);
    const port = await portOf(program);
    await sleep(300);
    const peer = wire(port);
    await peer.gets(pumped(4096).subarray(-1000));
    await program.reports(/serial0: attached\nserial0: 3096 bytes of older output were dropped/);
    peer.socket.destroy();
    await program.reports(/detached/);
  });

  it('takes one peer at a time', async () => {
    const program = printkitWith('--serial', 'tcp:127.0.0.1:0,server', echo256);
    const port = await portOf(program);
    const first = wire(port);
    await program.reports(/attached/);
    const second = wire(port);
    await until(() => second.closed, 'the refusal');
    expect(second.input.toString()).toBe('printkit: this serial line is in use\r\n');
    first.socket.write('still here');
    await first.gets(Buffer.from('still here'));
  });
});

describe('a TCP client', () => {
  it('connects, and connects again when its peer returns', async () => {
    const server = net.createServer();
    const peers: Wire[] = [];
    server.on('connection', (socket) => peers.push(new Wire(socket)));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = server.address() as net.AddressInfo;
    const program = printkitWith('--serial', `tcp:127.0.0.1:${port}`, echoElf(folder, 512));
    for (const round of [0, 1]) {
      await until(() => peers.length > round, 'the connection');
      peers[round].socket.write(ALL_BYTES);
      await peers[round].gets(ALL_BYTES);
      if (round === 0) peers[0].socket.destroy();
    }
    expect(await program.ended).toBe(0);
    await new Promise((resolve) => server.close(resolve));
  });

  it('says once that nobody listens, and keeps trying', async () => {
    const program = printkitWith('--serial', 'tcp:127.0.0.1:1', echo256);
    await program.reports(/serial0: cannot connect to tcp 127\.0\.0\.1:1: connection refused/);
    await sleep(1200);
    expect(program.errors.split('\n')).toHaveLength(2);
  });
});

describe('telnet', () => {
  const IAC = 255;
  const AGREE = Buffer.from([IAC, 253, 0, IAC, 251, 0, IAC, 253, 1, IAC, 253, 3, IAC, 251, 3]);

  it('offers binary both ways, doubles 0xFF, and takes IAC BREAK', async () => {
    const show = guestElf(folder, 'show-lsr.elf', SHOW_LSR);
    const program = printkitWith('--serial', 'telnet:127.0.0.1:0', show);
    const peer = wire(await portOf(program));
    const greeting = [251, 1, 251, 3, 251, 0, 253, 3, 253, 0];
    const pairs = Array.from({ length: 5 }, (_, i) => [IAC, ...greeting.slice(2 * i, 2 * i + 2)]);
    await peer.gets(Buffer.from(pairs.flat()));
    const before = peer.input.length;
    peer.socket.write(AGREE);
    peer.socket.write(Buffer.from([0x41, IAC, IAC, 0x0d, 0x0a, IAC, 243, 0x0d, 0, 0x71]));
    expect(await program.ended).toBe(0);
    await until(() => peer.closed, 'the end');
    // LSR.BI before each byte; 0xFF comes back doubled, BREAK came in order, CR LF and NUL are data.
    expect([...peer.input.subarray(before)]).toEqual(
      [0, 0x41, 0, IAC, IAC, 0, 0x0d, 0, 0x0a, 16, 0, 0, 0x0d, 0, 0, 0, 0x71].map(Number),
    );
  });

  it('passes all 256 values both ways', async () => {
    const program = printkitWith('--serial', 'telnet:127.0.0.1:0', echo256);
    const peer = wire(await portOf(program));
    await until(() => peer.input.length === 15, 'the greeting');
    const doubled = Buffer.concat([ALL_BYTES, Buffer.from([IAC])]);
    peer.socket.write(Buffer.concat([AGREE, doubled]));
    expect(await program.ended).toBe(0);
    await until(() => peer.input.length === 15 + 257, 'the echo');
    expect(peer.input.subarray(15).equals(doubled)).toBe(true);
  });
});

describe('a unix socket', () => {
  it('passes all 256 values both ways, replaces a stale socket, and leaves none behind', async () => {
    const place = path.join(folder, 'socket');
    const stale = printkitWith('--serial', `unix:${place},server`, echo256);
    await stale.reports(/listening/);
    await stale.kill();
    const program = printkitWith('--serial', `unix:${place},server`, echo256);
    await program.reports(/listening/);
    const peer = new Wire(net.connect(place));
    peer.socket.write(ALL_BYTES);
    expect(await program.ended).toBe(0);
    await peer.gets(ALL_BYTES);
    expect(fs.existsSync(place)).toBe(false);
  });
});

describe.runIf(present('mkfifo'))('pipes', () => {
  it('pass all 256 values both ways through NAME.in and NAME.out', async () => {
    const place = path.join(folder, 'fifo');
    for (const side of ['in', 'out']) spawnSync('mkfifo', [`${place}.${side}`]);
    const program = printkitWith('--serial', `pipe:${place}`, echo256);
    const reader = new Program('cat', [`${place}.out`]);
    running.push(reader);
    const writer = fs.createWriteStream(`${place}.in`);
    writer.end(ALL_BYTES);
    expect(await program.ended).toBe(0);
    await until(() => reader.bytes === 256, '256 bytes');
    expect(reader.output.equals(ALL_BYTES)).toBe(true);
  });
});

describe('ends that only take', () => {
  it('null takes everything', async () => {
    expect(await printkitWith('--serial', 'null', pumpElf(folder, 65536)).ended).toBe(0);
  });

  it('a file holds every byte', async () => {
    const file = path.join(folder, 'out.bin');
    expect(await printkitWith('--serial', `file:${file}`, pumpElf(folder, 65536)).ended).toBe(0);
    expect(fs.readFileSync(file).equals(pumped(65536))).toBe(true);
    const again = printkitWith('--serial', `file:${file},append`, pumpElf(folder, 16));
    expect(await again.ended).toBe(0);
    expect(fs.statSync(file).size).toBe(65552);
  });
});

/** Writes `a` and a newline to ttyS0, `b` to ttyS1, and so on. */
const FOUR = [0, 1, 2, 3]
  .map(
    (n) => `
  li s0, UART + ${n * 0x100}
  li t0, 3
  sb t0, 3(s0)        # 8N1
  li t0, ${0x61 + n}
  sb t0, 0(s0)
  li t0, 10
  sb t0, 0(s0)
`,
  )
  .join('');

describe('several serials', () => {
  it('are ttyS0 to ttyS3', async () => {
    const four = guestElf(folder, 'four.elf', `${FOUR}${exitWith(0)}`);
    const files = [0, 1, 2, 3].map((n) => path.join(folder, `four${n}`));
    const serials = files.flatMap((file) => ['--serial', `file:${file}`]);
    expect(await printkitWith(...serials, four).ended).toBe(0);
    expect(files.map((file) => fs.readFileSync(file, 'latin1'))).toEqual([
      'a\n',
      'b\n',
      'c\n',
      'd\n',
    ]);
  });

  it('can be mirrored and logged, with host time stamps', async () => {
    const four = guestElf(folder, 'mirror.elf', `${FOUR}${exitWith(0)}`);
    const [main, mirror, log] = ['main', 'mirror', 'log'].map((name) => path.join(folder, name));
    const program = printkitWith(
      ...['--serial', 'null', '--serial', `file:${main}`, '--serial', 'null', '--serial', 'null'],
      ...['--mirror', `1=file:${mirror}`, '--log', `1=${log}`, '--log-time', four],
    );
    expect(await program.ended).toBe(0);
    expect(fs.readFileSync(main, 'latin1')).toBe('b\n');
    expect(fs.readFileSync(mirror, 'latin1')).toBe('b\n');
    expect(fs.readFileSync(log, 'latin1')).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] b\n$/);
  });

  it('a mirror types into the same serial', async () => {
    const both = echoElf(folder, 8);
    const server = 'tcp:127.0.0.1:0,server';
    const program = printkitWith('--serial', server, '--mirror', server, both);
    const [one, other] = [wire(await portOf(program, 0)), wire(await portOf(program, 1))];
    await program.reports(/attached\n.*attached\n/);
    one.socket.write('left');
    await until(() => other.input.length === 4, 'left at the other side');
    other.socket.write('side');
    expect(await program.ended).toBe(0);
    await one.gets(Buffer.from('leftside'));
    await other.gets(Buffer.from('leftside'));
  });
});
