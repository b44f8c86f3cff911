// RV32IMAC + Zicsr + Zifencei + privileged instructions as one table: decoder, assembler,
// disassembler and fuzzer all read it. Encodings: RISC-V Unprivileged ISA 20240411, chapter 35
// ("RV32/64G Instruction Set Listings") and chapter 28.8 for C; Privileged ISA 1.13 and Smrnmi 1.0
// for mret, wfi and mnret. What is left out: F, D, V and everything of RV64.

/**
 * How an instruction's operands are laid out and written in assembly.
 * R rd,rs1,rs2 · I rd,rs1,imm12 · Ish rd,rs1,shamt · L rd,imm(rs1) · S rs2,imm(rs1) · B rs1,rs2,target
 * U rd,imm20 · J rd,target · jalr rd,imm(rs1) · csr rd,csr,rs1 · csri rd,csr,uimm5 · fence pred,succ
 * none no operands · lr rd,(rs1) · amo rd,rs2,(rs1)
 */
export type Format =
  | 'R'
  | 'I'
  | 'Ish'
  | 'L'
  | 'S'
  | 'B'
  | 'U'
  | 'J'
  | 'jalr'
  | 'csr'
  | 'csri'
  | 'fence'
  | 'none'
  | 'lr'
  | 'amo';

/** Layouts of 16-bit instructions, by their names in the C chapter plus the ones it leaves unnamed. */
export type CompressedFormat =
  | 'CIW' // c.addi4spn rd',uimm
  | 'CL' // c.lw rd',uimm(rs1')
  | 'CS' // c.sw rs2',uimm(rs1')
  | 'CI' // c.addi, c.li: rd,imm
  | 'CIlui' // c.lui rd,imm
  | 'CIsp' // c.addi16sp imm
  | 'CIsh' // c.slli rd,shamt
  | 'CIlw' // c.lwsp rd,uimm(sp)
  | 'CSS' // c.swsp rs2,uimm(sp)
  | 'CR' // c.mv, c.add: rd,rs2
  | 'CRj' // c.jr, c.jalr: rs1
  | 'CBsh' // c.srli, c.srai: rd',shamt
  | 'CBi' // c.andi rd',imm
  | 'CA' // c.sub…: rd',rs2'
  | 'CB' // c.beqz, c.bnez rs1',target
  | 'CJ' // c.j, c.jal target
  | 'Cnone'; // c.nop, c.ebreak

/** One 32-bit instruction: `(word & mask) === match` identifies it (both unsigned). */
export interface Instruction {
  readonly name: string;
  readonly match: number;
  readonly mask: number;
  readonly format: Format;
}

/** One 16-bit instruction. Entries are tried in table order: special cases stand before general ones. */
export interface CompressedInstruction {
  readonly name: string;
  readonly match: number;
  readonly mask: number;
  readonly format: CompressedFormat;
}

const row = (name: string, match: number, mask: number, format: Format): Instruction => ({
  name,
  match: match >>> 0,
  mask: mask >>> 0,
  format,
});

const op = (name: string, funct7: number, funct3: number) =>
  row(name, (funct7 << 25) | (funct3 << 12) | 0x33, 0xfe00707f, 'R');
const opImm = (name: string, funct3: number) => row(name, (funct3 << 12) | 0x13, 0x0000707f, 'I');
const shiftImm = (name: string, funct7: number, funct3: number) =>
  row(name, (funct7 << 25) | (funct3 << 12) | 0x13, 0xfe00707f, 'Ish');
const load = (name: string, funct3: number) => row(name, (funct3 << 12) | 0x03, 0x707f, 'L');
const store = (name: string, funct3: number) => row(name, (funct3 << 12) | 0x23, 0x707f, 'S');
const branch = (name: string, funct3: number) => row(name, (funct3 << 12) | 0x63, 0x707f, 'B');
const csr = (name: string, funct3: number, format: Format) =>
  row(name, (funct3 << 12) | 0x73, 0x707f, format);
const system = (name: string, word: number) => row(name, word, 0xffffffff, 'none');
// aq (bit 26) and rl (bit 25) are left out of the mask: they are written as a suffix of the name.
const amo = (name: string, funct5: number) => row(name, (funct5 << 27) | 0x202f, 0xf800707f, 'amo');

