// vsnprintf() for printk() and the shell. C's conversions d i u x X o c s p %, flags - 0 + space #,
// width and precision (also *), and
//   l    32 bits, as no modifier; h and z are accepted and mean nothing
//   ll   64 bits: takes two arguments, the low word, then the high word
//   %s   an AssemblyScript string (its units' low bytes); a null pointer prints (null), one that
//        leads outside of RAM (efault)
//   %S   a C string; with a precision it needs no NUL
//   %p   an address, 8 hexadecimal digits
//   %pS  a code address as symbol+offset/size (lib/kallsyms.ts); %pB the same for a return address
// Leaves out floating point. Nothing is allocated and nothing is locked: any context.

import { board } from '../arch/fdt';
import { literal_at, literal_length } from './string';
import { sprint_symbol } from './kallsyms';

const FLAG_LEFT: u32 = 1;
const FLAG_ZERO: u32 = 2;
const FLAG_PLUS: u32 = 4;
const FLAG_SPACE: u32 = 8;
const FLAG_ALT: u32 = 16;
const FLAG_UPPER: u32 = 32;
const FLAG_NEGATIVE: u32 = 64;

const NO_PRECISION: u32 = 0xffffffff;

/** Puts a byte at position n if it fits. Returns n + 1. */
function put(buf: usize, size: u32, n: u32, c: u32): u32 {
  if (n < size) store<u8>(buf + n, c);
  return n + 1;
}

function pad(buf: usize, size: u32, n: u32, c: u32, count: u32): u32 {
  for (; count > 0; count--) n = put(buf, size, n, c);
  return n;
}

function count_digits(value: u64, base: u32): u32 {
  let digits: u32 = 1;
  while (value > 0xffffffff) {
    value /= base;
    digits++;
  }
  let low = <u32>value;
  while (low >= base) {
    low /= base;
    digits++;
  }
  return digits;
}

/** A number whose sign, if any, is in the flags. */
function number(
  buf: usize,
  size: u32,
  n: u32,
  value: u64,
  base: u32,
  flags: u32,
  width: u32,
  precision: u32,
): u32 {
  const digits = count_digits(value, base);
  let sign: u32 = 0;
  if (flags & FLAG_NEGATIVE) sign = 0x2d;
  else if (flags & FLAG_PLUS) sign = 0x2b;
  else if (flags & FLAG_SPACE) sign = 0x20;
  let prefix: u32 = sign ? 1 : 0;
  if (flags & FLAG_ALT) prefix += base == 16 ? 2 : base == 8 ? 1 : 0;

  let zeros: u32 = 0;
  if (precision != NO_PRECISION) {
    if (precision > digits) zeros = precision - digits;
  } else if ((flags & (FLAG_ZERO | FLAG_LEFT)) == FLAG_ZERO && width > digits + prefix) {
    zeros = width - digits - prefix;
  }
  const length = prefix + zeros + digits;
  const spaces = width > length ? width - length : 0;

  if (!(flags & FLAG_LEFT)) n = pad(buf, size, n, 0x20, spaces);
  if (sign) n = put(buf, size, n, sign);
  if (flags & FLAG_ALT && base != 10) {
    n = put(buf, size, n, 0x30);
    if (base == 16) n = put(buf, size, n, flags & FLAG_UPPER ? 0x58 : 0x78);
  }
  n = pad(buf, size, n, 0x30, zeros);

  // Digits come out last first.
  const letters: u32 = (flags & FLAG_UPPER ? 0x41 : 0x61) - 10;
  let at = n + digits;
  n = at;
  while (value > 0xffffffff) {
    const quotient = value / base;
    const digit = <u32>(value - quotient * base);
    put(buf, size, --at, digit < 10 ? 0x30 + digit : letters + digit);
    value = quotient;
  }
  let low = <u32>value;
  while (at > n - digits) {
    const digit = low % base;
    low /= base;
    put(buf, size, --at, digit < 10 ? 0x30 + digit : letters + digit);
  }

  if (flags & FLAG_LEFT) n = pad(buf, size, n, 0x20, spaces);
  return n;
}

