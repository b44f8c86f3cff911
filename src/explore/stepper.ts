// Executes harts by visible steps: the operation that a hart stands before, then everything up to its
// next visible one. All effects are in the undo log, so every step can be taken back.
// What is visible: accesses to bytes that several contexts touch, one of them writing (ownership.ts);
// device registers but mtime; LR and SC; changes of mstatus.MIE and mie; wfi, mret, mnret.
// Sequential consistency: fences order nothing that is not in order already.

import type { AccessBytes } from '../../devices/ports.ts';
import { MSTATUS_MIE } from '../machine/csr.ts';
import type { Decoded } from '../machine/decoder.ts';
import type { Machine } from '../machine/machine.ts';
import type { Memory } from '../machine/memory.ts';
import { RAM_BASE } from '../machine/memory-map.ts';
import { CAUSE_FETCH_ACCESS, takeException } from '../machine/trap.ts';
import { Board, cellOf, pendingCell, readsTime, scratchCell } from './board.ts';
import { circles, type Jump } from './circle.ts';
import { CodeMap } from './code-map.ts';
import { HartTrack, SAVED_WORDS } from './hart-track.ts';
import { maskOf } from './interrupts.ts';
import {
  accessBytes,
  CSR_MIP,
  CSR_TIME,
  CSR_TIMEH,
  COUNTERS,
  isAtomic,
  isStore,
  isVisibleCsr,
  scratchAccess,
} from './instructions.ts';
import { LocalTime } from './local-time.ts';
import type { Access } from './model.ts';
import { ALL_SHARED, NO_PATTERN, Ownership, readPattern, writePattern } from './ownership.ts';
import {
  CONTROL_BUDGET,
  CONTROL_DEFINED,
  CONTROL_LIVE,
  CONTROL_LOG_TOP,
  CONTROL_REASON,
  CONTROL_TARGET,
  createPrivateLoop,
  STOP_BUDGET,
  STOP_END,
  STOP_JUMP,
  STOP_SLOW,
  STOP_STUB,
  STOP_VISIBLE,
} from './private-loop.ts';
import type { PrivateLoop } from './private-loop.ts';
import { Reservations } from './reservations.ts';
import { UndoLog } from './undo-log.ts';

const KIND_HART = -1;

/** Instructions between looks at the log's room, and at whether the hart goes round in circles. */
const LOOP_BUDGET = 10_000;
/** A hart that executes so many instructions without a visible one is not going to. */
const PRIVATE_MAX = 5_000_000;
/**
 * A hart that has come so far in time without a visible operation, in instructions, goes round in circles
 * with a delay in them: what it touches while it goes on once more as far becomes visible.
 */
