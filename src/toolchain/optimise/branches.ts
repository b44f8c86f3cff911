// Branches test what a comparison compares instead of the comparison's result.

import { compare } from '../builder.ts';
import { type IrFunction, isCondition, negate } from '../ir.ts';
import { removeTrivialPhis, removeUnreachable } from './cfg.ts';

export function fuseBranches(f: IrFunction): void {
  let folded = false;
  for (const block of f.blocks) {
    const t = block.term;
    if (t.kind !== 'branch') continue;
    while (
      (t.condition === 'ne' || t.condition === 'eq') &&
      t.b.op === 'const' &&
      t.b.imm === 0 &&
      (isCondition(t.a.op) || t.a.op === 'xor' || t.a.op === 'sub')
    ) {
      const [a, b] = t.a.args;
      if (isCondition(t.a.op)) t.condition = t.condition === 'ne' ? t.a.op : negate[t.a.op];
      t.a = a;
      t.b = b;
    }
    if (t.a.op !== 'const' || t.b.op !== 'const') continue;
    const to = compare(t.condition, t.a.imm, t.b.imm) ? t.then : t.else;
    block.term = { kind: 'jump', to };
    folded = true;
  }
  if (!folded) return;
  removeUnreachable(f);
  removeTrivialPhis(f);
}
