// Executes harts by visible steps: the operation that a hart stands before, then everything up to its
// next visible one. All effects are in the undo log, so every step can be taken back.
// What is visible: accesses to bytes that several contexts touch, one of them writing (ownership.ts);
// device registers but mtime; LR and SC; changes of mstatus.MIE and mie; wfi, mret, mnret.
// Sequential consistency: fences order nothing that is not in order already.

import type { AccessBytes } from '../../devices/ports.ts';
import type { Decoded } from '../machine/decoder.ts';
import type { Machine } from '../machine/machine.ts';
import type { Memory } from '../machine/memory.ts';
import { RAM_BASE } from '../machine/memory-map.ts';
import { Board, cellOf, pendingCell } from './board.ts';
import { HartTrack, SAVED_WORDS } from './hart-track.ts';
import { accessBytes, CSR_MIP, isAtomic, isStore, scratchAccess } from './instructions.ts';
import { LocalTime } from './local-time.ts';
import type { Access } from './model.ts';
import { Ownership } from './ownership.ts';
import { CONTROL_LIVE } from './private-loop.ts';
import { PrivateRun, scratchOf } from './private-run.ts';
import { Reservations } from './reservations.ts';
import { UndoLog } from './undo-log.ts';

const KIND_HART = -1;

export interface StepperOptions {
  readonly machine: Machine;
  /** Addresses at which a hart goes no further. */
  readonly stops: ReadonlySet<number>;
  /** NMIs may come at any moment. */
  readonly injectsNmis: boolean;
  /** Once a hart is at the end of the region, nobody goes on. */
  readonly firstEnds: boolean;
  /**
   * Told when a hart comes to an address that `noteAt` was called for, with its registers as they then
   * are. What it logs is undone with the step.
   */
  readonly noted?: (track: HartTrack, pc: number, x: Int32Array) => void;
  /** Undoes records of the log whose kinds are the caller's own. */
  readonly undoOther: (kind: number) => void;
}

export class Stepper {
  readonly log = new UndoLog();
  readonly ownership: Ownership;
  readonly tracks: readonly HartTrack[];
  readonly board: Board;
  readonly time: LocalTime;
  readonly #machine: Machine;
  readonly #memory: Memory;
  readonly #private: PrivateRun;
  /** The guest has changed code that was decoded. */
  #codeChanged = false;
  /** While going back: where in the log each hart was saved, -1 if it was not. */
  readonly #savedAt: Int32Array;
  readonly #undoOther: (kind: number) => void;
  readonly #reservations: Reservations;

  constructor({ machine, stops, injectsNmis, firstEnds, noted, undoOther }: StepperOptions) {
    this.#undoOther = undoOther;
    this.#machine = machine;
    this.#memory = machine.memory;
    this.ownership = new Ownership(machine.memory.bytes + 4 * machine.harts.length);
    this.time = new LocalTime(machine, this.log);
    const { log, time, ownership } = this;
    const limits = { stops, injectsNmis, firstEnds, noted };
    this.#private = new PrivateRun({ machine, log, time, ownership, ...limits });
    this.tracks = machine.harts.map((hart) => new HartTrack(hart));
    this.#savedAt = new Int32Array(machine.harts.length).fill(-1);
    this.#reservations = new Reservations(this.tracks, this.ownership);
    this.board = new Board(machine, this.tracks);
  }

  /** See `StepperOptions.noted`. */
  noteAt(address: number): void {
    this.#private.code.note(address);
  }

  /** Instructions that a hart has executed since the exploration began. */
  executed(hart: number): number {
    return this.tracks[hart].executed;
  }

  /** From now on it is noted which registers are read before they are written. */
  trackRegisters(on: boolean): void {
    this.#private.trackRegisters(on);
  }

  /** Bit n: xn has been read, since that began, before it was written. */
  get liveRegisters(): number {
    return this.#private.control[CONTROL_LIVE];
  }

