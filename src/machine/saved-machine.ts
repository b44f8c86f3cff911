// A machine as a file: a header that says what machine and which program it was, the state of harts and
// devices, the pages of memory that are not zero, and a digest of all that. Little-endian; the header and
// the state are JSON.
// A file fits one version of this format, one board and one program; anything else is refused.
// Leaves out what is attached to the lines.

import { PrintkitError } from '../errors.ts';
import type { Memory } from './memory.ts';
import { PAGE_BYTES } from './memory-map.ts';
import type { BoardState } from './restore-points.ts';

export const SAVED_VERSION = 2;
const MAGIC = 'printkit machine\n';
/** Hex digits at the end. */
const DIGEST_BYTES = 16;
/** In place of the numbers that JSON does not have. */
const INFINITY = '\u221e';

/** What a saved machine has to have in common with the one it is restored into. */
export interface SavedIdentity {
  readonly harts: number;
  readonly memoryBytes: number;
  readonly nsPerInstruction: number;
  readonly roundNs: number;
  readonly bootargs: string;
  /** The UARTs' options. */
  readonly uarts: string;
  /** Digest of the program; see `digestOf`. */
  readonly program: string;
}

const NAMES: Readonly<Record<keyof SavedIdentity, string>> = {
  harts: 'number of harts',
  memoryBytes: 'memory size in bytes',
  nsPerInstruction: 'time per instruction in ns',
  roundNs: 'round length in ns',
  bootargs: 'kernel command line',
  uarts: 'UARTs',
  program: 'program (digest)',
};

interface Header {
  readonly version: number;
  readonly identity: SavedIdentity;
  readonly board: BoardState;
  /** Numbers of the pages that follow. */
  readonly pages: readonly number[];
}

export function encodeMachine(
  identity: SavedIdentity,
  board: BoardState,
  memory: Memory,
): Uint8Array {
  const pages: number[] = [];
  for (let page = 0; page < memory.flags.length; page++) {
    if (!isZero(memory, page)) pages.push(page);
  }
  const header: Header = { version: SAVED_VERSION, identity, board, pages };
  const json = (_key: string, value: unknown) => (value === Infinity ? INFINITY : value);
  const text = new TextEncoder().encode(`${MAGIC}${JSON.stringify(header, json)}\n`);
  const end = text.length + pages.length * PAGE_BYTES;
  const bytes = new Uint8Array(end + DIGEST_BYTES);
  bytes.set(text);
  pages.forEach((page, i) => {
    const from = memory.u8.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    bytes.set(from, text.length + i * PAGE_BYTES);
  });
  bytes.set(new TextEncoder().encode(digestOf([bytes.subarray(0, end)])), end);
  return bytes;
}

/** A saved machine that fits. */
export interface Decoded {
  readonly board: BoardState;
  /** Writes the saved pages; the others must be zero. */
  readonly fill: (memory: Memory) => void;
}

/** @throws PrintkitError when the bytes are no saved machine, or one of another kind. */
export function decodeMachine(bytes: Uint8Array, identity: SavedIdentity): Decoded {
  const end = bytes.indexOf(0x0a, MAGIC.length);
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || end < 0) throw new PrintkitError('this is not a saved machine');
  const header = readHeader(new TextDecoder().decode(bytes.subarray(MAGIC.length, end)));
  if (header.version !== SAVED_VERSION) {
    throw new PrintkitError(
      `saved machine: version ${String(header.version)} of the format, this is version ` +
        `${SAVED_VERSION}: save it again`,
    );
  }
  const start = end + 1;
  const length = start + header.pages.length * PAGE_BYTES + DIGEST_BYTES;
  if (bytes.length !== length) {
    throw new PrintkitError(
      `saved machine: ${bytes.length} bytes, expected ${length}: the file is damaged`,
    );
  }
  const digest = new TextDecoder().decode(bytes.subarray(length - DIGEST_BYTES));
  if (digest !== digestOf([bytes.subarray(0, length - DIGEST_BYTES)])) {
    throw new PrintkitError('saved machine: its digest does not fit: the file is damaged');
  }
  for (const [key, name] of Object.entries(NAMES) as [keyof SavedIdentity, string][]) {
    if (header.identity[key] === identity[key]) continue;
    throw new PrintkitError(
      `saved machine: its ${name} is ${String(header.identity[key])}, ` +
        `this machine's is ${String(identity[key])}`,
    );
  }
  const fill = (memory: Memory) =>
    header.pages.forEach((page, i) => {
      const at = start + i * PAGE_BYTES;
      memory.u8.set(bytes.subarray(at, at + PAGE_BYTES), page * PAGE_BYTES);
    });
  return { board: header.board, fill };
}

function readHeader(text: string): Header {
  const damaged = new PrintkitError('saved machine: its header is damaged');
  let header: Partial<Header> | null;
  try {
    const json = (_key: string, value: unknown) => (value === INFINITY ? Infinity : value);
    header = JSON.parse(text, json) as Partial<Header> | null;
  } catch {
    throw damaged;
  }
  // The rest of it is as it was written, or its digest does not fit.
  if (typeof header?.version !== 'number' || !Array.isArray(header.pages)) throw damaged;
  return header as Header;
}

function isZero(memory: Memory, page: number): boolean {
  const words = PAGE_BYTES / 4;
  for (let i = page * words; i < (page + 1) * words; i++) if (memory.i32[i] !== 0) return false;
  return true;
}

/** 64 bits of FNV-1a over parts of a program, as hex: tells programs apart, keeps no secrets. */
export function digestOf(parts: readonly Uint8Array[]): string {
  let low = 0x811c9dc5;
  let high = 0x050c5d1f;
  for (const part of parts) {
    for (const byte of part) {
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte ^ (low >>> 24), 0x01000193);
    }
    high = Math.imul(high ^ part.length, 0x01000193);
  }
  const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0');
  return hex(high) + hex(low);
}
