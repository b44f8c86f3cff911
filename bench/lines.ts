// Serial lines: bytes per second from a guest that writes as fast as it can, through the same kind of
// end as QEMU's with the very same guest; the pace of a real baud rate; the way of one typed character
// through a pty to the guest and back.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { scratchFolder } from '../test/cli/guest.ts';
import { echoElf, pumpElf } from '../test/lines/guests.ts';
import { CLI, present, QEMU } from './processes.ts';
import { type Row, skipped } from './row.ts';

const SHORT_BYTES = 64 * 1024;
const LONG_BYTES = 1536 * 1024;
const REPEATS = 2;
const PACED_SECONDS = 10;
const BAUD_BYTES = 11_520;
const KEYS = 60;
const TIMEOUT_MS = 60_000;
/** No byte for so long: no more will come. */
const STALLED_MS = 3000;

/** Bytes per second, and what never arrived. */
interface Measured {
  readonly perSecond: number;
  readonly missing: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A program under way, with what it says about where its end is. */
class Host {
  readonly child: ChildProcess;
  said = '';
  readonly ended: Promise<number>;

  constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    const listen = (bytes: Buffer) => (this.said += bytes.toString('latin1'));
    this.child.stdout?.on('data', listen);
    this.child.stderr?.on('data', listen);
    this.ended = new Promise((resolve) => {
      this.child.on('close', () => resolve(performance.now()));
    });
  }

