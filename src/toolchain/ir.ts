// The compiler's intermediate representation: a control-flow graph of SSA values, all 32 bits wide
// (an i64 is two of them), with operations close to RV32's. Built by lower.ts, improved by
// optimise/, turned into machine instructions by select.ts. No types, no undefined values.

/** Pure operations of two values. Shifts use the low 5 bits; div & co. are RISC-V's (they never trap). */
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'mulh'
  | 'mulhu'
  | 'mulhsu'
  | 'div'
  | 'divu'
  | 'rem'
  | 'remu'
  | 'and'
  | 'or'
  | 'xor'
  | 'sll'
  | 'srl'
  | 'sra'
  | Condition;

/** Comparisons: values 0 or 1, and what a branch can test. */
export type Condition = 'eq' | 'ne' | 'lt' | 'ge' | 'ltu' | 'geu';

/**
 * const imm · param imm (nth argument word) · phi (one argument per predecessor) · symbol name ·
 * load name imm(arg) · store name imm(arg) ← arg · call name or, if name is empty, the address in
 * arg 0 · callhi (second result word of the call in arg 0) · trapif name arg arg (ebreak if the
 * condition holds) · csr name arg0 = number, arg1 = operand · amo name (address, operand) · cmpxchg
 * name (address, expected, value) · getreg/setreg imm = register number · machine: the instruction
 * `name`, no operands, imm its fence sets.
 */
export type Op =
  | BinaryOp
  | 'const'
  | 'param'
  | 'phi'
  | 'symbol'
  | 'load'
  | 'store'
  | 'call'
  | 'callhi'
  | 'trapif'
  | 'csr'
  | 'amo'
  | 'cmpxchg'
  | 'getreg'
  | 'setreg'
  | 'machine';

export class Value {
  readonly id: number;
  op: Op;
  args: Value[];
  imm: number;
  name: string;
  block: Block | undefined;
  /** Offset in the wasm file of the operator it comes from; −1 if none. */
  loc: number;
  /** Loads only: an intrinsic's, neither merged nor dropped. */
  pinned = false;
  /** Calls only: where each argument word goes, and the number of result words. */
  call: CallInfo | undefined;
  /** Set when another value has taken this one's place. */
  forward: Value | undefined;

  constructor(id: number, op: Op, args: Value[], imm: number, name: string, loc: number) {
    this.id = id;
    this.op = op;
    this.args = args;
    this.imm = imm;
    this.name = name;
    this.loc = loc;
  }
}

export interface CallInfo {
  readonly arguments: readonly ArgumentPlace[];
  readonly results: number;
  /** Bytes of stack arguments. */
  readonly stackBytes: number;
}

/** Register number, or offset from the callee's frame pointer. */
export type ArgumentPlace =
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'stack'; readonly offset: number };

export type Terminator =
  | { kind: 'none' }
  | { kind: 'jump'; to: Block }
  | { kind: 'branch'; condition: Condition; a: Value; b: Value; then: Block; else: Block }
  | { kind: 'switch'; index: Value; targets: Block[]; otherwise: Block }
  | { kind: 'return'; values: Value[] }
  | { kind: 'trap' };

export class Block {
  readonly id: number;
  phis: Value[] = [];
  insts: Value[] = [];
  preds: Block[] = [];
  term: Terminator = { kind: 'none' };
  termLoc = -1;
  /** Filled by analyseCfg(): immediate dominator, depth-first numbers in the dominator tree, loop. */
  idom: Block | undefined;
  domIn = 0;
  domOut = 0;
  loop: Loop | undefined;
  order = 0;

  constructor(id: number) {
    this.id = id;
  }
}

export interface Loop {
  readonly header: Block;
  readonly blocks: Set<Block>;
  parent: Loop | undefined;
  depth: number;
}

export interface IrFunction {
  readonly name: string;
  /** Blocks in source order; the first is the entry. */
  blocks: Block[];
  readonly parameters: readonly ArgumentPlace[];
  readonly results: number;
  nextValue: number;
  readonly constants: Map<number, Value>;
}

export const successors = (block: Block): Block[] => {
  const t = block.term;
  switch (t.kind) {
    case 'jump':
      return [t.to];
    case 'branch':
      return t.then === t.else ? [t.then] : [t.then, t.else];
    case 'switch':
      return [...new Set([...t.targets, t.otherwise])];
    case 'none':
    case 'return':
    case 'trap':
      return [];
  }
};

/** The values that a terminator reads. */
export const terminatorArgs = (t: Terminator): Value[] => {
  switch (t.kind) {
    case 'branch':
      return [t.a, t.b];
    case 'switch':
      return [t.index];
    case 'return':
      return t.values;
    case 'none':
    case 'jump':
    case 'trap':
      return [];
  }
};

/** Changes a block's terminator's target `from` to `to` (predecessor lists are the caller's). */
export function retarget(t: Terminator, from: Block, to: Block): void {
  const swap = (block: Block) => (block === from ? to : block);
  if (t.kind === 'jump') t.to = swap(t.to);
  else if (t.kind === 'branch') {
    t.then = swap(t.then);
    t.else = swap(t.else);
  } else if (t.kind === 'switch') {
    t.targets = t.targets.map(swap);
    t.otherwise = swap(t.otherwise);
  }
}

export const newValue = (
  f: IrFunction,
  op: Op,
  args: Value[],
  imm = 0,
  name = '',
  loc = -1,
): Value => new Value(f.nextValue++, op, args, imm, name, loc);

/** The one value that stands for this 32-bit constant in the function. */
export function constant(f: IrFunction, n: number): Value {
  const key = n | 0;
  let value = f.constants.get(key);
  if (value === undefined) {
    value = newValue(f, 'const', [], key);
    f.constants.set(key, value);
  }
  return value;
}

/** The value that has taken this one's place, if any. */
export function resolve(value: Value): Value {
  let v = value;
  while (v.forward !== undefined) v = v.forward;
  if (v !== value) value.forward = v;
  return v;
}

const BINARY: ReadonlySet<string> = new Set<BinaryOp>([
  'add',
  'sub',
  'mul',
  'mulh',
  'mulhu',
  'mulhsu',
  'div',
  'divu',
  'rem',
  'remu',
  'and',
  'or',
  'xor',
  'sll',
  'srl',
  'sra',
  'eq',
  'ne',
  'lt',
  'ge',
  'ltu',
  'geu',
]);

export const isBinary = (op: Op): op is BinaryOp => BINARY.has(op);

const CONDITIONS: ReadonlySet<string> = new Set<Condition>(['eq', 'ne', 'lt', 'ge', 'ltu', 'geu']);

export const isCondition = (op: Op): op is Condition => CONDITIONS.has(op);

/** Without effect and depending on nothing but its arguments: can be moved, merged, dropped. */
export const isPure = (op: Op): boolean =>
  BINARY.has(op) || op === 'const' || op === 'symbol' || op === 'phi' || op === 'param';

export const negate: Readonly<Record<Condition, Condition>> = {
  eq: 'ne',
  ne: 'eq',
  lt: 'ge',
  ge: 'lt',
  ltu: 'geu',
  geu: 'ltu',
};
