// Instruction selection: IR → machine IR with virtual registers. Walks every block backwards and
// selects only what something selected already reads, so values that were folded into their users
// vanish. Constants become registers only where no immediate will do, and then before outer loops.

import { A0, FP, TP } from './abi.ts';
import {
  type Block,
  type CallInfo,
  type IrFunction,
  isCondition,
  type Terminator,
  type Value,
} from './ir.ts';
import { FIRST_VIRTUAL, MachineBlock, type MachineFunction, MachineInstruction } from './mir.ts';
import { preheader } from './optimise/cfg.ts';
import { IN_PLACE } from './optimise/tp.ts';

const fitsImmediate = (n: number): boolean => n >= -2048 && n <= 2047;

const IMMEDIATE_FORM: Readonly<Record<string, string>> = {
  add: 'addi',
  and: 'andi',
  or: 'ori',
  xor: 'xori',
  sll: 'slli',
  srl: 'srli',
  sra: 'srai',
  lt: 'slti',
  ltu: 'sltiu',
};

const BRANCH = { eq: 'beq', ne: 'bne', lt: 'blt', ge: 'bge', ltu: 'bltu', geu: 'bgeu' } as const;

/** Fewer cases than this are tested one by one. */
const JUMP_TABLE_CASES = 4;

export type Fail = (offset: number, message: string) => never;

/** @param f after makePreheaders() and splitCriticalEdges() */
export function selectInstructions(f: IrFunction, fail: Fail): MachineFunction {
  return new Selector(f, fail).run();
}

class Selector {
  private readonly f: IrFunction;
  private readonly fail: Fail;
  private readonly registers: number[] = [];
  private readonly blocks = new Map<Block, MachineBlock>();
  private readonly constants = new Map<Block, Map<number, number>>();
  private readonly highWords = new Map<Value, Value>();
  private readonly m: MachineFunction;
  private block: Block;
  /** Instructions of the current block, last first. */
  private reversed: MachineInstruction[] = [];
  private loc = -1;

  constructor(f: IrFunction, fail: Fail) {
    this.f = f;
    this.fail = fail;
    this.block = f.blocks[0];
    this.m = {
      name: f.name,
      blocks: [],
      registers: FIRST_VIRTUAL,
      outgoingBytes: 0,
      spillSlots: 0,
      trapBlocks: new Map(),
    };
  }

  run(): MachineFunction {
    const { f, m } = this;
    for (const block of f.blocks) {
      const machine = new MachineBlock(block.id, block.loop?.depth ?? 0);
      this.blocks.set(block, machine);
      m.blocks.push(machine);
      for (const phi of block.phis) this.registers[phi.id] = m.registers++;
      for (const v of block.insts) if (v.op === 'callhi') this.highWords.set(v.args[0], v);
    }
    for (const block of [...f.blocks].sort((x, y) => y.order - x.order)) {
      this.block = block;
      this.reversed = [];
      this.loc = block.termLoc;
      this.terminator(block.term);
      for (let i = block.insts.length - 1; i >= 0; i--) this.value(block.insts[i]);
      this.machineBlock(block).insts = this.reversed.reverse();
    }
    this.placeConstants();
    return m;
  }

  private machineBlock(block: Block): MachineBlock {
    const found = this.blocks.get(block);
    if (found === undefined) throw new Error(`block ${block.id} is not in the function`);
    return found;
  }

  private emit(op: string, rd: number, rs1 = -1, rs2 = -1, imm = 0): MachineInstruction {
    const inst = new MachineInstruction(op, rd, rs1, rs2, imm, this.loc);
    this.reversed.push(inst);
    return inst;
  }

  /** Emits in program order what the caller lists in program order. */
  private sequence(...emits: (() => void)[]): void {
    for (const emit of emits.reverse()) emit();
  }

  private fresh(): number {
    return this.m.registers++;
  }

  /** The register that holds a value; asking for it is what gets it selected. */
  private use(v: Value): number {
    if (v.op === 'const') return v.imm === 0 ? 0 : this.constantRegister(v.imm);
    // sp and s0 do not change while the function runs.
    if (v.op === 'getreg' && (v.imm !== TP || v.name === IN_PLACE)) return v.imm;
    return (this.registers[v.id] ??= this.m.registers++);
  }

  private constantRegister(n: number): number {
    let place = this.block;
    for (let loop = place.loop; loop; loop = loop.parent) place = preheader(loop) ?? place;
    let map = this.constants.get(place);
    if (map === undefined) this.constants.set(place, (map = new Map<number, number>()));
    let register = map.get(n);
    if (register === undefined) map.set(n, (register = this.fresh()));
    return register;
  }

