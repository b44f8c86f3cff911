// Compiles hot loops of decoded blocks to JavaScript functions. Guest registers become local
// variables and blocks follow each other without dispatch, which V8 turns into good machine code.
//
// Only an accelerator: a region does what its blocks do, instruction by instruction, from the same
// pieces of text (operations.ts) and with the same charging, so that nothing of the guest's run
// depends on whether or when something was compiled. It is left with all registers written back:
// to another block, before an instruction for the slow path, or when the budget ends.
// This is also the place where a compiler to WebAssembly would plug in.

import type { BlockCache, BlockInfo } from './block-cache.ts';
import {
  bindSource,
  CONTROL_BUDGET,
  CONTROL_REASON,
  CONTROL_TARGET,
  EXIT_CONTINUE,
  EXIT_JUMP,
  EXIT_SLOW,
  MULHU_SOURCE,
} from './fast-loop.ts';
import type { FastLoopArrays } from './fast-loop.ts';
import { isBranch, lower } from './lowering.ts';
import { OP_SLOW, OPERATIONS } from './operations.ts';

/** Bounds of a region: beyond them, compiling costs more than it brings. */
const REGION_BLOCKS_MAX = 48;
const REGION_INSTRUCTIONS_MAX = 600;
/** Regions per flush of the cache. */
const REGIONS_MAX = 1000;

const BODIES = new Map(OPERATIONS.map(({ name, body }) => [name, body]));

/** Ways from a block to others: the address, and the word of `code` that links there. */
interface Edge {
  readonly to: number;
  readonly link: number;
}

/** Compiles the loop that leads through `head`, if there is one. */
export function compileRegion(cache: BlockCache, head: BlockInfo, arrays: FastLoopArrays): boolean {
  if (cache.regions.length >= REGIONS_MAX) return false;
  const members = findLoop(cache, head);
  if (members.size === 0) return false;
  const source = new RegionSource(members, head, arrays.m8.length).text();
  cache.installRegion(head, [...members.values()], bindSource(source, arrays));
  return true;
}

/** Static successors of a block. Returns (jalr ra) are not among them. */
function edges(block: BlockInfo): Edge[] {
  const last = block.run[block.run.length - 1];
  const place = block.places[block.places.length - 1];
  const target = (block.end - last.length + last.imm) >>> 0;
  if (isBranch(last.name)) {
    return [
      { to: target, link: place + 1 },
      { to: block.end, link: place + 2 },
    ];
  }
  if (last.name === 'jal') return [{ to: target, link: place + 2 }];
  if (last.name === 'jalr' || lower(last, 0).operation === OP_SLOW) return [];
  return [{ to: block.end, link: place + 3 }]; // `end`, behind the last operation's two words
}

const isCall = (block: BlockInfo) => {
  const last = block.run[block.run.length - 1];
  return (last.name === 'jal' || last.name === 'jalr') && last.rd === 1;
};
const isReturn = (block: BlockInfo) => {
  const last = block.run[block.run.length - 1];
  return last.name === 'jalr' && last.rs1 === 1 && last.rd === 0 && last.imm === 0;
};

/** Blocks, decoded already, that can be reached from `head` and lead back to it; by address. */
function findLoop(cache: BlockCache, head: BlockInfo): Map<number, BlockInfo> {
  const reached = new Map<number, BlockInfo>();
  const queue = [head.pc];
  let instructions = 0;
  for (let pc = queue.shift(); pc !== undefined; pc = queue.shift()) {
    const block = cache.info(pc);
    if (block === undefined || reached.has(pc)) continue;
    instructions += block.run.length;
    if (reached.size >= REGION_BLOCKS_MAX || instructions > REGION_INSTRUCTIONS_MAX) break;
    reached.set(pc, block);
    queue.push(...edges(block).map(({ to }) => to));
    if (isCall(block)) queue.push(block.end);
  }
  const loop = new Set<number>();
  for (let grown = true; grown;) {
    grown = false;
    for (const [pc, block] of reached) {
      if (loop.has(pc)) continue;
      const next = successors(block, reached);
      if (!next.some((to) => to === head.pc || loop.has(to))) continue;
      loop.add(pc);
      grown = true;
    }
  }
  if (!loop.has(head.pc)) return new Map<number, BlockInfo>();
  return new Map([...reached].filter(([pc]) => loop.has(pc)));
}

/** Addresses that may follow a block, with the return addresses of all calls for a return. */
function successors(block: BlockInfo, among: ReadonlyMap<number, BlockInfo>): number[] {
  if (isReturn(block)) return returnAddresses(among);
  return edges(block).map(({ to }) => to);
}

function returnAddresses(among: ReadonlyMap<number, BlockInfo>): number[] {
  return [...among.values()].filter(isCall).map(({ end }) => end);
}

/** Leaves a region with the jump target in `to`. */
const JUMP = `{ why = ${EXIT_JUMP}; break region; }`;

/**
 * The source text of one region. Ways out only set variables, which the common end then acts upon: V8
 * has seen that end, while an untried way out with array accesses would throw its code away.
 */
class RegionSource {
  readonly #members: ReadonlyMap<number, BlockInfo>;
  readonly #head: BlockInfo;
  readonly #ramBytes: number;
  /** Blocks that are jumped to by number, by address; the others are nested where they are reached. */
  readonly #labels = new Map<number, number>();
  readonly #used = new Set<number>();
  readonly #written = new Set<number>();

