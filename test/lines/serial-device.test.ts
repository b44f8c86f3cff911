// `--serial /dev/ttyX,115200n8`: a real serial port, for which one side of a pair of ptys stands in
// (socat makes it). A pty has no modem lines and no BREAK: those are tested with a port of our own.

import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { EndListener } from '../../src/lines/end.ts';
import { type PortOptions, SerialDeviceEnd } from '../../src/lines/serial-device.ts';
import { parseEndSpec } from '../../src/lines/spec.ts';
import { scratchFolder } from '../cli/guest.ts';
import { CLI, ensureBuilt, printkit } from '../cli/printkit.ts';
import { echoElf } from './guests.ts';
import { present, Program, until } from './peers.ts';

ensureBuilt();
const folder = scratchFolder();
const ours = path.join(folder, 'ttyUSB0');
const far = path.join(folder, 'far');
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const running: Program[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.kill()));
});

function start(command: string, ...args: string[]): Program {
  const program = new Program(command, args);
  running.push(program);
  return program;
}

/** Plugs the adapter in: a pty pair whose sides are called `ours` and `far`. */
async function plugIn(): Promise<Program> {
  const pair = start('socat', ...[ours, far].map((link) => `pty,raw,echo=0,link=${link}`));
  await until(() => fs.existsSync(ours) && fs.existsSync(far), 'the pair');
  return pair;
}

const printkitAt = (spec: string, ...args: string[]) =>
  start(process.execPath, CLI, 'run', '--smp', '1', '--unpaced', '--serial', spec, ...args);

const terminal = () => start('socat', '-', `${far},raw,echo=0`);

describe.runIf(present('socat'))('a serial port', () => {
  it('passes all 256 values both ways', async () => {
    await plugIn();
    const program = printkitAt(`${ours},115200n8`, '--no-baud', echoElf(folder, 256));
    await program.reports(/serial0: \S+ttyUSB0, 115200n8\n/);
    const peer = terminal();
    peer.send(ALL_BYTES);
    await until(() => peer.bytes === 256, 'the echo');
    expect(peer.output.equals(ALL_BYTES)).toBe(true);
    expect(await program.ended).toBe(0);
  });

  it('takes the rate that the guest programs, unless it is fixed', async () => {
    await plugIn();
    for (const [spec, rate] of [
      [`${ours},9600n8`, '115200'],
      [`${ours},9600n8,fixed`, '9600'],
    ] as const) {
      const program = printkitAt(spec, echoElf(folder, 1));
      await program.reports(/ttyUSB0, 9600n8\n/);
      const peer = terminal();
      const speed = async () => {
        const stty = start('stty', '-F', ours, 'speed');
        await stty.ended;
        return stty.text.trim();
      };
      let seen = '';
      for (let tries = 0; tries < 40 && seen !== rate; tries++) seen = await speed();
      expect(seen).toBe(rate);
      peer.send('x');
      expect(await program.ended).toBe(0);
      await peer.kill();
    }
  });

  it('may vanish and return, which is said, and goes on', async () => {
    const pair = await plugIn();
    const program = printkitAt(`${ours},115200n8`, echoElf(folder, 10));
    await program.reports(/ttyUSB0, /);
    const first = terminal();
    first.send('hello');
    await first.says(/^hello$/);
    await pair.kill('SIGTERM');
    await program.reports(/serial0: \S+ttyUSB0 is gone; waiting for it to return\n/);
    await plugIn();
    await program.reports(/serial0: \S+ttyUSB0 is back\n/);
    const second = terminal();
    second.send('again');
    await second.says(/^again$/);
    expect(await program.ended).toBe(0);
  });

  it('that is in use is not shared', async () => {
    await plugIn();
    const program = printkitAt(`${ours},115200n8`, echoElf(folder, 1));
    await program.reports(/ttyUSB0, /);
    const result = await printkit(['run', '--serial', `${ours},115200n8`, echoElf(folder, 1)]);
    expect(result).toMatchObject({ code: 125, stdout: '' });
    expect(result.stderr).toMatch(/^printkit: cannot open \S+: another program is using it\n$/);
  });
});

describe('a port that is none', () => {
  it.each([
    ['a file', () => path.join(folder, 'file')],
    ['a folder', () => folder],
    ['nothing', () => path.join(folder, 'nothing')],
  ])('%s', async (_, place) => {
    fs.writeFileSync(path.join(folder, 'file'), 'not a port');
    const result = await printkit(['run', '--serial', place(), echoElf(folder, 1)]);
    expect(result).toMatchObject({ code: 125, stdout: '' });
    expect(result.stderr).toMatch(/^printkit: cannot open [^\n]+\n$/);
    expect(fs.readFileSync(path.join(folder, 'file'), 'latin1')).toBe('not a port');
  });
});

