// Machine IR: RV32 instructions whose registers are numbers, 0…31 the real ones, above that virtual
// ones until regalloc.ts has replaced them. Blocks stand in layout order.

/** ebreak-terminated: where a failed check goes. */
export const TRAP = 'trap';

export class MachineInstruction {
  /** An instruction of isa.ts, or a pseudo: mv li la call ret j trapif cmpxchg switch. */
  op: string;
  /** −1: none. */
  rd: number;
  rs1: number;
  rs2: number;
  imm: number;
  /** call, la: the symbol. trapif: the branch's name. Fence and AMO suffixes are part of `op`. */
  symbol: string;
  /** Branches and j. */
  target: MachineBlock | undefined;
  /** switch: one per index. */
  targets: MachineBlock[] | undefined;
  /** Further registers read (call: arguments; ret: results; cmpxchg: the new value). */
  uses: number[] | undefined;
  loc: number;

  constructor(op: string, rd: number, rs1: number, rs2: number, imm: number, loc: number) {
    this.op = op;
    this.rd = rd;
    this.rs1 = rs1;
    this.rs2 = rs2;
    this.imm = imm;
    this.symbol = '';
    this.loc = loc;
  }
}

export class MachineBlock {
  readonly id: number;
  /** Nesting of loops: weighs register allocation's choices. */
  depth: number;
  insts: MachineInstruction[] = [];
  /** Filled from the last instructions by successorsOf(). */
  next: MachineBlock[] = [];

  constructor(id: number, depth: number) {
    this.id = id;
    this.depth = depth;
  }
}

export interface MachineFunction {
  readonly name: string;
  blocks: MachineBlock[];
  /** Next free virtual register. */
  registers: number;
  /** Bytes at the bottom of the frame for outgoing stack arguments. */
  outgoingBytes: number;
  /** Spill slots used, in words. */
  spillSlots: number;
  readonly trapBlocks: Map<number, MachineBlock>;
}

export const FIRST_VIRTUAL = 32;

const RANGE = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** t0…t2, a0…a7, t3…t6: free in a function, lost at a call. */
export const CALLER_SAVED: readonly number[] = [...RANGE(10, 17), ...RANGE(5, 7), ...RANGE(28, 31)];

/** s1…s11. s0 is the frame pointer. */
export const CALLEE_SAVED: readonly number[] = [9, ...RANGE(18, 27)];

/** ra is saved in every frame, so it serves as a scratch register between prologue and epilogue. */
export const SCRATCH = 1;

export const BRANCHES: ReadonlySet<string> = new Set(['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu']);
