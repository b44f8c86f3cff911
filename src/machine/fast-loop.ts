// Builds the fast interpreter loop: one JavaScript function with one `switch` over the operations of
// operations.ts and their fusions.
// It is generated, once per machine, because V8 then compiles it with the machine's own arrays and
// sizes as constants (no loads, no length checks): measured, see docs. Nothing of the guest flows into
// the source text; it is made of the tables alone.

import { FUSIONS, OPERATIONS } from './operations.ts';
import type { Operation } from './operations.ts';

/** Why the loop returned; `control[CONTROL_REASON]`. */
export const EXIT_BLOCK = 0; // at a block (or stub) whose instruction count exceeds the budget
export const EXIT_SLOW = 1; // before an instruction that the slow path has to perform
export const EXIT_JUMP = 2; // after a jump to CONTROL_TARGET, which is not in the jump table
export const EXIT_CONTINUE = 3; // only from a compiled region: go on at the block returned

/** Fields of the control array. */
export const CONTROL_BUDGET = 0;
export const CONTROL_REASON = 1;
export const CONTROL_TARGET = 2;

/** Entries of the direct-mapped table of jump targets; an entry's index is (pc >> 1) & (size - 1). */
export const JUMP_TABLE_SIZE = 4096;

/** The arrays that the loop works on. */
export interface FastLoopArrays {
  /** Registers of the running hart: x0…x31 in 0…31; 32 takes what is written to x0. 256 long. */
  readonly x: Int32Array;
  /** Decoded blocks, see block-cache.ts. */
  readonly code: Int32Array;
  readonly m8: Uint8Array;
  readonly m16: Uint16Array;
  readonly m32: Int32Array;
  /** Page flags: non-zero sends a store to the slow path. */
  readonly flags: Uint8Array;
  readonly jumpPc: Int32Array;
  readonly jumpIp: Int32Array;
  readonly control: Int32Array;
  /** Compiled regions by id. */
  readonly regions: readonly ((n: number) => number)[];
}

/**
 * Runs decoded blocks from `ip` with a budget of `n` instructions and returns where it stopped.
 * A block is charged as a whole when it is entered; what a stop in the middle gives back is up to
 * the caller, who knows from the block cache how many instructions were left.
 */
export type FastLoop = (ip: number, n: number) => number;

const NAMES = [
  ...['x', 'code', 'm8', 'm16', 'm32', 'flags', 'jumpPc', 'jumpIp', 'control', 'regions'],
] as (keyof FastLoopArrays)[];

/** All operations by number: the plain ones, then the fused ones. */
export function allOperations(): { parts: readonly Operation[]; name: string }[] {
  const byName = new Map(OPERATIONS.map((operation) => [operation.name, operation]));
  const fused = FUSIONS.map((names) => {
    const parts = names.map((name) => {
      const operation = byName.get(name);
      if (operation === undefined) throw new RangeError(`fusion of unknown operation ${name}`);
      return operation;
    });
    return { parts, name: names.join('+') };
  });
  return [
    ...OPERATIONS.map((operation) => ({ parts: [operation], name: operation.name })),
    ...fused,
  ];
}

/** @throws RangeError when there are more operations than an operation number can tell apart. */
export function createFastLoop(arrays: FastLoopArrays): FastLoop {
  return bindSource(fastLoopSource(arrays.m8.length), arrays);
}

/** Runs source text that returns a function, with the arrays in scope as constants. */
export function bindSource(
  source: string,
  arrays: FastLoopArrays,
): (...values: number[]) => number {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const make = new Function(...NAMES, source) as (...values: unknown[]) => FastLoop;
  return make(...NAMES.map((name) => arrays[name]));
}

/** High word of an unsigned 32 × 32 product, from 16-bit halves: for the source of generated code. */
export const MULHU_SOURCE = `function mulhu(a, b) {
      const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
      const low = Math.imul(al, bl) >>> 16;
      const m1 = Math.imul(ah, bl) >>> 0, m2 = Math.imul(al, bh) >>> 0;
      const carry = low + (m1 & 0xffff) + (m2 & 0xffff);
      return (Math.imul(ah, bh) + (m1 >>> 16) + (m2 >>> 16) + (carry >>> 16)) | 0;
    }`;

