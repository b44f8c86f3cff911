// The package as a stranger gets it: packed, installed into an empty folder, run, imported, compiled
// against. Needs npm to reach (or have cached) the dependencies.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, ensureBuilt, ROOT } from '../cli/printkit.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'printkit-package-'));
const npm = (...args: string[]) =>
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    encoding: 'utf8',
  });

function run(file: string, source: string): string {
  fs.writeFileSync(path.join(folder, file), source);
  return execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
}

const EXAMPLE = `
import { Machine, MockLine, readElfFile, toMachineImage, type StopReason } from 'printkit';
import { Uart8250, type SerialLine } from 'printkit/devices';

const machine = new Machine({ harts: 1 });
const line: SerialLine = new MockLine(machine.clock);
const stop: StopReason = machine.run(1000);
const uart: Uart8250 | undefined = machine.uarts[0];
uart?.attach(line);
console.log(stop.kind, toMachineImage(readElfFile('x.elf')).entry);
// @ts-expect-error the types are real: harts is a number
new Machine({ harts: 'four' });
`;

describe('the checkout', () => {
  it('has a command that npx can start', () => {
    ensureBuilt();
    expect(fs.statSync(CLI).mode & 0o111).toBe(0o111);
  });
});

describe('the package', () => {
  beforeAll(() => {
    ensureBuilt();
    // What dist/ holds is what prepare built: packing need not build it again.
    const packed = npm('pack', ROOT, '--ignore-scripts', '--silent').trim();
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module", "private": true }');
    npm('install', '--prefer-offline', `./${packed}`);
  }, 240_000);

  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('boots, and powers off with the guest’s exit code', () => {
    const { status, stdout, stderr } = spawnSync(
      path.join('node_modules', '.bin', 'printkit'),
      ['run', '--unpaced'],
      { cwd: folder, input: 'echo installed\npoweroff 5\n', encoding: 'utf8', timeout: 60_000 },
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/\] smp: Brought up 1 node, 4 CPUs\r\n/);
    expect(stdout).toMatch(/\r\ninstalled\r\n/);
    expect(status).toBe(5);
  });

  it('compiles the firmware that it ships to the same bytes', () => {
    const bin = path.join('node_modules', '.bin', 'printkit');
    execFileSync(bin, ['build', '--output', 'again.elf'], { cwd: folder, timeout: 120_000 });
    const shipped = path.join(folder, 'node_modules/printkit/dist/firmware/printkit.elf');
    expect(fs.readFileSync(path.join(folder, 'again.elf')).equals(fs.readFileSync(shipped))).toBe(
      true,
    );
  });

  it('gives a machine and a scripted line to a program', () => {
    const output = run(
      'machine.mjs',
      `import { Machine, MockLine, readElfFile, toMachineImage } from 'printkit';
       const machine = new Machine({ harts: 2 });
       machine.load(toMachineImage(readElfFile('node_modules/printkit/dist/firmware/printkit.elf')));
       const line = new MockLine(machine.clock);
       machine.uarts[0].attach(line);
       machine.run(100_000_000);
       console.log(/Brought up 1 node, 2 CPUs/.test(line.text));`,
    );
    expect(output).toBe('true\n');
  });

  it('gives the UART alone, to be used with a clock and a line of one’s own', () => {
    const output = run(
      'uart.mjs',
      `import { Uart8250 } from 'printkit/devices';
       const timers = [];
       const clock = {
         now: 0,
         timer: (name, expire) => {
           const timer = { deadline: Infinity, set(at) { this.deadline = at; }, cancel() { this.deadline = Infinity; }, expire };
           timers.push(timer);
           return timer;
         },
       };
       const uart = new Uart8250({ name: 'u', variant: '16550A', clockHz: 1843200, clock, irq: () => {} });
       const sent = [];
       uart.attach({ transmit: (byte) => sent.push([byte, clock.now]) });
       uart.write(3, 1, 0x83); uart.write(0, 1, 1); uart.write(1, 1, 0); uart.write(3, 1, 3);
       uart.write(0, 1, 0x55);
       while (sent.length === 0) {
         const next = timers.reduce((a, b) => (b.deadline < a.deadline ? b : a));
         clock.now = next.deadline; next.deadline = Infinity; next.expire();
       }
       console.log(JSON.stringify(sent));`,
    );
    const [[byte, atNs]] = JSON.parse(output) as [[number, number]];
    expect(byte).toBe(0x55);
    expect(Math.abs(atNs - 86_806)).toBeLessThanOrEqual(1); // 8N1 at 115200 baud
  });

  it('has types', () => {
    fs.writeFileSync(path.join(folder, 'example.ts'), EXAMPLE);
    const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
    const compilerOptions = {
      noEmit: true,
      strict: true,
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023', 'dom'],
      types: [],
    };
    const config = JSON.stringify({ compilerOptions, files: ['example.ts'] });
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), config);
    const { stdout } = spawnSync(process.execPath, [tsc], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});
