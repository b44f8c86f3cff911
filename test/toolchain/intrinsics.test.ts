// Each intrinsic of firmware/arch becomes the instructions that its declaration names: all of them,
// in order, none merged or dropped.

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { INTRINSICS } from '../../src/toolchain/intrinsics.ts';
import { listing } from './support/listing.ts';
import { compile, MEMORY_BASE, MEMORY_PAGES, runOnMachine } from './support/harness.ts';
import {
  call,
  type Code,
  encodeModule,
  i32const,
  ifElse,
  localGet,
  localSet,
  loopOf,
  brIf,
  type Type,
} from './support/wasm-encoder.ts';

interface Signature {
  readonly module: string;
  readonly name: string;
  readonly parameters: readonly Type[];
  readonly results: readonly Type[];
}

/** The declarations of firmware/arch, which are the contract. */
function declarations(): Signature[] {
  return ['csr', 'mmio', 'hart', 'atomic'].flatMap((module) => {
    const text = readFileSync(new URL(`../../firmware/arch/${module}.ts`, import.meta.url), 'utf8');
    return [...text.matchAll(/declare function (\w+)\((.*?)\): (\w+)/g)].map((m): Signature => ({
      module,
      name: m[1],
      parameters: m[2] === '' ? [] : m[2].split(',').map(() => 'i32'),
      results: m[3] === 'void' ? [] : ['i32'],
    }));
  });
}

const imports = declarations();
const indexOf = (name: string): number => {
  const index = imports.findIndex((i) => i.name === name);
  if (index < 0) throw new Error(`${name} is not declared`);
  return index;
};

/** A module with one function of three parameters. */
function moduleOf(body: Code, results: readonly Type[] = []): Uint8Array {
  const functions = [
    { parameters: ['i32', 'i32', 'i32'] as const, results, locals: ['i32'] as const, body },
  ];
  return encodeModule({ imports, functions, memoryPages: MEMORY_PAGES });
}

const instructionsOf = (body: Code, results: readonly Type[] = []): string[] =>
  listing(compile(moduleOf(body, results), { compressed: false, stackCheck: false }), 'f0');

/** A call with the function's parameters as arguments; CSR numbers are constants. */
const callOf = (name: string): Code => {
  const { module, parameters, results } = imports[indexOf(name)];
  const args = parameters.map((_, i) =>
    module === 'csr' && i === 0 ? i32const(0x300) : localGet(i),
  );
  return [args, call(indexOf(name)), results.length > 0 ? 0x1a : []];
};

/** What each becomes, when it is all there is in a function; results unused. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  csr_read: ['csrrs zero, mstatus, zero'],
  csr_write: ['csrrw zero, mstatus, a1'],
  csr_swap: ['csrrw zero, mstatus, a1'],
  csr_set: ['csrrs zero, mstatus, a1'],
  csr_clear: ['csrrc zero, mstatus, a1'],
  readb: ['lbu zero, 0(a0)', 'fence i, ir'],
  readw: ['lhu zero, 0(a0)', 'fence i, ir'],
  readl: ['lw zero, 0(a0)', 'fence i, ir'],
  writeb: ['fence w, o', 'sb a1, 0(a0)'],
  writew: ['fence w, o', 'sh a1, 0(a0)'],
  writel: ['fence w, o', 'sw a1, 0(a0)'],
  hart_wfi: ['wfi'],
  hart_pause: ['pause'],
  hart_fence_i: ['fence.i'],
  hart_ebreak: ['ebreak'],
  hart_tp: [],
  hart_set_tp: ['addi tp, a0, 0'],
  hart_sp: [],
  hart_fp: [],
  hart_ra: ['lw zero, -4(s0)'],
  READ_ONCE: ['lw zero, 0(a0)'],
  READ_ONCE8: ['lbu zero, 0(a0)'],
  READ_ONCE16: ['lhu zero, 0(a0)'],
  WRITE_ONCE: ['sw a1, 0(a0)'],
  WRITE_ONCE8: ['sb a1, 0(a0)'],
  WRITE_ONCE16: ['sh a1, 0(a0)'],
  barrier: [],
  smp_mb: ['fence rw, rw'],
  smp_rmb: ['fence r, r'],
  smp_wmb: ['fence w, w'],
  smp_load_acquire: ['lw zero, 0(a0)', 'fence r, rw'],
  smp_store_release: ['fence rw, w', 'sw a1, 0(a0)'],
  xchg_relaxed: ['amoswap.w zero, a1, (a0)'],
  xchg_acquire: ['amoswap.w.aq zero, a1, (a0)'],
  xchg_release: ['amoswap.w.rl zero, a1, (a0)'],
  xchg: ['amoswap.w.aqrl zero, a1, (a0)'],
  fetch_add_relaxed: ['amoadd.w zero, a1, (a0)'],
  fetch_add_acquire: ['amoadd.w.aq zero, a1, (a0)'],
  fetch_add_release: ['amoadd.w.rl zero, a1, (a0)'],
  fetch_add: ['amoadd.w.aqrl zero, a1, (a0)'],
  fetch_or: ['amoor.w.aqrl zero, a1, (a0)'],
  fetch_or_relaxed: ['amoor.w zero, a1, (a0)'],
  fetch_and: ['amoand.w.aqrl zero, a1, (a0)'],
  fetch_and_relaxed: ['amoand.w zero, a1, (a0)'],
};

/** cmpxchg: lr and sc with their ordering, two branches between and behind. */
const EXCHANGES: Readonly<Record<string, readonly string[]>> = {
  cmpxchg_relaxed: ['lr.w', 'bne', 'sc.w', 'bne'],
  cmpxchg_acquire: ['lr.w.aq', 'bne', 'sc.w', 'bne'],
  cmpxchg_release: ['lr.w', 'bne', 'sc.w.rl', 'bne'],
  cmpxchg: ['lr.w', 'bne', 'sc.w.rl', 'bne', 'fence'],
};

