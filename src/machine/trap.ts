// Traps: how exceptions, interrupts and NMIs enter, how mret and mnret leave, and when a trap can never
// lead anywhere. Privileged ISA 1.13, 3.1.6 to 3.1.16 and 3.3.2; Smrnmi 1.0.

import type { Hart } from './hart.ts';
import { IRQ_EXTERNAL, IRQ_SOFTWARE, IRQ_TIMER, MSTATUS_MIE, MSTATUS_MPIE } from './csr.ts';

/** Exception codes of mcause (privileged ISA, table "mcause values after trap"). */
export const CAUSE_FETCH_ACCESS = 1;
export const CAUSE_ILLEGAL = 2;
export const CAUSE_BREAKPOINT = 3;
export const CAUSE_LOAD_MISALIGNED = 4;
export const CAUSE_LOAD_ACCESS = 5;
export const CAUSE_STORE_MISALIGNED = 6;
export const CAUSE_STORE_ACCESS = 7;
export const CAUSE_ECALL_M = 11;
/** Set in mcause for interrupts and in mncause for NMIs. */
export const CAUSE_INTERRUPT = 0x8000_0000;

/** The causes above in words. */
export const CAUSE_NAMES: Readonly<Record<number, string>> = {
  [CAUSE_FETCH_ACCESS]: 'instruction access fault',
  [CAUSE_ILLEGAL]: 'illegal instruction',
  [CAUSE_BREAKPOINT]: 'breakpoint',
  [CAUSE_LOAD_MISALIGNED]: 'load address misaligned',
  [CAUSE_LOAD_ACCESS]: 'load access fault',
  [CAUSE_STORE_MISALIGNED]: 'store/AMO address misaligned',
  [CAUSE_STORE_ACCESS]: 'store/AMO access fault',
  [CAUSE_ECALL_M]: 'environment call from M-mode',
  [CAUSE_INTERRUPT + IRQ_SOFTWARE]: 'machine software interrupt',
  [CAUSE_INTERRUPT + IRQ_TIMER]: 'machine timer interrupt',
  [CAUSE_INTERRUPT + IRQ_EXTERNAL]: 'machine external interrupt',
};

/** After so many exceptions in a row at one place, with nothing retired there, it is a storm. */
const STORM_REPEATS = 10_000;

const hex = (value: number) => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

/** Takes a synchronous exception at the hart's pc. The instruction does not retire. */
export function takeException(hart: Hart, cause: number, tval: number): void {
  const pc = hart.pc;
  const vector = (hart.mtvec & ~3) >>> 0;
  // In an NMI handler the ISA asks for an implementation-defined handler address (Smrnmi, "RNMI
  // Operation"): the NMI controller's register, or mtvec as long as that is 0.
  const target = hart.inNmi ? hart.ports.nmi.exceptionVector || vector : vector;
  noteRepeat(hart, cause, pc, target);
  hart.lastTrap = { cause, tval: tval >>> 0, pc };
  hart.stepsAtTrap = hart.steps;
  hart.trapped++;
  enter(hart, cause, tval, target);
}

/** Takes the NMI or the interrupt of the highest priority. Call only when `hart.interrupted`. */
export function takeInterrupt(hart: Hart): void {
  const { nmi } = hart.ports;
  if (hart.nmiReady) {
    hart.mncause = (CAUSE_INTERRUPT | nmi.acknowledge(hart.id)) >>> 0;
    hart.mnepc = hart.pc;
    hart.lastTrap = { cause: hart.mncause, tval: 0, pc: hart.pc };
    hart.nmie = false;
    hart.reservation = -1;
    hart.pc = nmi.vector;
    return;
  }
  // Priority (3.1.9): external, software, timer.
  const ready = hart.mip & hart.mie;
  const irq =
    (ready & (1 << IRQ_EXTERNAL)) !== 0
      ? IRQ_EXTERNAL
      : (ready & (1 << IRQ_SOFTWARE)) !== 0
        ? IRQ_SOFTWARE
        : IRQ_TIMER;
  const cause = (CAUSE_INTERRUPT | irq) >>> 0;
  hart.lastTrap = { cause, tval: 0, pc: hart.pc };
  const vectored = (hart.mtvec & 1) !== 0 ? 4 * irq : 0;
  enter(hart, cause, 0, ((hart.mtvec & ~3) + vectored) >>> 0);
}

/** mret: back to mepc with MIE as it was. */
export function returnFromTrap(hart: Hart): void {
  const mpie = (hart.mstatus & MSTATUS_MPIE) !== 0;
  hart.mstatus = MSTATUS_MPIE | (mpie ? MSTATUS_MIE : 0);
  leave(hart, hart.mepc);
}

/** mnret: back to mnepc with NMIs enabled again. */
export function returnFromNmi(hart: Hart): void {
  hart.nmie = true;
  leave(hart, hart.mnepc);
}

function enter(hart: Hart, cause: number, tval: number, target: number): void {
  hart.mcause = cause >>> 0;
  hart.mepc = hart.pc;
  hart.mtval = tval >>> 0;
  const mie = (hart.mstatus & MSTATUS_MIE) !== 0;
  hart.mstatus = mie ? MSTATUS_MPIE : 0;
  // Without this an sc.w could succeed on a reservation made before the trap (as QEMU has it).
  hart.reservation = -1;
  hart.pc = target;
}

function leave(hart: Hart, to: number): void {
  hart.reservation = -1;
  hart.stepsAtReturn = hart.steps;
  hart.pc = to;
}

/**
 * Recognises an exception that repeats for ever. At once: the handler's very first instruction
 * traps, which brings the hart to the same instruction in the same state. After many repeats: the
 * same exception at the same place, each time either from within its own handler or straight after
 * returning to it.
 */
function noteRepeat(hart: Hart, cause: number, pc: number, target: number): void {
  const last = hart.lastTrap;
  if (
    pc === target &&
    last !== undefined &&
    hart.stepsAtTrap + 1 === hart.steps &&
    last.pc === pc
  ) {
    hart.stuck =
      `double trap: ${CAUSE_NAMES[cause] ?? `cause ${cause}`} at the trap handler's ` +
      `first instruction, ${hex(pc)}`;
    return;
  }
  const same = last !== undefined && last.pc === pc && last.cause === cause;
  const returned = hart.stepsAtReturn > hart.stepsAtTrap;
  const progress = returned && hart.steps > hart.stepsAtReturn + 1;
  hart.trapRepeats = same && !progress ? hart.trapRepeats + 1 : 0;
  if (hart.trapRepeats < STORM_REPEATS) return;
  hart.stuck =
    `trap storm: ${CAUSE_NAMES[cause] ?? `cause ${cause}`} at ${hex(pc)} ` +
    `${hart.trapRepeats} times without progress`;
}
