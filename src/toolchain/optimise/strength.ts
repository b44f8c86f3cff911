// Strength reduction of induction variables: a value that grows by the same amount in every
// iteration (an address like base + (i << 2)) becomes a variable of its own that is added to. Exact
// in arithmetic modulo 2³².

import { Builder } from '../builder.ts';
import { type Block, type IrFunction, isBinary, type Loop, newValue, type Value } from '../ir.ts';
import { dominates, preheader, resolveArguments } from './cfg.ts';

/** More variables than this per loop would only be spilled. */
const VARIABLES_MAX = 6;

/** Fewer operations than this are not worth a variable. */
const OPERATIONS_MIN = 2;

/** @param order blocks in reverse postorder, with preheaders made and invariants hoisted */
export function reduceStrength(f: IrFunction, order: readonly Block[]): void {
  const loops = new Set<Loop>();
  for (const block of order) if (block.loop) loops.add(block.loop);
  const users = collectUsers(order);
  for (const loop of [...loops].sort((x, y) => y.depth - x.depth)) {
    const reducer = LoopReducer.of(f, loop);
    reducer?.run(order, users);
  }
  resolveArguments(f);
}

function collectUsers(order: readonly Block[]): Map<Value, Value[]> {
  const users = new Map<Value, Value[]>();
  for (const block of order) {
    for (const v of [...block.phis, ...block.insts]) {
      for (const arg of v.args) {
        const list = users.get(arg);
        if (list) list.push(v);
        else users.set(arg, [v]);
      }
    }
  }
  return users;
}

/** A value's course: `init` in the first iteration, `step` more in each further one. */
interface Linear {
  readonly init: Value;
  readonly step: Value;
  /** Operations in the loop that compute it. */
  readonly operations: number;
}

class LoopReducer {
  private readonly loop: Loop;
  private readonly before: Block;
  private readonly latch: Block;
  private readonly b: Builder;
  private readonly entryIndex: number;
  private readonly known = new Map<Value, Linear | undefined>();

  private constructor(f: IrFunction, loop: Loop, before: Block, latch: Block) {
    this.loop = loop;
    this.before = before;
    this.latch = latch;
    this.b = new Builder(f, before);
    this.entryIndex = loop.header.preds.indexOf(before);
  }

  /** Undefined unless the loop has one way in and one way back. */
  static of(f: IrFunction, loop: Loop): LoopReducer | undefined {
    const before = preheader(loop);
    const latches = loop.header.preds.filter((p) => loop.blocks.has(p));
    if (before === undefined || latches.length !== 1) return undefined;
    return new LoopReducer(f, loop, before, latches[0]);
  }

  run(order: readonly Block[], users: Map<Value, Value[]>): void {
    const candidates: { value: Value; linear: Linear }[] = [];
    for (const block of order) {
      if (block.loop !== this.loop || !dominates(block, this.latch)) continue;
      for (const value of block.insts) {
        if (!isBinary(value.op)) continue;
        const shape = this.shape(value);
        if (shape === undefined || shape.operations < OPERATIONS_MIN) continue;
        const needed = (users.get(value) ?? []).some((u) => this.shape(u) === undefined);
        if (needed) candidates.push({ value, linear: shape });
      }
    }
    for (const { value } of candidates.slice(0, VARIABLES_MAX)) this.replace(value);
  }

  private replace(value: Value): void {
    const { f } = this.b;
    this.b.block = this.before;
    this.b.loc = value.loc;
    const linear = this.materialise(value);
    const phi = newValue(f, 'phi', [], 0, '', value.loc);
    phi.block = this.loop.header;
    this.b.block = this.latch;
    const next = this.b.append('add', [phi, linear.step]);
    phi.args = this.loop.header.preds.map((_, i) => (i === this.entryIndex ? linear.init : next));
    this.loop.header.phis.push(phi);
    value.forward = phi;
  }

  private isInvariant(v: Value): boolean {
    return v.op === 'const' || (v.block !== undefined && !this.loop.blocks.has(v.block));
  }

  /** Whether and how a value is linear, without creating anything (init and step are not valid). */
  private shape(v: Value): Linear | undefined {
    if (this.known.has(v)) return this.known.get(v);
    this.known.set(v, undefined);
    const result = this.findShape(v);
    this.known.set(v, result);
    return result;
  }

  private findShape(v: Value): Linear | undefined {
    const shape = (operations: number): Linear => ({ init: v, step: v, operations });
    if (v.forward || v.block === undefined || !this.loop.blocks.has(v.block)) return undefined;
    if (v.op === 'phi') return this.isBasic(v) ? shape(0) : undefined;
    if (v.args.length !== 2) return undefined;
    const [x, y] = v.args;
    const a = this.shape(x);
    const b = this.shape(y);
    const linear = [a, b].filter((l) => l !== undefined);
    if (linear.length === 0) return undefined;
    const operations = 1 + linear.reduce((sum, l) => sum + l.operations, 0);
    switch (v.op) {
      case 'add':
      case 'sub':
        return (a || this.isInvariant(x)) && (b || this.isInvariant(y))
          ? shape(operations)
          : undefined;
      case 'sll':
        return a && y.op === 'const' ? shape(operations) : undefined;
      case 'mul':
        return a && this.isInvariant(y) ? shape(operations) : undefined;
      default:
        return undefined;
    }
  }

  /** A header phi to which every iteration adds the same constant. */
  private isBasic(phi: Value): boolean {
    if (phi.block !== this.loop.header) return false;
    const next = phi.args[1 - this.entryIndex];
    return next.op === 'add' && next.args[0] === phi && next.args[1].op === 'const';
  }

  /** Computes init and step before the loop. */
  private materialise(v: Value): Linear {
    const { b } = this;
    if (this.isInvariant(v)) return { init: v, step: b.const(0), operations: 0 };
    if (v.op === 'phi') {
      const next = v.args[1 - this.entryIndex];
      return { init: v.args[this.entryIndex], step: next.args[1], operations: 0 };
    }
    const x = this.materialise(v.args[0]);
    const y = this.materialise(v.args[1]);
    const init = isBinary(v.op) ? b.op(v.op, x.init, y.init) : v;
    switch (v.op) {
      case 'add':
      case 'sub':
        return { init, step: b.op(v.op, x.step, y.step), operations: 0 };
      case 'sll':
      case 'mul':
        return { init, step: b.op(v.op, x.step, y.init), operations: 0 };
      default:
        throw new Error(`${v.op} is not linear`);
    }
  }
}
