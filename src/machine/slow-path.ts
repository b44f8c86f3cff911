// Instructions that the fast loop leaves alone: CSR accesses, traps, LR/SC, device registers, and
// memory accesses that are misaligned, fault, or touch a page with a flag. One readable function per
// instruction, each exactly as the ISA says; nothing here is done by halves before a trap.
//
// Misaligned addresses: plain loads and stores work in RAM (as on QEMU) and trap on devices; LR, SC
// and AMO always trap. AMO, LR and SC on anything but RAM are access faults.

import type { AccessBytes } from '../../devices/ports.ts';
import type { BlockCache } from './block-cache.ts';
import type { Bus } from './bus.ts';
import { csrEntry, isReadOnly } from './csr.ts';
import type { Decoded } from './decoder.ts';
import type { EventQueue } from './event-queue.ts';
import type { Hart } from './hart.ts';
import { PAGE_CODE, PAGE_HTIF, PAGE_RESERVED, PAGE_WATCHED } from './memory.ts';
import type { Memory } from './memory.ts';
import { PAGE_SHIFT, RAM_BASE } from './memory-map.ts';
import {
  CAUSE_BREAKPOINT,
  CAUSE_ECALL_M,
  CAUSE_ILLEGAL,
  CAUSE_LOAD_ACCESS,
  CAUSE_LOAD_MISALIGNED,
  CAUSE_STORE_ACCESS,
  CAUSE_STORE_MISALIGNED,
  returnFromNmi,
  returnFromTrap,
  takeException,
} from './trap.ts';

export interface SlowPathPorts {
  /** Registers of the running hart, as for the fast loop. */
  readonly x: Int32Array;
  readonly memory: Memory;
  readonly bus: Bus;
  readonly clock: EventQueue;
  readonly cache: BlockCache;
  readonly harts: readonly Hart[];
  /**
   * After a device access: whether the slice must end, because the hart has an interrupt to take, a
   * timer is due before the slice ends, or the machine has stopped.
   */
  readonly disturbed: (hart: Hart) => boolean;
  /** The guest has stored to `tohost`. */
  readonly tohost: () => void;
  /** A page with PAGE_WATCHED is about to be written. */
  readonly beforeWrite: (page: number) => void;
}

type Perform = (slow: SlowPath, hart: Hart, d: Decoded) => void;

export class SlowPath {
  /** The slice must end: device state, pending interrupts or the hart's waiting may have changed. */
  yield = false;
  readonly x: Int32Array;
  /** RAM offset of `tohost`, or -1. */
  tohostOffset = -1;
  readonly #ports: SlowPathPorts;
  readonly #memory: Memory;
  /** Page that each hart has flagged for its reservation, or -1. */
  readonly #flagged: Int32Array;

  constructor(ports: SlowPathPorts) {
    this.#ports = ports;
    this.#memory = ports.memory;
    this.x = ports.x;
    this.#flagged = new Int32Array(ports.harts.length).fill(-1);
  }

  /** After all page flags have been cleared. */
  reset(): void {
    this.#flagged.fill(-1);
    this.tohostOffset = -1;
  }

  /** After the harts' reservations have been set from outside. */
  followReservations(): void {
    for (const { id, reservation } of this.#ports.harts) {
      this.#flagPage(id, reservation < 0 ? -1 : reservation >>> PAGE_SHIFT);
    }
  }

  /** Performs one instruction at the hart's pc and moves the pc on. */
  perform(hart: Hart, d: Decoded): void {
    const perform = PERFORM[d.name];
    if (perform === undefined) takeException(hart, CAUSE_ILLEGAL, d.bits);
    else perform(this, hart, d);
  }