  /** Loads each constant before its first use in the block it was assigned to, or at its end. */
  private placeConstants(): void {
    for (const [block, map] of this.constants) {
      const { insts } = this.machineBlock(block);
      const pending = new Map([...map].map(([n, register]) => [register, n]));
      const result: MachineInstruction[] = [];
      const place = (register: number, loc: number) => {
        const n = pending.get(register);
        if (n === undefined) return;
        pending.delete(register);
        result.push(new MachineInstruction('li', register, -1, -1, n, loc));
      };
      // A preheader ends in one jump.
      const ending = insts.length - 1;
      insts.forEach((inst, i) => {
        place(inst.rs1, inst.loc);
        place(inst.rs2, inst.loc);
        inst.uses?.forEach((u) => place(u, inst.loc));
        if (i === ending) for (const register of [...pending.keys()]) place(register, inst.loc);
        result.push(inst);
      });
      this.machineBlock(block).insts = result;
    }
  }

  private value(v: Value): void {
    this.loc = v.loc;
    const rd = this.registers[v.id] ?? -1;
    switch (v.op) {
      case 'param':
        return this.param(v, rd);
      case 'load':
        if (rd >= 0 || v.pinned) {
          this.emit(v.name, rd >= 0 ? rd : 0, this.use(v.args[0]), -1, this.offset(v));
        }
        return;
      case 'store': {
        const base = this.use(v.args[0]);
        this.emit(v.name, -1, base, this.use(v.args[1]), this.offset(v));
        return;
      }
      case 'symbol':
        if (rd >= 0) this.emit('la', rd).symbol = v.name;
        return;
      case 'call':
        return this.call(v, v.call as CallInfo, rd);
      case 'callhi':
      case 'const':
      case 'phi':
        return;
      case 'trapif': {
        const inst = this.emit('trapif', -1, this.use(v.args[0]), this.use(v.args[1]));
        inst.symbol = BRANCH[v.name as keyof typeof BRANCH];
        return;
      }
      case 'csr':
        return this.csr(v, Math.max(rd, 0));
      case 'amo':
        this.emit(v.name, Math.max(rd, 0), this.use(v.args[0]), this.use(v.args[1]));
        return;
      case 'cmpxchg': {
        const inst = this.emit(
          'cmpxchg',
          rd >= 0 ? rd : this.fresh(),
          this.use(v.args[0]),
          this.use(v.args[1]),
        );
        inst.uses = [this.use(v.args[2])];
        inst.symbol = v.name;
        return;
      }
      case 'getreg':
        if (rd >= 0) this.emit('addi', rd, v.imm);
        return;
      case 'setreg':
        this.emit('addi', v.imm, this.use(v.args[0]));
        return;
      case 'machine':
        this.emit(v.name, -1, -1, -1, v.imm);
        return;
      default:
        if (rd >= 0) this.binary(v, rd);
    }
  }

  private offset(v: Value): number {
    if (!fitsImmediate(v.imm)) throw new Error(`offset ${v.imm} was not folded`);
    return v.imm;
  }

  private param(v: Value, rd: number): void {
    if (rd < 0) return;
    const place = this.f.parameters[v.imm];
    if (place.kind === 'register') this.emit('mv', rd, place.register);
    else this.emit('lw', rd, FP, -1, place.offset);
  }

  private binary(v: Value, rd: number): void {
    const [a, b] = v.args;
    if (isCondition(v.op)) return this.comparison(v, rd);
    const immediate = IMMEDIATE_FORM[v.op];
    if (b.op === 'const' && immediate !== undefined) {
      const isShift = v.op === 'sll' || v.op === 'srl' || v.op === 'sra';
      if (isShift || fitsImmediate(b.imm)) {
        this.emit(immediate, rd, this.use(a), -1, isShift ? b.imm & 31 : b.imm);
        return;
      }
      const zeros = Math.clz32(b.imm);
      if (v.op === 'and' && b.imm === -1 >>> zeros && this.block.loop === undefined) {
        const t = this.fresh();
        const from = this.use(a);
        this.sequence(
          () => this.emit('slli', t, from, -1, zeros),
          () => this.emit('srli', rd, t, -1, zeros),
        );
        return;
      }
    }
    this.emit(v.op, rd, this.use(a), this.use(b));
  }

  private comparison(v: Value, rd: number): void {
    const [a, b] = v.args;
    const c = b.op === 'const' ? b.imm : undefined;
    if (v.op === 'eq' || v.op === 'ne') {
      const t = c === 0 ? this.use(a) : this.fresh();
      if (v.op === 'eq') this.emit('sltiu', rd, t, -1, 1);
      else this.emit('sltu', rd, 0, t);
      if (c === 0) return;
      if (c !== undefined && fitsImmediate(-c)) this.emit('addi', t, this.use(a), -1, -c);
      else this.emit('xor', t, this.use(a), this.use(b));
      return;
    }
    const inverted = v.op === 'ge' || v.op === 'geu';
    const unsigned = v.op === 'ltu' || v.op === 'geu';
    const t = inverted ? this.fresh() : rd;
    if (inverted) this.emit('xori', rd, t, -1, 1);
    if (c !== undefined && fitsImmediate(c)) {
      this.emit(unsigned ? 'sltiu' : 'slti', t, this.use(a), -1, c);
    } else this.emit(unsigned ? 'sltu' : 'slt', t, this.use(a), this.use(b));
  }

