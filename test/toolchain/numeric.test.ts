// Every integer operator of wasm that asc emits, over values where carries, signs and amounts change.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, MEMORY_PAGES, runOnMachine, runOnNode, type Call } from './support/harness.ts';
import {
  type Code,
  encodeModule,
  i32const,
  i64const,
  localGet,
  type Type,
} from './support/wasm-encoder.ts';

const VALUES32 = [
  0, 1, 2, 3, 5, 7, 8, 10, 31, 32, 33, 63, 100, 127, 128, 255, 256, 2047, 2048, 4095, 4096, 32767,
  32768, 65535, 65536, 0x12345678, 0x7ffff7ff, 0x7fffffff, -1, -2, -3, -7, -8, -31, -32, -128, -129,
  -2048, -2049, -32768, -0x80000000, -0x7fffffff, 0x55555555, 0x0f0f0f0f,
];
const VALUES64 = [
  ...[0n, 1n, 2n, 7n, 10n, 31n, 32n, 33n, 63n, 64n, 255n, 1000n, 0xffffn, 0x10000n],
  ...[0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x100000001n, 0x123456789abcdef0n],
  ...[1_000_000_000n, 0x7fffffffffffffffn, -0x8000000000000000n, -0x7fffffffffffffffn],
  ...[
    -1n,
    -2n,
    -10n,
    -0x80000000n,
    -0x80000001n,
    -0x100000000n,
    -0x123456789n,
    0xffffffff00000000n,
  ],
].map((n) => BigInt.asIntN(64, n));

interface Operator {
  readonly name: string;
  readonly code: number;
  readonly operands: readonly Type[];
  readonly result: Type;
}

const list = (names: string, first: number, operands: readonly Type[], result: Type): Operator[] =>
  names.split(' ').map((name, i) => ({ name, code: first + i, operands, result }));

const COMPARISONS = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
const BINARY = 'add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr';
const OPERATORS: readonly Operator[] = [
  ...list('i32.eqz', 0x45, ['i32'], 'i32'),
  ...list(COMPARISONS, 0x46, ['i32', 'i32'], 'i32'),
  ...list('i64.eqz', 0x50, ['i64'], 'i32'),
  ...list(COMPARISONS, 0x51, ['i64', 'i64'], 'i32'),
  ...list('clz ctz popcnt', 0x67, ['i32'], 'i32'),
  ...list(BINARY, 0x6a, ['i32', 'i32'], 'i32'),
  ...list('clz64 ctz64 popcnt64', 0x79, ['i64'], 'i64'),
  ...list(BINARY, 0x7c, ['i64', 'i64'], 'i64'),
  ...list('wrap', 0xa7, ['i64'], 'i32'),
  ...list('extend_s extend_u', 0xac, ['i32'], 'i64'),
  ...list('extend8 extend16', 0xc0, ['i32'], 'i32'),
  ...list('extend8_64 extend16_64 extend32_64', 0xc2, ['i64'], 'i64'),
];

type Value = number | bigint;
const values = (type: Type): readonly Value[] => (type === 'i64' ? VALUES64 : VALUES32);
const constant = (v: Value): Code => (typeof v === 'bigint' ? i64const(v) : i32const(v));

/** All calls' outcomes, compared. */
function compare(
  functions: { parameters: readonly Type[]; results: readonly Type[]; body: Code }[],
  calls: readonly Call[],
): void {
  const wasm = encodeModule({
    functions: functions.map((f) => ({ ...f, locals: [] })),
    memoryPages: MEMORY_PAGES,
  });
  const types = new Map(functions.map((f, i) => [`f${i}`, f.results[0]]));
  const expected = runOnNode(wasm, calls).outcomes;
  const { outcomes } = runOnMachine(compile(wasm), calls, types);
  const wrong = calls
    .map((c, i) => ({ call: c, node: expected[i], machine: outcomes[i] }))
    .filter((c) => c.node !== c.machine);
  expect(wrong.slice(0, 10)).toEqual([]);
}

const GROUPS = [
  ['i32', 1],
  ['i64', 1],
  ['i32', 2],
  ['i64', 2],
] as const;

describe('operators with operands in registers', () => {
  for (const [type, arity] of GROUPS) {
    it(`${type}, ${arity} operands`, () => {
      const operators = OPERATORS.filter(
        (o) => o.operands[0] === type && o.operands.length === arity,
      );
      const functions = operators.map((op) => ({
        parameters: op.operands,
        results: [op.result],
        body: [op.operands.map((_, i) => localGet(i)), op.code],
      }));
      const args: Value[][] =
        arity === 1
          ? values(type).map((v) => [v])
          : values(type).flatMap((a) => values(type).map((b) => [a, b]));
      compare(
        functions,
        functions.flatMap((_, i) => args.map((a) => ({ name: `f${i}`, args: a }))),
      );
    });
  }
});

describe('operators with one constant operand', () => {
  for (const type of ['i32', 'i64'] as const) {
    it(type, () => {
      const operators = OPERATORS.filter((o) => o.operands.length === 2 && o.operands[0] === type);
      const functions = operators.flatMap((op) =>
        values(type).flatMap((v) => [
          { parameters: [type], results: [op.result], body: [localGet(0), constant(v), op.code] },
          { parameters: [type], results: [op.result], body: [constant(v), localGet(0), op.code] },
        ]),
      );
      const calls = functions.flatMap((_, i) =>
        values(type)
          .filter((_, n) => n % 4 === (i >> 1) % 4)
          .map((v) => ({ name: `f${i}`, args: [v] })),
      );
      compare(functions, calls);
    });
  }
});

describe('64-bit division', () => {
  it('agrees for operands of every size', () => {
    // Random bits, cut to random lengths: each path of the runtime's division, and its corrections.
    const sized = fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat({ max: 63 }), fc.boolean())
      .map(([n, bits, ones]) =>
        BigInt.asIntN(64, ones ? (2n ** 64n - 1n) >> BigInt(bits) : n >> BigInt(bits)),
      );
    const pairs = fc.sample(fc.tuple(sized, sized), { numRuns: 3000, seed: 9 });
    const functions = [0x7f, 0x80, 0x81, 0x82].map((code) => ({
      parameters: ['i64', 'i64'] as const,
      results: ['i64'] as const,
      body: [localGet(0), localGet(1), code],
    }));
    compare(
      functions,
      functions.flatMap((_, i) => pairs.map((args) => ({ name: `f${i}`, args }))),
    );
  });
});
