// CSRs that only one of QEMU 7.2 and printkit has, or whose value differs, and why that is in order.
// QEMU runs as an M-mode-only RV32IMAC hart. Privileged ISA 1.13, chapters 2 and 3.

export interface CsrDifference {
  readonly id: string;
  readonly first: number;
  readonly last: number;
  /** Which side has it; `both`: the values that are read differ. */
  readonly on: 'qemu' | 'printkit' | 'both';
  readonly reason: string;
}

export const KNOWN_CSR_DIFFERENCES: readonly CsrDifference[] = [
  {
    id: 'medeleg',
    first: 0x302,
    last: 0x303,
    on: 'qemu',
    reason:
      'medeleg and mideleg: "in harts without S-mode, the medeleg and mideleg registers should not ' +
      'exist" (3.1.8). QEMU has them whatever the modes.',
  },
  {
    id: 'triggers',
    first: 0x7a0,
    last: 0x7a4,
    on: 'qemu',
    reason:
      'tselect, tdata1–3, tinfo: the debug triggers (Sdtrig) are optional; printkit has none.',
  },
  {
    id: 'smrnmi',
    first: 0x740,
    last: 0x744,
    on: 'printkit',
    reason: 'mnscratch, mnepc, mncause, mnstatus: Smrnmi, which QEMU 7.2 does not implement.',
  },
  {
    id: 'marchid',
    first: 0xf12,
    last: 0xf13,
    on: 'both',
    reason: 'marchid and mimpid name the implementation; 0 (printkit) means "not given".',
  },
  {
    id: 'counters',
    first: 0xb00,
    last: 0xb9f,
    on: 'both',
    reason:
      'mcycle and minstret count host time under QEMU without icount; instructions in printkit.',
  },
  {
    id: 'counter-shadows',
    first: 0xc00,
    last: 0xc9f,
    on: 'both',
    reason: 'cycle, time and instret: as the M-mode counters; time is virtual in printkit.',
  },
  {
    id: 'hpm-count',
    first: 0xb13,
    last: 0xb1f,
    on: 'printkit',
    reason:
      'mhpmcounter19–31: all 29 "should be implemented" and may be read-only zero (3.1.10); QEMU ' +
      'has 16 by default (pmu-num).',
  },
  {
    id: 'hpm-count',
    first: 0xb93,
    last: 0xb9f,
    on: 'printkit',
    reason: 'mhpmcounter19h–31h: as mhpmcounter19–31.',
  },
  {
    id: 'hpm-count',
    first: 0xc13,
    last: 0xc1f,
    on: 'printkit',
    reason: 'hpmcounter19–31: as mhpmcounter19–31.',
  },
  {
    id: 'hpm-count',
    first: 0xc93,
    last: 0xc9f,
    on: 'printkit',
    reason: 'hpmcounter19h–31h: as mhpmcounter19–31.',
  },
];

/** Bits that differ after a write: QEMU keeps what printkit hardwires. */
export interface CsrBitsDifference {
  readonly id: string;
  readonly first: number;
  readonly last: number;
  /** Bits in which both must agree. */
  readonly agree: number;
  /** What the other bits read here. */
  readonly rest: number;
  readonly reason: string;
}

export const KNOWN_CSR_BITS: readonly CsrBitsDifference[] = [
  {
    id: 'mstatus-fields',
    first: 0x300,
    last: 0x300,
    agree: 0x88,
    rest: 0x1800,
    reason:
      'Fields of S and U mode (SIE, SPP, MPRV, SUM, TVM …) are read-only 0 and MPP is M where there ' +
      'is only M-mode (3.1.6); QEMU keeps them.',
  },
  {
    id: 's-interrupts',
    first: 0x304,
    last: 0x304,
    agree: 0x888,
    rest: 0,
    reason: 'mie: SSIE, STIE and SEIE are read-only 0 without S-mode (3.1.9); QEMU keeps them.',
  },
  {
    id: 's-interrupts',
    first: 0x344,
    last: 0x344,
    agree: 0x888,
    rest: 0,
    reason: 'mip: SSIP, STIP and SEIP, likewise.',
  },
  {
    id: 'mstatush',
    first: 0x310,
    last: 0x310,
    agree: 0,
    rest: 0,
    reason: 'mstatush.MBE, SBE are WARL: printkit is little-endian only; QEMU keeps bits 6 and 7.',
  },
  {
    id: 'mcountinhibit',
    first: 0x320,
    last: 0x320,
    agree: 0x5,
    rest: 0,
    reason:
      'Only cycle and instret count here, so only their bits can be set; bit 1 is read-only 0 ' +
      '(3.1.12). QEMU keeps all 32 bits.',
  },
  {
    id: 'mhpmevent',
    first: 0x323,
    last: 0x33f,
    agree: 0,
    rest: 0,
    reason: 'mhpmevent3–31 "may be read-only zero" (3.1.10), as here; QEMU keeps what is written.',
  },
  {
    id: 'mepc-bit-0',
    first: 0x341,
    last: 0x341,
    agree: 0xffff_fffe,
    rest: 0,
    reason: 'mepc[0] is always 0 (3.1.14). QEMU 7.2 keeps it and even returns to an odd address.',
  },
];
