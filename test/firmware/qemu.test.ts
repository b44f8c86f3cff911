// The same image on QEMU's virt board, our oracle: same text, apart from the time stamps.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Console, PROMPT, buildImage, withoutStamps } from './console.ts';

const QEMU = 'qemu-system-riscv32';
const TIMEOUT_MS = 30_000;

const available = ((): boolean => {
  try {
    execFileSync(QEMU, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

interface QemuOptions {
  harts: number;
  memory: string;
  bootargs: string;
  /** Sent each time that the prompt appears, without the line's end. */
  commands: string[];
  /** Ends QEMU, for guests that do not switch it off. */
  until?: string;
}

describe.runIf(available)('on QEMU', () => {
  let directory: string;
  let elf: Uint8Array;
  let file: string;

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'printkit-'));
    file = path.join(directory, 'printkit.elf');
    elf = await buildImage();
    writeFileSync(file, elf);
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function qemu(options: QemuOptions): Promise<{ code: number | null; text: string }> {
    return new Promise((resolve, reject) => {
      const args = ['-M', 'virt', '-smp', String(options.harts), '-m', options.memory];
      args.push('-bios', 'none', '-display', 'none', '-monitor', 'none', '-serial', 'stdio');
      args.push('-append', options.bootargs, '-kernel', file);
      const child = spawn(QEMU, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
      const commands = [...options.commands];
      let text = '';
      let answered = 0;
      child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
        const prompt = text.indexOf(PROMPT, answered);
        const command = prompt < 0 ? undefined : commands.shift();
        if (command !== undefined) {
          answered = prompt + PROMPT.length;
          child.stdin.write(`${command}\r`);
        }
        if (options.until !== undefined && text.includes(options.until)) child.kill('SIGKILL');
      });
      child.on('error', reject);
      child.on('close', (code) => {
        clearTimeout(timer);
        resolve({ code, text: withoutStamps(text) });
      });
    });
  }

  it.each([1, 4, 8])(
    'boots %i harts and answers with the same text as on our machine',
    async (harts) => {
      const commands = ['help', 'harts', 'ipi', 'echo a b', 'bench 1 all', 'poweroff 9'];
      const bootargs = 'loglevel=7 some=thing';
      const [theirs, ours] = [
        await qemu({ harts, memory: '64M', bootargs, commands }),
        new Console(elf, { harts, memoryBytes: 64 << 20, bootargs }),
      ];
      for (const command of commands) {
        ours.waitFor(PROMPT, ours.text.length - PROMPT.length);
        ours.type(`${command}\r`);
      }
      expect(ours.finish()).toEqual({ kind: 'exit', code: 9 });
      const withoutTimes = (text: string): string =>
        text.replace(/^bench: \d+\.\d+ s$/m, 'bench: time');
      expect(withoutTimes(theirs.text)).toBe(withoutTimes(ours.text));
      expect(theirs.code).toBe(9);
    },
  );

  it('finds everything as new after a reboot', async () => {
    const { text } = await qemu({
      harts: 3,
      memory: '32M',
      bootargs: '',
      commands: ['reboot', 'ipi', 'poweroff'],
    });
    const boots = text.split('Booting printkit').slice(1);
    expect(boots).toHaveLength(2);
    for (const log of boots) expect(log).toContain('CPU2: Booted secondary processor, hart 2\n');
    expect(boots[1]).toContain('hart 1: answered\nhart 2: answered\n');
  });

  it.each(['illegal', 'load', 'store', 'fetch', 'ebreak', 'stack'])(
    'shows the same call trace after trap %s',
    async (kind) => {
      const end = '---[ end Kernel panic';
      const ours = new Console(elf);
      ours.waitFor(PROMPT);
      ours.type(`trap ${kind}\r`);
      ours.finish();
      const theirs = await qemu({
        harts: 4,
        memory: '64M',
        bootargs: '',
        commands: [`trap ${kind}`],
        until: end,
      });
      // Where it was caught overflowing depends on time.
      const essence = (text: string): string[] =>
        text
          .slice(0, text.indexOf(end))
          .split('\n')
          .filter((line) => /^(Oops|\[<|Kernel panic|Insufficient)/.test(line))
          .filter((line) => kind !== 'stack' || !line.startsWith('[<'));
      expect(essence(theirs.text)).toEqual(essence(ours.text));
      expect(essence(ours.text).length).toBeGreaterThan(1);
    },
  );
});
