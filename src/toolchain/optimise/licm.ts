// Moves pure operations whose arguments do not change in a loop to before it, as far out as possible.

import { type Block, isBinary, type Loop, type Value } from '../ir.ts';
import { preheader } from './cfg.ts';

/** @param order blocks in reverse postorder, with preheaders made */
export function hoistInvariants(order: readonly Block[]): void {
  for (const block of order) {
    if (block.loop === undefined) continue;
    block.insts = block.insts.filter((v) => {
      if (!isBinary(v.op) && v.op !== 'symbol') return true;
      const target = outermost(v, block.loop);
      if (target === undefined) return true;
      v.block = target;
      target.insts.push(v);
      return false;
    });
  }
}

/** The preheader of the outermost loop around the value in which it does not change. */
function outermost(v: Value, innermost: Loop | undefined): Block | undefined {
  let target: Block | undefined;
  for (let loop = innermost; loop; loop = loop.parent) {
    const { blocks } = loop;
    if (v.args.some((a) => a.op !== 'const' && a.block !== undefined && blocks.has(a.block))) break;
    const before = preheader(loop);
    if (before === undefined) break;
    target = before;
  }
  return target;
}