describe('rate and format', () => {
  it.each([
    ['115200', { baud: 115200, parity: 'none', dataBits: 8, stopBits: 1 }],
    ['9600e7', { baud: 9600, parity: 'even', dataBits: 7, stopBits: 1 }],
    ['300n82', { baud: 300, parity: 'none', dataBits: 8, stopBits: 2 }],
    ['50o51.5', { baud: 50, parity: 'odd', dataBits: 5, stopBits: 1.5 }],
  ])('%s', (text, settings) => {
    expect(parseEndSpec(`/dev/ttyS0,${text}`)).toMatchObject({ kind: 'port', settings });
  });

  it.each(['0n8', '-9600', '9600x8', '9600n9', '9600n83', 'fast', '', '115200n8n8', '1e5n8'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseEndSpec(`/dev/ttyS0,${text}`)).toThrow(/neither a rate such as 115200n8/);
    },
  );
});

/** A port that writes down what it is told. */
class FakePort {
  static readonly told: string[] = [];
  static signals = { cts: true, dsr: true, dcd: false };
  isOpen = false;
  constructor(options: PortOptions) {
    const { baudRate, dataBits, parity, stopBits, rtscts } = options;
    FakePort.told.push(`open ${baudRate} ${dataBits} ${parity} ${stopBits} rtscts=${rtscts}`);
  }
  open(done: (error: null) => void): void {
    this.isOpen = true;
    done(null);
  }
  close(done: (error: null) => void): void {
    this.isOpen = false;
    done(null);
  }
  write(bytes: Uint8Array, done: (error: null) => void): boolean {
    FakePort.told.push(`write ${Buffer.from(bytes).toString()}`);
    queueMicrotask(() => done(null));
    return true;
  }
  drain(done: (error: null) => void): void {
    done(null);
  }
  update({ baudRate }: { baudRate: number }, done: (error: null) => void): void {
    FakePort.told.push(`rate ${baudRate}`);
    done(null);
  }
  set(flags: { dtr: boolean; rts: boolean; brk: boolean }, done: (error: null) => void): void {
    const on = Object.entries(flags).filter(([, value]) => value);
    FakePort.told.push(`set ${on.map(([name]) => name).join(' ')}`);
    done(null);
  }
  get(done: (error: null, status: typeof FakePort.signals) => void): void {
    done(null, FakePort.signals);
  }
  on(): void {
    // Nothing ever comes.
  }
  pause(): void {
    FakePort.told.push('pause');
  }
  resume(): void {
    FakePort.told.push('resume');
  }
}

describe('what a UART says to a port with wires', () => {
  it('rate, format, DTR, RTS and BREAK go out; CTS, DSR and DCD come in', async () => {
    const { told } = FakePort;
    const seen: string[] = [];
    const listener: EndListener = {
      received: () => undefined,
      inputEnded: () => undefined,
      breakReceived: () => undefined,
      modemChanged: (inputs) => seen.push(JSON.stringify(inputs)),
      writable: () => undefined,
      notice: () => undefined,
      failed: () => undefined,
    };
    const settings = { baud: 9600, dataBits: 8, parity: 'none', stopBits: 1 } as const;
    const options = { path: 'x', settings, fixed: false, rtscts: true };
    const end = new SerialDeviceEnd(options, (given) => new FakePort(given));
    await end.open(listener);
    expect(told.splice(0)).toEqual(['open 9600 8 none 1 rtscts=true', 'set dtr rts']);
    expect(seen.splice(0)).toEqual(['{"cts":true,"dsr":true,"dcd":false}']);
    end.outputsChanged({ dtr: true, rts: false, out1: false, out2: true });
    end.breakChanged(true);
    end.breakChanged(false);
    expect(told.splice(0)).toEqual(['set dtr', 'set dtr brk', 'set dtr']);
    end.settingsChanged({ ...settings, dataBits: 5 }); // what a UART has after reset
    expect(told.splice(0)).toEqual([]);
    end.settingsChanged({ ...settings, baud: 115200 });
    expect(told.splice(0)).toEqual(['rate 115200']);
    end.settingsChanged({ baud: 115200, dataBits: 7, parity: 'even', stopBits: 2 });
    await until(() => told.length === 2, 'the port to be opened again');
    expect(told.splice(0)).toEqual(['open 115200 7 even 2 rtscts=true', 'set dtr']);
    FakePort.signals = { cts: false, dsr: true, dcd: true };
    await until(() => seen.at(-1) === '{"cts":false,"dsr":true,"dcd":true}', 'the new signals');
    end.write(Buffer.from('bytes'));
    expect(await end.close(1000)).toBe(0);
    expect(told).toEqual(['write bytes']);
  });
});
