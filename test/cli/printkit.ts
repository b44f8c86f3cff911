// Runs the built command as a user would: as a process of its own. Builds the host first if the
// sources are newer than what is in dist/ (once, whichever test file comes first).

import {
  type ChildProcessByStdio,
  execFileSync,
  spawn,
  type StdioOptions,
} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';

export const ROOT = path.resolve(import.meta.dirname, '../..');
/** PRINTKIT_DIST tests another build than dist/, as it is. */
const GIVEN = process.env['PRINTKIT_DIST'];
const DIST = GIVEN ?? path.join(ROOT, 'dist');
export const CLI = path.join(DIST, 'src/cli/main.js');
export const FIRMWARE = path.join(DIST, 'firmware/printkit.elf');
const LOCK = path.join(DIST, '.building');

function newestSource(folder: string): number {
  let newest = 0;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !/\.(ts|S)$/.test(entry.name)) continue;
    newest = Math.max(newest, fs.statSync(path.join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}

const built = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function isFresh(): boolean {
  const host = Math.max(
    newestSource(path.join(ROOT, 'src')),
    newestSource(path.join(ROOT, 'devices')),
  );
  return built(CLI) >= host && built(FIRMWARE) >= newestSource(path.join(ROOT, 'firmware'));
}

/** Makes sure that dist/ is what the sources say. */
export function ensureBuilt(): void {
  if (GIVEN !== undefined) return;
  fs.mkdirSync(path.dirname(LOCK), { recursive: true });
  for (;;) {
    if (isFresh()) return;
    try {
      fs.mkdirSync(LOCK);
      break;
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      const lock = fs.statSync(LOCK, { throwIfNoEntry: false });
      if (lock !== undefined && Date.now() - lock.mtimeMs > 120_000) fs.rmdirSync(LOCK);
    }
  }
  try {
    if (!isFresh()) {
      execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'pipe' });
    }
  } finally {
    fs.rmdirSync(LOCK);
  }
}

export interface Result {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs `printkit` with arguments, some input, and everything that comes out collected. */
export async function printkit(
  args: readonly string[],
  input: string | Buffer = '',
): Promise<Result> {
  const child = start(args);
  child.stdin.on('error', () => undefined); // the command may be done before it has read all
  child.stdin.end(input);
  return finish(child);
}

export type Running = ChildProcessByStdio<Writable, Readable, Readable>;

export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const stdio: StdioOptions = ['pipe', 'pipe', 'pipe'];
  return spawn(process.execPath, [CLI, ...args], {
    stdio,
    env: { ...process.env, ...env },
  }) as Running;
}

export async function finish(child: Running): Promise<Result> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString('latin1'),
        stderr: Buffer.concat(stderr).toString('latin1'),
      });
    });
  });
}

/** Waits until a stream has said something that matches. */
export function waitFor(stream: Readable, pattern: RegExp, ms = 30_000): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      reject(
        new Error(`${String(pattern)} did not come, but: ${JSON.stringify(text.slice(-500))}`),
      );
    }, ms);
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!pattern.test(text)) return;
      clearTimeout(timer);
      resolve(text);
    });
  });
}
