// Control-flow graph upkeep: unreachable blocks, dominators (Cooper, Harvey, Kennedy: "A Simple, Fast
// Dominance Algorithm"), natural loops, critical edges, trivial phis.

import {
  Block,
  type IrFunction,
  type Loop,
  resolve,
  retarget,
  successors,
  terminatorArgs,
  type Value,
} from '../ir.ts';

/** Drops blocks that cannot be reached, and their arguments of phis. Keeps the block order. */
export function removeUnreachable(f: IrFunction): void {
  const reached = new Set<Block>([f.blocks[0]]);
  const work = [f.blocks[0]];
  for (let block = work.pop(); block; block = work.pop()) {
    for (const s of successors(block)) {
      if (reached.has(s)) continue;
      reached.add(s);
      work.push(s);
    }
  }
  f.blocks = f.blocks.filter((block) => reached.has(block));
  for (const block of f.blocks) {
    const keep = block.preds.map((p) => reached.has(p) && successors(p).includes(block));
    if (keep.every(Boolean)) continue;
    block.preds = block.preds.filter((_, i) => keep[i]);
    for (const phi of block.phis) phi.args = phi.args.filter((_, i) => keep[i]);
  }
}

/** Replaces phis whose arguments are all the same value (or themselves), until none is left. */
export function removeTrivialPhis(f: IrFunction): void {
  for (let changed = true; changed;) {
    changed = false;
    for (const block of f.blocks) {
      block.phis = block.phis.filter((phi) => {
        let only: Value | undefined;
        for (let i = 0; i < phi.args.length; i++) {
          const arg = (phi.args[i] = resolve(phi.args[i]));
          if (arg === phi || arg === only) continue;
          if (only !== undefined) return true;
          only = arg;
        }
        if (only === undefined) return true;
        phi.forward = only;
        changed = true;
        return false;
      });
    }
  }
  resolveArguments(f);
}

/** Makes every use point at the value that has taken the used one's place. */
export function resolveArguments(f: IrFunction): void {
  for (const block of f.blocks) {
    for (const list of [block.phis, block.insts]) {
      for (const v of list) v.args.forEach((arg, i) => (v.args[i] = resolve(arg)));
    }
    const t = block.term;
    if (t.kind === 'branch') {
      t.a = resolve(t.a);
      t.b = resolve(t.b);
    } else if (t.kind === 'switch') t.index = resolve(t.index);
    else if (t.kind === 'return') t.values = t.values.map(resolve);
  }
}

export function reversePostorder(f: IrFunction): Block[] {
  const seen = new Set<Block>([f.blocks[0]]);
  const order: Block[] = [];
  const stack: { block: Block; next: Block[] }[] = [
    { block: f.blocks[0], next: successors(f.blocks[0]).reverse() },
  ];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const s = top.next.pop();
    if (s === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(s)) {
      seen.add(s);
      stack.push({ block: s, next: successors(s).reverse() });
    }
  }
  return order.reverse();
}

/** Fills idom, domIn, domOut, loop and order of every block. Returns the blocks in reverse postorder. */
export function analyseCfg(f: IrFunction): Block[] {
  const order = reversePostorder(f);
  order.forEach((block, i) => {
    block.order = i;
    block.idom = undefined;
    block.loop = undefined;
  });
  computeDominators(order);
  findLoops(order);
  return order;
}

function computeDominators(order: Block[]): void {
  const [entry] = order;
  entry.idom = entry;
  for (let changed = true; changed;) {
    changed = false;
    for (const block of order.slice(1)) {
      let idom: Block | undefined;
      for (const p of block.preds) {
        if (p.idom === undefined) continue;
        idom = idom === undefined ? p : intersect(p, idom);
      }
      if (idom !== block.idom) {
        block.idom = idom;
        changed = true;
      }
    }
  }
  entry.idom = undefined;
  const children = new Map<Block, Block[]>();
  for (const block of order) {
    if (block.idom) children.set(block.idom, [...(children.get(block.idom) ?? []), block]);
  }
  let clock = 0;
  const stack: { block: Block; next: Block[] }[] = [];
  const open = (block: Block) => {
    block.domIn = clock++;
    stack.push({ block, next: [...(children.get(block) ?? [])] });
  };
  open(entry);
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const child = top.next.shift();
    if (child) open(child);
    else {
      top.block.domOut = clock++;
      stack.pop();
    }
  }
}

function intersect(x: Block, y: Block): Block {
  let [a, b] = [x, y];
  while (a !== b) {
    while (a.order > b.order) a = a.idom as Block;
    while (b.order > a.order) b = b.idom as Block;
  }
  return a;
}

export const dominates = (a: Block, b: Block): boolean =>
  a.domIn <= b.domIn && b.domOut <= a.domOut;

