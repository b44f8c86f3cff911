// Which registers are live where: backward data flow over the machine IR.

import {
  BRANCHES,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
} from './mir.ts';

/** A set of register numbers as bits. */
export class RegisterSet {
  readonly words: Uint32Array;

  constructor(size: number) {
    this.words = new Uint32Array((size + 31) >> 5);
  }

  add(n: number): void {
    this.words[n >> 5] |= 1 << (n & 31);
  }

  delete(n: number): void {
    this.words[n >> 5] &= ~(1 << (n & 31));
  }

  has(n: number): boolean {
    return (this.words[n >> 5] & (1 << (n & 31))) !== 0;
  }

  /** this ∪= (added − removed). Tells whether anything changed. */
  addDifference(added: RegisterSet, removed: RegisterSet): boolean {
    let changed = false;
    for (let i = 0; i < this.words.length; i++) {
      const before = this.words[i];
      const after = (before | (added.words[i] & ~removed.words[i])) >>> 0;
      if (after !== before) {
        this.words[i] = after;
        changed = true;
      }
    }
    return changed;
  }

  addAll(other: RegisterSet): void {
    for (let i = 0; i < this.words.length; i++) this.words[i] |= other.words[i];
  }

  forEach(visit: (n: number) => void): void {
    for (let i = 0; i < this.words.length; i++) {
      for (let word = this.words[i]; word !== 0; word &= word - 1) {
        visit(i * 32 + 31 - Math.clz32(word & -word));
      }
    }
  }
}

/** Calls `visit` for each register that the instruction reads; x0 and absent operands excluded. */
export function forEachUse(inst: MachineInstruction, visit: (register: number) => void): void {
  if (inst.rs1 > 0) visit(inst.rs1);
  if (inst.rs2 > 0) visit(inst.rs2);
  if (inst.uses) for (const u of inst.uses) visit(u);
}

/** Blocks that control can go to: every branch target in the block. */
export function successorsOf(block: MachineBlock): MachineBlock[] {
  const next = new Set<MachineBlock>();
  for (const inst of block.insts) {
    if (inst.target && (inst.op === 'j' || BRANCHES.has(inst.op))) next.add(inst.target);
    inst.targets?.forEach((t) => next.add(t));
  }
  return [...next];
}

/** Registers live at the end of every block. */
export function liveOut(f: MachineFunction): Map<MachineBlock, RegisterSet> {
  const size = f.registers;
  const gen = new Map<MachineBlock, RegisterSet>();
  const kill = new Map<MachineBlock, RegisterSet>();
  const live = new Map<MachineBlock, RegisterSet>();
  const set = (map: Map<MachineBlock, RegisterSet>, block: MachineBlock) => {
    let s = map.get(block);
    if (s === undefined) map.set(block, (s = new RegisterSet(size)));
    return s;
  };
  for (const block of f.blocks) {
    block.next = successorsOf(block);
    const [g, k] = [set(gen, block), set(kill, block)];
    for (let i = block.insts.length - 1; i >= 0; i--) {
      const inst = block.insts[i];
      if (inst.rd > 0) {
        k.add(inst.rd);
        g.delete(inst.rd);
      }
      forEachUse(inst, (u) => g.add(u));
    }
    set(live, block);
  }
  for (let changed = true; changed;) {
    changed = false;
    for (let i = f.blocks.length - 1; i >= 0; i--) {
      const block = f.blocks[i];
      const out = set(live, block);
      for (const next of block.next) {
        const a = out.addDifference(set(gen, next), EMPTY(size));
        const b = out.addDifference(set(live, next), set(kill, next));
        changed ||= a || b;
      }
    }
  }
  return live;
}

let empty: RegisterSet | undefined;
const EMPTY = (size: number): RegisterSet => {
  if (empty === undefined || empty.words.length < (size + 31) >> 5) empty = new RegisterSet(size);
  return empty;
};
