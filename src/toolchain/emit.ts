// Machine IR with real registers → bytes, relocations and line rows of one function: frame, pseudo
// instructions, fall-through, branch reach. Frame (RISC-V psABI, "Frame Pointer Convention"): s0 is
// the caller's sp, −4(s0) the return address, −8(s0) the caller's s0.

import { FP, GP, RA, SP, ZERO } from './abi.ts';
import { compress } from './compress.ts';
import { encode, encodeBranchOffset, encodeJumpOffset } from './encode.ts';
import {
  BRANCHES,
  CALLEE_SAVED,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  SCRATCH,
} from './mir.ts';
import type { RelocationKind } from './object-code.ts';

export interface EmitOptions {
  /** Checks sp against the limit in gp in every prologue; ebreak if it is below. */
  readonly stackCheck: boolean;
  /** Uses 16-bit encodings where they exist. */
  readonly compressed: boolean;
}

export interface EmittedRelocation {
  readonly offset: number;
  readonly kind: RelocationKind;
  /** Empty: the function's jump tables, at `addend` from their start. */
  readonly symbol: string;
  readonly addend: number;
}

export interface EmittedFunction {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly relocations: readonly EmittedRelocation[];
  /** From `offset` on, code comes from the wasm operator at `loc`. */
  readonly rows: readonly { readonly offset: number; readonly loc: number }[];
  /** Jump table entries: offsets in the function. */
  readonly tables: readonly number[];
}

/** Something with a size: an instruction, a branch to a label, or a label. */
interface Piece {
  kind: 'word' | 'branch' | 'jump' | 'label';
  word: number;
  size: number;
  loc: number;
  target: MachineBlock | number | undefined;
  relocation: EmittedRelocation | undefined;
  offset: number;
}

const BRANCH_REACH = 4096;
const INVERT = 1 << 12; // funct3's lowest bit: beq/bne, blt/bge, bltu/bgeu

export function emitFunction(
  f: MachineFunction,
  startLoc: number,
  options: EmitOptions,
): EmittedFunction {
  return new Emitter(f, startLoc, options).run();
}

class Emitter {
  private readonly f: MachineFunction;
  private readonly options: EmitOptions;
  private readonly pieces: Piece[] = [];
  private readonly saved: number[];
  private readonly frameBytes: number;
  private readonly traps = new Set<number>();
  private readonly tables: (MachineBlock | number)[] = [];
  private loc: number;

  constructor(f: MachineFunction, startLoc: number, options: EmitOptions) {
    this.f = f;
    this.options = options;
    this.loc = startLoc;
    const written = new Set<number>();
    for (const block of f.blocks) for (const inst of block.insts) written.add(inst.rd);
    this.saved = CALLEE_SAVED.filter((r) => written.has(r));
    const words = 2 + this.saved.length + f.spillSlots;
    this.frameBytes = (4 * words + f.outgoingBytes + 15) & ~15;
  }

  run(): EmittedFunction {
    this.prologue();
    this.f.blocks.forEach((block, i) => this.block(block, this.f.blocks[i + 1]));
    for (const loc of this.traps) {
      this.label(-2 - loc);
      this.loc = loc;
      this.instruction('ebreak', -1);
    }
    return this.assemble();
  }

  private piece(kind: Piece['kind'], word: number, target?: MachineBlock | number): Piece {
    const size = kind === 'label' ? 0 : 4;
    const loc = this.loc;
    const piece = { kind, word, size, loc, target, relocation: undefined, offset: 0 };
    this.pieces.push(piece);
    return piece;
  }

  private label(target: MachineBlock | number): void {
    this.piece('label', 0, target);
  }

  private instruction(op: string, rd: number, rs1 = -1, rs2 = -1, imm = 0): Piece {
    const piece = this.piece('word', encode(op, rd, rs1, rs2, imm));
    const short = this.options.compressed ? compress(piece.word) : 0;
    if (short !== 0) {
      piece.word = short;
      piece.size = 2;
    }
    return piece;
  }

  private relocated(
    op: string,
    rd: number,
    rs1: number,
    kind: RelocationKind,
    symbol: string,
    addend = 0,
  ): void {
    const piece = this.piece('word', encode(op, rd, rs1, -1, 0));
    piece.relocation = { offset: 0, kind, symbol, addend };
  }

