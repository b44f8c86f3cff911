// Source map (revision 3) of a wasm file: a generated "column" is an offset in the file. Only what
// is needed to find a source line.

export interface SourceLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export class SourceMap {
  private readonly offsets: number[] = [];
  private readonly lines: (SourceLine | undefined)[] = [];

  /** @param text the map as JSON, or undefined for an empty map */
  constructor(text: string | undefined, rename: (file: string) => string = (f) => f) {
    if (text === undefined) return;
    const map = JSON.parse(text) as { sources: string[]; mappings: string };
    const sources = map.sources.map(rename);
    const at = [0, 0, 0, 0, 0];
    for (const segment of map.mappings.split(',')) {
      const fields = decodeVlq(segment);
      fields.forEach((delta, i) => (at[i] += delta));
      this.offsets.push(at[0]);
      this.lines.push(
        fields.length < 4
          ? undefined
          : { file: sources[at[1]], line: at[2] + 1, column: at[3] + 1 },
      );
    }
  }

  /** The source line of the operator at this offset: that of the last mapping not after it. */
  find(offset: number): SourceLine | undefined {
    let low = 0;
    let high = this.offsets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.offsets[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.lines[low - 1];
  }
}

function decodeVlq(text: string): number[] {
  const fields: number[] = [];
  let value = 0;
  let shift = 0;
  for (const c of text) {
    const digit = DIGITS.indexOf(c);
    value += (digit & 31) * 2 ** shift;
    shift += 5;
    if (digit & 32) continue;
    fields.push(value % 2 === 1 ? -Math.floor(value / 2) : value / 2);
    value = 0;
    shift = 0;
  }
  return fields;
}
