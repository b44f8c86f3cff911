// Creates IR values, simplifying as it goes: constant folding, algebraic identities, strength
// reduction. What it returns may be an existing value.

import {
  type BinaryOp,
  type Block,
  type Condition,
  constant,
  type IrFunction,
  isCondition,
  negate,
  newValue,
  type Op,
  type Value,
} from './ir.ts';

/** The result of a pure operation on constants, as RISC-V computes it. */
export function evaluate(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case 'add':
      return (a + b) | 0;
    case 'sub':
      return (a - b) | 0;
    case 'mul':
      return Math.imul(a, b);
    case 'mulh':
      return Number(BigInt.asIntN(32, (BigInt(a) * BigInt(b)) >> 32n));
    case 'mulhu':
      return Number(BigInt.asIntN(32, (BigInt(a >>> 0) * BigInt(b >>> 0)) >> 32n));
    case 'mulhsu':
      return Number(BigInt.asIntN(32, (BigInt(a) * BigInt(b >>> 0)) >> 32n));
    case 'div':
      return b === 0 ? -1 : (a / b) | 0;
    case 'divu':
      return b === 0 ? -1 : ((a >>> 0) / (b >>> 0)) | 0;
    case 'rem':
      return b === 0 ? a : (a % b) | 0;
    case 'remu':
      return b === 0 ? a : ((a >>> 0) % (b >>> 0)) | 0;
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'sll':
      return a << b;
    case 'srl':
      return (a >>> b) | 0;
    case 'sra':
      return a >> b;
    default:
      return compare(op, a, b) ? 1 : 0;
  }
}

export function compare(op: Condition, a: number, b: number): boolean {
  switch (op) {
    case 'eq':
      return (a | 0) === (b | 0);
    case 'ne':
      return (a | 0) !== (b | 0);
    case 'lt':
      return (a | 0) < (b | 0);
    case 'ge':
      return (a | 0) >= (b | 0);
    case 'ltu':
      return a >>> 0 < b >>> 0;
    case 'geu':
      return a >>> 0 >= b >>> 0;
  }
}

const COMMUTATIVE: ReadonlySet<Op> = new Set<Op>([
  'add',
  'mul',
  'mulh',
  'mulhu',
  'and',
  'or',
  'xor',
  'eq',
  'ne',
]);

/** Whether a value can only be 0 or 1. */
export const isBoolean = (v: Value): boolean =>
  isCondition(v.op) ||
  (v.op === 'and' && v.args.some(isBoolean)) ||
  ((v.op === 'or' || v.op === 'xor') && v.args.every(isBoolean)) ||
  (v.op === 'const' && (v.imm === 0 || v.imm === 1));

const log2 = (n: number): number => (n > 0 && (n & (n - 1)) === 0 ? 31 - Math.clz32(n) : -1);

export class Builder {
  readonly f: IrFunction;
  block: Block;
  loc = -1;

  constructor(f: IrFunction, block: Block) {
    this.f = f;
    this.block = block;
  }

  const(n: number): Value {
    return constant(this.f, n);
  }

  /** Appends a value to the current block. */
  append(op: Op, args: Value[], imm = 0, name = ''): Value {
    const value = newValue(this.f, op, args, imm, name, this.loc);
    value.block = this.block;
    this.block.insts.push(value);
    return value;
  }

  /** A pure operation, simplified. */
  op(op: BinaryOp, a: Value, b: Value): Value {
    if (a.op === 'const' && b.op === 'const') return this.const(evaluate(op, a.imm, b.imm));
    // Canonical order makes equal things look equal: constants on the right, then by age.
    if (COMMUTATIVE.has(op) && (a.op === 'const' || (b.op !== 'const' && a.id > b.id))) {
      return this.op2(op, b, a);
    }
    return this.op2(op, a, b);
  }

