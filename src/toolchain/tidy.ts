// Control flow after register allocation: jumps to jumps, jumps to short tests, unreachable blocks.

import { successorsOf } from './liveness.ts';
import { BRANCHES, type MachineBlock, type MachineFunction, MachineInstruction } from './mir.ts';

/** A block of at most this many instructions that ends in a test is copied over a jump to it. */
const TEST_MAX = 4;

export function tidyControlFlow(f: MachineFunction): void {
  threadJumps(f);
  copyTests(f);
  threadJumps(f);
}

/** Branches go where the jump they lead to goes; blocks that nothing reaches are dropped. */
function threadJumps(f: MachineFunction): void {
  const final = (from: MachineBlock): MachineBlock => {
    let block = from;
    for (let n = 0; n < f.blocks.length; n++) {
      const [only] = block.insts;
      if (block.insts.length !== 1 || only.op !== 'j' || only.target === undefined) break;
      block = only.target;
    }
    return block;
  };
  for (const block of f.blocks) {
    for (const inst of block.insts) {
      if (inst.target) inst.target = final(inst.target);
      if (inst.targets) inst.targets = inst.targets.map(final);
    }
    const { insts } = block;
    const last = insts[insts.length - 1];
    const before = insts[insts.length - 2] as MachineInstruction | undefined;
    if (before && BRANCHES.has(before.op) && last.op === 'j' && before.target === last.target) {
      insts.splice(-2, 1);
    }
  }
  const reached = new Set<MachineBlock>([f.blocks[0]]);
  const work = [f.blocks[0]];
  for (let block = work.pop(); block; block = work.pop()) {
    for (const next of successorsOf(block)) {
      if (reached.has(next)) continue;
      reached.add(next);
      work.push(next);
    }
  }
  f.blocks = f.blocks.filter((block) => reached.has(block));
}

/** Instead of jumping to a loop's test, does the test: one jump less each time the loop is entered. */
function copyTests(f: MachineFunction): void {
  f.blocks.forEach((block, i) => {
    const last = block.insts[block.insts.length - 1];
    const target = last.op === 'j' ? last.target : undefined;
    if (target === undefined || target === f.blocks[i + 1] || target === block) return;
    const { insts } = target;
    const test = insts[insts.length - 2] as MachineInstruction | undefined;
    if (insts.length > TEST_MAX || test === undefined || !BRANCHES.has(test.op)) return;
    if (insts[insts.length - 1].op !== 'j') return;
    block.insts.pop();
    block.insts.push(...insts.map(copy));
  });
}

function copy(inst: MachineInstruction): MachineInstruction {
  return Object.assign(new MachineInstruction(inst.op, 0, 0, 0, 0, 0), inst);
}
