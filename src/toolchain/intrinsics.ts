// What each import of firmware/arch/{csr,mmio,hart,atomic,symbols}.ts becomes: one table. Every entry
// gives the exact instructions; none of them is merged, moved over another or dropped.

import { FP, SP, TP } from './abi.ts';
import type { Builder } from './builder.ts';
import type { Value } from './ir.ts';

/** Appends the instructions; returns the result, if there is one. */
export type Intrinsic = (b: Builder, args: Value[]) => Value | undefined;

/** fence operand sets: bits 3…0 are i o r w. */
const I = 8;
const O = 4;
const R = 2;
const W = 1;
const fenceBits = (predecessor: number, successor: number) => (predecessor << 4) | successor;

const fence = (b: Builder, predecessor: number, successor: number): undefined => {
  b.machine('fence', fenceBits(predecessor, successor));
};

const machine =
  (name: string): Intrinsic =>
  (b) => {
    b.machine(name);
    return undefined;
  };

const load =
  (name: string): Intrinsic =>
  (b, [p]) =>
    b.load(name, p, 0, true);

const store =
  (name: string): Intrinsic =>
  (b, [p, value]) => {
    b.store(name, p, value);
    return undefined;
  };

/** Linux's readl(): a later memory access waits for the read. */
const mmioRead =
  (name: string): Intrinsic =>
  (b, [p]) => {
    const value = b.load(name, p, 0, true);
    fence(b, I, I | R);
    return value;
  };

/** Linux's writel(): an earlier memory write comes first. */
const mmioWrite =
  (name: string): Intrinsic =>
  (b, [p, value]) => {
    fence(b, W, O);
    b.store(name, p, value);
    return undefined;
  };

const csr =
  (name: string): Intrinsic =>
  (b, args) =>
    b.append('csr', args, 0, name);

const amo =
  (name: string): Intrinsic =>
  (b, args) =>
    b.append('amo', args, 0, name);

/** `name` is the ordering suffix: of lr for acquire, of sc for release, `full` for both and a fence. */
const cmpxchg =
  (name: string): Intrinsic =>
  (b, args) => {
    const value = b.append('cmpxchg', args, 0, name);
    if (name === 'full') fence(b, R | W, R | W);
    return value;
  };

const getRegister =
  (register: number): Intrinsic =>
  (b) =>
    b.append('getreg', [], register);

export const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  'csr.csr_read': csr('csrr'),
  'csr.csr_write': csr('csrw'),
  'csr.csr_swap': csr('csrrw'),
  'csr.csr_set': csr('csrrs'),
  'csr.csr_clear': csr('csrrc'),

  'mmio.readb': mmioRead('lbu'),
  'mmio.readw': mmioRead('lhu'),
  'mmio.readl': mmioRead('lw'),
  'mmio.writeb': mmioWrite('sb'),
  'mmio.writew': mmioWrite('sh'),
  'mmio.writel': mmioWrite('sw'),

  'hart.hart_wfi': machine('wfi'),
  'hart.hart_pause': machine('pause'),
  'hart.hart_fence_i': machine('fence.i'),
  'hart.hart_ebreak': machine('ebreak'),
  'hart.hart_tp': getRegister(TP),
  'hart.hart_sp': getRegister(SP),
  'hart.hart_fp': getRegister(FP),
  'hart.hart_ra': (b) => b.load('lw', b.append('getreg', [], FP), -4, true),
  'hart.hart_set_tp': (b, [value]) => {
    b.append('setreg', [value], TP);
    return undefined;
  },

  'atomic.READ_ONCE': load('lw'),
  'atomic.READ_ONCE8': load('lbu'),
  'atomic.READ_ONCE16': load('lhu'),
  'atomic.WRITE_ONCE': store('sw'),
  'atomic.WRITE_ONCE8': store('sb'),
  'atomic.WRITE_ONCE16': store('sh'),
  'atomic.barrier': () => undefined,
  'atomic.smp_mb': (b) => fence(b, R | W, R | W),
  'atomic.smp_rmb': (b) => fence(b, R, R),
  'atomic.smp_wmb': (b) => fence(b, W, W),
  'atomic.smp_load_acquire': (b, [p]) => {
    const value = b.load('lw', p, 0, true);
    fence(b, R, R | W);
    return value;
  },
  'atomic.smp_store_release': (b, [p, value]) => {
    fence(b, R | W, W);
    b.store('sw', p, value);
    return undefined;
  },
  'atomic.xchg_relaxed': amo('amoswap.w'),
  'atomic.xchg_acquire': amo('amoswap.w.aq'),
  'atomic.xchg_release': amo('amoswap.w.rl'),
  'atomic.xchg': amo('amoswap.w.aqrl'),
  'atomic.cmpxchg_relaxed': cmpxchg(''),
  'atomic.cmpxchg_acquire': cmpxchg('aq'),
  'atomic.cmpxchg_release': cmpxchg('rl'),
  'atomic.cmpxchg': cmpxchg('full'),
  'atomic.fetch_add_relaxed': amo('amoadd.w'),
  'atomic.fetch_add_acquire': amo('amoadd.w.aq'),
  'atomic.fetch_add_release': amo('amoadd.w.rl'),
  'atomic.fetch_add': amo('amoadd.w.aqrl'),
  'atomic.fetch_or': amo('amoor.w.aqrl'),
  'atomic.fetch_or_relaxed': amo('amoor.w'),
  'atomic.fetch_and': amo('amoand.w.aqrl'),
  'atomic.fetch_and_relaxed': amo('amoand.w'),

  // asc's own: an exception that nobody can catch.
  'env.abort': machine('ebreak'),
};

/** Modules whose every import must be in the table: a name that is not there is a mistake. */
export const INTRINSIC_MODULES: ReadonlySet<string> = new Set(['csr', 'mmio', 'hart', 'atomic']);

export const ADDRESS_OF = 'address_of_';