const PRIVATE_TIME = 1 << 20;
/** If that is nothing, it is not going to do anything. 1.3 s at 10 ns. */
const PRIVATE_TIME_MAX = 1 << 27;
/** What a loop has within so many bytes around its stack pointer is its own. */
const STACK_BYTES = 2048;
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
  readonly control = new Int32Array(8);
  readonly #machine: Machine;
  readonly #memory: Memory;
  readonly #code: CodeMap;
  readonly #x = new Int32Array(256);
  readonly #registers = this.#x.subarray(0, 32);
  readonly #plain: PrivateLoop;
  readonly #tracking: PrivateLoop;
  #loop: PrivateLoop;
  /** The hart that is executing. */
  #running: HartTrack;
  /** The guest has changed code that was decoded. */
  #codeChanged = false;
  /** While going back: where in the log each hart was saved, -1 if it was not. */
  readonly #savedAt: Int32Array;
  /** What the loop was given to run. */
  #budget = 0;

  readonly #undoOther: (kind: number) => void;
  readonly #firstEnds: boolean;
  /** NMIs are possible: injected ones, or the guest has been seen to raise one. */
  #nmisCome: boolean;
  readonly #reservations: Reservations;
  /** Every access makes what it touches shared. */
  #sharing = false;
  /** Accesses to the hart's local bytes that are part of the present step. */
  readonly #localAccesses: Access[] = [];

  constructor({ machine, stops, injectsNmis, firstEnds, noted, undoOther }: StepperOptions) {
    this.#undoOther = undoOther;
    this.#firstEnds = firstEnds && machine.harts.length > 1;
    this.#nmisCome = injectsNmis;
    this.#machine = machine;
    this.#memory = machine.memory;
    this.ownership = new Ownership(machine.memory.bytes + 4 * machine.harts.length);
    this.#code = new CodeMap(machine.memory, this.ownership, stops);
    this.time = new LocalTime(machine, this.log);
    this.tracks = machine.harts.map((hart) => new HartTrack(hart));
    this.#savedAt = new Int32Array(machine.harts.length).fill(-1);
    this.#reservations = new Reservations(this.tracks, this.ownership);
    this.#running = this.tracks[0];
    this.board = new Board(machine, this.tracks);
    const arrays = {
      x: this.#x,
      code: this.#code.code,
      places: this.#code.places,
      m8: machine.memory.u8,
      m16: machine.memory.u16,
      m32: machine.memory.i32,
      own8: this.ownership.bytes,
      own32: this.ownership.words,
      log: this.log.words,
      control: this.control,
      touch: (offset: number, bytes: number, writes: boolean) => this.#touch(offset, bytes, writes),
      note: (ip: number, left: number) => {
        const track = this.#running;
        const pc = this.#code.pcAt(ip);
        if (!track.comesTo(pc, track.executed + this.#budget - left)) return;
        this.log.top = this.control[CONTROL_LOG_TOP];
        noted?.(track, pc >>> 0, this.#x);
        this.control[CONTROL_LOG_TOP] = this.log.top;
      },
    };
    this.#plain = createPrivateLoop(arrays, false);
    this.#tracking = createPrivateLoop(arrays, true);
    this.#loop = this.#plain;
  }

  /** An access that the loop does not know to be private. @returns true when it is visible. */
  #touch(offset: number, bytes: number, writes: boolean): boolean {
    const track = this.#running;
    const { hart } = track;
    if (this.#sharing) {
      const isOwnStack = Math.abs(offset + RAM_BASE - (hart.x[2] >>> 0)) < STACK_BYTES;
      if (!isOwnStack) this.ownership.share(offset, bytes);
      return false;
    }
    if (this.ownership.words[offset >>> 2] === ALL_SHARED) return true;
    const address = offset + RAM_BASE;
    const sharing = this.ownership.touch(track.contextFor(address), offset, bytes, writes);
    if (sharing !== 'local') return sharing === 'shared';
    return this.#touchLocal(track, { address, bytes, kind: writes ? 'write' : 'read' });
  }

  /** An access to what other contexts of the hart touch too. @returns true when it is visible */
  #touchLocal({ hart }: HartTrack, { address, bytes, kind }: Access): boolean {
    if ((hart.mstatus & MSTATUS_MIE) !== 0) return true;
    if (hart.nmie && this.#nmisCome) return true;
    const known = this.#localAccesses.some(
      (access) => access.address === address && access.bytes === bytes && access.kind === kind,
    );
    if (!known) this.#localAccesses.push({ address, bytes, kind });
    return false;
  }

  /** See `StepperOptions.noted`. */
  noteAt(address: number): void {
    this.#code.note(address);
  }

  /** Instructions that a hart has executed since the exploration began. */
  executed(hart: number): number {
    return this.tracks[hart].executed;
  }

  /** From now on notes in `control` which registers are read before they are written. */
  trackRegisters(on: boolean): void {
    this.#loop = on ? this.#tracking : this.#plain;
    this.control[CONTROL_LIVE] = this.control[CONTROL_DEFINED] = 0;
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
    if (this.#codeChanged) this.#code.flush();
  }

  /** Rewinds, and tells whether memory then is what it was before. */
  rewindUnchanged(mark: number): boolean {
    const unchanged = this.log.isNeutral(mark, this.#memory.i32, this.#undo);
    this.#restoreHarts();
    if (this.#codeChanged) this.#code.flush();
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
    const ip = this.#code.find(track.hart.pc32);
    return ip === 0 ? undefined : this.#code.instructionAt(ip);
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
    if (this.#localAccesses.length > 0) accesses.push(...this.#localAccesses.splice(0));
    return accesses;
  }

  #step(track: HartTrack): Access[] {
    const { hart } = track;
    this.#running = track;
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
    this.#running = track;
    this.#run(track, 0);
    return this.#localAccesses.splice(0);
  }

  #settled(track: HartTrack, forced: number): Access[] {
    this.#run(track, forced);
    return [];
  }

  // ---- visible operations -----------------------------------------------------------------------

  #stepRam(track: HartTrack, d: Decoded, address: number, bytes: AccessBytes): Access[] {
    const offset = address - RAM_BASE;
    const writes = isStore(d.name) || isAtomic(d.name);
    if (writes && this.#code.isDecoded(offset, bytes)) {
      return this.#stepSlowly(track, d, address, bytes);
    }
    if (!isStore(d.name)) this.time.observe(track, offset, bytes);
    const before = writes ? this.#memory.read(offset, bytes) : 0;
    const reserved = writes && this.#breakReservations(track, offset, bytes);
    this.#run(track, 1);
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
    this.#trackRegistersOf(d);
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
    this.#count(track, 1);
    this.#run(track, 0);
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
    this.#perform(track, d);
    if (writes) this.time.stored(track, offset, bytes);
    if (writes && this.#code.isDecoded(offset, bytes)) {
      this.#codeChanged = true;
      this.#code.flush();
    }
    this.#run(track, 0);
    return [{ address, bytes, kind: writes ? 'write' : 'read' }];
  }

  #stepDevice(track: HartTrack, d: Decoded, address: number, bytes: AccessBytes): Access[] {
    const region = this.#machine.bus.find(address, bytes);
    if (region === undefined) {
      this.#perform(track, d); // traps
      return this.#settled(track, 0);
    }
    const offset = address - region.base;
    if (region.name === 'nmi' && !this.#nmisCome) {
      this.#nmisCome = true;
      this.ownership.grown = true;
    }
    track.time = Math.max(track.time, this.board.timeAt(cellOf(region, offset).address));
    const due = this.board.complete(this.log, region.name, this.time.nsOf(track), track.time);
    const accesses = this.board.act(this.log, region.name, track.time, () => {
      this.#perform(track, d);
      const value = d.rd === 0 ? 0xff : track.hart.x[d.rd];
      return this.board.accesses(region, offset, isStore(d.name), value);
    });
    this.#run(track, 0);
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
    this.#perform(track, d);
    hart.waiting = false;
    if (d.name === 'mret' || d.name === 'mnret') track.leave();
    // What was pending comes right here, whatever comes next.
    track.owesInterrupt = hart.interrupted && !hart.nmiReady;
    if (track.owesInterrupt) track.standing = 'access';
    else this.#run(track, 0);
    const looked: Access = { address: pendingCell(hart.id), bytes: 4, kind: 'read' };
    return d.name === 'mret' || d.name === 'mnret' ? [looked, ...this.trapped(track)] : [looked];
  }

  #stepScratch(track: HartTrack, d: Decoded): Access[] {
    this.#perform(track, d);
    this.#run(track, 0);
    return [scratchOf(track, d)];
  }

  /** What a trap accesses, on its way in or out. */
  trapped(track: HartTrack): readonly Access[] {
    return this.#reservations.trapped(track);
  }

  #breakReservations(track: HartTrack, offset: number, bytes: number): boolean {
    return this.#reservations.break(track, offset, bytes, this.#save);
  }

  // ---- everything else --------------------------------------------------------------------------

  /** One instruction in the machine's slow path, at the hart's own time or so much later. */
  #perform(track: HartTrack, d: Decoded, aheadNs = 0): void {
    const { hart } = track;
    this.#trackRegistersOf(d);
    hart.localNs = this.time.nsOf(track) + aheadNs;
    this.#machine.clock.travel(hart.localNs);
    const { trapped } = hart;
    this.#machine.perform(hart, d);
    if (hart.trapped !== trapped) track.enter();
    this.#count(track, 1);
  }

  #trackRegistersOf({ rs1, rs2, rd }: Decoded): void {
    const { control } = this;
    control[CONTROL_LIVE] |= ((1 << rs1) | (1 << rs2)) & ~control[CONTROL_DEFINED];
    control[CONTROL_DEFINED] |= 1 << rd;
  }

  #count(track: HartTrack, instructions: number): void {
    track.hart.steps += instructions;
    this.time.pass(track, instructions);
  }

  /** Runs up to the next visible operation; performs `forced` visible accesses to RAM on the way. */
  #run(track: HartTrack, forced: number): void {
    const {
      hart,
      hart: { steps },
      time,
    } = track;
    this.#sharing = false;
    const code = this.#code;
    if (code.stale) code.flush();
    this.time.begin();
    let left = forced;
    track.standing = 'access';
    for (;;) {
      const place = code.find(hart.pc32);
      const ip = place === 0 ? this.#fetchFault(track) : this.#enter(track, place, left);
      left = 0;
      if (ip === 0) continue;
      const reason = this.control[CONTROL_REASON];
      hart.pc32 = reason === STOP_JUMP ? this.control[CONTROL_TARGET] : code.pcAt(ip);
      if (reason === STOP_VISIBLE) return;
      if (reason === STOP_END) {
        if (!code.isStop(hart.pc)) track.standing = 'endless';
        else track.standing = this.#mayMeetSomebody(track) ? 'leaving' : 'end';
        return;
      }
      if (reason === STOP_STUB) code.follow(ip);
      else if (reason === STOP_SLOW) {
        if (this.#standsBefore(track, code.instructionAt(ip))) return;
        const passed = track.time - time;
        this.#sharing = passed > PRIVATE_TIME && passed <= 2 * PRIVATE_TIME;
        if (passed > PRIVATE_TIME_MAX) {
          track.standing = 'endless';
          return;
        }
      } else if (reason === STOP_BUDGET) {
        if (
          hart.steps - steps < PRIVATE_MAX &&
          !circles(track, this.log, this.#memory.i32, this.#jump)
        )
          continue;
        track.standing = 'endless';
        return;
      }
      if (this.#machine.stopped !== undefined || this.log.isFull) return;
    }
  }

  /**
   * Whether it makes a difference when the hart goes over the end of the region: what comes up to then
   * still finds it inside. It has no private code there that could stand for that moment.
   */
  #mayMeetSomebody(track: HartTrack): boolean {
    return this.#firstEnds || maskOf(track) !== 0 || (track.hart.nmie && this.#nmisCome);
  }

  readonly #jump: Jump = (track, shares) => {
    const { hart } = track;
    this.#sharing = shares;
    const ip = this.#enter(track, this.#code.find(hart.pc32), 0, 1);
    this.#sharing = false;
    if (this.control[CONTROL_REASON] !== STOP_BUDGET) return false;
    hart.pc32 = this.#code.pcAt(ip);
    return true;
  };

  #fetchFault(track: HartTrack): number {
    takeException(track.hart, CAUSE_FETCH_ACCESS, track.hart.pc);
    track.enter();
    this.#count(track, 1);
    if (track.hart.stuck !== undefined) {
      this.#machine.stopped = { kind: 'stuck', reason: track.hart.stuck, hart: track.hart.id };
    }
    return 0;
  }

  #enter(track: HartTrack, place: number, forced: number, budget = LOOP_BUDGET): number {
    const { hart } = track;
    const { control, log } = this;
    const { context } = track;
    this.#x.set(hart.x);
    control[CONTROL_LOG_TOP] = log.top;
    this.#budget = budget;
    const reads = this.#sharing ? NO_PATTERN : readPattern(context);
    const writes = this.#sharing ? NO_PATTERN : writePattern(context);
    const ip = this.#loop(place, budget, reads, writes, forced);
    log.top = control[CONTROL_LOG_TOP];
    hart.x.set(this.#registers);
    this.#count(track, budget - control[CONTROL_BUDGET]);
    return ip;
  }

  /** Performs an instruction that is not the loop's if nobody else can notice it. @returns false then. */
  #standsBefore(track: HartTrack, d: Decoded): boolean {
    if (d.name === 'wfi') {
      track.standing = 'wfi';
      return true;
    }
    const { clockReads } = this.time;
    if (this.#isVisible(track, d)) return true;
    this.#perform(track, d, this.time.clockReads === clockReads ? 0 : this.time.aheadNs);
    return false;
  }

  /** mscratch counts as a word behind memory. */
  #touchScratch(track: HartTrack, d: Decoded): boolean {
    const access = scratchOf(track, d);
    const offset = this.#memory.bytes + 4 * track.hart.id;
    const writes = access.kind === 'write';
    const sharing = this.ownership.touch(track.context, offset, access.bytes, writes);
    return sharing !== 'private' && this.#touchLocal(track, access);
  }

  #isVisible(track: HartTrack, d: Decoded): boolean {
    const { hart } = track;
    if (d.name.startsWith('csr')) {
      if (scratchAccess(d) !== undefined) return this.#touchScratch(track, d);
      if (d.imm === CSR_TIME) this.time.noteRead(track);
      else if (d.imm === CSR_TIMEH) this.time.clockReads++;
      else if (COUNTERS.has(d.imm)) this.time.counterReads++;
      return isVisibleCsr(hart, d);
    }
    if (d.name === 'mret' || d.name === 'mnret') return true;
    const bytes = accessBytes(d);
    if (bytes === undefined) return false;
    const address = (hart.x[d.rs1] + d.imm) >>> 0;
    const region = this.#machine.bus.find(address, bytes);
    if (region === undefined || isStore(d.name)) return true;
    if (!readsTime(region, address - region.base)) return true;
    if ((address & 4) === 0) this.time.noteRead(track);
    else this.time.clockReads++;
    return false;
  }
}

const scratchOf = ({ hart }: HartTrack, d: Decoded): Access => ({
  address: scratchCell(hart.id),
  bytes: 4,
  kind: scratchAccess(d) ?? 'read',
});