/** Every 32-bit instruction that the machine executes. */
export const INSTRUCTIONS: readonly Instruction[] = [
  row('lui', 0x37, 0x7f, 'U'),
  row('auipc', 0x17, 0x7f, 'U'),
  row('jal', 0x6f, 0x7f, 'J'),
  row('jalr', 0x67, 0x707f, 'jalr'),
  branch('beq', 0),
  branch('bne', 1),
  branch('blt', 4),
  branch('bge', 5),
  branch('bltu', 6),
  branch('bgeu', 7),
  load('lb', 0),
  load('lh', 1),
  load('lw', 2),
  load('lbu', 4),
  load('lhu', 5),
  store('sb', 0),
  store('sh', 1),
  store('sw', 2),
  opImm('addi', 0),
  opImm('slti', 2),
  opImm('sltiu', 3),
  opImm('xori', 4),
  opImm('ori', 6),
  opImm('andi', 7),
  shiftImm('slli', 0x00, 1),
  shiftImm('srli', 0x00, 5),
  shiftImm('srai', 0x20, 5),
  op('add', 0x00, 0),
  op('sub', 0x20, 0),
  op('sll', 0x00, 1),
  op('slt', 0x00, 2),
  op('sltu', 0x00, 3),
  op('xor', 0x00, 4),
  op('srl', 0x00, 5),
  op('sra', 0x20, 5),
  op('or', 0x00, 6),
  op('and', 0x00, 7),
  op('mul', 0x01, 0),
  op('mulh', 0x01, 1),
  op('mulhsu', 0x01, 2),
  op('mulhu', 0x01, 3),
  op('div', 0x01, 4),
  op('divu', 0x01, 5),
  op('rem', 0x01, 6),
  op('remu', 0x01, 7),
  row('lr.w', 0x1000202f, 0xf9f0707f, 'lr'),
  amo('sc.w', 0x03),
  amo('amoswap.w', 0x01),
  amo('amoadd.w', 0x00),
  amo('amoxor.w', 0x04),
  amo('amoand.w', 0x0c),
  amo('amoor.w', 0x08),
  amo('amomin.w', 0x10),
  amo('amomax.w', 0x14),
  amo('amominu.w', 0x18),
  amo('amomaxu.w', 0x1c),
  row('fence.tso', 0x8330000f, 0xffffffff, 'none'),
  row('pause', 0x0100000f, 0xffffffff, 'none'),
  row('fence', 0x0000000f, 0x0000707f, 'fence'),
  row('fence.i', 0x0000100f, 0x0000707f, 'none'),
  system('ecall', 0x00000073),
  system('ebreak', 0x00100073),
  system('mret', 0x30200073),
  system('mnret', 0x70200073),
  system('wfi', 0x10500073),
  csr('csrrw', 1, 'csr'),
  csr('csrrs', 2, 'csr'),
  csr('csrrc', 3, 'csr'),
  csr('csrrwi', 5, 'csri'),
  csr('csrrsi', 6, 'csri'),
  csr('csrrci', 7, 'csri'),
];

const c = (
  name: string,
  match: number,
  mask: number,
  format: CompressedFormat,
): CompressedInstruction => ({ name, match, mask, format });

/** Every 16-bit instruction of RV32C without floating point (c.flw… are illegal here). */
export const COMPRESSED_INSTRUCTIONS: readonly CompressedInstruction[] = [
  c('c.addi4spn', 0x0000, 0xe003, 'CIW'), // uimm 0 is illegal (0x0000 above all)
  c('c.lw', 0x4000, 0xe003, 'CL'),
  c('c.sw', 0xc000, 0xe003, 'CS'),
  c('c.nop', 0x0001, 0xef83, 'Cnone'), // rd 0; any immediate is a hint
  c('c.addi', 0x0001, 0xe003, 'CI'),
  c('c.jal', 0x2001, 0xe003, 'CJ'),
  c('c.li', 0x4001, 0xe003, 'CI'),
  c('c.addi16sp', 0x6101, 0xef83, 'CIsp'), // imm 0 is reserved
  c('c.lui', 0x6001, 0xe003, 'CIlui'), // imm 0 is reserved
  c('c.srli', 0x8001, 0xfc03, 'CBsh'), // bit 12 is 0 on RV32
  c('c.srai', 0x8401, 0xfc03, 'CBsh'),
  c('c.andi', 0x8801, 0xec03, 'CBi'),
  c('c.sub', 0x8c01, 0xfc63, 'CA'),
  c('c.xor', 0x8c21, 0xfc63, 'CA'),
  c('c.or', 0x8c41, 0xfc63, 'CA'),
  c('c.and', 0x8c61, 0xfc63, 'CA'),
  c('c.j', 0xa001, 0xe003, 'CJ'),
  c('c.beqz', 0xc001, 0xe003, 'CB'),
  c('c.bnez', 0xe001, 0xe003, 'CB'),
  c('c.slli', 0x0002, 0xf003, 'CIsh'), // bit 12 is 0 on RV32
  c('c.lwsp', 0x4002, 0xe003, 'CIlw'), // rd 0 is reserved
  c('c.ebreak', 0x9002, 0xffff, 'Cnone'),
  c('c.jr', 0x8002, 0xf07f, 'CRj'), // rs1 0 is reserved
  c('c.jalr', 0x9002, 0xf07f, 'CRj'),
  c('c.mv', 0x8002, 0xf003, 'CR'),
  c('c.add', 0x9002, 0xf003, 'CR'),
  c('c.swsp', 0xc002, 0xe003, 'CSS'),
];

/** ABI names of x0…x31 (RISC-V psABI, "Integer Register Convention"). */
export const REGISTER_NAMES: readonly string[] = (
  'zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 ' +
  's2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'
).split(' ');
