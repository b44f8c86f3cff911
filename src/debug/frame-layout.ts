// Where the frame of a function lies, instruction by instruction, read off the machine code: the
// usual RISC-V prologue and epilogue (addi sp; sw ra, s0…; addi s0,sp; … lw; addi sp; ret). Other
// code keeps the last known frame.

import { FIELDS, extractField } from '../machine/encoding.ts';

/** From `offset` in the function on. */
export interface FrameRow {
  readonly offset: number;
  /** CFA (the caller's sp) = register + offset. */
  readonly cfaRegister: number;
  readonly cfaOffset: number;
  /** Registers whose place changed: offset from the CFA, or undefined when back in the register. */
  readonly changed: readonly (readonly [register: number, slot: number | undefined])[];
}

interface Frame {
  cfaRegister: number;
  cfaOffset: number;
  /** How far sp stands below the CFA; NaN once a variable amount was subtracted. */
  depth: number;
  readonly saved: Map<number, number>;
}

const RA = 1;
const SP = 2;
const S0 = 8;
const CALLEE_SAVED = new Set([RA, S0, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27]);

/** The frame at one instruction, all rows up to there added up. */
export interface FrameLayout {
  readonly cfaRegister: number;
  readonly cfaOffset: number;
  /** Registers that lie in memory: offset from the CFA. */
  readonly saved: ReadonlyMap<number, number>;
}

/** The frame just before the instruction at `offset` of a function is executed. */
export function frameLayoutAt(code: Uint8Array, offset: number): FrameLayout {
  let cfaRegister = SP;
  let cfaOffset = 0;
  const saved = new Map<number, number>();
  for (const row of frameRows(code)) {
    if (row.offset > offset) break;
    ({ cfaRegister, cfaOffset } = row);
    for (const [register, slot] of row.changed) {
      if (slot === undefined) saved.delete(register);
      else saved.set(register, slot);
    }
  }
  return { cfaRegister, cfaOffset, saved };
}

const copy = (frame: Frame): Frame => ({ ...frame, saved: new Map(frame.saved) });

/** Rows in ascending order; the state before the first is CFA = sp, everything in registers. */
export function frameRows(code: Uint8Array): FrameRow[] {
  const rows: FrameRow[] = [];
  let frame: Frame = { cfaRegister: SP, cfaOffset: 0, depth: 0, saved: new Map() };
  let body = copy(frame); // the frame between prologue and epilogue, taken up again after a return
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  for (let offset = 0; offset + 2 <= code.length;) {
    const bytes = (view.getUint16(offset, true) & 3) === 3 ? 4 : 2;
    if (offset + bytes > code.length) break;
    const before = copy(frame);
    const word = bytes === 4 ? view.getUint32(offset, true) : view.getUint16(offset, true);
    const effect = step(frame, bytes === 4 ? decodeLong(word) : decodeShort(word));
    if (effect === 'builds') body = copy(frame);
    offset += bytes;
    if (effect === 'leaves' && !(frame.depth > 0)) frame = copy(body);
    const row = difference(before, frame, offset);
    if (row && offset < code.length) rows.push(row);
  }
  return rows;
}

/** What an instruction does to the frame: a prologue builds it; a return leaves the function. */
type Effect = 'builds' | 'leaves' | 'none';

function step(frame: Frame, operation: Operation): Effect {
  switch (operation.kind) {
    case 'addi': {
      const { rd, rs1, immediate } = operation;
      if (rd === SP && rs1 === SP) return moveStack(frame, -immediate);
      if (rd === SP) frame.depth = rs1 === S0 && frame.cfaRegister === S0 ? -immediate : NaN;
      if (rd === S0 && rs1 === SP) return establish(frame);
      return 'none';
    }
    case 'add':
      if (operation.rd === SP) frame.depth = NaN;
      else if (operation.rd === S0 && operation.sources.includes(SP)) return establish(frame);
      return 'none';
    case 'load':
      if (operation.rd === SP) frame.depth = NaN;
      else reload(frame, operation.rd, operation.base, operation.immediate);
      return 'none';
    case 'store':
      return save(frame, operation.register, operation.base, operation.immediate);
    case 'leave':
      return 'leaves';
    case 'other':
      if (operation.rd === SP) frame.depth = NaN;
      return 'none';
  }
}

/** What matters of an instruction here. */
type Operation =
  | { readonly kind: 'addi'; readonly rd: number; readonly rs1: number; readonly immediate: number }
  | { readonly kind: 'add'; readonly rd: number; readonly sources: readonly number[] }
  | {
      readonly kind: 'load';
      readonly rd: number;
      readonly base: number;
      readonly immediate: number;
    }
  | {
      readonly kind: 'store';
      readonly register: number;
      readonly base: number;
      readonly immediate: number;
    }
  | { readonly kind: 'leave' }
  /** Writes rd (0: nothing that we know of). */
  | { readonly kind: 'other'; readonly rd: number };

const NOTHING: Operation = { kind: 'other', rd: 0 };
const LEAVE: Operation = { kind: 'leave' };

