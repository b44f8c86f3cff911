// The exploring interpreter loop: runs a hart through everything that no other context can notice, and
// stops before the first instruction that another one can. Generated from the machine's own table of
// operations, like its fast loop; loads and stores look up who has touched their bytes (ownership.ts),
// and stores log what they overwrite (undo-log.ts).
// A second variant also collects which registers the code reads before it writes them.

import { MULHU_SOURCE } from '../machine/fast-loop.ts';
import { OP_REGION, OPERATIONS } from '../machine/operations.ts';
import type { Operation } from '../machine/operations.ts';
import { INSTRUCTION_WORDS, OPERATION_NOTE, OPERATION_STOP, OPERATION_STUB } from './code-map.ts';
import { CONSTANT_PATTERN } from './ownership.ts';

/** Why the loop returned; `control[CONTROL_REASON]`. The instruction returned has not been executed. */
export const STOP_VISIBLE = 0; // an access to shared memory
export const STOP_SLOW = 1; // an instruction that is not the loop's
export const STOP_STUB = 2; // at code that has to be decoded
export const STOP_JUMP = 3; // after a jump to CONTROL_TARGET, which has not been decoded
export const STOP_END = 4; // at the end of the region
export const STOP_BUDGET = 5; // at a jump, with the budget used up

/** Fields of the control array. */
export const CONTROL_BUDGET = 0;
export const CONTROL_REASON = 1;
export const CONTROL_TARGET = 2;
export const CONTROL_LOG_TOP = 3;
/** Variant that tracks registers: bit n of these: xn is read before it is written; is written. */
export const CONTROL_LIVE = 4;
export const CONTROL_DEFINED = 5;

/** What the loop works on. */
export interface PrivateLoopArrays {
  /** Registers of the running hart: x0…x31 in 0…31; 32 takes what is written to x0. 256 long. */
  readonly x: Int32Array;
  readonly code: Int32Array;
  readonly places: Int32Array;
  readonly m8: Uint8Array;
  readonly m16: Uint16Array;
  readonly m32: Int32Array;
  /** Byte states of ownership.ts, and the same by word. */
  readonly own8: Uint8Array;
  readonly own32: Int32Array;
  readonly log: Int32Array;
  readonly control: Int32Array;
  /** Asked about an access to bytes that are not simply the context's own: is it visible? */
  readonly touch: (offset: number, bytes: number, writes: boolean) => boolean;
  /** Told that the hart is at the noted instruction at `ip`, with so much of its budget left. */
  readonly note: (ip: number, n: number) => void;
}

/**
 * Runs from the instruction at `ip` for about `n` instructions. `reads` and `writes` are the context's
 * patterns in ownership words. The first `forced` accesses to memory are executed though they are
 * visible. Returns where it stopped.
 */
export type PrivateLoop = (
  ip: number,
  n: number,
  reads: number,
  writes: number,
  forced: number,
) => number;

const NAMES: readonly (keyof PrivateLoopArrays)[] = [
  ...(['x', 'code', 'places', 'm8', 'm16', 'm32'] as const),
  ...(['own8', 'own32', 'log', 'control', 'touch', 'note'] as const),
];

/** Builds the loop, or the variant that tracks registers. */
export function createPrivateLoop(arrays: PrivateLoopArrays, tracks: boolean): PrivateLoop {
  const source = loopSource(arrays.m8.length, tracks);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const make = new Function(...NAMES, source) as (...values: unknown[]) => PrivateLoop;
  return make(...NAMES.map((name) => arrays[name]));
}

function loopSource(ramBytes: number, tracks: boolean): string {
  const cases = OPERATIONS.map(
    (operation, number) =>
      `case ${number}: /* ${operation.name} */ ${caseBody(operation, ramBytes, tracks)}`,
  );
  return `'use strict';
    ${MULHU_SOURCE}
    return function privateLoop(ip, n, reads, writes, forced) {
      ip = ip | 0; n = n | 0; reads = reads | 0; writes = writes | 0; forced = forced | 0;
      let top = control[${CONTROL_LOG_TOP}];
      let why = 0;
      ${tracks ? `let live = control[${CONTROL_LIVE}], defined = control[${CONTROL_DEFINED}];` : ''}
      loop: for (;;) {
        const w = code[ip];
        switch (w & 255) {
          ${cases.join('\n          ')}
          case ${OPERATION_STUB}: why = ${STOP_STUB}; break loop;
          case ${OPERATION_NOTE}:
            control[${CONTROL_LOG_TOP}] = top;
            note(ip, n);
            top = control[${CONTROL_LOG_TOP}];
            ip = (ip + ${INSTRUCTION_WORDS}) | 0;
            continue loop;
          case ${OPERATION_STOP}: why = ${STOP_END}; break loop;
          default: throw new Error('operation ' + (w & 255));
        }
      }
      control[${CONTROL_BUDGET}] = n;
      control[${CONTROL_REASON}] = why;
      control[${CONTROL_LOG_TOP}] = top;
      ${tracks ? `control[${CONTROL_LIVE}] = live; control[${CONTROL_DEFINED}] = defined;` : ''}
      return ip;
    };
    //# sourceURL=printkit-private-loop${tracks ? '-tracking' : ''}.js`;
}