  private csr(v: Value, rd: number): void {
    const [number, operand] = v.args;
    if (number.op !== 'const') {
      this.fail(v.loc, 'the CSR number must be a constant');
    }
    const csr = number.imm;
    if (csr < 0 || csr > 0xfff) this.fail(v.loc, `CSR number ${csr >>> 0} is not in 0…0xfff`);
    if (v.name === 'csrr') return void this.emit('csrrs', rd, 0, -1, csr);
    const op = v.name === 'csrw' ? 'csrrw' : v.name;
    if (operand.op === 'const' && operand.imm >= 0 && operand.imm < 32) {
      this.emit(`${op}i`, rd, -1, -1, csr | (operand.imm << 12));
    } else this.emit(op, rd, this.use(operand), -1, csr);
  }

  private call(v: Value, info: CallInfo, rd: number): void {
    const high = this.highWords.get(v);
    const highRegister = high === undefined ? undefined : this.registers[high.id];
    if (highRegister !== undefined) this.emit('mv', highRegister, A0 + 1);
    if (rd >= 0) this.emit('mv', rd, A0);
    const indirect = v.name === '';
    const inst = this.emit(indirect ? 'callr' : 'call', -1);
    inst.symbol = v.name;
    const args = indirect ? v.args.slice(1) : v.args;
    if (indirect) inst.rs1 = this.use(v.args[0]);
    inst.uses = [];
    this.m.outgoingBytes = Math.max(this.m.outgoingBytes, info.stackBytes);
    for (let i = args.length - 1; i >= 0; i--) {
      const place = info.arguments[i];
      if (place.kind !== 'register') continue;
      inst.uses.push(place.register);
      this.move(place.register, args[i]);
    }
    args.forEach((arg, i) => {
      const place = info.arguments[i];
      if (place.kind === 'stack') this.emit('sw', -1, 2, this.use(arg), place.offset);
    });
  }

  private move(rd: number, v: Value): void {
    if (v.op === 'const') this.emit('li', rd, -1, -1, v.imm);
    else this.emit('mv', rd, this.use(v));
  }

  private terminator(t: Terminator): void {
    switch (t.kind) {
      case 'none':
      case 'trap':
        this.emit('ebreak', -1);
        return;
      case 'jump':
        this.emit('j', -1).target = this.machineBlock(t.to);
        return this.copyToPhis(t.to);
      case 'branch':
        this.emit('j', -1).target = this.machineBlock(t.else);
        this.emit(BRANCH[t.condition], -1, this.use(t.a), this.use(t.b)).target = this.machineBlock(
          t.then,
        );
        return;
      case 'switch':
        return this.switch(t.index, t.targets, t.otherwise);
      case 'return': {
        const inst = this.emit('ret', -1);
        inst.uses = t.values.map((_, i) => A0 + i);
        t.values.forEach((v, i) => this.move(A0 + i, v));
        return;
      }
    }
  }

  private switch(index: Value, targets: Block[], otherwise: Block): void {
    const i = this.use(index);
    const to = (block: Block) => this.machineBlock(block);
    if (targets.length < JUMP_TABLE_CASES) {
      this.emit('j', -1).target = to(otherwise);
      for (let n = targets.length - 1; n >= 0; n--) {
        const c = n === 0 ? 0 : this.fresh();
        this.emit('beq', -1, i, c).target = to(targets[n]);
        if (n > 0) this.emit('li', c, -1, -1, n);
      }
      return;
    }
    const inst = this.emit('switch', this.fresh(), i);
    inst.targets = targets.map(to);
    const limit = this.fresh();
    this.emit('bgeu', -1, i, limit).target = to(otherwise);
    this.emit('li', limit, -1, -1, targets.length);
  }

  /** The moves into a successor's phis happen at once: order them, and break cycles with a register. */
  private copyToPhis(to: Block): void {
    const index = to.preds.indexOf(this.block);
    const inOrder: (() => void)[] = [];
    let pending: { rd: number; rs: number }[] = [];
    for (const phi of to.phis) {
      const rd = this.registers[phi.id];
      const source = phi.args[index];
      if (source.op === 'const') continue;
      const rs = this.use(source);
      if (rd !== rs) pending.push({ rd, rs });
    }
    while (pending.length > 0) {
      const free = pending.filter((c) => !pending.some((other) => other.rs === c.rd));
      if (free.length === 0) {
        const [first] = pending;
        const t = this.fresh();
        const from = first.rs;
        inOrder.push(() => this.emit('mv', t, from));
        for (const c of pending) if (c.rs === from) c.rs = t;
        continue;
      }
      for (const c of free) inOrder.push(() => this.emit('mv', c.rd, c.rs));
      pending = pending.filter((c) => !free.includes(c));
    }
    for (const phi of to.phis) {
      const source = phi.args[index];
      if (source.op !== 'const') continue;
      inOrder.push(() => this.emit('li', this.registers[phi.id], -1, -1, source.imm));
    }
    this.sequence(...inOrder);
  }
}
