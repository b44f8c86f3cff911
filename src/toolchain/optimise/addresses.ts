// Addressing modes: what a load's or store's address adds goes into its 12-bit offset; of a constant
// that is too large the low 12 bits do, and accesses near each other then share the rest.

import { Builder } from '../builder.ts';
import { constant, type IrFunction, isBinary, type Value } from '../ir.ts';

const fits = (n: number): boolean => n >= -2048 && n <= 2047;

const low12 = (n: number): number => (n << 20) >> 20;

/** Afterwards every offset fits. */
export function foldAddresses(f: IrFunction): void {
  for (const block of f.blocks) {
    const before = block.insts;
    block.insts = [];
    const b = new Builder(f, block);
    for (const v of before) {
      if (v.op === 'load' || v.op === 'store') foldAccess(f, b, v);
      block.insts.push(v);
    }
  }
}

function foldAccess(f: IrFunction, b: Builder, v: Value): void {
  let [base] = v.args;
  let offset = v.imm;
  while (isBinary(base.op) && base.op === 'add' && base.args[1].op === 'const') {
    offset = (offset + base.args[1].imm) | 0;
    base = base.args[0];
  }
  b.loc = v.loc;
  if (base.op === 'const') {
    const address = (base.imm + offset) | 0;
    offset = low12(address);
    base = constant(f, address - offset);
  } else if (!fits(offset)) {
    const low = low12(offset);
    base = b.op('add', base, constant(f, offset - low));
    offset = low;
  }
  v.args[0] = base;
  v.imm = offset;
}
