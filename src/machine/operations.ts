// The operations of the fast interpreter loop: for each, the JavaScript that performs it. The loop is
// put together from these pieces (fast-loop.ts), each piece may appear alone or as a part of a fused
// operation, and an operation's number is its place in the table.
// Anything unusual (devices, misaligned or watched addresses, CSRs, traps) is not here: such a piece
// says BAIL before it has changed anything, and slow-path.ts performs the instruction.

/**
 * How many words of decoded code an operation takes, and where it leads.
 * `flow` operations end a block and set `ip`; the others fall through to the next operation.
 */
export interface Operation {
  readonly name: string;
  readonly words: 2 | 4;
  readonly flow: boolean;
  /** Source text. Placeholders: RD RS1 RS2 IMM (operands), ARG(n) (nth word), BAIL, JUMP(target). */
  readonly body: string;
}

const plain = (name: string, body: string): Operation => ({ name, words: 2, flow: false, body });
const alu = (name: string, value: string) => plain(name, `RD = ${value};`);
const branch = (name: string, condition: string): Operation => ({
  name,
  words: 4,
  flow: true,
  body: `if (${condition}) { ip = ARG(1); continue block; } ip = ARG(2); continue block;`,
});

// IMM of loads and stores has RAM's base address taken off already, so `o` is an offset into RAM.
const load = (name: string, misaligned: string, value: string) =>
  plain(
    name,
    `{ const o = (RS1 + IMM) >>> 0; if (o >= RAM_BYTES${misaligned}) BAIL; RD = ${value}; }`,
  );
const store = (name: string, misaligned: string, place: string) =>
  plain(
    name,
    `{ const o = (RS1 + IMM) >>> 0; ` +
      `if (o >= RAM_BYTES${misaligned} || flags[o >>> 12] !== 0) BAIL; ${place} = RS2; }`,
  );
const amo = (name: string, value: string) =>
  plain(
    name,
    `{ const o = (RS1 + IMM) >>> 0; ` +
      `if (o >= RAM_BYTES || (o & 3) !== 0 || flags[o >>> 12] !== 0) BAIL; ` +
      `const a = m32[o >>> 2], b = RS2; m32[o >>> 2] = ${value}; RD = a; }`,
  );

/** Not an instruction: goes on with the block at ARG(1). */
export const OP_END = 'end';
/** Not an instruction: the compiled region whose id is in bits 31:8 stands for this block and others. */
export const OP_REGION = 'region';
/** Any instruction that only the slow path performs. */
export const OP_SLOW = 'slow';

export const OPERATIONS: readonly Operation[] = [
  plain(OP_SLOW, 'BAIL;'),
  { name: OP_END, words: 2, flow: true, body: 'ip = ARG(1); continue block;' },
  { name: OP_REGION, words: 2, flow: true, body: 'REGION;' },
  plain('nop', ''),
  alu('li', 'IMM'),
  alu('addi', 'RS1 + IMM'),
  alu('slti', 'RS1 < IMM ? 1 : 0'),
  alu('sltiu', '(RS1 >>> 0) < (IMM >>> 0) ? 1 : 0'),
  alu('xori', 'RS1 ^ IMM'),
  alu('ori', 'RS1 | IMM'),
  alu('andi', 'RS1 & IMM'),
  alu('slli', 'RS1 << IMM'),
  alu('srli', 'RS1 >>> IMM'),
  alu('srai', 'RS1 >> IMM'),
  alu('add', 'RS1 + RS2'),
  alu('sub', 'RS1 - RS2'),
  alu('sll', 'RS1 << RS2'),
  alu('slt', 'RS1 < RS2 ? 1 : 0'),
  alu('sltu', '(RS1 >>> 0) < (RS2 >>> 0) ? 1 : 0'),
  alu('xor', 'RS1 ^ RS2'),
  alu('srl', 'RS1 >>> RS2'),
  alu('sra', 'RS1 >> RS2'),
  alu('or', 'RS1 | RS2'),
  alu('and', 'RS1 & RS2'),
  alu('mul', 'Math.imul(RS1, RS2)'),
  plain('mulh', '{ const a = RS1, b = RS2; RD = mulhu(a, b) - (a >> 31 & b) - (b >> 31 & a); }'),
  plain('mulhsu', '{ const a = RS1, b = RS2; RD = mulhu(a, b) - (a >> 31 & b); }'),
  alu('mulhu', 'mulhu(RS1, RS2)'),
  plain('div', '{ const a = RS1, b = RS2; RD = b === 0 ? -1 : (a / b) | 0; }'),
  plain('divu', '{ const a = RS1, b = RS2; RD = b === 0 ? -1 : ((a >>> 0) / (b >>> 0)) | 0; }'),
  plain('rem', '{ const a = RS1, b = RS2; RD = b === 0 ? a : (a % b) | 0; }'),
  plain('remu', '{ const a = RS1, b = RS2; RD = b === 0 ? a : ((a >>> 0) % (b >>> 0)) | 0; }'),
  load('lb', '', '(m8[o] << 24) >> 24'),
  load('lh', ' || (o & 1) !== 0', '(m16[o >>> 1] << 16) >> 16'),
  load('lw', ' || (o & 3) !== 0', 'm32[o >>> 2]'),
  load('lbu', '', 'm8[o]'),
  load('lhu', ' || (o & 1) !== 0', 'm16[o >>> 1]'),
  store('sb', '', 'm8[o]'),
  store('sh', ' || (o & 1) !== 0', 'm16[o >>> 1]'),
  store('sw', ' || (o & 3) !== 0', 'm32[o >>> 2]'),
  amo('amoswap.w', 'b'),
  amo('amoadd.w', 'a + b'),
  amo('amoxor.w', 'a ^ b'),
  amo('amoand.w', 'a & b'),
  amo('amoor.w', 'a | b'),
  amo('amomin.w', 'a < b ? a : b'),
  amo('amomax.w', 'a > b ? a : b'),
  amo('amominu.w', '(a >>> 0) < (b >>> 0) ? a : b'),
  amo('amomaxu.w', '(a >>> 0) > (b >>> 0) ? a : b'),
  branch('beq', 'RS1 === RS2'),
  branch('bne', 'RS1 !== RS2'),
  branch('blt', 'RS1 < RS2'),
  branch('bge', 'RS1 >= RS2'),
  branch('bltu', '(RS1 >>> 0) < (RS2 >>> 0)'),
  branch('bgeu', '(RS1 >>> 0) >= (RS2 >>> 0)'),
  { name: 'jal', words: 4, flow: true, body: 'RD = ARG(1); ip = ARG(2); continue block;' },
  {
    name: 'jalr',
    words: 4,
    flow: true,
    body: '{ const to = (RS1 + IMM) & ~1; RD = ARG(2); JUMP(to); }',
  },
];

