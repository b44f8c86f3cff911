// What a UART has sent, as lines.

/** Without their ends; an unfinished one is the last. */
export function linesOf(bytes: readonly number[]): string[] {
  const text = bytes.map((byte) => String.fromCharCode(byte)).join('');
  return text.replaceAll('\r', '').split('\n');
}