describe('intrinsics of firmware/arch', () => {
  it('are all in the table, and are all tested here', () => {
    const declared = imports.map((i) => `${i.module}.${i.name}`);
    const lowered = Object.keys(INTRINSICS).filter((name) => !name.startsWith('env.'));
    expect([...declared].sort()).toEqual([...lowered].sort());
    const names = imports.map((i) => i.name).sort();
    expect([...Object.keys(EXPECTED), ...Object.keys(EXCHANGES)].sort()).toEqual(names);
  });

  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(`${name} becomes ${expected.join('; ') || 'nothing'}`, () => {
      expect(instructionsOf(callOf(name))).toEqual(expected);
    });
  }

  for (const [name, expected] of Object.entries(EXCHANGES)) {
    it(`${name} becomes ${expected.join('; ')}`, () => {
      const mnemonics = instructionsOf(callOf(name)).map((line) => line.split(' ')[0]);
      expect(mnemonics).toEqual(expected);
    });
  }

  it('small constant operands of CSR instructions are immediates', () => {
    const set = [i32const(0x300), i32const(8), call(indexOf('csr_set')), 0x1a];
    expect(instructionsOf(set)).toEqual(['csrrsi zero, mstatus, 8']);
  });

  it('registers are read where asked for', () => {
    for (const [name, register] of [
      ['hart_tp', 'tp'],
      ['hart_sp', 'sp'],
      ['hart_fp', 's0'],
    ] as const) {
      expect(instructionsOf(call(indexOf(name)), ['i32'])).toEqual([`addi a0, ${register}, 0`]);
    }
  });

  it('tp is the base of accesses itself, unless a call may have changed it', () => {
    const tp = call(indexOf('hart_tp'));
    const load = [0x28, 2, 12];
    expect(instructionsOf([tp, load], ['i32'])).toEqual(['lw a0, 12(tp)']);
    const kept = [tp, localSet(3), localGet(0), call(indexOf('hart_set_tp')), localGet(3), load];
    expect(instructionsOf(kept, ['i32'])).toEqual([
      'addi a1, tp, 0',
      'addi tp, a0, 0',
      'lw a0, 12(a1)',
    ]);
  });

  it('tp is the base of each access that no call lies before, whatever else uses its value', () => {
    const load = [0x28, 2, 12];
    const store = [0x36, 2, 16];
    const early = [call(indexOf('hart_tp')), localSet(3), localGet(3), localGet(0), store];
    const branch = [localGet(0), ifElse(undefined, [localGet(3), localGet(1), store])];
    const switched = [localGet(0), call(indexOf('hart_set_tp'))];
    const late = [localGet(3), load];
    expect(instructionsOf([early, switched, late], ['i32'])).toEqual([
      'addi a1, tp, 0',
      'sw a0, 16(tp)',
      'addi tp, a0, 0',
      'lw a0, 12(a1)',
    ]);
    const across = instructionsOf([early, branch, late], ['i32']);
    expect(across.filter((line) => /^(sw|lw|addi)/.test(line))).toEqual([
      'sw a0, 16(tp)',
      'sw a1, 16(tp)',
      'lw a0, 12(tp)',
    ]);
  });

  it('constant addresses and offsets fold into the access', () => {
    const body = [i32const(0x10000005), call(indexOf('readb')), 0x1a];
    expect(instructionsOf(body)).toEqual(['lui a0, 0x10000', 'lbu zero, 5(a0)', 'fence i, ir']);
  });
});

