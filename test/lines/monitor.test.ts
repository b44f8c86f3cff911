// What the monitor and the escape keys do to a guest: BREAK, NMI, modem inputs and injected errors
// arrive there. (The terminal itself: test/cli/terminal.test.ts.) The terminal is tmux.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, it } from 'vitest';
import { exitWith, guestElf, scratchFolder } from '../cli/guest.ts';
import { CLI, ensureBuilt } from '../cli/printkit.ts';
import { present, until } from './peers.ts';

ensureBuilt();
const folder = scratchFolder();

/** Each session has a server of its own: one that is about to end takes no more. */
let server = 0;
const tmux = (...args: string[]): string =>
  execFileSync('tmux', ['-S', path.join(folder, `tmux${server}`), '-f', '/dev/null', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
const stopTmux = () => {
  try {
    tmux('kill-server');
  } catch {
    // There is none.
  }
};
afterEach(stopTmux);
afterAll(stopTmux);

const screen = () => tmux('capture-pane', '-p', '-J', '-S', '-500').trimEnd();
const shows = (pattern: RegExp) =>
  until(() => pattern.test(screen()), `${String(pattern)} on\n${screen()}`);

/** Starts printkit in a window; its exit code is shown when it ends. */
async function open(...args: string[]): Promise<void> {
  const command = [process.execPath, CLI, 'run', '--smp', '1', ...args].join(' ');
  fs.writeFileSync(path.join(folder, 'script'), `${command}; echo "code $?"; sleep 60`);
  server++;
  tmux('new-session', '-d', '-x', '200', '-y', '50', `sh ${path.join(folder, 'script')}`);
  await until(() => screen() !== '', 'a first sign');
}

const keys = (...names: string[]) => void tmux('send-keys', ...names);
async function command(text: string): Promise<void> {
  tmux('send-keys', '-l', text);
  tmux('send-keys', 'Enter');
  await shows(new RegExp(`\\(printkit\\) ${text}\\n`));
}

/**
 * Shows a line for whatever comes, a character or a modem change: `@` + LSR 4:1 of it, `@` + MSR 7:4.
 * Letter q powers off.
 */
const WATCHER = `
  li s0, UART
  li t0, 1
  sb t0, 2(s0)
  li t0, 3
  sb t0, 3(s0)
  li t0, 'r'
  sb t0, 0(s0)
  li t0, 5
  sb t0, 1(s0)        # IER: data and line status
  lbu s2, 6(s0)
  srli s2, s2, 4
look:
  lbu s1, 5(s0)
  andi t0, s1, 0x1f
  bnez t0, event
  lbu t1, 6(s0)
  srli t1, t1, 4
  beq t1, s2, look
  mv s2, t1
event:
  andi t0, s1, 1
  beqz t0, show
  lbu t0, 0(s0)
  li t1, 'q'
  beq t0, t1, off
show:
  srli s1, s1, 1
  andi s1, s1, 15
  addi t0, s1, '@'
  jal put
  addi t0, s2, '@'
  jal put
  li t0, 13
  jal put
  li t0, 10
  jal put
  j look
put:
  lbu t1, 5(s0)
  andi t2, t1, 0x20
  beqz t2, put
  sb t0, 0(s0)
  ret
off:
  ${exitWith(0)}
`;

/** LSR 4:1 as the watcher shows it: BI, FE, PE, OE. */
const errors = (bits: number) => String.fromCharCode(0x40 + bits);

describe.runIf(present('tmux'))('the monitor', () => {
  it('and the escape keys reach the guest', async () => {
    const elf = guestElf(folder, 'watcher.elf', WATCHER);
    const log = path.join(folder, 'watched');
    // Polling takes a host's whole time: a slower guest keeps up with the clock.
    await open('--ns-per-instruction', '200', '--log', log, elf);
    const guestShows = (line: string) =>
      until(
        () =>
          fs
            .readFileSync(log, 'latin1')
            .split(/[r\r\n]+/)
            .includes(line),
        `${line} from the guest, which shows ${fs.readFileSync(log, 'latin1')} at\n${screen()}`,
      );
    await until(() => fs.existsSync(log) && fs.readFileSync(log, 'latin1') === 'r', 'the guest');
    keys('C-a', 'b');
    await guestShows(`${errors(0b1100)}K`); // BI and FE; CTS, DSR and DCD
    keys('C-a', 'c');
    await shows(/printkit: monitor/);
    await command('inject parity');
    await guestShows(`${errors(0b0010)}K`);
    await command('inject framing');
    await guestShows(`${errors(0b0100)}K`);
    await command('inject overrun');
    await guestShows(`${errors(0b0001)}K`);
    await command('modem cts off');
    await guestShows('@J');
    await command('info uart');
    await shows(/uart0: 16550A, [^]*LSR +0x[^]*MSR +0x[^]*receiver[^]*transmitter[^]*counters/);
    await shows(/inputs +DSR DCD\n/);
    await shows(/power +awake/);
    await command('info irq');
    await shows(/hart 0: interrupts off[^]*uart0: line/);
    await command('info harts');
    await shows(/hart 0: runs at 0x8000[0-9a-f]{4}/);
    await command('modem cts on');
    await guestShows('@K');
    await command('quit');
    await shows(/code 0/);
  });

  it('raises an NMI', async () => {
    await open('--ns-per-instruction', '100');
    await shows(/printkit#/);
    keys('C-a', 'c');
    await shows(/printkit: monitor/);
    await command('nmi 0');
    keys('C-a', 'c');
    await shows(/NMI|nmi.*hart|Non-maskable/i);
  });

  it('freezes and thaws virtual time, shows stamps, and says what a wrong command should be', async () => {
    await open('--ns-per-instruction', '100');
    await shows(/printkit#/);
    keys('C-a', 'c');
    await shows(/printkit: monitor/);
    for (const [wrong, answer] of [
      ['modem cts maybe', /on or off\?; usage: modem cts/],
      ['inject noise', /which error\?; usage: inject parity/],
      ['nmi 7', /there is no hart 7; usage: nmi/],
      ['info weather', /about what\?; usage: info/],
    ] as const) {
      await command(wrong);
      await shows(answer);
    }
    keys('C-a', 't', 'C-a', 'h', 'C-a', 'l');
    await shows(/time stamps on[^]*leave printkit[^]*there is no log/);
    keys('C-a', 'x');
    await shows(/code 0/);
  });
});
