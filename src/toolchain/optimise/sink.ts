// Moves a pure operation down into the one block that uses its result, if that is another one: where
// the block is not reached nothing is computed, and results live shorter. Never into a loop.

import { type Block, isBinary, successors, terminatorArgs, type Value } from '../ir.ts';
import { dominates } from './cfg.ts';

const MANY: unique symbol = Symbol('used in several blocks');

/** @param order blocks in reverse postorder, critical edges split */
export function sinkOperations(order: readonly Block[]): void {
  const uses = new Map<Value, Block | typeof MANY>();
  const use = (v: Value, block: Block) => {
    const before = uses.get(v);
    uses.set(v, before === undefined || before === block ? block : MANY);
  };
  for (const block of order) {
    for (const phi of block.phis) phi.args.forEach((arg, i) => use(arg, block.preds[i]));
    for (const v of block.insts) for (const arg of v.args) use(arg, block);
    for (const arg of terminatorArgs(block.term)) use(arg, block);
  }
  for (const block of [...order].reverse()) {
    for (const v of [...block.insts].reverse()) {
      const target = uses.get(v);
      if (!isBinary(v.op) || target === undefined || target === MANY || target === block) continue;
      if (!dominates(block, target) || !isSameLoopOrOutside(block, target)) continue;
      block.insts.splice(block.insts.indexOf(v), 1);
      target.insts.unshift(v);
      v.block = target;
      // Arguments are now used in the target instead: what only served this value can follow.
      for (const arg of v.args) if (uses.get(arg) === block) reconsider(uses, arg, block, target);
    }
  }
}

/** After its user has moved: where is an argument used now? */
function reconsider(
  uses: Map<Value, Block | typeof MANY>,
  arg: Value,
  from: Block,
  to: Block,
): void {
  const stillUsed =
    from.insts.some((v) => v.args.includes(arg)) ||
    terminatorArgs(from.term).includes(arg) ||
    successors(from).some((s) => s.phis.some((phi) => phi.args[s.preds.indexOf(from)] === arg));
  uses.set(arg, stillUsed ? MANY : to);
}

function isSameLoopOrOutside(from: Block, to: Block): boolean {
  for (let loop = from.loop; ; loop = loop.parent) {
    if (loop === to.loop) return true;
    if (loop === undefined) return false;
  }
}
