// A growing little-endian buffer with the variable-length numbers of DWARF (DWARF 5, chapter 7.6).

const TEXT = new TextEncoder();

export class ByteWriter {
  private buffer = new Uint8Array(1024);
  private used = 0;

  get length(): number {
    return this.used;
  }

  bytes(values: ArrayLike<number>): this {
    this.reserve(values.length);
    this.buffer.set(values, this.used);
    this.used += values.length;
    return this;
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.used++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value & 0xff).u8((value >>> 8) & 0xff);
  }

  u32(value: number): this {
    return this.u16(value & 0xffff).u16(value >>> 16);
  }

  /** NUL-terminated UTF-8. */
  string(text: string): this {
    return this.bytes(TEXT.encode(text.replaceAll('\0', ''))).u8(0);
  }

  uleb(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }

  sleb(value: number): this {
    let rest = value;
    for (;;) {
      const low = rest & 0x7f;
      rest = Math.floor(rest / 128);
      const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
      this.u8(done ? low : low | 0x80);
      if (done) return this;
    }
  }

  /** Zeros (or `fill`) up to a multiple of `to`. */
  align(to: number, fill = 0): this {
    while (this.used % to !== 0) this.u8(fill);
    return this;
  }

  /** Overwrites a word that was written before. */
  patch32(offset: number, value: number): void {
    for (let i = 0; i < 4; i++) this.buffer[offset + i] = (value >>> (8 * i)) & 0xff;
  }

  /** Puts the body's length in front of it. */
  sized(body: ByteWriter): this {
    return this.u32(body.length).bytes(body.take());
  }

  take(): Uint8Array {
    return this.buffer.slice(0, this.used);
  }

  private reserve(count: number): void {
    if (this.used + count <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.used + count));
    grown.set(this.buffer.subarray(0, this.used));
    this.buffer = grown;
  }
}
