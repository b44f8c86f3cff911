// Starting printkit and QEMU from a benchmark, with time limits, and looking at them from outside.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inProject = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** What is measured: the built package. */
export const CLI = inProject('dist/src/cli/main.js');
export const FIRMWARE = inProject('dist/firmware/printkit.elf');
export const QEMU = 'qemu-system-riscv32';
export const GCC = 'riscv64-unknown-elf-gcc';

const TIMEOUT_MS = 120_000;

/** Whether a program can be started. */
export function present(program: string): boolean {
  return spawnSync(program, ['--version'], { timeout: 10_000 }).status === 0;
}

/** True if `npm run build` has been run. */
export const built = (): boolean => existsSync(CLI) && existsSync(FIRMWARE);

export interface Finished {
  /** CPU time spent by the program and its threads: what other load on the host hardly changes. */
  readonly cpuSeconds: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws Error when it fails or takes too long */
export function runToEnd(program: string, args: readonly string[]): Finished {
  // The shell's `times` (POSIX) tells, in its second line, what its children have used.
  const child = spawnSync('sh', ['-c', '"$@" && times >&2', 'sh', program, ...args], {
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (child.status !== 0) {
    const end = child.signal ?? String(child.status);
    throw new Error(`${program} ${args.join(' ')}: ended with ${end}: ${child.stderr}`);
  }
  const last = child.stderr.trimEnd().split('\n').at(-1) ?? '';
  const times = [...last.matchAll(/(\d+)m([\d.,]+)s/g)].map(
    ([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds.replace(',', '.')),
  );
  if (times.length !== 2) throw new Error(`no CPU times in "${last}"`);
  return { cpuSeconds: times[0] + times[1], stdout: child.stdout, stderr: child.stderr };
}

/** Arguments that boot the firmware under printkit, `options` before its command line. */
export const printkitRun = (harts: number, append: string, ...options: string[]): string[] => [
  CLI,
  'run',
  ...['--smp', String(harts), '--append', append, ...options],
];

/** Arguments that boot the same file under QEMU. */
export const qemuRun = (harts: number, append: string): string[] => [
  ...['-M', 'virt', '-smp', String(harts), '-m', '64M', '-bios', 'none', '-nographic'],
  ...['-kernel', FIRMWARE, '-append', append],
];

/** A printkit that is talked to while it runs. */
export class Session {
  readonly #child: ChildProcess;
  readonly #started = process.hrtime.bigint();
  #output = '';
  #firstLine: number | undefined;
  #changed: () => void = () => undefined;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      if (this.#output.includes('\n')) this.#firstLine ??= this.seconds;
      this.#changed();
    });
    this.#child.on('exit', () => this.#changed());
    // A process that is gone while it is written to shows in `exit`.
    this.#child.stdin?.on('error', () => undefined);
  }

  /** Seconds since the start of the process. */
  get seconds(): number {
    return Number(process.hrtime.bigint() - this.#started) / 1e9;
  }

  /** When the first whole line had come, in seconds. */
  get firstLineSeconds(): number | undefined {
    return this.#firstLine;
  }

  get output(): string {
    return this.#output;
  }

  #gone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** @throws Error when `condition` does not become true in time, or the process ends before. */
  async until(condition: () => boolean, what: string, seconds = 30): Promise<void> {
    const limit = this.seconds + seconds;
    while (!condition()) {
      if (this.#gone() || this.seconds > limit) {
        throw new Error(`no ${what} from printkit; its output was:\n${this.#output}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  send(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** CPU seconds spent so far, of all threads (Linux only). */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${String(this.#child.pid)}/stat`, 'utf8');
    // Fields 14 and 15 (utime, stime) in clock ticks, 100 a second; field 2 may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Largest resident size so far in bytes (Linux only). */
  peakBytes(): number {
    const status = readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? NaN) * 1024;
  }

  /** Ends the process: asks the guest first. */
  async close(): Promise<void> {
    if (this.#gone()) return;
    this.send('poweroff\n');
    await this.until(() => this.#gone(), 'end after poweroff', 5).catch(() => {
      this.#child.kill('SIGKILL');
    });
  }
}
