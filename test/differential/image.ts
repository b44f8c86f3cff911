// Thousands of sequences in one memory image, with the harness that runs them one after the other
// in machine mode: it fills the window, seeds the registers, logs every trap and skips the
// instruction that trapped, and leaves the final state of each sequence in a result record.
// The image needs RAM at 0x80000000, a CLINT at 0x2000000 and a test finisher at 0x100000.

import { encode, type Code, type Operands } from './encode.ts';
import type { Sequence } from './sequence.ts';

/** Start of RAM, and where both machines start. */
export const RAM_BASE = 0x8000_0000;
/** RAM of both machines in bytes. QEMU puts its device tree near the end. */
export const RAM_BYTES = 32 << 20;
/** First byte after RAM: nothing answers from here to the end of the address space. */
export const HOLE = RAM_BASE + RAM_BYTES;
/** The memory that sequences may use: bytes from WINDOW on. */
export const WINDOW = 0x8000_2000;
export const WINDOW_WORDS = 64;
/** Traps that are logged; the next one ends the sequence. */
export const TRAPS_MAX = 16;
/** What mscratch holds while a sequence runs: the harness's context block. */
export const CONTEXT = 0x8000_1000;

const DESCRIPTORS = 0x8001_0000;
const DESCRIPTOR_WORDS = 36;
const CODE_LIMIT = RAM_BASE + (24 << 20);
const PAGE_BYTES = 4096;
const FINISHER = 0x0010_0000;
const CLINT = 0x0200_0000;

// Words of the context block.
const CTX_T0 = 0;
const CTX_T1 = 4;
const CTX_T2 = 8;
const CTX_DESCRIPTOR = 12;
const CTX_RESULT = 16;
const CTX_COUNT = 20;
const CTX_LOG = 24;
const CTX_SCRATCH = 64;

// Words of a descriptor: code, window seed, msip, end, then x1…x31 (x0's place is unused).
const DESC_CODE = 0;
const DESC_SEED = 4;
const DESC_MSIP = 8;
const DESC_END = 12;
const DESC_X0 = 16;

// Words of a result record.
const RESULT_TRAPS = 0;
const RESULT_MSTATUS = 1;
const RESULT_MIE = 2;
const RESULT_MSCRATCH = 3;
const RESULT_X0 = 4; // x0's place holds 1 once the record is complete
const RESULT_WINDOW = RESULT_X0 + 32;
const RESULT_LOG = RESULT_WINDOW + WINDOW_WORDS;
const RESULT_WORDS = RESULT_LOG + 3 * TRAPS_MAX;

// mstatus bits that a machine without S and U modes can show: MIE, MPIE, MPP (Privileged 3.1.6).
const MSTATUS_COMPARED = 0x1888;
const MSTATUS_MPP_M = 0x1800;

const MSTATUS = 0x300;
const MIE = 0x304;
const MTVEC = 0x305;
const MSCRATCH = 0x340;
const MEPC = 0x341;
const MCAUSE = 0x342;
const MTVAL = 0x343;

/** One logged trap. */
export interface Trap {
  readonly cause: number;
  readonly epc: number;
  readonly tval: number;
}

/** Final state of one sequence. */
export interface Outcome {
  /** False if the machine never got to the end of this sequence. */
  readonly complete: boolean;
  /** x1…x31 (index 0 unused). */
  readonly registers: Uint32Array;
  readonly window: Uint32Array;
  readonly traps: readonly Trap[];
  /** MIE, MPIE and MPP only. */
  readonly mstatus: number;
  readonly mie: number;
  readonly mscratch: number;
}

/** An image and what is needed to read the results out of memory again. */
export interface Image {
  /** Content of RAM from RAM_BASE on. */
  readonly bytes: Uint8Array;
  readonly resultAddress: number;
  readonly resultBytes: number;
  readonly sequences: readonly PlacedSequence[];
}

/** A sequence where it lies in the image. */
export interface PlacedSequence {
  readonly sequence: Sequence;
  readonly address: number;
  readonly code: readonly { readonly address: number; readonly code: Code }[];
}

/** A few lines of assembly: instructions with labels as branch targets. */
class Assembly {
  readonly #base: number;
  readonly #items: ((pc: number) => Code)[] = [];
  readonly #labels = new Map<string, number>();

  constructor(base: number) {
    this.#base = base;
  }