  private loadConstant(rd: number, n: number): void {
    const low = (n << 20) >> 20;
    const high = (n - low) | 0;
    if (high === 0) this.instruction('addi', rd, ZERO, -1, low);
    else {
      this.instruction('lui', rd, -1, -1, high);
      if (low !== 0) this.instruction('addi', rd, rd, -1, low);
    }
  }

  private prologue(): void {
    const { frameBytes } = this;
    const isLarge = frameBytes > 2032;
    const first = isLarge ? 16 : frameBytes;
    this.instruction('addi', SP, SP, -1, -first);
    if (this.options.stackCheck && !isLarge) this.checkStack();
    this.instruction('sw', -1, SP, RA, first - 4);
    this.instruction('sw', -1, SP, FP, first - 8);
    this.instruction('addi', FP, SP, -1, first);
    if (isLarge) {
      this.loadConstant(SCRATCH, first - frameBytes);
      this.instruction('add', SP, SP, SCRATCH);
      if (this.options.stackCheck) this.checkStack();
    }
    this.saved.forEach((r, i) => this.savedSlot('sw', -1, r, i));
  }

  /** By way of sp where that can be a 16-bit instruction. */
  private savedSlot(op: string, rd: number, value: number, i: number): void {
    const offset = -12 - 4 * i;
    if (this.frameBytes > 2032) this.instruction(op, rd, FP, value, offset);
    else this.instruction(op, rd, SP, value, this.frameBytes + offset);
  }

  private checkStack(): void {
    const here = -2 - this.loc;
    this.piece('branch', encode('bltu', -1, SP, GP, 0), here);
    this.traps.add(this.loc);
  }

  private epilogue(): void {
    const { frameBytes } = this;
    this.saved.forEach((r, i) => this.savedSlot('lw', r, -1, i));
    if (frameBytes > 2032) this.instruction('addi', SP, FP, -1, -16);
    const last = frameBytes > 2032 ? 16 : frameBytes;
    this.instruction('lw', RA, SP, -1, last - 4);
    this.instruction('lw', FP, SP, -1, last - 8);
    this.instruction('addi', SP, SP, -1, last);
    this.instruction('jalr', ZERO, RA);
  }

  private block(block: MachineBlock, next: MachineBlock | undefined): void {
    this.label(block);
    const { insts } = block;
    for (let i = 0; i < insts.length; i++) {
      const inst = insts[i];
      const following = insts[i + 1];
      this.loc = inst.loc >= 0 ? inst.loc : this.loc;
      if (BRANCHES.has(inst.op) && inst.target === next && following?.op === 'j') {
        // Falls through into the branch's target: test the opposite and go to the other one.
        this.branch(inst, INVERT, following.target);
        return;
      }
      if (inst.op === 'j' && inst.target === next) return;
      this.machineInstruction(inst);
    }
  }

  private branch(inst: MachineInstruction, invert: number, target: MachineBlock | undefined): void {
    const word = encode(inst.op, -1, inst.rs1, inst.rs2, 0) ^ invert;
    this.piece('branch', word, target);
  }

  private machineInstruction(inst: MachineInstruction): void {
    const { op, rd, rs1, rs2, imm } = inst;
    switch (op) {
      case 'mv':
        this.instruction('addi', rd, rs1, -1, 0);
        return;
      case 'li':
        return this.loadConstant(rd, imm);
      case 'la':
        this.relocated('lui', rd, -1, 'hi20', inst.symbol);
        return this.relocated('addi', rd, rd, 'lo12_i', inst.symbol);
      case 'call':
        return this.relocated('jal', RA, -1, 'jal', inst.symbol);
      case 'callr':
        this.instruction('jalr', RA, rs1);
        return;
      case 'ret':
        return this.epilogue();
      case 'j':
        this.piece('jump', encode('jal', ZERO, -1, -1, 0), inst.target);
        return;
      case 'trapif':
        this.traps.add(this.loc);
        this.piece('branch', encode(inst.symbol, -1, rs1, rs2, 0), -2 - this.loc);
        return;
      case 'cmpxchg':
        return this.compareExchange(inst);
      case 'switch':
        return this.switch(inst);
      case 'spill':
        return this.slot('sw', -1, rs1, imm);
      case 'reload':
        return this.slot('lw', rd, -1, imm);
    }
    if (BRANCHES.has(op)) return this.branch(inst, 0, inst.target);
    this.instruction(op, rd, rs1, rs2, imm);
  }

