// Block order: the source's, except that a loop whose header holds the exit test ends with its header,
// so that an iteration needs one branch instead of a branch and a jump.

import { type Block, type IrFunction, type Loop, successors } from '../ir.ts';

/** @param f analysed (analyseCfg) */
export function orderBlocks(f: IrFunction): void {
  const loops = new Set<Loop>();
  for (const block of f.blocks) if (block.loop) loops.add(block.loop);
  for (const loop of [...loops].sort((x, y) => x.depth - y.depth)) rotate(f, loop);
}

function rotate(f: IrFunction, loop: Loop): void {
  const { header } = loop;
  const next = successors(header);
  if (next.length !== 2 || next.every((b) => loop.blocks.has(b))) return;
  if (header === f.blocks[0] || loop.blocks.size === 1) return;
  let last: Block | undefined;
  for (const block of f.blocks) if (loop.blocks.has(block)) last = block;
  if (last === undefined || last.term.kind !== 'jump' || last.term.to !== header) return;
  f.blocks.splice(f.blocks.indexOf(header), 1);
  f.blocks.splice(f.blocks.indexOf(last) + 1, 0, header);
}
