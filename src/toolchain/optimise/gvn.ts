// Global value numbering over the dominator tree: equal pure operations become one, and operations
// are simplified again now that their arguments are known better.

import { Builder } from '../builder.ts';
import {
  type BinaryOp,
  type Block,
  type IrFunction,
  isBinary,
  resolve,
  type Value,
} from '../ir.ts';
import { dominates, removeTrivialPhis, resolveArguments } from './cfg.ts';

/** @param order blocks in reverse postorder, as analyseCfg() returns them */
export function numberValues(f: IrFunction, order: readonly Block[]): void {
  const b = new SharingBuilder(f, order[0]);
  for (const block of order) {
    const before = block.insts;
    block.insts = [];
    b.block = block;
    block.phis = block.phis.filter((phi) => b.sharePhi(phi));
    for (const v of before) {
      v.args.forEach((arg, i) => (v.args[i] = resolve(arg)));
      b.loc = v.loc;
      if (isBinary(v.op)) {
        b.original = v;
        const same = b.op(v.op, v.args[0], v.args[1]);
        b.original = undefined;
        if (same !== v) v.forward = same;
      } else if (v.op === 'symbol') {
        b.share(`symbol ${v.name}`, v);
      } else {
        block.insts.push(v);
      }
    }
  }
  resolveArguments(f);
  removeTrivialPhis(f);
}

class SharingBuilder extends Builder {
  private readonly table = new Map<string, Value>();
  /** The value being simplified: kept if it turns out to be as simple as it gets. */
  original: Value | undefined;

  private find(key: string): Value | undefined {
    const found = this.table.get(key);
    return found?.block && dominates(found.block, this.block) ? found : undefined;
  }

  protected override pure(op: BinaryOp, x: Value, y: Value): Value {
    const key = `${op} ${x.id} ${y.id}`;
    const found = this.find(key);
    if (found) return found;
    const { original } = this;
    const isSame =
      original && original.op === op && original.args[0] === x && original.args[1] === y;
    if (isSame) this.block.insts.push(original);
    const value = isSame ? original : super.pure(op, x, y);
    this.table.set(key, value);
    return value;
  }

  share(key: string, v: Value): void {
    const found = this.find(key);
    if (found) {
      v.forward = found;
      return;
    }
    this.block.insts.push(v);
    this.table.set(key, v);
  }

  /** False if an equal phi of the same block has taken its place. */
  sharePhi(phi: Value): boolean {
    const key = `phi ${this.block.id} ${phi.args.map((a) => resolve(a).id).join(' ')}`;
    const found = this.find(key);
    if (found) {
      phi.forward = found;
      return false;
    }
    this.table.set(key, phi);
    return true;
  }
}
