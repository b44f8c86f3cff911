// Boot parameters: the words of the kernel command line, `name` or `name=value`.

import { boot_command_line } from '../arch/fdt';
import { is_space, literal_at, literal_length, simple_strtoul } from '../lib/string';

/** Names may be spelled with - for _, as in Linux. */
function name_char(c: u32): u32 {
  return c == 0x2d ? 0x5f : c;
}

/**
 * Where the value of the last word `name` or `name=…` begins, or the word ends if it has none; 0 if there
 * is no such word. Of two words, the one with the greater result is the later one.
 */
export function param_at(name: string): usize {
  const n = literal_length(name);
  let found: usize = 0;
  let p = boot_command_line;
  while (true) {
    while (is_space(load<u8>(p))) p++;
    if (load<u8>(p) == 0) return found;
    let i: u32 = 0;
    while (i < n && name_char(load<u8>(p + i)) == name_char(literal_at(name, i))) i++;
    if (i == n) {
      const c = load<u8>(p + i);
      if (c == 0x3d) found = p + i + 1;
      else if (c == 0 || is_space(c)) found = p + i;
    }
    while (load<u8>(p) != 0 && !is_space(load<u8>(p))) p++;
  }
}

export function param_present(name: string): bool {
  return param_at(name) != 0;
}

/** Copies the value of name=… as a C string, cut to fit. Returns its address, 0 if it is not given. */
export function param_copy(name: string, out: usize, size: u32): usize {
  const p = param_at(name);
  if (p == 0) return 0;
  let n: u32 = 0;
  for (; n + 1 < size && load<u8>(p + n) != 0 && !is_space(load<u8>(p + n)); n++) {
    store<u8>(out + n, load<u8>(p + n));
  }
  store<u8>(out + n, 0);
  return out;
}

/** The number given by name=…, or `otherwise` if the parameter or its number is missing. */
export function param_u32(name: string, otherwise: u32): u32 {
  const p = param_at(name);
  return p != 0 && load<u8>(p) - 0x30 < 10 ? simple_strtoul(p) : otherwise;
}

/** Is it name=value? */
export function param_is(name: string, value: string): bool {
  const p = param_at(name);
  if (p == 0) return false;
  const n = literal_length(value);
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(p + i) != literal_at(value, i)) return false;
  }
  const c = load<u8>(p + n);
  return c == 0 || is_space(c);
}

/** The values that kstrtobool() knows. */
export const BOOL_UNKNOWN: u32 = 2;

/** 0 or 1 for what begins like y, Y, 1, on, n, N, 0, off; BOOL_UNKNOWN for anything else. */
export function parse_bool(p: usize): u32 {
  const c: u32 = load<u8>(p) | 0x20;
  const second: u32 = load<u8>(p + 1) | 0x20;
  if (load<u8>(p) == 0x31 || c == 0x79 || c == 0x74 || (c == 0x6f && second == 0x6e)) return 1;
  if (load<u8>(p) == 0x30 || c == 0x6e || c == 0x66 || (c == 0x6f && second == 0x66)) return 0;
  return BOOL_UNKNOWN;
}

/** A parameter that is on or off: name alone is on; `otherwise` if it is not given or is neither. */
export function param_bool(name: string, otherwise: bool): bool {
  const p = param_at(name);
  if (p == 0) return otherwise;
  if (load<u8>(p) == 0 || is_space(load<u8>(p))) return load<u8>(p - 1) != 0x3d || otherwise;
  const value = parse_bool(p);
  return value == BOOL_UNKNOWN ? otherwise : value == 1;
}

/** Is it name=-…? */
export function param_is_negative(name: string): bool {
  const p = param_at(name);
  return p != 0 && load<u8>(p) == 0x2d;
}
