// Names and numbers of the control and status registers: Privileged ISA 1.13, chapter 2 ("CSR
// listing"), Smrnmi 1.0 and Sstc. Shared by machine, assembler and disassembler. Left out: the
// registers of F, V, H, of AIA and of state enable.

const numbered = (
  prefix: string,
  first: number,
  last: number,
  firstNumber: number,
  suffix = '',
): [string, number][] =>
  Array.from({ length: last - first + 1 }, (_, i) => [
    `${prefix}${first + i}${suffix}`,
    firstNumber + i,
  ]);

/** Every CSR that has a name here, ascending within each privilege mode. */
export const CSR_TABLE: readonly (readonly [name: string, number: number])[] = [
  // Unprivileged counters (Zicntr, Zihpm)
  ['cycle', 0xc00],
  ['time', 0xc01],
  ['instret', 0xc02],
  ...numbered('hpmcounter', 3, 31, 0xc03),
  ['cycleh', 0xc80],
  ['timeh', 0xc81],
  ['instreth', 0xc82],
  ...numbered('hpmcounter', 3, 31, 0xc83, 'h'),
  // Supervisor
  ['sstatus', 0x100],
  ['sie', 0x104],
  ['stvec', 0x105],
  ['scounteren', 0x106],
  ['senvcfg', 0x10a],
  ['sscratch', 0x140],
  ['sepc', 0x141],
  ['scause', 0x142],
  ['stval', 0x143],
  ['sip', 0x144],
  ['stimecmp', 0x14d],
  ['stimecmph', 0x15d],
  ['satp', 0x180],
  ['scontext', 0x5a8],
  // Machine
  ['mvendorid', 0xf11],
  ['marchid', 0xf12],
  ['mimpid', 0xf13],
  ['mhartid', 0xf14],
  ['mconfigptr', 0xf15],
  ['mstatus', 0x300],
  ['misa', 0x301],
  ['medeleg', 0x302],
  ['mideleg', 0x303],
  ['mie', 0x304],
  ['mtvec', 0x305],
  ['mcounteren', 0x306],
  ['menvcfg', 0x30a],
  ['mstatush', 0x310],
  ['medelegh', 0x312],
  ['menvcfgh', 0x31a],
  ['mcountinhibit', 0x320],
  ...numbered('mhpmevent', 3, 31, 0x323),
  ['mscratch', 0x340],
  ['mepc', 0x341],
  ['mcause', 0x342],
  ['mtval', 0x343],
  ['mip', 0x344],
  ['mtinst', 0x34a],
  ['mtval2', 0x34b],
  ...numbered('pmpcfg', 0, 15, 0x3a0),
  ...numbered('pmpaddr', 0, 63, 0x3b0),
  ['mnscratch', 0x740],
  ['mnepc', 0x741],
  ['mncause', 0x742],
  ['mnstatus', 0x744],
  ['mseccfg', 0x747],
  ['mseccfgh', 0x757],
  ['tselect', 0x7a0],
  ['tdata1', 0x7a1],
  ['tdata2', 0x7a2],
  ['tdata3', 0x7a3],
  ['tinfo', 0x7a4],
  ['tcontrol', 0x7a5],
  ['mcontext', 0x7a8],
  ['dcsr', 0x7b0],
  ['dpc', 0x7b1],
  ['dscratch0', 0x7b2],
  ['dscratch1', 0x7b3],
  ['mcycle', 0xb00],
  ['minstret', 0xb02],
  ...numbered('mhpmcounter', 3, 31, 0xb03),
  ['mcycleh', 0xb80],
  ['minstreth', 0xb82],
  ...numbered('mhpmcounter', 3, 31, 0xb83, 'h'),
];

const byName = new Map<string, number>(CSR_TABLE);
const byNumber = new Map<number, string>(CSR_TABLE.map(([name, number]) => [number, name]));

/** The number of a CSR by its name in lower case, e.g. `mstatus` → 0x300. */
export const csrNumber = (name: string): number | undefined => byName.get(name);

/** The name of a CSR, e.g. 0x300 → `mstatus`. */
export const csrName = (number: number): string | undefined => byNumber.get(number);
