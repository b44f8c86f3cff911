// clz, ctz, popcnt and rotates: RV32IMAC has none of them, so they become sequences.

import type { Builder } from './builder.ts';
import type { Value } from './ir.ts';
import type { Pair } from './lower-i64.ts';

/** Bits set, by adding up ever wider fields. */
export function popcnt(b: Builder, x: Value): Value {
  const c = (n: number) => b.const(n);
  const pairs = b.op('sub', x, b.op('and', b.op('srl', x, c(1)), c(0x55555555)));
  const nibbles = b.op(
    'add',
    b.op('and', pairs, c(0x33333333)),
    b.op('and', b.op('srl', pairs, c(2)), c(0x33333333)),
  );
  const bytes = b.op('and', b.op('add', nibbles, b.op('srl', nibbles, c(4))), c(0x0f0f0f0f));
  return b.op('srl', b.op('mul', bytes, c(0x01010101)), c(24));
}

/** ctz(x) = bits set below the lowest set bit; 32 for 0. */
export function ctz(b: Builder, x: Value): Value {
  const below = b.op('and', b.op('xor', x, b.const(-1)), b.op('add', x, b.const(-1)));
  return popcnt(b, below);
}

/** clz(x): copy the highest set bit into all below it, count what stays clear; 32 for 0. */
export function clz(b: Builder, x: Value): Value {
  let v = x;
  for (const n of [1, 2, 4, 8, 16]) v = b.op('or', v, b.op('srl', v, b.const(n)));
  return popcnt(b, b.op('xor', v, b.const(-1)));
}

export function rotl(b: Builder, x: Value, amount: Value): Value {
  return b.op('or', b.op('sll', x, amount), b.op('srl', x, b.op('sub', b.const(0), amount)));
}

export function rotr(b: Builder, x: Value, amount: Value): Value {
  return b.op('or', b.op('srl', x, amount), b.op('sll', x, b.op('sub', b.const(0), amount)));
}

export function popcnt64(b: Builder, x: Pair): Pair {
  return [b.op('add', popcnt(b, x[0]), popcnt(b, x[1])), b.const(0)];
}

/** One word's count, plus the other's if the first word is all zero. */
function count64(b: Builder, count: typeof clz, first: Value, second: Value): Pair {
  const all = b.op('sub', b.const(0), b.op('eq', first, b.const(0)));
  return [b.op('add', count(b, first), b.op('and', count(b, second), all)), b.const(0)];
}

export const clz64 = (b: Builder, x: Pair): Pair => count64(b, clz, x[1], x[0]);
export const ctz64 = (b: Builder, x: Pair): Pair => count64(b, ctz, x[0], x[1]);
