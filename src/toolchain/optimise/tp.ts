// Reads of tp whose value is only the base of loads and stores right behind need no register of their
// own: the access uses tp itself. "Right behind": same block, and no call that could switch tasks
// or write tp in between.

import { TP } from '../abi.ts';
import { type Block, type IrFunction, terminatorArgs, type Value } from '../ir.ts';

/** Name that marks such a read. */
export const IN_PLACE = 'in place';

export function useTpInPlace(f: IrFunction): void {
  const elsewhere = new Set<Value>();
  for (const block of f.blocks) {
    for (const phi of block.phis) for (const arg of phi.args) elsewhere.add(arg);
    for (const arg of terminatorArgs(block.term)) elsewhere.add(arg);
    visit(block, elsewhere);
  }
  for (const block of f.blocks) {
    for (const v of block.insts) {
      if (v.op === 'getreg' && v.imm === TP && !elsewhere.has(v)) v.name = IN_PLACE;
    }
  }
}

/** Adds the reads that are used otherwise, or too late. */
function visit(block: Block, elsewhere: Set<Value>): void {
  const fresh = new Set<Value>();
  for (const v of block.insts) {
    v.args.forEach((arg, i) => {
      const isBase = i === 0 && (v.op === 'load' || v.op === 'store');
      if (!isBase || !fresh.has(arg)) elsewhere.add(arg);
    });
    if (v.op === 'call' || v.op === 'setreg') fresh.clear();
    if (v.op === 'getreg') fresh.add(v);
  }
}