  private op2(op: BinaryOp, a: Value, b: Value): Value {
    if (b.op === 'const') return this.withConstant(op, a, b.imm) ?? this.pure(op, a, b);
    if (a === b) {
      if (op === 'sub' || op === 'xor') return this.const(0);
      if (op === 'and' || op === 'or') return a;
      if (isCondition(op)) return this.const(compare(op, 0, 0) ? 1 : 0);
    }
    if (op === 'sub' && b.op === 'add' && b.args[0] === a) {
      return this.op('sub', this.const(0), b.args[1]);
    }
    if (op === 'add') {
      // (x + c) + y → (x + y) + c: constants move outwards, to where loads and stores absorb them.
      if (a.op === 'add' && a.args[1].op === 'const') {
        return this.op('add', this.op('add', a.args[0], b), a.args[1]);
      }
      if (b.op === 'add' && b.args[1].op === 'const') {
        return this.op('add', this.op('add', a, b.args[0]), b.args[1]);
      }
      if (b.op === 'sub' && b.args[0].op === 'const' && b.args[0].imm === 0) {
        return this.op('sub', a, b.args[1]);
      }
    }
    if (op === 'sub' && a.op === 'add' && a.args[1].op === 'const') {
      return this.op('add', this.op('sub', a.args[0], b), a.args[1]);
    }
    if (op === 'sub' && b.op === 'add' && b.args[1].op === 'const') {
      return this.op('add', this.op('sub', a, b.args[0]), this.const(-b.args[1].imm));
    }
    if (op === 'sll' || op === 'srl' || op === 'sra') {
      // The hardware masks the amount itself.
      if (b.op === 'and' && b.args[1].op === 'const' && (b.args[1].imm & 31) === 31) {
        return this.op(op, a, b.args[0]);
      }
    }
    return this.pure(op, a, b);
  }

  /** Identities with a constant on the right; undefined if there is nothing better. */
  private withConstant(op: BinaryOp, a: Value, c: number): Value | undefined {
    const inner = a.args.length === 2 && a.args[1].op === 'const' ? a.args[1].imm : undefined;
    switch (op) {
      case 'add':
        if (c === 0) return a;
        if (a.op === 'add' && inner !== undefined) {
          return this.op('add', a.args[0], this.const(inner + c));
        }
        if (a.op === 'sub' && a.args[0].op === 'const') {
          return this.op('sub', this.const(a.args[0].imm + c), a.args[1]);
        }
        return undefined;
      case 'sub':
        return this.op('add', a, this.const(-c));
      case 'and':
        if (c === 0) return this.const(0);
        if (c === -1) return a;
        if (a.op === 'and' && inner !== undefined) {
          return this.op('and', a.args[0], this.const(inner & c));
        }
        if (c === 1 && isBoolean(a)) return a;
        if (a.op === 'load' && (c & 0xff) === 0xff && a.name === 'lbu') return a;
        if (a.op === 'load' && (c & 0xffff) === 0xffff && a.name === 'lhu') return a;
        if (a.op === 'srl' && inner !== undefined && ((-1 >>> inner) & ~c) === 0) return a;
        return undefined;
      case 'or':
        if (c === 0) return a;
        if (c === -1) return this.const(-1);
        return undefined;
      case 'xor':
        if (c === 0) return a;
        if (c === 1 && isCondition(a.op)) return this.op(negate[a.op], a.args[0], a.args[1]);
        if (a.op === 'xor' && inner !== undefined) {
          return this.op('xor', a.args[0], this.const(inner ^ c));
        }
        return undefined;
      case 'sll':
      case 'srl':
      case 'sra':
        return this.shift(op, a, c & 31);
      case 'mul': {
        if (c === 0) return this.const(0);
        if (c === 1) return a;
        if (c === -1) return this.op('sub', this.const(0), a);
        const shift = c === -0x80000000 ? 31 : log2(c);
        if (shift > 0) return this.op('sll', a, this.const(shift));
        if (a.op === 'mul' && inner !== undefined) {
          return this.op('mul', a.args[0], this.const(Math.imul(inner, c)));
        }
        return undefined;
      }
      case 'divu': {
        const shift = c === -0x80000000 ? 31 : log2(c);
        return shift >= 0 ? this.op('srl', a, this.const(shift)) : undefined;
      }
      case 'remu': {
        const shift = c === -0x80000000 ? 31 : log2(c);
        return shift >= 0 ? this.op('and', a, this.const(c - 1)) : undefined;
      }
      case 'div':
        return c === 1 ? a : undefined;
      case 'rem':
        return c === 1 ? this.const(0) : undefined;
      case 'mulhu':
      case 'mulh':
        return c === 0 ? this.const(0) : undefined;
      case 'mulhsu':
        return undefined;
      default:
        return this.compareConstant(op, a, c);
    }
  }

