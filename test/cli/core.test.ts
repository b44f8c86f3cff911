// `run --core`, the monitor's dump, and `printkit dmesg`: when there is a core file, what is said of it,
// and what the options show.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runMonitorLine, type MonitorTarget } from '../../src/cli/monitor.ts';
import { PrintkitError } from '../../src/errors.ts';
import { Machine } from '../../src/machine/machine.ts';
import { coreFile, lockless } from '../debug/log-image.ts';
import { ensureBuilt, printkit } from './printkit.ts';

const folder = mkdtempSync(join(tmpdir(), 'printkit-core-'));
const core = join(folder, 'guest.core');
beforeAll(ensureBuilt, 180_000);
beforeEach(() => rmSync(core, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the firmware with these commands typed in. */
const run = (commands: string, ...args: string[]) =>
  printkit(['run', '--unpaced', '--smp', '2', '--core', core, ...args], commands);
const dmesg = (...args: string[]) => printkit(['dmesg', ...args]);

describe('run --core', () => {
  it('writes the core of a guest that panics, and dmesg prints its log', async () => {
    const { code, stdout, stderr } = await run('panic the end\n');
    expect(code).toBe(134);
    expect(stderr).toContain(`printkit: wrote the core file ${core}\n`);
    const shown = stdout.replaceAll('\r', '').match(/\[ *\d+\.\d{6}\] .*$/gm);
    const log = await dmesg(core);
    expect(log).toMatchObject({ code: 0, stderr: '' });
    expect(log.stdout).toBe(`${shown?.join('\n')}\n`);
  });

  it('keeps what was there before a restart, unless the system that came up dies as well', async () => {
    const restarted = await run('panic first\npoweroff\n', '--append', 'panic=-1');
    expect(restarted.code).toBe(0);
    expect((await dmesg(core, '-t')).stdout).toMatch(/^Kernel panic - not syncing: first$/m);
    await run(
      'panic first\npanic second\n',
      '--append',
      'panic=-1',
      '--max-instructions',
      '60000000',
    );
    const second = (await dmesg(core, '-t')).stdout;
    expect(second).toMatch(/^Kernel panic - not syncing: second$/m);
    expect(second).not.toContain('first');
  });

  it('writes nothing after a clean power-off', async () => {
    const { code, stderr } = await run('poweroff\n');
    expect([code, stderr]).toEqual([0, '']);
    expect(existsSync(core)).toBe(false);
  });

  it('writes a core of a guest that was cut short or waits for ever', async () => {
    expect((await run('', '--max-instructions', '100000')).code).toBe(124);
    expect(existsSync(core)).toBe(true);
  });

  it('says before the run that there is no such folder', async () => {
    const path = join(folder, 'none', 'x.core');
    const { code, stdout, stderr } = await printkit(['run', '--core', path]);
    expect([code, stdout]).toEqual([125, '']);
    expect(stderr).toBe(`printkit: --core ${path}: there is no folder ${join(folder, 'none')}\n`);
  });
});

describe('the monitor', () => {
  const dump = (write: (path: string) => void, line: string): string[] => {
    const machine = new Machine({ harts: 1 });
    const ignore = () => undefined;
    const target: MonitorTarget = {
      machine,
      attachments: [],
      stopped: () => false,
      stop: ignore,
      cont: ignore,
      quit: ignore,
      wake: ignore,
      dump: write,
    };
    return runMonitorLine(target, line);
  };

  it('dumps into a file', () => {
    const written: string[] = [];
    expect(dump((path) => written.push(path), 'dump a.core')).toEqual(['wrote a.core']);
    expect(written).toEqual(['a.core']);
  });

  it('says what is wrong', () => {
    const fail = () => {
      throw new PrintkitError('cannot write the core file /x: EACCES');
    };
    expect(dump(fail, 'dump /x')).toEqual(['cannot write the core file /x: EACCES']);
    expect(dump(fail, 'dump')).toEqual(['into which file?; usage: dump FILE']);
  });
});

describe('dmesg', () => {
  const path = join(folder, 'log.core');
  beforeAll(() => {
    const levels = [3, 4, 6].map((level, i) => ({
      text: `message ${i}`,
      level,
      facility: i,
      tsNsec: BigInt(i) * 1_500_000_000n,
      callerId: i === 1 ? 0x8000_0003 : 7,
    }));
    writeFileSync(path, coreFile(lockless([...levels, { text: 'half', state: 0 }])));
  });

  it.each([
    ['', ['[    0.000000] message 0', '[    1.500000] message 1', '[    3.000000] message 2']],
    [
      '-r',
      [
        '<3>[    0.000000] message 0',
        '<12>[    1.500000] message 1',
        '<22>[    3.000000] message 2',
      ],
    ],
    ['-xt -l err', ['kern  :err   : message 0']],
    ['--level warn+ -t', ['message 0', 'message 1']],
    ['--level +warn -t --caller', ['[    C3] message 1', '[    T7] message 2']],
  ])('%s', async (options, lines) => {
    const args = options.split(' ').filter((word) => word !== '');
    expect(await dmesg(path, ...args)).toMatchObject({
      code: 0,
      stdout: lines.map((line) => `${line}\n`).join(''),
      stderr: 'printkit: messages that were being written, not shown: 1\n',
    });
  });

  it('-J', async () => {
    const { stdout } = await dmesg(path, '-J', '-l', 'err');
    expect(JSON.parse(stdout)).toEqual({
      store: 'lockless',
      incomplete: 1,
      lost: 0,
      dmesg: [{ seq: 0, fac: 'kern', pri: 'err', time: 0, caller: 'T7', msg: 'message 0' }],
    });
  });

  it.each([
    [
      ['--level', 'loud'],
      '--level: "loud" is not one of emerg, alert, crit, err, warn, notice, info, debug',
    ],
    [['-r', '-x'], "option '-r, --raw' cannot be used with option '-x, --decode'"],
  ])('%s is wrong', async (args, message) => {
    expect(await dmesg(path, ...args)).toMatchObject({
      code: 125,
      stderr: `printkit: ${message}\n`,
    });
  });

  it('says that a file is no core', async () => {
    const file = join(folder, 'text');
    writeFileSync(file, 'no core\n');
    expect(await dmesg(file)).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `printkit: ${file}: is not an ELF file\n`,
    });
  });
});