const stop = (reason: number) => `{ why = ${reason}; break loop; }`;

const LOAD_BYTES: Readonly<Record<string, number>> = { lb: 1, lbu: 1, lh: 2, lhu: 2, lw: 4 };
const STORE_BYTES: Readonly<Record<string, number>> = { sb: 1, sh: 2, sw: 4 };

function caseBody(operation: Operation, ramBytes: number, tracks: boolean): string {
  const { name, flow, body } = operation;
  if (name === OP_REGION) return `throw new Error('region');`;
  const text = substitute(memoryBody(name, ramBytes) ?? flowBody(operation) ?? body);
  const tracking = tracks ? trackingSource(body) : '';
  // Before a jump is the only place that the budget is looked at: every loop has one.
  if (flow) {
    const counts = name === 'end' ? '' : `if (n <= 0) ${stop(STOP_BUDGET)} n = (n - 1) | 0;`;
    return `{ ${counts} ${tracking} ${text} }`;
  }
  // Tracking comes last but for accesses, whose registers the operation may overwrite: they are only
  // tracked once nothing can stop the instruction any more, and a stopped one is tracked elsewhere.
  return `{ ${text} ${tracking} n = (n - 1) | 0; ip = (ip + ${INSTRUCTION_WORDS}) | 0; continue; }`;
}

function substitute(body: string): string {
  return body
    .replaceAll('BAIL;', stop(STOP_SLOW))
    .replaceAll('BAIL', stop(STOP_SLOW))
    .replaceAll('continue block', 'continue loop')
    .replaceAll('RD', 'x[(w >>> 8) & 63]')
    .replaceAll('RS1', 'x[(w >>> 16) & 255]')
    .replaceAll('RS2', 'x[w >>> 24]')
    .replaceAll('IMM', 'code[ip + 1]')
    .replaceAll(/ARG\((\d)\)/g, (_, n: string) => `code[ip + ${n}]`);
}

/** Registers of an instruction by what its operation's text mentions. */
function trackingSource(body: string): string {
  const used = (shift: number) => `live |= (1 << ((w >>> ${shift}) & 31)) & ~defined;`;
  return (
    (body.includes('RS1') ? used(16) : '') +
    (body.includes('RS2') ? used(24) : '') +
    (body.includes('RD') ? 'defined |= 1 << ((w >>> 8) & 31);' : '')
  );
}

function flowBody({ name }: Operation): string | undefined {
  if (name !== 'jalr') return undefined;
  return `const to = (RS1 + IMM) & ~1; RD = ARG(2);
    const h = (to - 0x80000000) >>> 1, place = h < places.length ? places[h] : 0;
    if (place !== 0) { ip = place; continue loop; }
    control[${CONTROL_TARGET}] = to; why = ${STOP_JUMP}; break loop;`;
}

/** Loads, stores and AMOs with their look at ownership and, before a store, the undo record. */
function memoryBody(name: string, ramBytes: number): string | undefined {
  const atomic = name.startsWith('amo');
  const bytes = atomic ? 4 : (LOAD_BYTES[name] ?? STORE_BYTES[name]);
  if (bytes === undefined) return undefined;
  const writes = atomic || name in STORE_BYTES;
  const misaligned = bytes === 1 ? '' : ` || (o & ${bytes - 1}) !== 0`;
  const log = 'log[top] = m32[o >>> 2]; log[top + 1] = o >>> 2; top = (top + 2) | 0;';
  return `const o = (RS1 + IMM) >>> 0; if (o >= ${ramBytes}${misaligned}) BAIL;
    ${ownershipSource(bytes, writes)} ${writes ? log : ''} ${effect(name)}`;
}

function ownershipSource(bytes: number, writes: boolean): string {
  const state = bytes === 4 ? 'own32[o >>> 2]' : 'own32[o >>> 2] >>> ((o & 3) << 3)';
  const mask = bytes === 4 ? '' : ` & ${bytes === 1 ? 0xff : 0xffff}`;
  const is = (pattern: string) => `((s ^ ${pattern})${mask}) === 0`;
  const own = writes
    ? is('writes')
    : `${is('writes')} || ${is('reads')} || ${is(String(CONSTANT_PATTERN))}`;
  return `const s = ${state};
    if (!(${own}) && touch(o, ${bytes}, ${writes})) {
      if (forced <= 0) ${stop(STOP_VISIBLE)}
      forced = (forced - 1) | 0;
    }`;
}

/** What the operation's text does behind its checks. */
function effect(name: string): string {
  const body = OPERATIONS.find((operation) => operation.name === name)?.body ?? '';
  const checked = /BAIL;? (.*) \}$/.exec(body)?.[1];
  if (checked === undefined) throw new RangeError(`operation ${name} has no checks`);
  return checked;
}