  get #here(): number {
    return this.#base + 4 * this.#items.length;
  }

  label(name: string): void {
    this.#labels.set(name, this.#here);
  }

  op(name: string, operands: Operands = {}): void {
    const code = encode(name, operands);
    this.#items.push(() => code);
  }

  /** A branch or jump to a label that may come later. */
  to(name: string, label: string, operands: Operands = {}): void {
    this.#items.push((pc) => encode(name, { ...operands, imm: this.address(label) - pc }));
  }

  /** Loads a constant, or the address of a label, in two instructions. */
  li(rd: number, value: number | string): void {
    const get = (): number => (typeof value === 'string' ? this.address(value) : value);
    this.#items.push(() => encode('lui', { rd, imm: (get() + 0x800) >>> 12 }));
    this.#items.push(() => encode('addi', { rd, rs1: rd, imm: (get() << 20) >> 20 }));
  }

  address(label: string): number {
    const address = this.#labels.get(label);
    if (address === undefined) throw new RangeError(`no label ${label}`);
    return address;
  }

  words(): number[] {
    return this.#items.map((item, index) => item(this.#base + 4 * index).word);
  }
}

const RA = 1;
const SP = 2;
const T0 = 5;
const T1 = 6;
const T2 = 7;
const A0 = 10;
const A1 = 11;
const A2 = 12;
const A3 = 13;

