// The last lines typed, for the arrow keys.

import { strcmp_eq, strlen, strscpy } from '../lib/string';

export const LINE_MAX: u32 = 256;
const HISTORY_LINES: u32 = 16;

const lines: usize = memory.data(256 * 16, 4);
/** Lines ever added. */
const added: usize = memory.data(4, 4);

function slot(n: u32): usize {
  return lines + (n % HISTORY_LINES) * LINE_MAX;
}

/** Adds a line, unless it is empty or repeats the last one. */
export function history_add(line: usize): void {
  const n = load<u32>(added);
  if (strlen(line) == 0) return;
  if (n > 0 && strcmp_eq(slot(n - 1), line)) return;
  strscpy(slot(n), line, LINE_MAX);
  store<u32>(added, n + 1);
}

/** The line that was added `back` lines ago (1: the last one), or 0. */
export function history_get(back: u32): usize {
  const n = load<u32>(added);
  if (back == 0 || back > n || back > HISTORY_LINES) return 0;
  return slot(n - back);
}
