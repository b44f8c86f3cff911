// Boot parameters: the words of the kernel command line, `name` or `name=value`.

import { boot_command_line } from '../arch/fdt';
import { is_space, literal_at, literal_length, simple_strtoul } from '../lib/string';

/** Where the value of the last word `name` or `name=…` begins; 0 if there is none. */
function find(name: string): usize {
  const n = literal_length(name);
  let found: usize = 0;
  let p = boot_command_line;
  while (true) {
    while (is_space(load<u8>(p))) p++;
    if (load<u8>(p) == 0) return found;
    let i: u32 = 0;
    while (i < n && <u32>load<u8>(p + i) == literal_at(name, i)) i++;
    if (i == n) {
      const c = load<u8>(p + i);
      if (c == 0x3d) found = p + i + 1;
      else if (c == 0 || is_space(c)) found = p + i;
    }
    while (load<u8>(p) != 0 && !is_space(load<u8>(p))) p++;
  }
}

export function param_present(name: string): bool {
  return find(name) != 0;
}

/** Copies the value of name=… as a C string, cut to fit. Returns its address, 0 if it is not given. */
export function param_copy(name: string, out: usize, size: u32): usize {
  const p = find(name);
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
  const p = find(name);
  return p != 0 && load<u8>(p) - 0x30 < 10 ? simple_strtoul(p) : otherwise;
}

/** Is it name=value? */
export function param_is(name: string, value: string): bool {
  const p = find(name);
  if (p == 0) return false;
  const n = literal_length(value);
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(p + i) != literal_at(value, i)) return false;
  }
  const c = load<u8>(p + n);
  return c == 0 || is_space(c);
}

/** Is it name=-…? */
export function param_is_negative(name: string): bool {
  const p = find(name);
  return p != 0 && load<u8>(p) == 0x2d;
}
