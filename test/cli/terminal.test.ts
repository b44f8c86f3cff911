// `printkit run` on a terminal: a pseudo terminal of ours, with a process in it and keys typed.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openRawPty } from '../../src/lines/pty.ts';
import { CHATTER, ECHO, guestElf, scratchFolder } from './guest.ts';
import { CLI, ensureBuilt } from './printkit.ts';

ensureBuilt();
const folder = scratchFolder();
const echo = guestElf(folder, 'echo.elf', ECHO);
/** Says that it has begun, and echoes. */
const begins = guestElf(
  folder,
  'begins.elf',
  `li s0, UART\n li t0, 3\n sb t0, 3(s0)\n li t0, 'B'\n sb t0, 0(s0)\n${ECHO}`,
);
const chatter = guestElf(folder, 'chatter.elf', CHATTER);

/** A terminal window with printkit in it. */
class Window {
  readonly #pty = openRawPty();
  readonly #child;
  readonly #exit: Promise<number | null>;
  readonly before: string;
  #errors = '';
  #reading = true;
  screen = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    execFileSync('stty', ['sane'], { stdio: [this.#pty.slave, 'pipe', 'pipe'] });
    this.before = this.modes();
    const { slave } = this.#pty;
    this.#child = spawn(process.execPath, [CLI, 'run', ...args], {
      stdio: [slave, slave, 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#errors += bytes.toString()));
    this.#exit = new Promise((resolve) => this.#child.on('close', resolve));
    this.#poll();
  }

  get errors(): string {
    return this.#errors;
  }

  /** All settings of the terminal, as one word. */
  modes(): string {
    const stdio = [this.#pty.slave, 'pipe', 'pipe'] as const;
    return execFileSync('stty', ['-g'], { stdio: [...stdio], encoding: 'utf8' });
  }

  #poll(): void {
    const buffer = Buffer.alloc(65536);
    const tick = () => {
      if (this.#pty.master < 0) return;
      try {
        while (this.#reading) {
          const count = fs.readSync(this.#pty.master, buffer);
          // The terminal turns each newline, also those that have their return, into both.
          this.screen = (this.screen + buffer.toString('latin1', 0, count)).replace(
            /\r+\n/g,
            '\r\n',
          );
        }
      } catch {
        // nothing there
      }
      setTimeout(tick, 5).unref();
    };
    tick();
  }

  /** The window's program no longer reads: what a frozen terminal does. */
  freeze(): void {
    this.#reading = false;
  }

  type(keys: string): void {
    fs.writeSync(this.#pty.master, Buffer.from(keys, 'latin1'));
  }

  async shows(what: RegExp | string, ms = 20_000): Promise<void> {
    const deadline = Date.now() + ms;
    const shown = () =>
      typeof what === 'string' ? this.screen.includes(what) : what.test(this.screen);
    while (!shown()) {
      if (Date.now() > deadline) {
        throw new Error(`${String(what)} not in ${JSON.stringify(this.screen.slice(-400))}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  exit(): Promise<number | null> {
    return this.#exit;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

let open: Window | undefined;
const window = (args: readonly string[], env?: NodeJS.ProcessEnv) => (open = new Window(args, env));

afterEach(() => {
  open?.close();
  open = undefined;
});

describe('the console', () => {
  it('echoes through the guest, and not twice', async () => {
    const term = window([]);
    await term.shows(/printkit# $/);
    term.type('echo one two\r');
    await term.shows(/\nprintkit# echo one two\r\none two\r\nprintkit# $/);
    term.type('poweroff 9\r');
    expect(await term.exit()).toBe(9);
    expect(term.modes()).toBe(term.before);
  });

  it('passes control characters on instead of acting on them', async () => {
    const term = window([begins]);
    await term.shows('B');
    term.type('a\x03\x1a\x04\x11b');
    await term.shows('a\x03\x1a\x04\x11b');
    term.type('q');
    expect(await term.exit()).toBe(0);
  });
});

describe('a machine that the monitor has saved', () => {
  const file = path.join(folder, 'saved');
  const restore = (...args: string[]) => window(['--restore', file, ...args, begins]);

  it('goes on in another run, as often as one likes, and only as what it was', async () => {
    const first = window(['--smp', '2', begins]);
    await first.shows('B');
    first.type(`\x01csave ${file}\r`);
    await first.shows(`wrote ${file}`);
    first.type('save /no/such/folder/file\rquit\r');
    await first.shows('save: cannot write /no/such/folder/file: ENOENT');
    expect(await first.exit()).toBe(0);

    const again = restore('--smp', '2');
    again.type('hello');
    await again.shows('hello');
    expect(again.screen).not.toContain('B');
    again.type('q');
    expect(await again.exit()).toBe(0);

    const other = restore('--smp', '1');
    expect(await other.exit()).toBe(125);
    const reason = `--restore ${file}: saved machine: its number of harts is 2, this machine's is 1`;
    expect(other.errors).toBe(`printkit: ${reason}\n`);
  });
});

describe('keys after Ctrl-A', () => {
  it('x leaves', async () => {
    const term = window([]);
    await term.shows(/printkit# $/);
    term.type('\x01x');
    expect(await term.exit()).toBe(0);
    expect(term.modes()).toBe(term.before);
  });

  it('h helps, Ctrl-A goes to the guest', async () => {
    const term = window([begins]);
    await term.shows('B');
    term.type('\x01h');
    await term.shows(/Ctrl-A x {2}leave printkit/);
    term.type('\x01\x01!');
    await term.shows('\x01!');
  });

  it('another key can take its place', async () => {
    const term = window([echo, '--escape', '^B']);
    await new Promise((resolve) => setTimeout(resolve, 700));
    term.type('\x01x\x02h');
    await term.shows(/Ctrl-B x/);
    await term.shows('\x01x');
    term.type('\x02x');
    expect(await term.exit()).toBe(0);
  });

  it('c switches to the monitor and back', async () => {
    const term = window([]);
    await term.shows(/printkit# $/);
    term.type('\x01c');
    await term.shows(/printkit: monitor\r\n\(printkit\) $/);
    term.type('info uart\r');
    await term.shows(/uart0: 16550A, 115200 baud[^]*LSR[^]*counters/);
    term.type('info irq\rinfo harts\rinfo lines\r');
    await term.shows(/hart 3: waits in wfi[^]*serial0: \d+ bytes out/);
    term.type('frob\r');
    await term.shows(/unknown command "frob"; try help/);
    term.type('\x01c');
    await term.shows(/printkit: serial0/);
    term.type('echo back\r');
    await term.shows(/\r\nback\r\n/);
  });

  it('c switches between serials; output in the background is kept', async () => {
    const term = window(['--serial', 'stdio', '--serial', 'stdio']);
    await term.shows(/printkit# $/);
    term.type('\x01c');
    await term.shows(/printkit: serial1/);
    term.type('\x01c');
    await term.shows(/printkit: monitor/);
    term.type('inject parity 0\rmodem dcd off 1\rinfo uart 1\r');
    await term.shows(/inputs +CTS DSR\r/);
  });

  it('t puts host times in front of lines, l switches the log', async () => {
    const log = path.join(folder, 'log.txt');
    const term = window(['--log', log, '--log-time']);
    await term.shows(/printkit# $/);
    term.type('\x01t');
    await term.shows(/time stamps on/);
    term.type('\x01l');
    await term.shows(/log off/);
    term.type('echo off\r');
    await term.shows(/\[\d\d:\d\d:\d\d\.\d{3}\] off\r\n/);
    term.type('\x01lpoweroff\r');
    await term.exit();
    const text = fs.readFileSync(log, 'utf8');
    expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] \[ +0\.\d+\] Booting/);
    expect(text).not.toContain('echo off');
    expect(text).toContain('Power down');
  });

  it('stop and cont freeze and go on', async () => {
    const term = window([begins]);
    await term.shows('B');
    term.type('\x01cstop\r');
    await term.shows(/stop\r\n/);
    term.type('\x01cabc');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(term.screen).not.toMatch(/abc/);
    term.type('\x01ccont\r\x01c');
    await term.shows(/abc/);
  });
});

describe('the terminal is given back', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('on %s', async (signal, code) => {
    const term = window([]);
    await term.shows(/printkit# $/);
    expect(term.modes()).not.toBe(term.before);
    term.kill(signal);
    expect(await term.exit()).toBe(code);
    expect(term.modes()).toBe(term.before);
  });

  it('when printkit itself crashes', async () => {
    const bomb = path.join(folder, 'bomb.mjs');
    fs.writeFileSync(bomb, "setTimeout(() => { throw new Error('bomb'); }, 2500);");
    const term = window([echo], { NODE_OPTIONS: `--import ${bomb}` });
    expect(await term.exit()).toBe(125);
    expect(term.errors).toMatch(/internal error: Error: bomb/);
    expect(term.modes()).toBe(term.before);
  });

  it('when the guest dies, with its report', async () => {
    const term = window([]);
    await term.shows(/printkit# $/);
    term.type('panic\r');
    expect(await term.exit()).toBe(134);
    expect(term.errors).toMatch(/guest died/);
    expect(term.modes()).toBe(term.before);
  });

  it('when its window is frozen and printkit is told to end', async () => {
    const term = window([chatter, '--no-baud']);
    await term.shows(/aaaa/);
    term.freeze();
    await new Promise((resolve) => setTimeout(resolve, 500));
    term.kill('SIGTERM');
    expect(await term.exit()).toBe(143);
    expect(term.errors).toMatch(/bytes of output were not read/);
    expect(term.modes()).toBe(term.before);
  });
});
