// 64-bit operations as operations on register pairs (low word first). Division goes to the runtime
// routines with libgcc's names; everything else is inline and branch-free.

import { appendCall } from './lower-call.ts';
import type { Builder } from './builder.ts';
import type { Condition, Value } from './ir.ts';

export type Pair = readonly [low: Value, high: Value];

export const add64 = (b: Builder, x: Pair, y: Pair): Pair => {
  const low = b.op('add', x[0], y[0]);
  // Adding to a zero low word cannot carry.
  const isZero = (v: Value) => v.op === 'const' && v.imm === 0;
  const high = b.op('add', x[1], y[1]);
  if (isZero(x[0]) || isZero(y[0])) return [low, high];
  const carry = b.op('ltu', low, y[0].op === 'const' ? x[0] : y[0]);
  return [low, b.op('add', high, carry)];
};

export const sub64 = (b: Builder, x: Pair, y: Pair): Pair => {
  const low = b.op('sub', x[0], y[0]);
  const borrow = b.op('ltu', x[0], y[0]);
  return [low, b.op('sub', b.op('sub', x[1], y[1]), borrow)];
};

export const mul64 = (b: Builder, x: Pair, y: Pair): Pair => {
  const low = b.op('mul', x[0], y[0]);
  const cross = b.op('add', b.op('mul', x[0], y[1]), b.op('mul', x[1], y[0]));
  return [low, b.op('add', b.op('mulhu', x[0], y[0]), cross)];
};

export const bitwise64 = (b: Builder, op: 'and' | 'or' | 'xor', x: Pair, y: Pair): Pair => [
  b.op(op, x[0], y[0]),
  b.op(op, x[1], y[1]),
];

/** All ones if bit 5 of the amount is set: the shift moves whole words. */
const wholeWord = (b: Builder, amount: Value): Value =>
  b.op('sra', b.op('sll', amount, b.const(26)), b.const(31));

/** mask ? x : y, bit by bit. */
const pick = (b: Builder, mask: Value, x: Value, y: Value): Value =>
  mask.op === 'const'
    ? mask.imm === 0
      ? y
      : x
    : b.op('xor', y, b.op('and', b.op('xor', x, y), mask));

/** The bits that a left shift by `amount` (mod 32) pushes out of `v`; none for 0. */
const carriedLeft = (b: Builder, v: Value, amount: Value): Value =>
  b.op('srl', b.op('srl', v, b.const(1)), b.op('xor', amount, b.const(-1)));

const carriedRight = (b: Builder, v: Value, amount: Value): Value =>
  b.op('sll', b.op('sll', v, b.const(1)), b.op('xor', amount, b.const(-1)));

export function shl64(b: Builder, x: Pair, amount: Value): Pair {
  if (amount.op === 'const') {
    const n = amount.imm & 63;
    if (n === 0) return x;
    if (n >= 32) return [b.const(0), b.op('sll', x[0], b.const(n - 32))];
    const carried = b.op('srl', x[0], b.const(32 - n));
    return [b.op('sll', x[0], b.const(n)), b.op('or', b.op('sll', x[1], b.const(n)), carried)];
  }
  const mask = wholeWord(b, amount);
  const low = b.op('sll', x[0], amount);
  const high = b.op('or', b.op('sll', x[1], amount), carriedLeft(b, x[0], amount));
  return [b.op('and', low, b.op('xor', mask, b.const(-1))), pick(b, mask, low, high)];
}

export function shr64(b: Builder, op: 'srl' | 'sra', x: Pair, amount: Value): Pair {
  if (amount.op === 'const') {
    const n = amount.imm & 63;
    if (n === 0) return x;
    const fill = op === 'sra' ? b.op('sra', x[1], b.const(31)) : b.const(0);
    if (n >= 32) return [b.op(op, x[1], b.const(n - 32)), fill];
    const carried = b.op('sll', x[1], b.const(32 - n));
    return [b.op('or', b.op('srl', x[0], b.const(n)), carried), b.op(op, x[1], b.const(n))];
  }
  const mask = wholeWord(b, amount);
  const high = b.op(op, x[1], amount);
  const low = b.op('or', b.op('srl', x[0], amount), carriedRight(b, x[1], amount));
  const fill = op === 'sra' ? b.op('sra', x[1], b.const(31)) : b.const(0);
  return [pick(b, mask, high, low), pick(b, mask, fill, high)];
}

export function rotl64(b: Builder, x: Pair, amount: Value): Pair {
  const mask = wholeWord(b, amount);
  const first = pick(b, mask, x[1], x[0]);
  const second = pick(b, mask, x[0], x[1]);
  return [
    b.op('or', b.op('sll', first, amount), carriedLeft(b, second, amount)),
    b.op('or', b.op('sll', second, amount), carriedLeft(b, first, amount)),
  ];
}

export const rotr64 = (b: Builder, x: Pair, amount: Value): Pair =>
  rotl64(b, x, b.op('sub', b.const(0), amount));

export function compare64(b: Builder, op: Condition, x: Pair, y: Pair): Value {
  switch (op) {
    case 'eq':
    case 'ne': {
      const difference = b.op('or', b.op('xor', x[0], y[0]), b.op('xor', x[1], y[1]));
      return b.op(op, difference, b.const(0));
    }
    case 'lt':
    case 'ltu': {
      if (op === 'lt' && y.every((v) => v.op === 'const' && v.imm === 0)) {
        return b.op('lt', x[1], b.const(0));
      }
      const low = b.op('and', b.op('eq', x[1], y[1]), b.op('ltu', x[0], y[0]));
      return b.op('or', b.op(op, x[1], y[1]), low);
    }
    case 'ge':
      return b.op('xor', compare64(b, 'lt', x, y), b.const(1));
    case 'geu':
      return b.op('xor', compare64(b, 'ltu', x, y), b.const(1));
  }
}

const DIVISION = {
  div: '__divdi3',
  divu: '__udivdi3',
  rem: '__moddi3',
  remu: '__umoddi3',
} as const;

/** Division by the runtime, which also traps (ebreak) where wasm does. */
export function divide64(b: Builder, op: keyof typeof DIVISION, x: Pair, y: Pair): Pair {
  if (op === 'divu' || op === 'remu') {
    const [low, high] = y;
    if (high.op === 'const' && low.op === 'const') {
      const n = (BigInt(high.imm >>> 0) << 32n) | BigInt(low.imm >>> 0);
      const shift = n.toString(2).length - 1;
      if (n !== 0n && n === 1n << BigInt(shift)) {
        if (op === 'divu') return shr64(b, 'srl', x, b.const(shift));
        const m = n - 1n;
        const mask: Pair = [b.const(Number(m & 0xffffffffn)), b.const(Number(m >> 32n))];
        return bitwise64(b, 'and', x, mask);
      }
    }
  }
  const [low, high] = appendCall(b, DIVISION[op], ['i64', 'i64'], [...x, ...y], 2);
  return [low, high];
}