/** Is it in RAM? True for everything but a null pointer as long as nobody knows where RAM is. */
function valid_range(p: usize, size: usize): bool {
  if (board.memory_size == 0) return p != 0;
  const at = p - board.memory_base;
  return at < <usize>board.memory_size && size <= <usize>board.memory_size - at;
}

/** The length in front of it must make sense too. */
function valid_literal(p: usize): bool {
  return p != 0 && (p & 1) == 0 && valid_range(p - 4, 4) && valid_range(p, load<u32>(p - 4));
}

/** Length of a C string, looked at up to `most` bytes, and no further than RAM goes. */
function strnlen(p: usize, most: u32): u32 {
  const end = board.memory_base + <usize>board.memory_size;
  if (end != 0 && <u32>(end - p) < most) most = <u32>(end - p);
  let n: u32 = 0;
  while (n < most && load<u8>(p + n) != 0) n++;
  return n;
}

/** A string of `length` units of `unit` bytes. */
function text(
  buf: usize,
  size: u32,
  n: u32,
  p: usize,
  length: u32,
  unit: u32,
  flags: u32,
  width: u32,
  precision: u32,
): u32 {
  if (length > precision) length = precision;
  const spaces = width > length ? width - length : 0;
  if (!(flags & FLAG_LEFT)) n = pad(buf, size, n, 0x20, spaces);
  for (; length > 0; length--) {
    n = put(buf, size, n, load<u8>(p));
    p += unit;
  }
  if (flags & FLAG_LEFT) n = pad(buf, size, n, 0x20, spaces);
  return n;
}

/** Copies what comes before the next conversion, as far as it fits. Returns its length. */
function plain(buf: usize, size: u32, n: u32, fmt: string, i: u32): u32 {
  const first = changetype<usize>(fmt) + ((<usize>i) << 1);
  const end = changetype<usize>(fmt) + ((<usize>literal_length(fmt)) << 1);
  let p = first;
  if ((<u32>(end - first)) >> 1 <= (n < size ? size - n : 0)) {
    let to = buf + n;
    while (p < end) {
      const c = <u32>load<u16>(p);
      if (c == 0x25) break;
      store<u8>(to, c);
      p += 2;
      to++;
    }
  } else {
    for (; p < end && load<u16>(p) != 0x25; p += 2) n = put(buf, size, n, load<u16>(p));
  }
  return (<u32>(p - first)) >> 1;
}

/**
 * Formats into `size` bytes at `buf` (0 bytes: only measures). Returns the length that the whole text
 * has, which may be more than `size`. Writes no NUL.
 */
