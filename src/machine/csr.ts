// The CSRs of a machine-mode hart as one table. Privileged ISA 1.13, chapters 2 and 3; Smrnmi 1.0;
// Zicntr and Zihpm 2.0. An address that is not in the table is an illegal instruction.
// Leaves out: S-mode and U-mode CSRs (with mcounteren, menvcfg), debug triggers; mhpm counters read zero.

import type { Hart } from './hart.ts';
import { PMP_ENTRIES } from './pmp.ts';

/** mstatus.MIE: interrupts are enabled. */
export const MSTATUS_MIE = 1 << 3;
/** mstatus.MPIE: MIE before the trap. */
export const MSTATUS_MPIE = 1 << 7;
/** mstatus.MPP: privilege before the trap; only M exists, so it reads 3. */
export const MSTATUS_MPP = 3 << 11;

/** Machine software, timer and external interrupt in mip, mie and (as a number) mcause. */
export const IRQ_SOFTWARE = 3;
export const IRQ_TIMER = 7;
export const IRQ_EXTERNAL = 11;
export const MIE_MASK = (1 << IRQ_SOFTWARE) | (1 << IRQ_TIMER) | (1 << IRQ_EXTERNAL);

/** One CSR. Values are unsigned or signed 32-bit; `write` gets them unsigned. */
export interface CsrEntry {
  readonly name: string;
  read(hart: Hart): number;
  /** WARL as the ISA has it. Absent: writes are ignored (or illegal, if the address says read-only). */
  write?(hart: Hart, value: number): void;
}

/** MXL = 1 (32 bit), extensions A, C, I, M. Read-only here. */
export const MISA = 0x4000_0000 | (1 << 0) | (1 << 2) | (1 << 8) | (1 << 12);

/** mnstatus fields (Smrnmi 1.0): NMIE, and MNPP, which is always M. */
export const MNSTATUS_NMIE = 1 << 3;
export const MNSTATUS_MNPP = 3 << 11;

const COUNTER_CY = 1 << 0;
const COUNTER_IR = 1 << 2;

const table = new Map<number, CsrEntry>();
const zero = (): number => 0;

function define(
  number: number,
  name: string,
  read: CsrEntry['read'],
  write?: CsrEntry['write'],
): void {
  table.set(number, write === undefined ? { name, read } : { name, read, write });
}

/** The CSR at an address, or undefined when there is none. */
export function csrEntry(number: number): CsrEntry | undefined {
  return table.get(number);
}

/** Addresses of all CSRs in ascending order. */
export function csrNumbers(): number[] {
  return [...table.keys()].sort((a, b) => a - b);
}

/** Bits 11:10 of the address are 3: any write is an illegal instruction. */
export function isReadOnly(number: number): boolean {
  return number >>> 10 === 3;
}

// Machine information registers and configuration.
define(0xf11, 'mvendorid', zero);
define(0xf12, 'marchid', zero);
define(0xf13, 'mimpid', zero);
define(0xf14, 'mhartid', (h) => h.id);
define(0xf15, 'mconfigptr', zero);

// Machine trap setup.
define(
  0x300,
  'mstatus',
  (h) => h.mstatus | MSTATUS_MPP,
  (h, v) => (h.mstatus = v & (MSTATUS_MIE | MSTATUS_MPIE)),
);
define(
  0x301,
  'misa',
  () => MISA,
  () => undefined,
);
define(
  0x304,
  'mie',
  (h) => h.mie,
  (h, v) => (h.mie = v & MIE_MASK),
);
define(
  0x305,
  'mtvec',
  (h) => h.mtvec,
  (h, v) => {
    // MODE 0 direct, 1 vectored; 2 and 3 are reserved: such a write leaves the register alone.
    if ((v & 3) <= 1) h.mtvec = v;
  },
);
define(0x310, 'mstatush', zero, () => undefined);
define(
  0x320,
  'mcountinhibit',
  (h) => h.mcountinhibit,
  (h, v) => {
    h.mcountinhibit = v & (COUNTER_CY | COUNTER_IR);
    // The write itself still counts when it stops the counters, and not when it starts them.
    h.cycle.inhibit((v & COUNTER_CY) !== 0, h.steps + 1);
    h.instretCounter.inhibit((v & COUNTER_IR) !== 0, h.instret + 1);
  },
);