/** Source texts by size of RAM: a text takes longer to put together than to compile. */
const sources = new Map<number, string>();

/** The generated source text, readable in a debugger under its sourceURL. */
export function fastLoopSource(ramBytes: number): string {
  const source = sources.get(ramBytes) ?? writeSource(ramBytes);
  sources.set(ramBytes, source);
  return source;
}

function writeSource(ramBytes: number): string {
  const operations = allOperations();
  if (operations.length > 256) throw new RangeError('more than 256 operations');
  const cases = operations.map(
    ({ parts, name }, number) => `case ${number}: /* ${name} */ ${caseBody(parts, ramBytes)}`,
  );
  return `'use strict';
    ${MULHU_SOURCE}
    return function fastLoop(ip, n) {
      ip = ip | 0; n = n | 0;
      block: for (;;) {
        const count = code[ip];
        if (count > n) {
          control[${CONTROL_BUDGET}] = n; control[${CONTROL_REASON}] = ${EXIT_BLOCK};
          return ip;
        }
        n = (n - count) | 0;
        ip = (ip + 2) | 0;
        for (;;) {
          const w = code[ip];
          switch (w & 255) {
            ${cases.join('\n            ')}
            default: throw new Error('operation ' + (w & 255));
          }
        }
      }
    };
    //# sourceURL=printkit-fast-loop.js`;
}

function caseBody(parts: readonly Operation[], ramBytes: number): string {
  let offset = 0;
  let text = '';
  let flow = false;
  for (const part of parts) {
    text += partBody(part, offset, ramBytes);
    offset += part.words;
    flow = part.flow;
  }
  // Each case is a scope of its own: bodies declare constants.
  return flow ? `{ ${text} }` : `{ ${text} ip = (ip + ${offset}) | 0; continue; }`;
}

/** One operation's text with its operands taken from the words at `ip + offset`. */
function partBody(part: Operation, offset: number, ramBytes: number): string {
  const word = offset === 0 ? 'w' : `w${offset}`;
  const at = (n: number) => `code[ip + ${offset + n}]`;
  const stop = (reason: number) =>
    `{ control[${CONTROL_BUDGET}] = n; control[${CONTROL_REASON}] = ${reason}; ` +
    `return ip + ${offset}; }`;
  const jump =
    `{ const h = (to >>> 1) & ${JUMP_TABLE_SIZE - 1}; ` +
    `if (jumpPc[h] === to) { ip = jumpIp[h]; continue block; } ` +
    `control[${CONTROL_TARGET}] = to; ${stop(EXIT_JUMP)} }`;
  const region =
    `{ ip = regions[w >>> 8](n); n = control[${CONTROL_BUDGET}]; ` +
    `const why = control[${CONTROL_REASON}]; if (why === ${EXIT_CONTINUE}) continue block; ` +
    `if (why === ${EXIT_JUMP}) { const to = control[${CONTROL_TARGET}]; ${jump} } return ip; }`;
  const body = part.body
    .replaceAll('REGION;', region)
    .replaceAll('BAIL;', stop(EXIT_SLOW))
    .replaceAll('BAIL', stop(EXIT_SLOW))
    .replaceAll('JUMP(to);', jump)
    .replaceAll('RD', `x[(${word} >>> 8) & 63]`)
    .replaceAll('RS1', `x[(${word} >>> 16) & 255]`)
    .replaceAll('RS2', `x[${word} >>> 24]`)
    .replaceAll('IMM', at(1))
    .replaceAll(/ARG\((\d)\)/g, (_, n: string) => at(Number(n)))
    .replaceAll('RAM_BYTES', String(ramBytes));
  return offset === 0 ? body : `const w${offset} = ${at(0)}; ${body}`;
}
