// `--serial pty`: terminal programs come and go at a pseudo terminal, and nothing is lost while one is
// there. Peers: picocom (in a tmux of its own), socat, and the serialport package.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { ECHO, exitWith, guestElf, scratchFolder } from '../cli/guest.ts';
import { CLI, ensureBuilt, printkit } from '../cli/printkit.ts';
import { pumped, pumpElf } from './guests.ts';
import { present, Program, sleep, until } from './peers.ts';

ensureBuilt();
const folder = scratchFolder();
const echo = guestElf(folder, 'echo.elf', ECHO);
const running: Program[] = [];
let links = 0;

afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.kill()));
});

function printkitOn(...args: string[]): Program {
  const program = new Program(process.execPath, [CLI, 'run', '--smp', '1', ...args]);
  running.push(program);
  return program;
}

/** A printkit whose ttyS0 is behind a link. */
async function withLink(...args: string[]): Promise<{ program: Program; link: string }> {
  const link = path.join(folder, `tty${links++}`);
  const program = printkitOn('--serial', `pty:${link}`, ...args);
  await program.reports(/serial0: \/dev\/pts\/\d+ \(/);
  return { program, link };
}

function socat(link: string): Program {
  const program = new Program('socat', ['-b', '65536', '-', `${link},raw,echo=0`]);
  running.push(program);
  return program;
}

/** Each session has a server of its own: one that is about to end takes no more. */
let server = 0;
const tmux = (...args: string[]): string =>
  execFileSync('tmux', ['-S', path.join(folder, `tmux${server}`), '-f', '/dev/null', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
afterAll(() => {
  try {
    tmux('kill-server');
  } catch {
    // It was never started.
  }
});

/** Prints MSR's carrier bit when it changes: `1` or `0`; `q` powers off. */
const CARRIER = `
  li s0, UART
  li t0, 3
  sb t0, 3(s0)
  li s1, -1
  li t0, 1
  sb t0, 1(s0)        # IER.0, so that input is let in
look:
  lbu t0, 5(s0)
  andi t0, t0, 1
  bnez t0, read
  lbu t0, 6(s0)
  srli t0, t0, 7
  beq t0, s1, look
  mv s1, t0
  addi t0, t0, '0'
full:
  lbu t1, 5(s0)
  andi t1, t1, 0x20
  beqz t1, full
  sb t0, 0(s0)
  j look
read:
  lbu t0, 0(s0)
  li t1, 'q'
  bne t0, t1, look
  ${exitWith(0)}
`;

describe.runIf(present('socat'))('a pty with socat', () => {
  it('is where --serial pty says it is', async () => {
    const program = printkitOn('--unpaced', '--serial', 'pty', echo);
    await program.reports(/^serial0: \/dev\/pts\/\d+\n/);
    const peer = socat(/\/dev\/pts\/\d+/.exec(program.errors)?.[0] ?? '');
    peer.send('hello');
    await peer.says(/^hello$/);
    peer.send('q');
    expect(await program.ended).toBe(0);
  });

  it('lets a program attach, detach and attach again, both ways', async () => {
    const { program, link } = await withLink('--unpaced', echo);
    for (const text of ['first', 'second', 'third']) {
      const peer = socat(link);
      peer.send(text);
      await peer.says(new RegExp(`^${text}$`));
      await peer.kill('SIGTERM');
    }
    await program.reports(/(serial0: attached\nserial0: detached\n){3}/);
    socat(link).send('q');
    expect(await program.ended).toBe(0);
    expect(fs.existsSync(link), 'the link is gone with the pty').toBe(false);
  });

  it('shows the guest attach and detach as carrier', async () => {
    const carrier = guestElf(folder, 'carrier.elf', CARRIER);
    const log = path.join(folder, 'carrier.log');
    const { program, link } = await withLink('--unpaced', '--log', log, carrier);
    const logged = (text: string) =>
      until(() => fs.existsSync(log) && fs.readFileSync(log, 'latin1') === text, `carrier ${text}`);
    await logged('0');
    const peer = socat(link);
    await logged('01');
    await peer.kill('SIGTERM');
    await logged('010');
    socat(link).send('q');
    expect(await program.ended).toBe(0);
    expect(fs.readFileSync(log, 'latin1')).toBe('0101');
  });

  it('replays what came before to a late reader', async () => {
    const { program, link } = await withLink('--unpaced');
    await sleep(300);
    const peer = socat(link);
    await peer.says(/^\[ +0\.\d{6}\] [^]*printkit# $/);
    peer.send('poweroff\n');
    expect(await program.ended).toBe(0);
    expect(peer.text).toMatch(/Power down\r\n$/);
  });

  it('keeps the newest output for a late reader and says how much it had to drop', async () => {
    const bytes = 4096;
    const { program, link } = await withLink('--backlog', '1000', ...held(bytes));
    await sleep(500);
    const peer = socat(link);
    await program.reports(/serial0: 3096 bytes of older output were dropped unread\n/);
    await until(() => peer.bytes === 1000, 'the backlog');
    expect(peer.output.equals(pumped(bytes).subarray(-1000))).toBe(true);
  });

  it('says at the end what nobody has read', async () => {
    const { program } = await withLink('--no-baud', '--backlog', '1000', pumpElf(folder, 4096));
    expect(await program.ended).toBe(0);
    expect(program.errors).toMatch(/printkit: 4096 bytes of output were not read\n$/);
  });

  it('gives what one reader left unread to the next', async () => {
    const bytes = 65536;
    const { program, link } = await withLink(...held(bytes));
    // Reads a little, and then only has the port open.
    const reading = 'exec <"$1"; head -c 1000; exec sleep 60';
    const first = new Program('sh', ['-c', reading, 'sh', link]);
    running.push(first);
    await until(() => first.bytes === 1000, 'the first bytes');
    first.child.kill('SIGKILL');
    await program.reports(/detached/);
    // The second one flushes the port when it opens it, as many terminal programs do.
    const { SerialPort } = await import('serialport');
    const port = new SerialPort({ path: link, baudRate: 115200 });
    let second: Buffer = Buffer.alloc(0);
    port.on('data', (piece: Buffer) => (second = Buffer.concat([second, piece])));
    await until(() => second.subarray(-64).equals(pumped(bytes).subarray(-64)), 'the end');
    expect(second.equals(pumped(bytes).subarray(-second.length))).toBe(true);
    // What was in the hands of the first one when it was killed is not ours any more.
    expect(second.length).toBeGreaterThan(bytes - first.bytes - 5000);
    await new Promise((resolve) => port.close(resolve));
  });
});

/** A guest that stays after it has said its part. */
function held(bytes: number): string[] {
  return ['--unpaced', '--no-baud', pumpElf(folder, bytes, 'stay')];
}

describe.runIf(present('picocom') && present('tmux'))('a pty with picocom', () => {
  it('talks both ways, and again after it has left', async () => {
    const { program, link } = await withLink('--paced');
    const screen = () => tmux('capture-pane', '-p', '-S', '-200');
    for (const word of ['first', 'second']) {
      server++;
      tmux('new-session', '-d', '-x', '100', '-y', '40', `picocom -q -b 115200 --nolock ${link}`);
      await until(() => program.errors.endsWith('attached\n'), 'picocom');
      if (word === 'first') await until(() => screen().includes('printkit#'), 'the prompt');
      tmux('send-keys', `echo ${word} word`, 'Enter');
      await until(() => screen().includes(`\n${word} word\n`), `the answer to ${word}`);
      if (word === 'first') expect(screen()).toMatch(/\[ +0\.\d{6}\] /);
      tmux('send-keys', 'C-a', 'C-x');
      await until(() => program.errors.endsWith('detached\n'), 'picocom to leave');
    }
    await program.kill('SIGTERM');
  });
});

describe('a pty with the serialport package', () => {
  it('opens, talks both ways at any rate, closes and opens again', async () => {
    const { SerialPort } = await import('serialport');
    const { program, link } = await withLink('--unpaced', echo);
    for (const baudRate of [9600, 115200]) {
      const port = new SerialPort({ path: link, baudRate });
      let text = '';
      port.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
      await new Promise((resolve) => port.once('open', resolve));
      port.write(`at ${baudRate}`);
      await until(() => text === `at ${baudRate}`, 'the echo');
      await new Promise((resolve) => port.close(resolve));
      await until(() => program.errors.endsWith('detached\n'), 'the end of carrier');
    }
  });
});

describe('the link', () => {
  it('of an earlier run that did not end well is replaced', async () => {
    const { program, link } = await withLink('--unpaced', echo);
    const before = fs.readlinkSync(link);
    await program.kill('SIGKILL');
    expect(fs.readlinkSync(link)).toBe(before);
    const next = printkitOn('--unpaced', '--serial', `pty:${link}`, echo);
    await next.reports(/serial0: \/dev\/pts\/\d+ \(/);
    expect(fs.existsSync(link)).toBe(true);
    await next.kill('SIGTERM');
    expect(fs.lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('that is somebody else’s stays as it is', async () => {
    const link = path.join(folder, 'theirs');
    fs.symlinkSync(folder, link);
    const result = await printkit(['run', '--serial', `pty:${link}`, echo]);
    expect(result).toMatchObject({ code: 125, stdout: '' });
    expect(result.stderr).toMatch(/^printkit: cannot make the link \S+theirs: it exists;[^\n]*\n$/);
    expect(fs.readlinkSync(link)).toBe(folder);
  });
});