  async says(pattern: RegExp): Promise<string> {
    for (const limit = performance.now() + 10_000; performance.now() < limit; await sleep(2)) {
      const found = pattern.exec(this.said);
      if (found !== null) return found[1];
    }
    throw new Error(`${String(pattern)} did not come, but: ${this.said}`);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

const onPrintkit = (serial: string, elf: string): Host =>
  new Host(process.execPath, [
    ...[CLI, 'run', '--smp', '1', '--unpaced', '--no-baud', '--serial', serial, elf],
  ]);

const onQemu = (serial: string, elf: string): Host =>
  new Host(QEMU, [
    ...['-M', 'virt', '-smp', '1', '-m', '64M', '-bios', 'none', '-display', 'none'],
    ...['-monitor', 'none', '-serial', serial, '-kernel', elf],
  ]);

type Start = (serial: string, elf: string) => Host;

/**
 * Bytes per second between the first piece and the last byte. Asks for them until they come: QEMU
 * drops what arrives before the guest has set up its UART, or before it has noticed a pty's reader.
 */
async function rate(
  stream: NodeJS.ReadableStream,
  ask: (text: string) => void,
  bytes: number,
): Promise<Measured> {
  const asking = setInterval(() => ask('x'), 100);
  let first = 0;
  let firstMs = 0;
  let lastMs = 0;
  let count = 0;
  return new Promise((resolve) => {
    const done = () => {
      clearInterval(asking);
      clearInterval(watching);
      const perSecond = ((count - first) * 1000) / (lastMs - firstMs);
      resolve({ perSecond, missing: bytes - count });
    };
    const watching = setInterval(() => {
      if (count > 0 && performance.now() - lastMs > STALLED_MS) done();
    }, 100);
    stream.on('data', (piece: Buffer) => {
      clearInterval(asking);
      lastMs = performance.now();
      if (count === 0) [first, firstMs] = [piece.length, lastMs];
      count += piece.length;
      if (count >= bytes) done();
    });
    stream.on('end', done);
  });
}

async function throughPty(host: Host, bytes: number): Promise<Measured> {
  const path = await host.says(/(\/dev\/pts\/\d+)/);
  const socat = spawn('socat', ['-b', '65536', '-', `${path},raw,echo=0`]);
  try {
    return await rate(socat.stdout, (text) => socat.stdin.write(text), bytes);
  } finally {
    socat.kill();
    await host.stop();
  }
}

async function throughTcp(host: Host, port: number, bytes: number): Promise<Measured> {
  const socket = await connect(port);
  try {
    return await rate(socket, (text) => socket.write(text), bytes);
  } finally {
    socket.destroy();
    await host.stop();
  }
}

async function connect(port: number): Promise<net.Socket> {
  for (let tries = 0; ; tries++) {
    const socket = net.connect(port, '127.0.0.1');
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (connected) return socket;
    if (tries > 200) throw new Error(`nobody listens on port ${port}`);
    await sleep(20);
  }
}

/** A port that is free right now. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Two lengths are subtracted, so that starting up does not count. */
async function intoFile(start: Start, folder: string): Promise<Measured> {
  const milliseconds: number[] = [];
  let missing = 0;
  for (const bytes of [SHORT_BYTES, LONG_BYTES]) {
    const begin = performance.now();
    milliseconds.push((await start(`file:${folder}/out`, pumpElf(folder, bytes)).ended) - begin);
    const { size } = fs.statSync(`${folder}/out`);
    missing += bytes - size;
  }
  const perSecond = ((LONG_BYTES - SHORT_BYTES) * 1000) / (milliseconds[1] - milliseconds[0]);
  return { perSecond, missing };
}

type Measure = (start: Start, server: string) => Promise<Measured>;

async function compared(name: string, measure: Measure): Promise<Row> {
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    ours.push(await measure(onPrintkit, 'server'));
    if (present(QEMU)) theirs.push(await measure(onQemu, 'server=on,wait=on'));
  }
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB/s`;
  const best = (all: Measured[]) => Math.max(...all.map(({ perSecond }) => perSecond));
  const lost = (all: Measured[]) => all.reduce((sum, { missing }) => sum + missing, 0);
  const value = kib(best(ours)) + (lost(ours) > 0 ? `, ${lost(ours)} lost` : '');
  if (theirs.length === 0) return { name, value };
  const ratio = best(ours) / best(theirs);
  const theirLoss = lost(theirs) > 0 ? `, ${lost(theirs)} bytes lost` : '';
  return {
    name,
    value,
    target: '≥ 1 × QEMU',
    pass: ratio >= 1 && lost(ours) === 0,
    peer: `${ratio.toFixed(1)} × QEMU (${kib(best(theirs))}${theirLoss})`,
  };
}

/** What arrives within ten seconds at 115200 8N1. */
async function paced(folder: string): Promise<Row> {
  const port = await freePort();
  const elf = pumpElf(folder, (PACED_SECONDS + 3) * BAUD_BYTES, 'ask');
  const host = new Host(process.execPath, [
    ...[CLI, 'run', '--smp', '1', '--paced', '--serial', `tcp:127.0.0.1:${port},server`, elf],
  ]);
  const socket = await connect(port);
  let count = 0;
  let begin = 0;
  let beginCount = 0;
  const perSecond = await new Promise<number>((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      const now = performance.now();
      count += bytes.length;
      // The first second goes to warming up.
      if (begin === 0 && count > BAUD_BYTES) [begin, beginCount] = [now, count];
      if (begin > 0 && now - begin >= 1000 * PACED_SECONDS) {
        resolve(((count - beginCount) * 1000) / (now - begin));
      }
    });
    socket.write('x');
  });
  socket.destroy();
  await host.stop();
  const off = perSecond / BAUD_BYTES - 1;
  return {
    name: `115200 8N1 paced, ${PACED_SECONDS} s`,
    value: `${perSecond.toFixed(0)} B/s`,
    target: '± 0.5 %',
    pass: Math.abs(off) <= 0.005,
    peer: `${(100 * off).toFixed(2)} % off ${BAUD_BYTES} B/s`,
  };
}

/** One key at a time, as somebody types them. */
async function roundTrip(folder: string): Promise<Row> {
  const name = 'key through pty, guest echo, and back, median';
  const link = `${folder}/tty`;
  const host = new Host(process.execPath, [
    ...[CLI, 'run', '--smp', '1', '--unpaced', '--serial', `pty:${link}`, echoElf(folder, 1 << 20)],
  ]);
  await host.says(/(\/dev\/pts\/\d+)/);
  const { SerialPort } = await import('serialport');
  const port = new SerialPort({ path: link, baudRate: 115200 });
  await new Promise((resolve) => port.once('open', resolve));
  await sleep(200);
  const times: number[] = [];
  for (let key = 0; key < KEYS; key++) {
    const begin = performance.now();
    const echoed = new Promise((resolve) => port.once('data', resolve));
    port.write(Uint8Array.of(0x41 + (key % 26)));
    await echoed;
    times.push(performance.now() - begin);
    await sleep(40 + ((key * 37) % 90));
  }
  await new Promise((resolve) => port.close(resolve));
  await host.stop();
  times.sort((a, b) => a - b);
  const at = (part: number): string => times[Math.floor(part * times.length)].toFixed(2);
  return {
    name,
    value: `${at(0.5)} ms`,
    target: '< 2 ms',
    pass: Number(at(0.5)) < 2,
    peer: `10 % ${at(0.1)} ms, 90 % ${at(0.9)} ms`,
  };
}

export async function lines(): Promise<Row[]> {
  const folder = scratchFolder();
  const output = 'guest output without baud rate';
  const rows: Row[] = [];
  rows.push(await compared(`${output}, file`, (start) => intoFile(start, folder)));
  rows.push(
    await compared(`${output}, TCP`, async (start, server) => {
      const port = await freePort();
      const elf = pumpElf(folder, LONG_BYTES, 'ask');
      return throughTcp(start(`tcp:127.0.0.1:${port},${server}`, elf), port, LONG_BYTES);
    }),
  );
  rows.push(
    spawnSync('socat', ['-V']).status === 0
      ? await compared(`${output}, pty`, (start) =>
          throughPty(start('pty', pumpElf(folder, LONG_BYTES, 'ask')), LONG_BYTES),
        )
      : skipped(`${output}, pty`, 'socat is not installed'),
  );
  rows.push(await roundTrip(folder));
  rows.push(await paced(folder));
  return rows;
}
