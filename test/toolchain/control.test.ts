// Control flow and calls, directed: tables, far branches, big frames, many arguments, traps.

import { describe, expect, it } from 'vitest';
import {
  type Call,
  compile,
  type Compiled,
  MEMORY_BASE,
  MEMORY_PAGES,
  type Outcome,
  runOnMachine,
  runOnNode,
} from './support/harness.ts';
import {
  access,
  blockOf,
  br,
  brIf,
  call,
  type Code,
  encodeModule,
  type FunctionSource,
  i32const,
  i64const,
  ifElse,
  localGet,
  localSet,
  localTee,
  loopOf,
  type ModuleSource,
  type Type,
  typeIndexOf,
  unsigned,
} from './support/wasm-encoder.ts';

const source = (
  parameters: readonly Type[],
  results: readonly Type[],
  body: Code,
  locals: readonly Type[] = [],
): FunctionSource => ({ parameters, results, locals, body });

/** Runs the calls on Node and on our machine; both must agree. Returns the outcomes. */
function both(
  module: ModuleSource,
  calls: readonly Call[],
): { outcomes: Outcome[]; compiled: Compiled } {
  const wasm = encodeModule({ ...module, memoryPages: MEMORY_PAGES });
  const types = new Map(module.functions.map((f, i) => [`f${i}`, f.results[0]]));
  const compiled = compile(wasm);
  const { outcomes, memory } = runOnMachine(compiled, calls, types);
  const node = runOnNode(wasm, calls);
  expect(outcomes).toEqual(node.outcomes);
  expect(Buffer.compare(memory, node.memory)).toBe(0);
  return { outcomes, compiled };
}

const each = (name: string, values: readonly number[]): Call[] =>
  values.map((v) => ({ name, args: [v] }));

describe('br_table', () => {
  /** Case i returns 100 + i, the default 99. */
  const table = (cases: number): FunctionSource => {
    let code: Code = [
      localGet(0),
      [
        0x0e,
        unsigned(cases),
        Array.from({ length: cases }, (_, i) => unsigned(i)),
        unsigned(cases),
      ],
    ];
    for (let i = 0; i < cases; i++) code = [blockOf(undefined, code), i32const(100 + i), 0x0f];
    return source(['i32'], ['i32'], [blockOf(undefined, code), i32const(99)]);
  };

  for (const cases of [0, 1, 3, 4, 5, 40]) {
    it(`with ${cases} cases, in and out of range`, () => {
      const { outcomes } = both(
        { functions: [table(cases)] },
        each('f0', [0, 1, 2, 3, 4, 5, 39, 40, 41, 1000, -1, -0x80000000]),
      );
      expect(outcomes[0]).toBe(cases === 0 ? 99 : 100);
      expect(outcomes[10]).toBe(99);
    });
  }

  it('carries a value to its targets', () => {
    const body = blockOf('i32', [
      blockOf('i32', [localGet(0), i32const(7), 0x6c, localGet(0), [0x0e, 1, 0, 1]]),
      i32const(1000),
      0x6a,
    ]);
    const { outcomes } = both(
      { functions: [source(['i32'], ['i32'], body)] },
      each('f0', [0, 1, 5]),
    );
    expect(outcomes).toEqual([1000, 7, 35]);
  });
});

describe('calls', () => {
  const many: Type[] = [
    ...(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const),
    ...(['i64', 'i64', 'i32', 'i64'] as const),
  ];
  /** Sum of parameter × (index + 1), as i64. */
  const weigh = source(
    many,
    ['i64'],
    many.map((t, i) => [
      localGet(i),
      t === 'i32' ? 0xac : [],
      i64const(BigInt(i + 1)),
      0x7e,
      i > 0 ? 0x7c : [],
    ]),
  );
  const args = [1, -2, 3, 4, 5, 6, 7, -8n, 0x123456789abn, -11, 9n];

  it('pass i64 in a register and on the stack, and aligned on the stack', () => {
    both({ functions: [weigh] }, [{ name: 'f0', args }]);
  });

  it('build stack arguments the same way', () => {
    const caller = source(
      [],
      ['i64'],
      [args.map((a) => (typeof a === 'bigint' ? i64const(a) : i32const(a))), call(0)],
    );
    both({ functions: [weigh, caller] }, [{ name: 'f1', args: [] }]);
  });

  it('recurse', () => {
    const fib = source(
      ['i32'],
      ['i32'],
      [
        [localGet(0), i32const(2), 0x48],
        ifElse('i32', localGet(0), [
          [localGet(0), i32const(1), 0x6b, call(0)],
          [localGet(0), i32const(2), 0x6b, call(0)],
          0x6a,
        ]),
      ],
    );
    expect(both({ functions: [fib] }, each('f0', [15])).outcomes).toEqual([610]);
  });

  it('go through the table by index', () => {
    const unary = { parameters: ['i32'], results: ['i32'] } as const;
    const functions = [
      source(['i32'], ['i32'], [localGet(0), i32const(1), 0x6a]),
      source(['i32'], ['i32'], [localGet(0), i32const(3), 0x6c]),
      source(['i32', 'i32'], ['i32'], []),
    ];
    const index = typeIndexOf({ functions }, unary);
    const body = [localGet(1), localGet(0), 0x11, unsigned(index), 0];
    functions[2] = source(['i32', 'i32'], ['i32'], body);
    const { outcomes } = both({ functions, table: [0, 1] }, [
      { name: 'f2', args: [1, 10] },
      { name: 'f2', args: [2, 10] },
      { name: 'f2', args: [0, 10] }, // empty slot
      { name: 'f2', args: [3, 10] }, // past the end
      { name: 'f2', args: [-1, 10] },
    ]);
    expect(outcomes).toEqual([11, 30, 'trap', 'trap', 'trap']);
  });
});

