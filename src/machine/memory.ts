// RAM and what is special about its pages. Every store of the fast interpreter loop looks at one flag
// byte per 4 KiB page; a non-zero byte sends it to the slow path, which knows why. Little-endian.

import { PrintkitError } from '../errors.ts';
import { PAGE_BYTES, PAGE_SHIFT, RAM_BASE } from './memory-map.ts';

/** The page holds decoded instructions: a store there may have to drop them. */
export const PAGE_CODE = 1;
/** A hart has a reservation in the page. */
export const PAGE_RESERVED = 2;
/** The page holds the HTIF `tohost` word. */
export const PAGE_HTIF = 4;
/** The next store to this page is watched, by restore points that copy it before. */
export const PAGE_WATCHED = 8;

export class Memory {
  readonly bytes: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  /** PAGE_* bits of each page. */
  readonly flags: Uint8Array;
  /** The flags of four pages in each word. */
  readonly #flagWords: Int32Array;

  constructor(bytes: number) {
    this.bytes = bytes;
    // Zero pages come from the operating system when they are first touched.
    const buffer = new ArrayBuffer(bytes);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    const pages = bytes >>> PAGE_SHIFT;
    const flags = new ArrayBuffer((pages + 3) & ~3);
    this.flags = new Uint8Array(flags, 0, pages);
    this.#flagWords = new Int32Array(flags);
  }

  /** Whether [address, address + length) lies in RAM. */
  contains(address: number, length: number): boolean {
    return address >= RAM_BASE && address + length <= RAM_BASE + this.bytes;
  }

  setFlag(offset: number, flag: number): void {
    this.flags[offset >>> PAGE_SHIFT] |= flag;
  }

  clearFlag(offset: number, flag: number): void {
    this.flags[offset >>> PAGE_SHIFT] &= ~flag;
  }

  /** Sets a flag of all pages. */
  setAllFlags(flag: number): void {
    const words = this.#flagWords;
    const pattern = flag * 0x01010101;
    for (let i = 0; i < words.length; i++) words[i] |= pattern;
  }

  clearAllFlags(flag: number): void {
    const words = this.#flagWords;
    const pattern = ~(flag * 0x01010101);
    for (let i = 0; i < words.length; i++) words[i] &= pattern;
  }

  /** Reads 1, 2 or 4 bytes at a byte offset of any alignment; unsigned. */
  read(offset: number, bytes: 1 | 2 | 4): number {
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8) | this.u8[offset + i];
    return value >>> 0;
  }

  /** Writes 1, 2 or 4 bytes at a byte offset of any alignment. */
  write(offset: number, bytes: 1 | 2 | 4, value: number): void {
    for (let i = 0; i < bytes; i++) this.u8[offset + i] = value >>> (8 * i);
  }

  /** A view of RAM for the host. @throws PrintkitError when it reaches outside. */
  view(address: number, length: number): Uint8Array {
    if (!this.contains(address, length)) {
      throw new PrintkitError(
        `0x${address.toString(16)}+${length} is outside of RAM ` +
          `(0x${RAM_BASE.toString(16)}+0x${this.bytes.toString(16)})`,
      );
    }
    return this.u8.subarray(address - RAM_BASE, address - RAM_BASE + length);
  }

  /** All bytes and flags back to zero. */
  clear(): void {
    this.flags.fill(0);
    this.zero();
  }

  /** All bytes back to zero. Writes only to pages that hold something. */
  zero(): void {
    const words = this.i32;
    const pageWords = PAGE_BYTES / 4;
    for (let page = 0; page < words.length; page += pageWords) {
      let bits = 0;
      for (let i = page; i < page + pageWords; i++) bits |= words[i];
      if (bits !== 0) words.fill(0, page, page + pageWords);
    }
  }
}
