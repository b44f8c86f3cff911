// Random wasm functions as fast-check arbitraries: expression and statement trees over parameters,
// locals, globals, memory, calls and every kind of control flow that asc emits. All of them end.

import fc from 'fast-check';
import { MEMORY_BASE } from './harness.ts';
import {
  access,
  blockOf,
  br,
  brIf,
  call,
  type Code,
  type FunctionSource,
  globalGet,
  globalSet,
  i32const,
  i64const,
  ifElse,
  localGet,
  localSet,
  localTee,
  loopOf,
  type Type,
  unsigned,
} from './wasm-encoder.ts';

/** Where a piece of code stands: what it may call and where it may branch to. */
interface Place {
  readonly index: number;
  /** Open labels, innermost first: true where a plain br may go. */
  readonly labels: readonly boolean[];
  readonly loops: number;
}

type Piece = (place: Place) => Code;

/** Functions below this index call nobody; the others call these. */
const LEAVES = 4;
const LOOPS_MAX = 3;

export const PARAMETERS: readonly Type[] = ['i32', 'i32', 'i64', 'i64'];
const LOCALS: readonly Type[] = ['i32', 'i32', 'i64', 'i64', 'i32', 'i32', 'i32'];
const I32_LOCALS = [0, 1, 4, 5];
const I64_LOCALS = [2, 3, 6, 7];
const FIRST_COUNTER = 8;

export const GLOBALS = [
  { type: 'i32', mutable: true, value: 5n },
  { type: 'i64', mutable: true, value: 0x123456789an },
  { type: 'i32', mutable: false, value: -77n },
] as const;

/** Even functions give an i32, odd ones an i64. Type indices are in order of first appearance. */
export const resultType = (index: number): Type => (index % 2 === 0 ? 'i32' : 'i64');

const inner = (place: Place, plain: boolean): Place => ({
  ...place,
  labels: [plain, ...place.labels],
});

const edges = fc.constantFrom(
  ...[0, 1, -1, 2, 4, 8, 31, 32, 255, 2047, 2048, -2048, -2049, 4096, 65535, 0x7fffffff],
  ...[-0x80000000, 0x12345678, -4096],
);
const int32 = fc.oneof(edges, fc.integer({ min: -64, max: 64 }), fc.integer());
const int64 = fc.oneof(
  int32.map(BigInt),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0xffffffffn, 0x100000000n, -(2n ** 63n), 2n ** 63n - 1n),
);

const BINARY_COUNT = 15; // add … rotr, from 0x6a and 0x7c
const COMPARE_COUNT = 10; // eq … ge_u, from 0x46 and 0x51
const LOADS32 = [0x28, 0x2c, 0x2d, 0x2e, 0x2f];
const LOADS64 = [0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35];
const STORES32 = [0x36, 0x3a, 0x3b];
const STORES64 = [0x37, 0x3c, 0x3d, 0x3e];

const offsets = fc.integer({ min: 0, max: 0xfff }).map((n) => n * 8);
const k = fc.nat({ max: 63 });

/** An address in the module's 64 KiB, 8-aligned. */
const addressOf =
  (e: Piece): Piece =>
  (p) => [e(p), i32const(0x7ff8), 0x71, i32const(MEMORY_BASE), 0x6a];

interface Trees {
  i32: Piece;
  i64: Piece;
  statement: Piece;
  statements: Piece;
}