describe('registers', () => {
  it('are spilled when there are more values than registers', () => {
    // 60 values loaded first, used in the opposite order afterwards, across a call.
    const count = 60;
    const locals = Array.from({ length: count }, (): Type => 'i32');
    const load = locals.map((_, i) => [localGet(0), access(0x28, 4 * i), localSet(i + 1)]);
    const sum = locals.map((_, i) => [localGet(count - i), i32const(i * 3 + 1), 0x6c, 0x6a]);
    const functions = [
      source(['i32'], ['i32'], [load, localGet(0), call(1), sum], locals),
      source(['i32'], ['i32'], [localGet(0), i32const(5), 0x73]),
    ];
    const bytes = Array.from({ length: 4 * count }, (_, i) => (i * 37 + 11) & 255);
    both({ functions, data: [{ address: MEMORY_BASE, bytes }] }, each('f0', [MEMORY_BASE]));
  });

  it('have slots beyond the reach of a 12-bit offset', () => {
    const count = 700;
    const locals = Array.from({ length: count }, (): Type => 'i32');
    const load = locals.map((_, i) => [localGet(0), access(0x28, 4 * i), localSet(i + 2)]);
    const sum = locals.map((_, i) => [localGet(count + 1 - i), i32const(i + 1), 0x6c, 0x6a]);
    // Calls itself once: a slot below sp would be overwritten.
    const inner = [
      [
        localGet(1),
        ifElse('i32', [localGet(0), i32const(4), 0x6a, i32const(0), call(0)], i32const(0)),
      ],
    ];
    const body = [load, inner, sum];
    const functions = [source(['i32', 'i32'], ['i32'], body, locals)];
    const bytes = Array.from({ length: 4 * count }, (_, i) => (i * 37 + 11) & 255);
    both({ functions, data: [{ address: MEMORY_BASE, bytes }] }, [
      { name: 'f0', args: [MEMORY_BASE, 1] },
    ]);
  });

  it('change places in a loop', () => {
    // Fibonacci by (a, b) ← (b, a + b), and a three-way rotation.
    const body = [
      [i32const(1), localSet(2)],
      [i32const(7), localSet(3)],
      loopOf([
        [localGet(2), localGet(1), localGet(2), 0x6a, localSet(2), localSet(1)],
        [localGet(3), localGet(4), localGet(5), localSet(3), localSet(5), localSet(4)],
        [localGet(0), i32const(1), 0x6b, localTee(0), brIf(0)],
      ]),
      [localGet(1), localGet(3), i32const(1000), 0x6c, 0x6a, localGet(5), i32const(77), 0x6c, 0x6a],
    ];
    const f = source(['i32'], ['i32'], body, ['i32', 'i32', 'i32', 'i32', 'i32']);
    both({ functions: [f] }, each('f0', [1, 2, 3, 4, 10]));
  });
});

