// Who has touched which byte: found while executing, never declared. A byte that one context alone
// touches is private, one that several read and none writes is constant; accesses to both are no
// visible steps. A byte that only contexts of one hart touch is local: an access is a step of its own
// where the hart can be interrupted, and part of another step elsewhere. Others are shared.
// What becomes local or shared stays so over all executions of an exploration: the search starts over
// when something new does (`grown`), until nothing does. Then every explored execution had all its
// conflicts at visible steps. Leaves out registers of devices: they are always visible.

/** Byte states beside those of one owner. */
const UNTOUCHED = 0;
const CONSTANT = 0x80;
const CODE = 0x82;
/** Plus the hart's number. */
const LOCAL = 0xc0;
const SHARED = 0xff;
/** Beside an owner's number: it has written the byte. */
const WRITTEN = 0x40;
/** Numbers of contexts are 1 to this; a hart has `CONTEXTS` of them. */
export const CONTEXTS_MAX = 0x3f;
/** Contexts of a hart that are told apart, see hart-track.ts. */
export const CONTEXTS = 4;

/** A context's pattern in a word of byte states, as the generated loop compares it. */
export const readPattern = (context: number): number => Math.imul(context, 0x01010101);
export const writePattern = (context: number): number => Math.imul(context | WRITTEN, 0x01010101);
export const CONSTANT_PATTERN = 0x80808080 | 0;
/** A word of shared bytes. */
export const ALL_SHARED = -1;
/** Matches no word of byte states. */
export const NO_PATTERN = 0xfefefefe | 0;

export class Ownership {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Something has become shared since this was last set to false. */
  grown = false;
  /** Nothing more becomes shared: accesses count as what they are known to be by now. */
  frozen = false;
  /** Bytes that are shared, for statistics. */
  sharedBytes = 0;

  /** @param bytes of memory, and behind it whatever else contexts have in common */
  constructor(bytes: number) {
    const buffer = new ArrayBuffer(bytes);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** Notes an access of a context, and tells what it is one to. */
  touch(context: number, offset: number, bytes: number, writes: boolean): Sharing {
    let sharing: Sharing = 'private';
    for (let at = offset; at < offset + bytes; at++) {
      const state = this.bytes[at];
      const next = this.frozen ? state : nextState(state, context, writes);
      if (next !== state) this.#set(at, next);
      if (next === SHARED) sharing = 'shared';
      else if (next >= LOCAL && sharing === 'private') sharing = 'local';
    }
    return sharing;
  }

  /** Memory that has been decoded: a store to it is always visible. */
  markCode(offset: number, bytes: number): void {
    for (let at = offset; at < offset + bytes; at++) {
      if (this.bytes[at] !== SHARED) this.bytes[at] = CODE;
    }
  }

  /** Makes bytes shared that are not. */
  share(offset: number, bytes: number): void {
    for (let at = offset; at < offset + bytes; at++) {
      if (this.bytes[at] !== SHARED) this.#set(at, SHARED);
    }
  }

  #set(at: number, state: number): void {
    if (state >= LOCAL) this.grown = true;
    if (state === SHARED) this.sharedBytes++;
    this.bytes[at] = state;
  }
}

/** Who shares a byte: nobody, contexts of one hart, or harts. */
export type Sharing = 'private' | 'local' | 'shared';

const hartOf = (context: number): number => Math.floor(((context & CONTEXTS_MAX) - 1) / CONTEXTS);

function nextState(state: number, context: number, writes: boolean): number {
  if (state === SHARED) return SHARED;
  if (state === UNTOUCHED) return writes ? context | WRITTEN : context;
  if (state === CODE || state === CONSTANT) return writes ? SHARED : state;
  if (state >= LOCAL) return state === LOCAL + hartOf(context) ? state : SHARED;
  if ((state & CONTEXTS_MAX) === context) return writes ? state | WRITTEN : state;
  if (!writes && (state & WRITTEN) === 0) return CONSTANT;
  return hartOf(state) === hartOf(context) ? LOCAL + hartOf(context) : SHARED;
}
