// A wasm function body → IR. Follows the operators in order with an operand stack of values, as
// validation does (WebAssembly 2.0, appendix "Validation Algorithm"); structured control flow becomes
// blocks. Left out: floats, SIMD, exceptions, references, multi-value blocks: each is a build error.

import { placeArguments, resultWords, words } from './abi.ts';
import { Builder } from './builder.ts';
import { Block, type IrFunction, type Value } from './ir.ts';
import { appendCall } from './lower-call.ts';
import { lowerNumeric } from './lower-numeric.ts';
import { LOADS, STORES, operatorName } from './opcodes.ts';
import type { Intrinsic } from './intrinsics.ts';
import { SsaVariables } from './ssa.ts';
import {
  type DefinedFunction,
  type FunctionType,
  Reader,
  type ValueType,
  type WasmModule,
} from './wasm-reader.ts';

/** What a function body refers to. */
export interface LoweringContext {
  readonly module: WasmModule;
  /** Symbol that a function index is called by. */
  symbolOf(index: number): string;
  intrinsicOf(index: number): Intrinsic | undefined;
  /** Absolute address of a mutable global. */
  globalAddress(index: number): number;
  /** Absolute address of the table of code addresses. */
  readonly tableAddress: number;
  fail(offset: number, message: string): never;
}

/** An entry of the operand stack: one word or two. */
export type Operand = readonly Value[];

interface Frame {
  readonly kind: 'block' | 'loop' | 'if' | 'function';
  /** Where br goes. */
  readonly target: Block;
  /** What follows the end. */
  readonly after: Block;
  readonly otherwise: Block | undefined;
  readonly height: number;
  /** Variables that carry the results, by result. */
  readonly results: readonly (readonly number[])[];
}

export function lowerFunction(
  context: LoweringContext,
  name: string,
  definition: DefinedFunction,
): IrFunction {
  return new Lowering(context, name, definition).run();
}

class Lowering {
  private readonly context: LoweringContext;
  private readonly r: Reader;
  private readonly f: IrFunction;
  private readonly b: Builder;
  private readonly ssa: SsaVariables;
  private readonly stack: Operand[] = [];
  private readonly frames: Frame[] = [];
  private readonly locals: { first: number; type: ValueType }[] = [];
  private readonly definition: DefinedFunction;
  private variables = 0;
  private blocks = 0;
  /** True while the code being read cannot be reached. */
  private dead = false;

  constructor(context: LoweringContext, name: string, definition: DefinedFunction) {
    this.context = context;
    this.definition = definition;
    this.r = new Reader(context.module.bytes, definition.start, definition.end);
    const { places } = placeArguments(definition.type.parameters);
    const entry = new Block(this.blocks++);
    this.f = {
      name,
      blocks: [entry],
      parameters: places,
      results: resultWords(definition.type),
      nextValue: 0,
      constants: new Map(),
    };
    this.b = new Builder(this.f, entry);
    this.ssa = new SsaVariables(this.f);
    this.ssa.seal(entry);
  }

  run(): IrFunction {
    const { type, locals } = this.definition;
    let word = 0;
    for (const t of type.parameters) {
      const first = this.newLocal(t);
      for (let i = 0; i < words(t); i++) {
        this.ssa.write(first + i, this.b.block, this.b.append('param', [], word++));
      }
    }
    for (const t of locals) {
      const first = this.newLocal(t);
      for (let i = 0; i < words(t); i++) {
        this.ssa.write(first + i, this.b.block, this.b.const(0));
      }
    }
    const exit = this.newBlock();
    this.pushFrame('function', exit, exit, type.results);
    while (this.frames.length > 0) {
      const offset = this.r.at;
      this.b.loc = offset;
      this.operator(this.r.byte(), offset);
    }
    const values = this.stack.pop() ?? [];
    this.b.block.term = { kind: 'return', values: [...values] };
    this.b.block.termLoc = this.b.loc;
    return this.f;
  }

  private newLocal(type: ValueType): number {
    const first = this.variables;
    this.locals.push({ first, type });
    this.variables += words(type);
    return first;
  }

  /** Not in the block list before enter(): the list keeps the order of the source. */
  private newBlock(): Block {
    return new Block(this.blocks++);
  }

  private enter(block: Block): void {
    this.f.blocks.push(block);
    this.b.block = block;
    this.dead = false;
  }

