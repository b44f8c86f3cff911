// `printkit run` without a terminal: exit codes, determinism, statistics, ends of all kinds.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHATTER, ECHO, exitWith, guestElf, scratchFolder } from './guest.ts';
import { ensureBuilt, finish, printkit, start, waitFor } from './printkit.ts';

ensureBuilt();
const folder = scratchFolder();
const echo = guestElf(folder, 'echo.elf', ECHO);
const chatter = guestElf(folder, 'chatter.elf', CHATTER);

/** All that `--stats` says but the wall time. */
const counts = (stderr: string) => stderr.replace(/wall time.*/, '');

describe('the firmware', () => {
  it('boots, answers piped commands and powers off', async () => {
    const result = await printkit(['run', '--unpaced', '--stats'], 'help\npoweroff\n');
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^\[ +0\.\d{6}\] /);
    expect(result.stdout).toMatch(/help\r\n[^]*poweroff[^]*poweroff\r\n/);
    expect(result.stderr).toMatch(/^printkit: hart 0: [\d,]+ instructions\n/);
    expect(result.stderr).toMatch(/hart 3: .*\nprintkit: total: .*\nprintkit: virtual time: 0\./);
    expect(result.stderr).toMatch(/wall time: \d+\.\d{3} s, [\d.]+ MIPS\n$/);
  });

  it('does the same again, to the byte and to the instruction, however its input is cut', async () => {
    const input = 'uptime\necho one two\ninterrupts\npoweroff\n';
    const whole = await printkit(['run', '--stats'], input);
    const child = start(['run', '--stats']);
    const cut = finish(child);
    for (const piece of [input.slice(0, 3), input.slice(3, 30), input.slice(30)]) {
      child.stdin.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    child.stdin.end();
    const { code, stdout, stderr } = await cut;
    expect({ code, stdout }).toEqual({ code: 0, stdout: whole.stdout });
    expect(counts(stderr)).toBe(counts(whole.stderr));
  });

  it('takes input that answers what it printed', async () => {
    const child = start(['run']);
    const result = finish(child);
    await waitFor(child.stdout, /printkit# $/);
    child.stdin.write('echo h$i\n');
    await waitFor(child.stdout, /\r\nh\$i\r\n/);
    child.stdin.write('poweroff 7\n'); // and standard input stays open
    expect((await result).code).toBe(7);
  });

  it('runs on when standard input ends, until there is nothing left to do', async () => {
    const result = await printkit(['run'], 'uptime\n');
    expect(result.code).toBe(124);
    expect(result.stdout).toMatch(/up 0:00:\d\d.*\r\nprintkit# $/);
    expect(result.stderr).toBe('printkit: the guest waits for input, and the input has ended\n');
  });

  it('runs on without input after a while, and says so', async () => {
    const child = start(['run']);
    const result = finish(child);
    await waitFor(child.stderr, /no input for 3 s: the guest runs on/);
    child.stdin.write('poweroff 4\n');
    expect((await result).code).toBe(4);
  });

  it('restarts in the same process on reboot, with what was typed ahead', async () => {
    const result = await printkit(['run'], 'reboot\necho again\npoweroff\n');
    expect(result.code).toBe(0);
    expect(result.stdout.match(/\] Booting printkit/g)).toHaveLength(2);
    expect(result.stdout).toMatch(/\r\nagain\r\n/);
  });

  it('prints registers and call traces when it panics for good', async () => {
    const result = await printkit(['run'], 'panic\n');
    expect(result.code).toBe(134);
    expect(result.stderr).toMatch(/guest died/);
    expect(result.stderr).toMatch(/mepc/);
    expect(result.stderr).toMatch(/call trace:\n.*firmware\//);
  });

  it('takes command line, harts and memory from the options', async () => {
    const options = ['--smp', '2', '--memory', '16M', '--append', 'loglevel=7 x=y'];
    const { stdout } = await printkit(['run', ...options], 'harts\npoweroff\n');
    expect(stdout).toContain('command line: loglevel=7 x=y');
    expect(stdout).toMatch(/\/16384K available/);
    expect(stdout).toContain('hart 1: online');
    expect(stdout).not.toContain('hart 2:');
  });

  it('paced, lets the clock go on while the guest sleeps, however long', async () => {
    const child = start(['run', '--paced']);
    const result = finish(child);
    await waitFor(child.stdout, /printkit# $/);
    for (let i = 0; i < 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      child.stdin.write('uptime\n');
    }
    child.stdin.end('poweroff\n');
    const jiffies = [...(await result).stdout.matchAll(/jiffies (\d+)/g)].map(([, n]) => Number(n));
    expect(jiffies).toHaveLength(2);
    expect(jiffies[0]).toBeGreaterThan(65);
    expect(jiffies[1]).toBeGreaterThan(135);
  });

  it('paced, piped input is not lost to the boot', async () => {
    const result = await printkit(['run', '--paced'], 'echo slow\npoweroff\n');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(/\r\nslow\r\n/);
  });
});

describe('exit codes', () => {
  it.each([0, 1, 42, 255])('the guest ends with %i', async (code) => {
    const elf = guestElf(folder, `exit${code}.elf`, exitWith(code));
    expect(await printkit(['run', elf])).toMatchObject({ code, stdout: '', stderr: '' });
  });

  it('HTIF: 1 passes, (n << 1) | 1 ends with n', async () => {
    const htif = (value: number) => `
      la t0, tohost
      li t1, ${value}
      sw t1, 0(t0)
      j .
      .balign 8
      tohost: .word 0, 0
    `;
    expect((await printkit(['run', guestElf(folder, 'pass.elf', htif(1))])).code).toBe(0);
    expect((await printkit(['run', guestElf(folder, 'fail.elf', htif(11))])).code).toBe(5);
  });

  it('124 at the instruction limit', async () => {
    const result = await printkit(['run', chatter, '--max-instructions', '10000', '--stats']);
    expect(result.code).toBe(124);
    expect(result.stderr).toContain('total: 10,000 instructions');
  });

  it('134 for a jump into a hole, with the place', async () => {
    const elf = guestElf(folder, 'hole.elf', 'li t0, 0x1000\n jr t0');
    const result = await printkit(['run', elf]);
    expect(result.code).toBe(134);
    expect(result.stderr).toMatch(/guest died at .*:/);
  });

  it('134 when nothing can wake anybody any more', async () => {
    const elf = guestElf(folder, 'sleep.elf', 'wfi\n j main');
    const result = await printkit(['run', elf]);
    expect(result.code).toBe(134);
    expect(result.stderr).toMatch(/guest died/);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s gives %i', async (signal, code) => {
    const child = start(['run', '--paced']);
    const result = finish(child);
    await waitFor(child.stdout, /printkit# $/);
    child.kill(signal);
    expect(await result).toMatchObject({ code, signal: null });
  });

  it('141 when nobody reads the output any more', async () => {
    const child = start(['run', chatter, '--no-baud']);
    const result = finish(child);
    await waitFor(child.stdout, /aaaa/);
    child.stdout.destroy();
    expect(await result).toMatchObject({ code: 141, stderr: '' });
  });
});

describe('output', () => {
  it('is complete when the guest powers off right after its last character', async () => {
    const result = await printkit(['run', echo], '0123456789abcdefq');
    expect(result.stdout).toBe('0123456789abcdef');
  });

  it('is binary, both ways', async () => {
    const bytes = Buffer.from(
      Array.from({ length: 256 }, (_, i) => i).filter((byte) => byte !== 0x71),
    );
    const { stdout } = await printkit(['run', echo], Buffer.concat([bytes, Buffer.from('q')]));
    expect(Buffer.from(stdout, 'latin1').equals(bytes)).toBe(true);
  });

  it('waits for a slow reader and loses nothing', async () => {
    const text = 'x'.repeat(200_000);
    const child = start(['run', echo, '--no-baud']);
    child.stdout.pause();
    child.stdin.end(`${text}q`);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.stdout.resume();
    const { code, stdout } = await finish(child);
    expect(code).toBe(0);
    expect(stdout.length).toBe(text.length);
  });

  it('ends in time on a signal although nobody reads, and says what was lost', async () => {
    const child = start(['run', chatter, '--no-baud']);
    child.stdout.pause();
    const stderr: Buffer[] = [];
    child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
    // From the first bytes on, until the pipe is full, and more has come than it takes.
    while (child.stdout.readableLength === 0) await new Promise((go) => setTimeout(go, 20));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill('SIGTERM');
    const code = await new Promise((resolve) => child.on('exit', resolve));
    child.stdout.destroy();
    expect(code).toBe(143);
    expect(Buffer.concat(stderr).toString()).toMatch(/\d+ bytes of output were not read/);
  });
});

describe('traces', () => {
  it('show each instruction with its symbol', async () => {
    const elf = guestElf(folder, 'traced.elf', exitWith(3));
    const { stderr, code } = await printkit(['run', elf, '--smp', '1', '--trace']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^hart 0 80000000 _start +beqz a0/);
    expect(stderr).toMatch(/main\+0x\w+ +sw t1/);
  });

  it('go to a file', async () => {
    const file = path.join(folder, 'trace.txt');
    const elf = guestElf(folder, 'traced.elf', exitWith(0));
    expect((await printkit(['run', elf, '--trace-file', file])).stderr).toBe('');
    expect(fs.readFileSync(file, 'utf8')).toMatch(/^hart 0 80000000 _start/);
  });
});

describe('objdump', () => {
  it('shows machine code beside its TypeScript line', async () => {
    const { stdout, code } = await printkit(['objdump', 'vprintk_emit']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/<vprintk_emit>:/);
    expect(stdout).toMatch(/firmware\/printk\/printk\.ts/);
    expect(stdout).toMatch(/\bret\b/);
  });
});