export function vsnprintf(
  buf: usize,
  size: u32,
  fmt: string,
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  a6: usize,
  a7: usize,
): u32 {
  const length = literal_length(fmt);
  let n: u32 = 0;
  let i: u32 = 0;
  while (i < length) {
    const run = plain(buf, size, n, fmt, i);
    i += run;
    n += run;
    if (i == length) break;
    let c: u32 = 0;
    i++;
    let flags: u32 = 0;
    for (; i < length; i++) {
      c = literal_at(fmt, i);
      if (c == 0x2d) flags |= FLAG_LEFT;
      else if (c == 0x30) flags |= FLAG_ZERO;
      else if (c == 0x2b) flags |= FLAG_PLUS;
      else if (c == 0x20) flags |= FLAG_SPACE;
      else if (c == 0x23) flags |= FLAG_ALT;
      else break;
    }

    // Next argument: a0, with the others moved down after each use.
    let width: u32 = 0;
    let precision: u32 = NO_PRECISION;
    let wide = false;
    let used: u32 = 0;
    if (i < length && literal_at(fmt, i) == 0x2a) {
      i++;
      width = a0 as u32;
      if (<i32>width < 0) {
        width = -width;
        flags |= FLAG_LEFT;
      }
      a0 = a1;
      a1 = a2;
      a2 = a3;
      a3 = a4;
      a4 = a5;
      a5 = a6;
      a6 = a7;
    } else {
      for (; i < length; i++) {
        c = literal_at(fmt, i) - 0x30;
        if (c > 9) break;
        width = width * 10 + c;
      }
    }
    if (i < length && literal_at(fmt, i) == 0x2e) {
      i++;
      precision = 0;
      if (i < length && literal_at(fmt, i) == 0x2a) {
        i++;
        precision = <i32>(a0 as u32) < 0 ? NO_PRECISION : (a0 as u32);
        a0 = a1;
        a1 = a2;
        a2 = a3;
        a3 = a4;
        a4 = a5;
        a5 = a6;
        a6 = a7;
      } else {
        for (; i < length; i++) {
          c = literal_at(fmt, i) - 0x30;
          if (c > 9) break;
          precision = precision * 10 + c;
        }
      }
    }
    for (; i < length; i++) {
      c = literal_at(fmt, i);
      if (c == 0x6c) {
        if (i + 1 < length && literal_at(fmt, i + 1) == 0x6c) {
          wide = true;
          i++;
        }
      } else if (c != 0x68 && c != 0x7a) break;
    }
    if (i >= length) break;

    c = literal_at(fmt, i++);
    switch (c) {
      case 0x64: // d
      case 0x69: {
        // i
        let value: i64 = wide ? <i64>(((<u64>a1) << 32) | (<u64>a0)) : <i64>(<i32>a0);
        if (value < 0) {
          flags |= FLAG_NEGATIVE;
          value = -value;
        }
        n = number(buf, size, n, <u64>value, 10, flags & ~FLAG_ALT, width, precision);
        used = wide ? 2 : 1;
        break;
      }
      case 0x58: // X
      case 0x78: // x
      case 0x6f: // o
      case 0x75: {
        // u
        const value: u64 = wide ? ((<u64>a1) << 32) | (<u64>a0) : <u64>a0;
        const base: u32 = c == 0x75 ? 10 : c == 0x6f ? 8 : 16;
        flags &= ~(FLAG_PLUS | FLAG_SPACE);
        if (c == 0x58) flags |= FLAG_UPPER;
        if (base == 10) flags &= ~FLAG_ALT;
        n = number(buf, size, n, value, base, flags, width, precision);
        used = wide ? 2 : 1;
        break;
      }
      case 0x63: {
        // c
        const spaces = width > 1 ? width - 1 : 0;
        if (!(flags & FLAG_LEFT)) n = pad(buf, size, n, 0x20, spaces);
        n = put(buf, size, n, a0 as u32);
        if (flags & FLAG_LEFT) n = pad(buf, size, n, 0x20, spaces);
        used = 1;
        break;
      }
      case 0x73: // s
      case 0x53: {
        // S
        const unit: u32 = c == 0x73 ? 2 : 1;
        if (unit == 2 ? valid_literal(a0) : valid_range(a0, 1)) {
          const units = unit == 2 ? literal_length(changetype<string>(a0)) : strnlen(a0, precision);
          n = text(buf, size, n, a0, units, unit, flags, width, precision);
        } else {
          const s = a0 == 0 ? '(null)' : '(efault)';
          const units = literal_length(s);
          n = text(buf, size, n, changetype<usize>(s), units, 2, flags, width, NO_PRECISION);
        }
        used = 1;
        break;
      }
      case 0x70: {
        // p
        const kind = i < length ? literal_at(fmt, i) : 0;
        if (kind == 0x53 || kind == 0x42) {
          i++;
          n = sprint_symbol(buf, size, n, a0, kind == 0x42);
        } else {
          n = number(buf, size, n, <u64>a0, 16, FLAG_ZERO, 8, NO_PRECISION);
        }
        used = 1;
        break;
      }
      case 0x25: // %
        n = put(buf, size, n, 0x25);
        break;
      default:
        // An unknown conversion is shown as it stands.
        n = put(buf, size, n, 0x25);
        n = put(buf, size, n, c);
    }
    if (used > 0) {
      a0 = used == 2 ? a2 : a1;
      a1 = used == 2 ? a3 : a2;
      a2 = used == 2 ? a4 : a3;
      a3 = used == 2 ? a5 : a4;
      a4 = used == 2 ? a6 : a5;
      a5 = used == 2 ? a7 : a6;
      a6 = a7;
    }
  }
  return n;
}

/** vsnprintf() for callers with few arguments. */
export function snprintf(
  buf: usize,
  size: u32,
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
): u32 {
  return vsnprintf(buf, size, fmt, a0, a1, a2, a3, 0, 0, 0, 0);
}