/** Natural loops; asc's control flow is structured, so every back edge goes to a dominator. */
function findLoops(order: Block[]): void {
  const loops: Loop[] = [];
  for (const header of order) {
    const latches = header.preds.filter((p) => dominates(header, p));
    if (latches.length === 0) continue;
    const blocks = new Set<Block>([header]);
    const work = latches.filter((l) => l !== header);
    for (const l of work) blocks.add(l);
    for (let block = work.pop(); block; block = work.pop()) {
      for (const p of block.preds) {
        if (blocks.has(p)) continue;
        blocks.add(p);
        work.push(p);
      }
    }
    loops.push({ header, blocks, parent: undefined, depth: 1 });
  }
  // Outer loops' headers come first in reverse postorder: inner ones overwrite.
  for (const loop of loops) {
    loop.parent = loop.header.loop;
    loop.depth = (loop.parent?.depth ?? 0) + 1;
    for (const block of loop.blocks) block.loop = loop;
  }
}

/** Puts an empty block on the edge, and into the block order after its source (or before its target). */
export function splitEdge(f: IrFunction, from: Block, to: Block, id: number): Block {
  const block = new Block(id);
  block.term = { kind: 'jump', to };
  block.termLoc = from.termLoc;
  block.preds = [from];
  retarget(from.term, to, block);
  to.preds[to.preds.indexOf(from)] = block;
  f.blocks.splice(f.blocks.indexOf(from) + 1, 0, block);
  return block;
}

const nextBlockId = (f: IrFunction): number => 1 + Math.max(...f.blocks.map((b) => b.id));

/** Afterwards no block with several successors leads to a block with phis and several predecessors. */
export function splitCriticalEdges(f: IrFunction): void {
  let id = nextBlockId(f);
  for (const from of [...f.blocks]) {
    const next = successors(from);
    if (next.length < 2) continue;
    for (const to of next) {
      if (to.preds.length > 1 && to.phis.length > 0) splitEdge(f, from, to, id++);
    }
  }
}

/** Gives every loop a block of its own before the header, where invariant code can go. */
export function makePreheaders(f: IrFunction): Block[] {
  let order = analyseCfg(f);
  let id = nextBlockId(f);
  let changed = false;
  for (const header of order) {
    const loop = header.loop;
    if (loop?.header !== header) continue;
    const outside = header.preds.filter((p) => !loop.blocks.has(p));
    if (outside.length === 1 && successors(outside[0]).length === 1) continue;
    changed = true;
    if (outside.length === 1) splitEdge(f, outside[0], header, id++);
    else mergeEntries(f, header, outside, id++);
  }
  if (changed) order = analyseCfg(f);
  return order;
}

function mergeEntries(f: IrFunction, header: Block, outside: Block[], id: number): void {
  const block = new Block(id);
  block.term = { kind: 'jump', to: header };
  block.preds = outside;
  for (const p of outside) retarget(p.term, header, block);
  const isOutside = header.preds.map((p) => outside.includes(p));
  for (const phi of header.phis) {
    const args = phi.args.filter((_, i) => isOutside[i]);
    const merged = Object.assign(
      Object.create(Object.getPrototypeOf(phi) as object) as Value,
      phi,
      {
        id: f.nextValue++,
        args,
        block,
      },
    );
    block.phis.push(merged);
    phi.args = [...phi.args.filter((_, i) => !isOutside[i]), merged];
  }
  header.preds = [...header.preds.filter((_, i) => !isOutside[i]), block];
  f.blocks.splice(f.blocks.indexOf(header), 0, block);
}

/** The block before a loop's header (makePreheaders() has made it). */
export function preheader(loop: Loop): Block | undefined {
  const outside = loop.header.preds.filter((p) => !loop.blocks.has(p));
  return outside.length === 1 && successors(outside[0]).length === 1 ? outside[0] : undefined;
}

/** Drops pure values and plain loads that nobody uses. */
export function removeDead(f: IrFunction): void {
  const live = new Set<Value>();
  const work: Value[] = [];
  const mark = (v: Value) => {
    if (live.has(v)) return;
    live.add(v);
    work.push(v);
  };
  for (const block of f.blocks) {
    for (const v of block.insts) if (hasEffect(v)) mark(v);
    terminatorArgs(block.term).forEach(mark);
  }
  for (let v = work.pop(); v; v = work.pop()) v.args.forEach(mark);
  for (const block of f.blocks) {
    block.insts = block.insts.filter((v) => live.has(v));
    block.phis = block.phis.filter((v) => live.has(v));
  }
}

function hasEffect(v: Value): boolean {
  switch (v.op) {
    case 'store':
    case 'call':
    case 'trapif':
    case 'csr':
    case 'amo':
    case 'cmpxchg':
    case 'setreg':
    case 'machine':
      return true;
    case 'load':
      return v.pinned;
    default:
      return false;
  }
}
