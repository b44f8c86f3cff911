// Readers that stop reading: the guest waits (its virtual time stands still when unpaced; when paced
// its UART holds what it sends), printkit itself stays awake, and no byte is lost.

import net from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CHATTER, guestElf, scratchFolder } from '../cli/guest.ts';
import { CLI, ensureBuilt, type Running, start } from '../cli/printkit.ts';
import { pumped, pumpElf } from './guests.ts';
import { present, Program, sleep, until } from './peers.ts';

ensureBuilt();
const folder = scratchFolder();
/** More than the buffers of the kernel and ours hold together. */
const BYTES = 8 * 1024 * 1024;
const LIVE = ['--serial', 'tcp:127.0.0.1:0,server'];
const RUN = [CLI, 'run', '--smp', '1', '--no-baud'];
const programs: Program[] = [];

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()));
});

function run(command: string, ...args: string[]): Program {
  const program = new Program(command, args);
  programs.push(program);
  return program;
}

const printkit = (...args: string[]) => run(process.execPath, ...RUN, ...args);

const ports = (errors: string) => [...errors.matchAll(/listening on 127\.0\.0\.1:(\d+)/g)];

/** The event loop turns: serial 1 takes a connection and says so. */
async function expectAlive(errors: () => string): Promise<void> {
  await until(() => ports(errors()).length > 0, 'the port of serial 1');
  const socket = net.connect(Number(ports(errors()).at(-1)?.[1]), '127.0.0.1');
  await until(() => errors().includes('serial1: attached'), 'an answer of the event loop', 5000);
  socket.destroy();
}

/** Waits until a count has stood still for a while. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; ;) {
    if (count() === before && before > 0) return before;
    before = count();
    await sleep(300);
  }
}

describe('a slow reader', () => {
  it.each(['--unpaced', '--paced'])(
    'of TCP holds the guest up, nothing is lost (%s)',
    async (pace) => {
      const serial = ['--serial', 'tcp:127.0.0.1:0,server'];
      const program = printkit(pace, ...serial, ...LIVE, pumpElf(folder, BYTES, 'ask'));
      await until(() => ports(program.errors).length === 2, 'the ports');
      const socket = net.connect(Number(ports(program.errors)[0][1]), '127.0.0.1');
      const pieces: Buffer[] = [];
      let count = 0;
      socket.on('data', (bytes: Buffer) => {
        if (count === 0) socket.pause();
        pieces.push(bytes);
        count += bytes.length;
      });
      socket.write('x');
      await until(() => count > 0, 'the first bytes');
      await sleep(500);
      await expectAlive(() => program.errors);
      expect(program.child.exitCode).toBeNull();
      socket.resume();
      expect(await program.ended).toBe(0);
      await until(() => count === BYTES, 'all bytes');
      expect(Buffer.concat(pieces).equals(pumped(BYTES))).toBe(true);
    },
  );

  it('of standard output through a pipe holds the guest up, nothing is lost', async () => {
    const child: Running = start([
      ...RUN.slice(1),
      ...['--unpaced', '--serial', 'stdio', ...LIVE, pumpElf(folder, BYTES)],
    ]);
    let errors = '';
    child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString('latin1')));
    await expectAlive(() => errors);
    await sleep(500);
    expect(child.exitCode).toBeNull();
    const pieces: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => pieces.push(bytes));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(0);
    expect(Buffer.concat(pieces).equals(pumped(BYTES))).toBe(true);
  });
});

describe.runIf(present('socat'))('a stopped terminal', () => {
  it('at a pty holds the guest up, nothing is lost', async () => {
    const link = path.join(folder, 'stalled');
    const serial = ['--serial', `pty:${link}`];
    const program = printkit('--unpaced', ...serial, ...LIVE, pumpElf(folder, BYTES, 'ask'));
    await program.reports(/listening/);
    const peer = run('socat', '-', `${link},raw,echo=0`);
    peer.send('x');
    await until(() => peer.bytes > 0, 'the first bytes');
    peer.child.kill('SIGSTOP');
    await settled(() => peer.bytes);
    await expectAlive(() => program.errors);
    expect(program.child.exitCode).toBeNull();
    peer.child.kill('SIGCONT');
    expect(await program.ended).toBe(0);
    await until(() => peer.bytes === BYTES, 'all bytes');
    expect(peer.output.equals(pumped(BYTES))).toBe(true);
  });

  it('on standard output holds the guest up, and quitting still works', async () => {
    const chatter = guestElf(folder, 'chatter.elf', CHATTER);
    const command = [process.execPath, ...RUN, '--serial', 'stdio', ...LIVE, chatter].join(' ');
    const terminal = run('socat', `EXEC:"${command.replaceAll(':', '\\:')}",pty,rawer`, '-');
    await until(() => terminal.bytes > 0, 'the first bytes');
    terminal.child.kill('SIGSTOP');
    await settled(() => terminal.bytes);
    await expectAlive(() => terminal.errors);
    terminal.send('\x01x');
    await sleep(300);
    terminal.child.kill('SIGCONT');
    await terminal.reports(/bytes of output were not read|\r\n$/, 10_000);
    await terminal.ended;
    expect(terminal.text).toMatch(/^[a]+/);
  });
});

describe('a reader that never comes back', () => {
  it('does not keep printkit from ending on SIGTERM, which says what was not read', async () => {
    const child = start([
      ...RUN.slice(1),
      '--unpaced',
      '--serial',
      'stdio',
      pumpElf(folder, BYTES),
    ]);
    let errors = '';
    child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString('latin1')));
    await sleep(1500);
    child.kill('SIGTERM');
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).toBe(143);
    expect(errors).toMatch(/^printkit: \d+ bytes of output were not read\n$/);
  });
});