function harness(resultAddress: number): number[] {
  const a = new Assembly(RAM_BASE);
  const load = (rd: number, imm: number, rs1: number) => a.op('lw', { rd, rs1, imm });
  const store = (rs2: number, imm: number, rs1: number) => a.op('sw', { rs2, rs1, imm });
  const csrw = (csr: number, rs1: number) => a.op('csrrw', { csr, rs1 });
  const csrr = (rd: number, csr: number) => a.op('csrrs', { rd, csr });

  // Only hart 0 works; others sleep, whatever they were given.
  csrr(T0, 0xf14);
  a.to('beq', 'start', { rs1: T0 });
  a.label('park');
  a.op('csrrwi', { csr: MIE, rs1: 0 });
  a.op('wfi');
  a.to('jal', 'park');

  a.label('start');
  // No timer interrupt, ever.
  a.li(T0, CLINT + 0x4000);
  a.op('addi', { rd: T1, imm: -1 });
  store(T1, 0, T0);
  store(T1, 4, T0);
  a.li(T0, CONTEXT);
  a.li(T1, DESCRIPTORS);
  store(T1, CTX_DESCRIPTOR, T0);
  a.li(T1, resultAddress);
  store(T1, CTX_RESULT, T0);

  a.label('next');
  a.li(T0, CONTEXT);
  load(T1, CTX_DESCRIPTOR, T0);
  load(RA, DESC_CODE, T1);
  a.to('beq', 'done', { rs1: RA });
  store(0, CTX_COUNT, T0);
  load(A1, CTX_RESULT, T0);
  a.op('addi', { rd: A1, rs1: A1, imm: 4 * RESULT_LOG });
  store(A1, CTX_LOG, T0);

  // The window starts as a linear congruential sequence (Numerical Recipes' constants).
  a.li(A0, WINDOW);
  load(A2, DESC_SEED, T1);
  a.li(A3, 1664525);
  a.li(T2, 1013904223);
  a.op('addi', { rd: A1, rs1: A0, imm: 4 * WINDOW_WORDS });
  a.label('fill');
  a.op('mul', { rd: A2, rs1: A2, rs2: A3 });
  a.op('add', { rd: A2, rs1: A2, rs2: T2 });
  store(A2, 0, A0);
  a.op('addi', { rd: A0, rs1: A0, imm: 4 });
  a.to('bne', 'fill', { rs1: A0, rs2: A1 });

  load(A2, DESC_MSIP, T1);
  a.li(A0, CLINT);
  store(A2, 0, A0);

  csrw(MIE, 0);
  a.li(A0, 'handler');
  csrw(MTVEC, A0);
  csrw(MSCRATCH, T0);
  csrw(MCAUSE, 0);
  csrw(MTVAL, 0);
  csrw(MEPC, RA);
  a.li(A0, MSTATUS_MPP_M);
  csrw(MSTATUS, A0);
  // A store-conditional ends whatever reservation the last sequence left.
  a.op('addi', { rd: A0, rs1: T0, imm: CTX_SCRATCH });
  a.op('sc.w', { rs1: A0 });
  for (let r = 1; r < 32; r++) if (r !== T1) load(r, DESC_X0 + 4 * r, T1);
  load(T1, DESC_X0 + 4 * T1, T1);
  a.op('mret');

  a.label('handler');
  a.op('csrrw', { rd: SP, csr: MSCRATCH, rs1: SP });
  store(T0, CTX_T0, SP);
  store(T1, CTX_T1, SP);
  store(T2, CTX_T2, SP);
  csrr(T0, MEPC);
  load(T1, CTX_DESCRIPTOR, SP);
  load(T1, DESC_END, T1);
  a.to('beq', 'finish', { rs1: T0, rs2: T1 });
  load(T1, CTX_COUNT, SP);
  a.op('addi', { rd: T2, imm: TRAPS_MAX });
  a.to('beq', 'finish', { rs1: T1, rs2: T2 });
  a.op('addi', { rd: T1, rs1: T1, imm: 1 });
  store(T1, CTX_COUNT, SP);
  load(T1, CTX_LOG, SP);
  csrr(T2, MCAUSE);
  store(T2, 0, T1);
  store(T0, 4, T1);
  csrr(T0, MTVAL);
  store(T0, 8, T1);
  a.op('addi', { rd: T1, rs1: T1, imm: 12 });
  store(T1, CTX_LOG, SP);
  a.to('blt', 'interrupt', { rs1: T2, rs2: 0 });
  // A fetch fault (cause 0 or 1) has no instruction to skip: the sequence ends here.
  a.op('sltiu', { rd: T1, rs1: T2, imm: 2 });
  a.to('bne', 'finish', { rs1: T1, rs2: 0 });
  csrr(T0, MEPC);
  a.op('lhu', { rd: T1, rs1: T0 });
  a.op('andi', { rd: T1, rs1: T1, imm: 3 });
  a.op('sltiu', { rd: T1, rs1: T1, imm: 3 });
  a.op('slli', { rd: T1, rs1: T1, imm: 1 });
  a.op('sub', { rd: T0, rs1: T0, rs2: T1 });
  a.op('addi', { rd: T0, rs1: T0, imm: 4 });
  csrw(MEPC, T0);
  a.to('jal', 'return');
  a.label('interrupt');
  csrw(MIE, 0);
  a.label('return');
  load(T0, CTX_T0, SP);
  load(T1, CTX_T1, SP);
  load(T2, CTX_T2, SP);
  a.op('csrrw', { rd: SP, csr: MSCRATCH, rs1: SP });
  a.op('mret');

  a.label('finish');
  load(T0, CTX_RESULT, SP);
  const result = (register: number, word: number) => store(register, 4 * word, T0);
  for (let r = 1; r < 32; r++) {
    if (r !== SP && r !== T0 && r !== T1 && r !== T2) result(r, RESULT_X0 + r);
  }
  [T0, T1, T2].forEach((register, index) => {
    load(A0, CTX_T0 + 4 * index, SP);
    result(A0, RESULT_X0 + register);
  });
  csrr(A0, MSCRATCH);
  result(A0, RESULT_X0 + SP);
  result(SP, RESULT_MSCRATCH);
  load(A0, CTX_COUNT, SP);
  result(A0, RESULT_TRAPS);
  csrr(A0, MIE);
  result(A0, RESULT_MIE);
  csrr(A0, MSTATUS);
  a.li(A1, MSTATUS_COMPARED);
  a.op('and', { rd: A0, rs1: A0, rs2: A1 });
  result(A0, RESULT_MSTATUS);
  a.li(A0, WINDOW);
  a.op('addi', { rd: A1, rs1: T0, imm: 4 * RESULT_WINDOW });
  a.op('addi', { rd: A2, rs1: A0, imm: 4 * WINDOW_WORDS });
  a.label('copy');
  load(A3, 0, A0);
  store(A3, 0, A1);
  a.op('addi', { rd: A0, rs1: A0, imm: 4 });
  a.op('addi', { rd: A1, rs1: A1, imm: 4 });
  a.to('bne', 'copy', { rs1: A0, rs2: A2 });
  a.op('addi', { rd: A0, imm: 1 });
  result(A0, RESULT_X0);
  a.op('addi', { rd: T0, rs1: T0, imm: 4 * RESULT_WORDS });
  store(T0, CTX_RESULT, SP);
  load(T0, CTX_DESCRIPTOR, SP);
  a.op('addi', { rd: T0, rs1: T0, imm: 4 * DESCRIPTOR_WORDS });
  store(T0, CTX_DESCRIPTOR, SP);
  a.to('jal', 'next');

  a.label('done');
  a.li(T0, FINISHER);
  a.li(T1, 0x5555);
  store(T1, 0, T0);
  a.label('halt');
  a.to('jal', 'halt');
  return a.words();
}