  saveHart(track: HartTrack): void {
    track.save(this.log);
    this.log.words[this.log.top++] = track.hart.id;
    this.log.words[this.log.top++] = KIND_HART;
  }

  readonly #save = (track: HartTrack): void => {
    this.saveHart(track);
  };

  /** Goes back to where the log was this long. */
  rewind(mark: number): void {
    this.log.rewind(mark, this.#memory.i32, this.#undo);
    this.#restoreHarts();
    if (this.#codeChanged) this.#private.code.flush();
  }

  /** Rewinds, and tells whether memory then is what it was before. */
  rewindUnchanged(mark: number): boolean {
    const unchanged = this.log.isNeutral(mark, this.#memory.i32, this.#undo);
    this.#restoreHarts();
    if (this.#codeChanged) this.#private.code.flush();
    return unchanged;
  }

  /** Words of memory that are not what they were at a mark, as a text. */
  memorySince(mark: number): string {
    const { i32 } = this.#memory;
    const payload = (kind: number): number => {
      if (kind === KIND_HART) return SAVED_WORDS + 1;
      return this.time.payloadOf(kind) + this.board.payloadOf(kind);
    };
    return [...this.log.wordsSince(mark, payload)]
      .filter(([index, old]) => i32[index] !== old)
      .sort(([a], [b]) => a - b)
      .map(([index]) => `${index}=${i32[index]}`)
      .join(' ');
  }

  readonly #undo = (kind: number): void => {
    const { log } = this;
    if (kind === KIND_HART) {
      const hart = log.words[--log.top];
      log.top -= SAVED_WORDS;
      this.#savedAt[hart] = log.top;
    } else if (!this.time.undo(kind) && !this.board.undo(log, kind)) this.#undoOther(kind);
  };

  /** Of all records of a hart that were gone back over, the first one counts. */
  #restoreHarts(): void {
    for (const track of this.tracks) {
      const { id } = track.hart;
      if (this.#savedAt[id] >= 0) track.restore(this.log, this.#savedAt[id]);
      this.#savedAt[id] = -1;
    }
  }

  /** The instruction that a hart stands before; undefined where none can be fetched. */
  instructionOf(track: HartTrack): Decoded | undefined {
    const ip = this.#private.code.find(track.hart.pc32);
    return ip === 0 ? undefined : this.#private.code.instructionAt(ip);
  }

  /** The hart stands before a visible access to memory or a device. */
  standsBeforeAccess(track: HartTrack): boolean {
    if (track.owesInterrupt) return false;
    const d = this.instructionOf(track);
    return track.standing === 'access' && d !== undefined && accessBytes(d) !== undefined;
  }

  /** What the hart does next it can also do while an interrupt is pending. */
  canBeLate(track: HartTrack): boolean {
    if (track.standing === 'leaving' || this.standsBeforeAccess(track)) return true;
    const d = track.standing === 'access' ? this.instructionOf(track) : undefined;
    return d !== undefined && scratchAccess(d) !== undefined;
  }

  /** The access to memory that a hart stands before, if it stands before one. */
  accessAhead(track: HartTrack): Access | undefined {
    const d = this.instructionOf(track);
    const bytes = d === undefined ? undefined : accessBytes(d);
    if (d === undefined || bytes === undefined || track.standing !== 'access') return undefined;
    const address = (track.hart.x[d.rs1] + d.imm) >>> 0;
    if (!this.#memory.contains(address, bytes)) return undefined;
    return { address, bytes, kind: isStore(d.name) ? 'write' : 'read' };
  }

  /** The word that an amoswap.w ahead would change: the usual way to find a lock free. */
  lockTaken(track: HartTrack): Access | undefined {
    const d = this.instructionOf(track);
    if (d?.name !== 'amoswap.w') return undefined;
    const ahead = this.accessAhead(track);
    if (ahead === undefined || ahead.address % 4 !== 0) return undefined;
    const value = this.#memory.i32[(ahead.address - RAM_BASE) >>> 2];
    return value === track.hart.x[d.rs2] ? undefined : { ...ahead, kind: 'read' };
  }

  /** Makes memory shared that is not known to be. @returns false when it is not memory */
  share(address: number, bytes: number): boolean {
    if (!this.#memory.contains(address, bytes)) return false;
    this.ownership.share(address - RAM_BASE, bytes);
    return true;
  }

  /** Takes the visible step that a hart stands before. `saveHart` has been called. */
  step(track: HartTrack): readonly Access[] {
    const accesses = this.#step(track);
    for (const access of this.#private.takeLocalAccesses()) accesses.push(access);
    return accesses;
  }

  #step(track: HartTrack): Access[] {
    const { hart } = track;
    const d = this.instructionOf(track);
    const stays = track.owesInterrupt; // it was withdrawn
    track.owesInterrupt = false;
    if (track.standing === 'leaving') {
      track.standing = 'end';
      return [];
    }
    if (d === undefined || stays) return this.#settled(track, 0);
    const bytes = accessBytes(d);
    if (scratchAccess(d) !== undefined) return this.#stepScratch(track, d);
    if (bytes === undefined) return this.#stepInterruptState(track, d);
    const address = (hart.x[d.rs1] + d.imm) >>> 0;
    if (!this.#memory.contains(address, bytes)) return this.#stepDevice(track, d, address, bytes);
    if (address % bytes !== 0) return this.#stepSlowly(track, d, address, bytes);
    if (d.name === 'lr.w' || d.name === 'sc.w') return this.#stepReserved(track, d, address);
    return this.#stepRam(track, d, address, bytes);
  }

  /** Runs a hart up to its next visible operation; returns what it accessed that is local to it. */
  settle(track: HartTrack): readonly Access[] {
    this.#private.run(track, 0);
    return this.#private.takeLocalAccesses();
  }

  #settled(track: HartTrack, forced: number): Access[] {
    this.#private.run(track, forced);
    return [];
  }

  // ---- visible operations -----------------------------------------------------------------------

  #stepRam(track: HartTrack, d: Decoded, address: number, bytes: AccessBytes): Access[] {
    const offset = address - RAM_BASE;
    const writes = isStore(d.name) || isAtomic(d.name);
    if (writes && this.#private.code.isDecoded(offset, bytes)) {
      return this.#stepSlowly(track, d, address, bytes);
    }
    if (!isStore(d.name)) this.time.observe(track, offset, bytes);
    const before = writes ? this.#memory.read(offset, bytes) : 0;
    const reserved = writes && this.#breakReservations(track, offset, bytes);
    this.#private.run(track, 1);
    const changed = writes && (reserved || this.#memory.read(offset, bytes) !== before);
    if (changed) this.time.stored(track, offset, bytes);
    if (changed) return [{ address, bytes, kind: 'write' }];
    const read: Access = { address, bytes, kind: 'read' };
    return writes ? [read, ...this.#reservations.stored(offset)] : [read];
  }

  #stepReserved(track: HartTrack, d: Decoded, address: number): Access[] {
    const { hart } = track;
    const offset = address - RAM_BASE;
    const loads = d.name === 'lr.w';
    this.ownership.touch(track.contextFor(address), offset, 4, !loads);
    this.#private.trackRegistersOf(d);
    const success = !loads && hart.reservation === offset;
    if (loads) {
      this.time.observe(track, offset, 4);
      hart.reservation = offset;
    } else hart.reservation = -1;
    const old = this.#memory.i32[offset >>> 2];
    if (success) {
      this.log.pushWord(offset >>> 2, old);
      this.#memory.i32[offset >>> 2] = hart.x[d.rs2];
      this.#breakReservations(track, offset, 4);
      this.time.stored(track, offset, 4);
    }
    if (d.rd !== 0) hart.x[d.rd] = loads ? old : success ? 0 : 1;
    hart.pc32 = (hart.pc32 + d.length) | 0;
    this.#private.count(track, 1);
    this.#private.run(track, 0);
    const access: Access = { address, bytes: 4, kind: success ? 'write' : 'read' };
    return [access, ...this.#reservations.used(track, offset)];
  }

  /** An access that the loop does not perform: one that is not aligned, or changes decoded code. */
  #stepSlowly(track: HartTrack, d: Decoded, address: number, bytes: AccessBytes): Access[] {
    const offset = address - RAM_BASE;
    const writes = isStore(d.name) || isAtomic(d.name);
    this.ownership.touch(track.contextFor(address), offset, bytes, writes);
    for (const word of [offset >>> 2, (offset + bytes - 1) >>> 2]) {
      this.log.pushWord(word, this.#memory.i32[word]);
    }
    if (!isStore(d.name)) this.time.observe(track, offset, bytes);
    if (writes) this.#breakReservations(track, offset, bytes);
    this.#private.perform(track, d);
    if (writes) this.time.stored(track, offset, bytes);
    if (writes && this.#private.code.isDecoded(offset, bytes)) {
      this.#codeChanged = true;
      this.#private.code.flush();
    }
    this.#private.run(track, 0);
    return [{ address, bytes, kind: writes ? 'write' : 'read' }];
  }

  #stepDevice(track: HartTrack, d: Decoded, address: number, bytes: AccessBytes): Access[] {
    const region = this.#machine.bus.find(address, bytes);
    if (region === undefined) {
      this.#private.perform(track, d); // traps
      return this.#settled(track, 0);
    }
    const offset = address - region.base;
    if (region.name === 'nmi' && !this.#private.nmisCome) {
      this.#private.nmisCome = true;
      this.ownership.grown = true;
    }
    track.time = Math.max(track.time, this.board.timeAt(cellOf(region, offset).address));
    const due = this.board.complete(this.log, region.name, this.time.nsOf(track), track.time);
    const accesses = this.board.act(this.log, region.name, track.time, () => {
      this.#private.perform(track, d);
      const value = d.rd === 0 ? 0xff : track.hart.x[d.rd];
      return this.board.accesses(region, offset, isStore(d.name), value);
    });
    this.#private.run(track, 0);
    return [...due, ...accesses];
  }

  /**
   * wfi, mret, mnret and CSR accesses. All look at the hart's pending interrupts: what enables or
   * disables them makes a difference to whoever raises one.
   */
  #stepInterruptState(track: HartTrack, d: Decoded): Access[] {
    const { hart } = track;
    const looks = d.name === 'wfi' || d.imm === CSR_MIP;
    if (looks) track.time = Math.max(track.time, track.pendingTime);
    this.#private.perform(track, d);
    hart.waiting = false;
    if (d.name === 'mret' || d.name === 'mnret') track.leave();
    // What was pending comes right here, whatever comes next.
    track.owesInterrupt = hart.interrupted && !hart.nmiReady;
    if (track.owesInterrupt) track.standing = 'access';
    else this.#private.run(track, 0);
    const looked: Access = { address: pendingCell(hart.id), bytes: 4, kind: 'read' };
    return d.name === 'mret' || d.name === 'mnret' ? [looked, ...this.trapped(track)] : [looked];
  }

  #stepScratch(track: HartTrack, d: Decoded): Access[] {
    this.#private.perform(track, d);
    this.#private.run(track, 0);
    return [scratchOf(track, d)];
  }

  /** What a trap accesses, on its way in or out. */
  trapped(track: HartTrack): readonly Access[] {
    return this.#reservations.trapped(track);
  }

  #breakReservations(track: HartTrack, offset: number, bytes: number): boolean {
    return this.#reservations.break(track, offset, bytes, this.#save);
  }
}