  /** Loads 1, 2 or 4 bytes, zero-extended; undefined when it has trapped. */
  load(hart: Hart, address: number, bytes: AccessBytes): number | undefined {
    if (this.#memory.contains(address, bytes)) return this.#memory.read(address - RAM_BASE, bytes);
    const region = this.#ports.bus.find(address, bytes);
    if (region === undefined) {
      takeException(hart, CAUSE_LOAD_ACCESS, address);
      return undefined;
    }
    if (address % bytes !== 0) {
      takeException(hart, CAUSE_LOAD_MISALIGNED, address);
      return undefined;
    }
    this.#ports.clock.advance(hart.localNs);
    const value = region.device.read(address - region.base, bytes);
    if (this.#ports.disturbed(hart)) this.yield = true;
    return value;
  }

  /** Stores 1, 2 or 4 bytes; false when it has trapped. */
  store(hart: Hart, address: number, bytes: AccessBytes, value: number): boolean {
    if (this.#memory.contains(address, bytes)) {
      this.#storeRam(hart, address - RAM_BASE, bytes, value);
      return true;
    }
    const region = this.#ports.bus.find(address, bytes);
    if (region === undefined) {
      takeException(hart, CAUSE_STORE_ACCESS, address);
      return false;
    }
    if (address % bytes !== 0) {
      takeException(hart, CAUSE_STORE_MISALIGNED, address);
      return false;
    }
    this.#ports.clock.advance(hart.localNs);
    region.device.write(
      address - region.base,
      bytes,
      (bytes === 4 ? value : value & (2 ** (8 * bytes) - 1)) >>> 0,
    );
    if (this.#ports.disturbed(hart)) this.yield = true;
    return true;
  }

  /** lr.w: reserves the aligned word. */
  loadReserved(hart: Hart, address: number): number | undefined {
    if ((address & 3) !== 0) {
      takeException(hart, CAUSE_LOAD_MISALIGNED, address);
      return undefined;
    }
    if (!this.#memory.contains(address, 4)) {
      takeException(hart, CAUSE_LOAD_ACCESS, address);
      return undefined;
    }
    hart.reservation = address - RAM_BASE;
    this.#flagPage(hart.id, hart.reservation >>> PAGE_SHIFT);
    return this.#memory.i32[hart.reservation >>> 2];
  }

  /** sc.w: 0 on success, 1 on failure. Either way the reservation is gone. */
  storeConditional(hart: Hart, address: number, value: number): number | undefined {
    if (!this.#atomicAddress(hart, address)) return undefined;
    const success = hart.reservation === address - RAM_BASE;
    hart.reservation = -1;
    this.#flagPage(hart.id, -1);
    if (!success) return 1;
    this.#storeRam(hart, address - RAM_BASE, 4, value);
    return 0;
  }

  /** An AMO: returns the old value after having stored `next(old)`. */
  atomic(hart: Hart, address: number, next: (old: number) => number): number | undefined {
    if (!this.#atomicAddress(hart, address)) return undefined;
    const old = this.#memory.i32[(address - RAM_BASE) >>> 2];
    this.#storeRam(hart, address - RAM_BASE, 4, next(old));
    return old;
  }

  /** What any store to RAM by another agent (hart -1: the host) does besides storing. */
  noticeStore(hart: number, offset: number, bytes: number): void {
    const last = (offset + bytes - 1) >>> PAGE_SHIFT;
    for (let page = offset >>> PAGE_SHIFT; page <= last; page++) {
      const flags = this.#memory.flags[page];
      if (flags === 0) continue;
      if ((flags & PAGE_WATCHED) !== 0) this.#ports.beforeWrite(page);
      if ((flags & PAGE_RESERVED) !== 0) this.#breakReservations(hart, offset, bytes);
      if ((flags & PAGE_CODE) !== 0 && this.#ports.cache.isDecoded(offset, bytes)) {
        this.#ports.cache.invalidate(offset, bytes);
      }
    }
  }

  #storeRam(hart: Hart, offset: number, bytes: AccessBytes, value: number): void {
    this.noticeStore(hart.id, offset, bytes);
    this.#memory.write(offset, bytes, value);
    if ((this.#memory.flags[offset >>> PAGE_SHIFT] & PAGE_HTIF) === 0) return;
    if (offset <= this.tohostOffset && this.tohostOffset < offset + bytes) {
      this.#ports.tohost();
      this.yield = true;
    }
  }

  #atomicAddress(hart: Hart, address: number): boolean {
    if ((address & 3) !== 0) takeException(hart, CAUSE_STORE_MISALIGNED, address);
    else if (!this.#memory.contains(address, 4)) takeException(hart, CAUSE_STORE_ACCESS, address);
    else return true;
    return false;
  }

  /** Stores of other agents to a reserved word break the reservation (unprivileged ISA, 13.2). */
  #breakReservations(storing: number, offset: number, bytes: number): void {
    for (const hart of this.#ports.harts) {
      const { id, reservation } = hart;
      if (id === storing) continue;
      if (reservation < offset + bytes && offset < reservation + 4) hart.reservation = -1;
      // Also where a trap has dropped the reservation without telling.
      if (hart.reservation < 0) this.#flagPage(id, -1);
    }
  }

  /** Moves a hart's PAGE_RESERVED flag to another page; -1: to none. */
  #flagPage(id: number, page: number): void {
    const before = this.#flagged[id];
    if (before === page) return;
    this.#flagged[id] = page;
    if (before >= 0 && !this.#flagged.includes(before)) {
      this.#memory.clearFlag(before << PAGE_SHIFT, PAGE_RESERVED);
    }
    if (page >= 0) this.#memory.setFlag(page << PAGE_SHIFT, PAGE_RESERVED);
  }
}

/** Finishes an instruction: writes rd and goes on behind it. */
function retire(slow: SlowPath, hart: Hart, d: Decoded, value: number | undefined): void {
  if (value === undefined) return;
  if (d.rd !== 0) slow.x[d.rd] = value;
  hart.pc32 = (hart.pc32 + d.length) | 0;
}

const load =
  (bytes: AccessBytes, extend: (value: number) => number): Perform =>
  (slow, hart, d) => {
    const value = slow.load(hart, (slow.x[d.rs1] + d.imm) >>> 0, bytes);
    retire(slow, hart, d, value === undefined ? undefined : extend(value));
  };

const store =
  (bytes: AccessBytes): Perform =>
  (slow, hart, d) => {
    const address = (slow.x[d.rs1] + d.imm) >>> 0;
    if (slow.store(hart, address, bytes, slow.x[d.rs2])) hart.pc32 = (hart.pc32 + d.length) | 0;
  };

const amo =
  (next: (old: number, operand: number) => number): Perform =>
  (slow, hart, d) => {
    const operand = slow.x[d.rs2];
    retire(
      slow,
      hart,
      d,
      slow.atomic(hart, slow.x[d.rs1] >>> 0, (old) => next(old, operand)),
    );
  };

/** CSR instructions (unprivileged ISA, chapter 6). `write` is undefined when nothing is written. */
const csr =
  (
    operand: (slow: SlowPath, d: Decoded) => number,
    next: (old: number, operand: number) => number,
    writes: (d: Decoded) => boolean,
  ): Perform =>
  (slow, hart, d) => {
    const entry = csrEntry(d.imm);
    if (entry === undefined || (writes(d) && isReadOnly(d.imm))) {
      return takeException(hart, CAUSE_ILLEGAL, d.bits);
    }
    const value = operand(slow, d);
    const old = entry.read(hart);
    if (writes(d)) entry.write?.(hart, next(old, value) >>> 0);
    retire(slow, hart, d, old);
    if (hart.interrupted) slow.yield = true;
  };

const register = (slow: SlowPath, d: Decoded) => slow.x[d.rs1];
const unsigned5 = (_slow: SlowPath, d: Decoded) => d.rs1;
const always = () => true;
const unlessZero = (d: Decoded) => d.rs1 !== 0;
const swap = (_old: number, operand: number) => operand;
const setBits = (old: number, operand: number) => old | operand;
const clearBits = (old: number, operand: number) => old & ~operand;

const PERFORM: Record<string, Perform | undefined> = {
  lb: load(1, (value) => (value << 24) >> 24),
  lh: load(2, (value) => (value << 16) >> 16),
  lw: load(4, (value) => value),
  lbu: load(1, (value) => value),
  lhu: load(2, (value) => value),
  sb: store(1),
  sh: store(2),
  sw: store(4),
  'lr.w': (slow, hart, d) => retire(slow, hart, d, slow.loadReserved(hart, slow.x[d.rs1] >>> 0)),
  'sc.w': (slow, hart, d) =>
    retire(slow, hart, d, slow.storeConditional(hart, slow.x[d.rs1] >>> 0, slow.x[d.rs2])),
  'amoswap.w': amo((_, b) => b),
  'amoadd.w': amo((a, b) => a + b),
  'amoxor.w': amo((a, b) => a ^ b),
  'amoand.w': amo((a, b) => a & b),
  'amoor.w': amo((a, b) => a | b),
  'amomin.w': amo((a, b) => Math.min(a, b)),
  'amomax.w': amo((a, b) => Math.max(a, b)),
  'amominu.w': amo((a, b) => Math.min(a >>> 0, b >>> 0)),
  'amomaxu.w': amo((a, b) => Math.max(a >>> 0, b >>> 0)),
  // Decoded code follows every store by itself (noticeStore), so there is nothing left to do.
  'fence.i': (slow, hart, d) => retire(slow, hart, d, 0),
  ecall: (_slow, hart) => takeException(hart, CAUSE_ECALL_M, 0),
  ebreak: (_slow, hart) => takeException(hart, CAUSE_BREAKPOINT, hart.pc),
  mret: (slow, hart) => {
    returnFromTrap(hart);
    if (hart.interrupted) slow.yield = true;
  },
  mnret: (slow, hart) => {
    returnFromNmi(hart);
    if (hart.interrupted) slow.yield = true;
  },
  wfi: (slow, hart, d) => {
    retire(slow, hart, d, 0);
    if (hart.wakeable) return;
    hart.waiting = true;
    slow.yield = true;
  },
  csrrw: csr(register, swap, always),
  csrrs: csr(register, setBits, unlessZero),
  csrrc: csr(register, clearBits, unlessZero),
  csrrwi: csr(unsigned5, swap, always),
  csrrsi: csr(unsigned5, setBits, unlessZero),
  csrrci: csr(unsigned5, clearBits, unlessZero),
};
