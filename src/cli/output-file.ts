// A file that is written at the end of long work. Whether it can be written to is found out at once, and
// what was in it before stays there until then.

import fs from 'node:fs';
import { PrintkitError } from '../errors.ts';

export class OutputFile {
  readonly #path: string;
  readonly #existed: boolean;
  #written = false;

  /**
   * @param option its name, for messages
   * @throws PrintkitError when it cannot be written to
   */
  constructor(option: string, path: string) {
    this.#path = path;
    this.#existed = fs.existsSync(path);
    try {
      fs.closeSync(fs.openSync(path, 'a'));
    } catch (error) {
      throw unusable(option, 'write', path, error);
    }
  }

  write(text: string): void {
    fs.writeFileSync(this.#path, text);
    this.#written = true;
  }

  /** Takes away an empty file that stands for nothing. */
  close(): void {
    if (!this.#written && !this.#existed) fs.rmSync(this.#path, { force: true });
  }
}

/** @throws PrintkitError when it cannot be read */
export function readInput(option: string, path: string): string {
  return readBytes(option, path).toString('utf8');
}

/** @throws PrintkitError when it cannot be read */
export function readBytes(option: string, path: string): Buffer {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    throw unusable(option, 'read', path, error);
  }
}

/** @throws PrintkitError when it cannot be written */
export function writeBytes(option: string, path: string, bytes: Uint8Array): void {
  try {
    fs.writeFileSync(path, bytes);
  } catch (error) {
    throw unusable(option, 'write', path, error);
  }
}

function unusable(option: string, what: string, path: string, error: unknown): PrintkitError {
  const { code } = error as NodeJS.ErrnoException;
  return new PrintkitError(`${option}: cannot ${what} ${path}: ${code ?? String(error)}`);
}
