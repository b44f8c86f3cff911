// Starting printkit with lines to the outside, and the programs at their other ends.

import { type ChildProcessByStdio, spawn, spawnSync, type StdioOptions } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { finish, type Result, type Running, start } from '../cli/printkit.ts';

/** False, with a line that says so, when a program of Debian's is not installed. */
export function present(program: string): boolean {
  const { status } = spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
  if (status !== 0) console.warn(`skipped: ${program} is not installed`);
  return status === 0;
}

/** Resolves once `condition` holds; looks every few ms. */
export async function until(condition: () => boolean, what: string, ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** A program with everything that it says. */
export class Program {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #stdout: Buffer[] = [];
  #errors = '';
  #bytes = 0;
  readonly ended: Promise<number | null>;

  constructor(command: string, args: readonly string[]) {
    const stdio: StdioOptions = ['pipe', 'pipe', 'pipe'];
    this.child = spawn(command, args, { stdio }) as ChildProcessByStdio<
      Writable,
      Readable,
      Readable
    >;
    live.add(this.child.pid ?? 0);
    this.child.stdout.on('data', (bytes: Buffer) => {
      this.#stdout.push(bytes);
      this.#bytes += bytes.length;
    });
    this.child.stderr.on('data', (bytes: Buffer) => (this.#errors += bytes.toString('latin1')));
    this.child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code) => {
        live.delete(this.child.pid ?? 0);
        resolve(code);
      });
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  get output(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get text(): string {
    return this.output.toString('latin1');
  }

  get errors(): string {
    return this.#errors;
  }

  send(data: string | Uint8Array): void {
    this.child.stdin.write(data);
  }

  async says(pattern: RegExp, ms?: number): Promise<void> {
    await until(() => pattern.test(this.text), `${String(pattern)} in ${this.text}`, ms);
  }

  async reports(pattern: RegExp, ms?: number): Promise<void> {
    await until(() => pattern.test(this.#errors), `${String(pattern)} in ${this.#errors}`, ms);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

const live = new Set<number>();
process.on('exit', () => {
  for (const pid of live) {
    if (pid > 1) process.kill(pid, 'SIGKILL');
  }
});

export { finish, start, type Result, type Running };
