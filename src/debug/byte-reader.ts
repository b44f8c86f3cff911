// Bounds-checked little-endian reading with the variable-length numbers of DWARF (DWARF 5, 7.6).

/** Read beyond the end or a number that cannot be: the file is damaged. Readers turn it into a message. */
export class DamagedData extends Error {}

/** A longer text is not a name: something is damaged. */
const TEXT_BYTES_MAX = 1 << 14;
const DECODER = new TextDecoder();

export class ByteReader {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  /** Exclusive end of what may be read. */
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    if (offset > end || end > bytes.length) throw new DamagedData('data ends too early');
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  private take(count: number): number {
    const at = this.offset;
    if (count < 0 || at + count > this.end) throw new DamagedData('data ends too early');
    this.offset = at + count;
    return at;
  }

  skip(count: number): void {
    this.take(count);
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  i8(): number {
    return this.view.getInt8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** A 64-bit number; damage if it needs more than 53 bits. */
  u64(): number {
    const value = this.u32() + this.u32() * 2 ** 32;
    if (!Number.isSafeInteger(value)) throw new DamagedData('number too large');
    return value;
  }

  uleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > 2 ** 63) throw new DamagedData('number too long');
    }
  }

  sleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return (byte & 0x40) !== 0 ? value - scale * 128 : value;
      if (scale > 2 ** 63) throw new DamagedData('number too long');
    }
  }

  /** NUL-terminated text. */
  string(): string {
    const rest = this.bytes.subarray(this.offset, Math.min(this.end, this.offset + TEXT_BYTES_MAX));
    const length = rest.indexOf(0);
    if (length < 0) throw new DamagedData('text without an end');
    this.offset += length + 1;
    return DECODER.decode(rest.subarray(0, length));
  }

  /** A reader for the next `count` bytes, which this one skips. */
  sub(count: number): ByteReader {
    const at = this.take(count);
    return new ByteReader(this.bytes, at, at + count);
  }
}