  private edge(to: Block): void {
    if (!to.preds.includes(this.b.block)) to.preds.push(this.b.block);
  }

  private jump(to: Block): void {
    if (this.b.block.term.kind !== 'none') return;
    this.edge(to);
    this.b.block.term = { kind: 'jump', to };
    this.b.block.termLoc = this.b.loc;
  }

  /** Conditional branch out of the current block; continues in `rest`. */
  private branch(value: Value, then: Block, rest: Block): void {
    const block = this.b.block;
    this.edge(then);
    this.edge(rest);
    block.term = {
      kind: 'branch',
      condition: 'ne',
      a: value,
      b: this.b.const(0),
      then,
      else: rest,
    };
    block.termLoc = this.b.loc;
  }

  /** What follows an unconditional branch: a block that nothing reaches, until the frame ends. */
  private unreachable(): void {
    const block = this.newBlock();
    this.ssa.seal(block);
    this.enter(block);
    this.dead = true;
    this.stack.length = this.frames[this.frames.length - 1].height;
  }

  private pushFrame(
    kind: Frame['kind'],
    target: Block,
    after: Block,
    results: readonly ValueType[],
    otherwise?: Block,
  ): void {
    const variables = results.map((t) => {
      const first = this.variables;
      this.variables += words(t);
      return Array.from({ length: words(t) }, (_, i) => first + i);
    });
    const height = this.stack.length;
    this.frames.push({ kind, target, after, otherwise, height, results: variables });
  }

  private push(...value: Operand): void {
    this.stack.push(value);
  }

  private pop(count = 1): Operand {
    const frame = this.frames[this.frames.length - 1];
    if (this.stack.length > frame.height) {
      const value = this.stack.pop() as Operand;
      if (value.length === count || !this.dead) return value;
    }
    return Array.from({ length: count }, () => this.b.const(0));
  }

  private pop1(): Value {
    return this.pop()[0];
  }

  /** Stores the results on top of the stack where the frame's end or target will look for them. */
  private writeResults(frame: Frame, keep: boolean): void {
    if (frame.kind === 'loop') return;
    const kept: Operand[] = [];
    for (const variables of [...frame.results].reverse()) {
      const value = this.pop(variables.length);
      kept.unshift(value);
      variables.forEach((v, i) => this.ssa.write(v, this.b.block, value[i]));
    }
    if (keep) this.stack.push(...kept);
  }

  private blockType(): readonly ValueType[] {
    const type = this.r.s32();
    if (type === -64) return [];
    if (type < 0) {
      const name = ({ [-1]: 'i32', [-2]: 'i64', [-3]: 'f32', [-4]: 'f64' } as const)[type];
      return name === undefined ? this.fail('block type') : [name];
    }
    const t = this.context.module.types[type];
    if (t.parameters.length > 0) this.fail('block with parameters');
    return t.results;
  }

  private fail(what: string): never {
    return this.context.fail(this.b.loc, `${what} is not supported by the RV32 back end`);
  }

  private frameAt(depth: number): Frame {
    return this.frames[this.frames.length - 1 - depth];
  }

