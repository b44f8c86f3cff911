// SSA construction on the fly (Braun et al., "Simple and Efficient Construction of Static Single
// Assignment Form", CC 2013): variables are read and written per block, phis appear where needed.

import { type Block, type IrFunction, constant, newValue, resolve, type Value } from './ir.ts';

export class SsaVariables {
  private readonly f: IrFunction;
  private readonly definitions = new Map<Block, Map<number, Value>>();
  private readonly sealed = new Set<Block>();
  private readonly incomplete = new Map<Block, { variable: number; phi: Value }[]>();

  constructor(f: IrFunction) {
    this.f = f;
  }

  write(variable: number, block: Block, value: Value): void {
    const map = this.definitions.get(block);
    if (map) map.set(variable, value);
    else this.definitions.set(block, new Map([[variable, value]]));
  }

  read(variable: number, from: Block): Value {
    let block = from;
    for (;;) {
      const value = this.definitions.get(block)?.get(variable);
      if (value !== undefined) {
        if (block !== from) this.write(variable, from, value);
        return resolve(value);
      }
      if (!this.sealed.has(block) || block.preds.length !== 1) break;
      block = block.preds[0];
    }
    const value = this.readAtJoin(variable, block);
    this.write(variable, from, value);
    return value;
  }

  private readAtJoin(variable: number, block: Block): Value {
    // Code that nothing reaches may read anything.
    if (this.sealed.has(block) && block.preds.length === 0) return constant(this.f, 0);
    const phi = newValue(this.f, 'phi', []);
    phi.block = block;
    block.phis.push(phi);
    this.write(variable, block, phi);
    if (this.sealed.has(block)) {
      phi.args = block.preds.map((pred) => this.read(variable, pred));
    } else {
      const list = this.incomplete.get(block) ?? [];
      list.push({ variable, phi });
      this.incomplete.set(block, list);
    }
    return phi;
  }

  /** All predecessors of the block are known now. */
  seal(block: Block): void {
    this.sealed.add(block);
    for (const { variable, phi } of this.incomplete.get(block) ?? []) {
      phi.args = block.preds.map((pred) => this.read(variable, pred));
    }
    this.incomplete.delete(block);
  }
}
