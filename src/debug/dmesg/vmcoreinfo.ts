// VMCOREINFO: the text by which a kernel tells crash tools where its data is. A line is KEY=value or
// KIND(name)=value; the names are those of Documentation/admin-guide/kdump/vmcoreinfo.rst.

import { PrintkitError } from '../../errors.ts';
import type { CoreFile } from '../core-file.ts';

export class Vmcoreinfo {
  readonly #file: string;
  readonly #values = new Map<string, string>();

  /** @param file name of the core file, for messages */
  constructor(text: string, file: string) {
    this.#file = file;
    for (const line of text.split('\n')) {
      const at = line.indexOf('=');
      if (at > 0) this.#values.set(line.slice(0, at), line.slice(at + 1).trim());
    }
  }

  /** The one of a core file. @throws PrintkitError when it has none. */
  static of(core: CoreFile): Vmcoreinfo {
    const note = core.notes.find(({ name }) => name === 'VMCOREINFO');
    if (note === undefined) {
      throw new PrintkitError(
        `${core.name}: has no VMCOREINFO note: the guest has not told where its log is`,
      );
    }
    return new Vmcoreinfo(new TextDecoder('latin1').decode(note.contents), core.name);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** A line without parentheses, such as OSRELEASE. */
  text(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** Address of a symbol. */
  symbol(name: string): bigint {
    const value = this.#value(`SYMBOL(${name})`);
    if (!/^[0-9a-f]+$/i.test(value)) throw this.#damaged(`SYMBOL(${name})`, value);
    return BigInt(`0x${value}`);
  }

  /** Size of a struct in bytes. */
  size(name: string): number {
    return this.#number(`SIZE(${name})`);
  }

  /** Offset of a struct's member in bytes. */
  offset(name: string): number {
    return this.#number(`OFFSET(${name})`);
  }

  /** A constant. */
  number(name: string): number {
    return this.#number(`NUMBER(${name})`);
  }

  #number(key: string): number {
    const value = this.#value(key);
    if (!/^\d{1,9}$/.test(value)) throw this.#damaged(key, value);
    return Number(value);
  }

  #value(key: string): string {
    const value = this.#values.get(key);
    if (value === undefined) throw new PrintkitError(`${this.#file}: VMCOREINFO has no ${key}`);
    return value;
  }

  #damaged(key: string, value: string): PrintkitError {
    return new PrintkitError(`${this.#file}: VMCOREINFO is damaged: ${key}=${value}`);
  }
}