  private operator(code: number, offset: number): void {
    const { b, r } = this;
    switch (code) {
      case 0x00:
        b.block.term = { kind: 'trap' };
        b.block.termLoc = offset;
        return this.unreachable();
      case 0x01:
        return;
      case 0x02: {
        const after = this.newBlock();
        return this.pushFrame('block', after, after, this.blockType());
      }
      case 0x03: {
        const results = this.blockType();
        const header = this.newBlock();
        this.jump(header);
        this.enterKeepingDeath(header);
        return this.pushFrame('loop', header, header, results);
      }
      case 0x04: {
        const results = this.blockType();
        const condition = this.pop1();
        const [then, otherwise, after] = [this.newBlock(), this.newBlock(), this.newBlock()];
        this.branch(condition, then, otherwise);
        this.ssa.seal(then);
        this.ssa.seal(otherwise);
        this.pushFrame('if', after, after, results, otherwise);
        return this.enterKeepingDeath(then);
      }
      case 0x05: {
        const frame = this.frameAt(0);
        this.writeResults(frame, false);
        this.jump(frame.after);
        this.stack.length = frame.height;
        this.frames[this.frames.length - 1] = { ...frame, otherwise: undefined };
        return this.enter(frame.otherwise ?? this.fail('else without if'));
      }
      case 0x0b:
        return this.end();
      case 0x0c: {
        const frame = this.frameAt(r.u32());
        this.writeResults(frame, false);
        this.jump(frame.target);
        return this.unreachable();
      }
      case 0x0d: {
        const frame = this.frameAt(r.u32());
        const condition = this.pop1();
        this.writeResults(frame, true);
        const rest = this.newBlock();
        this.branch(condition, frame.target, rest);
        this.ssa.seal(rest);
        return this.enterKeepingDeath(rest);
      }
      case 0x0e:
        return this.brTable();
      case 0x0f: {
        const frame = this.frames[0];
        this.writeResults(frame, false);
        this.jump(frame.target);
        return this.unreachable();
      }
      case 0x10: {
        const index = r.u32();
        return this.call(index);
      }
      case 0x11: {
        const type = this.context.module.types[r.u32()];
        if (r.u32() !== 0) this.fail('a second table');
        return this.callIndirect(type);
      }
      case 0x1a:
        this.pop();
        return;
      case 0x1c:
        r.vector(() => r.valueType());
        return this.select();
      case 0x1b:
        return this.select();
      case 0x20:
        return this.push(...this.readLocal(r.u32()));
      case 0x21:
        return this.writeLocal(r.u32(), false);
      case 0x22:
        return this.writeLocal(r.u32(), true);
      case 0x23:
        return this.globalGet(r.u32());
      case 0x24:
        return this.globalSet(r.u32());
      case 0x41:
        return this.push(b.const(r.s32()));
      case 0x42: {
        const n = r.s64();
        return this.push(b.const(Number(BigInt.asIntN(32, n))), b.const(Number(n >> 32n)));
      }
      case 0xfc:
        return this.miscellaneous(r.u32());
    }
    if (code in LOADS || code in STORES) return this.memory(code);
    const result = lowerNumeric(b, code, (count) => this.pop(count));
    if (result === undefined) this.fail(operatorName(code));
    this.push(...result);
  }

  private enterKeepingDeath(block: Block): void {
    const dead = this.dead;
    this.enter(block);
    this.dead = dead;
  }

  private end(): void {
    const frame = this.frameAt(0);
    if (frame.kind === 'loop') {
      this.ssa.seal(frame.target);
      this.frames.pop();
      if (this.dead) {
        this.stack.length = frame.height;
        for (const variables of frame.results) this.push(...variables.map(() => this.b.const(0)));
      }
      return;
    }
    this.writeResults(frame, false);
    this.jump(frame.after);
    if (frame.otherwise) {
      this.enter(frame.otherwise);
      this.jump(frame.after);
    }
    this.stack.length = frame.height;
    this.frames.pop();
    this.ssa.seal(frame.after);
    this.enter(frame.after);
    this.dead = frame.after.preds.length === 0;
    for (const variables of frame.results) {
      this.push(...variables.map((v) => this.ssa.read(v, this.b.block)));
    }
  }

  private brTable(): void {
    const { b, r } = this;
    const depths = r.vector(() => r.u32());
    const frames = depths.map((d) => this.frameAt(d));
    const otherwise = this.frameAt(r.u32());
    const index = this.pop1();
    for (const frame of new Set([...frames, otherwise])) {
      this.writeResults(frame, true);
      this.edge(frame.target);
    }
    b.block.term = {
      kind: 'switch',
      index,
      targets: frames.map((frame) => frame.target),
      otherwise: otherwise.target,
    };
    b.block.termLoc = b.loc;
    this.unreachable();
  }

  private popArguments(type: FunctionType): Value[] {
    return [...type.parameters]
      .reverse()
      .map((t) => this.pop(words(t)))
      .reverse()
      .flat();
  }

  private call(index: number): void {
    const { module } = this.context;
    const type =
      index < module.imports.length
        ? module.imports[index].type
        : module.functions[index - module.imports.length].type;
    const args = this.popArguments(type);
    const intrinsic = this.context.intrinsicOf(index);
    if (intrinsic) {
      const result = intrinsic(this.b, args);
      if (type.results.length > 0) this.push(result ?? this.b.const(0));
      return;
    }
    const callee = this.context.symbolOf(index);
    const results = appendCall(this.b, callee, type.parameters, args, resultWords(type));
    if (results.length > 0) this.push(...results);
  }

