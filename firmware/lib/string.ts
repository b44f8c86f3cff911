// Bytes and C strings (pointers to NUL-terminated bytes), and comparing them with literals, which
// are UTF-16 with their length in bytes at -4.

/** UTF-16 units of a literal. */
export function literal_length(s: string): u32 {
  return load<u32>(changetype<usize>(s) - 4) >> 1;
}

/** Unit i of a literal. */
export function literal_at(s: string, i: u32): u32 {
  return load<u16>(changetype<usize>(s) + ((<usize>i) << 1));
}

/** Copies a literal's bytes, without a NUL. */
export function literal_copy(to: usize, s: string): void {
  const n = literal_length(s);
  for (let i: u32 = 0; i < n; i++) store<u8>(to + i, literal_at(s, i));
}

/** A literal as an argument of printk() or tty_printf() for %s. */
export function str(s: string): usize {
  return changetype<usize>(s);
}

export function strlen(p: usize): u32 {
  let n: u32 = 0;
  while (load<u8>(p + n) != 0) n++;
  return n;
}

/** C string equal to literal? */
export function streq(p: usize, s: string): bool {
  const n = literal_length(s);
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(p + i) != literal_at(s, i)) return false;
  }
  return load<u8>(p + n) == 0;
}

/** C string begins with literal? */
export function starts_with(p: usize, s: string): bool {
  const n = literal_length(s);
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(p + i) != literal_at(s, i)) return false;
  }
  return true;
}

/** C string contains literal? */
export function contains(p: usize, s: string): bool {
  for (; load<u8>(p) != 0; p++) {
    if (starts_with(p, s)) return true;
  }
  return false;
}

/** C string equal to C string? */
export function strcmp_eq(a: usize, b: usize): bool {
  let c: u32;
  while ((c = load<u8>(a)) == <u32>load<u8>(b)) {
    if (c == 0) return true;
    a++;
    b++;
  }
  return false;
}

/** Copies at most size - 1 bytes and a NUL; size > 0. Returns the bytes copied. */
export function strscpy(to: usize, from: usize, size: u32): u32 {
  let n: u32 = 0;
  while (n + 1 < size) {
    const c = load<u8>(from + n);
    if (c == 0) break;
    store<u8>(to + n, c);
    n++;
  }
  store<u8>(to + n, 0);
  return n;
}

export function is_digit(c: u32): bool {
  return c - 0x30 < 10;
}

export function is_space(c: u32): bool {
  return c == 0x20 || (c >= 9 && c <= 13);
}

/** Value of a hexadecimal digit, or 16. */
function digit_value(c: u32): u32 {
  if (c - 0x30 < 10) return c - 0x30;
  c |= 0x20;
  if (c - 0x61 < 6) return c - 0x61 + 10;
  return 16;
}

/** Number at p, decimal or 0x…; stops at the first other character. 0 if there is none. */
export function simple_strtoul(p: usize): u32 {
  let base: u32 = 10;
  if (load<u8>(p) == 0x30 && ((<u32>load<u8>(p + 1)) | 0x20) == 0x78) {
    base = 16;
    p += 2;
  }
  let value: u32 = 0;
  let d: u32;
  while ((d = digit_value(load<u8>(p))) < base) {
    value = value * base + d;
    p++;
  }
  return value;
}

/** Number at p with an optional K, M or G behind it. What does not fit into 32 bits gives 0xffffffff. */
export function memparse(p: usize): u32 {
  const value = simple_strtoul(p);
  const base: u64 = load<u8>(p) == 0x30 && ((<u32>load<u8>(p + 1)) | 0x20) == 0x78 ? 16 : 10;
  if (base == 16) p += 2;
  let whole: u64 = 0;
  for (; <u64>digit_value(load<u8>(p)) < base; p++) {
    whole = whole * base + <u64>digit_value(load<u8>(p));
    if (whole > 0xffffffff) return 0xffffffff;
  }
  const unit = (<u32>load<u8>(p)) | 0x20;
  const shift: u32 = unit == 0x6b ? 10 : unit == 0x6d ? 20 : unit == 0x67 ? 30 : 0;
  return value > 0xffffffff >> shift ? 0xffffffff : value << shift;
}