/** Lays out a sequence from `address` on; the last instruction is the `ecall` that ends it. */
function place(sequence: Sequence, address: number): PlacedSequence {
  const starts = new Map<number, number>();
  let pc = address;
  for (const unit of sequence.units) {
    starts.set(unit.id, pc);
    for (const item of unit.items) pc += item.size;
  }
  const end = pc;
  const ids = sequence.units.map((unit) => unit.id);
  const addressOf = (id: number): number => {
    const next = ids.find((present) => present >= id);
    return next === undefined ? end : (starts.get(next) ?? end);
  };
  const code: { address: number; code: Code }[] = [];
  pc = address;
  for (const unit of sequence.units) {
    for (const item of unit.items) {
      code.push({ address: pc, code: item.make(pc, addressOf) });
      pc += item.size;
    }
  }
  code.push({ address: end, code: encode('ecall') });
  return { sequence, address, code };
}

const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Builds the image. @throws RangeError when the sequences do not fit in RAM. */
export function buildImage(sequences: readonly Sequence[]): Image {
  const bytes = new Uint8Array(CODE_LIMIT - RAM_BASE);
  const memory = new DataView(bytes.buffer);
  const word = (address: number, value: number): void =>
    memory.setUint32(address - RAM_BASE, value >>> 0, true);

  // One descriptor more than sequences: its code address 0 ends the list.
  let address = alignUp(DESCRIPTORS + 4 * DESCRIPTOR_WORDS * (sequences.length + 1), PAGE_BYTES);
  const placed: PlacedSequence[] = [];
  sequences.forEach((sequence, index) => {
    const { bytesToPageEnd } = sequence;
    if (bytesToPageEnd !== undefined) {
      address = alignUp(address + bytesToPageEnd, PAGE_BYTES) - bytesToPageEnd;
    }
    const one = place(sequence, address);
    placed.push(one);
    for (const { address: at, code } of one.code) {
      if (code.size === 2) memory.setUint16(at - RAM_BASE, code.word, true);
      else word(at, code.word);
      address = at + code.size;
    }
    const descriptor = DESCRIPTORS + 4 * DESCRIPTOR_WORDS * index;
    word(descriptor + DESC_CODE, one.address);
    word(descriptor + DESC_SEED, sequence.windowSeed);
    word(descriptor + DESC_MSIP, sequence.softwareInterrupt ? 1 : 0);
    word(descriptor + DESC_END, address - 4);
    sequence.registers.forEach((value, r) => word(descriptor + DESC_X0 + 4 * r, value));
    // Sequences start on either half of a word: fetches that straddle words and pages occur.
    if (index % 2 === 0) address = alignUp(address, 4);
  });
  const resultAddress = alignUp(address, PAGE_BYTES);
  const resultBytes = 4 * RESULT_WORDS * sequences.length;
  if (resultAddress + resultBytes > CODE_LIMIT) {
    throw new RangeError(`${sequences.length} sequences do not fit into one image: use fewer`);
  }
  harness(resultAddress).forEach((value, index) => word(RAM_BASE + 4 * index, value));
  return { bytes, resultAddress, resultBytes, sequences: placed };
}

/** Reads the outcomes from the image's result area as it was at the end of the run. */
export function readOutcomes(image: Image, results: Uint8Array): Outcome[] {
  const view = new DataView(results.buffer, results.byteOffset, results.byteLength);
  return image.sequences.map((_, index) => {
    const at = (word: number): number => view.getUint32(4 * (RESULT_WORDS * index + word), true);
    const count = Math.min(at(RESULT_TRAPS), TRAPS_MAX);
    return {
      complete: at(RESULT_X0) === 1,
      registers: Uint32Array.from({ length: 32 }, (_value, r) => (r === 0 ? 0 : at(RESULT_X0 + r))),
      window: Uint32Array.from({ length: WINDOW_WORDS }, (_value, w) => at(RESULT_WINDOW + w)),
      traps: Array.from({ length: count }, (_value, t) => ({
        cause: at(RESULT_LOG + 3 * t),
        epc: at(RESULT_LOG + 3 * t + 1),
        tval: at(RESULT_LOG + 3 * t + 2),
      })),
      mstatus: at(RESULT_MSTATUS),
      mie: at(RESULT_MIE),
      mscratch: at(RESULT_MSCRATCH),
    };
  });
}