  constructor(members: ReadonlyMap<number, BlockInfo>, head: BlockInfo, ramBytes: number) {
    this.#members = members;
    this.#head = head;
    this.#ramBytes = ramBytes;
    const reached = new Map<number, number>();
    for (const block of members.values()) {
      for (const to of successors(block, members)) reached.set(to, (reached.get(to) ?? 0) + 1);
    }
    // Targets of returns are reached by a computed number; joins would be duplicated if nested.
    const returns = new Set(returnAddresses(members));
    for (const pc of [head.pc, ...members.keys()]) {
      const join = (reached.get(pc) ?? 0) > 1 || returns.has(pc) || pc === head.pc;
      if (join && !this.#labels.has(pc)) this.#labels.set(pc, this.#labels.size);
    }
  }

  text(): string {
    const cases = [...this.#labels].map(([pc, number]) => {
      const block = this.#members.get(pc);
      return `case ${number}: { ${block === undefined ? '' : this.#block(block)} }`;
    });
    const registers = [...this.#used];
    return `'use strict';
      ${MULHU_SOURCE}
      return function region(n) {
        n = n | 0;
        let ${['ip = 0', 'link = 0', 'to = 0', `why = ${EXIT_CONTINUE}`, 'b = 0'].join(', ')};
        ${registers.map((r) => `let r${r} = x[${r}];`).join(' ')}
        region: for (;;) {
          switch (b) {
            ${cases.join('\n            ')}
          }
        }
        ${[...this.#written].map((r) => `x[${r}] = r${r};`).join(' ')}
        control[${CONTROL_BUDGET}] = n;
        control[${CONTROL_REASON}] = why;
        control[${CONTROL_TARGET}] = to;
        return (ip + code[link]) | 0; // code[0] is 0
      };
      //# sourceURL=printkit-region-${this.#head.pc.toString(16)}.js`;
  }

  /** A block that has been charged already, with all that follows it and is no label. */
  #block(block: BlockInfo): string {
    let address = block.pc;
    let text = `/* ${block.pc.toString(16)} */\n`;
    const last = block.run.length - 1;
    block.run.forEach((decoded, i) => {
      const { operation, imm } = lower(decoded, address);
      const place = block.places[i];
      const link = address + decoded.length;
      const operand = { rd: decoded.rd, rs1: decoded.rs1, rs2: decoded.rs2, imm, place };
      address = link;
      if (i < last || !endsWithJump(block)) text += this.#plain(operation, operand);
      else if (isBranch(operation)) text += this.#branch(block, operand, operation);
      else if (operation === 'jal') {
        text += this.#assign(decoded.rd, String(link | 0)) + this.#go(edges(block)[0]);
      } else text += this.#jump(block, operand, link);
    });
    if (!endsWithJump(block) && lower(block.run[last], 0).operation !== OP_SLOW) {
      text += this.#go(edges(block)[0]);
    }
    return text;
  }

  #plain(operation: string, operand: Operand): string {
    const body = BODIES.get(operation) ?? '';
    const slow = `{ ip = ${operand.place}; why = ${EXIT_SLOW}; break region; }`;
    return (
      this.#substitute(body, operand).replaceAll('BAIL;', slow).replaceAll('BAIL', slow) + '\n'
    );
  }

  #branch(block: BlockInfo, operand: Operand, operation: string): string {
    const [taken, fallen] = edges(block);
    const condition = /if \((.*?)\) \{ ip/.exec(BODIES.get(operation) ?? '')?.[1] ?? 'false';
    const test = this.#substitute(condition, operand);
    return `if (${test}) { ${this.#go(taken)} }\n${this.#go(fallen)}`;
  }

  /** jalr: to a return address of this region by number, to anything else through the jump table. */
  #jump(block: BlockInfo, operand: Operand, link: number): string {
    const to = `to = (${this.#read(operand.rs1)} + ${operand.imm}) & ~1;`;
    const inside = isReturn(block)
      ? [...new Set(returnAddresses(this.#members))]
          .filter((pc) => this.#members.has(pc))
          .map((pc) => `if (to === ${pc | 0}) { ${this.#go({ to: pc, link: -1 })} }`)
      : [];
    return `${to} ${this.#assign(operand.rd, String(link | 0))} ${inside.join(' ')} ${JUMP}`;
  }

  /** Goes on with another block: inside of the region if it is in it and the budget allows. */
  #go({ to, link }: Edge): string {
    const block = this.#members.get(to);
    // A return has no word that links to its target: it leaves by address.
    const leave = link < 0 ? JUMP : `{ link = ${link}; break region; }`;
    if (block === undefined) return leave;
    const count = block.run.length;
    const charge = `if (n < ${count}) ${leave} n = (n - ${count}) | 0; `;
    const label = this.#labels.get(to);
    if (label !== undefined) return `${charge} b = ${label}; continue region;`;
    return charge + this.#block(block);
  }

  #substitute(text: string, { rd, rs1, rs2, imm }: Operand): string {
    return text
      .replaceAll(/RD = ([^;]*);/g, (_, value: string) => this.#assign(rd, value))
      .replaceAll('RS1', () => this.#read(rs1))
      .replaceAll('RS2', () => this.#read(rs2))
      .replaceAll('IMM', `(${imm})`)
      .replaceAll('RAM_BYTES', String(this.#ramBytes));
  }

  #read(register: number): string {
    if (register === 0) return '0';
    this.#used.add(register);
    return `r${register}`;
  }

  #assign(register: number, value: string): string {
    if (register === 0) return `${value};`;
    this.#used.add(register);
    this.#written.add(register);
    return `r${register} = (${value}) | 0;`;
  }
}

interface Operand {
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly imm: number;
  readonly place: number;
}

function endsWithJump(block: BlockInfo): boolean {
  const { name } = block.run[block.run.length - 1];
  return isBranch(name) || name === 'jal' || name === 'jalr';
}
