// wasm's opcode numbers as tables (WebAssembly 2.0, chapter 5.4).

import type { BinaryOp, Condition } from './ir.ts';

export interface LoadOperator {
  readonly name: string;
  readonly type: 'i32' | 'i64';
  /** i64: where the high word comes from. */
  readonly high?: 'word' | 'sign' | 'zero';
}

export const LOADS: Readonly<Record<number, LoadOperator>> = {
  0x28: { name: 'lw', type: 'i32' },
  0x29: { name: 'lw', type: 'i64', high: 'word' },
  0x2c: { name: 'lb', type: 'i32' },
  0x2d: { name: 'lbu', type: 'i32' },
  0x2e: { name: 'lh', type: 'i32' },
  0x2f: { name: 'lhu', type: 'i32' },
  0x30: { name: 'lb', type: 'i64', high: 'sign' },
  0x31: { name: 'lbu', type: 'i64', high: 'zero' },
  0x32: { name: 'lh', type: 'i64', high: 'sign' },
  0x33: { name: 'lhu', type: 'i64', high: 'zero' },
  0x34: { name: 'lw', type: 'i64', high: 'sign' },
  0x35: { name: 'lw', type: 'i64', high: 'zero' },
};

export interface StoreOperator {
  readonly name: string;
  readonly type: 'i32' | 'i64';
  /** Stores the high word as well. */
  readonly both: boolean;
}

export const STORES: Readonly<Record<number, StoreOperator>> = {
  0x36: { name: 'sw', type: 'i32', both: false },
  0x37: { name: 'sw', type: 'i64', both: true },
  0x3a: { name: 'sb', type: 'i32', both: false },
  0x3b: { name: 'sh', type: 'i32', both: false },
  0x3c: { name: 'sb', type: 'i64', both: false },
  0x3d: { name: 'sh', type: 'i64', both: false },
  0x3e: { name: 'sw', type: 'i64', both: false },
};

/** A comparison of the stack's two top values, and whether they change places. */
type Compare = readonly [Condition, swap: boolean];

const comparisons = (first: number): Record<number, Compare> => {
  const list: Compare[] = [
    ['eq', false],
    ['ne', false],
    ['lt', false],
    ['ltu', false],
    ['lt', true], // gt_s
    ['ltu', true],
    ['ge', true], // le_s
    ['geu', true],
    ['ge', false],
    ['geu', false],
  ];
  return Object.fromEntries(list.map((c, i) => [first + i, c]));
};

export const COMPARE32 = comparisons(0x46);
export const COMPARE64 = comparisons(0x51);

export const BINARY32: Readonly<Record<number, BinaryOp>> = {
  0x6a: 'add',
  0x6b: 'sub',
  0x6c: 'mul',
  0x6d: 'div',
  0x6e: 'divu',
  0x6f: 'rem',
  0x70: 'remu',
  0x71: 'and',
  0x72: 'or',
  0x73: 'xor',
  0x74: 'sll',
  0x75: 'sra',
  0x76: 'srl',
};

/** i64's binary operators start this far after i32's. */
export const BINARY64_DISTANCE = 0x7c - 0x6a;

const GROUPS: readonly (readonly [first: number, last: number, what: string])[] = [
  [0x06, 0x09, 'exception handling'],
  [0x12, 0x15, 'a tail call'],
  [0x18, 0x19, 'exception handling'],
  [0x25, 0x26, 'table access'],
  [0x2a, 0x2b, 'a float load'],
  [0x38, 0x39, 'a float store'],
  [0x3f, 0x40, 'memory.size or memory.grow (heap allocation)'],
  [0x43, 0x44, 'a float constant'],
  [0x5b, 0x66, 'a float comparison'],
  [0x8b, 0xa6, 'float arithmetic'],
  [0xa8, 0xab, 'a float conversion'],
  [0xae, 0xbf, 'a float conversion'],
  [0xd0, 0xd2, 'a reference'],
  [0xfb, 0xfb, 'garbage collection'],
  [0xfc00, 0xfc07, 'a float conversion'],
  [0xfc08, 0xfcff, 'bulk table access'],
  [0xfd, 0xfd, 'SIMD'],
  [0xfe, 0xfe, 'a wasm atomic operator (use firmware/arch/atomic.ts)'],
];

/** What an unsupported operator is, for a message. */
export const operatorName = (code: number): string =>
  GROUPS.find(([first, last]) => code >= first && code <= last)?.[2] ??
  `wasm operator 0x${code.toString(16)}`;