const { i32, i64, statements } = fc.letrec(
  (tie: fc.LetrecTypedTie<Trees>): fc.LetrecValue<Trees> => {
    const e32 = tie('i32');
    const e64 = tie('i64');
    const body = tie('statements');
    const args = fc.tuple(e32, e32, e64, e64);
    const calls = (type: Type) =>
      fc.tuple(args, k, k, fc.boolean(), e32).map(([list, n, m, indirect, choice]): Piece => {
        const parity = type === 'i32' ? 0 : 1;
        const callee = (x: number) => (x % (LEAVES / 2)) * 2 + parity;
        return (p) => {
          if (p.index < LEAVES) return type === 'i32' ? i32const(n) : i64const(BigInt(n));
          const values = list.map((e) => e(p));
          if (!indirect) return [values, call(callee(n))];
          const slot = [i32const(callee(n) + 1), i32const(callee(m) + 1), choice(p), 0x1b];
          return [values, slot, 0x11, unsigned(parity), 0];
        };
      });
    const common = (type: Type, e: fc.Arbitrary<Piece>) => [
      fc.tuple(e, e, e32).map(([a, b, c]): Piece => (p) => [a(p), b(p), c(p), 0x1b]),
      fc
        .tuple(e32, e, e, body)
        .map(([c, a, b, s]): Piece => (p) => [
          c(p),
          ifElse(type, [s(inner(p, false)), a(inner(p, false))], b(inner(p, false))),
        ]),
      fc.tuple(e, e32, e, body).map(([a, c, b, s]): Piece => (p) => {
        const q = inner(p, false);
        return blockOf(type, [s(q), a(q), c(q), brIf(0), 0x1a, b(q)]);
      }),
      calls(type),
    ];
    const binary = (first: number, count: number, e: fc.Arbitrary<Piece>) =>
      fc
        .tuple(e, e, fc.nat({ max: count - 1 }))
        .map(([a, b, n]): Piece => (p) => [a(p), b(p), first + n]);
    const unary = (codes: readonly number[], e: fc.Arbitrary<Piece>) =>
      fc.tuple(e, fc.constantFrom(...codes)).map(([a, code]): Piece => (p) => [a(p), code]);
    const loads = (codes: readonly number[]) =>
      fc
        .tuple(e32, fc.constantFrom(...codes), offsets)
        .map(([a, code, offset]): Piece => (p) => [addressOf(a)(p), access(code, offset)]);
    const stores = (codes: readonly number[], e: fc.Arbitrary<Piece>) =>
      fc
        .tuple(e32, e, fc.constantFrom(...codes), offsets)
        .map(([a, v, code, offset]): Piece => (p) => [addressOf(a)(p), v(p), access(code, offset)]);
    const tees = (locals: readonly number[], e: fc.Arbitrary<Piece>) =>
      fc.tuple(e, fc.constantFrom(...locals)).map(([a, n]): Piece => (p) => [a(p), localTee(n)]);
    const assign = (locals: readonly number[], e: fc.Arbitrary<Piece>) =>
      fc.tuple(e, fc.constantFrom(...locals)).map(([a, n]): Piece => (p) => [a(p), localSet(n)]);
    const branches = fc.tuple(e32, k).map(([c, n]): Piece => (p) => {
      const targets = p.labels.flatMap((plain, depth) => (plain ? [depth] : []));
      return targets.length === 0 ? [] : [c(p), brIf(targets[n % targets.length])];
    });
    const loops = fc
      .tuple(fc.integer({ min: 1, max: 4 }), k, fc.integer({ min: 1, max: 5 }), body)
      .map(([turns, start, step, s]): Piece => (p) => {
        if (p.loops >= LOOPS_MAX) return [];
        const counter = FIRST_COUNTER + p.loops;
        const q = { ...inner(inner(p, true), true), loops: p.loops + 1 };
        const last = i32const(start + turns * step);
        const test = [localGet(counter), i32const(step), 0x6a, localTee(counter), last, 0x4a];
        return [
          i32const(start),
          localSet(counter),
          blockOf(undefined, loopOf([test, brIf(1), s(q), br(0)])),
        ];
      });
    const switches = fc
      .tuple(e32, fc.array(body, { minLength: 1, maxLength: 6 }), fc.boolean())
      .map(([e, cases, masked]): Piece => (p) => {
        // block … block { br_table } case 0 … end: each case falls through into the next.
        let q = p;
        for (let i = 0; i <= cases.length; i++) q = inner(q, true);
        const index = masked ? [e(q), i32const(7), 0x71] : e(q);
        const table = [0x0e, unsigned(cases.length), cases.map((_, i) => unsigned(i))];
        let code: Code = [index, table, unsigned(cases.length)];
        cases.forEach((s, i) => {
          let at = p;
          for (let n = i + 1; n <= cases.length; n++) at = inner(at, true);
          code = [blockOf(undefined, code), s(at)];
        });
        return blockOf(undefined, code);
      });
    const bulk = fc.tuple(e32, e32, e32, fc.boolean()).map(([a, b, n, fill]): Piece => (p) => {
      const count = [n(p), i32const(0x7f), 0x71];
      const to = [addressOf(a)(p), b(p), i32const(7), 0x71, 0x6a];
      return fill
        ? [to, b(p), count, 0xfc, 11, 0]
        : [to, addressOf(b)(p), n(p), i32const(3), 0x71, 0x6a, count, 0xfc, 10, 0, 0];
    });
    // What loops compute from their counters: counter × constant + something.
    const induction = fc
      .tuple(k, int32, fc.constantFrom(0x74, 0x6c), fc.constantFrom(0x6a, 0x6b), e32, fc.boolean())
      .map(([n, factor, scale, sum, e, addFirst]): Piece => (p) => {
        if (p.loops === 0) return i32const(factor);
        const counter = localGet(FIRST_COUNTER + (n % p.loops));
        const scaled = addFirst
          ? [counter, e(p), sum, i32const(factor), scale]
          : [counter, i32const(factor), scale, e(p), sum];
        return scaled;
      });
    const increments = fc
      .tuple(fc.constantFrom(...I32_LOCALS), int32)
      .map(([n, by]): Piece => () => [localGet(n), i32const(by), 0x6a, localSet(n)]);
    // Values that change places: what loops make of these is moves in a circle.
    const swaps = fc
      .tuple(fc.shuffledSubarray(I32_LOCALS, { minLength: 2 }), k)
      .map(([locals, n]): Piece => () => {
        const turn = 1 + (n % (locals.length - 1));
        const from = locals.map((_, i) => locals[(i + turn) % locals.length]);
        return [from.map(localGet), [...locals].reverse().map(localSet)];
      });
    const depth = { depthSize: 'small', withCrossShrink: true } as const;
    return {
      i32: fc.oneof(
        { ...depth, maxDepth: 5 },
        int32.map(
          (n): Piece =>
            () =>
              i32const(n),
        ),
        fc.constantFrom(...I32_LOCALS).map(
          (n): Piece =>
            () =>
              localGet(n),
        ),
        fc.constantFrom(0, 2).map(
          (n): Piece =>
            () =>
              globalGet(n),
        ),
        binary(0x6a, BINARY_COUNT, e32),
        binary(0x6a, 3, e32),
        binary(0x71, BINARY_COUNT - 7, e32),
        binary(0x46, COMPARE_COUNT, e32),
        binary(0x51, COMPARE_COUNT, e64),
        unary([0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1], e32),
        unary([0x50, 0xa7], e64),
        loads(LOADS32),
        induction,
        fc
          .tuple(induction, fc.constantFrom(...LOADS32), offsets)
          .map(([a, code, offset]): Piece => (p) => [addressOf(a)(p), access(code, offset)]),
        tees(I32_LOCALS, e32),
        ...common('i32', e32),
      ),
      i64: fc.oneof(
        { ...depth, maxDepth: 5 },
        int64.map(
          (n): Piece =>
            () =>
              i64const(n),
        ),
        fc.constantFrom(...I64_LOCALS).map(
          (n): Piece =>
            () =>
              localGet(n),
        ),
        fc.constant<Piece>(() => globalGet(1)),
        binary(0x7c, BINARY_COUNT, e64),
        binary(0x7c, 3, e64),
        binary(0x83, BINARY_COUNT - 7, e64),
        unary([0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4], e64),
        unary([0xac, 0xad], e32),
        loads(LOADS64),
        tees(I64_LOCALS, e64),
        ...common('i64', e64),
      ),
      statement: fc.oneof(
        { ...depth, maxDepth: 5 },
        assign(I32_LOCALS, e32),
        assign(I64_LOCALS, e64),
        stores(STORES32, e32),
        stores(STORES64, e64),
        e32.map((e): Piece => (p) => [e(p), globalSet(0)]),
        e64.map((e): Piece => (p) => [e(p), globalSet(1)]),
        increments,
        swaps,
        branches,
        loops,
        loops,
        switches,
        bulk,
        fc.tuple(e32, body, body, fc.boolean()).map(([c, a, b, both]): Piece => (p) => {
          const q = inner(p, true);
          return [c(p), both ? ifElse(undefined, a(q), b(q)) : ifElse(undefined, a(q))];
        }),
        body.map(
          (s): Piece =>
            (p) =>
              blockOf(undefined, s(inner(p, true))),
        ),
        fc.tuple(e32, e32, e64).map(([c, x, y]): Piece => (p) => {
          const value = p.index % 2 === 0 ? x : y;
          const q = inner(p, true);
          return [c(p), ifElse(undefined, [value(q), 0x0f])];
        }),
      ),
      statements: fc.array(tie('statement'), { maxLength: 4, depthIdentifier: 'statements' }).map(
        (list): Piece =>
          (p) =>
            list.map((s) => s(p)),
      ),
    };
  },
);

/** A function, once it knows its index in the module. */
export const randomFunction: fc.Arbitrary<(index: number) => FunctionSource> = fc
  .tuple(statements, statements, i32, i64)
  .map(([first, second, low, high]) => (index: number): FunctionSource => {
    const place: Place = { index, labels: [], loops: 0 };
    const result = index % 2 === 0 ? low(place) : high(place);
    return {
      parameters: PARAMETERS,
      results: [resultType(index)],
      locals: LOCALS,
      body: [first(place), second(place), result],
    };
  });

export const randomArguments = fc.tuple(int32, int32, int64, int64);