describe('branches', () => {
  /** Many stores: `bytes` or more of code. */
  const filler = (bytes: number): Code =>
    Array.from({ length: bytes / 4 }, (_, i) => [
      [i32const(MEMORY_BASE), localGet(0), i32const(i), 0x6a, access(0x3a, i % 2048)],
    ]);

  it('reach beyond 4 KiB, forwards and backwards', () => {
    const forwards = [localGet(0), ifElse(undefined, filler(6000), filler(6000)), localGet(0)];
    const backwards = [
      loopOf([
        filler(6000),
        [localGet(0), i32const(1), 0x6b, localTee(0), i32const(0), 0x4a, brIf(0)],
      ]),
      localGet(0),
    ];
    const functions = [
      source(['i32'], ['i32'], forwards),
      source(['i32'], ['i32'], backwards),
      // A check whose trap lies beyond the code.
      source(['i32'], ['i32'], [i32const(9), localGet(0), 0x6d, filler(6000)]),
    ];
    const { outcomes, compiled } = both({ functions }, [
      ...each('f0', [0, 1]),
      ...each('f1', [1, 3]),
      ...each('f2', [0, 3]),
    ]);
    expect(outcomes).toEqual([0, 1, 0, 0, 'trap', 3]);
    for (const f of compiled.module.functions) expect(f.bytes.length).toBeGreaterThan(4096);
  });

  it('leave nested blocks and loops', () => {
    const body = blockOf('i32', [
      loopOf([
        blockOf(undefined, [
          [localGet(0), i32const(10), 0x48, brIf(0)],
          [localGet(0), br(2)],
        ]),
        [localGet(0), i32const(3), 0x6a, localSet(0), br(0)],
      ]),
      i32const(-1),
    ]);
    const f = source(['i32'], ['i32'], body);
    expect(both({ functions: [f] }, each('f0', [0, 9, 10, 50])).outcomes).toEqual([12, 12, 10, 50]);
  });

  it('stop at unreachable', () => {
    const f = source(['i32'], ['i32'], [localGet(0), ifElse(undefined, [0x00]), i32const(3)]);
    expect(both({ functions: [f] }, each('f0', [0, 1])).outcomes).toEqual([3, 'trap']);
  });

  it('accept code that cannot be reached', () => {
    const body = [
      blockOf('i32', [localGet(0), br(0), 0x6a, 0x1a, i32const(1), localGet(0), 0x6c]),
      [0x0f, 0x00, 0x41, 5],
    ];
    both({ functions: [source(['i32'], ['i32'], body)] }, each('f0', [4]));
  });
});

describe('equal expressions', () => {
  it('in the arms of a branch and behind it are each computed where needed', () => {
    const product = [localGet(0), localGet(1), 0x6c];
    const keep = (offset: number, body: Code) => [
      i32const(MEMORY_BASE),
      body,
      access(0x36, offset),
    ];
    const body = [
      [localGet(2), ifElse(undefined, keep(0, product), [localGet(0), localSet(1)])],
      keep(4, product),
      [localGet(2), i32const(1), 0x46],
      ifElse(undefined, keep(8, product), keep(12, [product, i32const(1), 0x6a])),
      product,
    ];
    const f = source(['i32', 'i32', 'i32'], ['i32'], body);
    const args = [
      [3, 5, 0],
      [3, 5, 1],
      [3, 5, 2],
      [-7, 11, 0],
    ];
    both(
      { functions: [f] },
      args.map((a) => ({ name: 'f0', args: a })),
    );
  });

  it('in sibling arms do not stand for each other', () => {
    const product = [localGet(0), localGet(1), 0x6c];
    const body = ifElse(
      'i32',
      [product, i32const(3), 0x6a],
      [localGet(2), ifElse('i32', [product, i32const(7), 0x6b], [product, i32const(9), 0x73])],
    );
    const f = source(['i32', 'i32', 'i32', 'i32'], ['i32'], [localGet(3), body]);
    both(
      { functions: [f] },
      [0, 1, 2, 3].map((n) => ({ name: 'f0', args: [6, 7, n >> 1, n & 1] })),
    );
  });
});

describe('memory', () => {
  it('is copied and filled, overlapping or not, at every alignment', () => {
    const copy = [localGet(0), localGet(1), localGet(2), 0xfc, 10, 0, 0];
    const fill = [localGet(0), localGet(1), localGet(2), 0xfc, 11, 0];
    const functions = [
      source(['i32', 'i32', 'i32'], [], copy),
      source(['i32', 'i32', 'i32'], [], fill),
    ];
    const bytes = Array.from({ length: 4096 }, (_, i) => (i * 7 + (i >> 8)) & 255);
    const calls: Call[] = [];
    const base = MEMORY_BASE;
    for (let i = 0; i < 200; i++) {
      const from = base + ((i * 53) % 300);
      const to = from + ((i * 29) % 83) - 41 + 41 * (i % 2);
      calls.push({ name: 'f0', args: [to + 100, from + 100, (i * 17) % 130] });
      calls.push({ name: 'f1', args: [base + 2000 + ((i * 31) % 700), i * 3, (i * 13) % 90] });
    }
    both({ functions, data: [{ address: base, bytes }] }, calls);
  });

  it('keeps wide and narrow accesses apart', () => {
    const f = source(
      ['i32', 'i64'],
      ['i64'],
      [
        [localGet(0), localGet(1), access(0x37, 8)],
        [localGet(0), localGet(1), access(0x3c, 11)],
        [localGet(0), localGet(1), access(0x3d, 14)],
        [localGet(0), access(0x29, 8), localGet(0), access(0x30, 15), 0x85],
        [localGet(0), access(0x33, 10), 0x7c, localGet(0), access(0x34, 12), 0x7d],
      ],
    );
    both(
      { functions: [f] },
      [0x0123456789abcdefn, -1n, 0x80808080n, -0x7f7f7f7f7f7f7f7fn].map((v) => ({
        name: 'f0',
        args: [MEMORY_BASE + 32, v],
      })),
    );
  });
});
