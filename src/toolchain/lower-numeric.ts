// Integer operators of wasm → IR (WebAssembly 2.0, chapter 4.3.2 "Integer Operations").

import type { Builder } from './builder.ts';
import type { BinaryOp, Value } from './ir.ts';
import { clz, clz64, ctz, ctz64, popcnt, popcnt64, rotl, rotr } from './lower-bits.ts';
import {
  add64,
  bitwise64,
  compare64,
  divide64,
  mul64,
  type Pair,
  rotl64,
  rotr64,
  shl64,
  shr64,
  sub64,
} from './lower-i64.ts';
import { BINARY32, BINARY64_DISTANCE, COMPARE32, COMPARE64 } from './opcodes.ts';

type Pop = (words: number) => readonly Value[];

/** The result words of a numeric operator; undefined if the code is none. */
export function lowerNumeric(b: Builder, code: number, pop: Pop): readonly Value[] | undefined {
  const binary32 = BINARY32[code];
  if (binary32 !== undefined) {
    const [y] = pop(1);
    const [x] = pop(1);
    return [arithmetic32(b, binary32, x, y)];
  }
  const compare32 = COMPARE32[code];
  if (compare32 !== undefined) {
    const [y] = pop(1);
    const [x] = pop(1);
    return [compare32[1] ? b.op(compare32[0], y, x) : b.op(compare32[0], x, y)];
  }
  const compare = COMPARE64[code];
  if (compare !== undefined) {
    const y = popPair(pop);
    const x = popPair(pop);
    return [compare[1] ? compare64(b, compare[0], y, x) : compare64(b, compare[0], x, y)];
  }
  const binary64 = BINARY32[code - BINARY64_DISTANCE];
  if (binary64 !== undefined) {
    const y = popPair(pop);
    return arithmetic64(b, binary64, popPair(pop), y);
  }
  return unary(b, code, pop);
}

function popPair(pop: Pop): Pair {
  const [low, high] = pop(2);
  return [low, high];
}

function arithmetic32(b: Builder, op: BinaryOp, x: Value, y: Value): Value {
  if (op === 'div' || op === 'divu' || op === 'rem' || op === 'remu') {
    if (y.op !== 'const' || y.imm === 0) b.trapIf('eq', y, b.const(0));
    const mayOverflow =
      (y.op !== 'const' || y.imm === -1) && (x.op !== 'const' || x.imm === -0x80000000);
    if (op === 'div' && mayOverflow) {
      // −2³¹ ÷ −1 is the one quotient that does not fit.
      const differs = b.op('or', b.op('xor', x, b.const(-0x80000000)), b.op('xor', y, b.const(-1)));
      b.trapIf('eq', differs, b.const(0));
    }
  }
  return b.op(op, x, y);
}

function arithmetic64(b: Builder, op: BinaryOp, x: Pair, y: Pair): Pair | undefined {
  switch (op) {
    case 'add':
      return add64(b, x, y);
    case 'sub':
      return sub64(b, x, y);
    case 'mul':
      return mul64(b, x, y);
    case 'and':
    case 'or':
    case 'xor':
      return bitwise64(b, op, x, y);
    case 'sll':
      return shl64(b, x, y[0]);
    case 'srl':
    case 'sra':
      return shr64(b, op, x, y[0]);
    case 'div':
    case 'divu':
    case 'rem':
    case 'remu':
      return divide64(b, op, x, y);
    default:
      return undefined;
  }
}

function unary(b: Builder, code: number, pop: Pop): readonly Value[] | undefined {
  const zero = b.const(0);
  const signExtend = (v: Value, bits: number) => {
    const shift = b.const(32 - bits);
    return b.op('sra', b.op('sll', v, shift), shift);
  };
  const widen = (low: Value): Pair => [low, b.op('sra', low, b.const(31))];
  switch (code) {
    case 0x45:
      return [b.op('eq', pop(1)[0], zero)];
    case 0x50: {
      const [low, high] = popPair(pop);
      return [b.op('eq', b.op('or', low, high), zero)];
    }
    case 0x67:
      return [clz(b, pop(1)[0])];
    case 0x68:
      return [ctz(b, pop(1)[0])];
    case 0x69:
      return [popcnt(b, pop(1)[0])];
    case 0x77: {
      const [amount] = pop(1);
      return [rotl(b, pop(1)[0], amount)];
    }
    case 0x78: {
      const [amount] = pop(1);
      return [rotr(b, pop(1)[0], amount)];
    }
    case 0x79:
      return clz64(b, popPair(pop));
    case 0x7a:
      return ctz64(b, popPair(pop));
    case 0x7b:
      return popcnt64(b, popPair(pop));
    case 0x89: {
      const [amount] = popPair(pop);
      return rotl64(b, popPair(pop), amount);
    }
    case 0x8a: {
      const [amount] = popPair(pop);
      return rotr64(b, popPair(pop), amount);
    }
    case 0xa7:
      return [popPair(pop)[0]];
    case 0xac:
      return widen(pop(1)[0]);
    case 0xad:
      return [pop(1)[0], zero];
    case 0xc0:
      return [signExtend(pop(1)[0], 8)];
    case 0xc1:
      return [signExtend(pop(1)[0], 16)];
    case 0xc2:
      return widen(signExtend(popPair(pop)[0], 8));
    case 0xc3:
      return widen(signExtend(popPair(pop)[0], 16));
    case 0xc4:
      return widen(popPair(pop)[0]);
    default:
      return undefined;
  }
}
