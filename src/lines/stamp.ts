// Puts a host time stamp in front of every line of console output, for eyes and for logs. Does not
// touch the bytes in between. The clock is injected.

const NEWLINE = 0x0a;

export class LineStamper {
  readonly #stamp: () => string;
  #atLineStart = true;

  /** @param stamp text for the line that begins now, e.g. `[12:00:01.234] ` */
  constructor(stamp: () => string) {
    this.#stamp = stamp;
  }

  push(bytes: Uint8Array): Uint8Array {
    const pieces: Uint8Array[] = [];
    let from = 0;
    while (from < bytes.length) {
      if (this.#atLineStart) pieces.push(Buffer.from(this.#stamp()));
      const newline = bytes.indexOf(NEWLINE, from);
      const end = newline < 0 ? bytes.length : newline + 1;
      pieces.push(bytes.subarray(from, end));
      this.#atLineStart = newline >= 0;
      from = end;
    }
    return Buffer.concat(pieces);
  }
}

/** `[12:00:01.234] ` in local time. */
export function clockStamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `[${time}.${String(date.getMilliseconds()).padStart(3, '0')}] `;
}
