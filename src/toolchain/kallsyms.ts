// The image's own symbol table, for the guest's call traces (firmware/arch/symbols.ts): u32 count,
// then count × { u32 address, u32 size, u32 name }, ascending; names are NUL-terminated ASCII behind.

import type { LinkedSymbol } from './elf-writer.ts';

export const KALLSYMS = 'kallsyms';

/** @param symbols functions, and labels of assembly code: data would only mislead a trace */
export function buildKallsyms(symbols: readonly LinkedSymbol[], base: number): Uint8Array {
  const list = [...symbols].sort((a, b) => a.address - b.address);
  const encoder = new TextEncoder();
  const names = list.map((s) => encoder.encode(`${s.name}\0`));
  const table = 4 + 12 * list.length;
  const bytes = new Uint8Array(table + names.reduce((sum, n) => sum + n.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, list.length, true);
  let at = table;
  list.forEach((s, i) => {
    const next = list[i + 1]?.address ?? s.address + s.size;
    const row = 4 + 12 * i;
    view.setUint32(row, s.address, true);
    // Labels of assembly code have no size: they reach to the next symbol.
    view.setUint32(row + 4, s.size > 0 ? s.size : next - s.address, true);
    view.setUint32(row + 8, base + at, true);
    bytes.set(names[i], at);
    at += names[i].length;
  });
  return bytes;
}