/**
 * Runs of operations that become one (the last may be a `flow` operation). Chosen by counting what
 * follows what in compiled code; each costs one dispatch instead of two or three.
 */
export const FUSIONS: readonly (readonly string[])[] = [
  // Loop ends and tests.
  ...[
    'addi',
    'add',
    'lw',
    'lbu',
    'xor',
    'and',
    'andi',
    'srli',
    'slt',
    'sltu',
    'slti',
    'sltiu',
  ].flatMap((first) => ['beq', 'bne'].map((second) => [first, second])),
  ...['addi', 'add', 'lw', 'li'].flatMap((first) =>
    ['blt', 'bge', 'bltu', 'bgeu'].map((second) => [first, second]),
  ),
  ...['addi', 'add', 'lw', 'sw'].map((first) => [first, 'jal']),
  ...['addi', 'lw'].map((first) => [first, 'jalr']),
  ['add', 'add', 'bltu'],
  ['addi', 'addi', 'blt'],
  ['addi', 'addi', 'bne'],
  ['mul', 'add', 'bne'],
  ['lw', 'xor', 'bne'],
  ['lw', 'add', 'bge'],
  // Addresses and the accesses behind them.
  ...['slli', 'add', 'addi', 'li', 'lw', 'sw'].flatMap((first) =>
    ['lw', 'sw', 'add', 'addi'].map((second) => [first, second]),
  ),
  ['slli', 'add', 'lw'],
  ['slli', 'add', 'sw'],
  ['slli', 'add', 'addi'],
  ['li', 'add', 'lw'],
  ['lw', 'lw', 'lw'],
  ['sw', 'sw', 'sw'],
  ['lw', 'addi', 'addi'],
  ['lw', 'lw', 'addi'],
  ['addi', 'addi', 'addi'],
  ['sb', 'add'],
  ['lw', 'slli'],
  ['add', 'slli'],
  ['lbu', 'addi'],
  ['addi', 'lbu'],
  ['add', 'lbu'],
  ['add', 'sb'],
  // Arithmetic.
  ['addi', 'mul'],
  ['mul', 'add'],
  ['mul', 'addi'],
  ['addi', 'xor'],
  ['xor', 'andi'],
  ['srli', 'addi'],
  ['srli', 'xor'],
  ['srli', 'andi'],
  ['srli', 'add'],
  ['andi', 'slli'],
  ['andi', 'addi'],
  ['andi', 'add'],
  ['srai', 'slli'],
  ['slli', 'srli'],
  ['slli', 'srai'],
  ['slli', 'or'],
  ['lbu', 'srli'],
  ['li', 'li'],
];

const numbers = new Map(OPERATIONS.map((operation, index) => [operation.name, index]));

/** Number of an operation; instructions without one of their own are `slow`. */
export function operationNumber(name: string): number {
  return numbers.get(name) ?? 0;
}