  private shift(op: 'sll' | 'srl' | 'sra', a: Value, c: number): Value | undefined {
    if (c === 0) return a;
    const inner = a.args.length === 2 && a.args[1].op === 'const' ? a.args[1].imm & 31 : undefined;
    if (a.op === op && inner !== undefined) {
      const total = inner + c;
      if (total < 32) return this.op(op, a.args[0], this.const(total));
      return op === 'sra' ? this.op(op, a.args[0], this.const(31)) : this.const(0);
    }
    if (op === 'sll' && a.op === 'add' && a.args[1].op === 'const') {
      // (x + k) << c → (x << c) + (k << c): the addend becomes part of an address's offset.
      return this.op(
        'add',
        this.op('sll', a.args[0], this.const(c)),
        this.const(a.args[1].imm << c),
      );
    }
    if (op === 'sll' && a.op === 'srl' && inner === c) {
      return this.op('and', a.args[0], this.const(-1 << c));
    }
    return undefined;
  }

  private compareConstant(op: Condition, a: Value, c: number): Value | undefined {
    if (op === 'ltu' && c === 0) return this.const(0);
    if (op === 'geu' && c === 0) return this.const(1);
    if (op === 'ltu' && c === 1) return this.op('eq', a, this.const(0));
    if (op === 'geu' && c === 1) return this.op('ne', a, this.const(0));
    if (op !== 'eq' && op !== 'ne') return undefined;
    if (c === 0) {
      if (isCondition(a.op)) {
        return op === 'ne' ? a : this.op(negate[a.op], a.args[0], a.args[1]);
      }
      if (op === 'ne' && isBoolean(a)) return a;
      if (a.op === 'xor' || a.op === 'sub') return this.op(op, a.args[0], a.args[1]);
    }
    if (c === 1 && isBoolean(a)) return this.op(op === 'eq' ? 'ne' : 'eq', a, this.const(0));
    if (a.args.length === 2 && a.args[1].op === 'const') {
      if (a.op === 'add') return this.op(op, a.args[0], this.const(c - a.args[1].imm));
      if (a.op === 'xor') return this.op(op, a.args[0], this.const(c ^ a.args[1].imm));
    }
    return undefined;
  }

  /** Overridden where equal values are to be shared. */
  protected pure(op: BinaryOp, a: Value, b: Value): Value {
    return this.append(op, [a, b]);
  }

  load(name: string, address: Value, offset = 0, pinned = false): Value {
    const value = this.append('load', [address], offset | 0, name);
    value.pinned = pinned;
    return value;
  }

  store(name: string, address: Value, data: Value, offset = 0): void {
    this.append('store', [address, data], offset | 0, name);
  }

  trapIf(condition: Condition, a: Value, b: Value): void {
    if (a.op === 'const' && b.op === 'const' && !compare(condition, a.imm, b.imm)) return;
    this.append('trapif', [a, b], 0, condition);
  }

  machine(name: string, imm = 0): void {
    this.append('machine', [], imm, name);
  }
}
