// Reads ELF core files: printkit's own, and Linux's /proc/vmcore of any machine (32 and 64 bits, both
// byte orders). Addresses are virtual ones, as the program headers tell them; a 64-bit kernel's do not
// fit into a number, so addresses and words are bigints. Left out: page tables, compressed dumps.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { PrintkitError } from '../errors.ts';

/** Where the bytes of a core file are. Core files may be larger than memory. */
export interface CoreSource {
  readonly size: number;
  /** At most `length` bytes from `offset` on; fewer at the end of the file. */
  read(offset: number, length: number): Uint8Array;
}

export interface CoreNote {
  readonly name: string;
  readonly type: number;
  readonly contents: Uint8Array;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
  readonly memoryBytes: bigint;
}

const ET_CORE = 4;
const PT_LOAD = 1;
const PT_NOTE = 4;
/** More notes than that are none. */
const NOTES_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Opens a core file.
 * @throws PrintkitError when it cannot be read or is no core file
 */
export function openCoreFile(path: string): CoreFile {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    EISDIR: 'is a directory',
    EACCES: 'no permission to read it',
  };
  try {
    const fd = openSync(path, 'r');
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(fd, bytes, done, length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return bytes.subarray(0, done);
    };
    try {
      return new CoreFile({ size: fstatSync(fd).size, read }, path, () => closeSync(fd));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    if (error instanceof PrintkitError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new PrintkitError(`${path}: ${reasons[code ?? ''] ?? `cannot be read (${code})`}`);
  }
}

export class CoreFile {
  /** For messages. */
  readonly name: string;
  /** Size of a pointer, and of C's long. */
  readonly longBytes: 4 | 8;
  readonly littleEndian: boolean;
  readonly notes: readonly CoreNote[];
  readonly #source: CoreSource;
  readonly #close: () => void;
  readonly #segments: readonly Segment[];

  /** @throws PrintkitError when it is no core file, or damaged. */
  constructor(source: CoreSource, name = 'core file', close: () => void = () => undefined) {
    this.name = name;
    this.#source = source;
    this.#close = close;
    const ident = source.read(0, 16);
    if (
      ident.length < 4 ||
      ident[0] !== 0x7f ||
      String.fromCharCode(...ident.subarray(1, 4)) !== 'ELF'
    ) {
      throw this.#error('is not an ELF file');
    }
    this.longBytes = ident[4] === 2 ? 8 : 4;
    this.littleEndian = ident[5] !== 2;
    const headers = this.#programHeaders();
    this.#segments = headers.filter(({ type }) => type === PT_LOAD);
    this.notes = headers.filter(({ type }) => type === PT_NOTE).flatMap((h) => this.#readNotes(h));
  }

  close(): void {
    this.#close();
  }

  /** Memory from `address` on. @throws PrintkitError when it is not in the file. */
  read(address: bigint, length: number): Uint8Array {
    const segment = this.#segments.find(
      (s) => address >= s.address && address < s.address + s.memoryBytes,
    );
    const where = `0x${address.toString(16)}`;
    if (segment === undefined) throw this.#error(`has no memory at ${where}`);
    const offset = Number(address - segment.address);
    if (BigInt(offset + length) > segment.memoryBytes) {
      throw this.#error(`has no ${length} bytes of memory at ${where}`);
    }
    // Behind p_filesz, memory is zeros.
    const stored = Math.max(0, Math.min(length, segment.fileBytes - offset));
    return this.#exactly(segment.offset + offset, stored, `memory at ${where}`, length);
  }

  /** A view of memory in which numbers can be read. */
  view(address: bigint, length: number): DataView {
    const bytes = this.read(address, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  u32(address: bigint): number {
    return this.view(address, 4).getUint32(0, this.littleEndian);
  }

  /** A pointer or an unsigned long. */
  long(address: bigint): bigint {
    return this.longOf(this.view(address, this.longBytes), 0);
  }

  longOf(view: DataView, offset: number): bigint {
    return this.longBytes === 8
      ? view.getBigUint64(offset, this.littleEndian)
      : BigInt(view.getUint32(offset, this.littleEndian));
  }

  #error(text: string): PrintkitError {
    return new PrintkitError(`${this.name}: ${text}`);
  }

  /** `length` bytes, of which the first `stored` are in the file at `offset`. */
  #exactly(offset: number, stored: number, what: string, length = stored): Uint8Array {
    const bytes = this.#source.read(offset, stored);
    if (bytes.length < stored) {
      const size = this.#source.size;
      throw this.#error(
        `is truncated: ${what} ends at byte ${offset + stored}, the file has ${size}`,
      );
    }
    if (length === stored) return bytes;
    const padded = new Uint8Array(length);
    padded.set(bytes);
    return padded;
  }

  #programHeaders(): Segment[] {
    const is64 = this.longBytes === 8;
    const headerBytes = is64 ? 64 : 52;
    const header = this.#exactly(0, headerBytes, 'the ELF header');
    const view = new DataView(header.buffer, header.byteOffset);
    const u16 = (offset: number) => view.getUint16(offset, this.littleEndian);
    if (u16(16) !== ET_CORE) {
      throw this.#error('is an ELF file, but not a core dump: give the file of run --core');
    }
    const tableOffset = Number(this.longOf(view, is64 ? 32 : 28));
    const [entryBytes, count] = is64 ? [u16(54), u16(56)] : [u16(42), u16(44)];
    if (entryBytes < (is64 ? 56 : 32)) throw this.#error('has damaged program headers');
    const table = this.#exactly(tableOffset, entryBytes * count, 'the program headers');
    return Array.from({ length: count }, (_, i) =>
      this.#segment(new DataView(table.buffer, table.byteOffset + i * entryBytes, entryBytes)),
    );
  }

  #segment(view: DataView): Segment {
    const long = (offset: number) => this.longOf(view, offset);
    const type = view.getUint32(0, this.littleEndian);
    const [offset, address, fileBytes, memoryBytes] =
      this.longBytes === 8
        ? [long(8), long(16), long(32), long(40)]
        : [long(4), long(8), long(16), long(20)];
    return { type, offset: Number(offset), address, fileBytes: Number(fileBytes), memoryBytes };
  }

  #readNotes({ offset, fileBytes }: Segment): CoreNote[] {
    if (fileBytes > NOTES_BYTES_MAX) throw this.#error('has damaged program headers');
    const bytes = this.#exactly(offset, fileBytes, 'the notes');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const notes: CoreNote[] = [];
    const padded = (length: number) => Math.ceil(length / 4) * 4;
    for (let at = 0; at + 12 <= bytes.length;) {
      const [nameBytes, contentBytes, type] = [0, 4, 8].map((o) =>
        view.getUint32(at + o, this.littleEndian),
      ) as [number, number, number];
      const start = at + 12 + padded(nameBytes);
      if (start + contentBytes > bytes.length) throw this.#error('has a damaged note');
      const name = text(bytes.subarray(at + 12, at + 12 + nameBytes));
      notes.push({ name, type, contents: bytes.subarray(start, start + contentBytes) });
      at = start + padded(contentBytes);
    }
    return notes;
  }
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? bytes : bytes.subarray(0, end));
}
