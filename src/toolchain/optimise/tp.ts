// Reads of tp whose value is the base of a load or store need no register of their own: the access
// uses tp itself. Not only cheaper: a task that is preempted and goes on on another hart reaches that
// hart's per-CPU area, as no instruction comes between reading tp and using it.
//
// A value read before a call (which may switch tasks) or a write of tp is kept in a register: it
// still is what was read then.

import { TP } from '../abi.ts';
import { type Block, type IrFunction, newValue, successors, type Value } from '../ir.ts';

/** Name that marks a read of tp which only stands for the register. */
export const IN_PLACE = 'in place';

const readsTp = (v: Value): boolean => v.op === 'getreg' && v.imm === TP;

/** Gives each access that can have it a read of tp of its own, which costs nothing. */
export function useTpInPlace(f: IrFunction): void {
  const reads = f.blocks.flatMap((block) => block.insts.filter(readsTp));
  if (reads.length === 0) return;
  const staleAtEntry = findStale(f, reads);
  for (const block of f.blocks) {
    const stale = new Set(staleAtEntry.get(block));
    block.insts = block.insts.flatMap((v) => {
      const base = v.args[0] as Value | undefined;
      const inPlace =
        (v.op === 'load' || v.op === 'store') && base && readsTp(base) && !stale.has(base);
      pass(v, reads, stale);
      if (!inPlace) return [v];
      const own = newValue(f, 'getreg', [], TP, IN_PLACE, v.loc);
      own.block = block;
      v.args[0] = own;
      return [own, v];
    });
  }
}

/** For each block, the reads that tp may no longer agree with at its beginning. */
function findStale(f: IrFunction, reads: readonly Value[]): Map<Block, Set<Value>> {
  const atEntry = new Map(f.blocks.map((block) => [block, new Set<Value>()]));
  const work = [...f.blocks];
  for (let block = work.pop(); block; block = work.pop()) {
    const stale = new Set(atEntry.get(block));
    for (const v of block.insts) pass(v, reads, stale);
    for (const next of successors(block)) {
      const there = atEntry.get(next);
      const before = there?.size;
      for (const v of stale) there?.add(v);
      if (there?.size !== before) work.push(next);
    }
  }
  return atEntry;
}

/** What an instruction does to the set. */
function pass(v: Value, reads: readonly Value[], stale: Set<Value>): void {
  if (readsTp(v)) stale.delete(v);
  else if (v.op === 'call' || v.op === 'setreg') for (const read of reads) stale.add(read);
}