describe('accesses', () => {
  const NAMES = [
    ...['READ_ONCE', 'READ_ONCE8', 'READ_ONCE16', 'WRITE_ONCE', 'WRITE_ONCE8'],
    ...['readb', 'readl', 'writeb', 'writel', 'smp_mb', 'xchg', 'fetch_add', 'csr_read'],
  ];
  const mnemonic = (line: string) => line.split(' ')[0];
  const expectedOf = (name: string) => EXPECTED[name].map(mnemonic);

  it('appear once each and in order, whatever stands between them', () => {
    const plain = fc.constantFrom<Code[]>(
      [],
      [localGet(0), 0x2e, 1, 0, localSet(3)],
      [localGet(0), localGet(3), 0x3b, 1, 0],
      [localGet(1), localGet(3), 0x6a, localSet(3)],
    );
    const item = fc.tuple(fc.constantFrom(...NAMES), plain);
    fc.assert(
      fc.property(fc.array(item, { maxLength: 30 }), (items) => {
        const wanted = items.flatMap(([name]) => expectedOf(name));
        const body = items.map(([name, between]) => [callOf(name), between]);
        // The plain accesses between them are lh and sh.
        const emitted = instructionsOf(body)
          .filter((line) => /^(lb|lw|lhu|sb|sw|fence|csr|amo)/.test(line))
          .map(mnemonic);
        expect(emitted).toEqual(wanted);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  it('stay inside the loops and branches they are written in', () => {
    const read = [localGet(0), call(indexOf('READ_ONCE'))];
    const spin = loopOf([read, brIf(0)]);
    const guarded = [localGet(1), ifElse(undefined, [read, 0x1a, read, 0x1a])];
    const emitted = instructionsOf([spin, guarded]).map(mnemonic);
    expect(emitted).toEqual(['lw', 'bne', 'beq', 'lw', 'lw']);
  });
});

describe('atomics on the machine', () => {
  const address = MEMORY_BASE + 64;
  const run = (name: string, before: number, ...operands: number[]): [number, number] => {
    const parameters = imports[indexOf(name)].parameters.length;
    const body = [
      [i32const(address), i32const(before), 0x36, 2, 0],
      i32const(address),
      operands.slice(0, parameters - 1).map((n) => i32const(n)),
      call(indexOf(name)),
    ];
    const result = runOnMachine(
      compile(moduleOf(body, ['i32'])),
      [{ name: 'f0', args: [0, 0, 0] }],
      new Map([['f0', 'i32']]),
    );
    const after = new DataView(result.memory.buffer).getInt32(64, true);
    return [result.outcomes[0] as number, after];
  };

  it('exchange, add, or, and', () => {
    for (const suffix of ['', '_relaxed', '_acquire', '_release']) {
      expect(run(`xchg${suffix}`, 5, 9)).toEqual([5, 9]);
      expect(run(`fetch_add${suffix}`, 5, -7)).toEqual([5, -2]);
    }
    for (const suffix of ['', '_relaxed']) {
      expect(run(`fetch_or${suffix}`, 0b1100, 0b1010)).toEqual([0b1100, 0b1110]);
      expect(run(`fetch_and${suffix}`, 0b1100, 0b1010)).toEqual([0b1100, 0b1000]);
    }
  });

  it('compare and exchange', () => {
    for (const suffix of ['', '_relaxed', '_acquire', '_release']) {
      expect(run(`cmpxchg${suffix}`, 5, 5, 9)).toEqual([5, 9]);
      expect(run(`cmpxchg${suffix}`, 5, 6, 9)).toEqual([5, 5]);
    }
  });
});