  /** Index check and load from the table of code addresses; empty slots hold an ebreak's address. */
  private callIndirect(type: FunctionType): void {
    const { b } = this;
    const index = this.pop1();
    const args = this.popArguments(type);
    b.trapIf('geu', index, b.const(this.context.module.table.length));
    const slot = b.op('add', b.op('sll', index, b.const(2)), b.const(this.context.tableAddress));
    const address = b.load('lw', slot);
    const results = appendCall(b, address, type.parameters, args, resultWords(type));
    if (results.length > 0) this.push(...results);
  }

  /** A diamond of blocks: the register allocator makes it one branch over a move. */
  private select(): void {
    const condition = this.pop1();
    const ifFalse = this.pop();
    const ifTrue = this.pop(ifFalse.length);
    if (condition.op === 'const') return this.push(...(condition.imm ? ifTrue : ifFalse));
    const constants = [ifTrue, ifFalse].map((v) => (v[0].op === 'const' ? v[0].imm : -1));
    if (ifTrue.length === 1 && constants[0] === 1 && constants[1] === 0) {
      return this.push(this.b.op('ne', condition, this.b.const(0)));
    }
    if (ifTrue.length === 1 && constants[0] === 0 && constants[1] === 1) {
      return this.push(this.b.op('eq', condition, this.b.const(0)));
    }
    const [then, otherwise, after] = [this.newBlock(), this.newBlock(), this.newBlock()];
    const variables = ifTrue.map(() => this.variables++);
    const dead = this.dead;
    this.branch(condition, then, otherwise);
    for (const [block, value] of [
      [then, ifTrue],
      [otherwise, ifFalse],
    ] as const) {
      this.ssa.seal(block);
      this.enter(block);
      variables.forEach((v, i) => this.ssa.write(v, block, value[i]));
      this.jump(after);
    }
    this.ssa.seal(after);
    this.enter(after);
    this.dead = dead;
    this.push(...variables.map((v) => this.ssa.read(v, after)));
  }

  private readLocal(index: number): Operand {
    const { first, type } = this.locals[index];
    return Array.from({ length: words(type) }, (_, i) => this.ssa.read(first + i, this.b.block));
  }

  private writeLocal(index: number, keep: boolean): void {
    const { first, type } = this.locals[index];
    const value = this.pop(words(type));
    value.forEach((v, i) => this.ssa.write(first + i, this.b.block, v));
    if (keep) this.push(...value);
  }

  private globalGet(index: number): void {
    const { b } = this;
    const global = this.context.module.globals[index];
    const count = words(global.type);
    if (!global.mutable) {
      const n = global.initial;
      const low = b.const(Number(BigInt.asIntN(32, n)));
      return count === 1 ? this.push(low) : this.push(low, b.const(Number(n >> 32n)));
    }
    const address = b.const(this.context.globalAddress(index));
    this.push(...Array.from({ length: count }, (_, i) => b.load('lw', address, 4 * i)));
  }

  private globalSet(index: number): void {
    const { b } = this;
    const value = this.pop(words(this.context.module.globals[index].type));
    // asc's count of given arguments: one word for all harts, and meaningless without optional ones.
    if (this.context.module.globalNames.get(index) === '~argumentsLength') return;
    const address = b.const(this.context.globalAddress(index));
    value.forEach((v, i) => b.store('sw', address, v, 4 * i));
  }

  private memory(code: number): void {
    const { b, r } = this;
    r.u32(); // alignment hint
    const offset = r.u32();
    const load = LOADS[code];
    if (load !== undefined) {
      const address = this.pop1();
      const low = b.load(load.name, address, offset);
      if (load.type === 'i32') return this.push(low);
      if (load.high === 'word') return this.push(low, b.load('lw', address, offset + 4));
      return this.push(low, load.high === 'sign' ? b.op('sra', low, b.const(31)) : b.const(0));
    }
    const store = STORES[code];
    const value = this.pop(words(store.type));
    const address = this.pop1();
    b.store(store.name, address, value[0], offset);
    if (store.both) b.store('sw', address, value[1], offset + 4);
  }

  private miscellaneous(code: number): void {
    const { b, r } = this;
    if (code !== 10 && code !== 11) this.fail(operatorName(0xfc00 + code));
    r.u32();
    if (code === 10) r.u32();
    const args = [this.pop1(), this.pop1(), this.pop1()].reverse();
    appendCall(b, code === 10 ? 'memmove' : 'memset', ['i32', 'i32', 'i32'], args, 0);
  }
}