// Machine trap handling.
define(
  0x340,
  'mscratch',
  (h) => h.mscratch,
  (h, v) => (h.mscratch = v),
);
define(
  0x341,
  'mepc',
  (h) => h.mepc,
  (h, v) => (h.mepc = (v & ~1) >>> 0),
);
define(
  0x342,
  'mcause',
  (h) => h.mcause,
  (h, v) => (h.mcause = v),
);
define(
  0x343,
  'mtval',
  (h) => h.mtval,
  (h, v) => (h.mtval = v),
);
// MSIP, MTIP and MEIP are wired to the ACLINT and the PLIC: writes have no effect.
define(
  0x344,
  'mip',
  (h) => h.mip,
  () => undefined,
);

// Smrnmi.
define(
  0x740,
  'mnscratch',
  (h) => h.mnscratch,
  (h, v) => (h.mnscratch = v),
);
define(
  0x741,
  'mnepc',
  (h) => h.mnepc,
  (h, v) => (h.mnepc = (v & ~1) >>> 0),
);
define(
  0x742,
  'mncause',
  (h) => h.mncause,
  (h, v) => (h.mncause = v),
);
define(
  0x744,
  'mnstatus',
  (h) => MNSTATUS_MNPP | (h.nmie ? MNSTATUS_NMIE : 0),
  (h, v) => {
    // NMIE can be set by software and never cleared.
    if ((v & MNSTATUS_NMIE) !== 0) h.nmie = h.nmiAware = true;
  },
);

// Physical memory protection.
for (let i = 0; i < PMP_ENTRIES / 4; i++) {
  define(
    0x3a0 + i,
    `pmpcfg${i}`,
    (h) => h.pmp.readConfig(i),
    (h, v) => h.pmp.writeConfig(i, v),
  );
}
for (let i = 0; i < PMP_ENTRIES; i++) {
  define(
    0x3b0 + i,
    `pmpaddr${i}`,
    (h) => h.pmp.readAddress(i),
    (h, v) => h.pmp.writeAddress(i, v),
  );
}

// Counters. A written low half is what the next instruction reads (the write itself is not
// counted); writing the high half leaves the low one counting.
define(
  0xb00,
  'mcycle',
  (h) => h.cycle.low(h.steps),
  (h, v) => h.cycle.write(v, h.cycle.high(h.steps), h.steps + 1),
);
define(
  0xb80,
  'mcycleh',
  (h) => h.cycle.high(h.steps),
  (h, v) => h.cycle.write(h.cycle.low(h.steps), v, h.steps),
);
define(
  0xb02,
  'minstret',
  (h) => h.instretCounter.low(h.instret),
  (h, v) => h.instretCounter.write(v, h.instretCounter.high(h.instret), h.instret + 1),
);
define(
  0xb82,
  'minstreth',
  (h) => h.instretCounter.high(h.instret),
  (h, v) => h.instretCounter.write(h.instretCounter.low(h.instret), v, h.instret),
);
define(0xc00, 'cycle', (h) => h.cycle.low(h.steps));
define(0xc80, 'cycleh', (h) => h.cycle.high(h.steps));
define(0xc01, 'time', (h) => h.ports.timeLow(h));
define(0xc81, 'timeh', (h) => h.ports.timeHigh(h));
define(0xc02, 'instret', (h) => h.instretCounter.low(h.instret));
define(0xc82, 'instreth', (h) => h.instretCounter.high(h.instret));
for (let i = 3; i < 32; i++) {
  define(0xb00 + i, `mhpmcounter${i}`, zero, () => undefined);
  define(0xb80 + i, `mhpmcounter${i}h`, zero, () => undefined);
  define(0x320 + i, `mhpmevent${i}`, zero, () => undefined);
  define(0xc00 + i, `hpmcounter${i}`, zero);
  define(0xc80 + i, `hpmcounter${i}h`, zero);
}