function decodeLong(word: number): Operation {
  const rd = (word >>> 7) & 31;
  const rs1 = (word >>> 15) & 31;
  const rs2 = (word >>> 20) & 31;
  const funct3 = (word >>> 12) & 7;
  const immediate = extractField(FIELDS.I, word);
  switch (word & 0x7f) {
    case 0x13: // addi among others
      return funct3 === 0 ? { kind: 'addi', rd, rs1, immediate } : { kind: 'other', rd };
    case 0x33: // add among others
      return { kind: 'add', rd, sources: [rs1, rs2] };
    case 0x03: // lw among others
      return funct3 === 2 ? { kind: 'load', rd, base: rs1, immediate } : { kind: 'other', rd };
    case 0x23: // sw among others
      if (funct3 !== 2) return NOTHING;
      return { kind: 'store', register: rs2, base: rs1, immediate: extractField(FIELDS.S, word) };
    case 0x67: // jalr
    case 0x6f: // jal
      return rd === 0 ? LEAVE : NOTHING;
    case 0x63: // branches and fences have no rd
    case 0x0f:
      return NOTHING;
    default:
      return { kind: 'other', rd };
  }
}

/** 16-bit instructions by quadrant and funct3 (C chapter, "RVC Instruction Set Listings"). */
function decodeShort(word: number): Operation {
  const rd = (word >>> 7) & 31;
  const rs2 = (word >>> 2) & 31;
  switch (((word & 3) << 3) | (word >>> 13)) {
    case 0o00: // c.addi4spn
      return {
        kind: 'addi',
        rd: (rs2 % 8) + 8,
        rs1: SP,
        immediate: extractField(FIELDS.CIW, word),
      };
    case 0o10: // c.addi
      return { kind: 'addi', rd, rs1: rd, immediate: extractField(FIELDS.CI, word) };
    case 0o12: // c.li
      return { kind: 'other', rd };
    case 0o13: // c.addi16sp, c.lui
      if (rd !== SP) return { kind: 'other', rd };
      return { kind: 'addi', rd, rs1: SP, immediate: extractField(FIELDS.CIsp, word) };
    case 0o15: // c.j
      return LEAVE;
    case 0o22: // c.lwsp
      return { kind: 'load', rd, base: SP, immediate: extractField(FIELDS.CIlw, word) };
    case 0o26: // c.swsp
      return { kind: 'store', register: rs2, base: SP, immediate: extractField(FIELDS.CSS, word) };
    case 0o24: // c.jr, c.mv, c.ebreak, c.jalr, c.add
      if (rs2 === 0) return (word & 0x1000) === 0 ? LEAVE : NOTHING;
      if ((word & 0x1000) === 0) return { kind: 'addi', rd, rs1: rs2, immediate: 0 };
      return { kind: 'add', rd, sources: [rd, rs2] };
    default:
      return NOTHING;
  }
}

function moveStack(frame: Frame, down: number): Effect {
  frame.depth += down;
  if (frame.cfaRegister === SP && Number.isFinite(frame.depth)) frame.cfaOffset = frame.depth;
  return down > 0 ? 'builds' : 'none';
}

/**
 * s0 now is the CFA. If it was not seen where the caller's s0 went, it is where the ABI has it, below ra; a
 * function of gcc's that calls nobody saves s0 alone.
 */
function establish(frame: Frame): Effect {
  frame.cfaRegister = S0;
  frame.cfaOffset = 0;
  if (frame.saved.has(S0)) return 'builds';
  frame.saved.set(RA, -4);
  frame.saved.set(S0, -8);
  return 'builds';
}

function save(frame: Frame, register: number, base: number, immediate: number): Effect {
  const slot = slotOf(frame, base, immediate);
  if (!CALLEE_SAVED.has(register) || frame.saved.has(register)) return 'none';
  // A save stands below the CFA, aligned; anything else is an argument or somebody's data.
  if (slot === undefined || slot >= 0 || slot % 4 !== 0) return 'none';
  frame.saved.set(register, slot);
  return 'builds';
}

function reload(frame: Frame, register: number, base: number, immediate: number): void {
  const slot = slotOf(frame, base, immediate);
  if (slot === undefined || frame.saved.get(register) !== slot) return;
  frame.saved.delete(register);
  if (register === S0 && frame.cfaRegister === S0) {
    frame.cfaRegister = SP;
    frame.cfaOffset = Number.isFinite(frame.depth) ? frame.depth : 0;
  }
}

/** Offset from the CFA of an address given by base register and immediate. */
function slotOf(frame: Frame, base: number, immediate: number): number | undefined {
  if (base === SP && Number.isFinite(frame.depth)) return immediate - frame.depth;
  return base === S0 && frame.cfaRegister === S0 ? immediate : undefined;
}

function difference(before: Frame, after: Frame, offset: number): FrameRow | undefined {
  const registers = new Set([...before.saved.keys(), ...after.saved.keys()]);
  const changed = [...registers]
    .filter((register) => before.saved.get(register) !== after.saved.get(register))
    .map((register) => [register, after.saved.get(register)] as const);
  const moved = before.cfaRegister !== after.cfaRegister || before.cfaOffset !== after.cfaOffset;
  if (!moved && changed.length === 0) return undefined;
  return { offset, cfaRegister: after.cfaRegister, cfaOffset: after.cfaOffset, changed };
}
