// Pseudo-instructions as one table for assembler and disassembler (RISC-V ISA manual, "Assembly
// Programmer's Handbook"). Those that need a decision (li, la, call…) are in assembler-encoder.ts.

/** `$n` stands for the n-th operand as written; anything else is literal operand text. */
export interface PseudoInstruction {
  readonly name: string;
  /** Number of operands as written. */
  readonly operands: number;
  readonly base: string;
  readonly expansion: readonly string[];
  /** Shown by the disassembler where the base instruction's operands match; first match wins. */
  readonly shown: boolean;
}

const pseudo = (name: string, base: string, expansion: string, shown = true): PseudoInstruction => {
  const parts = expansion === '' ? [] : expansion.split(' ');
  const operands = new Set(expansion.match(/\$\d/g) ?? []).size;
  return { name, operands, base, expansion: parts, shown };
};
const hidden = (name: string, base: string, expansion: string) =>
  pseudo(name, base, expansion, false);

export const PSEUDO_INSTRUCTIONS: readonly PseudoInstruction[] = [
  pseudo('nop', 'addi', 'zero zero 0'),
  // `li` itself is expanded by the encoder; this row lets the disassembler show it.
  pseudo('li', 'addi', '$0 zero $1'),
  pseudo('mv', 'addi', '$0 $1 0'),
  hidden('move', 'addi', '$0 $1 0'),
  pseudo('not', 'xori', '$0 $1 -1'),
  pseudo('neg', 'sub', '$0 zero $1'),
  pseudo('zext.b', 'andi', '$0 $1 255'),
  pseudo('seqz', 'sltiu', '$0 $1 1'),
  pseudo('snez', 'sltu', '$0 zero $1'),
  pseudo('sltz', 'slt', '$0 $1 zero'),
  pseudo('sgtz', 'slt', '$0 zero $1'),
  hidden('sgt', 'slt', '$0 $2 $1'),
  hidden('sgtu', 'sltu', '$0 $2 $1'),
  pseudo('beqz', 'beq', '$0 zero $1'),
  pseudo('bnez', 'bne', '$0 zero $1'),
  pseudo('blez', 'bge', 'zero $0 $1'),
  pseudo('bgez', 'bge', '$0 zero $1'),
  pseudo('bltz', 'blt', '$0 zero $1'),
  pseudo('bgtz', 'blt', 'zero $0 $1'),
  hidden('bgt', 'blt', '$1 $0 $2'),
  hidden('ble', 'bge', '$1 $0 $2'),
  hidden('bgtu', 'bltu', '$1 $0 $2'),
  hidden('bleu', 'bgeu', '$1 $0 $2'),
  pseudo('j', 'jal', 'zero $0'),
  pseudo('jal', 'jal', 'ra $0'),
  pseudo('ret', 'jalr', 'zero 0(ra)'),
  pseudo('jr', 'jalr', 'zero $0'),
  pseudo('jalr', 'jalr', 'ra $0'),
  pseudo('rdcycle', 'csrrs', '$0 cycle zero'),
  pseudo('rdtime', 'csrrs', '$0 time zero'),
  pseudo('rdinstret', 'csrrs', '$0 instret zero'),
  pseudo('rdcycleh', 'csrrs', '$0 cycleh zero'),
  pseudo('rdtimeh', 'csrrs', '$0 timeh zero'),
  pseudo('rdinstreth', 'csrrs', '$0 instreth zero'),
  pseudo('csrr', 'csrrs', '$0 $1 zero'),
  // An illegal instruction by definition: writes a read-only CSR.
  pseudo('unimp', 'csrrw', 'zero cycle zero'),
  pseudo('csrw', 'csrrw', 'zero $0 $1'),
  pseudo('csrs', 'csrrs', 'zero $0 $1'),
  pseudo('csrc', 'csrrc', 'zero $0 $1'),
  pseudo('csrwi', 'csrrwi', 'zero $0 $1'),
  pseudo('csrsi', 'csrrsi', 'zero $0 $1'),
  pseudo('csrci', 'csrrci', 'zero $0 $1'),
  pseudo('fence', 'fence', 'iorw iorw'),
];

/** Names that also take a constant as their last operand and then mean another instruction. */
export const IMMEDIATE_TWINS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    add: 'addi',
    slt: 'slti',
    sltu: 'sltiu',
    xor: 'xori',
    or: 'ori',
    and: 'andi',
    sll: 'slli',
    srl: 'srli',
    sra: 'srai',
    csrrw: 'csrrwi',
    csrrs: 'csrrsi',
    csrrc: 'csrrci',
    csrw: 'csrwi',
    csrs: 'csrsi',
    csrc: 'csrci',
  }),
);
