// Random CSR accesses: those that both sides must agree on (values that exist, see csr-differences.ts
// for the rest), and those that must trap.

import { encode, type Code } from './encode.ts';
import { InstructionSource } from './instructions.ts';
import { fixed, type Item } from './sequence.ts';

export const MSTATUS = 0x300;
export const MIE = 0x304;
export const MTVEC = 0x305;
export const MSCRATCH = 0x340;
export const MEPC = 0x341;
export const MCAUSE = 0x342;
export const MTVAL = 0x343;
export const MIP = 0x344;

/** The interrupts of M-mode: MSIP, MTIP, MEIP (Privileged 3.1.9). */
const M_INTERRUPTS = 0x888;

/** Adds CSR instructions to what can be drawn. */
export class CsrSource extends InstructionSource {
  /** Writes a CSR in some way and reads it back, leaving alone what the harness needs. */
  protected csr(): readonly Item[] {
    const random = this.random;
    const csr = random.pick([MSCRATCH, MTVEC, MEPC, MCAUSE, MTVAL, MIE, MIP, MSTATUS]);
    const rd = this.scratch();
    const rs1 = this.source();
    const register = random.pick(['csrrw', 'csrrs', 'csrrc']);
    const immediate = random.pick(['csrrwi', 'csrrsi', 'csrrci']);
    switch (csr) {
      case MSCRATCH: {
        // The handler needs it: written and swapped back at once. Old value ^ is known: CONTEXT.
        const set = random.oneIn(2)
          ? encode(register, { rd, rs1: rs1 === rd ? 0 : rs1, csr })
          : encode(immediate, { rd, rs1: random.below(32), csr });
        return [set, encode('csrrw', { rd, rs1: rd, csr })].map(fixed);
      }
      case MTVEC: {
        // WARL: mode 0 and 1 exist. Swapped back at once as well.
        const value = this.scratch();
        const mask = encode('andi', { rd: value, rs1: this.source(), imm: -3 });
        const old = value === rd ? 0 : rd;
        if (old === 0) return [fixed(mask)];
        return [
          mask,
          encode('csrrw', { rd: old, rs1: value, csr }),
          encode('csrrw', { rd: old, rs1: old, csr }),
        ].map(fixed);
      }
      case MTVAL:
        return [
          encode('csrrw', { rs1, csr }),
          random.oneIn(2)
            ? encode(register, { rd, rs1: this.source(), csr })
            : encode(immediate, { rd, rs1: random.below(32), csr }),
          encode('csrrs', { rd: this.destination(), csr }),
        ].map(fixed);
      case MEPC:
        // Even values only: see mepc-bit-0 in the known differences.
        return [
          encode('andi', { rd, rs1, imm: -2 }),
          encode('csrrw', { rs1: rd, csr }),
          encode(immediate, { rd, rs1: random.below(32) & ~1, csr }),
          encode('csrrs', { rd: this.destination(), csr }),
        ].map(fixed);
      case MCAUSE: {
        // WLRL: only causes that exist (0 … 7, 11) may be written.
        const cause = random.pick([0, 1, 2, 3, 4, 5, 6, 7, 11]);
        return [encode('csrrwi', { rs1: cause, csr }), encode('csrrs', { rd, csr })].map(fixed);
      }
      case MIE: {
        const value = this.scratch();
        return [
          ...this.loadBits(value),
          // Interrupts stay globally off while a random set of them is enabled.
          encode('csrrci', { rs1: 8, csr: MSTATUS }),
          encode(register, { rd: rd === value ? 0 : rd, rs1: value, csr }),
          encode('csrrs', { rd, csr }),
        ].map(fixed);
      }
      case MIP: {
        // The bits of M-mode are read-only here.
        const value = this.scratch();
        return [
          ...this.loadBits(value),
          encode(register, { rd: rd === value ? 0 : rd, rs1: value, csr }),
          encode('csrrs', { rd, csr }),
        ].map(fixed);
      }
      default: {
        // mstatus.MIE (8) is set only where an interrupt is expected; see #interrupt.
        const bits = random.pick([0, 8]);
        return [
          encode('csrrci', { rs1: bits, csr }),
          encode('csrrs', { rd, csr }),
          encode('andi', { rd, rs1: rd, imm: 0x88 }),
        ].map(fixed);
      }
    }
  }

  /** Loads a random subset of the M-mode interrupt bits. */
  protected loadBits(rd: number): Code[] {
    const bits = this.random.word() & M_INTERRUPTS;
    const load = encode('addi', { rd, imm: bits & 0x7ff });
    if ((bits & 0x800) === 0) return [load];
    // addi's immediate is signed: 0x800 + rest is 0xfff ^ ….
    return [encode('lui', { rd, imm: 1 }), encode('addi', { rd, rs1: rd, imm: bits - 0x1000 })];
  }

  /** Accesses to CSRs that must trap, or that are read-only. */
  protected csrTrap(): Code {
    const random = this.random;
    const rd = this.destination();
    const rs1 = this.source();
    switch (random.below(4)) {
      case 0:
        // mhartid: a read, or an attempt to write (from a register that is not 0: see
        // csrrs-of-zero in the known differences).
        return encode(random.pick(['csrrs', 'csrrc']), {
          rd,
          rs1: random.oneIn(2) ? 0 : random.pick([...this.pointers.keys()]),
          csr: 0xf14,
        });
      case 1:
        return encode(random.pick(['csrrw', 'csrrwi']), {
          rd,
          rs1,
          csr: random.pick([0xf11, 0xf12, 0xf13, 0xf14, 0xc00, 0xc80]),
        });
      case 2:
        return encode(random.pick(['csrrsi', 'csrrci']), { rd, rs1: random.below(2), csr: 0xf14 });
      default:
        // CSRs of modes and extensions that neither side has; custom ones; none at all.
        return encode(random.pick(['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci']), {
          rd,
          rs1,
          csr: random.pick([
            0x000, 0x001, 0x003, 0x100, 0x105, 0x141, 0x180, 0x5c0, 0x600, 0x7c0, 0x800, 0xcc0,
            0xfc0,
          ]),
        });
    }
  }
}