  private slot(op: string, rd: number, value: number, slot: number): void {
    const offset = this.f.outgoingBytes + 4 * slot;
    if (offset < 2048) this.instruction(op, rd, SP, value, offset);
    else {
      this.loadConstant(SCRATCH, offset);
      this.instruction('add', SCRATCH, SCRATCH, SP);
      this.instruction(op, rd, SCRATCH, value, 0);
    }
  }

  /** 1: lr.w rd, (address); bne rd, expected, 2f; sc.w scratch, value, (address); bnez scratch, 1b; 2: */
  private compareExchange(inst: MachineInstruction): void {
    const { rd, rs1: address, rs2: expected } = inst;
    const value = inst.uses?.[0] ?? ZERO;
    const load = inst.symbol === 'aq' ? 'lr.w.aq' : 'lr.w';
    const store = inst.symbol === 'rl' || inst.symbol === 'full' ? 'sc.w.rl' : 'sc.w';
    const word = (op: string, d: number, s1: number, s2: number, imm: number) =>
      this.piece('word', encode(op, d, s1, s2, imm));
    word(load, rd, address, -1, 0);
    word('bne', -1, rd, expected, 12);
    word(store, SCRATCH, address, value, 0);
    word('bne', -1, SCRATCH, ZERO, -12);
  }

  private switch(inst: MachineInstruction): void {
    const addend = 4 * this.tables.length;
    this.tables.push(...(inst.targets ?? []));
    this.instruction('slli', inst.rd, inst.rs1, -1, 2);
    this.relocated('lui', SCRATCH, -1, 'hi20', '', addend);
    this.instruction('add', inst.rd, inst.rd, SCRATCH);
    this.relocated('lw', inst.rd, inst.rd, 'lo12_i', '', addend);
    this.instruction('jalr', ZERO, inst.rd);
  }

  /** Settles sizes and offsets, then writes the bytes. */
  private assemble(): EmittedFunction {
    const labels = new Map<MachineBlock | number, number>();
    let end = 0;
    const distance = (p: Piece) => {
      const to = labels.get(p.target ?? 0);
      if (to === undefined) throw new Error(`${this.f.name}: branch to a block that is not there`);
      return to - p.offset;
    };
    for (let changed = true; changed;) {
      changed = false;
      end = 0;
      for (const p of this.pieces) {
        p.offset = end;
        if (p.kind === 'label') labels.set(p.target ?? 0, end);
        end += p.size;
      }
      for (const p of this.pieces) {
        if (p.kind !== 'branch' || p.size === 8) continue;
        const d = distance(p);
        if (d >= -BRANCH_REACH && d < BRANCH_REACH) continue;
        p.size = 8;
        changed = true;
      }
    }
    const bytes = new Uint8Array(end);
    const view = new DataView(bytes.buffer);
    const relocations: EmittedRelocation[] = [];
    const rows: { offset: number; loc: number }[] = [];
    for (const p of this.pieces) {
      if (p.kind === 'label') continue;
      if (rows.length === 0 || rows[rows.length - 1].loc !== p.loc) {
        rows.push({ offset: p.offset, loc: p.loc });
      }
      if (p.relocation) relocations.push({ ...p.relocation, offset: p.offset });
      if (p.kind === 'jump') view.setInt32(p.offset, p.word | encodeJumpOffset(distance(p)), true);
      else if (p.kind === 'branch' && p.size === 8) {
        view.setInt32(p.offset, (p.word ^ INVERT) | encodeBranchOffset(8), true);
        const jump = encode('jal', ZERO, -1, -1, distance(p) - 4);
        view.setInt32(p.offset + 4, jump, true);
      } else if (p.kind === 'branch') {
        view.setInt32(p.offset, p.word | encodeBranchOffset(distance(p)), true);
      } else if (p.size === 2) view.setUint16(p.offset, p.word, true);
      else view.setInt32(p.offset, p.word, true);
    }
    const tables = this.tables.map((block) => labels.get(block) ?? 0);
    return { name: this.f.name, bytes, relocations, rows, tables };
  }
}
